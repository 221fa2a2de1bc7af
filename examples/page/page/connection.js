// A WebSocket that comes back by itself. Copy this file: it needs no other.

const BASE = 1_000; // milliseconds that it waits at most before it comes back for the first time,
const CAP = 30_000; // and at most at all
const QUIET = 20_000; // so long without a message, and it asks whether somebody is there;
const PATIENCE = 10_000; // so long without an answer, and nobody is
const FULL = 65_536; // bytes that the browser may hold back

// Done; the page's own mistake; not allowed; or a code of the application's: no use to come back.
const FINAL = [1000, 1002, 1003, 1007, 1008, 1009, 1010];
const isFinal = (code) => FINAL.includes(code) || code >= 3000;

// The endpoint beside this page: same host and path prefix, and wss where the page came over https.
export function beside(path, query = {}) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams(query);
  return url.href;
}

export class Connection {
  state = "connecting"; // then "connected", "waiting", "offline", "away" or "ended"
  unsent = []; // what has been said, and could not be sent yet
  code = null; // with which it has ended,
  reason = ""; // and why
  #socket = null;
  #failures = 0;
  #asked = false; // and no answer yet
  #timer = 0; // one for all: in each state, it waits for one thing
  #pump = 0;
  #listeners = new AbortController();

  // `heard(text)` is called with each message, `changed()` when something above is new.
  constructor(url, { heard, changed }) {
    Object.assign(this, { url, heard, changed });
    this.#open(); // first, for it raises if the address is wrong, and then nothing must stay behind
    const { signal } = this.#listeners;
    const when = (target, event, then) => target.addEventListener(event, then, { signal });
    when(window, "online", () => this.#wakeUp());
    when(window, "pageshow", () => this.#wakeUp()); // back from the back/forward cache
    when(document, "visibilitychange", () => document.hidden || this.#wakeUp());
    when(window, "offline", () => this.#rest("offline"));
    when(window, "pagehide", () => this.#rest("away"));
  }

  say(text) {
    this.unsent.push(text);
    this.#flush();
  }

  leave() {
    if (this.state !== "ended") this.#end(1000, "");
  }

  #open() {
    clearTimeout(this.#timer);
    this.#asked = false;
    this.#socket = new WebSocket(this.url);
    this.#socket.onopen = () => {
      this.#ask(); // that it is open says little: a proxy may have opened it
      this.#become("connected");
      this.#flush();
    };
    this.#socket.onmessage = ({ data }) => {
      this.#failures = 0;
      this.#asked = false;
      this.#waitFor(QUIET, () => this.#ask());
      if (data) this.heard(data);
    };
    this.#socket.onclose = ({ code, reason }) => {
      if (isFinal(code)) this.#end(code, reason);
      else this.#comeBack();
    };
    this.#waitFor(PATIENCE, () => this.#comeBack());
    this.#become("connecting");
  }

  #comeBack() {
    this.#letGo();
    const limit = Math.min(CAP, BASE * 2 ** this.#failures++);
    this.#waitFor(Math.random() * limit, () => this.#open()); // full jitter
    this.#become("waiting");
  }

  // After a sleep, or with another network, the socket may be dead, and not know it.
  // And whoever waits need not wait on.
  #wakeUp() {
    if (this.state === "connected") this.#ask();
    else if (this.state !== "connecting") this.#open();
  }

  #rest(state) {
    this.#letGo();
    this.#become(state);
  }

  #end(code, reason) {
    this.#letGo();
    this.#listeners.abort();
    Object.assign(this, { code, reason });
    this.#become("ended");
  }

  // The server's pings are answered by the browser, and no script sees them.
  // So it asks with an empty text, which the server answers with one.
  #ask() {
    if (this.#asked) return;
    this.#asked = true;
    this.#socket.send("");
    this.#waitFor(PATIENCE, () => this.#comeBack());
  }

  // It may take long until the socket has closed. What it does from now on is of no interest.
  #letGo() {
    clearTimeout(this.#timer);
    clearTimeout(this.#pump);
    if (this.#socket === null) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
    this.#socket = null;
  }

  // A socket takes whatever it is given, and what it has not sent when it breaks is lost.
  // So it gets little at a time.
  #flush() {
    clearTimeout(this.#pump);
    const socket = this.#socket;
    const hasRoom = () => socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < FULL;
    while (this.unsent.length && hasRoom()) socket.send(this.unsent.shift());
    if (this.unsent.length && this.state === "connected") {
      this.#pump = setTimeout(() => this.#flush(), 100); // no event says that there is room again
    }
    this.changed();
  }

  #waitFor(milliseconds, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, milliseconds);
  }

  #become(state) {
    this.state = state;
    this.changed();
  }
}
