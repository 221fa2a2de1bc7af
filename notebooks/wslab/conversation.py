"""The tape: what endpoints received, sent and logged, in the one order in which it happened in the server.

`Tape` is an ASGI middleware around the app. It sees every WebSocket event on its way between uvicorn and the
endpoint (https://asgi.readthedocs.io/en/stable/specs/www.html#websocket) and changes none of them.
"""

import asyncio
import contextvars
import logging
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wslab import picture

MAX_PAYLOAD = 32  # characters of a message that are shown
MAX_NOTE = 600  # of an error, a log line, a reason: far more than any that was written for people to read
SERVER_SENT = {1002: "protocol error", 1007: "not UTF-8", 1009: "message too big", 1012: "server shuts down"}

_connection: contextvars.ContextVar["Connection | None"] = contextvars.ContextVar("connection", default=None)


@dataclass(frozen=True)
class Event:
    """One thing that happened on one connection."""

    client: int  # 1 for the first client that the server saw, 2 for the next ...
    source: str  # who did it: "client" or "server"
    text: str
    opens: bool = False  # the first event of a connection
    message: bool = True  # False for what stayed inside the server: a log line, an error
    failed: bool = False  # what stayed there since the client had gone, whoever wanted to send it


class Conversation:
    """What was said, drawn when it is the last line of a cell, and as text by `print()`."""

    def __init__(self, events: Iterable[Event]):
        self.events = tuple(events)

    def __str__(self) -> str:
        return picture.text(self.events)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": picture.html(self.events), "text/plain": str(self)}


class Tape:
    """ASGI middleware that notes what passes. It belongs to one server and runs on that server's loop."""

    def __init__(self, app):
        self.app = app
        self.startup_error: BaseException | None = None
        self.cut_off: list[str] = []  # paths of endpoints that had to be cancelled
        self.connections: set = set()  # uvicorn's set of the connections that are open now
        self.last: Connection | None = None  # the one that came last
        # Called when an endpoint ends by itself, with its connection, and what it raised, if anything.
        self.on_end: Callable[[Connection, BaseException | None], object] = lambda connection, error: None
        # Called when an endpoint has sent to another connection than its own, which has ended.
        self.on_misled: Callable[[Connection | None], object] = lambda connection: None
        self._events: list[Event] = []
        self._shown = 0  # how many of the events the last conversation covered
        self._last = Conversation([])
        self._running: dict[asyncio.Task, Connection] = {}
        self._clients = 0
        self._given_up: set[int] = set()
        self.visits = weakref.WeakSet()  # connections that something still holds on to, such as the app's own lists

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            except BaseException as error:
                self.startup_error = error
                raise
        else:
            await self.app(scope, receive, send)

    async def _websocket(self, scope, receive, send) -> None:
        record_logs()
        self._clients += 1
        protocol = next((c for c in self.connections if c.client == scope["client"]), None)
        self.last = connection = Connection(self._clients, scope, self._events, protocol)
        scope["wslab.mark"] = mark = Mark(connection)  # whoever keeps the scope, or a WebSocket of it, keeps this
        self.visits.add(mark)
        del mark  # so that nothing of ours keeps it
        task = asyncio.current_task()
        self._running[task] = connection

        async def tape_receive():
            with outside_endpoint():
                message = await receive()
            connection.received(message)
            return message

        async def tape_send(message):
            sender = _connection.get()
            over = connection.over  # noqa: F841  # for whoever looks at this frame, when the send has failed
            try:
                with outside_endpoint():
                    await send(message)
            except OSError:  # for the endpoint, the connection has ended
                connection.end("failed" if sender is connection else "lost")
                if sender is not connection:
                    self.on_misled(sender)
                connection.note(f"could not send {describe(message)}", failed=True)
                raise
            connection.sent(message)

        token = _connection.set(connection)
        try:
            try:
                await self.app(scope, tape_receive, tape_send)
            finally:
                connection.endpoint = scope.get("endpoint")
        except asyncio.CancelledError:
            self.cut_off.append(scope["path"])
            connection.note("endpoint was cancelled")
            raise
        except BaseException as error:
            connection.note(f"endpoint raised {describe_error(error)}")
            self.on_end(connection, error)
            raise
        else:
            connection.returned()
            self.on_end(connection, None)
        finally:
            connection.over = True
            _connection.reset(token)
            del self._running[task]
            if connection.given_up:
                self._given_up.add(connection.number)
            connection.protocol = None  # it has the scope, and timers and tasks of the endpoint may have the connection

    @property
    def running(self) -> int:
        """How many endpoints are running."""
        return len(self._running)

    @property
    def endpoints(self) -> dict[asyncio.Task, "Connection"]:
        """The endpoints that are running, and the connection of each."""
        return dict(self._running)

    @property
    def given_up(self) -> set[int]:
        """The numbers of the clients whose connection uvicorn has closed of its own accord."""
        return self._given_up | {c.number for c in self._running.values() if c.given_up}

    @property
    def clients(self) -> int:
        """How many clients have come so far."""
        return self._clients

    @property
    def length(self) -> int:
        """How much has been written so far."""
        return len(self._events)

    def endpoints_whose_clients_have_left(self) -> list[asyncio.Task]:
        """The tasks of endpoints that run although uvicorn has given up their connection."""
        return [task for task, connection in self._running.items() if connection.protocol not in self.connections]

    def note_still_running(self, tasks) -> None:
        """Write down which of these endpoints are still running."""
        for task in tasks:
            if task in self._running:
                self._running[task].note("endpoint is still running although its client has gone")

    def conversation(self) -> Conversation:
        """What came since the last call; or, if nothing did, what the last call returned."""
        events = self._events[self._shown :]
        if events:
            self._shown += len(events)
            self._last = Conversation(events)
        return self._last


class Mark:
    """Lies in the scope of a connection. As long as it is there, somebody holds on to that connection."""

    def __init__(self, connection: "Connection"):
        self.connection = connection


class Connection:
    """What the tape knows of one WebSocket connection."""

    def __init__(self, number: int, scope, events: list[Event], protocol):
        self.number = number
        self.protocol = protocol  # uvicorn's object for this connection
        self.accepted = False
        self.state = "new"  # then "open"; how it ended, by the first sign: see `end()`
        self.over = False  # its endpoint has ended
        self.endpoint = None  # the function that was found for it, once that has ended
        self.peer = scope["client"]
        self.heard = 0  # messages that the endpoint has received
        self.refusal: tuple[int, object] = (0, "")  # code or HTTP status, and reason, of who was not accepted
        self._closed = False  # by the endpoint
        self._events = events
        query = scope["query_string"].decode("latin-1")
        self._add("client", shorten(f"connect {scope['path']}" + (f"?{query}" if query else "")), opens=True)

    @property
    def ended(self) -> bool:
        """Whether the endpoint can know, or has itself seen to it, that the connection has ended."""
        return self.state not in ("new", "open")

    def end(self, how: str) -> None:
        """The connection has ended. What the endpoint does next may tell it again: the first sign counts.

        how: "left", as a receive has told; "failed", as a send of its own endpoint has; "lost", as a send of another's
        has; "closed" or "refused" by its endpoint.
        """
        if not self.ended:
            self.state = how

    def _add(self, source: str, text: str, **kind: bool) -> None:
        self._events.append(Event(self.number, source, text, **kind))

    def note(self, text: str, **kind: bool) -> None:
        """Something that happened in the server and did not travel."""
        self._add("server", text, message=False, **kind)

    def received(self, message) -> None:
        """The endpoint got an event from the client."""
        if message["type"] == "websocket.receive":
            self.heard += 1
            self._add("client", describe(message))
        elif message["type"] == "websocket.disconnect" and not self.ended:
            self.end("left")
            code = int(message.get("code") or 1005)
            if code in (1005, 1006):  # never sent in a frame: RFC 6455, section 7.4.1
                self._add("client", f"gone, without a close code ({code})")
            elif self._closed_by_uvicorn(code):
                self._add("server", describe_close(code, message.get("reason") or SERVER_SENT.get(code)))
            else:
                self._add("client", describe_close(code, message.get("reason")))

    @property
    def given_up(self) -> bool:
        """Whether uvicorn has closed the connection unasked, as its keepalive does.

        The client may not see that. uvicorn closes the TCP connection at once, and if something lies there unread, the
        system resets it (RFC 1122, section 4.2.2.13). If the client then writes before it reads, it finds the
        connection gone, and the close frame with it.
        """
        return getattr(self.protocol, "close_sent", False) and not self._closed

    def _closed_by_uvicorn(self, code: int) -> bool:
        """Whether uvicorn closed the connection by itself. One of its implementations knows; else the code tells."""
        frames = getattr(self.protocol, "conn", None)
        return frames.close_rcvd is None if hasattr(frames, "close_rcvd") else code in SERVER_SENT

    def sent(self, message) -> None:
        """The endpoint's event is on its way to the client."""
        kind = message["type"].removeprefix("websocket.")
        self._closed |= kind in ("close", "http.response.start")
        if kind == "accept":
            self.accepted = True
            self.state = "open"
            subprotocol = message.get("subprotocol")
            self._add("server", f"accept, subprotocol {subprotocol!r}" if subprotocol else "accept")
        elif self.ended and kind in ("send", "close"):
            self.note(f"no effect, the connection has ended: {describe(message)}")
        elif kind == "close" and not self.accepted:
            self.end("refused")
            self.refusal = int(message.get("code", 1000)), message.get("reason") or ""
            self._add("server", "refuse: HTTP 403")
        elif kind == "close":
            self.end("closed")
            self._add("server", describe(message))
        elif kind == "http.response.start":
            self.end("refused")
            self.refusal = int(message["status"]), ""
            self._add("server", f"refuse: HTTP {int(message['status'])}")
        elif kind == "send":
            self._add("server", describe(message))

    def returned(self) -> None:
        """The endpoint's function has returned."""
        if not self.ended:
            self.note("endpoint returned without " + ("close()" if self.accepted else "accept()"))


class _LogLines(logging.Handler):
    """Writes what an endpoint logs on the tape of its connection."""

    def emit(self, record: logging.LogRecord) -> None:
        connection = _connection.get()
        if connection is None:
            return
        try:
            text = abridge(record.getMessage())
            if record.exc_info and record.exc_info[1]:  # elsewhere the log has its traceback here
                text += f" ({describe_error(record.exc_info[1])})"
            connection.note(f"log: {text}")
        except Exception:  # as every handler: a slip in a log line must not end the endpoint
            self.handleError(record)


_log_lines = _LogLines()


def _is_not_flood(record: logging.LogRecord) -> bool:
    """asyncio warns again and again, of every message that an endpoint sends to a connection that is gone."""
    return record.msg != "socket.send() raised exception."


def record_logs() -> None:
    """Send what is logged to `uvicorn.error`, uvicorn's own logger, to the tape and nowhere else.

    Called again for every connection, since every `uvicorn.run()` or `uvicorn.Config()` sets that logger up anew.
    """
    logger = logging.getLogger("uvicorn.error")
    if _log_lines not in logger.handlers:
        logger.handlers = [_log_lines]
        logger.propagate = False
        logging.getLogger("asyncio").addFilter(_is_not_flood)


class outside_endpoint:
    """While uvicorn works for an endpoint, what uvicorn logs is not the endpoint's."""

    def __enter__(self):
        self._token = _connection.set(None)

    def __exit__(self, *exc_info):
        _connection.reset(self._token)


def describe(message) -> str:
    """An ASGI message in a few words: its payload as Python writes it, or its close code."""
    if message["type"] == "websocket.close":
        return describe_close(int(message.get("code", 1000)), message.get("reason"))
    if message["type"] not in ("websocket.send", "websocket.receive"):
        return message["type"].removeprefix("websocket.")
    text = message.get("text")
    return describe_payload(text if text is not None else message.get("bytes"))


def describe_payload(payload: str | bytes | None, limit: int = MAX_PAYLOAD) -> str:
    """The payload as Python writes it, with its size if it is too long to show."""
    if not isinstance(payload, str | bytes):
        return "nothing"  # send_text(None): uvicorn sends no frame
    shown = repr(payload[:limit])
    if len(payload) <= limit:
        return shown
    unit = "bytes" if isinstance(payload, bytes) else "characters"
    return f"{shown}... ({len(payload):,} {unit})"


def describe_close(code: int, reason: str | None) -> str:
    """`close 1000`, or `close 4000 'bye'`."""
    return f"close {code} {abridge(reason)!r}" if reason else f"close {code}"


def describe_error(error: BaseException) -> str:
    """The error's type and the first line of its message; for a disconnect, its code; of a group, the first in it."""
    name = type(error).__name__
    if isinstance(error, BaseExceptionGroup):  # its own message only says how many there are
        return f"{name} with {describe_error(error.exceptions[0])}"
    if name in ("WebSocketDisconnect", "WebSocketException"):  # their str() is empty or a tuple
        return f"{name}({int(error.code)})"
    first_line = (str(error).splitlines() or [""])[0]
    return f"{name}: {abridge(first_line)}" if first_line else name


def printable(text: str) -> str:
    """`text` on one line, without characters that cannot be printed."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shorten(text: str, limit: int = MAX_PAYLOAD) -> str:
    """`text` on one line, cut after `limit` characters."""
    text = printable(text)
    return text if len(text) <= limit else text[:limit] + "..."


def abridge(text: str) -> str:
    """`text` on one line, whole unless it is as long as only a payload is. Then it keeps its end, too.

    What it says of the payload may stand before it or after it: `unknown item: ...`, `... is not an item`.
    """
    text = printable(text)
    if len(text) <= MAX_NOTE:
        return text
    head, tail = text[: MAX_NOTE * 2 // 3], text[-(MAX_NOTE // 3) :]
    return f"{head}... ({len(text) - MAX_NOTE:,} more characters) ...{tail}"
