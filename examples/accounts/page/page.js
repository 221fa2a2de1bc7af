"use strict";

const FRESH = 300_000; // milliseconds after which a fresh ticket is sent: half of what the server waits for it
const byId = (id) => document.getElementById(id);
let socket = null;
let renewal = 0;

// What belongs to this page lies beside it: same host, same path prefix.
const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// The endpoint, with wss where the page came over https.
function address(ticket) {
  const url = new URL("diary", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("ticket", ticket);
  return url.href;
}

function show(text) {
  const line = document.createElement("p");
  line.textContent = text;
  byId("log").append(line);
  line.scrollIntoView({ block: "nearest" });
}

function setState(text) {
  const open = socket?.readyState === WebSocket.OPEN;
  byId("state").textContent = text;
  byId("connect").disabled = socket !== null;
  byId("send").disabled = !open;
}

function showLogin(why) {
  byId("login").hidden = false;
  byId("diary").hidden = true;
  byId("log").replaceChildren(); // what belongs to one user is not for the next one at this screen
  setState(why);
  byId("user").focus();
}

function showDiary() {
  byId("login").hidden = true;
  byId("diary").hidden = false;
}

// The cookie goes along by itself, and says who we are.
async function newTicket() {
  const response = await post("ticket");
  return response.ok ? response.json() : null;
}

async function connect() {
  byId("connect").disabled = true;
  setState("connecting");
  let ticket;
  try {
    ticket = await newTicket();
  } catch {
    setState("the server cannot be reached");
    byId("connect").focus();
    return;
  }
  if (ticket === null) return showLogin("you are logged out");
  let wasOpen = false;
  socket = new WebSocket(address(ticket));
  socket.addEventListener("open", () => {
    wasOpen = true;
    setState("connected");
    byId("text").focus();
  });
  socket.addEventListener("message", (event) => show(event.data));
  socket.addEventListener("close", (event) => {
    socket = null;
    clearInterval(renewal);
    if (event.code === 4401) return showLogin("you are logged out");
    // Why the server refuses, a page is not told.
    setState(wasOpen ? `closed with code ${event.code}` : `refused: is ${location.origin} the address the server says?`);
    if (document.activeElement.disabled || document.activeElement === document.body) byId("connect").focus();
  });
  renewal = setInterval(renew, FRESH);
}

async function renew() {
  const ticket = await newTicket().catch(() => null); // without one, the server closes when the time has come
  if (ticket !== null && socket?.readyState === WebSocket.OPEN) socket.send(`ticket ${ticket}`);
}

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const login = { user: byId("user").value, password: byId("password").value };
  byId("password").value = "";
  try {
    const response = await post("login", login).catch(() => Promise.reject(Error("the server cannot be reached")));
    if (!response.ok) throw new Error((await response.json()).detail);
  } catch (error) {
    setState(error.message);
    byId("password").focus();
    return;
  }
  showDiary();
  await connect();
});
byId("connect").addEventListener("click", connect);
byId("logout").addEventListener("click", async () => {
  const response = await post("logout").catch(() => null);
  if (response === null || response.status >= 500) return setState("not logged out: try again later");
  if (socket === null) showLogin("you are logged out"); // else its close says so
});
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(`say ${byId("text").value}`);
  byId("text").value = "";
});

// Somebody may be logged in already, in another window or before this page was loaded again.
fetch("me")
  .then((response) => response.json())
  .then((user) => {
    if (user === null) return;
    showDiary();
    connect();
  })
  .catch(() => setState("the server cannot be reached"));
