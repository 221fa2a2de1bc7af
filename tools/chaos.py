"""The proof of examples/service, `make chaos`: workers and Redis are killed while a crowd speaks, and nothing is lost.

The crowd is in many rooms, and everybody speaks. Meanwhile each worker is killed in turn, the proxy reads its
configuration again, Redis is killed and started again, and all workers are restarted, one after the other. Then
each client must have heard each line of its room once, and all in the same order.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import redis

from examples.behind_a_proxy.__main__ import wait_for_a_certificate
from examples.service.parts import Service, Worker

ROOT = Path(__file__).parent.parent
LIMIT = 300  # seconds that the crowd may take

Event = tuple[int, str, Callable[[], None]]  # at which percentage of what is to be said; in words; and as a call

# Broken copies, each of which the crowd must notice: the file, what stands there, and what instead.
BROKEN = {
    "resumes one too late": ("app.py", "above(websocket.state.number)", "above(websocket.state.number + 1)"),
    "no ids": ("log.py", "then return 0 end", "then seq = nil end"),
    "told before it is kept": (
        "app.py",
        "            await append(place.name, user, client, said)\n",
        "            place.say(messages.lines([messages.line(place.number + 1, user, said.text)]))\n"
        "            await append(place.name, user, client, said)\n",
    ),
}


def copy_of_the_service(folder: Path, broken: str | None) -> Path:
    """The folder in which workers are started: a copy of the examples, with one thing broken, if any."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    if broken:
        name, old, new = BROKEN[broken]
        file = folder / "examples" / "service" / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is not once in {name}"
        file.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def log_in(url: str, clients: int) -> None:
    """Give each client of the crowd a session."""
    with redis.from_url(url) as db, db.pipeline() as at_once:
        for n in range(clients):
            key = hashlib.sha256(f"client{n}".encode()).hexdigest()
            at_once.set(f"service:session:{key}", f"client{n}", ex=3600)
        at_once.execute()


def plan(service: Service) -> list[Event]:
    """What happens while the crowd speaks, in order."""
    events: list[Event] = []
    for n, worker in enumerate(service.workers):
        events.append((10 + n * 40 // len(service.workers), f"worker {n + 1} is killed", lambda w=worker: kill(w)))
    events.append((55, "the proxy reads its configuration again", service.reload_proxy))
    events.append((65, "Redis is killed", lambda: kill(service.redis)))
    events.append((80, "all workers are restarted, one after the other", service.restart_workers))
    return sorted(events, key=lambda event: event[0])


def kill(part) -> None:
    """As SIGKILL does; and start it again."""
    part.process.kill()
    part.process.wait()
    part.start()


def make_trouble(crowd: subprocess.Popen, events: list[Event]) -> dict:
    """While the crowd speaks, do what is planned. Returns what the crowd has counted, and what could not be done."""
    with ThreadPoolExecutor() as at_work:
        begun = []
        for line in crowd.stdout:
            if not line.rstrip().endswith("%"):
                failed = [str(error) for error in (one.exception() for one in begun) if error]
                return json.loads(line) | {"not done": failed + [words for _, words, _ in events]}
            percent = int(line.split()[0])
            while events and events[0][0] <= percent:
                _, words, call = events.pop(0)
                print(f"{percent:3} %: {words}", flush=True)
                begun.append(at_work.submit(call))
    return {"lost": "unknown: the crowd came to grief"}


class SocketIoWorker(Worker):
    """A worker of Socket.IO's, in the place of one of ours."""

    def __init__(self, worker: Worker, packages: Path):
        super().__init__(worker.port, worker.env, worker.log, packages)
        self.command = ["node", "server.js", str(worker.port), worker.env["REDIS_URL"]]


def socketio_packages(folder: Path) -> Path:
    """The folder with Socket.IO, its server and its crowd. Needs npm and a network."""
    if not shutil.which("npm"):
        sys.exit("npm is not installed. --socketio needs Node.js 20 or newer, with npm.")
    shutil.copytree(ROOT / "tools" / "socketio", folder)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    return folder


def run(clients: int, room_size: int, texts: int, workers: int, broken: str | None = None, socketio=False) -> dict:
    """One run; returns what the crowd has counted."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch)
        copy = copy_of_the_service(folder / "copy", broken)
        log = stack.enter_context((folder / "log").open("w+"))
        service = Service(folder, workers, log=log, cwd=copy)
        command, cwd = [sys.executable, "-m", "tools.crowd"], ROOT
        if socketio:
            command, cwd = ["node", "crowd.js"], socketio_packages(folder / "socketio")
            service.workers = [SocketIoWorker(worker, cwd) for worker in service.workers]
        try:
            service.start()
            log_in(service.url, clients)
            authority = str(wait_for_a_certificate(folder, service.origin))
            env = {**os.environ, "NODE_EXTRA_CA_CERTS": authority}
            command += [service.origin, *([] if socketio else [authority])]
            command += map(str, [clients, room_size, texts, LIMIT])
            with subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.PIPE, text=True) as crowd:
                try:
                    counted = make_trouble(crowd, plan(service))
                finally:
                    crowd.kill()
        finally:
            service.stop()
        log.seek(0)
        counted["tracebacks"] = log.read().count("Traceback (most recent call last)")
        return counted


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--room-size", type=int, default=10)
    parser.add_argument("--texts", type=int, default=15, help="that each client says")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--broken", choices=BROKEN, help="with this broken, which must be noticed")
    parser.add_argument(
        "--socketio", action="store_true", help="then the same for Socket.IO and its own recovery; needs npm"
    )
    options = parser.parse_args()
    bad = 0
    nothing = {"lost": 0, "doubled": 0, "out of order": 0, "given up": 0, "not done": []}
    for _ in range(options.runs):
        size = options.clients, options.room_size, options.texts, options.workers
        counted = run(*size, options.broken)
        print(json.dumps(counted), flush=True)
        if options.socketio:
            print(json.dumps({"Socket.IO": run(*size, socketio=True)}), flush=True)
        bad += any(counted.get(what) != wanted for what, wanted in nothing.items())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
