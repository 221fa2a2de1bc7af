// The crowd of ../crowd.py for Socket.IO: each says its texts, each until it is acknowledged, and counts what it hears.
// node crowd.js ORIGIN CLIENTS ROOM_SIZE TEXTS LIMIT
const { io } = require("socket.io-client");

const [, , origin, ...numbers] = process.argv;
const [CLIENTS, ROOM_SIZE, TEXTS, LIMIT] = numbers.map(Number);
const QUIET = 15_000; // milliseconds without a line, after all was said, until nobody hears more
const PACE = 50; // milliseconds that a client rests at least between two texts

const rest = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const counts = { said: 0, deliveries: 0, connects: 0, lost: 0, doubled: 0, "out of order": 0, "longest wait": 0 };
let latest = Date.now();

class Client {
  said = [];
  heard = [];

  constructor(number) {
    this.name = `client${number}`;
    this.room = `room${Math.floor(number / ROOM_SIZE)}`;
    this.socket = io(origin, {
      transports: ["websocket"],
      auth: { room: this.room },
      retries: 1_000, // a text is said again until it is acknowledged
      ackTimeout: 3_000, // milliseconds
      reconnectionDelay: 200,
      reconnectionDelayMax: 5_000,
      forceNew: true,
    });
    this.socket.on("connect", () => counts.connects++);
    this.socket.on("line", (text) => {
      this.heard.push(text);
      latest = Date.now();
    });
  }

  async speak() {
    for (let seq = 1; seq <= TEXTS; seq++) {
      await rest(PACE * (1 + 2 * Math.random()));
      const text = `${this.name} ${seq}`;
      const began = Date.now();
      this.said.push(text);
      await this.socket.emitWithAck("say", text);
      counts["longest wait"] = Math.max(counts["longest wait"], (Date.now() - began) / 1_000);
      const percent = () => Math.floor((100 * counts.said) / (CLIENTS * TEXTS));
      const before = percent();
      counts.said++;
      if (percent() > before) console.log(`${percent()} %`);
    }
  }
}

function count(clients) {
  const rooms = new Map();
  for (const client of clients) rooms.set(client.room, [...(rooms.get(client.room) ?? []), client]);
  for (const members of rooms.values()) {
    const said = members.flatMap((client) => client.said);
    const longest = members.reduce((a, b) => (b.heard.length > a.heard.length ? b : a));
    const place = new Map(longest.heard.map((text, n) => [text, n]));
    for (const { heard } of members) {
      const once = new Set(heard);
      counts.deliveries += heard.length;
      counts.lost += said.filter((text) => !once.has(text)).length;
      counts.doubled += heard.length - once.size;
      const places = [...once].map((text) => place.get(text)).filter((n) => n !== undefined);
      counts["out of order"] += places.filter((n, i) => i > 0 && places[i - 1] > n).length;
    }
  }
}

async function main() {
  const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(number));
  const patience = Date.now() + LIMIT * 1_000;
  while (!clients.every((client) => client.socket.connected)) {
    if (Date.now() > patience) throw new Error(`not all had come after ${LIMIT} seconds`);
    await rest(100);
  }
  console.log("0 %");
  const began = Date.now();
  const speaking = Promise.all(clients.map((client) => client.speak()));
  const inTime = await Promise.race([speaking.then(() => true), rest(LIMIT * 1_000).then(() => false)]);
  const everything = CLIENTS * ROOM_SIZE * TEXTS;
  const heard = () => clients.reduce((sum, client) => sum + client.heard.length, 0);
  latest = Date.now();
  while (heard() < everything && Date.now() - latest < QUIET) await rest(100);
  count(clients);
  const seconds = (Date.now() - began) / 1_000;
  console.log(JSON.stringify({ ...counts, "given up": inTime ? 0 : 1, seconds }));
  process.exit(0);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1); // connections that are still tried would keep it
});
