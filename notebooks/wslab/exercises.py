"""The checks under the lessons' exercises.

Each takes the reader's app, talks to it with a real client, and returns a `Verdict` that says in the reader's terms
what worked and what did not. Every wait is bounded, so that no answer, however wrong, makes the cell hang.
"""

import asyncio
import contextlib
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

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


async def shout(app) -> Verdict:
    """Lesson 00: `/ws` answers a text with the same text in capital letters, and closes."""

    async def answers(server: Server, text: str) -> str:
        async with visit(server, "/ws") as client:
            await client.say(text)
            await client.expect(text.upper())
            await client.expect_close()
        return f"{text!r} is answered with {text.upper()!r}"

    texts = ["hello", "Good morning", "déjà vu"]
    return await judge(app, *(partial(answers, text=text) for text in texts))


async def greeter(app) -> Verdict:
    """Lesson 01: `/greet` receives a name, answers `Hello, NAME!` and closes with 1000."""

    async def greets(server: Server, name: str) -> str:
        async with visit(server, "/greet") as client:
            await client.say(name)
            await client.expect(f"Hello, {name}!")
            await client.expect_close()
        return f"{name!r} is greeted with {f'Hello, {name}!'!r}, then the connection is closed with 1000"

    async def greets_the_second_first(server: Server) -> str:
        async with visit(server, "/greet") as first, visit(server, "/greet") as second:
            await second.say("Ben")
            await first.say("Ada")
            await second.expect("Hello, Ben!")
            await first.expect("Hello, Ada!")
        return "two clients at once are each greeted with their own name"

    names = ["Ada", "bell hooks"]
    return await judge(app, *(partial(greets, name=name) for name in names), greets_the_second_first)


async def counting_echo(app) -> Verdict:
    """Lesson 02: `/count` answers every text with `N: text`, N counting that client's messages from 1."""
    texts = ["one", "two", "two", "", "  spaces  ", *(f"message {n}" for n in range(6, 21))]

    async def counts(server: Server) -> str:
        async with visit(server, "/count") as client:
            for number, text in enumerate(texts, 1):
                await client.say(text)
                await client.expect(f"{number}: {text}", closed="Is the loop there, with no end of its own?")
            await client.expect_silence()
        return f"{len(texts)} messages on one connection are numbered from 1 to {len(texts)}"

    async def counts_for_each_client(server: Server) -> str:
        hint = "Each client has a count of its own: keep it in a variable of the endpoint."
        async with visit(server, "/count") as ann, visit(server, "/count") as ben:
            await ann.say("hi")
            await ann.expect("1: hi", wrong=hint)
            await ben.say("hello")
            await ben.expect("1: hello", wrong=hint)
            await ann.say("bye")
            await ann.expect("2: bye", wrong=hint)
        return "two clients at once are counted apart"

    verdict = await judge(app, counts, counts_for_each_client)
    return await check_up(verdict, app, "/count", "goes away", "drops while idle", "drops before the answer")


async def check_up(verdict: Verdict, app, path: str, *names: str) -> Verdict:
    """After a passed verdict: how the endpoint copes with some of the check-up's clients."""
    if not verdict.passed:
        return verdict
    report = await checkup(app, path, only=names)
    if report.ok:
        return Verdict([*verdict.good, "clients that go away or lose their connection do it no harm"])
    row = report.failed[0]
    return Verdict(verdict.good, f"a client {row.did}: the endpoint {row.seen}. {row.problem.meaning}")


async def judge(app, *steps: Callable[[Server], Awaitable[str]]) -> Verdict:
    """Run the steps against `app`, one after the other, up to the first that fails.

    In the end no endpoint may have raised an error, or returned without closing, on the way.
    """
    good: list[str] = []
    try:
        with serve(app, name="exercise") as server:
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
    """The first thing on the tape that an endpoint should not do (`endpoint raised ...`), or an empty text."""
    try:
        conversation = await server.conversation()
    except ServeError as blocked:
        return str(blocked).removeprefix("the server's ").partition(".")[0]
    notes = (event.text for event in conversation.events if not event.message)
    note = next((note.rstrip(".") for note in notes if note.startswith("endpoint ")), "")
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
        sent = f"the client sent {self.said!r} and expected {answer!r}, but"
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
        if got != answer:
            raise NotYet(f"{sent} got {got!r}.", wrong)

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
