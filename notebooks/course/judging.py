"""What the checks under the exercises are made of.

A check takes the reader's app, lets real clients talk to it (`client.py`), and returns a `Verdict` that says in the
reader's terms what worked and what did not.
"""

import asyncio
import contextlib
import textwrap
from collections.abc import Awaitable, Callable, Mapping

from course.client import WAIT, NotYet
from wslab.examination import checkup
from wslab.server import ServeError, Server, serve

DISCONNECT = "endpoint raised WebSocketDisconnect("
DISCONNECT_IN_A_GROUP = "endpoint raised ExceptionGroup with WebSocketDisconnect("
DISCONNECTED = "endpoint raised WebSocketDisconnected:"
GOES_ON = (
    "Something goes on after the connection has ended: is a `return` missing, or is it still in a loop? "
    "Or does a send or close() stand below the `except`, or in a `finally`?"
)
AWAITED = "An endpoint must be `async def`, and each of its waits an `await`."
NOT_CANCELLED = (
    "when it is cancelled, as by a timeout, the endpoint does not stop: it catches even CancelledError. "
    "Is there an `except` wider than `except Exception`? Or a `return` in a `finally`?"
)
CAUSES = {  # parts of an error's text, and what to look at; the texts of Python 3.11 to 3.13, and of 3.14 and 3.15
    "object NoneType can't be used in 'await' expression": "is it `async def`?",
    "'NoneType' object can't be awaited": "is it `async def`?",
    "can't be used in 'await' expression": "a plain function, with an `await` that does not belong there?",
    "object can't be awaited": "a plain function, with an `await` that does not belong there?",
    "'coroutine' object": "an `await` is missing",
    "of type coroutine": "an `await` is missing",
    "'dict' object has no attribute 'encode'": "a dictionary belongs into `send_json()`",
    "Exceeds the limit (": "leave Python's limit as it is, and catch this error: make the whole answer in the `try`",
}
NO_HINTS: Mapping[str, str] = {}


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
        report = await checkup(app, path, only=names, **options)
    except ServeError as problem:
        return Verdict(verdict.good, str(problem))
    if report.ok:
        return Verdict([*verdict.good, good])
    row = report.failed[0]
    return Verdict(verdict.good, f"a client {row.did}. What came of it: {row.seen}. {row.problem.meaning}")


async def judge(app, *steps: Callable[[Server], Awaitable[str]], **uvicorn_options) -> Verdict:
    """Run the steps against `app`, one after the other, up to the first that fails.

    In the end no endpoint may have raised an error, or returned without closing, on the way.
    The options are those of `serve`, such as `ws`, uvicorn's WebSocket implementation.
    """
    good: list[str] = []
    try:
        with serve(app, name="exercise", **uvicorn_options) as server:
            try:
                for step in steps:
                    good.append(await step(server))
            except NotYet as problem:
                error = await what_the_endpoint_did(server)
                # No news: the check's client has left because of the problem; or the problem says it already.
                if (
                    error.startswith((DISCONNECT, DISCONNECT_IN_A_GROUP))
                    or error == "endpoint returned without close()"
                    or error in str(problem)
                ):
                    error = ""
                hint = AWAITED if "is blocked" in error else ""
                raise NotYet(
                    f"{problem} On the server, the {error}. {hint}" if error else f"{problem} {problem.hint}"
                ) from None
            await no_error(server)
    except (NotYet, ServeError) as problem:
        return Verdict(good, str(problem).strip())
    return Verdict([*good, "no endpoint ended with an error"])


async def look_further(verdict: Verdict, *looks: Callable[[], Awaitable[None]]) -> Verdict:
    """After a passed verdict: what cannot be a step, since it serves the app anew or not at all.

    Up to the first look that raises `NotYet`. A look that finds nothing wrong adds no line for the reader.
    """
    try:
        if verdict.passed:
            for look in looks:
                await look()
    except (NotYet, ServeError) as problem:
        return Verdict(verdict.good, str(problem))
    return verdict


async def no_error(server: Server) -> None:
    """None of the endpoints may have raised an error, or returned without closing, since this was last looked at."""
    error = await what_the_endpoint_did(server)
    if error.startswith(DISCONNECT):
        sending = " This code comes from a send, which can fail, too, also below the loop." if "(1006)" in error else ""
        raise NotYet(f"when a client left, the {error}. Catch WebSocketDisconnect around the loop.{sending}")
    if error.startswith(DISCONNECTED):
        raise NotYet(f"the {error}. {GOES_ON}")
    if error:
        raise NotYet(f"the clients got what they should, but the {error}.")


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
        conversation = await server.conversation()
    except ServeError as blocked:
        return str(blocked).removeprefix("the server's ").partition(".")[0]
    notes = (event.text for event in conversation.events if not event.message)
    note = next((note for note in notes if note.startswith("endpoint ")), "")
    note = note.removesuffix(".")
    cause = hint_for(note, CAUSES)
    return f"{note} ({cause})" if cause else note


async def ends_when_cancelled(app, path: str) -> None:
    """The endpoint at `path`, while it waits for a message, must end as cancelled when it is cancelled."""
    waits = asyncio.Event()
    first = [{"type": "websocket.connect"}]

    async def receive():
        if first:
            return first.pop()
        if waits.is_set():  # it went on: let it end
            return {"type": "websocket.disconnect", "code": 1001}
        waits.set()
        await asyncio.Event().wait()

    async def send(message):
        pass

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": {},
        "extensions": {},
    }
    endpoint = asyncio.create_task(app(scope, receive, send))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT):
            await waits.wait()
    endpoint.cancel()
    await asyncio.wait([endpoint], timeout=WAIT)
    if endpoint.done() and not endpoint.cancelled():
        endpoint.exception()  # seen, so that asyncio does not complain about it
    if not endpoint.cancelled():
        raise NotYet(NOT_CANCELLED)
