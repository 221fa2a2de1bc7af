"use strict";

const byId = (id) => document.getElementById(id);
let socket = null;

// The endpoint lies beside this page: same host, same path prefix, and wss where the page came over https.
function address() {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams({ room: byId("room").value, name: byId("name").value });
  return url.href;
}

function show(text) {
  const line = document.createElement("p");
  line.textContent = text;
  byId("log").append(line);
  line.scrollIntoView({ block: "nearest" });
}

function showWhoIsHere(names) {
  byId("here").replaceChildren(...names.map((name) => {
    const item = document.createElement("li");
    item.textContent = name;
    return item;
  }));
}

function setState(text) {
  const open = text === "connected";
  byId("state").textContent = text;
  for (const id of ["name", "room", "join"]) byId(id).disabled = socket !== null;
  for (const id of ["leave", "send"]) byId(id).disabled = !open;
}

function join() {
  socket = new WebSocket(address());
  setState("connecting");
  socket.addEventListener("open", () => {
    setState("connected");
    byId("text").focus();
  });
  socket.addEventListener("message", (event) => {
    const said = JSON.parse(event.data);
    if (said.here) showWhoIsHere(said.here);
    else show(`${said.name}: ${said.text}`);
  });
  socket.addEventListener("close", (event) => {
    socket = null;
    setState(`closed with code ${event.code}`);
    showWhoIsHere([]);
    // Whoever was on a button that is of no use now goes on from here; whoever writes is not interrupted.
    if (document.activeElement.disabled || document.activeElement === document.body) byId("join").focus();
  });
}

byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket === null) join();
});
byId("leave").addEventListener("click", () => socket.close(1000, "the reader left"));
byId("speak").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket === null || socket.readyState !== WebSocket.OPEN) return;
  socket.send(byId("text").value);
  byId("text").value = "";
});
