"""A client of server-sent events, as a browser's `EventSource` is one, for the checks.

The rules are the standard's: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from course.client import NotYet, within_reach
from wslab.server import Server

HOLDS = 4096  # bytes of what a client does not read, here and in the system
END_OF_LINE = re.compile(rb"\r\n|\n|\r(?=[^\n])")


@dataclass(frozen=True)
class Event:
    """What a page would be told."""

    data: str
    id: str
    type: str


class Source:
    """A response that has begun."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, status: int, headers: dict[str, str]):
        self.status = status
        self.content_type = headers.get("content-type", "")
        self.server, self._reader = server, reader
        self._chunked = headers.get("transfer-encoding") == "chunked"
        self._received = bytearray()  # and not yet understood
        self._text = bytearray()
        self._data: list[str] = []
        self._type = self._id = ""

    async def next(self) -> Event | None:
        """The next event, or None if the response has ended. Raises TimeoutError if neither comes in time."""
        return await within_reach(self.server, self._next())

    async def _next(self) -> Event | None:
        while (line := await self._line()) is not None:
            field, _, value = line.partition(":")
            self._take(field, value.removeprefix(" "))
            if not line:
                event = Event("\n".join(self._data), self._id, self._type or "message")
                self._data, self._type = [], ""
                if event.data:  # without data, a page is told nothing
                    return event
        return None

    def _take(self, field: str, value: str) -> None:
        match field:
            case "data":
                self._data.append(value)
            case "event":
                self._type = value
            case "id" if "\0" not in value:
                self._id = value

    async def _line(self) -> str | None:
        while not (end := END_OF_LINE.search(self._text)):
            try:
                more = await self._reader.read(65536)
            except ConnectionError:
                more = b""
            if not more:
                return None
            self._received += more
            self._unpack()
        line = self._text[: end.start()].decode()
        del self._text[: end.end()]
        return line

    def _unpack(self) -> None:
        """Take the chunks apart that are there as a whole: https://datatracker.ietf.org/doc/html/rfc9112#section-7.1"""
        if not self._chunked:
            self._text += self._received
            self._received.clear()
        while b"\r\n" in self._received:
            size, _, rest = self._received.partition(b"\r\n")
            if len(rest) < int(size, 16) + 2:
                break
            self._text += rest[: int(size, 16)]
            self._received = rest[int(size, 16) + 2 :]


@contextlib.asynccontextmanager
async def listen(server: Server, path: str, last_event_id: str | None = None) -> AsyncIterator[Source]:
    """Ask for the events of `path`, and lose the connection at the end. Raises NotYet if no answer begins."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HOLDS)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=HOLDS)
    try:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Accept: text/event-stream", "Connection: close"]
        if last_event_id is not None:
            lines.append(f"Last-Event-ID: {last_event_id}")
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        try:
            head = await within_reach(server, reader.readuntil(b"\r\n\r\n"))
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            raise NotYet(f"a client asked for {path}, and no answer began.") from None
        status, *fields = head.decode("latin-1").split("\r\n")
        headers = dict(field.lower().split(": ", 1) for field in fields if field)
        yield Source(server, reader, int(status.split()[1]), headers)
    finally:
        writer.transport.abort()
