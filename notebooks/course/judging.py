"""What the checks under the exercises are made of.

A check takes the reader's app, talks to it with a real client, and returns a `Verdict` that says in the reader's terms
what worked and what did not. Every wait is bounded, so that no answer, however wrong, makes the cell hang.
"""

import asyncio
import contextlib
import json
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable

from websockets import (
    ClientConnection,
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    connect,
)

from wslab.clients import in_one_breath
from wslab.conversation import describe_payload
from wslab.examination import checkup
from wslab.server import ServeError, Server, serve

DISCONNECT = "endpoint raised WebSocketDisconnect("
DISCONNECT_IN_A_GROUP = "endpoint raised ExceptionGroup with WebSocketDisconnect("
DISCONNECTED = "endpoint raised WebSocketDisconnected:"
MISSING_AWAIT = "Does every call of `websocket` have its `await`, and does the endpoint answer before it ends?"
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
LONG = 100  # characters or bytes of a message that are quoted
WAIT = 2.0  # seconds that a client waits for a handshake, an answer or a close


class NotYet(Exception):
    """The message tells the reader what is still missing; `hint` what may be the cause, if nothing better is known."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.hint = hint


class Refused(NotYet):
    """The handshake was answered with the HTTP `status`."""

    def __init__(self, status: int, message: str, hint: str = ""):
        super().__init__(message, hint)
        self.status = status


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


async def what_the_endpoint_did(server: Server) -> str:
    """The first thing on the tape that an endpoint should not do (`endpoint raised ...`), or an empty text."""
    try:
        conversation = await server.conversation()
    except ServeError as blocked:
        return str(blocked).removeprefix("the server's ").partition(".")[0]
    notes = (event.text for event in conversation.events if not event.message)
    note = next((note for note in notes if note.startswith("endpoint ")), "")
    note = note.removesuffix("...").rstrip() + " [...]" if note.endswith("...") else note.removesuffix(".")
    return note + next((f" ({cause})" for text, cause in CAUSES.items() if text in note), "")


async def can_be_cancelled(app, path: str) -> bool:
    """Whether the endpoint, while it waits for a message, ends as cancelled when it is cancelled."""
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
    return endpoint.cancelled()


class Client:
    """A connected client that says what it misses in the reader's terms."""

    def __init__(self, ws: ClientConnection):
        self.ws = ws
        self.said: str | bytes | None = None

    async def say(self, message: str | bytes) -> None:
        """Send `message`. That the connection may be closed already shows at the next `expect`."""
        self.said = message
        with contextlib.suppress(ConnectionClosed):
            await self.ws.send(message)

    async def say_and_leave(self, *messages: str | bytes) -> None:
        """Send messages and close with 1000, all in one write: the client has left before the first is answered.

        That the connection may be closed already shows in what the endpoint did.
        """
        self.said = messages[-1]
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(WAIT):
                await in_one_breath(self.ws, list(messages), then_close=True)
                await self.ws.wait_closed()

    async def expect(
        self,
        answer: str,
        *,
        wrong: str | Callable[[str], str] = "",
        silent: str = MISSING_AWAIT,
        closed: str = MISSING_AWAIT,
    ) -> None:
        """The next message must be the text `answer`.

        `wrong`, or what it says of that text, is added to the message if it is another one, `silent` if none comes,
        `closed` if the connection has ended instead.
        """
        expected = repr(answer)
        got = await self.hear(expected, silent=silent, closed=closed)
        if got != answer:
            raise NotYet(f"{self._asked(expected)} got {quote(got)}.", wrong(got) if callable(wrong) else wrong)

    async def hear(self, expected: str, *, silent: str = MISSING_AWAIT, closed: str = MISSING_AWAIT) -> str:
        """The next message, which must be a text. `expected` says in words which."""
        got = await self._answer(expected, silent, closed)
        sent = self._asked(expected)
        if isinstance(got, bytes):
            raise NotYet(f"{sent} got bytes, {quote(got)}. send_text() sends text.")
        if "<coroutine object" in got:
            raise NotYet(f"{sent} got the text of a coroutine. {MISSING_AWAIT}")
        return got

    async def expect_json(
        self, answer: dict, *, wrong: str = "", silent: str = MISSING_AWAIT, closed: str = MISSING_AWAIT
    ) -> None:
        """The next message must be a text that says what `answer` says, as JSON.

        `wrong` is added to the message if it says something else, `silent` if none comes, `closed` if the connection
        has ended instead.
        """
        expected = json.dumps(answer)
        got = await self._answer(expected, silent, closed)
        sent = self._asked(expected)
        if isinstance(got, bytes):
            raise NotYet(f"{sent} got bytes, {quote(got)}. Answer with text: send_json() sends it, without mode.")
        try:
            same = json.dumps(json.loads(got), sort_keys=True) == json.dumps(answer, sort_keys=True)
        except ValueError:
            raise NotYet(f"{sent} got {quote(got)}, which is not JSON. send_json() writes JSON.") from None
        if not same:
            raise NotYet(f"{sent} got {got}.", wrong)

    def _asked(self, expected: str) -> str:
        """The start of a sentence about what came instead."""
        said = "" if self.said is None else f"sent {quote(self.said)} and "
        return f"the client {said}expected {expected}, but"

    async def _answer(self, expected: str, silent: str, closed: str) -> str | bytes:
        """The next message. `silent` and `closed` are hints for when there is none."""
        sent = self._asked(expected)
        try:
            async with asyncio.timeout(WAIT):
                return await self.ws.recv()
        except TimeoutError:
            raise NotYet(f"{sent} no answer came within {WAIT:g} seconds.", silent) from None
        except ConnectionClosed:
            raise NotYet(f"{sent} the connection ended first, with {describe_end(self.ws)}.", closed) from None

    async def expect_silence(self) -> None:
        """No message may be on its way that nobody asked for."""
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(WAIT):
                await (await self.ws.ping())  # what the endpoint sent before has come when the pong comes
            async with asyncio.timeout(0):
                extra = await self.ws.recv()
            raise NotYet(f"after the answer to {quote(self.said)} came one more message, {quote(extra)}.")

    async def expect_close(self, *, hint: str = "") -> None:
        """The server must now close the connection, with code 1000 and without another message.

        `hint` says how, if that is more than `await websocket.close()`.
        """
        try:
            async with asyncio.timeout(WAIT):
                extra = await self.ws.recv()
        except TimeoutError:
            raise NotYet(
                f"after the answer the connection was still open {WAIT:g} seconds later. {hint or 'End with close().'}"
            ) from None
        except ConnectionClosed:
            if self.ws.close_code != 1000:
                raise NotYet(
                    f"after the answer the connection ended with {describe_end(self.ws)}, not with 1000.",
                    hint or "End with `await websocket.close()`.",
                ) from None
        else:
            raise NotYet(f"after the answer came one more message, {quote(extra)}. One answer is enough.")


@contextlib.asynccontextmanager
async def visit(server: Server, path: str) -> AsyncIterator[Client]:
    """Connect to `path`, and leave politely at the end. A handshake that fails is explained."""
    try:
        ws = await connect(server.url(path), open_timeout=WAIT, close_timeout=1)
    except InvalidStatus as refusal:
        status = refusal.response.status_code
        if status == 403:
            raise Refused(
                status,
                f"the handshake for {path} was refused with HTTP 403.",
                f'Is there an endpoint for that path, with `@app.websocket("{path}")` '
                "and the one parameter `websocket: WebSocket`?",
            ) from None
        raise Refused(
            status,
            f"the handshake for {path} failed with HTTP {status}.",
            "Does the endpoint begin with `await websocket.accept()`?",
        ) from None
    except TimeoutError:
        raise NotYet(
            f"the endpoint for {path} did not accept the connection within {WAIT:g} seconds.",
            "Does it begin with `await websocket.accept()`?",
        ) from None
    except (InvalidHandshake, InvalidMessage, OSError) as error:
        raise NotYet(f"the handshake for {path} failed: {error}.") from None
    async with ws:
        yield Client(ws)


def quote(message: str | bytes) -> str:
    """The message as Python writes it; of a long one the start, and how long it is."""
    return describe_payload(message, LONG)


def describe_end(ws: ClientConnection) -> str:
    """How the connection ended, for a sentence: `code 1000`."""
    return "code 1006, cut off without close()" if ws.close_code == 1006 else f"code {ws.close_code}"
