"""What the members of a room cost, and what they notice of one that does not read: the designs of many-clients.

Absolute figures depend on the machine; so each is a ratio of two figures of one run. For the waiting, each design has
two rooms in one server, spoken to at the same time, and in one of them sits a client that never reads. For the memory,
each design has a process of its own. The clients are in another process, which only reads; no message is compressed.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psutil
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from examples.room.room import Room
from wslab.arguments import listen

TURNS = 3
OTHERS = 12  # clients in a room, beside the one that does not read
MESSAGES = 300  # of a turn, to each room
EVERY = 0.01  # seconds between two of them
SIZE = 20_000  # bytes of a message: some hundred of them fill all buffers
CROWD = 400  # clients whose memory is measured
PATIENCE = 60  # seconds

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
HEADER = 4  # bytes of a text frame of SIZE bytes from a server: RFC 6455, section 5.2


# --- the designs: each has `members`, `join()` and `say()` ---


class Manager:
    """The well-known one."""

    def __init__(self):
        self.members: list[WebSocket] = []

    @asynccontextmanager
    async def join(self, websocket: WebSocket) -> AsyncIterator[None]:
        self.members.append(websocket)
        try:
            yield
        finally:
            self.members.remove(websocket)

    async def say(self, text: str) -> None:
        for member in self.members:
            await member.send_text(text)


class Queues:
    """A queue and a writer for each, without a limit."""

    def __init__(self):
        self.members: dict[WebSocket, asyncio.Queue[str]] = {}

    @asynccontextmanager
    async def join(self, websocket: WebSocket) -> AsyncIterator[None]:
        queue = self.members[websocket] = asyncio.Queue()

        async def write():
            while True:
                await websocket.send_text(await queue.get())

        writer = asyncio.create_task(write())
        try:
            yield
        finally:
            writer.cancel()
            del self.members[websocket]

    async def say(self, text: str) -> None:
        for queue in self.members.values():
            queue.put_nowait(text)


class Rounds(Room):
    """The lesson's room."""

    async def say(self, text: str) -> None:
        super().say(text)


DESIGNS = {"the well-known manager": Manager, "the lesson's room": Rounds, "a queue and a writer each": Queues}


@asynccontextmanager
async def serving(*rooms) -> AsyncIterator[int]:
    """One server with a path for each room: /0, /1 and so on. Gives its port."""
    app, sock = FastAPI(), listen(0)

    @app.websocket("/{number}")
    async def enter(websocket: WebSocket, number: int):
        await websocket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):
            async with rooms[number].join(websocket):
                await websocket.receive_text()

    options = dict(lifespan="off", log_level="critical", ws_per_message_deflate=False, ws_ping_interval=None)
    server = uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=0, **options))
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def crowd(port: int, *options: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The clients, in a process of their own."""
    command = [sys.executable, "-m", "tools.bench_members", "--crowd", *map(str, [port, *options])]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE):
            yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def have_come(room, clients: int) -> None:
    while len(room.members) < clients:
        await asyncio.sleep(0.02)


# --- waiting ---


async def speak(room) -> None:
    """So many messages, each with the time at which it was said; none is skipped because the one before takes long."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for n in range(MESSAGES):
        await asyncio.sleep(start + n * EVERY - loop.time())
        await room.say(f"{time.monotonic_ns():<{SIZE}}")


async def others_wait(design) -> tuple[list[float], list[float]]:
    """Milliseconds that each message took to each of the others: in a room where all read, and beside one who does not.

    What has not come when the speaker has been done for a second is not in the lists.
    """
    fine, stalled = design(), design()
    async with serving(fine, stalled) as port, crowd(port, OTHERS, 1) as clients:
        await have_come(fine, OTHERS)
        await have_come(stalled, OTHERS + 1)
        with suppress(TimeoutError):
            async with asyncio.timeout(MESSAGES * EVERY + 1), asyncio.TaskGroup() as speakers:
                for room in [fine, stalled]:
                    speakers.create_task(speak(room))
                speakers.create_task(asyncio.sleep(PATIENCE))  # until the time is up
        told, _ = await clients.communicate(b"\n")
    return tuple([float(waited) for waited in line.split()] for line in told.decode().splitlines())


def p99(waited: list[float]) -> float:
    return statistics.quantiles(waited, n=100)[-1]


def print_waiting() -> None:
    print(f"{'beside a client that does not read':<44}{'heard':>8}{'p99, as a ratio to without it':>32}")
    for name, design in DESIGNS.items():
        heard, ratios = [], []
        for _ in range(TURNS):
            fine, stalled = asyncio.run(others_wait(design))
            heard.append(len(stalled) / len(fine))
            ratios.append(p99(stalled) / p99(fine))
        share = statistics.median(heard)
        ratio = f"{statistics.median(ratios):.2f}" if share > 0.99 else "-"
        print(f"{name:<44}{share:>8.0%}{ratio:>32}")


# --- memory ---


async def memory(design) -> float:
    """KiB that each client of a crowd takes in the server's process."""
    room = design()
    async with serving(room) as port:
        async with crowd(port, 20, 0):  # what is made once
            await have_come(room, 20)
        while room.members:
            await asyncio.sleep(0.02)
        gc.collect()
        before = psutil.Process().memory_info().rss
        async with crowd(port, CROWD, 0):
            await have_come(room, CROWD)
            gc.collect()
            return (psutil.Process().memory_info().rss - before) / CROWD / 1024


async def print_memory() -> None:
    found = {}
    for name in DESIGNS:
        command = [sys.executable, "-m", "tools.bench_members", "--memory", name]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        told, _ = await process.communicate()
        found[name] = float(told)
    print(f"{'memory for each client':<44}{'KiB':>8}{'as a ratio to the manager':>32}")
    for name, kib in found.items():
        print(f"{name:<44}{kib:>8.1f}{kib / found['the well-known manager']:>32.2f}")


# --- the clients ---


class Reader(asyncio.Protocol):
    """Notes how long each message of the room at `path` took. After the handshake, all have one size."""

    def __init__(self, path: str, waited: list[float]):
        self.path, self.waited, self.data = path, waited, b""
        self.let_in = False

    def connection_made(self, transport):
        port = transport.get_extra_info("peername")[1]
        transport.write(REQUEST.format(path=self.path, port=port).encode())

    def data_received(self, data: bytes):
        now = time.monotonic_ns()
        self.data += data
        if not self.let_in:
            end = self.data.find(b"\r\n\r\n")  # of the response's headers
            if end >= 0:
                self.let_in, self.data = True, self.data[end + 4 :]
        while self.let_in and len(self.data) >= HEADER + SIZE:
            said = int(self.data[HEADER : HEADER + 20])
            self.waited.append((now - said) / 1e6)
            self.data = self.data[HEADER + SIZE :]


async def come(port: int, clients: int, stalled: int) -> None:
    """So many to the first room; with `stalled` 1, as many to the second, and before them one who never reads.

    When a line comes, or the end, print what each room's clients have waited, in milliseconds.
    """
    loop = asyncio.get_running_loop()
    waited: list[list[float]] = [[], []]
    connections = []

    async def connect(room: int) -> asyncio.Transport:
        return (await loop.create_connection(lambda: Reader(f"/{room}", waited[room]), "127.0.0.1", port))[0]

    for _ in range(stalled):
        connections.append(await connect(1))
        connections[-1].pause_reading()
    for room in range(2 if stalled else 1):
        connections += [await connect(room) for _ in range(clients)]
    await asyncio.to_thread(sys.stdin.readline)
    for each in waited:
        print(*(f"{ms:.3f}" for ms in each))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--crowd", nargs=3, type=int)
    parser.add_argument("--memory")
    options = parser.parse_args()
    if options.crowd:
        asyncio.run(come(*options.crowd))
    elif options.memory:
        print(asyncio.run(memory(DESIGNS[options.memory])))
    else:
        print_waiting()
        asyncio.run(print_memory())


if __name__ == "__main__":
    main()
