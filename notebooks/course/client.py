"""The real client of the checks, which says in the reader's terms what it misses.

Every wait is bounded, so that no answer to an exercise, however wrong, makes its check hang.
"""

import asyncio
import contextlib
import json
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable

from websockets import (
    ClientConnection,
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    connect,
)

from wslab.conversation import Conversation, Event, describe_payload
from wslab.examination.clients import drop, in_one_breath
from wslab.server import ServeError, Server

MISSING_AWAIT = "Does every call of `websocket` have its `await`, and does the endpoint answer before it ends?"
ENDLESS_LOOP = "Is the loop there, with no end of its own?"
LONG = 100  # characters or bytes of a message that are quoted
# What HTML, strip(), str.format(), `%`, re.sub() or a Unicode normal form would change; and what is long.
ODD = " {} {0} {x} %s \\1 \\g<0> <b>Rene\u0301e</b> & \u5f20\u4f1f \r\n"
VERY_LONG = "x" * 100_000  # more than 64 KiB; with a million, a lesson that runs in a page waits for minutes
# What other programs take for a command
COMMANDS = ("ping", '{"type": "ping"}', "exit", "quit", "bye", "close", "reset", "/help", "/nick Bob", "/me waves")
NO_COMMAND = "No text is a command, unless the task says so."
WAIT = 2.0  # seconds that a client waits for a handshake, an answer or a close
TURNS = 10  # of the server's event loop, that a busy machine gets beyond that
# A client reads on, however much it is told and whatever the check has looked at: else it would not read the server's
# close frame either, and leave late.
OPTIONS = {"close_timeout": 1, "max_queue": None}


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


class Client:
    """A connected client."""

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

    async def leave(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection."""
        await self.ws.close(code, reason)

    async def drop(self) -> None:
        """Lose the TCP connection, without a close frame."""
        await drop(self.ws)

    async def message_or_end(self, still_open: str, hint: str = "") -> str | bytes | None:
        """The next message, or None if the connection has ended. If neither comes, `still_open` says so."""
        try:
            async with asyncio.timeout(WAIT):
                return await self.ws.recv()
        except TimeoutError:
            await self.caught_up()  # on a busy machine, it may be on its way still
        except ConnectionClosed:
            return None
        if (late := await self.unread()) is not None or self.ws.close_code is not None:
            return late
        raise NotYet(still_open, hint)

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
        expected = quote(answer)
        got = await self.hear(expected, silent=silent, closed=closed)
        if got != answer:
            raise NotYet(f"{self._asked(expected)} got {quote(got)}.", wrong(got) if callable(wrong) else wrong)

    async def ask(self, message: str | bytes, answer: str, **hints: str | Callable[[str], str]) -> None:
        """Send `message`, and `expect` the answer, with the hints that that takes."""
        await self.say(message)
        await self.expect(answer, **hints)

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
        got = await self.message_or_end(f"{sent} no answer came within {WAIT:g} seconds.", silent)
        if got is None:
            raise NotYet(f"{sent} the connection ended first, with {describe_end(self.ws)}.", closed)
        return got

    async def caught_up(self) -> bool:
        """Whether a pong comes: then all that was sent before has arrived, here and there."""
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(WAIT):
                await (await self.ws.ping())
            return True
        return False

    async def unread(self) -> str | bytes | None:
        """A message that has come already, or None."""
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(0):
                return await self.ws.recv()
        return None

    async def expect_silence(self) -> None:
        """No message may be on its way that nobody asked for."""
        if await self.caught_up() and (extra := await self.unread()) is not None:
            raise NotYet(f"after the answer to {quote(self.said)} came one more message, {quote(extra)}.")

    async def expect_close(self, *, hint: str = "") -> None:
        """The server must now close the connection, with code 1000 and without another message.

        `hint` says how, if that is more than `await websocket.close()`.
        """
        extra = await self.message_or_end(
            f"after the answer the connection was still open {WAIT:g} seconds later. {hint or 'End with close().'}"
        )
        if extra is not None:
            raise NotYet(f"after the answer came one more message, {quote(extra)}. One answer is enough.")
        if self.ws.close_code != 1000:
            raise NotYet(
                f"after the answer the connection ended with {describe_end(self.ws)}, not with 1000.",
                hint or "End with `await websocket.close()`.",
            )

    async def is_closed(self, patience: float = WAIT) -> bool:
        """Whether the connection ends within so many seconds. Messages that come are left unread."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.ws.wait_closed()
        return self.ws.close_code is not None


@contextlib.asynccontextmanager
async def visit(server: Server, path: str, **options) -> AsyncIterator[Client]:
    """Connect to `path`, with more options of `connect()` if need be, and leave politely at the end.

    A handshake that fails is explained.
    """
    try:
        ws = await within_reach(server, connect(server.url(path), open_timeout=None, **(OPTIONS | options)))
    except InvalidStatus as refusal:
        status = refusal.response.status_code
        if status == 403:
            raise Refused(
                status,
                f"the handshake for {path} was refused with HTTP 403.",
                f'Is there an endpoint for that path, with `@app.websocket("{path}")` '
                "and the one parameter `websocket: WebSocket`? And does it begin with `await websocket.accept()`?",
            ) from None
        raise Refused(
            status,
            f"the handshake for {path} failed with HTTP {status}: nothing has accepted it.",
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


async def within_reach(server: Server, handshake: Awaitable[ClientConnection]) -> ClientConnection:
    """The connection that a handshake makes. Raises TimeoutError after `WAIT` seconds.

    Before that, both event loops go round some more times: on a busy machine, that may be what was missing.
    """
    connecting = asyncio.ensure_future(handshake)
    try:
        await asyncio.wait([connecting], timeout=WAIT)
        await some_more_turns(server, connecting.done)
    finally:
        if not connecting.done():
            connecting.cancel()
            await asyncio.wait([connecting])
    if connecting.cancelled():
        raise TimeoutError
    return connecting.result()


def quote(message: str | bytes) -> str:
    """The message as Python writes it; of a long one the start, and how long it is."""
    return describe_payload(message, LONG)


def describe_end(ws: ClientConnection) -> str:
    """How the connection ended, for a sentence: `code 1000`."""
    return "code 1006, cut off without close()" if ws.close_code == 1006 else f"code {ws.close_code}"


async def until(condition: Callable[[], object], patience: float = WAIT, server: Server | None = None) -> bool:
    """Whether the condition comes true within so many seconds. Something of another thread or task brings it about.

    If that is on the event loop of `server`, this goes round some more times: on a busy machine, that may be what was
    missing.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not condition():
                await asyncio.sleep(0.01)
    if server:
        await some_more_turns(server, condition)
    return bool(condition())


async def some_more_turns(server: Server, enough: Callable[[], object]) -> None:
    """Let both event loops go round some more times, until it is enough, or the server's loop is found blocked."""
    with contextlib.suppress(ServeError):
        for _ in range(TURNS):
            if not enough():
                await server.on_loop(lambda: None)


_looked_at: weakref.WeakKeyDictionary[Server, Conversation] = weakref.WeakKeyDictionary()


async def news(server: Server) -> tuple[Event, ...]:
    """What endpoints have received, sent and logged since this was last called; nothing twice."""
    conversation = await server.conversation()  # which would show the last one again
    seen = _looked_at.get(server) is conversation
    _looked_at[server] = conversation
    return () if seen else conversation.events
