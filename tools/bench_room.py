"""What it costs to send one message to many: the rooms of the lesson many-clients, and others, beside each other.

Absolute figures depend on the machine; so each is a ratio to the well-known manager's, of the processor's time that
the server takes for a delivery, in turns. The clients are another process, which only reads; no message is compressed.
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets.asyncio.server import broadcast as websockets_broadcast
from websockets.asyncio.server import serve as websockets_serve

from examples.room.room import Room
from wslab.arguments import listen

SIZES = (20, 200, 800)  # clients
DELIVERIES = 1600  # of each design in a turn
TURNS = 7
PATIENCE = 60  # seconds
TEXT = "It is a truth universally acknowledged, that a message of this length is one that people send."

REQUEST = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Rooms:
    """Everybody is in a room of each design."""

    def __init__(self):
        self.sends: list[Callable] = []  # the server's own
        self.members: list[WebSocket] = []
        self.queues: list[asyncio.Queue[str]] = []
        self.room = Room()
        self.alone: set = set()  # connections of the library `websockets`, without uvicorn

    async def bare_asgi(self) -> None:
        message = {"type": "websocket.send", "text": TEXT}
        for send in self.sends:
            await send(message)

    async def manager(self) -> None:
        for member in self.members:
            await member.send_text(TEXT)

    async def gather(self) -> None:
        await asyncio.gather(*(member.send_text(TEXT) for member in self.members), return_exceptions=True)

    async def queue_each(self) -> None:
        for queue in self.queues:
            queue.put_nowait(TEXT)

    async def room_of_rounds(self) -> None:
        self.room.say(TEXT)

    async def websockets_alone(self) -> None:
        websockets_broadcast(self.alone, TEXT)

    @property
    def busy(self) -> bool:
        """Whether something is still to be sent."""
        return any(member.backlog for member in self.room.members.values()) or any(q.qsize() for q in self.queues)

    def app(self):
        app = FastAPI()

        @app.websocket("/")
        async def enter(websocket: WebSocket):
            await websocket.accept()
            queue: asyncio.Queue[str] = asyncio.Queue()

            async def write():
                while True:
                    await websocket.send_text(await queue.get())

            with suppress(WebSocketDisconnect):
                async with self.room.join(websocket):
                    writer = asyncio.create_task(write())
                    self.queues.append(queue)
                    self.members.append(websocket)
                    try:
                        await websocket.receive_text()
                    finally:
                        writer.cancel()

        async def note_the_servers_send(scope, receive, send):
            if scope["type"] == "websocket":
                self.sends.append(send)
            await app(scope, receive, send)

        return note_the_servers_send

    async def enter_alone(self, connection) -> None:
        self.alone.add(connection)
        await connection.wait_closed()


async def cost(rooms: Rooms, broadcast: Callable[[], Awaitable[None]], times: int) -> float:
    """Seconds of the processor for so many broadcasts, each of them with a turn of the loop behind it."""
    start = time.thread_time()
    for _ in range(times):
        await broadcast()
        await asyncio.sleep(0)
    while rooms.busy:
        await asyncio.sleep(0)
    seconds = time.thread_time() - start
    await asyncio.sleep(0.02)  # the clients read
    return seconds


async def compare(clients: int) -> dict[str, float]:
    """For each design, deliveries for the same time of the processor, as a ratio to the manager's."""
    rooms, sockets = Rooms(), [listen(0), listen(0)]
    ports = [sock.getsockname()[1] for sock in sockets]
    config = uvicorn.Config(
        rooms.app(), lifespan="off", log_level="error", ws_per_message_deflate=False, ws_ping_interval=None
    )
    server = uvicorn.Server(config)
    designs = {
        "bare ASGI": rooms.bare_asgi,
        "the lesson's room": rooms.room_of_rounds,
        "gather()": rooms.gather,
        "a queue and a writer each": rooms.queue_each,
        "websockets.broadcast": rooms.websockets_alone,
    }
    ratios: dict[str, list[float]] = {name: [] for name in designs}
    async with websockets_serve(rooms.enter_alone, sock=sockets[1], compression=None, ping_interval=None):
        serving = asyncio.create_task(server.serve(sockets=sockets[:1]))
        command = [sys.executable, "-m", "tools.bench_room", "--herd", str(clients), *map(str, ports)]
        herd = await asyncio.create_subprocess_exec(*command)
        try:
            async with asyncio.timeout(PATIENCE):
                while len(rooms.members) < clients or len(rooms.alone) < clients:
                    await asyncio.sleep(0.05)
                times = max(1, DELIVERIES // clients)
                for turn in range(TURNS):
                    for name in random.sample(list(designs), len(designs)):
                        before = await cost(rooms, rooms.manager, times)
                        seconds = await cost(rooms, designs[name], times)
                        after = await cost(rooms, rooms.manager, times)
                        if turn:  # the first one warms up
                            ratios[name].append((before + after) / 2 / seconds)
        finally:
            herd.kill()
            await herd.wait()
            server.should_exit = True
            await serving
    return {name: statistics.median(each) for name, each in ratios.items()}


async def read(clients: int, ports: list[int]) -> None:
    """Connect so many clients to each port, and read, until killed."""

    class Reader(asyncio.Protocol):
        def connection_made(self, transport):
            port = transport.get_extra_info("peername")[1]
            transport.write(REQUEST.format(port=port).encode())

    loop = asyncio.get_running_loop()
    connections = [await loop.create_connection(Reader, "127.0.0.1", port) for port in ports for _ in range(clients)]
    await asyncio.sleep(3600)
    del connections


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--herd", nargs="+", type=int)
    options = parser.parse_args()
    if options.herd:
        asyncio.run(read(options.herd[0], options.herd[1:]))
        return
    columns = {clients: asyncio.run(compare(clients)) for clients in SIZES}
    print(f"{'deliveries, the well-known manager = 1.00':<44}" + "".join(f"{n:>6}" for n in SIZES) + " clients")
    for name in columns[SIZES[0]]:
        print(f"{name:<44}" + "".join(f"{columns[n][name]:6.2f}" for n in SIZES))


if __name__ == "__main__":
    main()
