import { Connection, beside } from "../connection.js";

const byId = (id) => document.getElementById(id);
const WORDS = {
  connecting: "connecting",
  waiting: "connecting", // each attempt need not be told
  connected: "connected",
  offline: "offline: what you write is sent later",
  away: "away",
};

// What belongs to this page lies beside it: same host, same path prefix.
const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

let visit = null; // to a room

// It has heard all up to `number`, and says what is in `unsure` until that is acknowledged.
class Visit {
  client = crypto.randomUUID();
  history = "";
  number = 0;
  seq = 0;
  unsure = [];
  #wasConnected = false;

  constructor(room) {
    this.room = room;
    this.connection = new Connection(this.#address(), {
      heard: (text) => this.#heard(JSON.parse(text)),
      changed: () => this.#changed(),
    });
  }

  say(text) {
    const message = { type: "say", seq: ++this.seq, text };
    this.unsure.push(message);
    if (this.connection.state === "connected") this.connection.say(JSON.stringify(message));
    changed();
  }

  #address() {
    const { room, client, history, number } = this;
    return beside("ws", { room, client, history, number });
  }

  #heard(message) {
    switch (message.type) {
      case "ack":
        this.unsure = this.unsure.filter(({ seq }) => seq > message.seq);
        break;
      case "lines":
        message.lines.forEach(({ name, text }) => show(`${name}: ${text}`));
        this.number = message.lines.at(-1).number;
        break;
      case "anew":
        if (this.history !== "") show("(Something may be missing here.)");
        Object.assign(this, { history: message.history, number: message.number });
        break;
      case "here":
        byId("here").textContent = message.names.join(", ");
        break;
      case "wrong":
        show(`(Not taken: ${message.problem}.)`);
        this.unsure.shift(); // else it would be refused again and again
        break;
    }
    this.connection.url = this.#address(); // where to go on
    changed();
  }

  // Whatever is unsure is said again over a new connection, in its order, and before anything else.
  #changed() {
    const isConnected = this.connection?.state === "connected";
    if (isConnected && !this.#wasConnected) {
      this.connection.unsent = this.unsure.map((message) => JSON.stringify(message));
    }
    this.#wasConnected = isConnected;
    changed();
  }
}

function line(text, element = "p") {
  const shown = document.createElement(element);
  shown.textContent = text; // what others have written is never HTML
  return shown;
}

function show(text) {
  byId("log").append(line(text));
  byId("log").lastChild.scrollIntoView({ block: "nearest" });
}

function setState(words) {
  if (byId("state").textContent !== words) byId("state").textContent = words; // a screen reader says it when it is new
}

function changed() {
  if (visit?.connection === undefined) return; // it is just being made
  const { state, code, reason } = visit.connection;
  const isOver = state === "ended";
  if (isOver && code === 4401) return showLogin(reason);
  setState(isOver ? (code === 1000 ? "you have left" : reason || `closed with code ${code}`) : WORDS[state]);
  byId("unsure").replaceChildren(...visit.unsure.map(({ text }) => line(text, "li")));
  byId("waiting").hidden = visit.unsure.length === 0;
  for (const id of ["room", "join"]) byId(id).disabled = !isOver;
  for (const id of ["leave", "send"]) byId(id).disabled = isOver;
  if (isOver) byId("here").textContent = "nobody";
  // Whoever was on a button that is of no use now goes on from here; whoever writes is not interrupted.
  if (isOver && (document.activeElement.disabled || document.activeElement === document.body)) byId("join").focus();
}

function showLogin(why) {
  byId("login").hidden = false;
  byId("inside").hidden = true;
  byId("log").replaceChildren(); // what belongs to one user is not for the next one at this screen
  visit = null;
  setState(why);
  byId("user").focus();
}

function showInside(user) {
  byId("login").hidden = true;
  byId("inside").hidden = false;
  setState(`logged in as ${user}`);
  byId("join").focus();
}

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const login = { user: byId("user").value, password: byId("password").value };
  byId("password").value = "";
  try {
    const response = await post("login", login).catch(() => Promise.reject(Error("the server cannot be reached")));
    if (!response.ok) throw new Error(response.status === 403 ? "wrong user or password" : "try again later");
  } catch (error) {
    setState(error.message);
    byId("password").focus();
    return;
  }
  showInside(login.user);
});
byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  if (visit !== null && visit.connection.state !== "ended") return;
  byId("log").replaceChildren();
  visit = new Visit(byId("room").value);
  changed();
  byId("text").focus();
});
byId("leave").addEventListener("click", () => visit.connection.leave());
byId("logout").addEventListener("click", async () => {
  const response = await post("logout").catch(() => null);
  if (!response?.ok) return setState("not logged out: try again later");
  visit?.connection.leave();
  showLogin("you are logged out");
});
byId("speak").addEventListener("submit", (event) => {
  event.preventDefault();
  if (visit === null || visit.connection.state === "ended") return;
  visit.say(byId("text").value);
  byId("text").value = "";
});

// Somebody may be logged in already, in another window or before this page was loaded again.
fetch("me")
  .then((response) => (response.ok ? response.json() : Promise.reject()))
  .then((user) => user !== null && showInside(user))
  .catch(() => setState("the server cannot be reached"));
