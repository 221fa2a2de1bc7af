// Lets a reader run a lesson on its own page. Until they press the button, nothing is loaded. Then Python comes, into a
// worker; each cell of the page becomes an editor with a button; and a bar has what concerns all of them.
import { Cell } from "./cell.js";
import { Python } from "./python.js";

const offer = document.getElementById("run-this-lesson"); // in the page of each notebook that has code
const part = (name) => offer.querySelector(`.run-${name}`);

const canRun = "Suspending" in WebAssembly; // JavaScript Promise Integration: threads.py says what for
let tries = 0; // before begin() is called below: one cannot look at it earlier

for (const front of document.querySelectorAll(".run-front")) front.hidden = !canRun;

if (offer) {
  offer.hidden = false;
  if (canRun) {
    part("start").addEventListener("click", begin);
    part("kept").hidden = Object.keys(kept()).length === 0;
    if (location.hash === "#run-this-lesson") {
      history.replaceState(null, "", location.pathname); // a reload shall not press it again
      begin();
    }
  } else {
    part("offer").hidden = part("limits").hidden = true;
    part("cannot").hidden = false;
  }
}

// --- what the reader wrote, kept in their browser ---

function kept() {
  try {
    return JSON.parse(localStorage.getItem(location.pathname) ?? "{}");
  } catch {
    return {}; // there is no storage for this page, or something else has written there
  }
}

function keep(cell, text) {
  const texts = kept();
  if (text === cell.original) delete texts[cell.id];
  else texts[cell.id] = text;
  try {
    localStorage.setItem(location.pathname, JSON.stringify(texts));
  } catch {
    // no storage: it lasts as long as the page
  }
}

// --- the lesson, running ---

async function begin() {
  part("start").disabled = true;
  const bar = makeBar();
  part("offer").after(bar.element);
  let cells;
  try {
    cells = await makeCells((cell, advance) => lesson.run(cell, advance));
  } catch (error) {
    bar.element.remove();
    part("start").disabled = false;
    part("offer").lastElementChild.textContent = `The page could not load what it needs (${error.message}). Try again.`;
    part("offer").lastElementChild.hidden = false;
    return;
  }
  part("offer").hidden = true;
  const section = offer.closest("section");
  offer.after(bar.element); // a bar sticks within the element that it is in
  const lesson = new Lesson(cells, bar);
  section.dataset.running = "";
  await lesson.start();
}

async function makeCells(run) {
  const notebook = location.pathname.replace(/(\.html)?$/, ".ipynb");
  // By another address each time: some browsers (Chromium 150) do not ask again for a module that did not arrive.
  const editor = tries++ ? `./editor.js?try=${tries}` : "./editor.js";
  const [tools, response] = await Promise.all([import(editor), fetch(notebook)]);
  if (!response.ok) throw new Error(`the notebook: ${response.status}`);
  const stored = (await response.json()).cells
    .filter((cell) => cell.cell_type === "code")
    .map((cell) => ({ id: cell.id, source: [cell.source].flat().join(""), tags: cell.metadata.tags ?? [] }));
  const elements = document.querySelectorAll("article .cell");
  const texts = kept();
  return stored.map(
    (cell, index) =>
      new Cell({
        element: elements[index],
        stored: cell,
        label: `cell ${index + 1} of ${stored.length}`,
        tools,
        text: texts[cell.id] ?? cell.source,
        run,
        changed: keep,
      }),
  );
}

function makeBar() {
  const template = document.createElement("template");
  template.innerHTML = `<div class="run-bar" role="group" aria-label="The whole lesson">
    <button type="button" class="run-button run-all">Run all</button>
    <button type="button" class="run-button run-stop" disabled>Stop</button>
    <button type="button" class="run-button run-restart">Restart Python</button>
    <progress aria-label="Loading Python" max="1" value="0"></progress>
    <span class="run-loaded" aria-hidden="true"></span>
    <span class="run-says" role="status"></span>
  </div>`;
  const element = template.content.firstElementChild;
  const find = (name) => element.querySelector(name);
  return {
    element,
    all: find(".run-all"),
    stop: find(".run-stop"),
    restart: find(".run-restart"),
    progress: find("progress"),
    loaded: find(".run-loaded"),
    says: (text) => (find(".run-says").textContent = text),
  };
}

class Lesson {
  #python = new Python(() => this.end("Python has broken down, and starts again. Run the cells from the top."));
  #ready = null; // a promise, once Python is asked for
  #queue = [];
  #running = null; // a cell

  constructor(cells, bar) {
    Object.assign(this, { cells, bar });
    bar.all.addEventListener("click", () => cells.forEach((cell) => this.run(cell)));
    bar.stop.addEventListener("click", () => this.stop());
    bar.restart.addEventListener("click", () => this.end("Python starts again."));
    bar.all.focus({ preventScroll: true }); // the button that had the focus is gone
  }

  // Start Python, and take cells when it is there.
  async start() {
    const { progress, loaded, says } = this.bar;
    const total = Number(offer.dataset.bytes);
    const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
    progress.hidden = loaded.hidden = false;
    says("Python is being loaded.");
    const python = this.#python;
    this.#ready = python.start((bytes) => {
      progress.value = Math.min(bytes / total, 1);
      loaded.textContent = bytes < total ? `${megabytes(bytes)} of ${megabytes(total)} MB` : "Python starts ...";
    });
    try {
      await this.#ready;
      says(this.#queue.length ? "" : "Python is ready. Run the cells from the top, one by one.");
    } catch (error) {
      says(`Python did not start: ${error.message}. “Restart Python” tries it again.`);
      this.#forget();
    }
    progress.hidden = loaded.hidden = true;
    this.#next();
  }

  // Run a cell, when its turn comes. `advance`: go on to the next one with the cursor.
  run(cell, advance = false) {
    if (advance) this.cells[this.cells.indexOf(cell) + 1]?.focus();
    if (!cell.canRun || cell === this.#running || this.#queue.includes(cell)) return;
    cell.says("waits for its turn", "waiting");
    this.#queue.push(cell);
    this.#next();
  }

  async #next() {
    if (this.#running || this.#queue.length === 0 || !(await this.#isReady()) || this.#running) return;
    const cell = (this.#running = this.#queue.shift());
    if (!cell) return (this.#running = null);
    const number = this.cells.indexOf(cell) + 1;
    cell.begin();
    this.bar.stop.disabled = false;
    this.bar.says(`Cell ${number} of ${this.cells.length} runs.`);
    const success = await this.#python.execute(cell.code, (output) => cell.show(output));
    this.#running = null;
    this.#canStop(false);
    if (success === null) return; // Python has ended, and who ended it has said so
    cell.says(success ? "has run" : "raised an error", success ? "done" : "failed");
    if (!success && !cell.mayFail && this.#queue.length) {
      this.bar.says(`Cell ${number} raised an error. The cells after it did not run.`);
      this.#forget();
    } else if (this.#queue.length === 0) {
      this.bar.says(success || cell.mayFail ? `Cell ${number} has run.` : `Cell ${number} raised an error.`);
    }
    this.#next();
  }

  async #isReady() {
    const ready = this.#ready;
    return ready.then(
      () => ready === this.#ready,
      () => false,
    );
  }

  // The first press asks; the second, if that was of no use, ends Python.
  stop() {
    if (this.bar.stop.dataset.asked !== undefined) {
      this.end("Python was ended, since the cell could not be interrupted, and starts again. Run the cells from the top.");
      return;
    }
    this.#forget();
    this.#python.interrupt();
    this.bar.stop.dataset.asked = "";
    this.bar.stop.textContent = "End Python";
    this.bar.says("The cell was asked to stop. If it does not: “End Python”.");
  }

  // End Python, whatever it does, and start it anew.
  async end(why) {
    this.#forget();
    this.#running = null;
    this.#python.end();
    for (const cell of this.cells) cell.reset("not run since Python started");
    this.#canStop(false);
    const started = this.start();
    this.bar.says(why);
    await started;
  }

  #canStop(it) {
    if (document.activeElement === this.bar.stop && !it) this.bar.all.focus({ preventScroll: true });
    this.bar.stop.disabled = !it;
    this.bar.stop.textContent = "Stop";
    delete this.bar.stop.dataset.asked;
  }

  // Nothing more is to run.
  #forget() {
    for (const cell of this.#queue) cell.reset("not run");
    this.#queue = [];
  }
}
