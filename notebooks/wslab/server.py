"""Serve an ASGI app beside the reader's code, and look at what its WebSocket clients and endpoints said.

`serve` is what a cell calls and `Server` is what it gets. What they are made of: `thread` has uvicorn and its event
loop, `conversation` the tape of what was said, `settling` waits until it is complete, `stopping` ends it all, and
`arguments` refuses what cannot be served.
"""

import asyncio
import atexit
import math
import socket
import sys

import uvicorn

from wslab import kernel, stopping
from wslab.arguments import check_app, check_options, listen
from wslab.conversation import Conversation, Tape, record_logs
from wslab.errors import ServeError
from wslab.loop import Clock
from wslab.settling import QUIET_TIMEOUT, SETTLE_TIMEOUT, read_sockets, settle
from wslab.thread import ServerThread

START_TIMEOUT = 1.8  # seconds for the app's start-up; with the rest, an answer within 2 s
CANCEL_TIMEOUT = 0.2  # seconds of that for a start-up that is cancelled
BLOCKED_TIMEOUT = 1.5  # seconds after which a loop that does not answer counts as blocked

UVICORN_DEFAULTS = {
    "log_level": "info",  # what endpoints log with logger.info() shall reach the tape
    "log_config": None,
    "access_log": False,
    "proxy_headers": False,
    # Left alone, an endpoint that never ends would block the shutdown.
    "timeout_graceful_shutdown": stopping.HANDLER_TIMEOUT,
}

_servers: dict[str, "Server"] = {}


class Server:
    """A running server, as `serve` returns it. In a program: `with serve(app) as server: ...`"""

    def __init__(self, app, *, port: int, loop: asyncio.AbstractEventLoop | None = None, **uvicorn_options):
        check_options(port, uvicorn_options)
        self.start_timeout = START_TIMEOUT
        self.settle_timeout = SETTLE_TIMEOUT
        self._tape = Tape(app)
        config = uvicorn.Config(self._tape, **(UVICORN_DEFAULTS | uvicorn_options))
        self._config = config
        self._socket = listen(port)
        self.port = self._socket.getsockname()[1]
        self._clock = Clock()
        self._thread = ServerThread(config, self._socket, loop)
        self._tape.connections = self._thread.connections

    def url(self, path: str = "/") -> str:
        """The WebSocket address of `path` on this server, such as `ws://127.0.0.1:PORT/ws`."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def http_url(self, path: str = "/") -> str:
        """The HTTP address of `path` on this server, such as `http://127.0.0.1:PORT/`."""
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def running(self) -> bool:
        """Whether the server's thread is alive."""
        return self._thread.running

    async def conversation(self) -> Conversation:
        """What endpoints have received, sent and logged since the last call, as a picture.

        It first waits until the endpoints whose clients have left are done, for 5 seconds at most. So the same run
        gives the same picture, as long as the clients speak in an order of their own, each waiting for its answer.
        Called again with nothing new to show, it shows the last one again.
        """
        if self.running:
            hint = " Is an `await` missing, or does a call block?"
            await self._thread.run(read_sockets(self._tape), QUIET_TIMEOUT + BLOCKED_TIMEOUT, hint)
            settled = settle(self._tape, self.settle_timeout)
            await self._thread.run(settled, self.settle_timeout + BLOCKED_TIMEOUT, hint)
        return self._tape.conversation()

    async def on_loop(self, function):
        """Call `function` on the server's event loop and return its result. Raises ServeError if that is blocked."""

        async def call():
            return function()

        return await self._thread.run(call(), BLOCKED_TIMEOUT)

    async def let_time_pass(self, seconds: float) -> None:
        """Set the clock of the server's event loop forward: timers go off that are due by then, and nobody waits.

        It goes in a hundred steps, with some turns of the loop for each, so that whoever sets timers one after the
        other gets to it. The clock is `loop.time()`, by which asyncio's timers go
        (https://docs.python.org/3/library/asyncio-eventloop.html). Serve with `ws_ping_interval=None` if it may be
        more than 20 seconds: the clients' clocks do not go with it, and the keepalive may take them for dead.
        Raises ServeError if the loop is blocked.
        """
        await self._thread.run(self._clock.set_forward(seconds), SETTLE_TIMEOUT)

    @property
    def tape(self) -> Tape:
        """What notes all that passes, for whoever wants to know more than a conversation tells."""
        return self._tape

    @property
    def thread(self) -> ServerThread:
        """The thread that serves, for the same."""
        return self._thread

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

    def shrink_buffers(self, size: int = 4096) -> None:
        """Let the system buffer so many bytes of what those who come next do not read."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)

    def keepalive(self, interval: float | None, timeout: float | None) -> None:
        """Ping the clients who come next every `interval` seconds, which have `timeout` to answer. None: no pings."""
        self._config.ws_ping_interval, self._config.ws_ping_timeout = interval, timeout

    def start(self) -> None:
        """Start the server and return when it listens. Raises ServeError if that takes over `start_timeout` seconds."""
        record_logs()
        try:
            ready = self._thread.start(self.start_timeout)
        except BaseException:  # the reader has pressed Interrupt: nobody holds this server, so nobody could stop it
            self._thread.ask_to_stop(cancel=True)
            if self.running:
                self._thread.join(stopping.STOP_TIMEOUT)
            raise
        if ready and self._thread.serves:
            return
        self._thread.ask_to_stop(cancel=True)
        self._thread.join(CANCEL_TIMEOUT)
        if not ready:
            where = self._thread.where() or ", probably waiting in its lifespan, before `yield`"
            raise ServeError(f"the app has not started within {math.ceil(self.start_timeout)} seconds{where}.")
        error = self._tape.startup_error or self._thread.error
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
        return stopping.stop(self._thread, self._tape) if self.running else ""

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exc_info) -> None:
        self.stop()


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
