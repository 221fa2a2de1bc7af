import { Connection, beside } from "./connection.js";

const byId = (id) => document.getElementById(id);
const WORDS = {
  connecting: "connecting",
  waiting: "connecting", // each attempt need not be told
  connected: "connected",
  offline: "offline: what you write is sent later",
  away: "away",
};
let connection = null;

function line(text, element = "p") {
  const shown = document.createElement(element);
  shown.textContent = text; // what others have written is never HTML
  return shown;
}

function show(text) {
  byId("log").append(line(text));
  byId("log").lastChild.scrollIntoView({ block: "nearest" });
}

function ending({ code, reason }) {
  return code === 1000 ? "you have left" : reason || `closed with code ${code}`;
}

function changed() {
  if (connection === null) return;
  const isOver = connection.state === "ended";
  const words = isOver ? ending(connection) : WORDS[connection.state];
  if (byId("state").textContent !== words) byId("state").textContent = words; // a screen reader says it when it is new
  byId("unsent").replaceChildren(...connection.unsent.map((text) => line(text, "li")));
  byId("waiting").hidden = connection.unsent.length === 0;
  for (const id of ["name", "join"]) byId(id).disabled = !isOver;
  for (const id of ["leave", "send"]) byId(id).disabled = isOver;
  // Whoever was on a button that is of no use now goes on from here; whoever writes is not interrupted.
  if (isOver && (document.activeElement.disabled || document.activeElement === document.body)) byId("join").focus();
}

byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  if (connection !== null && connection.state !== "ended") return;
  const kept = connection?.unsent ?? [];
  connection = new Connection(beside("ws", { name: byId("name").value }), { heard: show, changed });
  kept.forEach((text) => connection.say(text));
  changed();
  byId("text").focus();
});
byId("leave").addEventListener("click", () => connection.leave());
byId("speak").addEventListener("submit", (event) => {
  event.preventDefault();
  if (connection === null || connection.state === "ended") return;
  connection.say(byId("text").value);
  byId("text").value = "";
});
