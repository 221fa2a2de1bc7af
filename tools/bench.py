"""What `wslab` costs: `make bench`.

Absolute times depend on the machine; so the tape's price is given as a ratio of two measurements in one run, taken in
turns, so that a busy moment hits both.
"""

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import uvicorn
from fastapi import FastAPI, WebSocket
from websockets import connect

from wslab.arguments import listen
from wslab.server import Server

ROUNDS = 20  # turns
MESSAGES = 500  # round trips a turn

app = FastAPI()


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


FIRST_START = """
import sys, time
sys.path.insert(0, "notebooks")
from fastapi import FastAPI
from wslab import serve
start = time.perf_counter()
server = serve(FastAPI())
print(time.perf_counter() - start)
"""


def first_start() -> float:
    """Seconds of the first `serve()` in a fresh process, imports not counted."""
    root = Path(__file__).parent.parent
    result = subprocess.run([sys.executable, "-c", FIRST_START], cwd=root, capture_output=True, text=True, check=True)
    return float(result.stdout)


def later_starts_and_stops() -> tuple[list[float], list[float]]:
    """Seconds of each start and each stop of further servers in this process."""
    starts, stops = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        server = Server(app, port=0)
        server.start()
        started = time.perf_counter()
        server.stop()
        starts.append(started - begin)
        stops.append(time.perf_counter() - started)
    return starts, stops


class PlainServer:
    """uvicorn on a thread, without the tape."""

    def __init__(self):
        self.socket = listen(0)
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="warning"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.socket.getsockname()[1]}{path}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(5)


async def round_trip(server) -> float:
    """Seconds of one echo, the mean of many."""
    async with asyncio.timeout(60), connect(server.url("/ws")) as ws:
        begin = time.perf_counter()
        for _ in range(MESSAGES):
            await ws.send("hello")
            await ws.recv()
        return (time.perf_counter() - begin) / MESSAGES


def with_and_without_tape() -> tuple[list[float], list[float]]:
    """Seconds of an echo, with the tape and without, in turns."""
    plain, taped = PlainServer(), Server(app, port=0)
    taped.start()
    try:
        both = [(asyncio.run(round_trip(taped)), asyncio.run(round_trip(plain))) for _ in range(ROUNDS)]
    finally:
        plain.stop()
        taped.stop()
    return [with_tape for with_tape, _ in both], [without for _, without in both]


def main() -> None:
    def row(name: str, seconds: float, aim: str = "") -> None:
        print(f"{name:<44}{seconds * 1000:9.2f} ms   {aim}".rstrip())

    row("first start of a server in a process", statistics.median(first_start() for _ in range(5)), "aim: under 100")
    starts, stops = later_starts_and_stops()
    row("later start", statistics.median(starts), "aim: under 10")
    row("stop", statistics.median(stops))
    taped, plain = with_and_without_tape()
    row("echo round trip, with the tape", statistics.median(taped))
    row("echo round trip, without", statistics.median(plain))
    ratio = statistics.median(a / b for a, b in zip(taped, plain, strict=True))
    print(f"{'with / without':<44}{ratio:9.2f}      aim: under 1.2")


if __name__ == "__main__":
    main()
