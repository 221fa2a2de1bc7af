"""One client's visit, and what it shows, from both sides.

The app is started once, and all clients come to it. Beside each of them a bystander is connected, who wants an
ordinary answer afterwards, and so does whoever comes next. What is looked at: what the client saw, what its endpoint
did, what is left when all have gone, and how long the event loop stood still.
"""

import asyncio
import contextlib
import gc
import json
import re
from collections import Counter
from dataclasses import dataclass, replace

from wslab import library, stopping
from wslab.examination import clients
from wslab.examination.bystanders import Bystanders
from wslab.examination.clients import BRIEF, CLIENTS, Seen
from wslab.examination.evidence import NOWHERE, Fault, Spot, frames_of_task, holder, spot
from wslab.examination.findings import (
    ANOTHERS,
    HALF_A_CHARACTER,
    IN_ITS_LIST,
    LATE,
    STILL_THERE,
    Harm,
    Kind,
    Sign,
    sign,
    sign_of,
    why,
)
from wslab.examination.memory import Memory
from wslab.examination.patient import Patient
from wslab.examination.pulse import BEAT, BUSY, STALL, Pulse, stood_still
from wslab.examination.running import FORWARD, Running
from wslab.server import ServeError

SETTLE = 1.0  # seconds for endpoints to end after their clients have left; half of the patience, if that is more
LIMIT = 4.0  # seconds for one client, all in all, and some more for its patience
BUSY_LIMIT = 10  # times as long it may take where the machine is busy
WIDE = 2**20  # bytes: what the system may buffer again of what is not read
MUCH = 2.0  # seconds for a client that does much; half of its time, if that is less
LOOKS = 4  # at whether something comes by itself: what comes every 15 seconds may stay out of one
LINGER = 3.0  # seconds that a client listens at most
KEPT = 10  # of the clients that came and went, so many may still be remembered
SENT_AWAY = (1002, 1003, 1007, 1008, 1009, 1011, 1013)  # RFC 6455, section 7.4.1, and IANA's registry of close codes
GIVEN_UP = "Unexpected ASGI message 'websocket.send', after sending 'websocket.close'"
LIMITS = (403, 429, 503)  # HTTP statuses of who is refused as one too many
# What Python says of errors, in an answer
PYTHONS = re.compile(
    r"' object has no attribute '|' object is not |: line \d+ column \d+ \(char |must be str, not |Traceback \(most"
)
FREED = "cannot reuse already awaited"  # says a task without a place that was broken off with what blocked its loop


@dataclass
class Outcome:
    """What came of one client's visit."""

    client: str
    seen: Seen
    signs: list[Sign]
    after: str = ""  # the client that had left something behind
    poisons: bool = False  # whoever comes next finds it
    blocked: bool = False  # the server is gone, or its event loop does not go round any more
    doubtful: bool = False  # the machine was too busy to tell
    why_not: str = ""  # why nobody is asked after this one
    spent: float = 0.0  # seconds for all clients so far


class Visit:
    """One client's visit."""

    def __init__(self, patient: Patient, name: str, calm: float = 1):
        """calm: so many times as long as usual, whatever is waited for."""
        self.patient, self.name, self.about = patient, name, CLIENTS[name]
        self.server = patient.server
        target = patient.target
        unheard = any(known.kind is Kind.UNHEARD for known in patient.known)
        # A room may put out whoever does not read; while one floods it, that may be anybody.
        self.asks = not (patient.room and self.about.meanwhile == "flooded")
        self.target = replace(
            target,
            meanwhile=getattr(self, self.about.meanwhile) if self.about.meanwhile else clients.nothing,
            linger=LINGER,
            late=self.late,
            heard=self.heard,
            stall=self.stall,
            on_loop=self.server.on_loop,
            kept=self.kept,
            hangs=lambda: self.hangs,
            patience=calm * target.patience,
            farewell=BRIEF if unheard else target.farewell,
            answered=target.answered if self.asks else (False,) * len(target.say),
        )
        self.limit = LIMIT + 4 * self.target.patience  # seconds for the visit
        self.bystanders = Bystanders(patient, self.target, partner=self.about.meanwhile == "talk")
        self.running = Running(patient, max(calm * SETTLE, self.target.patience / 2), self.is_own)
        self.memory = Memory()
        self.blocked = self.poisons = self.asked = False
        # The number of the first connection of all, and of the client's first
        self.first_number = self.own_number = self.server.tape.clients + 1
        self.pulse = Pulse()  # of the server's event loop
        self.own = Pulse()  # of this one: where the machine is busy, both slow down
        self.own.on_beat = self.look_where_it_stands
        self.freeing: asyncio.Task | None = None  # what breaks off what blocks the event loop
        self.hangs = False  # that was not possible
        self.stands = self.unheard_at = NOWHERE
        self.tasks: set[asyncio.Task] = set()  # that ran before
        self.seen = Seen()
        self.signs: list[Sign] = []
        self.tries = 1  # of a client who depends on a race
        self.races: Counter[tuple] = Counter()  # in how many of them it came to something, by its file and line
        self.counted = 0  # errors that have been counted so
        self.calls = 0  # of the app, for the client, that were waited for
        self.unseen: list[Fault] = []
        self.spoilt = ""  # an answer that no browser can read
        self.shows_errors = False  # an answer says what Python says of an error
        self.has_frozen = False  # what is garbage by now may be frozen
        self.kept_at_first = ""  # what of the app's own held on to the client right after it had left

    # --- the visit ---

    async def outcome(self) -> Outcome:
        """Let the client in, and look at everything."""
        if self.about.narrow:
            self.server.shrink_buffers()
        try:
            async with asyncio.timeout(BUSY_LIMIT * self.limit) as timeout:
                self.tasks = tasks = await self.server.on_loop(self.pulse.start)
                self.own.start()
                self.own.end_after(self.limit, timeout)
                await self.with_bystanders()
                if self.server.running:
                    await self.running.wait_for_endpoints()
                self.look_at_client()
                if self.server.running:
                    await self.look_at_server(tasks)
            ended = not timeout.expired()  # somebody may have swallowed its cancellation
        except TimeoutError:
            ended = self.hangs
        except ServeError:
            ended = True
            self.own.stop()
            await self.break_loop()
        finally:
            self.own.stop()
            await asyncio.gather(*filter(None, [self.freeing]))
            self.pulse.stop()
            self.memory.stop()
            if self.about.narrow:
                self.server.shrink_buffers(WIDE)
        if not ended:
            self.found(Kind.TOO_LONG, "came to no end")
        self.look_at_faults()
        if stood_still(self.pulse, self.own) and not any(s.kind is Kind.BLOCKED for s in self.signs):
            self.found(Kind.STOOD_STILL, "the event loop stood still", self.stands, first=True)
        if self.tries > 1:
            tries = {s: (self.races[s.spot.file, s.spot.line], self.tries) for s in self.signs}
            self.signs = [replace(s, tries=tries[s]) if tries[s][0] else s for s in self.signs]
        return Outcome(self.name, self.seen, self.signs, self.patient.after, self.poisons, self.blocked)

    async def with_bystanders(self) -> None:
        """The client's visit, while others are connected, who want an ordinary answer afterwards."""
        async with contextlib.AsyncExitStack() as stack:
            if self.about.stands_for_first and self.target.trigger:  # when nobody is there
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.target.patience):
                        await self.target.trigger(0)
            await self.bystanders.come(stack)
            self.stack, self.own_number = stack, self.first_number + len(self.bystanders)
            self.server.keepalive(*self.about.pings)  # whoever comes from now on is pinged
            await self.try_it()
            if self.server.running:
                if self.seen.unheard:
                    self.unheard_at = await self.running.where(self.is_own)
                leaves = not (self.about.many or self.about.visits or self.about.meanwhile == "cancel")
                if self.patient.tidies and leaves:
                    self.kept_at_first = await self.kept()
                await self.ask()
                # Not always: it takes a while, and what is left over of others may end in that time.
                if self.patient.ticks and (self.about.stands_for_first or self.about.wrong_kind) and not self.signs:
                    await self.look_what_comes_by_itself()

    async def look_what_comes_by_itself(self) -> None:
        """Whether what has come to the bystanders by itself still does."""
        for _ in range(LOOKS):
            heard = await self.bystanders.hear_by_themselves()
            if not heard or any(heard):
                break
        else:
            self.found(Kind.SILENCED, "nothing comes to the bystander by itself any more")
            if self.patient.taken:
                self.found(Kind.TAKEN, "the bystander hears nothing when another has come")

    async def try_it(self) -> None:
        """The client's visit; several times where a race decides, until it was twice that something came of it."""
        seen = []
        for _ in range(self.about.tries):
            seen.append(await self.about.client(self.target))
            if self.about.tries > 1 and self.server.running:
                await self.server.conversation()
                self.came_of_try(seen[-1])
            if max(self.races.values(), default=0) > 1 or self.late() or not self.server.running:
                break
        self.tries = len(seen)
        self.seen = clients.worst(seen)

    def came_of_try(self, seen: Seen) -> None:
        """Count what came of one try."""
        watch = self.patient.watch
        came = [fault.spot for fault in watch.raised]
        came += [watch.misled.get(connection.number, where) for connection, where in watch.returned]
        new, self.counted = came[self.counted :] if len(came) > self.counted else [], len(came)
        self.races.update({(where.file, where.line) for where in new} | ({("", 0)} if seen.missed else set()))

    async def ask(self) -> None:
        """The bystanders say something, and wait for the answer."""
        again = self.patient.room or self.target.trigger  # another endpoint may answer once, and then only push
        if not self.bystanders or not self.asks or (self.asked and not again):
            return
        self.asked = True
        await self.bystanders.forget_what_was_heard()
        if self.about.meanwhile == "talk" and await self.held_up(tasks=False) != NOWHERE:  # that one was heard before
            self.bystanders.hurry()
        kind, seen = await self.bystanders.exchange()
        if not kind:
            return
        waited = await self.running.held_up(self.own_number)
        waits = await self.held_up()
        if waited != NOWHERE and waits == NOWHERE:
            return
        if waits == NOWHERE and self.about.meanwhile == "talk":
            waits = await self.running.held_up(self.own_number, own=True)  # in what all use, such as a lock
        misled = self.misled()
        if kind is Kind.HURT and self.patient.taken:
            kind = Kind.TAKEN
        if waits != NOWHERE:
            self.found(Kind.STALLED, seen, waits)
        elif self.patient.alone:
            return  # what a partner is told whose other one does not read, is not known
        elif self.is_misled(kind, misled) and not self.bystanders.cut_off:  # else that is seen elsewhere
            self.found_misled(seen, misled)
        else:
            address = self.bystanders.speaker.local_address[:2]
            where = await self.running.where(lambda peer: peer == address)
            logged = [f.spot for f in self.patient.watch.logged if self.first_number <= f.number < self.own_number]
            self.found(kind, seen, where if where != NOWHERE else next(iter(logged), NOWHERE))

    def misled(self) -> Spot:
        """Where a bystander's endpoint has sent to another that had gone, or something that is no endpoint has."""
        spots = self.patient.watch.misled.items()
        return next((w for number, w in spots if not number or self.first_number <= number < self.own_number), NOWHERE)

    def is_misled(self, kind: Kind, misled: Spot) -> bool:
        """Whether that is why others were not served. Who went on to send to the rest was not."""
        return misled != NOWHERE and (kind is Kind.CUT or (kind is Kind.HURT and misled.over))

    def found_misled(self, seen: str, misled: Spot) -> None:
        """Note that others were not served since one has gone to whom is still sent."""
        meaning = IN_ITS_LIST if misled.over else Kind.MISLED.meaning
        whose = "" if misled is self.patient.watch.misled.get(0) else ANOTHERS
        self.signs.append(replace(sign(Kind.MISLED, seen, misled), meaning=meaning, whose=whose))

    # --- what happens while the client keeps still ---

    async def talk(self) -> None:
        """The bystander talks: twice, since the first time whoever listens may come before the client in a list."""
        signs = len(self.signs)
        await self.ask()
        if len(self.signs) == signs:
            await self.ask()
        if len(self.signs) == signs:
            await self.ask_before_one_more()
        if len(self.signs) == signs and self.patient.room and (self.patient.alone or not self.patient.steady):
            # Where it is luck who hears what, or there are two only, nobody is known to miss anything.
            for _ in range(9):  # three things were said, and each may wait its time; at once, it would stand still
                await self.server.let_time_pass(FORWARD / 3)
            if (waits := await self.running.held_up(self.own_number, tasks=False)) != NOWHERE:
                self.found(Kind.STALLED, "another's endpoint waits for it", waits)

    async def flooded(self) -> None:
        """While a client floods it: whether tasks pile up, and whether the others are still served."""
        endpoints = self.server.tape.endpoints

        def tasks() -> list[asyncio.Task]:
            """Those that go on: one that is cancelled ends when it has had its turn."""
            new = asyncio.all_tasks() - self.tasks
            return [task for task in new if task not in endpoints and not task.cancelling()]

        def pile_up() -> bool:
            return len(tasks()) > clients.FLOOD / 10

        def is_known() -> bool:
            """Whether they do, or nothing more is to come: its endpoint waits for it to read."""
            return pile_up() or self.running.held_up_now(self.own_number, own=True) != NOWHERE

        left = self.own.left
        await self.running.until(is_known, self.running.settle)
        self.own.left = left  # that was not the client's time
        if await self.server.on_loop(pile_up):
            where = await self.server.on_loop(lambda: Counter(spot(frames_of_task(task)) for task in tasks()))
            self.found(Kind.PILES_UP, "a hundred tasks at once", where.most_common(1)[0][0])
        await self.ask()

    async def ask_before_one_more(self) -> None:
        """In a room, somebody comes later, and listens: in a list, that one stands behind the client."""
        if not self.bystanders or not self.patient.room or self.patient.alone:
            return
        if await self.bystanders.one_later(self.stack):
            kind, seen = await self.bystanders.exchange()
            if kind and (waits := await self.held_up()) != NOWHERE:  # that one may be no partner of who speaks
                self.found(Kind.STALLED, seen, waits)
            self.bystanders.connections.pop()

    async def held_up(self, tasks: bool = True) -> Spot:
        """Where somebody waits for the client, who does not read; for longer than its patience, in a talk.

        tasks: see `Running.held_up`.
        """
        waits = await self.running.held_up(self.own_number, tasks=tasks)
        if waits != NOWHERE and self.about.meanwhile == "talk":
            # Who gives such a one only so much time has given up on it then. (It passes by the server's clock.)
            await self.server.let_time_pass(self.target.patience)
            waits = await self.running.held_up(self.own_number, tasks=tasks)
        return waits

    async def stall(self, ws, full: bool) -> None:
        """Fill all buffers for a client, or empty them: tell uvicorn what the system tells it when they are.

        It takes a few hundred messages otherwise (https://docs.python.org/3/library/asyncio-protocol.html#flow-control).
        """

        def tell() -> None:
            for connection in self.patient.running().values():
                if tuple(connection.peer)[:2] == ws.local_address[:2] and connection.protocol:
                    (connection.protocol.pause_writing if full else connection.protocol.resume_writing)()

        await self.server.on_loop(tell)

    async def given_up(self) -> None:
        """Let the time pass after which uvicorn gives it up, and wait until only the bystanders' endpoints are left."""
        await self.server.let_time_pass(sum(self.about.pings))

        def only_theirs() -> bool:
            return len(self.patient.running()) <= len(self.bystanders)

        if not await self.running.until(only_theirs, 6 * sum(self.about.pings)):
            self.signs += (await self.running.stayed("its endpoint did not end", only_own=True))[1]

    async def begun(self) -> None:
        """Wait until the app has been called for the client, once more each time."""
        self.calls += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.target.patience):
                while self.server.tape.clients < self.own_number - 1 + self.calls:
                    await asyncio.sleep(BEAT / 10)

    async def cancel(self) -> None:
        """Cancel the endpoint of the client, and wait until it has ended."""
        own = [task for task, connection in self.patient.running().items() if self.is_own(connection.peer)]
        self.signs += await self.running.cancel(own)

    async def end(self) -> None:
        """Stop the server, once, and keep what it has to say about that."""
        if trouble := await self.patient.end():
            self.found(Kind.SHUTDOWN, trouble.partition(",")[0].partition(".")[0])

    async def look_at_memory(self) -> None:
        """While a client comes and goes: what of the app's own grows with each visit."""
        if self.memory.is_known:
            return
        await self.server.conversation()
        watch = self.patient.watch
        self.unseen += watch.unseen()  # they hold what their errors hold
        grows = self.memory.look(errors=bool(watch.raised or watch.logged))
        if any(s.kind is Kind.LEAVES for s in grows) and await self.running.until(self.memory.is_over, self.limit / 4):
            grows = []
        self.signs += grows

    # --- what is looked at afterwards ---

    def look_at_client(self) -> None:
        """What the client saw."""
        seen, first = self.seen, self.patient.first
        many = self.about.many or self.patient.alone
        refusal = f"refused: HTTP {seen.refused}"
        if self.about.foreign:
            sent_away = seen.code not in (None, 1000, 1006) and not seen.answers
            if seen.refused is None and not sent_away:
                self.found(Kind.FOREIGN, "served")
        elif seen.refused == 0:
            self.found(Kind.NO_HANDSHAKE, "no answer to its handshake", first=True)
        elif seen.refused is not None and many and seen.refused in LIMITS:
            self.found(Kind.LIMIT, refusal)
        elif seen.refused is not None and not (self.about.free and seen.refused < 500):
            self.found(Kind.REFUSED, refusal)
        elif self.about.pings[0] and self.about.meanwhile is None and self.was_given_up():
            self.found(Kind.DEAD, "closed with 1011: keepalive ping timeout", first=True)
        elif seen.code == 1006 and not self.about.by_server:
            self.found(Kind.CUT_OFF, "closed without a close frame (1006)")
        elif seen.code == 1011 and seen.by_server and self.about.wrong:
            fault = next(iter(self.patient.watch.logged), None)
            own = sign(Kind.OWN_FAULT, "closed with 1011", fault.spot if fault else NOWHERE)
            of_a_half = fault is not None and "UnicodeEncodeError" in fault.names
            self.signs.append(replace(own, meaning=HALF_A_CHARACTER) if of_a_half else own)
        elif seen.code == 1000 and seen.by_server and self.about.wrong and not (seen.answers or first.by_server):
            self.found(Kind.AS_IF_WELL, "closed with 1000")
        elif first.answers and self.about.answered and seen.code and not seen.answers and not seen.missed:
            self.found(Kind.NOT_ANY_MORE, f"closed with {seen.code}, without an answer")
        elif seen.unheard and not many:
            self.found(Kind.UNHEARD, "no answer to its close frame", self.unheard_at)
        elif self.about.stands_for_first and first.code in SENT_AWAY:
            self.found(Kind.SENT_AWAY, f"closed with {first.code}")
        elif seen.missed and self.about.talk:
            if self.patient.room and self.patient.steady:  # else the very first who spoke was not heard, either
                self.found(Kind.MISSED, "some who stayed missed messages")
        elif seen.missed and self.about.needs == "names":
            self.signs.append(
                replace(sign(Kind.NO_ANSWER, "no answer"), meaning=self.about.meaning, lesson=self.about.lesson)
            )
        elif seen.missed and self.patient.steady and not (self.about.wrong and self.target.trigger):
            self.found(Kind.NO_ANSWER, "no answer")
        if seen.no_word:
            self.found(Kind.NO_WORD, "no answer to what it does not know")
        if seen.forgotten and not seen.missed:
            self.found(Kind.FORGOTTEN, "who came back is forgotten", Spot(function=seen.forgotten))
        if self.about.wrong and self.shows_errors:
            self.found(Kind.SHOWS_ERRORS, "an answer with Python's own words")
        if self.about.browser and self.spoilt:
            self.found(Kind.NOT_JSON, f"an answer that no browser reads: {self.spoilt}")
        if self.about.browser and seen.unchosen:
            self.found(Kind.UNCHOSEN, "no subprotocol was chosen")

    def was_given_up(self) -> bool:
        """Whether uvicorn has taken the client for dead."""
        return any(number >= self.own_number for number in self.server.given_up)

    async def look_at_server(self, tasks: set[asyncio.Task]) -> None:
        """What is left on the server when all have gone."""
        self.server.keepalive(None, None)  # whoever comes next is not pinged
        await self.server.on_loop(self.pulse.stop)
        stayed, signs = await self.running.stayed("its endpoint is still running")
        self.signs += signs
        if stayed:
            self.signs = await self.running.wake_or_end(stayed, self.signs)
        else:
            self.signs += await self.running.tasks_left_over(tasks)
        await self.look_afterwards()
        self.unseen += self.patient.watch.unseen()  # as long as it is not seen, a task holds what its error holds
        self.own.stop()  # to find out who holds them takes a while
        if self.has_frozen:
            gc.unfreeze()
        gc.collect()
        if self.has_frozen:
            gc.freeze()
        await self.server.on_loop(lambda: None)  # what the collector has set free is done with
        held = await self.server.on_loop(self.held)
        if len(held) > (KEPT if self.about.visits else 0) and not stayed and (where := holder(held)):
            self.found(Kind.HELD, f"{len(held)} of its visits still remembered", Spot(function=where))
        elif self.kept_at_first:
            self.found(Kind.KEPT, "remembered after it had left", Spot(function=self.kept_at_first))

    async def look_afterwards(self) -> None:
        """Whoever comes next is served as the first client was; else this one has left something behind."""
        if not self.patient.well:
            return
        watch = self.patient.watch
        before, faults = set(map(id, watch.misled.values())), len(watch.raised) + len(watch.returned)
        kind, seen = await self.bystanders.next_ones()
        if kind and not self.patient.after:
            self.poisons = True
            misled = next((where for where in watch.misled.values() if id(where) not in before), NOWHERE)
            kept_to_itself = len(watch.raised) + len(watch.returned) == faults
            if misled.over and kept_to_itself and self.is_misled(kind, misled):
                self.found_misled(f"from then on: {seen}", misled)
            else:
                self.found(Kind.POISONED, f"from then on: {seen}")
        await self.server.conversation()
        self.signs += await self.running.cancel(list(self.patient.running()))

    def held(self) -> list:
        """On the server's loop: the marks of those connections of this client that something still holds on to."""
        marks = [(mark, mark.connection) for mark in list(self.server.visits)]
        return [m for m, c in marks if c.over and c.number >= self.first_number and self.is_own(c.peer)]

    async def kept(self, ws=None) -> str:
        """What of the app's own holds on to the client after it has left, or to one of its connections that is open."""
        address = ws.local_address[:2] if ws else None

        def others() -> list:
            """Its connections, but this one, whose endpoints still run."""
            peers = [tuple(connection.peer or ())[:2] for connection in self.patient.running().values()]
            return [peer for peer in peers if self.is_own(peer) and peer != address]

        def marks() -> list:
            return [m for m in list(self.server.visits) if tuple(m.connection.peer or ())[:2] == address]

        await self.running.until(lambda: not others(), self.running.settle)
        look = marks if ws else self.held
        if not await self.server.on_loop(lambda: bool(look())):
            return ""
        self.unseen += self.patient.watch.unseen()  # as long as it is not seen, a task holds what its error holds
        self.own.pause()  # to find out who holds them takes a while, in which no other thread gets on
        await self.server.on_loop(self.pulse.pause)
        try:
            gc.collect()
            self.has_frozen = True  # see `holder`
            return holder(await self.server.on_loop(look))
        finally:
            self.own.start()
            await self.server.on_loop(self.pulse.start)

    # --- what it means ---

    def look_at_faults(self) -> None:
        """What endpoints and tasks have raised, and what was logged as an error."""
        raised, logged, returned, misled = self.patient.watch.take()
        if self.about.stands_for_first:
            raised = self.patient.raised_early + raised
        faults = [(fault, Kind.RAISED) for fault in raised]
        faults += [(fault, Kind.UNSEEN) for fault in [*self.unseen, *self.patient.watch.unseen()]]
        for fault, kind in faults:
            if FREED in fault.text and not fault.spot.file:
                continue
            if self.about.pings[0] and GIVEN_UP in fault.text:
                continue  # who sends in the moment in which uvicorn gives its client up; others hear of it as always
            whose = self.whose(fault.number, fault.peer)
            if 0 < fault.spot.number < self.first_number:  # its client left before this one came
                fault = replace(fault, spot=replace(fault.spot, over=True))
            about = sign_of(fault, kind, self.about, whose)
            if whose and about.harm is Harm.LOG:
                continue  # bystanders leave, too: a client has no part in what comes of that
            if self.about.meanwhile != "cancel" or whose:
                self.signs.append(about)
        for made, which, connection in self.patient.watch.never_awaited():
            if connection is None or not self.whose(connection.number, connection.peer):
                self.found(Kind.UNAWAITED, which, made)
        signals, self.patient.watch.signals = self.patient.watch.signals, []
        for name, where in signals:
            self.found(Kind.SIGNALS, f"takes {name} over", where)
        places = {(s.spot.file, s.spot.line) for s in self.signs}
        for fault in logged:
            if self.about.ordinary and (fault.spot.file, fault.spot.line) not in places:
                whose = self.whose(fault.number, fault.peer)
                self.signs.append(sign_of(fault, Kind.LOGGED, self.about, whose))
        for connection, where in returned:
            if connection.accepted and self.about.meanwhile == "talk":
                continue  # a close frame would not get through to who does not read
            kind, what = (Kind.NO_CLOSE, "close()") if connection.accepted else (Kind.NO_ACCEPT, "accept()")
            if connection.number in misled:
                kind, where = Kind.MISLED, misled[connection.number]
            about = sign(kind, f"returned without {what}", where)
            self.signs.append(replace(about, whose=self.whose(connection.number, connection.peer)))

    def is_own(self, peer) -> bool:
        """Whether that is the address of this client, and not of a bystander."""
        return peer not in self.bystanders

    def whose(self, number: int, peer) -> str:
        """Whose endpoint it was, if not the client's own."""
        if number and number < self.first_number:
            return "an earlier client's"
        return "" if self.is_own(peer) else ANOTHERS

    def look_where_it_stands(self) -> None:
        """While the event loop stands still: in which line of the app."""
        if self.pulse.late() > STALL / 2 and not self.stands.file:
            self.stands = spot(library.frames(self.server.thread.number))
        if self.pulse.late() > 2 * self.target.patience and self.stands.file and not self.freeing:
            self.freeing = asyncio.get_running_loop().create_task(self.free_loop())

    async def free_loop(self) -> None:
        """The event loop does not go round: break off what blocks it, or, where that is not possible, the visit."""
        where = spot(library.frames(self.server.thread.number))
        self.found(Kind.BLOCKED, "the event loop is blocked", where if where.file else self.stands, first=True)
        self.patient.was_blocked = True
        if not await asyncio.to_thread(stopping.free, self.server.thread):
            self.blocked = self.hangs = True
            self.own.end_now()

    async def break_loop(self) -> None:
        """The event loop did not answer. Once it is free, whoever comes next is looked at."""
        if not self.freeing:
            self.freeing = asyncio.get_running_loop().create_task(self.free_loop())
        await self.freeing
        if not self.blocked:
            with contextlib.suppress(ServeError, TimeoutError):
                async with asyncio.timeout(2 * self.target.patience):
                    await self.look_afterwards()

    def heard(self, message: str | bytes) -> None:
        """Look at an answer: whether a browser can read it, if it is JSON to Python, and what it says of an error."""
        self.shows_errors |= isinstance(message, str) and PYTHONS.search(message) is not None
        if isinstance(message, str) and not self.spoilt and message[:1] in '{["-0123456789NI':
            with contextlib.suppress(ValueError):
                json.loads(message, parse_constant=self.no_constant)

    def no_constant(self, name: str) -> None:
        self.spoilt = name

    def found(self, kind: Kind, seen: str, where: Spot = NOWHERE, first: bool = False) -> None:
        """Note a sign."""
        self.signs.insert(0 if first else len(self.signs), sign(kind, seen, where))

    def late(self) -> bool:
        """Whether it is time for a client that does much to come to an end."""
        looked = not self.about.visits or self.memory.is_known  # at what is kept, which takes some visits
        known = self.about.visits and any(sign.kind in (Kind.HELD, Kind.TASKS) for sign in self.patient.known)
        return self.own.left < self.limit / 2 or (looked and (known or self.own.left < self.limit - MUCH))

    @property
    def in_doubt(self) -> bool:
        """Whether something new came late, or not at all, and the machine was too busy to tell why."""
        causes, _ = why(self.signs)
        known = {sign.key for sign in self.patient.known}
        proves_nothing = LATE if self.running.ran_out else LATE - STILL_THERE
        late = [s for s in causes if s.kind in proves_nothing and s.key not in known]
        return bool(late or (not causes and self.pulse.longest > STALL)) and self.own.longest > BUSY
