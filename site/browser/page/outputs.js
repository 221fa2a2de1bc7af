// Outputs of a cell that has run, as the page shows stored ones.
const COLOURS = /\x1b\[[0-9;]*m/g; // of a terminal

const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

function text(content, kind) {
  const pre = element("pre", { textContent: content.replace(COLOURS, "") });
  const box = element("div", { className: "highlight" }, pre);
  return element("div", { className: `output ${kind} highlight-myst-ansi notranslate` }, box);
}

function html(content, kind) {
  const made = element("div", { className: `output ${kind}`, innerHTML: content });
  // Lessons link to each other's notebooks, as tools/site.py knows.
  for (const link of made.querySelectorAll("a[href]")) {
    const href = link.getAttribute("href");
    if (!/^[a-z]+:/.test(href)) link.setAttribute("href", href.replace(/\.ipynb(?=#|$)/, ".html"));
  }
  return made;
}

// A script that is set as HTML does not run. A copy of it, put in its place, does.
function runScripts(made) {
  for (const script of made.querySelectorAll("script")) {
    script.replaceWith(element("script", { textContent: script.textContent }));
  }
}

// Show one more output in `box`. `markdown` makes HTML of Markdown.
export function show(box, output, markdown) {
  if (output.output_type === "stream") {
    const last = box.lastElementChild;
    if (last?.dataset.stream === output.name) {
      last.querySelector("pre").append(output.text.replace(COLOURS, ""));
      return;
    }
    const made = text(output.text, output.name === "stderr" ? "stderr" : "stream");
    made.dataset.stream = output.name;
    box.append(made);
  } else if (output.output_type === "error") {
    box.append(text(output.traceback.join("\n"), "traceback"));
  } else if (output.data["text/html"]) {
    const made = html(output.data["text/html"], "text_html");
    box.append(made);
    runScripts(made);
  } else if (output.data["text/markdown"]) {
    box.append(html(markdown(output.data["text/markdown"]), "text_markdown"));
  } else if (output.data["text/plain"]) {
    box.append(text(output.data["text/plain"], "text_plain"));
  }
  box.lastElementChild?.dispatchEvent(new CustomEvent("new-output", { bubbles: true }));
}
