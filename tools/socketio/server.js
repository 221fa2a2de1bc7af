// One worker: rooms over Redis Streams, with Socket.IO's own connection state recovery. node server.js PORT REDIS_URL
// https://socket.io/docs/v4/connection-state-recovery, https://socket.io/docs/v4/redis-streams-adapter
const http = require("http");
const { Server } = require("socket.io");
const { createClient } = require("redis");
const { createAdapter } = require("@socket.io/redis-streams-adapter");

const [, , port, redis] = process.argv;

async function main() {
  const client = createClient({ url: redis });
  client.on("error", () => {}); // it tries again by itself
  await client.connect();
  const server = http.createServer((request, response) => response.end("well")); // /health
  const io = new Server(server, {
    transports: ["websocket"],
    adapter: createAdapter(client, { maxLen: 100_000 }),
    connectionStateRecovery: { maxDisconnectionDuration: 120_000 }, // milliseconds
  });
  io.on("connection", (socket) => {
    const { room } = socket.handshake.auth;
    if (!socket.recovered) socket.join(room);
    socket.on("say", (text, acknowledge) => {
      io.to(room).emit("line", text);
      acknowledge();
    });
  });
  process.on("SIGTERM", () => io.close(() => process.exit(0)));
  server.listen(Number(port), "127.0.0.1");
}

main();
