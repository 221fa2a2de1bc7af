"""The thread on which uvicorn and its event loop run, and what can be asked of it from outside.

Why a thread: on the kernel's own event loop a cell that blocks would stop the server too, and a second
`uvicorn.run()` is refused because that loop already runs. On a thread of its own the server has its own loop.

It starts, is asked to stop, runs a coroutine, and says whether and where its loop is busy. What to do about a loop
that does not answer is for others to decide: see `stopping`.
"""

import asyncio
import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable

import uvicorn

from wslab import library
from wslab.breaking_off import BrokenOff
from wslab.errors import ServeError
from wslab.loop import go_round

END_TIMEOUT = 0.2  # seconds that tasks get to end once they are cancelled, when the server's loop ends
BUSY_TIMEOUT = 8.0  # seconds more for each wait where nothing of the app is in the way: the machine may be busy
BEAT = 0.05  # seconds: so short are the waits that a longer one is made of

_abandoned: list[asyncio.Task] = []  # kept, since a task that is destroyed while it is pending complains on stderr


class UvicornServer(uvicorn.Server):
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


class ServerThread:
    """uvicorn on a thread of its own, which serves on `sock`, a socket that is bound.

    loop: the event loop to run on. It goes on with the next server, and is closed by who made it. Without one, the
        thread has a loop of its own, and closes it.
    """

    def __init__(self, config: uvicorn.Config, sock: socket.socket, loop: asyncio.AbstractEventLoop | None = None):
        self.error: BaseException | None = None  # what ended uvicorn, if it did not end as it should
        self.stubborn = 0  # tasks that went on after they were cancelled
        self._socket = sock
        self._loop = loop or asyncio.new_event_loop()
        self._closes_loop = loop is None
        self._ready = threading.Event()  # it serves, or has ended
        self._uvicorn = UvicornServer(config, self._ready)
        port = sock.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name=f"wslab server on port {port}", daemon=True)

    @property
    def connections(self) -> set:
        """uvicorn's set of the connections that are open now."""
        return self._uvicorn.server_state.connections

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread.is_alive()

    @property
    def serves(self) -> bool:
        """Whether uvicorn has come as far as to serve."""
        return self._uvicorn.started

    @property
    def number(self) -> int | None:
        """The thread's number, as `threading.get_ident()` gives it; None before it is started."""
        return self._thread.ident

    def start(self, timeout: float) -> bool:
        """Start the thread and wait until it serves or has ended: see `serves`.

        Returns whether that came within `timeout` seconds; where the machine is busy, it may be some more.
        """
        self._thread.start()
        return self.wait_until_ready(timeout) or self.gets_on_with(self._ready.is_set)

    def wait_until_ready(self, timeout: float) -> bool:
        """Wait until the thread is ready, `timeout` seconds at most. Returns whether it is."""
        return self._ready.wait(timeout)

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended, `timeout` seconds at most. Returns whether it has."""
        self._thread.join(timeout)
        return not self.running

    def ask_to_stop(self, cancel: bool = False) -> None:
        """Ask uvicorn for an orderly shutdown; or, with `cancel`, cancel it wherever it is. Returns at once."""
        self._uvicorn.should_exit = True
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            self._loop.call_soon_threadsafe(self._uvicorn.stop_asked.set)
            if cancel:
                self._loop.call_soon_threadsafe(lambda: self._main.cancel())  # the thread may not have made it yet

    def where(self) -> str:
        """Where the thread is now, if that is in the app: ` in slow(), line 5 of its cell or file`."""
        return library.where(self.number)

    def answers(self, timeout: float) -> bool:
        """Whether the event loop goes round, within `timeout` seconds."""
        answer = threading.Event()
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            self._loop.call_soon_threadsafe(answer.set)
        end = time.monotonic() + timeout
        while self.running and (left := end - time.monotonic()) > 0:
            if answer.wait(min(left, 0.1)):
                return True
        return answer.is_set()

    def gets_on_with(self, it: Callable[[], bool]) -> bool:
        """Whether `it()` comes true in some more turns of the event loop.

        They are over at once if the loop has nothing to do: then the app waits for something. On a busy machine they
        are what was missing.
        """
        end = time.monotonic() + BUSY_TIMEOUT
        for _ in range(100):
            if it() or self.where() or not self.answers(end - time.monotonic()):
                break
        return it()

    async def run(self, coroutine, patience: float, hint: str = ""):
        """Run a coroutine on the thread's loop and return its result.

        Raises ServeError, with the hint, if it has not ended after `patience` seconds: the loop is blocked then.
        """
        future = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))
        try:
            for seconds in (patience, BUSY_TIMEOUT):
                # In beats: on a busy machine each of them takes longer, as all does that the other thread has to do.
                for _ in range(math.ceil(seconds / BEAT)):
                    await asyncio.wait([future], timeout=BEAT)
                    if future.done():
                        return future.result()
                place = self.where()  # one that goes round is there in most looks, but not in all
                if place or not self.running:
                    break
        finally:
            future.cancel()
        raise ServeError(f"the server's event loop is blocked{place}.{hint}")

    def _serve(self) -> None:
        # Not asyncio.run(): nest_asyncio, which a reader may have applied, replaces it for the whole process.
        asyncio.set_event_loop(self._loop)
        try:
            self._main = self._loop.create_task(self._uvicorn.serve(sockets=[self._socket]))
            self._loop.run_until_complete(self._main)
        except BaseException as error:  # also uvicorn's SystemExit; `Server.start` says it in the reader's cell
            self.error = error
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
            _, stubborn = await asyncio.wait(tasks, timeout=END_TIMEOUT)
            self.stubborn = len(stubborn)
            _abandoned.extend(stubborn)
        if self._closes_loop:
            await self._loop.shutdown_asyncgens()


def anything_left() -> bool:
    """Whether a server's thread still runs, or a task that went on after it was cancelled."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("wslab server")]
    return bool(threads) or any(not task.done() for task in _abandoned)
