"""The app, which runs: it is started once, and all clients come to it; and what is known of it."""

import asyncio
import atexit
import contextlib
import gc
import itertools
import threading
import time
from dataclasses import dataclass, replace

from wslab.examination.clients import Seen, Target
from wslab.examination.evidence import Fault
from wslab.examination.findings import Harm, Kind, Sign
from wslab.examination.idle import is_idle
from wslab.examination.process import Imported
from wslab.examination.pulse import BEAT, Pulse
from wslab.examination.watch import Watch
from wslab.server import ServeError, Server

START = 10.0  # seconds for the app's start-up
IMPORT = 50.0  # seconds more where it is imported only then
MAX_SIZE = 64 * 1024  # bytes: the limit for a message during the check-up
SECONDS = 22.0  # for all clients together, if something was found

# Event loops for the servers, each of one check-up at a time. All check-ups of a test suite go on with the same one:
# what an app has made on it, such as a lock, works with no other.
_loops: list[asyncio.AbstractEventLoop] = []


@atexit.register
def close_loops() -> None:
    """Close them when Python ends."""
    for loop in _loops:
        loop.close()


@dataclass(frozen=True)
class Plan:
    """What a process needs to know, beside the app: what is to be done, and what was learned so far."""

    path: str
    target: Target
    names: tuple[str, ...]  # clients that are still to come
    room: bool = False
    ws: str = "auto"
    trigger: str = ""
    can_go_on: bool = False  # a fresh process is possible
    first: Seen | None = None  # what the very first client saw
    unanswered: tuple[str | bytes, ...] = ()  # of the messages
    alone: bool = False  # there is a place for one only
    steady: bool = True  # in a room, the others hear what one says each time
    taken: bool = False  # what is meant for one goes to who came later
    ticks: bool = False  # something comes by itself, to each, or, if `taken`, to who came later
    no_room: bool = False  # it was said to be a room, and nobody hears what another says
    tidies: bool = False  # it lets a polite client go at once
    known: tuple[Sign, ...] = ()  # what was seen beyond doubt, and need not be waited for again
    seconds: float = SECONDS  # see `checkup`
    spent: float = 0.0  # of them

    @property
    def time_is_over(self) -> bool:
        """Whether nobody else needs to come: something was found, and it would take long."""
        return self.spent > self.seconds and any(sign.harm is not Harm.NOTE for sign in self.known)

    @property
    def answers(self) -> bool:
        """Whether the endpoint answers anything, or need not."""
        if self.first is None or self.room or self.first.refused is not None:
            return True
        return any(self.target.answered) or self.first.answers > 0 or self.first.pushes


class Patient:
    """The app, which runs, and what is known of it. `async with` ends it, however it ends."""

    def __init__(self, app, plan: Plan):
        self._loop = loop = _loops.pop() if _loops else asyncio.new_event_loop()
        pings = {"ws_ping_interval": None, "ws_ping_timeout": None}
        self.server = Server(app, port=0, loop=loop, ws=plan.ws, ws_max_size=MAX_SIZE, **pings)
        self.app = app
        self.watch = Watch(loop)
        self.server.tape.on_end = self.watch.ended
        self.server.tape.on_misled = self.watch.could_not_send
        url = self.server.url(plan.path)
        self.target = replace(plan.target, url=url, idle=self.is_idle, numbers=itertools.count())
        self.first = Seen()
        self.room = plan.room
        self.well = True  # a polite client is served
        self.alone = False  # there is a place for one only
        self.steady, self.taken, self.tidies, self.ticks = True, False, False, False  # see `Plan`
        self.after = ""  # the client that has left something behind
        self.known: list[Sign] = []  # see `Plan`
        self.raised_early: list[Fault] = []  # by whoever came too early
        self.clock = Pulse()  # how long it has been at it
        self._was_busy = 0.0  # when it was last seen so, by `time.monotonic()`
        self.was_blocked = False  # its event loop, at least once
        self.stubborn: set[asyncio.Task] = set()  # endpoints that cannot be ended

    async def start(self) -> None:
        """Start the app. Raises ServeError if that does not work."""
        imported = isinstance(self.app, Imported)
        self.server.start_timeout = START + IMPORT * imported
        try:
            await asyncio.to_thread(self.server.start)
        except ServeError:
            if not (imported and self.app.problem):
                raise
        if imported and self.app.problem:
            raise self.app.problem
        # Python's garbage collector looks at all that the process holds, and nothing else runs meanwhile. In a process
        # that holds much, that may last as long as what an endpoint is to be accused of: let it look at what is new.
        gc.freeze()

    def learn(self, plan: Plan) -> None:
        """Take in what was learned."""
        about = ("say", "answered", "prologue", "farewell")
        self.target = replace(self.target, **{name: getattr(plan.target, name) for name in about})
        self.first, self.room, self.alone = plan.first, plan.room, plan.alone
        self.steady, self.taken, self.tidies, self.ticks = plan.steady, plan.taken, plan.tidies, plan.ticks
        self.well = plan.first.refused is None
        self.known = list(plan.known)

    def twice(self, *kinds: Kind) -> bool:
        """Whether such a thing is known, beyond doubt, from two clients: then it need not be waited for again."""
        return sum(sign.kind in kinds for sign in self.known) > 1

    async def end(self) -> str:
        """Stop it, if it still runs. Returns what there is to say about that, and was not said before."""
        trouble = await asyncio.to_thread(self.server.end) if self.server.running else ""
        return "" if self.stubborn or self.was_blocked else trouble

    async def is_idle(self, seconds: float) -> bool:
        """Whether the server waits for its clients, and in so many seconds for nothing else."""
        if time.monotonic() - self._was_busy < BEAT:  # many ask, as in a crowd: one look is enough
            return False
        thread = threading.get_ident()
        with contextlib.suppress(ServeError):
            if await self.server.on_loop(lambda: is_idle(seconds, thread)):
                return True
        self._was_busy = time.monotonic()
        return False

    def running(self) -> dict[asyncio.Task, object]:
        """The endpoints that run, and the connection of each, without those that cannot be ended."""
        return {task: c for task, c in self.server.tape.endpoints.items() if task not in self.stubborn}

    async def __aenter__(self) -> "Patient":
        self.watch.__enter__()
        self.clock.start()
        return self

    async def __aexit__(self, *exc_info) -> None:
        self.watch.__exit__()
        self.clock.stop()
        await asyncio.shield(self.end())
        for name in ("time", "add_signal_handler"):  # that its clock was set forward; see `Watch`
            self._loop.__dict__.pop(name, None)
        if asyncio.all_tasks(self._loop):  # something of the app's goes on, and might be in the way of the next app
            with contextlib.suppress(RuntimeError):  # it even keeps the loop running
                self._loop.close()
        else:
            self._loop.set_task_factory(None)
            _loops.append(self._loop)
        gc.unfreeze()
