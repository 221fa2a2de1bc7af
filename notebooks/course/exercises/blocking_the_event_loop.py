"""The check under the exercise of blocking-the-event-loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from fastapi import FastAPI
from websockets import ConnectionClosed

from course.client import WAIT, Client, NotYet, describe_end, until, visit
from course.judging import Verdict, check_up, judge, lets_clients_leave, waits_for_the_silent
from course.slow_library import Library
from course.troubles import UNEXPECTED, lets_bugs_show
from wslab.server import ServeError, Server

__all__ = ["reports", "slow_report"]

PATH = "/report"
HASTE = 0.3  # seconds in which an answer comes that has no reason to wait
ON_THE_LOOP = "Hand it to a thread: asyncio.to_thread() takes the function and its arguments, and calls it there."
ONE_BY_ONE = "A report waits for another one to be done. Is there a lock, or a pool with too few threads?"
ELSEWHERE = (
    "a report was sent from another thread, and the websocket is not made for that. Let the thread return the report, "
    "and send it in the endpoint."
)
SHARED = "Is the name in a variable that all calls share? A variable inside the function belongs to one client."
OWN = "Each client gets the report that they asked for."

_library = Library()  # during a check another one, of which no thread knows that an earlier answer left behind


def slow_report(name: str) -> str:
    """Return the report for `name`. Stands for somebody else's library: it blocks for a third of a second."""
    return _library.make(name)


async def reports(app) -> Verdict:
    """`/report` answers each name with `slow_report(name)`, and keeps nobody else waiting meanwhile."""
    global _library
    before, _library = _library, Library()
    _library.pause = 0.01
    leave = partial(lets_clients_leave, path=PATH, message="Ann")
    bugs = partial(lets_bugs_show, path=PATH, errors=UNEXPECTED, says=["Ann"])
    asks = [partial(Client.ask, message="Ann", answer="report for Ann")] * 2
    silent = partial(waits_for_the_silent, path=PATH, asks=asks)
    steps = [serves_others_meanwhile, serves_several_at_once, keeps_reports_apart, keeps_the_order, leave, bugs, silent]
    try:
        verdict = await judge(watched(app) if isinstance(app, FastAPI) else app, *steps, ws_ping_interval=None)
        clients = ["does not wait", "crowd", "stays"]
        good = "clients that vanish, come in a crowd, or stay until the end do it no harm"
        return await check_up(verdict, app, PATH, *clients, say="Ann", good=good)
    finally:
        _library = before


def watched(app):
    """The app; whether it sends from another event loop than the server's, the library notes, too."""

    async def watched_app(scope, receive, send):
        loop = asyncio.get_running_loop()

        async def watched_send(message):
            if asyncio.get_running_loop() is not loop:
                _library.sent_elsewhere = True
            await send(message)

        await app(scope, receive, watched_send)

    return watched_app


async def serves_others_meanwhile(server: Server) -> str:
    """While Ann's report is held back, Ben comes, asks, and gets his."""
    _library.loop = await server.on_loop(asyncio.get_running_loop)
    async with visit(server, PATH) as ann:
        with _library.hold("Ann"):
            await ann.say("Ann")
            await begins("Ann", ann)
            await ben_gets_his(server)
            await ann.caught_up()
            if got := await received(ann, 0):
                raise too_early("Ann", got)
        await ann.expect("report for Ann", wrong=OWN)
        if _library.sent_elsewhere:
            raise NotYet(ELSEWHERE)
    return "while Ann's report is being made, Ben connects and gets his"


async def ben_gets_his(server: Server) -> None:
    asked, before = False, len(_library.begun)
    try:
        async with visit(server, PATH) as ben:
            await ben.say("Ben")
            asked = True
            await ben.expect("report for Ben")
    except NotYet as problem:
        await say_where_it_is_blocked(server)
        called = _library.begun[before:]
        hint = problem.hint if not asked or "Ben" in called else called_for_others(called) if called else ONE_BY_ONE
        raise NotYet(f"while Ann's report was being made, Ben came: {problem}", hint) from None


def called_for_others(names: list[str]) -> str:
    """The hint where the reports were made for other names than those that were asked for."""
    return f"slow_report() was called for {', '.join(map(repr, names))}. {SHARED}"


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
        clients = {name: await stack.enter_async_context(visit(server, PATH)) for name in names}
        with _library.hold(*names):
            before = len(_library.begun)
            for name, client in clients.items():
                await client.say(name)
            await until(lambda: len(_library.begun) - before >= len(names))
            waiting = [name for name in names if name not in _library.begun]
            for name in waiting:
                if got := await received(clients[name], 0):
                    raise NotYet(f"{name!r} was answered {got!r}, and slow_report({name!r}) was not called.", OWN)
            if waiting:
                called = _library.begun[before:]
                asked = f"three clients asked at the same time, {', '.join(map(repr, names))}, and"
                if len(called) == len(names):
                    raise NotYet(f"{asked} {called_for_others(called)}")
                raise NotYet(f"{asked} slow_report() was called for {len(called)} of them.", ONE_BY_ONE)
            yield clients


async def keeps_the_order(server: Server) -> str:
    """One client asks twice, and the first report takes longer."""
    async with visit(server, PATH) as client:
        with _library.hold("one"):
            await client.say("one")
            await begins("one", client)
            await client.say("two")
            if early := await received(client, HASTE):
                raise NotYet(
                    f"a client asked for 'one', then for 'two', and was answered {early!r} while the report "
                    "for 'one' was still being made. Wait for a report before you receive the next name."
                )
        for name in ("one", "two"):
            client.said = name
            await client.expect(f"report for {name}")
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
        raise too_early(name, got)
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


def too_early(name: str, got: str | bytes) -> NotYet:
    """What to say of an answer that came before the report was there."""
    return NotYet(f"{name!r} was answered {got!r} before slow_report({name!r}) had returned. Await its result.")
