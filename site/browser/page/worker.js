// Python behind a lesson's page: Pyodide in a worker, with threads and a network of this page's, and cells to run.
// Messages from the page: {call: "execute" | "interrupt" | "ping" | "open" | "send" | "close", args}.
// To the page: {what: "loading" | "ready" | "failed" | "broken" | "outputs" | "done" | "pong" | "socket", ...}.
import { loadPyodide } from "./python/pyodide.mjs";

const here = new URL("python/", import.meta.url);
const tell = (what, data) => postMessage({ what, ...data });
const plain = (value) => (value?.toJs ? value.toJs({ dict_converter: Object.fromEntries }) : value);

// --- loading: every part is a file NAME.gz, unpacked here, so that any file server will do ---

let loaded = 0; // bytes, of what is sent over the network
let begins = true; // what is loaded later, the page does not wait for

async function part(name) {
  const response = await nativeFetch(new URL(`${name}.gz`, here));
  if (!response.ok) throw new Error(`${name}: the server says ${response.status}`);
  const counted = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      if (begins) tell("loading", { loaded });
      controller.enqueue(chunk);
    },
  });
  const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream"; // wasm begins while it loads
  const body = response.body.pipeThrough(counted).pipeThrough(new DecompressionStream("gzip"));
  return new Response(body, { headers: { "content-type": type } });
}

// Pyodide asks for its files by their plain names.
const nativeFetch = self.fetch;
self.fetch = (url, options) => {
  const address = String(url?.url ?? url);
  return address.startsWith(here.href) ? part(address.slice(here.href.length)) : nativeFetch(url, options);
};

async function begin() {
  const [packages, course] = ["packages.zip", "course.zip"].map(async (name) => (await part(name)).arrayBuffer());
  const py = await loadPyodide({ indexURL: here.href });
  py._api.on_fatal = (error) => tell("broken", { message: String(error) });
  py.unpackArchive(await packages, "zip", { extractDir: "/lib/python3.14/site-packages" });
  py.unpackArchive(await course, "zip", { extractDir: "/course" });
  tell("loading", { loaded: Infinity }); // all of it is here
  begins = false;
  self.loadLater = (done) => {
    const load = async () => {
      const packages = await (await part("later.zip")).arrayBuffer();
      py.unpackArchive(packages, "zip", { extractDir: "/lib/python3.14/site-packages" });
    };
    load().then(
      () => done(""),
      (error) => done(String(error)),
    );
  };
  await py.runPythonAsync(`
import os, sys
sys.path[:0] = ["/course/notebooks"]
sys.path.append("/course/site-packages")
sys.dont_write_bytecode = True
os.chdir("/course/notebooks")
from browser import sockets, threads
threads.install()
sockets.install()
from browser import bridge, cells, later
later.install()
cells.start()
`);
  return { cells: py.pyimport("browser.cells"), bridge: py.pyimport("browser.bridge") };
}

const python = begin();
python.then(() => tell("ready"), (error) => tell("failed", { message: String(error) }));

// --- what the page asks for ---

let outputs = []; // those that the page has not heard of yet; a cell may print a thousand lines at once

function flush() {
  if (outputs.length) tell("outputs", { outputs });
  outputs = [];
}

const calls = {
  execute({ cells }, code) {
    cells.tell = (output) => {
      if (!outputs.length) setTimeout(flush, 30);
      outputs.push(plain(output));
    };
    cells.execute(code, (success) => {
      flush();
      tell("done", { success });
    });
  },
  interrupt: ({ cells }) => cells.interrupt(),
  ping: () => tell("pong"), // heard only where Python waits, or lets others have their turn
  open: ({ bridge }, number, url) =>
    bridge.open(number, url, (event, value, more) => tell("socket", { number, event, value: plain(value), more })),
  send: ({ bridge }, number, text) => bridge.send(number, text),
  close: ({ bridge }, number, code, reason) => bridge.close(number, code, reason),
};

onmessage = async ({ data: { call, args } }) => calls[call](await python, ...args);
