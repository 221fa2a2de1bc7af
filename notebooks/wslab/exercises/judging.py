"""What the checks under the exercises are made of.

A check takes the reader's app, talks to it with a real client, and returns a `Verdict` that says in the reader's terms
what worked and what did not. Every wait is bounded, so that no answer, however wrong, makes the cell hang.
"""

import asyncio
import contextlib
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

from wslab.checkup import checkup
from wslab.server import ServeError, Server, serve

DISCONNECT = "endpoint raised WebSocketDisconnect("
DISCONNECTED = "endpoint raised WebSocketDisconnected:"
MISSING_AWAIT = "Does every call of `websocket` have its `await`, and does the endpoint answer before it ends?"
WAIT = 2.0  # seconds that a client waits for a handshake, an answer or a close


class NotYet(Exception):
    """The message tells the reader what is still missing; `hint` what may be the cause, if nothing better is known."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.hint = hint


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


async def judge(app, *steps: Callable[[Server], Awaitable[str]], ws: str = "auto") -> Verdict:
    """Run the steps against `app`, one after the other, up to the first that fails.

    In the end no endpoint may have raised an error, or returned without closing, on the way.
    `ws` is uvicorn's WebSocket implementation.
    """
    good: list[str] = []
    try:
        with serve(app, name="exercise", ws=ws) as server:
            try:
                for step in steps:
                    good.append(await step(server))
            except NotYet as problem:
                error = await what_the_endpoint_did(server)
                # No news: the check's client has left because of the problem; or the problem says it already.
                if error.startswith(DISCONNECT) or error == "endpoint returned without close()":
                    error = ""
                raise NotYet(
                    f"{problem} On the server, the {error}." if error else f"{problem} {problem.hint}"
                ) from None
            error = await what_the_endpoint_did(server)
            if error.startswith(DISCONNECT):
                raise NotYet(f"when a client left, the {error}. Catch WebSocketDisconnect around the loop.")
            if error.startswith(DISCONNECTED):
                raise NotYet(f"the {error}. Something goes on after the connection has ended: is it still in a loop?")
            if error:
                raise NotYet(f"the clients got what they should, but the {error}.")
    except (NotYet, ServeError) as problem:
        return Verdict(good, str(problem).strip())
    return Verdict([*good, "no endpoint ended with an error"])


async def what_the_endpoint_did(server: Server) -> str:
    """The first thing on the tape that an endpoint should not do (`endpoint raised ...`), or an empty text.

    That it could not send to a client that has gone is none: what counts is what it makes of it.
    """
    try:
        conversation = await server.conversation()
    except ServeError as blocked:
        return str(blocked).removeprefix("the server's ").partition(".")[0]
    notes = (event.text for event in conversation.events if not event.message)
    wrong = (note for note in notes if note.startswith("endpoint ") and not note.startswith("endpoint could not send"))
    note = next(wrong, "").rstrip(".")
    return f"{note} (is it `async def`?)" if "can't be used in 'await' expression" in note else note


class Client:
    """A connected client that says what it misses in the reader's terms."""

    def __init__(self, ws: ClientConnection):
        self.ws = ws
        self.said: str | None = None

    async def say(self, text: str) -> None:
        """Send `text`. That the connection may be closed already shows at the next `expect`."""
        self.said = text
        with contextlib.suppress(ConnectionClosed):
            await self.ws.send(text)

    async def expect(self, answer: str, *, wrong: str = "", closed: str = MISSING_AWAIT) -> None:
        """The next message must be the text `answer`.

        `wrong` is added to the message if it is another one, `closed` if the connection has ended instead.
        """
        got = await self.hear(repr(answer), closed=closed)
        if got != answer:
            raise NotYet(f"the client sent {self.said!r} and expected {answer!r}, but got {got!r}.", wrong)

    async def hear(self, expected: str, *, closed: str = MISSING_AWAIT) -> str:
        """The next message, which must be a text. `expected` says in words which."""
        sent = f"the client sent {self.said!r} and expected {expected}, but"
        try:
            async with asyncio.timeout(WAIT):
                got = await self.ws.recv()
        except TimeoutError:
            raise NotYet(f"{sent} no answer came within {WAIT:g} seconds.", MISSING_AWAIT) from None
        except ConnectionClosed:
            raise NotYet(f"{sent} the connection ended first, with {describe_end(self.ws)}.", closed) from None
        if isinstance(got, bytes):
            raise NotYet(f"{sent} got bytes, {got!r}. send_text() sends text.")
        if "<coroutine object" in got:
            raise NotYet(f"{sent} got the text of a coroutine. {MISSING_AWAIT}")
        return got

    async def expect_silence(self) -> None:
        """No message may be on its way that nobody asked for."""
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(WAIT):
                await (await self.ws.ping())  # what the endpoint sent before has come when the pong comes
            async with asyncio.timeout(0):
                extra = await self.ws.recv()
            raise NotYet(f"after the answer to {self.said!r} came one more message, {extra!r}.")

    async def expect_close(self) -> None:
        """The server must now close the connection, with code 1000 and without another message."""
        try:
            async with asyncio.timeout(WAIT):
                extra = await self.ws.recv()
        except TimeoutError:
            raise NotYet(
                f"after the answer the connection was still open {WAIT:g} seconds later. End with close()."
            ) from None
        except ConnectionClosed:
            if self.ws.close_code != 1000:
                raise NotYet(
                    f"after the answer the connection ended with {describe_end(self.ws)}, not with 1000.",
                    "End with `await websocket.close()`.",
                ) from None
        else:
            raise NotYet(f"after the answer came one more message, {extra!r}. One answer is enough.")


@contextlib.asynccontextmanager
async def visit(server: Server, path: str) -> AsyncIterator[Client]:
    """Connect to `path`, and leave politely at the end. A handshake that fails is explained."""
    try:
        ws = await connect(server.url(path), open_timeout=WAIT, close_timeout=1)
    except InvalidStatus as refusal:
        status = refusal.response.status_code
        if status == 403:
            raise NotYet(
                f"the handshake for {path} was refused with HTTP 403.",
                f'Is there an endpoint for that path, with `@app.websocket("{path}")` '
                "and the one parameter `websocket: WebSocket`?",
            ) from None
        raise NotYet(
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


def describe_end(ws: ClientConnection) -> str:
    """How the connection ended, for a sentence: `code 1000`."""
    return "code 1006, cut off without close()" if ws.close_code == 1006 else f"code {ws.close_code}"
