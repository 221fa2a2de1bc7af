"""The bystanders: polite clients beside the one that visits, and those that come next. They want an ordinary answer."""

import asyncio
import contextlib
from dataclasses import replace

from wslab.examination import clients
from wslab.examination.clients import ENOUGH, Seen, Target
from wslab.examination.findings import Kind
from wslab.examination.patient import Patient

# Codes that give no reason for which a server may send away whoever did nothing wrong: RFC 6455, section 7.4.1
SENT_AWAY = (1000, 1005, 1011)
SOME_TIME = 12.0  # seconds on the server's clock, in which what comes from time to time should come


class Bystanders:
    """One bystander; in a room two: one who speaks, and one who listens. Where there is a place for one only, none."""

    def __init__(self, patient: Patient, target: Target, partner: bool = False):
        """partner: in a room for two one comes nevertheless, beside the client."""
        self.patient, self.target = patient, target
        if patient.twice(Kind.HURT, Kind.STALLED, Kind.TAKEN):
            self.hurry()
        self.most = 2 if patient.room else 1
        if patient.alone:
            self.most = 1 if partner and patient.room else 0
        self.connections: list = []
        self._peers: set[tuple] = set()  # their addresses, and those of whoever came next

    def __len__(self):
        return len(self.connections)

    def __contains__(self, peer) -> bool:
        """Whether that is the address of one of them."""
        return tuple(peer or ())[:2] in self._peers

    @property
    def cut_off(self) -> bool:
        """Whether one of them was cut off, without a close frame."""
        return any(ws.close_code == 1006 for ws in self.connections)

    @property
    def speaker(self):
        """The connection of the one who speaks."""
        return self.connections[0]

    def hurry(self) -> None:
        """Have less patience: it is known that no answer comes."""
        self.target = replace(self.target, patience=min(self.target.patience, ENOUGH))

    async def come(self, stack: contextlib.AsyncExitStack) -> None:
        """Let them in, in place of those who were there before. Who is not let in stays away."""
        self.connections = []
        if not self.patient.well or self.patient.twice(Kind.BLOCKED, Kind.STOOD_STILL):
            return
        with contextlib.suppress(OSError, EOFError, clients.InvalidStatus, clients.ConnectionClosed):
            for _ in range(self.most):
                await self.one_more(stack)
        await self.forget_what_was_heard()

    async def one_more(self, stack: contextlib.AsyncExitStack, patience: float | None = None) -> None:
        """Let one in. Raises what a refused handshake raises."""
        target = replace(self.target, patience=patience) if patience else self.target
        ws = await stack.enter_async_context(clients.knock(target))
        self._peers.add(ws.local_address[:2])
        self.connections.append(ws)

    async def one_later(self, stack: contextlib.AsyncExitStack) -> bool:
        """Let one more in, who listens. Whether that one is in, and not refused, or put out at once.

        What it is told when it joins may be held up, too, and is not waited for.
        """
        with contextlib.suppress(OSError, EOFError, clients.InvalidStatus):
            await self.one_more(stack, patience=self.target.patience / 4)
            with contextlib.suppress(clients.ConnectionClosed):
                await clients.heard_so_far(self.connections[-1], self.target)
                return True
            self.connections.pop()
        return False

    async def exchange(self) -> tuple[Kind | None, str]:
        """One of them says something, and waits for the answer; in a room the other one waits for it.

        Returns what went wrong: the kind, and in words.
        """
        speaker, listener = self.speaker, self.connections[-1]
        asked = replace(self.target, say=self.target.say[:1], answered=(self.target.replies,))
        try:
            if speaker is listener:
                _, missed = await clients.exchange(speaker, asked)
            else:
                await clients.say(speaker, asked.say[0], False, asked)
                missed = not await clients.hears(speaker, listener, asked)
        except clients.ConnectionClosed:
            missed = False
        if not missed and (self.patient.room or asked.replies_by_itself):
            for ws in (speaker, listener):
                await clients.has_read(ws, asked)  # who is sent away after an answer has heard it by then
        codes = (speaker.close_code, listener.close_code)
        if 1006 in codes:
            return Kind.CUT, "the bystander was cut off"
        if missed and self.patient.steady:
            return Kind.HURT, "the bystander got no answer"
        unlike_the_first = self.patient.first.by_server is False and not self.patient.after
        sent_away = [code for code in codes if code in SENT_AWAY and unlike_the_first]
        return (Kind.CUT, f"the bystander was sent away, with {sent_away[0]}") if sent_away else (None, "")

    async def last_takes_all(self) -> bool:
        """Whether what is meant for the first goes to the last, and what is meant for the last, too."""
        (first, last), asked = self.connections, replace(self.target, say=self.target.say[:1], answered=(True,))
        with contextlib.suppress(clients.ConnectionClosed):
            for ws, missing in ((first, 1), (last, 0)):
                _, missed = await clients.exchange(ws, asked)
                if missed != missing or (missed and not await clients.heard_so_far(last, asked)):
                    return False
            return not await clients.heard_so_far(first, asked)
        return False

    async def forget_what_was_heard(self) -> None:
        """A greeting, or what others said in a room, is no answer."""
        for ws in self.connections:
            with contextlib.suppress(clients.ConnectionClosed):
                await clients.heard_so_far(ws, self.target)

    async def hear_by_themselves(self) -> list[bool]:
        """Whether something comes to each of them by itself, while some time passes on the server's clock.

        Empty, if that is not known: where something comes all the time, it need not be waited for.
        """
        await self.forget_what_was_heard()
        if not await self._nothing_comes():
            return []
        await self.patient.server.let_time_pass(SOME_TIME)
        await self._nothing_comes()
        heard = []
        for ws in self.connections:
            with contextlib.suppress(clients.ConnectionClosed):
                heard.append(await clients.heard_so_far(ws, self.target) > 0)
        return heard

    async def _nothing_comes(self) -> bool:
        """Wait until nothing can come for a while, as long as anybody waits for an answer. Whether it is so."""
        soon = replace(self.target, patience=ENOUGH)  # what comes every ten seconds may be due in one
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.target.patience):
                await clients.nothing_comes(soon, *self.connections)
                return True
        return False

    async def next_ones(self) -> tuple[Kind | None, str]:
        """Others come when the client has left, and are served as the first one was. Returns what went wrong."""
        if self.patient.twice(Kind.BLOCKED, Kind.STOOD_STILL):
            return None, ""
        if self.patient.room and not self.patient.alone:
            async with contextlib.AsyncExitStack() as stack:
                await self.come(stack)
                return await self.exchange() if len(self) > 1 else (Kind.CUT, "refused")
        return self._like_the_first(await self._next_one())

    async def _next_one(self) -> Seen:
        """A polite client."""

        async def visit(ws):
            self._peers.add(ws.local_address[:2])
            done = await clients.exchange(ws, target)
            if target.replies_by_itself:
                await clients.has_read(ws, target)
            return done

        target = replace(self.target, answered=self.patient.target.answered)
        return await clients.tell(target, visit)

    def _like_the_first(self, seen: Seen) -> tuple[Kind | None, str]:
        """What went wrong with a polite client, in comparison with the very first one."""
        first = self.patient.first
        if seen.refused is not None:
            return Kind.CUT, f"refused: HTTP {seen.refused}"
        if seen.missed:
            return Kind.HURT, "no answer"
        if seen.unheard and not first.unheard:
            return Kind.HURT, "no answer to its close frame"
        if seen.code == 1006 and first.code != 1006:
            return Kind.CUT, "cut off"
        if first.answers and not seen.answers:
            return Kind.HURT, f"closed with {seen.code}, without an answer"
        if seen.by_server and first.by_server is False:
            return Kind.HURT, f"sent away, with {seen.code}"
        return None, ""
