"use strict";

const byId = (id) => document.getElementById(id);

// Some time, and not the same for all who were cut off in the same moment.
const pause = () => 1000 + 2000 * Math.random(); // milliseconds

function setState(way, text) {
  if (byId(`${way}-state`).textContent !== text) byId(`${way}-state`).textContent = text;
}

function show(way, text) {
  const line = document.createElement("p");
  line.textContent = text;
  byId(`${way}-log`).append(line);
  byId(`${way}-log`).scrollTop = byId(`${way}-log`).scrollHeight;
}

// --- WebSocket: it has to come back by itself, and to say what it has seen ---

function address(seen) {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("after", seen);
  return url.href;
}

function listen(seen = 0) {
  const socket = new WebSocket(address(seen));
  socket.onopen = () => setState("ws", "connected");
  socket.onmessage = (event) => {
    const [number, text] = JSON.parse(event.data);
    show("ws", text);
    seen = number;
  };
  socket.onclose = () => {
    setState("ws", "cut off, comes back");
    setTimeout(listen, pause(), seen);
  };
}

// --- Server-sent events: the browser comes back, and says what it has seen, unless the answer was no 200 ---

function follow(seen = "") {
  const source = new EventSource(`sse?after=${seen}`);
  source.onopen = () => setState("sse", "connected");
  source.onmessage = (event) => {
    show("sse", JSON.parse(event.data));
    seen = event.lastEventId;
  };
  source.addEventListener("reset", () => show("sse", "(Something is missing here.)"));
  source.onerror = () => {
    setState("sse", "cut off, comes back");
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, pause(), seen); // the browser has given up
  };
}

// --- Long polling: each request says what it has seen ---

async function ask() {
  let seen = 0;
  for (;;) {
    try {
      const response = await fetch(`poll?after=${seen}`);
      if (!response.ok) throw new Error(response.status);
      setState("poll", "connected");
      for (const [number, text] of await response.json()) {
        show("poll", text);
        seen = number;
      }
    } catch {
      setState("poll", "cut off, asks again");
      await new Promise((resolve) => setTimeout(resolve, pause()));
    }
  }
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("problem").textContent = "";
  const news = new URLSearchParams({ text: byId("text").value });
  try {
    const response = await fetch(`publish?${news}`, { method: "POST" });
    if (!response.ok) throw new Error(response.status);
    byId("text").value = "";
  } catch {
    byId("problem").textContent = "That did not get through.";
  }
});

listen();
follow();
ask();
