"""A wire to a server: what goes over it can be cut off, held up, lost on its way back; it is counted, and noted."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from urllib.parse import urlsplit

PORT = 6379  # where the address of a broker names none
ANSWERS = 5.0  # seconds for the wire's own thread to do what it is told

Note = Callable[[object, bytes, bool], None]  # a connection, what has come over it, and whether that is a reply


class Wire:
    """Whoever connects to `url` talks to the server at the address `to`. It works on a thread of its own.

    `note` is called there with all that comes, before it is passed on.
    """

    def __init__(self, to: str, note: Note = lambda connection, data, is_reply: None):
        self.came_back = 0  # bytes that the server has sent
        self._note = note
        self._to = urlsplit(to)
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self._loses = 0  # replies
        self._flows = asyncio.Event()  # unless replies are held back
        self._flows.set()
        self._holds_since = b""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._carry, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """The address to give to a client, in place of the server's."""
        who, at, _ = self._to.netloc.rpartition("@")  # with the password, if there is one
        return self._to._replace(netloc=f"{who}{at}127.0.0.1:{self.port}").geturl()

    def cut(self) -> None:
        """Cut all connections, and new ones, too, until `mend()`."""
        self._is_cut = True
        self._do(self._abort())

    def mend(self) -> None:
        """Let connections through again, and replies that were held back."""
        self._is_cut, self._holds_since = False, b""
        self._loop.call_soon_threadsafe(self._flows.set)

    def lose_a_reply(self) -> None:
        """Let the next request through, and lose the reply: cut the connection in its place."""
        self._loses += 1

    def hold_replies(self, since: bytes) -> None:
        """Keep all replies back, from the next request on in which these bytes are, until `mend()`."""
        self._holds_since = since

    def end(self) -> None:
        """Cut all connections, and end the thread."""
        if self._thread.is_alive():
            self._do(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(ANSWERS)
            self._loop.close()

    def let_go(self) -> None:
        """Nothing: its port goes with it."""

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.end()

    def _do(self, work: Coroutine):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWERS)

    async def _close(self) -> None:
        self._is_cut = True
        self._flows.set()
        self._server.close()
        await self._abort()
        if connections := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(connections, timeout=ANSWERS / 2)  # they end: asyncio complains of what is thrown away

    async def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        with contextlib.suppress(OSError):
            there_reader, there = await asyncio.open_connection(self._to.hostname, self._to.port or PORT)
            self._writers |= {writer, there}
            if self._is_cut:  # meanwhile
                await self._abort()
            try:
                connection = object()
                requests = self._pass_on(connection, reader, there)
                await asyncio.gather(requests, self._pass_on(connection, there_reader, writer, replies=True))
            finally:
                self._writers -= {writer, there}
        writer.transport.abort()

    async def _pass_on(
        self, connection: object, reader: asyncio.StreamReader, to: asyncio.StreamWriter, replies: bool = False
    ) -> None:
        """Until one of the two ends: then both end."""
        try:
            while data := await reader.read(65536):
                if replies and self._loses:
                    self._loses -= 1
                    break
                self.came_back += len(data) if replies else 0
                self._note(connection, data, replies)
                if replies:
                    await self._flows.wait()
                elif self._holds_since and self._holds_since in data:
                    self._holds_since = b""
                    self._flows.clear()
                to.write(data)
                await to.drain()
        finally:
            to.transport.abort()
