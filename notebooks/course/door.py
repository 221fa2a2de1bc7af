"""The door of an app: what a check may do there to a handshake, so that a race is lost each time, or never."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

from course.client import NotYet, until

PATIENCE = 0.5  # seconds that one of two waits for the other; less than a client waits
REACHED = 5.0  # seconds for a handshake to get to its accept()


class Door:
    """ASGI middleware around `app`. It passes everything on, until a check holds a handshake up."""

    def __init__(self, app):
        self.app = app
        self.waiting = 0  # handshakes that have been held up where they accept
        self.sending = 0  # messages that endpoints have begun to send
        self._on_entry: Callable[[], Awaitable[object]] = _at_once
        self._on_accept: Callable[[Callable], Awaitable[object]] = _at_once

    async def __call__(self, scope, receive, send):
        async def send_through(message):
            if message["type"] == "websocket.accept":
                self.waiting += 1
                await self._on_accept(receive)
            self.sending += message["type"] == "websocket.send"
            await send(message)

        if scope["type"] == "websocket":
            await self._on_entry()
        await self.app(scope, receive, send_through)

    @asynccontextmanager
    async def for_two(self):
        """Meanwhile two come at once: their endpoints are called at the same time, and accept at the same time."""
        entry, accept = asyncio.Barrier(2), asyncio.Barrier(2)
        self._on_entry, self._on_accept = (lambda: _together(entry)), (lambda receive: _together(accept))
        try:
            yield
        finally:
            self._on_entry = self._on_accept = _at_once

    @asynccontextmanager
    async def until_gone(self):
        """Meanwhile who is accepted waits for that, until it has given up."""
        self.waiting, self._on_accept = 0, _gone
        try:
            yield
        finally:
            self._on_accept = _at_once

    @asynccontextmanager
    async def until_opened(self, server):
        """Meanwhile who is accepted waits for that, until the block ends."""
        opened = await server.on_loop(asyncio.Event)
        self.waiting, self._on_accept = 0, lambda receive: opened.wait()
        try:
            yield
        finally:
            self._on_accept = _at_once
            await server.on_loop(opened.set)

    async def is_reached(self) -> None:
        """Wait until somebody is held up."""
        if not await until(lambda: self.waiting, REACHED):
            raise NotYet("a client came with all that it needs, and the endpoint did not accept it.")


async def _at_once(receive=None) -> None:
    pass


async def _gone(receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _together(barrier: asyncio.Barrier) -> None:
    """Wait for the other one; a wrong answer may never let it get here."""
    try:
        async with asyncio.timeout(PATIENCE):
            await barrier.wait()
    except (TimeoutError, asyncio.BrokenBarrierError):
        pass
