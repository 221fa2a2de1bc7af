"""What goes wrong on the server's side while a client is there, noted where it happens."""

import asyncio
import linecache
import logging
import re
import signal
import threading
import warnings
import weakref
from pathlib import Path

from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import HANDLED_SIGNALS

from wslab import library
from wslab.conversation import Connection, Mark, _connection
from wslab.examination.evidence import Fault, Spot, faults, spot, where_it_is_defined, without_addresses

NEVER_AWAITED = "was never awaited"  # ends Python's warning


class Watch:
    """Notes what goes wrong on the server's side: in endpoints, in tasks that nobody awaits, in the log."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        loop.set_task_factory(self._make_task)
        self.raised: list[Fault] = []
        self.logged: list[Fault] = []
        self.returned: list[tuple[Connection, Spot]] = []
        # Where who has last sent to another that has gone; 0: nobody's endpoint, but a task or a request of the app's
        self.misled: dict[int, Spot] = {}
        # Where a coroutine was made that nobody awaited, which, and for whom
        self.unawaited: list[tuple[Spot, str, Connection | None]] = []
        self._loop = loop
        loop.add_signal_handler = self.takes_over
        self.signals: list[tuple[str, Spot]] = []  # that the app has taken over, and where
        self.tasks: weakref.WeakSet[asyncio.Task] = weakref.WeakSet()  # that endpoints and requests have made
        self._failed: list[tuple[asyncio.Task, Connection | None]] = []
        self._make_record = logging.getLogRecordFactory()
        self._warnings = warnings.catch_warnings()

    def ended(self, connection: Connection, error: BaseException | None) -> None:
        """An endpoint has ended by itself: for `Tape.on_end`."""
        if isinstance(error, ClientDisconnected):
            return  # its client had gone before it was accepted: uvicorn says nothing of that either
        if error is not None:
            self.raised += faults(error, connection, connection.endpoint)
        elif not connection.ended and not connection.given_up:
            self.returned.append((connection, Spot(**where_it_is_defined(connection.endpoint))))

    def takes_over(self, number: int, *_) -> None:
        """In the place of the loop's `add_signal_handler()`, which works in the main thread alone."""
        if number in HANDLED_SIGNALS and (where := spot(library.frames(threading.get_ident()))).file:
            self.signals.append((signal.Signals(number).name, where))

    def signal(self, number: int, handler):
        """In the place of `signal.signal()`, which works in the main thread alone."""
        if threading.current_thread() is threading.main_thread():
            return self._signal(number, handler)
        self.takes_over(number)
        return signal.getsignal(number)

    def could_not_send(self, sender: Connection | None) -> None:
        """An endpoint has sent to another connection, which has ended: for `Tape.on_misled`."""
        self.misled[sender.number if sender else 0] = spot(library.frames(threading.get_ident()))

    async def send(self, websocket: WebSocket, message) -> None:
        """Starlette's. What it refuses by itself, since that connection has ended, never reaches the tape."""
        try:
            await self._send(websocket, message)
        except RuntimeError:
            sender, mark = _connection.get(), websocket.scope.get("wslab.mark")
            if isinstance(mark, Mark) and mark.connection is not sender:
                self.could_not_send(sender)
            raise

    def warned(self, message, *where) -> None:
        """Note that a coroutine of the app's own was never awaited; show any other warning, as always."""
        found = re.match(rf"coroutine '(.+)' {NEVER_AWAITED}", str(message))
        if found and asyncio._get_running_loop() is self._loop:
            made = spot(library.frames(threading.get_ident()))
            # Python warns where it is thrown away: mostly, and only then is that known, where it was made.
            if found[1].rpartition(".")[2] in linecache.getline(made.file, made.line):
                self.unawaited.append((made, found[0], _connection.get()))
                return
        self._show(message, *where)

    def _make_task(self, loop, coroutine, **options) -> asyncio.Task:
        task = asyncio.Task(coroutine, loop=loop, **options)
        connection = _connection.get()
        if connection is not None or self._is_of_a_client(asyncio.current_task(loop)):
            self.tasks.add(task)
        code = getattr(coroutine, "cr_code", None)
        if connection is not None or (code is not None and not library.is_library(code.co_filename)):
            task.add_done_callback(lambda task: self._note(task, connection))
        return task

    def _is_of_a_client(self, task: asyncio.Task | None) -> bool:
        """Whether a task serves a request, or was made by one that does, and not by a worker of the app's own."""
        of_uvicorn = "RequestResponseCycle.run_asgi"
        return task in self.tasks or getattr(task and task.get_coro(), "__qualname__", "") == of_uvicorn

    def _note(self, task: asyncio.Task, connection: Connection | None) -> None:
        if not task.cancelled() and task._exception is not None:
            self._failed.append((task, connection))

    def unseen(self) -> list[Fault]:
        """The errors of tasks that have failed, and that nobody has looked at, since the last call."""
        failed, self._failed = self._failed, []
        found = []
        for task, connection in failed:
            if task._log_traceback:
                error = task.exception()  # seen, so that asyncio does not complain about it
                found += faults(error, connection)
        return found

    def never_awaited(self) -> list[tuple[Spot, str, Connection | None]]:
        """The coroutines that nobody has awaited, since the last call: where each was made, which, and for whom."""
        taken, self.unawaited = self.unawaited, []
        return taken

    def take(self) -> tuple[list[Fault], list[Fault], list[tuple[Connection, Spot]], dict[int, Spot]]:
        """What was raised, logged as an error, who returned without an end, and who was misled, since the last call."""
        taken = self.raised, self.logged, self.returned, self.misled
        self.raised, self.logged, self.returned, self.misled = [], [], [], {}
        return taken

    def record(self, *args, **options) -> logging.LogRecord:
        """Make a log record, as always, and note it if it is an error of the app's own."""
        record = self._make_record(*args, **options)
        connection = _connection.get()
        if Path(record.pathname).match("uvicorn/protocols/http/*") and record.exc_info and record.exc_info[1]:
            self.raised += faults(record.exc_info[1], None)  # of the request that makes the endpoint speak
        if record.levelno >= logging.ERROR and connection and not library.is_library(record.pathname):
            error = record.exc_info[1] if record.exc_info else None
            about = faults(error, connection)[0].spot if error else Spot()
            place = about if about.file else Spot(record.pathname, record.lineno, record.funcName)
            text = f"{record.levelname} {without_addresses(record.getMessage())[:200]!r}"
            names = (type(error).__name__,) if error else ()
            self.logged.append(Fault(text, names, place, connection.number, connection.state, connection.peer))
        return record

    def __enter__(self) -> "Watch":
        logging.setLogRecordFactory(self.record)
        self._send, WebSocket.send = WebSocket.send, lambda websocket, message: self.send(websocket, message)
        self._signal, signal.signal = signal.signal, self.signal
        self._warnings.__enter__()
        warnings.filterwarnings("always", f".*{NEVER_AWAITED}", RuntimeWarning)  # not the first one of a line alone
        self._show, warnings.showwarning = warnings.showwarning, self.warned
        return self

    def __exit__(self, *exc_info) -> None:
        self._warnings.__exit__(*exc_info)
        WebSocket.send, signal.signal = self._send, self._signal
        logging.setLogRecordFactory(self._make_record)
