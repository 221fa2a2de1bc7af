"""What the checks under the exercises are made of.

A check takes the reader's app, lets real clients talk to it (`client.py`), and returns a `Verdict` that says in the
reader's terms what worked and what did not.
"""

import contextlib
import textwrap
from collections.abc import Awaitable, Callable, Mapping, Sequence

from course.client import Client, NotYet, news, quote, visit
from course.error_log import ErrorLog, errors_in_the_log, nothing_in_the_log
from course.troubles import expect_rest, with_troubles
from wslab.arguments import check_app
from wslab.conversation import Event
from wslab.examination import checkup
from wslab.server import ServeError, Server, serve

DISCONNECT = "endpoint raised WebSocketDisconnect("
DISCONNECT_IN_A_GROUP = "endpoint raised ExceptionGroup with WebSocketDisconnect("
DISCONNECTED = "endpoint raised WebSocketDisconnected:"
DISCONNECTED_IN_A_GROUP = "endpoint raised ExceptionGroup with WebSocketDisconnected:"
AN_HOUR = 3600  # seconds
ANY_CODE = {  # with which a client may close, and words for it
    1001: "1001, as a browser does",
    1011: "1011, as `websockets` does when an error ends its `async with`",
    4321: "4321, a code of its own",
}
UNASKED = "It had not asked for anything: is there a time limit, or a task that sends now and then?"
SILENT = "Nothing says how long a client may take: is there a time limit, such as `timeout()` or `wait_for()`?"
GOES_ON = (
    "Something goes on after the connection has ended: is a `return` missing, or is it still in a loop? "
    "Or does a send or close() stand in or below the `except`, or in a `finally`?"
)
ANOTHER_LOOP = (
    "it works with one server. The check starts another one, with an event loop of its own, and there, RuntimeError "
    "says that something belongs to a different event loop. An asyncio.Event, Condition, Lock or Queue serves only the "
    "loop in which somebody has first waited for it, and a Future the one that made it: make it in the endpoint, for "
    "each connection, or in the app's lifespan."
)
BLOCKED = "event loop is blocked"
LOOPS = (
    "Does its loop go on, and never wait for anything, so that nobody else can run? Leave it when the client has gone."
)
FROM_A_SEND = (
    "This code comes from a send, which can fail, too, also below the loop: let it stand in the `try`, and none in a "
    "`finally`."
)
AWAITED = "An endpoint must be `async def`, and each of its waits an `await`."
ITS_CLOSE = "its close() found nobody there"
NOTHING_TO_CLOSE = (
    "When the client has gone, there is nothing to close: let no close() stand in the `except` that expects it, or in "
    "a `finally`."
)
CAUSES = {  # parts of an error's text, which Pythons word differently, and what to look at
    "object NoneType can't be used in 'await' expression": "is it `async def`?",
    "'NoneType' object can't be awaited": "is it `async def`?",
    "can't be used in 'await' expression": "a plain function, with an `await` that does not belong there?",
    "object can't be awaited": "a plain function, with an `await` that does not belong there?",
    "'coroutine' object": "an `await` is missing",
    "of type coroutine": "an `await` is missing",
    "string indices must be integers": "a text is no dictionary: `send()` takes one, and `send_text()` a text",
    "but got 'websocket.accept'": "is accept() called twice?",
    "Expected text websocket messages, but got bytes": "it comes from Starlette's WebSocketEndpoint, which closes with "
    "1003 for them by itself, and raises it",
    "catching classes that do not inherit from": "behind `except` stands a class, without parentheses",
    "'dict' object has no attribute 'encode'": "a dictionary goes into `send_json()`",
}
SLIPS = ("NameError", "UnboundLocalError", "AttributeError", "TypeError")  # they have a cause of their own
CLOSED_FOR_A_BUG = "code 1011"
IF_RECEIVE = (
    "If it is receive() that receives: when the client has left, it returns a dictionary of type "
    "'websocket.disconnect', with neither text nor bytes."
)
NO_ERROR = "It is none."
CROWD = 60  # clients that are there at the same time
NO_LIMIT = "Is there a limit for how many may come? The task has none."
NO_HINTS: Mapping[str, str] = {}
HAS_LEFT = {  # parts of what an endpoint did when its client left, and what to do about it
    ITS_CLOSE: NOTHING_TO_CLOSE,
    DISCONNECT: "Expect WebSocketDisconnect wherever the endpoint receives or sends, whatever its code.",
    DISCONNECTED: GOES_ON,
}
THE_SEND = {
    **HAS_LEFT,
    DISCONNECT: "This one comes from a send, which finds nobody there: it belongs in the `try`, too.",
    DISCONNECTED_IN_A_GROUP: "One of its tasks has met the end of the connection, perhaps by a send that found nobody "
    "there. After that, another one has used `websocket`, which is a RuntimeError.",
}


class Verdict:
    """What an exercise's check found: `passed`, and the lines that the reader sees."""

    def __init__(self, good: list[str], problem: str | None = None):
        self.good = good
        self.problem = problem

    @property
    def passed(self) -> bool:
        """Whether the exercise is solved."""
        return self.problem is None

    def __repr__(self) -> str:
        last = "Solved." if self.passed else textwrap.fill(f"Not yet: {self.problem}", 100, break_long_words=False)
        return "\n".join([*(f"ok: {line}" for line in self.good), last])


async def check_up(verdict: Verdict, app, path: str, *names: str, good: str, **options) -> Verdict:
    """After a passed verdict: how the endpoint copes with the check-up's clients called `names`.

    `good` is the line for the reader if it does; `options` are those of `checkup()`, such as `say`.
    """
    if not verdict.passed:
        return verdict
    try:
        with errors_in_the_log() as log:
            report = await checkup(app, path, only=names, **options)
    except ServeError as problem:
        return Verdict(verdict.good, str(problem))
    if not report.ok and log.has_another_loop():
        return Verdict(verdict.good, ANOTHER_LOOP)
    if report.ok:
        return Verdict([*verdict.good, good])
    row = report.failed[0]
    return Verdict(verdict.good, f"a client {row.did}. What came of it: {row.seen.rstrip('.')}. {row.problem.meaning}")


async def judge(
    app, *steps: Callable[[Server], Awaitable[str]], log: ErrorLog | None = None, **uvicorn_options
) -> Verdict:
    """Run the steps against `app`, one after the other, up to the first that fails.

    After each, no endpoint may have raised an error, or returned without closing, that the step has not looked at.
    An endpoint that closes with 1011 for a bug raises none: why it did then stands in the `log`. The options are those
    of `serve`, such as `ws`, uvicorn's WebSocket implementation.
    """
    good: list[str] = []
    try:
        check_app(app)
        with serve(with_troubles(app), name="exercise", **uvicorn_options) as server:
            await server.let_time_pass(0)  # so that the clock can be set forward for apps that keep `loop.time`, too
            for step in steps:
                try:
                    good.append(await step(server))
                except NotYet as problem:
                    raise NotYet(await with_what_the_endpoint_did(server, problem, log)) from None
                await no_error(server)
    except (NotYet, ServeError) as problem:
        return Verdict(good, str(problem).strip())
    return Verdict([*good, "no endpoint ended with an error"])


async def with_what_the_endpoint_did(server: Server, problem: NotYet, log: ErrorLog | None = None) -> str:
    """The problem, and what the endpoint did meanwhile; if that is no news, the problem's hint instead."""
    # A blocked loop is not asked again: that would only take as long. Nor is anything news that the problem says
    # already, or that the check's client, which has left because of the problem, has brought about.
    error = "" if BLOCKED in str(problem) else await what_the_endpoint_did(server)
    if (
        error.startswith((DISCONNECT, DISCONNECT_IN_A_GROUP))
        or error == "endpoint returned without close()"
        or error in str(problem)
    ):
        return with_the_bug(problem, log.own_error() if log else "")
    return f"{problem} On the server, the {error}. {AWAITED if BLOCKED in error else ''}"


def with_the_bug(problem: NotYet, error: str) -> str:
    """The problem, the `error` in the log, if an endpoint closed for it, and the hint, unless a slip's error is one."""
    if not error or CLOSED_FOR_A_BUG not in str(problem):
        return f"{problem} {problem.hint}"
    cause = hint_for(error, CAUSES)
    told = f"{problem} The log has an error: {error}{f' ({cause})' if cause else ''}."
    return told if error.startswith(SLIPS) else f"{told} {problem.hint}"


async def passes(app, *steps: Callable[[Server], Awaitable[str]], words: str = "", **uvicorn_options) -> None:
    """A look for `look_further()`: the steps, with another server; if one fails, `words` begin the sentence."""
    verdict = await judge(app, *steps, **uvicorn_options)
    if not verdict.passed:
        raise NotYet(f"{words}{verdict.problem}")


async def look_further(verdict: Verdict, *looks: Callable[[], Awaitable[None]]) -> Verdict:
    """After a passed verdict: what cannot be a step, since it serves the app anew or not at all.

    Up to the first look that raises `NotYet`. A look that finds nothing wrong adds no line for the reader.
    """
    with errors_in_the_log() as log:
        try:
            if verdict.passed:
                for look in looks:
                    await look()
        except (NotYet, ServeError) as problem:
            return Verdict(verdict.good, ANOTHER_LOOP if log.has_another_loop() else str(problem))
    return verdict


async def no_error(server: Server) -> None:
    """None of the endpoints may have raised an error, or returned without closing, since this was last looked at."""
    error = await what_the_endpoint_did(server)
    if error.startswith(DISCONNECT):
        hint = FROM_A_SEND if "(1006)" in error else "Catch WebSocketDisconnect around the loop."
        raise NotYet(f"when a client left, the {error}. {NOTHING_TO_CLOSE if ITS_CLOSE in error else hint}")
    if error.startswith(DISCONNECTED):
        raise NotYet(f"the {error}. {GOES_ON}")
    if BLOCKED in error:
        raise NotYet(f"when a client had left, the {error}. {LOOPS}")
    if error:
        hint = IF_RECEIVE if "raised KeyError: 'text'" in error else ""
        raise NotYet(f"the clients got what they should, but the {error}. {hint}".rstrip())


async def lets_clients_leave(server: Server, path: str, message: str) -> str:
    """Clients leave, the last without waiting for the answer: that is no error, nor logged as one."""
    with nothing_in_the_log("a client that leaves", NO_ERROR):
        await leaves_with_any_code(server, path)
        async with visit(server, path) as client:
            await client.drop()
        await expect_no_error(server, "when a client lost its connection, the", HAS_LEFT)
        async with visit(server, path) as client:
            await client.say_and_leave(message, message)  # whoever goes on after a send that fails meets the next
        await expect_no_error(server, "when a client left without waiting for its answer, the", THE_SEND)
    return "clients may leave: with a code, without one, and before their answer"


async def leaves_with_any_code(server: Server, path: str) -> str:
    """A step: clients leave with several codes."""
    for code, words in ANY_CODE.items():
        async with visit(server, path) as client:
            await client.leave(code)
        await expect_no_error(server, f"when a client closed with {words}, the", HAS_LEFT)
    return "clients may leave with any code"


async def waits_for_the_silent(server: Server, path: str, asks: Sequence[Callable[[Client], Awaitable[None]]]) -> str:
    """A step: a client may be silent for an hour before each thing that it asks.

    That hour is by the clock of the server's event loop. Serve with `ws_ping_interval=None`.
    """
    async with visit(server, path) as client:
        for ask in asks:
            await expect_rest(server, "while a client says nothing")
            await server.let_time_pass(AN_HOUR)
            if await client.caught_up() and (extra := await client.unread()) is not None:
                raise NotYet(f"a client had been silent for an hour, and was told {quote(extra)}. {UNASKED}")
            try:
                await ask(client)
            except NotYet as problem:
                raise NotYet(f"a client had been silent for an hour. Then {problem} {SILENT}") from None
    return "a client may be silent for an hour, by the clock of the server's event loop"


async def takes_many(server: Server, path: str, ask: Callable[[Client, int], Awaitable[None]]) -> str:
    """A step: many clients are there at the same time. Each of them, by its number, asks something."""
    clients, asked = [], 0
    async with contextlib.AsyncExitStack() as stack:
        try:
            while len(clients) < CROWD:
                clients.append(await stack.enter_async_context(visit(server, path)))
            for client in clients:
                asked += 1
                await ask(client, asked)
        except NotYet as problem:
            number = asked or len(clients) + 1
            raise NotYet(f"of {CROWD} clients at once, number {number} was not served: {problem}", NO_LIMIT) from None
    return f"{CROWD} clients may be there at once"


async def expect_no_error(server: Server, start: str, hints: Mapping[str, str] = NO_HINTS, advice: str = "") -> None:
    """No endpoint may have done what it should not, since this was last looked at.

    Else `start` begins the sentence that says what it did; the hint for it follows, and then the `advice`.
    """
    if error := await what_the_endpoint_did(server):
        words = [f"{start} {error}.", hint_for(error, hints), advice]
        raise NotYet(" ".join(word for word in words if word))


def hint_for(error: str, hints: Mapping[str, str]) -> str:
    """The first of the hints whose key is part of the error; with the key "" for any other."""
    return next((hint for part, hint in hints.items() if part in error), "")


async def what_the_endpoint_did(server: Server) -> str:
    """The first thing on the tape that an endpoint should not do (`endpoint raised ...`), or an empty text."""
    try:
        events = await news(server)
    except ServeError as blocked:
        return str(blocked).removeprefix("the server's ").partition(".")[0]
    did = next((event for event in events if not event.message and event.text.startswith("endpoint ")), None)
    if did is None:
        return ""
    note = did.text.removesuffix(".")
    cause = cause_of(did, [event for event in events if event.client == did.client])
    return f"{note} ({cause})" if cause else note


def cause_of(did: Event, events: Sequence[Event]) -> str:
    """What may be the cause of what an endpoint did, as its text says, or what came before it on its connection."""
    failed = [event.text for event in events if event.failed]
    if "WebSocketDisconnect(1006)" in did.text and failed and failed[-1].startswith("could not send close"):
        return ITS_CLOSE
    if cause := hint_for(did.text, CAUSES):
        return cause
    closed = any(event.source == "server" and event.message and event.text.startswith("close ") for event in events)
    is_news = "raised" in did.text and "Disconnect" not in did.text
    return "it had closed before: is a `return` missing after its close()?" if closed and is_news else ""
