"""The check under the exercise of blocking-the-event-loop."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from functools import partial

from fastapi import FastAPI
from websockets import ConnectionClosed

from course.client import COMMANDS, ODD, WAIT, Client, NotYet, describe_end, news, until, visit
from course.error_log import errors_in_the_log
from course.judging import (
    AN_HOUR,
    ANOTHER_LOOP,
    NO_LIMIT,
    Verdict,
    check_up,
    judge,
    lets_clients_leave,
    look_further,
    waits_for_the_silent,
    what_the_endpoint_did,
)
from course.slow_library import Library
from course.troubles import CALLED, UNEXPECTED, ManyErrors, OtherErrors, lets_bugs_show, unseen
from wslab.server import ServeError, Server, serve

__all__ = ["reports", "slow_report"]

PATH = "/report"
MORE = "three", "four", "five", "six", "seven", "eight", "nine", "ten"
HASTE = 0.3  # seconds in which an answer comes that has no reason to wait
ON_THE_LOOP = "Hand it to a thread: asyncio.to_thread() takes the function and its arguments, and calls it there."
ONE_BY_ONE = "A report waits for another one to be done. Is there a lock, or a pool with too few threads?"
ELSEWHERE = (
    "a report was sent from another thread, and the websocket is not made for that. Let the thread return the report, "
    "and send it in the endpoint."
)
POOL = 36  # more than asyncio.to_thread() has threads: 32 at most
A_THREAD_EACH = (
    "Does each of them keep one of the few threads, although it has not asked for anything? Receive in the endpoint, "
    "and let a thread make a report, and nothing else."
)
NOT_SAFE = (
    "another thread did with the event loop what is not safe there, as the set_result() of an asyncio.Future is: the "
    "loop may sleep on, and the answer come late. Let asyncio.to_thread() do it, or loop.call_soon_threadsafe()."
)
SHARED = "Is the name in a variable that all calls share? A variable inside the function belongs to one client."
AS_IT_CAME = "Each message is a name, as it came: with its spaces, and an empty one, too."
FAILURES = {  # of a report, and words for them
    "an OSError": OSError,
    "a TimeoutError": TimeoutError,
    "a ValueError": ValueError,
    "a KeyError": KeyError,
    "a RuntimeError": RuntimeError,
    CALLED[ManyErrors]: ManyErrors,
    CALLED[OtherErrors]: OtherErrors,
}
MADE_ANEW = "Has its error been kept? Then let it go with its client, and call slow_report() for the next one."
PATIENCE = "It may take as long as it likes (the check sets the clock forward), and is the only answer."
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
    steps = [
        serves_others_meanwhile,
        serves_several_at_once,
        keeps_reports_apart,
        serves_two_of_the_same_name,
        keeps_the_order,
        takes_any_name,
        leave,
        serves_beside_the_silent,
        partial(waits_for_the_silent, path=PATH, asks=asks),  # before the bugs, of which one is a TimeoutError
        bugs,
        shows_that_a_report_failed,
    ]
    try:
        verdict = await judge(watched(app) if isinstance(app, FastAPI) else app, *steps, ws_ping_interval=None)
        verdict = await look_further(verdict, partial(works_with_another_server, app))
        clients = ["does not wait", "crowd", "stays"]
        good = "clients that vanish, come in a crowd, or stay until the end do it no harm"
        return await check_up(verdict, app, PATH, *clients, say="Ann", good=good)
    finally:
        _library = before


async def works_with_another_server(app) -> None:
    """A look: the check-up starts one. Tasks that serve a queue may have died there, and nobody has seen why."""
    with serve(app, name="exercise") as server:
        try:
            async with visit(server, PATH) as client:
                await client.ask("Lea", "report for Lea")
        except NotYet as problem:
            did = await what_the_endpoint_did(server)
            told = f"it works with one server, and not with the next: {problem} On the server, the {did}."
            raise NotYet(told if "raised" in did else ANOTHER_LOOP) from None


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


def watched_loop() -> asyncio.AbstractEventLoop:
    """The running loop; whether another thread calls what is not made for that, the library notes, too."""
    loop, its_thread = asyncio.get_running_loop(), threading.get_ident()
    call_soon = loop.call_soon

    def watched_call_soon(*arguments, **options):
        if threading.get_ident() != its_thread:
            _library.set_elsewhere = True
        return call_soon(*arguments, **options)

    loop.call_soon = watched_call_soon
    return loop


async def serves_others_meanwhile(server: Server) -> str:
    """While Ann's report is held back, Ben comes, asks, and gets his."""
    _library.loop = await server.on_loop(watched_loop)
    async with visit(server, PATH) as ann:
        with _library.hold("Ann"):
            await ann.say("Ann")
            await begins("Ann", ann)
            await ben_gets_his(server)
            await server.let_time_pass(AN_HOUR)
            await ann.caught_up()
            if got := await received(ann, 0):
                raise too_early("Ann", got)
        await ann.expect("report for Ann", wrong=OWN)
        if _library.sent_elsewhere:
            raise NotYet(ELSEWHERE)
        if _library.set_elsewhere:
            raise NotYet(NOT_SAFE)
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


async def serves_two_of_the_same_name(server: Server) -> str:
    """The report for both is held back. It may be made twice at the same time, or once for both."""
    async with visit(server, PATH) as ida, visit(server, PATH) as another_ida:
        with _library.hold("Ida"):
            for client in (ida, another_ida):
                await client.say("Ida")
            await until(lambda: _library.begun.count("Ida") == 2)
            at_once = _library.begun.count("Ida")
        for client in (ida, another_ida):
            await client.expect("report for Ida", wrong=OWN)
        if _library.begun.count("Ida") > at_once:
            raise NotYet(
                "two clients asked at the same time, both for 'Ida', and slow_report() was called for the second one "
                f"when the first was done. {ONE_BY_ONE}"
            )
    return "also to two who ask for the same"


async def serves_beside_the_silent(server: Server) -> str:
    """More clients than there are threads have come, and have not asked yet."""
    client = None
    async with contextlib.AsyncExitStack() as stack:
        try:
            for _ in range(POOL):
                await stack.enter_async_context(visit(server, PATH))
            client = await stack.enter_async_context(visit(server, PATH))
            await client.ask("Joe", "report for Joe", wrong=OWN)
        except NotYet as problem:
            hint = A_THREAD_EACH if client and client.ws.close_code is None else NO_LIMIT
            raise NotYet(f"{POOL} clients had come, and were silent: {problem}", hint) from None
    return "clients who do not ask keep nobody waiting"


async def shows_that_a_report_failed(server: Server) -> str:
    """slow_report() raises an error, which must be in the log, whether the endpoint ends by it or not."""
    for words, error in FAILURES.items():
        _library.failing = {"Kim": error}
        with errors_in_the_log() as log:
            async with visit(server, PATH) as client:
                await client.say("Kim")
                await until(lambda: log.records or client.ws.close_code is not None, server=server)
            await news(server)
        if not log.records:
            raise NotYet(
                f"the check let slow_report() raise {words}, as a bug in it would, and {unseen(log)}. Let it pass "
                "where you call slow_report(), or log it: logger.exception()."
            )
    _library.failing = {}
    try:
        async with visit(server, PATH) as client:
            await client.ask("Kim", "report for Kim")
    except NotYet as problem:
        raise NotYet(
            f"the report for 'Kim' had failed for others before, and would not for the next one: {problem} {MADE_ANEW}"
        ) from None
    return "a report that fails shows, and is made for the next one who asks"


async def keeps_the_order(server: Server) -> str:
    """One client asks for several, at once, and the first report takes longer."""
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
            for name in MORE:
                await client.say(name)
        for name in ("one", "two", *MORE):
            client.said = name
            await client.expect(f"report for {name}")
    return "a client that asks ten times gets its reports in order"


async def takes_any_name(server: Server) -> str:
    async with visit(server, PATH) as client:
        for name in ["", " Ann lee ", ODD, *COMMANDS]:
            await client.ask(name, f"report for {name}", wrong=AS_IT_CAME, silent=AS_IT_CAME, closed=AS_IT_CAME)
    return "a name may be any text"


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
    return NotYet(
        f"{name!r} was answered {got!r} before slow_report({name!r}) had returned. Await its result. {PATIENCE}"
    )
