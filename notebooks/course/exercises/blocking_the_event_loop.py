"""The check under the exercise of blocking-the-event-loop, and the blocking library that the exercise is about."""

import asyncio
import contextlib
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from types import FrameType

from fastapi import FastAPI
from websockets import ConnectionClosed

from course.judging import WAIT, Client, NotYet, Verdict, check_up, describe_end, judge, visit
from wslab.library import is_library
from wslab.server import ServeError, Server

__all__ = ["reports", "slow_report"]

HELD = 8.0  # seconds after which a report that the check holds back is made all the same
HASTE = 0.3  # seconds in which an answer comes that has no reason to wait
HANDED_ON = 1.0  # seconds that the check waits at most until the threads have handed on their reports
ON_THE_LOOP = "Hand it to a thread: asyncio.to_thread() takes the function and its arguments, and calls it there."
ONE_BY_ONE = "A report waits for another one to be done. Is there a lock, or a pool with too few threads?"
ELSEWHERE = (
    "a report was sent from another thread, and the websocket is not made for that. Let the thread return the report, "
    "and send it in the endpoint."
)
OWN = "Each client gets the report that they asked for."


class Library:
    """The works behind `slow_report`: what it was called for, and which reports the check holds back."""

    def __init__(self):
        self.pause = 0.3  # seconds for a report
        self.loop: asyncio.AbstractEventLoop | None = None  # the server's, during a check
        self.blocked = ""  # where `slow_report` was called on that loop
        self.sent_elsewhere = False  # whether something was sent from another loop
        self.begun: list[str] = []
        self.done: list[str] = []
        self.callers: dict[str, tuple[int, FrameType | None]] = {}  # of each report the thread, and who called
        self._gates: dict[str, threading.Event] = {}

    def make(self, name: str) -> str:
        """Make a report: block, as long as it takes."""
        if self.loop is not None and self.loop is asyncio._get_running_loop():
            own = [frame for frame in traceback.extract_stack() if not is_library(frame.filename)]
            self.blocked = f"{own[-1].name}(), line {own[-1].lineno} of its cell" if own else "the endpoint"
        self.callers[name] = threading.get_ident(), sys._getframe(1).f_back  # frame 1 is that of slow_report
        self.begun.append(name)
        if gate := self._gates.get(name):
            gate.wait(HELD)
        else:
            time.sleep(self.pause)
        self.done.append(name)
        return f"report for {name}"

    @contextlib.contextmanager
    def hold(self, *names: str) -> Iterator[None]:
        """Meanwhile, the reports for `names` are not done until they are released."""
        self._gates = {name: threading.Event() for name in names}
        try:
            yield
        finally:
            self.release(*names)
            self._gates = {}

    def release(self, *names: str) -> None:
        """Let the reports for `names` be done."""
        for name in names:
            self._gates[name].set()

    def release_in_turn(self, *names: str) -> None:
        """Let the reports for `names` be done, one after the other, each with the function that called for it."""
        end = time.monotonic() + HANDED_ON
        for name in names:
            self.release(name)
            while self._has_its_caller(name) and time.monotonic() < end:
                time.sleep(0.001)

    def _has_its_caller(self, name: str) -> bool:
        """Whether the function that called for the report for `name` still runs in its thread."""
        thread, caller = self.callers[name]
        frame = sys._current_frames().get(thread)
        while frame is not None and frame is not caller:
            frame = frame.f_back
        return frame is not None


_library = Library()


def slow_report(name: str) -> str:
    """Return the report for `name`. Stands for somebody else's library: it blocks for a third of a second."""
    return _library.make(name)


async def reports(app) -> Verdict:
    """`/report` answers each name with `slow_report(name)`, and keeps nobody else waiting meanwhile."""
    global _library
    before, _library = _library, Library()
    _library.pause = 0.01

    async def watched(scope, receive, send):
        loop = asyncio.get_running_loop()

        async def watched_send(message):
            if asyncio.get_running_loop() is not loop:
                _library.sent_elsewhere = True
            await send(message)

        await app(scope, receive, watched_send)

    try:
        verdict = await judge(
            watched if isinstance(app, FastAPI) else app,
            serves_others_meanwhile,
            serves_several_at_once,
            keeps_reports_apart,
            keeps_the_order,
        )
        return await check_up(
            verdict,
            app,
            "/report",
            "goes away",
            "does not wait",
            "crowd",
            "stays",
            say="Ann",
            good="clients that vanish, come in a crowd, or stay until the end do it no harm",
        )
    finally:
        _library = before


async def serves_others_meanwhile(server: Server) -> str:
    """While Ann's report is held back, Ben comes, asks, and gets his."""
    _library.loop = await server.on_loop(asyncio.get_running_loop)
    async with visit(server, "/report") as ann:
        with _library.hold("Ann"):
            await ann.say("Ann")
            await begins("Ann", ann)
            asked = False
            try:
                async with visit(server, "/report") as ben:
                    await ben.say("Ben")
                    asked = True
                    await ben.expect("report for Ben")
            except NotYet as problem:
                await say_where_it_is_blocked(server)
                hint = ONE_BY_ONE if asked and "Ben" not in _library.begun else problem.hint
                raise NotYet(f"while Ann's report was being made, Ben came: {problem}", hint) from None
            await comes_too_early("Ann", ann)
        await ann.expect("report for Ann", wrong=OWN)
        if _library.sent_elsewhere:
            raise NotYet(ELSEWHERE)
    return "while Ann's report is being made, Ben connects and gets his"


async def serves_several_at_once(server: Server) -> str:
    """Three reports are held back at the same time, and released from the last to the first."""
    async with all_asking(server, "Cleo", "Dan", "Eve") as clients:
        for name, client in reversed(clients.items()):
            _library.release(name)
            await client.expect(f"report for {name}", wrong=OWN)
    return "three reports are made at the same time, and go to those who asked for them"


async def keeps_reports_apart(server: Server) -> str:
    """Three reports are done before any endpoint goes on, since the server's event loop is held up meanwhile."""
    async with all_asking(server, "Fay", "Gus", "Hal") as clients:
        await server.on_loop(lambda: _library.release_in_turn(*clients))
        for name, client in clients.items():
            await client.expect(f"report for {name}", wrong=f"Three were done at the same time. {OWN}")
    return "also if all three are done at once"


@contextlib.asynccontextmanager
async def all_asking(server: Server, *names: str) -> AsyncIterator[dict[str, Client]]:
    """Clients that have asked for these names at the same time; the reports have begun, and are held back."""
    async with contextlib.AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(visit(server, "/report")) for name in names}
        with _library.hold(*names):
            for name, client in clients.items():
                await client.say(name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WAIT):
                    while not set(names) <= set(_library.begun):
                        await asyncio.sleep(0.01)
            if waiting := [name for name in names if name not in _library.begun]:
                for name in waiting:
                    if got := await received(clients[name], 0):
                        raise NotYet(f"{name!r} was answered {got!r}, and slow_report({name!r}) was not called.", OWN)
                raise NotYet(
                    f"three clients asked at the same time, and slow_report() was called for "
                    f"{3 - len(waiting)} of them.",
                    ONE_BY_ONE,
                )
            yield clients


async def keeps_the_order(server: Server) -> str:
    """One client asks twice, and the first report takes longer."""
    async with visit(server, "/report") as client:
        with _library.hold("one"):
            await client.say("one")
            await begins("one", client)
            await client.say("two")
            if early := await received(client, HASTE):
                raise NotYet(
                    f"a client asked for 'one', then for 'two', and was answered {early!r} while the report "
                    "for 'one' was still being made. Wait for a report before you receive the next name."
                )
        client.said = "one"
        await client.expect("report for one")
        client.said = "two"
        await client.expect("report for two")
    return "a client that asks twice gets the two reports in order"


async def begins(name: str, client: Client) -> None:
    """Wait until the report for `name` is being made, elsewhere than on the event loop."""
    called = f"slow_report({name!r})"
    got: str | bytes = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT):
            while name not in _library.begun and not got:
                got = await received(client, 0.01)
    if _library.blocked:
        raise NotYet(
            f"while {called} was at work, nobody else could be served: it ran on the thread of the event loop, "
            f"called in {_library.blocked}. {ON_THE_LOOP}"
        )
    if "<coroutine object" in str(got):
        raise NotYet(f"{name!r} was answered with the text of a coroutine. Its `await` is missing.")
    if got and name not in _library.begun:
        raise NotYet(f"{name!r} was answered {got!r}, and {called} had not been called.")
    if got:
        too_early(name, got)
    if name not in _library.begun:
        raise NotYet(
            f"{name!r} asked, and {called} was not called within {WAIT:g} seconds. (The check sees the threads of this "
            "process only.)"
        )


async def received(client: Client, patience: float) -> str | bytes:
    """What comes to the client in this time, or an empty text."""
    try:
        async with asyncio.timeout(patience):
            return await client.ws.recv()
    except TimeoutError:
        return ""
    except ConnectionClosed:
        raise NotYet(f"{client.said!r} asked, and the connection ended, with {describe_end(client.ws)}.") from None


async def comes_too_early(name: str, client: Client) -> None:
    """No answer may have come while the report is held back."""
    with contextlib.suppress(ConnectionClosed, TimeoutError):
        async with asyncio.timeout(WAIT):
            await (await client.ws.ping())  # what the endpoint sent before has come when the pong comes
    if got := await received(client, 0):
        too_early(name, got)


def too_early(name: str, got: str | bytes) -> None:
    """An answer came before the report was there."""
    raise NotYet(f"{name!r} was answered {got!r} before slow_report({name!r}) had returned. Await its result.")


async def say_where_it_is_blocked(server: Server) -> None:
    """If the event loop is blocked, that is the reason to give."""
    try:
        await server.on_loop(lambda: None)
    except ServeError as blocked:
        reason = str(blocked).removeprefix("the server's ").rstrip(".")
        raise NotYet(
            f"while Ann's report was being made, Ben got no answer: the {reason}. The function that waits there for "
            "the report has no `await`."
        ) from None
