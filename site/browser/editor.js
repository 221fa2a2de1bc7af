// What is made into one file, page/editor.js of the built site: CodeMirror, in which cells are written, and Marked,
// which turns Markdown of outputs into HTML.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { marked } from "marked";

// The colours are the stylesheet's, which knows light and dark.
const colours = HighlightStyle.define(
  Object.entries({
    keyword: [tags.keyword, tags.operatorKeyword, tags.modifier],
    string: [tags.string, tags.special(tags.string)],
    number: [tags.number, tags.bool, tags.null],
    comment: [tags.comment],
    name: [tags.function(tags.definition(tags.variableName)), tags.className],
  }).map(([name, tag]) => ({ tag, class: `run-${name}` })),
);

// An editor with this text. `keys` are functions by key; `changed` hears each new text.
export function editor({ text, label, keys, changed }) {
  return new EditorView({
    doc: text,
    extensions: [
      keymap.of([
        ...Object.entries(keys).map(([key, run]) => ({ key, run: () => (run(), true) })),
        indentWithTab, // Escape, then Tab, leaves the editor: CodeMirror's own way out
        ...defaultKeymap,
        ...historyKeymap,
      ]),
      history(),
      indentOnInput(),
      bracketMatching(),
      indentUnit.of("    "),
      EditorState.tabSize.of(4),
      python(),
      syntaxHighlighting(colours),
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
      EditorView.updateListener.of((update) => update.docChanged && changed(update.state.doc.toString())),
    ],
  });
}

export const setText = (view, text) =>
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });

export const html = (markdown) => marked.parse(markdown);
