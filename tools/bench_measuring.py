"""What the lesson measuring-it says of servers: its table. What an echo and a connection cost, what the system takes.

What a server costs is told by its own clock of the processor, so that no client is measured with it. All is given as
ratios of figures of one run, taken in turns, so that a busy moment hits all.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psutil
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets import connect

from wslab.arguments import listen

TURNS = 7
CLIENTS = 10
ECHOES = 100  # of each in a turn
CROWD = 150  # connections whose memory is measured
PATIENCE = 60  # seconds
WAITS = 1.0  # seconds: a send that takes so long waits for the client
PUSHED = 10_000  # bytes of a message that nobody reads
MESSAGE = '{"type": "message", "room": "blue", "name": "Ann", "text": "Is there anybody who has seen the other half?"}'

SERVERS = {
    "websockets-sansio": {"ws": "websockets-sansio", "loop": "asyncio"},
    "wsproto": {"ws": "wsproto", "loop": "asyncio"},
    "websockets (deprecated)": {"ws": "websockets", "loop": "asyncio"},
    "websockets-sansio, uvloop": {"ws": "websockets-sansio", "loop": "uvloop"},
}


def installed(name: str) -> bool:
    loop = SERVERS[name]["loop"]
    return loop == "asyncio" or importlib.util.find_spec(loop) is not None


# --- the server ---

app = FastAPI()
pushed = 0


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        async for text in websocket.iter_text():
            await websocket.send_text(text)


@app.websocket("/cost")
async def cost(websocket: WebSocket):
    """Each message is answered with what the server has cost so far: seconds of the processor."""
    await websocket.accept()
    async for _ in websocket.iter_text():
        await websocket.send_text(str(time.process_time()))


@app.websocket("/push")
async def push(websocket: WebSocket):
    """Push until a send waits; `/pushed` then says how many bytes that were."""
    global pushed
    await websocket.accept()
    with contextlib.suppress(TimeoutError, WebSocketDisconnect):
        while True:
            async with asyncio.timeout(WAITS):
                await websocket.send_text("x" * PUSHED)
            pushed += PUSHED


@app.websocket("/pushed")
async def say_how_many(websocket: WebSocket):
    await websocket.accept()
    async for _ in websocket.iter_text():
        await websocket.send_text(str(pushed))


def run_server(name: str) -> None:
    """In a process of its own: print the port, then serve until killed."""
    sock = listen(0)
    print(sock.getsockname()[1], flush=True)
    options = dict(lifespan="off", log_level="critical", ws_ping_interval=None, **SERVERS[name])
    uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[sock])


@dataclass
class Place:
    """Where a server is."""

    process: psutil.Process
    port: int

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(OSError):
                    await self.ask("/cost")
                    return
                await asyncio.sleep(0.02)

    async def ask(self, path: str) -> float:
        async with connect(self.url(path), compression=None) as ws:
            await ws.send("")
            return float(await ws.recv())


@contextlib.contextmanager
def server(name: str) -> Iterator[Place]:
    command = [sys.executable, "-W", "ignore", "-m", "tools.bench_measuring", "--serve", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        place = Place(psutil.Process(process.pid), int(process.stdout.readline()))
        asyncio.run(place.ready())
        yield place
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


# --- the load ---


@contextlib.asynccontextmanager
async def crowd(place: Place, clients: int, compression: str | None) -> AsyncIterator[list]:
    """So many connections, each of which has had one echo."""
    async with contextlib.AsyncExitStack() as stack:
        all_of_them = []
        for _ in range(clients):
            all_of_them.append(await stack.enter_async_context(connect(place.url("/echo"), compression=compression)))
            await all_of_them[-1].send(MESSAGE)
            await all_of_them[-1].recv()
        yield all_of_them


async def echoes(ws, times: int) -> None:
    for _ in range(times):
        await ws.send(MESSAGE)
        await ws.recv()


async def processor(place: Place, compression: str | None) -> float:
    """Seconds of the server's processor for an echo."""
    async with asyncio.timeout(PATIENCE), crowd(place, CLIENTS, compression) as clients:
        before = await place.ask("/cost")
        await asyncio.gather(*(echoes(ws, ECHOES) for ws in clients))
        return (await place.ask("/cost") - before) / (CLIENTS * ECHOES)


async def memory(place: Place, compression: str | None) -> float:
    """KiB that a connection takes in the server's process which has had one echo and now is idle.

    The server must be new: what an earlier crowd has left would be used again, and not be counted.
    """
    async with asyncio.timeout(PATIENCE):
        before = place.process.memory_info().rss
        async with crowd(place, CROWD, compression):
            return (place.process.memory_info().rss - before) / CROWD / 1024


async def swallowed(place: Place) -> float:
    """Bytes that are sent to a client that does not read, before a send waits."""
    async with asyncio.timeout(PATIENCE), connect(place.url("/push"), compression=None) as ws:
        ws.transport.pause_reading()
        before = -1.0
        while (now := await place.ask("/pushed")) != before:
            before = now
            await asyncio.sleep(2 * WAITS)
        ws.transport.abort()
        return now


# --- the table ---


def memory_of_a_new(name: str, compression: str | None) -> float:
    with server(name) as place:
        return asyncio.run(memory(place, compression))


def print_servers(places: dict[str, Place]) -> None:
    kinds = [(name, compression) for name in places for compression in (None, "deflate")]
    memories = {(name, how): memory_of_a_new(name, how) for name, how in kinds}
    costs: dict = {kind: [] for kind in kinds}
    for _ in range(TURNS):
        for name, how in random.sample(kinds, len(kinds)):
            costs[name, how].append(asyncio.run(processor(places[name], how)))
    first = kinds[0]
    print(f"{'':<28}{'echoes for the same':>20}{'memory for':>20}")
    print(f"{'':<28}{'processor time':>20}{'a connection':>20}")
    print(f"{'':<28}{'plain':>8}{'compressed':>12}{'plain':>8}{'compressed':>12}")
    for name in places:
        plain, compressed = (
            statistics.median(base / cost for base, cost in zip(costs[first], costs[name, how], strict=True))
            for how in (None, "deflate")
        )
        used = [memories[name, how] / memories[first] for how in (None, "deflate")]
        print(f"{name:<28}{plain:>8.2f}{compressed:>12.2f}{used[0]:>8.1f}{used[1]:>12.1f}")
    for name in [name for name in SERVERS if name not in places]:
        print(f"{name:<28}(not installed here)")
    us, kib = 1e6 * statistics.median(costs[first]), memories[first]
    print(f"1.00 is {us:.0f} microseconds for an echo, and {kib:.0f} KiB for a connection")


def main() -> None:
    with contextlib.ExitStack() as stack:
        places = {name: stack.enter_context(server(name)) for name in SERVERS if installed(name)}
        print_servers(places)
        megabytes = asyncio.run(swallowed(next(iter(places.values())))) / 1e6
        print(f"What is sent to a client that does not read, before a send waits: {megabytes:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", choices=list(SERVERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        run_server(options.serve)
    else:
        main()
