"""What a client costs in `examples/service`, as a ratio to one of `examples/echo`: memory, and the CPU of the server.

One worker of each, a process of its own, whose CPU and memory are read from outside; Redis and the proxy are not
counted. The service's clients sit in rooms of ten, so each text is told ten times.
"""

import asyncio
import contextlib
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import redis
from websockets import connect

from examples.service.parts import Part, Worker
from examples.workers.__main__ import find_broker, free_port

CROWD = 200  # clients that are measured
FIRST = 20  # clients before them, for whom is made what is made once
ROOM_SIZE = 10
TEXTS = 100  # that each says: a process' clock counts in hundredths of a second
IDLE = 20  # seconds: one ping of each connection
PATIENCE = 120  # seconds
ORIGIN = "http://127.0.0.1:8000"


class Echo:
    """The clients of `examples/echo`."""

    hears = 1  # messages for each text that is said

    def __init__(self, port: int):
        self.url, self.headers = f"ws://127.0.0.1:{port}/echo", {}

    def address(self, number: int) -> str:
        return self.url

    def text(self, seq: int) -> str:
        return f"text {seq}"


class Rooms(Echo):
    """The clients of `examples/service`, who are logged in."""

    hears = ROOM_SIZE

    def __init__(self, port: int):
        self.url = f"ws://127.0.0.1:{port}/ws"
        self.headers = {"Cookie": "session=bench"}

    def address(self, number: int) -> str:
        return f"{self.url}?room=room{number // ROOM_SIZE}&client=client{number}"

    def text(self, seq: int) -> str:
        return json.dumps({"type": "say", "seq": seq, "text": f"text {seq}"})


@contextlib.asynccontextmanager
async def come(kind: Echo, numbers: range) -> AsyncIterator[list]:
    """So many clients, connected."""
    async with contextlib.AsyncExitStack() as stack:
        options = {"origin": ORIGIN, "additional_headers": kind.headers, "compression": None, "ping_interval": None}
        yield [await stack.enter_async_context(connect(kind.address(n), **options)) for n in numbers]


async def talk(kind: Echo, clients: list) -> None:
    """Each says its texts, one after the other, and hears all that it should."""

    async def one(ws) -> None:
        heard = 0
        for seq in range(1, TEXTS + 1):
            await ws.send(kind.text(seq))
            while heard < seq * kind.hears:
                heard += is_told(await ws.recv())

    await asyncio.gather(*map(one, clients))


def is_told(message: str) -> int:
    """How many texts a message tells."""
    if not message.startswith("{"):
        return 1
    return len(json.loads(message).get("lines", ()))


async def measure(kind: Echo, process: psutil.Process) -> dict[str, float]:
    """KiB and milliseconds of CPU for a client: connected, for a second of silence, for a text that it says."""

    def cpu() -> float:
        times = process.cpu_times()
        return 1000 * (times.user + times.system)

    async with asyncio.timeout(PATIENCE), come(kind, range(10_000, 10_000 + FIRST)) as first:
        await talk(kind, first)
        before = process.memory_info().rss
        async with come(kind, range(CROWD)) as clients:
            memory = (process.memory_info().rss - before) / CROWD / 1024
            begun = cpu()
            await asyncio.sleep(IDLE)
            silent = (cpu() - begun) / IDLE / (CROWD + FIRST)
            begun = cpu()
            await talk(kind, clients)
            said = (cpu() - begun) / CROWD / TEXTS
    return {"KiB of memory": memory, "CPU for a text": said, "CPU for each time it is told": said / kind.hears} | (
        {"CPU while nobody speaks": silent}
    )


@contextlib.contextmanager
def started(*parts: Part) -> Iterator[psutil.Process]:
    """These programs. Gives the process of the last one."""
    try:
        for part in parts:
            part.start()
        yield psutil.Process(parts[-1].process.pid)
    finally:
        for part in reversed(parts):
            part.stop()


def run(kind: Callable[[int], Echo], *parts: Part) -> dict[str, float]:
    with started(*parts) as process:
        return asyncio.run(measure(kind(parts[-1].port), process))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [find_broker(), "--bind", "127.0.0.1", "--port", port, "--dir", folder, "--save", ""]
        broker = Part([*command, "--appendonly", "yes"], port, log=subprocess.DEVNULL)
        worker = Worker(free_port(), {"REDIS_URL": f"redis://127.0.0.1:{port}", "SERVICE_ORIGIN": ORIGIN})
        worker.log = subprocess.DEVNULL
        with started(broker):
            with redis.Redis(port=port) as db:
                db.set("service:session:" + hashlib.sha256(b"bench").hexdigest(), "somebody")
            service = run(Rooms, worker)
        port = free_port()
        command = [sys.executable, "-m", "examples.echo", "--port", port]
        echo = run(Echo, Part(command, port, log=subprocess.DEVNULL, cwd=Path(__file__).parent.parent))
    print(f"{'a client of examples/service':<44}{'as a ratio to one of examples/echo':>40}")
    for what, amount in service.items():
        print(f"{what:<44}{amount / echo[what]:>40.2f}" if echo[what] else f"{what:<44}{'- (the echo took none)':>40}")


if __name__ == "__main__":
    main()
