"""A room: what is said in it, each member hears, in the same order. Nobody waits for anybody.

Each member has a backlog: what it has not been sent yet. One task, a *round*, sends to one member after the other.
Should it have to wait for one, it stays behind with that member, and another round goes on with the others.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import WebSocket, WebSocketDisconnect

PATIENCE = 10  # seconds that a member may be behind
BACKLOG = 1000  # messages that it may be behind

logger = logging.getLogger("uvicorn.error")


@dataclass
class Member:
    websocket: WebSocket
    stay: asyncio.Timeout  # when it has run out, join() ends
    backlog: deque[dict] = field(default_factory=deque)  # what it has not been sent yet
    writer: asyncio.Task | None = None  # the round that is sending to it
    reason: str = ""  # why it was put out


class Members:
    """Who is there. Each can be put out."""

    def __init__(self):
        self.members: dict[WebSocket, Member] = {}

    @asynccontextmanager
    async def join(self, websocket: WebSocket) -> AsyncIterator[Member]:
        """Be a member while the body runs. Being put out cancels the body, and then raises WebSocketDisconnect here."""
        try:
            async with asyncio.timeout(None) as stay:  # no limit, until put_out() sets one
                member = self.members[websocket] = Member(websocket, stay)
                try:
                    yield member
                finally:
                    self.members.pop(websocket, None)
                    member.backlog.clear()
                    if member.writer:
                        member.writer.cancel()
        except TimeoutError:
            if not stay.expired():  # it is the body's own
                raise
            raise WebSocketDisconnect(1006, member.reason) from None

    def put_out(self, member: Member, reason: str):
        if self.members.pop(member.websocket, None):
            member.reason = reason
            member.backlog = deque(maxlen=0)  # takes nothing: no later line may come without one that is lost
            member.stay.reschedule(0)  # long ago: its body ends, where it awaits


class Room(Members):
    """What is said in it, each member hears, in the same order. Nobody waits for anybody."""

    def say(self, text: str, to: Iterable[Member] | None = None):
        """Tell all members, or some, without waiting for them."""
        text.encode()  # what cannot be sent raises here, where it comes from
        due = deque(self.members.values() if to is None else to)
        message = {"type": "websocket.send", "text": text}
        for member in due:
            member.backlog.append(message)
        self.start_round(due)

    def start_round(self, due: deque[Member]):
        loop = asyncio.get_running_loop()
        task = loop.create_task(self.round(due))
        loop.call_soon(self.look_after, task, due)  # as soon as the round has ended, or waits for somebody

    async def round(self, due: deque[Member]):
        me = asyncio.current_task()
        while due:
            member = due.popleft()
            if member.writer:  # another round is with this member, and will send it this, too
                if len(member.backlog) > BACKLOG:
                    self.put_out(member, "too far behind")
                continue
            member.writer = me
            try:
                while member.backlog:
                    await member.websocket.send(member.backlog.popleft())
            except (WebSocketDisconnect, RuntimeError):
                self.put_out(member, "gone")
            except asyncio.CancelledError:  # its time is up; or it has left
                self.put_out(member, "too slow")
                raise
            except Exception:
                logger.exception("could not send")
                self.put_out(member, "failed")
            finally:
                member.writer = None

    def look_after(self, task: asyncio.Task, due: deque[Member]):
        if due:  # another round goes on with the others
            self.start_round(due.copy())
            due.clear()
        if not task.done():
            timer = asyncio.get_running_loop().call_later(PATIENCE, task.cancel)
            task.add_done_callback(lambda _: timer.cancel())
