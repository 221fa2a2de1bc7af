// The page's side of Python: starts the worker, hands it one cell at a time, and ends it.
import { bridge } from "./socket.js";

export class Python {
  #worker = null;
  #running = null; // {outputs, over} of the cell that runs
  #socket = bridge((call, ...args) => this.#post(call, ...args));

  // `broken` is called when Python has broken down, as it should not.
  constructor(broken) {
    this.broken = broken;
  }

  // `loading` hears how many bytes have come. Resolves when cells can run; rejects with why they cannot.
  start(loading) {
    document.documentElement.dataset.runsHere = ""; // for wslab's live page: what it wants is in this page
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
      const heard = {
        loading: ({ loaded }) => loading(loaded),
        ready: () => resolve(),
        failed: ({ message }) => reject(new Error(message)),
        broken: ({ message }) => this.broken(message),
        outputs: ({ outputs }) => outputs.forEach((output) => this.#running?.show(output)),
        done: ({ success }) => this.#over(success),
        socket: (data) => this.#socket.heard(data),
      };
      worker.onmessage = ({ data }) => worker === this.#worker && heard[data.what](data);
      worker.onerror = (event) => reject(new Error(event.message || "the worker could not be loaded"));
      this.#worker = worker;
    });
  }

  // Run a cell. `show` gets each output; resolves to whether it went well, or null if Python was ended meanwhile.
  execute(code, show) {
    return new Promise((resolve) => {
      this.#running = { show, resolve };
      this.#post("execute", code);
    });
  }

  // Ask the cell that runs to stop. One long call into C does not hear it.
  interrupt() {
    this.#post("interrupt");
  }

  end() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#socket.lost();
    this.#over(null);
  }

  #over(success) {
    const running = this.#running;
    this.#running = null;
    running?.resolve(success);
  }

  #post(call, ...args) {
    this.#worker?.postMessage({ call, args });
  }
}
