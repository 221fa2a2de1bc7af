"use strict";

const byId = (id) => document.getElementById(id);
let socket = null;

// The endpoint lies beside this page: same host, same path prefix, and wss where the page came over https.
function address() {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function show(text) {
  const line = document.createElement("p");
  line.textContent = text;
  byId("log").append(line);
  line.scrollIntoView({ block: "nearest" });
}

function setState(text) {
  const open = text === "connected";
  byId("state").textContent = text;
  byId("connect").disabled = socket !== null;
  byId("disconnect").disabled = !open;
  byId("send").disabled = !open;
}

function connect() {
  socket = new WebSocket(address());
  setState("connecting");
  socket.addEventListener("open", () => {
    setState("connected");
    byId("text").focus();
  });
  socket.addEventListener("message", (event) => show(`Server: ${event.data}`));
  socket.addEventListener("close", (event) => {
    socket = null;
    setState(`closed with code ${event.code}`);
    // Whoever was on a button that is of no use now goes on from here; whoever writes is not interrupted.
    if (document.activeElement.disabled || document.activeElement === document.body) byId("connect").focus();
  });
}

byId("connect").addEventListener("click", connect);
byId("disconnect").addEventListener("click", () => socket.close(1000, "the reader left"));
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket === null || socket.readyState !== WebSocket.OPEN) return;
  show(`You: ${byId("text").value}`);
  socket.send(byId("text").value);
  byId("text").value = "";
});
