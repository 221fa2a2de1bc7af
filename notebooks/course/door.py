"""The door of an app: what a check may do there to a handshake, so that a race is lost each time, or never.

And to what clients say, so that two speak at the same time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

from websockets import ClientConnection

from course.client import NotYet, until

PATIENCE = 0.5  # seconds that one of two waits for the other; less than a client waits
REACHED = 5.0  # seconds for a handshake to get to its accept()


class Door:
    """ASGI middleware around `app`. It passes everything on, until a check holds something up."""

    def __init__(self, app):
        self.app = app
        self.waiting = 0  # handshakes that have been held up where they accept
        self.sending = 0  # messages that endpoints have begun to send
        self.heard = 0  # messages that have been held up on their way to an endpoint
        self._lets_in: asyncio.Event | None = None  # what clients say, when it is set
        self._on_entry: Callable[[], Awaitable[object]] = _at_once
        self._on_accept: Callable[[Callable], Awaitable[object]] = _at_once

    async def __call__(self, scope, receive, send):
        received = []  # and not passed on: so a receive that is cancelled meanwhile loses nothing

        async def receive_through():
            if not received:
                received.append(await receive())
            if self._lets_in and received[0]["type"] == "websocket.receive":
                self.heard += 1
                await self._lets_in.wait()
            return received.pop()

        async def send_through(message):
            if message["type"] == "websocket.accept":
                self.waiting += 1
                await self._on_accept(receive)
            self.sending += message["type"] == "websocket.send"
            await send(message)

        if scope["type"] == "websocket":
            await self._on_entry()
        await self.app(scope, receive_through, send_through)

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

    @asynccontextmanager
    async def holds_up_what_is_said(self, server):
        """Meanwhile endpoints hear nothing. Then all hear at the same time what their clients have said."""
        lets_in = self._lets_in = await server.on_loop(asyncio.Event)
        self.heard = 0
        try:
            yield
        finally:
            self._lets_in = None
            await server.on_loop(lets_in.set)

    async def is_reached(self) -> None:
        """Wait until somebody is held up."""
        if not await until(lambda: self.waiting, REACHED):
            raise NotYet("a client came with all that it needs, and the endpoint did not accept it.")


async def give_up(coming: asyncio.Future[ClientConnection]) -> None:
    """Leave, whether accepted by now or not."""
    coming.cancel()
    await asyncio.wait([coming])
    if not coming.cancelled() and not coming.exception():
        await coming.result().close()


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
