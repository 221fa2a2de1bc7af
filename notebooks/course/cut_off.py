"""A client of the exercise nothing-lost that is cut off, and comes back; and a tunnel, which holds up."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Sequence

from course.client import Client, NotYet, describe_end, quote, visit
from wslab.server import Server

KEEP = 20  # entries, as in the exercise
TUNNEL = "Tom's"  # the till that does not read: its connection leads through a tunnel
TWINS = "twins"  # how tills are called whose connections speak at the same time: theirs do, too

numbers = itertools.count(1)  # of tills and amounts: an app keeps them, so that each check needs others

TALK = "Each new entry is acknowledged to its till, and all tills hear it. Each till counts its ids for itself."
AGAIN = "What a till sends again has been lost, or only its acknowledgement has: acknowledge it each time."
NUMBERS = f"Entries are numbered 1, 2, and so on, though only the last {KEEP} are kept."
BEFORE = "It has heard that one before, as its `after` says."
LOST = "What is in between is lost."
PLAIN = '`{"ack": 1}` has no more keys.'
KEPT = f"All above `after` are among the last {KEEP}: no reason to begin anew."


class Tunnel:
    """ASGI middleware around `app`. While it is closed, nothing gets to Tom's till, and nothing from the twins."""

    def __init__(self, app):
        self.app = app
        self.waiting: set[int] = set()  # whose messages are held up, by the ids of their scopes
        self._opened: asyncio.Event | None = None

    async def __call__(self, scope, receive, send):
        till = scope.get("query_string", b"").decode()
        received = []  # and not passed on: so a receive that is cancelled meanwhile loses nothing

        async def holds_up(message, kind, whose):
            if self._opened and message["type"] == kind and whose in till:
                self.waiting.add(id(scope))
                await self._opened.wait()

        async def receive_through():
            if not received:
                received.append(await receive())
            await holds_up(received[0], "websocket.receive", TWINS)
            return received.pop()

        async def send_through(message):
            await holds_up(message, "websocket.send", TUNNEL)
            await send(message)

        await self.app(scope, receive_through, send_through)

    @contextlib.asynccontextmanager
    async def closed(self, server: Server) -> AsyncIterator[asyncio.Event]:
        """Meanwhile it is closed, unless the event that it gives is set on the server's loop."""
        opened = self._opened = await server.on_loop(asyncio.Event)
        self.waiting.clear()
        try:
            yield opened
        finally:
            last, self._opened = self._opened, None
            await server.on_loop(last.set)

    async def let_through(self, server: Server) -> None:
        """What waits gets through, and what comes next has to wait again."""
        gets_through, self._opened = self._opened, await server.on_loop(asyncio.Event)
        self.waiting.clear()
        await server.on_loop(gets_through.set)


class Cut(Exception):
    """The connection was cut off."""


class Till:
    """A client as it should be, which knows the last entry that it has heard. It is cut at message number `cut`."""

    def __init__(self, server: Server, stored: Sequence[int], after: int, name: str = "", cut: int = 0):
        self.server, self.stored, self.after, self.left = server, stored, after, cut
        self.name = name or f"till{next(numbers)}"
        self.ids = itertools.count(1)
        self.heard: list[int] = []
        self.may_fall_behind = False  # and hear at any time that it must begin anew
        self.before = ""  # what has happened to it, for the start of a sentence
        self.client: Client = None

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator["Till"]:
        async with visit(self.server, f"/cashbook?till={self.name}&after={self.after}") as self.client:
            yield self

    async def enter(self, *amounts: int, hint: str = AGAIN) -> None:
        """Each is sent until it is acknowledged, and heard. The till connects, and again if it is cut off."""
        rest = [(next(self.ids), cents) for cents in amounts]
        while rest:
            with contextlib.suppress(Cut):
                async with self.connected():
                    while rest:
                        await self.enter_one(*rest[0], f"{TALK} {NUMBERS}" if self.left > 0 else hint)
                        rest.pop(0)

    async def enter_one(self, id: int, cents: int, hint: str = AGAIN) -> None:
        """It is sent, acknowledged, and heard, if that has not been before."""
        await self.say(id, cents)
        await self.hear_of(id, cents, hint)

    async def hear_of(self, id: int, cents: int, hint: str) -> None:
        """What it has sent is acknowledged, and heard, if that has not been before."""
        acknowledged = False
        while not acknowledged or cents not in self.heard:
            what = f"the entry of {cents} cents" if acknowledged else f"the acknowledgement of id {id}"
            acknowledged |= await self.hear(what, hint) == {"ack": id}

    async def say(self, id: int, cents: int) -> None:
        await self.passes(f"where it sent id {id}")
        await self.client.say(json.dumps({"id": id, "cents": cents}))

    async def hear(self, what: str, hint: str, anew: int | None = None) -> dict:
        """The next message. `anew`: where it must begin anew, if it must."""
        start = f"{self.before}a till with after={self.after} "
        sent = f"sent {quote(self.client.said)}, " if self.client.said else ""
        text = await self.client.message_or_end(f"{start}{sent}expected {what}, and heard nothing. {hint}")
        if text is None:
            end = describe_end(self.client.ws)
            raise NotYet(f"{start}{sent}expected {what}, but the connection ended, with {end}. {hint}")
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if message is None or isinstance(text, bytes):
            raise NotYet(f"{start}expected {what}, but heard {quote(text)}, which is not JSON, sent as text.")
        await self.passes(f"where it was sent {text}")
        if anew is not None and message == {"anew": anew}:
            self.after, self.heard = anew, []
            return message
        match message:
            case {"ack": int()} if anew is None and len(message) == 1:
                return message
            case {"ack": _} if anew is None:
                hint = PLAIN
            case {"anew": int(number)} if self.may_fall_behind and self.after < number <= len(self.stored) - KEEP:
                self.after, self.heard = number, []
                return message
            case {"number": int(number), "cents": int(cents)} if number == self.after + 1 and anew is None:
                self.after = number
                if cents in self.heard:
                    raise NotYet(f"{start}heard of {cents} cents twice. {hint}")
                self.heard.append(cents)
                if (times := self.stored.count(cents)) != 1:
                    raise NotYet(f"{start}heard of {cents} cents, which are stored {times} times. {hint}")
                return message
            case {"number": int(number)} if anew is None:
                hint = f"{BEFORE if number <= self.after else LOST} {hint}"
            case {"anew": int(number)} if anew is None and number > self.after:
                pass  # some are gone, and should have been told before: the hint says why
            case {"anew": _} if anew is None:
                hint = KEPT
        expected = what if what == (entry := f"entry {self.after + 1}") else f"{what}, or {entry}"
        expected = json.dumps({"anew": anew}) if anew is not None else expected
        raise NotYet(f"{start}expected {expected}, but heard {quote(text)}. {hint}")

    async def hear_all(self, entries: Sequence[int], hint: str) -> None:
        """It must now hear these."""
        while len(self.heard) < len(entries):
            await self.hear(f"entry {self.after + 1}", hint)
        if self.heard != list(entries):
            raise NotYet(f"a till heard entries of {self.heard} cents; entered were {list(entries)}. {hint}")

    async def passes(self, where: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.before = f"a till was cut off {where}, and came back; then "
            await self.client.caught_up()  # what was sent before has arrived
            await self.client.drop()
            raise Cut


def amounts(stored: Sequence[int], number: int, end: int = 50) -> list[int]:
    """So many amounts, all new. What ends with 13 is refused by store() at first."""
    highest = max(stored, default=0) // 100
    return [100 * (highest + n) + end for n in range(1, number + 1)]
