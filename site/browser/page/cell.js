// One code cell of the page: an editor in place of the code, a row with its button, and its outputs.
import { show } from "./outputs.js";

const make = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

export class Cell {
  // `element` is the cell on the page; `stored` is {id, source, tags}; `label` tells it from the others.
  constructor({ element, stored, label, tools, text, run, changed }) {
    Object.assign(this, { element, tools, original: stored.source, id: stored.id });
    this.mayFail = stored.tags.includes("raises-exception");
    this.canRun = !stored.tags.includes("not-in-the-page");
    this.button = make("button", { type: "button", className: "run-button", textContent: "Run" });
    this.button.setAttribute("aria-label", `Run ${label}`);
    this.button.addEventListener("click", () => run(this));
    this.undo = make("button", { type: "button", className: "run-button run-undo", textContent: "Undo my changes" });
    this.undo.setAttribute("aria-label", `Undo my changes to ${label}`);
    this.undo.addEventListener("click", () => this.write(this.original));
    this.state = make("span", { className: "run-state" });

    const input = element.querySelector(".cell_input");
    this.editor = tools.editor({
      text,
      label: `Code of ${label}`,
      keys: { "Shift-Enter": () => run(this, true), "Ctrl-Enter": () => run(this) },
      changed: (now) => {
        this.undo.hidden = now === this.original;
        changed(this, now);
      },
    });
    this.undo.hidden = text === this.original;
    input.replaceChildren(this.editor.dom);
    input.after(make("div", { className: "run-row" }, this.button, this.state, this.undo));
    this.button.disabled = !this.canRun;
    this.reset("not run here yet");
  }

  // Python is new, or the cell has lost its turn.
  reset(state) {
    this.says(this.canRun ? state : "cannot run in a page: this is the stored run");
  }

  get code() {
    return this.editor.state.doc.toString();
  }

  write(text) {
    this.tools.setText(this.editor, text);
  }

  // What the row says of the cell: also by its colour.
  says(state, kind = "") {
    this.state.textContent = state;
    this.element.dataset.run = kind;
  }

  focus() {
    this.editor.focus();
  }

  // It runs now: what was there goes, and an answer to a guess unfolds.
  begin() {
    this.says("runs ...", "running");
    this.outputs = this.element.querySelector(".cell_output");
    if (!this.outputs) {
      this.outputs = make("div", { className: "cell_output docutils container" });
      this.element.append(this.outputs);
    }
    this.outputs.replaceChildren();
    this.outputs.closest("details")?.setAttribute("open", "");
  }

  show(output) {
    if (output.output_type === "set_next_input") this.write(output.text);
    else show(this.outputs, output, this.tools.html);
  }
}
