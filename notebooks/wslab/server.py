"""Run an ASGI app on a thread of the notebook's kernel.

Why a thread: on the kernel's own event loop a cell that blocks would stop the server too, and a second
`uvicorn.run()` is refused because that loop already runs. On a thread of its own the server has its own loop.
"""

import asyncio
import atexit
import contextlib
import ctypes
import inspect
import math
import os
import socket
import sys
import threading
import time
import traceback
import warnings

import uvicorn

from wslab import kernel
from wslab.conversation import Conversation, Tape, record_logs

START_TIMEOUT = 1.8  # seconds for the app's start-up; with the rest, an answer within 2 s
STOP_TIMEOUT = 1.5  # seconds for an orderly shutdown
HANDLER_TIMEOUT = 0.8  # seconds of that which an endpoint gets to end by itself
BREAK_TIMEOUT = 0.4  # seconds in which endpoints that run in circles are broken off
BLOCKED_TIMEOUT = 1.5  # seconds after which a loop that does not answer counts as blocked
BUSY_TIMEOUT = 8.0  # seconds more for each of these where nothing of the app is in the way: the machine may be busy
QUIET_TIMEOUT = 1.0  # seconds that `conversation()` waits at most until nothing new comes from the clients
SETTLE_TIMEOUT = 5.0  # seconds that `conversation()` waits for endpoints whose clients have left

UVICORN_DEFAULTS = {
    "log_level": "info",  # what endpoints log with logger.info() shall reach the tape
    "log_config": None,
    "access_log": False,
    "proxy_headers": False,
    "timeout_graceful_shutdown": HANDLER_TIMEOUT,  # left alone, an endpoint that never ends would block the shutdown
}

_servers: dict[str, "Server"] = {}
_abandoned: list[asyncio.Task] = []  # kept, since a task that is destroyed while it is pending complains on stderr


class ServeError(RuntimeError):
    """Something keeps `serve` from doing its work. The message says what, and what to do."""

    def _render_traceback_(self):  # IPython shows this instead of the frames of wslab
        return [f"ServeError: {self}"]


class BrokenOff(asyncio.CancelledError):
    """Raised in a server's thread that cannot be stopped otherwise."""


@contextlib.contextmanager
def _nothing_in_the_way():
    """Let `BrokenOff` reach an endpoint that forgets its `await`s and so leaves coroutines behind in every turn.

    Python warns as it removes each of them, by a function that is written in Python (`Lib/warnings.py`). An error that
    is raised in there is reported and forgotten. So for the time being that function is one without Python code in
    it, and the report is left out.
    """
    warn, report = warnings._warn_unawaited_coroutine, sys.unraisablehook
    warnings._warn_unawaited_coroutine = id
    sys.unraisablehook = lambda unraisable: unraisable.exc_type is BrokenOff or report(unraisable)
    try:
        yield
    finally:
        warnings._warn_unawaited_coroutine, sys.unraisablehook = warn, report


class _UvicornServer(uvicorn.Server):
    """uvicorn's server, which also says when it is ready, and hears at once that it should stop."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event):
        super().__init__(config)
        self._ready = ready
        self.stop_asked = asyncio.Event()

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def main_loop(self) -> None:
        # Ten times a second it looks at `should_exit`, and whether uvicorn's own limits are reached.
        ticking = asyncio.create_task(super().main_loop())
        asked = asyncio.create_task(self.stop_asked.wait())
        await asyncio.wait([ticking, asked], return_when=asyncio.FIRST_COMPLETED)
        ticking.cancel()
        asked.cancel()

    async def shutdown(self, sockets=None) -> None:
        # It takes asyncio some turns of the loop to hand a new connection to uvicorn. Without them, one that came at
        # the last moment would be lost on the way, and its client left waiting.
        await go_round()
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        # Nobody is connected. uvicorn would do the same as this, and wait a tenth of a second in between.
        for listening in [*self.servers, *(sockets or [])]:
            listening.close()
        await self.lifespan.shutdown()


class Server:
    """A running server, as `serve` returns it. In a program: `with serve(app) as server: ...`"""

    def __init__(self, app, *, port: int, loop: asyncio.AbstractEventLoop | None = None, **uvicorn_options):
        check_options(port, uvicorn_options)
        self.start_timeout = START_TIMEOUT
        self.settle_timeout = SETTLE_TIMEOUT
        self._tape = Tape(app)
        config = uvicorn.Config(self._tape, **(UVICORN_DEFAULTS | uvicorn_options))
        self._socket = listen(port)
        self.port = self._socket.getsockname()[1]
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._stubborn = 0  # tasks that went on after they were cancelled
        self._loop = loop or asyncio.new_event_loop()
        self._closes_loop = loop is None  # another one goes on with the next server, and is closed by who made it
        self._ahead = 0.0  # seconds that its clock is ahead: see let_time_pass
        self._uvicorn = _UvicornServer(config, self._ready)
        self._tape.connections = self._uvicorn.server_state.connections
        self._thread = threading.Thread(target=self._run, name=f"wslab server on port {self.port}", daemon=True)

    def url(self, path: str = "/") -> str:
        """The WebSocket address of `path` on this server, such as `ws://127.0.0.1:PORT/ws`."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def http_url(self, path: str = "/") -> str:
        """The HTTP address of `path` on this server, such as `http://127.0.0.1:PORT/`."""
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def running(self) -> bool:
        """Whether the server's thread is alive."""
        return self._thread.is_alive()

    async def conversation(self) -> Conversation:
        """What endpoints have received, sent and logged since the last call, as a picture.

        It first waits until the endpoints whose clients have left are done, for 5 seconds at most. So the same run
        gives the same picture, as long as the clients speak in an order of their own, each waiting for its answer.
        Called again with nothing new to show, it shows the last one again.
        """
        if self.running:
            hint = " Is an `await` missing, or does a call block?"
            await self._on_server(self._read_sockets(), QUIET_TIMEOUT + BLOCKED_TIMEOUT, hint)
            await self._on_server(self._settle(), self.settle_timeout + BLOCKED_TIMEOUT, hint)
        return self._tape.conversation()

    async def _on_server(self, coroutine, patience: float, hint: str = ""):
        """Run a coroutine on the server's loop and return its result.

        Raises ServeError, with the hint, if it has not ended after `patience` seconds: the loop is blocked then.
        """
        future = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))
        try:
            for seconds in (patience, BUSY_TIMEOUT):
                await asyncio.wait([future], timeout=seconds)
                if future.done():
                    return future.result()
                if self._where() or not self.running:
                    break
        finally:
            future.cancel()
        raise ServeError(f"the server's event loop is blocked{self._where()}.{hint}")

    async def on_loop(self, function):
        """Call `function` on the server's event loop and return its result. Raises ServeError if that is blocked."""

        async def call():
            return function()

        return await self._on_server(call(), BLOCKED_TIMEOUT)

    async def let_time_pass(self, seconds: float) -> None:
        """Set the clock of the server's event loop forward: timers go off that are due by then, and nobody waits.

        It goes in a hundred steps, with some turns of the loop for each, so that whoever sets timers one after the
        other gets to it. The clock is `loop.time()`, by which asyncio's timers go
        (https://docs.python.org/3/library/asyncio-eventloop.html). Serve with `ws_ping_interval=None` if it may be
        more than 20 seconds: the clients' clocks do not go with it, and the keepalive would take them for dead.
        Raises ServeError if the loop is blocked.
        """
        await self._on_server(self._set_clock_forward(seconds), SETTLE_TIMEOUT)

    async def _set_clock_forward(self, seconds: float) -> None:
        await go_round()
        start, clock = self._ahead, time.monotonic
        self._loop.time = lambda: clock() + self._ahead
        for step in range(1, 101):
            self._ahead = start + seconds * step / 100
            await go_round()

    @property
    def endpoints(self) -> int:
        """How many endpoints are running."""
        return self._tape.running

    @property
    def given_up(self) -> set[int]:
        """The numbers of the clients whose connection uvicorn has closed of its own accord, as its keepalive does."""
        return self._tape.given_up

    @property
    def visits(self):
        """The connections, open or not, that the app or something else still holds on to."""
        return self._tape.visits

    def shrink_buffers(self) -> None:
        """Before the start: let the system buffer little of what clients do not read."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    async def _read_sockets(self) -> None:
        # What clients have sent, or that they have gone, may still lie in the sockets: let the loop go round, and
        # read, until it finds nothing new.
        end = self._loop.time() + QUIET_TIMEOUT
        seen = -1
        while seen != self._tape.length and self._loop.time() < end:
            seen = self._tape.length
            await go_round()

    async def _settle(self) -> None:
        left = self._tape.endpoints_whose_clients_have_left()
        if left:
            await asyncio.wait(left, timeout=self.settle_timeout)
            self._tape.note_still_running(left)

    def start(self) -> None:
        """Start the server and return when it listens. Raises ServeError if that takes over `start_timeout` seconds."""
        record_logs()
        try:
            self._thread.start()
            started = self._ready.wait(self.start_timeout) or self._gets_on_with(self._ready.is_set)
        except BaseException:  # the reader has pressed Interrupt: nobody holds this server, so nobody could stop it
            self._ask_to_stop(cancel=True)
            if self.running:
                self._thread.join(STOP_TIMEOUT)
            raise
        if started and self._uvicorn.started:
            return
        self._ask_to_stop(cancel=True)
        self._thread.join(0.2)
        if not started:
            where = self._where() or ", probably waiting in its lifespan, before `yield`"
            raise ServeError(f"the app has not started within {math.ceil(self.start_timeout)} seconds{where}.")
        error = self._tape.startup_error or self._error
        what = "the app did not start: its lifespan raised" if self._tape.startup_error else "uvicorn did not start:"
        raise ServeError(f"{what} {type(error).__name__}: {error}") from error

    def stop(self) -> None:
        """Stop the server and free its port. Clients that are still connected are closed with code 1012.

        Endpoints have most of a second to end; what has to be cut off, and where, is said in a line on stderr.
        Stopping a stopped server does nothing.
        """
        if trouble := self.end():
            print(f"wslab: {trouble}", file=sys.stderr)

    def end(self) -> str:
        """What `stop` does; but the line that it would print is returned, empty if all went well."""
        for name in [name for name, server in _servers.items() if server is self]:
            del _servers[name]
        if not self.running:
            return ""
        self._ask_to_stop()
        self._thread.join(STOP_TIMEOUT)
        if self.running:
            self._gets_on_with(lambda: not self.running)
        if self.running and self._answers():
            self._ask_to_stop(cancel=True)
            self._thread.join(BREAK_TIMEOUT)
            return "the app's shutdown took too long, probably in its lifespan, after `yield`. It was cut off."
        if self.running:
            blocked = (
                f"the server's event loop was blocked{self._where()}. Is an `await` missing, or does a call block?"
            )
            if self._break_off():
                return f"{blocked} It was broken off."
            return f"{blocked} It cannot be stopped from outside, and is left behind until the kernel restarts."
        if self._stubborn:
            return f"{self._stubborn} task(s) of the app went on after being cancelled, and were left behind."
        if self._tape.cut_off:
            paths = ", ".join(sorted(set(self._tape.cut_off)))
            return (
                f"{len(self._tape.cut_off)} endpoint(s) were still running although their clients had gone, "
                f"and were cancelled: {paths}"
            )
        return ""

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exc_info) -> None:
        self.stop()

    def _run(self) -> None:
        # Not asyncio.run(): nest_asyncio, which a reader may have applied, replaces it for the whole process.
        asyncio.set_event_loop(self._loop)
        try:
            self._main = self._loop.create_task(self._uvicorn.serve(sockets=[self._socket]))
            self._loop.run_until_complete(self._main)
        except BaseException as error:  # also uvicorn's SystemExit; `start` says it in the reader's cell
            self._error = error
        try:
            with contextlib.suppress(BrokenOff):
                self._loop.run_until_complete(self._end_tasks())
        finally:
            if self._closes_loop:
                self._loop.close()
            self._socket.close()
            self._ready.set()

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            _, stubborn = await asyncio.wait(tasks, timeout=0.2)
            self._stubborn = len(stubborn)
            _abandoned.extend(stubborn)
        if self._closes_loop:
            await self._loop.shutdown_asyncgens()

    def _ask_to_stop(self, cancel: bool = False) -> None:
        self._uvicorn.should_exit = True
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            self._loop.call_soon_threadsafe(self._uvicorn.stop_asked.set)
            if cancel:
                self._loop.call_soon_threadsafe(lambda: self._main.cancel())  # the thread may not have made it yet

    def _answers(self, timeout: float = 0.1) -> bool:
        """Whether the server's event loop goes round, within `timeout` seconds."""
        answer = threading.Event()
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            self._loop.call_soon_threadsafe(answer.set)
        end = time.monotonic() + timeout
        while self.running and (left := end - time.monotonic()) > 0:
            if answer.wait(min(left, 0.1)):
                return True
        return answer.is_set()

    def _gets_on_with(self, it) -> bool:
        """Whether `it()` comes true in some more turns of the server's event loop.

        They are over at once if the loop has nothing to do: then the app waits for something. On a busy machine they
        are what was missing.
        """
        end = time.monotonic() + BUSY_TIMEOUT
        for _ in range(100):
            if it() or self._where() or not self._answers(end - time.monotonic()):
                break
        return it()

    def _break_off(self) -> bool:
        """Raise an error in the server's thread, wherever it is; say whether that ended it.

        It ends code that runs in circles. A call that blocks outside of Python, such as `time.sleep()`, goes on.
        (https://docs.python.org/3/c-api/threads.html#c.PyThreadState_SetAsyncExc)
        """
        thread = ctypes.c_ulong(self._thread.ident)
        end = time.monotonic() + BREAK_TIMEOUT
        with _nothing_in_the_way():
            # Once the loop goes round again, the next client in the queue may find an endpoint of the same kind.
            while self.running and time.monotonic() < end:
                if not self._answers(timeout=0.02):
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(BrokenOff))
                self._thread.join(0.01)
        return not self.running

    def _where(self) -> str:
        """Where the server's thread is now, if that is in the app: ` in slow(), line 5`."""
        frame = sys._current_frames().get(self._thread.ident)
        own = [f for f in traceback.extract_stack(frame) if not is_library(f.filename)] if frame else []
        return f" in {own[-1].name}(), line {own[-1].lineno} of its cell or file" if own else ""


def anything_left() -> bool:
    """Whether a server's thread still runs, or a task that went on after it was cancelled."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("wslab server")]
    return bool(threads) or any(not task.done() for task in _abandoned)


async def go_round() -> None:
    """Let the running event loop go round some times, so that what is ready can be done."""
    for _ in range(10):
        await asyncio.sleep(0)


def serve(app, *, port: int = 0, name: str = "app", **uvicorn_options) -> Server:
    """Serve `app` from a thread of this notebook, on 127.0.0.1, and return the running `Server`.

    app: a FastAPI (or any other ASGI) app.
    port: 0 lets the system pick a free one.
    name: running the cell again replaces the server of the same name. Another name runs a second server beside it.
    uvicorn_options: passed on to `uvicorn.Config`, such as `ws="wsproto"`.

    Raises ServeError, within 2 seconds, if `app` is not an app, does not start, or the port is taken.
    """
    # Before the old server is stopped: a slip should not cost the reader the server that works.
    check_app(app)
    check_options(port, uvicorn_options)
    if name in _servers:
        _servers[name].stop()
    server = Server(app, port=port, **uvicorn_options)
    server.start()
    _servers[name] = server
    kernel.let_interrupt_work()
    kernel.spare_the_proxy()
    return server


@atexit.register
def stop_all() -> None:
    """Stop every server that `serve` started and that still runs."""
    for server in list(_servers.values()):
        server.stop()


def check_app(app) -> None:
    """Raise ServeError, with what to do about it, unless `app` can be called as an ASGI app."""
    if isinstance(app, str):
        raise ServeError(f"got the text {app!r}. Import the app, and pass the app itself instead of its name.")
    if inspect.isclass(app):
        raise ServeError(f"got the class {app.__name__}. Pass an app that is made from it: {app.__name__}()")
    if not callable(app):
        raise ServeError(f"got a {type(app).__name__}, which is not an app. Pass your FastAPI app.")
    try:
        inspect.signature(app).bind("scope", "receive", "send")
    except TypeError:
        called = getattr(app, "__name__", type(app).__name__)
        raise ServeError(
            f"got {called}(), which does not take an ASGI app's three arguments (scope, receive, send). "
            "Pass the FastAPI app, not the endpoint."
        ) from None


def check_options(port: int, uvicorn_options: dict) -> None:
    """Raise ServeError, with what to do about it, for a port that cannot be, or a `host`."""
    if "host" in uvicorn_options:
        raise ServeError("leave out `host`: a notebook's server listens on 127.0.0.1 and nowhere else.")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise ServeError(f"port must be a whole number from 0 to 65535, not {port!r}")


def listen(port: int) -> socket.socket:
    """A socket that listens on `port` of 127.0.0.1 (0: any free one). Raises ServeError if it can't."""
    sock = socket.socket()
    if sys.platform == "win32":  # there, SO_REUSEADDR would share the port with another program
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        sock.close()
        raise ServeError(
            f"port {port} cannot be used ({error.strerror}). Leave `port` out, and the system picks a free one."
        ) from None
    return sock


def is_library(filename: str) -> bool:
    """Whether a source file belongs to Python, an installed package or wslab, and not to the reader."""
    # Not sys.base_prefix: that may be /usr, and the reader's own code lie in /usr/src.
    python, wslab = (os.path.dirname(module) + os.sep for module in (os.__file__, __file__))
    packages = ("site-packages", "dist-packages")  # the latter is Debian's name for the former
    return any(name in filename for name in packages) or filename.startswith((python, "<frozen", wslab))
