"""Connections to a server whose every answer is known beforehand: for a check of what loads it, in virtual time."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from websockets import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

from course.client import NotYet

EVERY = 0.1  # seconds between two messages of a client
PATIENCE = 1.0  # seconds for an answer, after the last message was due
NEAR = 0.005  # seconds that do not matter
SLOW_SEND = 0.25  # seconds of the processor
FOR_EVER = 1000.0
ANSWER = "noted"  # to each message: an answer need not be an echo

WAITS = "It waited for an answer first, and asks nothing of a server that stands still. Send and receive in two tasks."
SLIPS = "The n-th is due at start + n * every: sleep until then, not for `every` after the one before."
EARLY = "That is too early: sleep until start + n * every."


@dataclass(eq=False)
class Line:
    """A connection as those of `websockets`. All times are seconds from the start."""

    answers_after: Callable[[int], float] = lambda n: 0.01  # message n, once it has arrived; inf for never
    stands: tuple[float, float] = (0, 0)  # meanwhile, the server takes messages, and answers none
    reads_nothing: tuple[float, float] = (0, 0)  # meanwhile, a send waits; FOR_EVER is longer than anybody measures
    slow_send: int = -1  # the message whose sending takes SLOW_SEND
    slow_sends: int = 0  # so many at first take one and a half times as long as there is between two
    stuck_send: int = -1  # the message whose sending never ends
    ends: float = math.inf
    ends_with: type[ConnectionClosed] = ConnectionClosedError
    answer: str = ANSWER
    began: list[float] = field(default_factory=list)  # its sends
    answered: list[float] = field(default_factory=list)

    def open(self, loop) -> None:
        """The start is now."""
        self.loop, self.start, self.closed = loop, loop.time(), False
        self.heard, self.writing, self.reading = asyncio.Queue(), asyncio.Lock(), asyncio.Lock()
        if self.ends < math.inf:
            loop.call_at(self.start + self.ends, self.heard.put_nowait, None)

    @property
    def now(self) -> float:
        return self.loop.time() - self.start

    async def send(self, message) -> None:
        n = len(self.began)
        self.began.append(self.now)
        async with self.writing:
            if self.reads_nothing[0] <= self.now < self.reads_nothing[1]:
                await asyncio.sleep(self.reads_nothing[1] - self.now)
            if n < self.slow_sends:
                await asyncio.sleep(1.5 * EVERY)
            if n == self.stuck_send:
                await asyncio.sleep(FOR_EVER)
        if self.now >= self.ends or self.closed:
            raise self.ends_with(None, None)
        if n == self.slow_send:
            self.loop.spend(SLOW_SEND)
        ready = self.stands[1] if self.stands[0] <= self.now < self.stands[1] else self.now
        at = max([ready + self.answers_after(n), *self.answered[-1:]])  # in order
        if at < self.ends:
            self.answered.append(at)
            if at < math.inf:
                self.loop.call_at(self.start + at, self.heard.put_nowait, self.answer)

    async def recv(self):
        if self.reading.locked():
            raise NotYet("two tasks call recv() of one client at the same time, which `websockets` refuses.")
        async with self.reading:
            if (message := await self.heard.get()) is None:
                self.heard.put_nowait(None)
                raise self.ends_with(None, None)
        return message

    async def __aiter__(self):
        with contextlib.suppress(ConnectionClosedOK):
            while True:
                yield await self.recv()

    async def close(self) -> None:
        self.closed = True
        self.heard.put_nowait(None)

    def took(self, since: Sequence[float], limit: float) -> list[float]:
        """How long each message took from its time in `since`; inf if it was not answered until `limit`."""
        answered = self.answered + [math.inf] * (len(since) - len(self.answered))
        return [at - begin if at <= limit else math.inf for at, begin in zip(answered, since, strict=True)]


@dataclass(frozen=True)
class Scenario:
    """What it shows if it is passed, what happens in it, the number of messages, and the clients' lines."""

    shows: str
    where: str
    number: int
    lines: list[Line]


def scenarios() -> Iterator[Scenario]:
    quick = Line(lambda n: 0.014)  # which whole hundredths of a second would leave out
    slow_at_first = Line(lambda n: (0.4 if n == 5 else 0.3) if n < 12 else 0.014)
    yield Scenario(
        "what all clients have waited is in one list",
        "one client has its answers after 0.014 s, and another one its first twelve after 0.3 or 0.4",
        20,
        [quick, slow_at_first],
    )
    yield Scenario(
        "a server that stands still is asked on, and the waiting counts",
        "one client's server stands still from 0.95 s to 3.05",
        50,
        [Line(stands=(0.95, 3.05)), Line()],
    )
    yield Scenario(
        "what is sent late counts from when it was due, and the report says how late",
        "one client's server reads nothing from 0.95 s to 2.05, and another client's send keeps the processor busy",
        200,
        [Line(reads_nothing=(0.95, 2.05)), Line(slow_send=70)],
    )
    yield Scenario(
        "so it does where each message delays the next one",
        "a client's first eight sends take 0.15 s each",
        20,
        [Line(slow_sends=8), Line()],
    )
    yield Scenario(
        "and where a message is late whose send never returns",
        "a client's server reads nothing from 0.25 s to 1.05, and the send after that never returns",
        20,
        [Line(reads_nothing=(0.25, 1.05), stuck_send=4), Line()],
    )
    yield Scenario(
        "it says how late it was also where it overslept",
        "each of two clients holds up the other's last message",
        20,
        [Line(slow_send=19), Line(slow_send=19)],
    )
    too_late = Line(lambda n: PATIENCE + 0.05 if n == 19 else 0.01)
    silent = Line(lambda n: math.inf if n >= 15 else 0.01)
    yield Scenario(
        "what is never answered counts, and it does not wait for ever",
        "one client's last answer comes too late, and another one's last five never",
        20,
        [too_late, silent],
    )
    yield Scenario(
        "nor does it for a server that reads nothing any more",
        "one client's server reads nothing from 0.95 s on",
        20,
        [Line(reads_nothing=(0.95, FOR_EVER)), Line()],
    )
    oversleeps = Line(lambda n: PATIENCE - 0.1 if n == 19 else 0.01, slow_send=18)  # message 19 is sent after 2.05 s
    yield Scenario(
        "`patience` goes by the plan, also where the last message was late",
        "the last message is sent late, and its answer comes too late",
        20,
        [oversleeps],
    )
    soon_silent = Line(lambda n: math.inf if n >= 5 else 0.01)
    yield Scenario(
        "where most is never answered, p50 says so",
        "one client has five answers, and another one none",
        20,
        [soon_silent, Line(lambda n: math.inf)],
    )
    yield Scenario("and where nothing is, too", "nothing is answered", 20, [Line(lambda n: math.inf)])
    yield Scenario(
        "a connection that ends does not end the others",
        "of three connections, one ends after 0.45 s, and one after 0.55",
        30,  # so that most of all messages are not answered, and p50 is that of those that were never sent
        [Line(ends=0.45), Line(ends=0.55, ends_with=ConnectionClosedOK), Line()],
    )
    yield Scenario("an answer may be empty", "one client's answers are empty texts", 20, [Line(answer=""), Line()])


def percentile(values: Iterable[float], percent: int) -> float:
    """The smallest of the values that so many of them, in percent, do not exceed."""
    values = sorted(values)
    return values[math.ceil(len(values) * percent / 100) - 1]


def keep_to_the_plan(lines: Sequence[Line], number: int) -> None:
    """Each message was sent when it was due, or as soon as that could be. Raises NotYet."""
    slow = [line.slow_send * EVERY for line in lines if line.slow_send >= 0]
    for line in lines:
        busy = [line.reads_nothing, (NEAR, line.slow_sends * 1.5 * EVERY)]
        busy += [(at - NEAR, at + SLOW_SEND + NEAR) for at in slow]
        for n, began in enumerate(line.began):
            due = n * EVERY
            if abs(began - due) > NEAR and not any(start <= due < end for start, end in busy):
                why = why_late(lines, line, n)
                raise NotYet(
                    f"a client's message {n} was due {due:.1f} s after the start, and sent after {began:.2f}. {why}"
                )
        may_be_less = line.ends < math.inf or line.reads_nothing[1] == FOR_EVER or line.stuck_send >= 0
        if len(line.began) > number or (len(line.began) < number and not may_be_less):
            raise NotYet(f"a client was to send {number} messages, and sent {len(line.began)}. Leave none out.")


def why_late(lines: Sequence[Line], line: Line, n: int) -> str:
    if n == 0:
        return "n begins with 0, and all clients start at the same time."
    if line.began[n] < n * EVERY:
        return EARLY
    if any(start <= n * EVERY < end < line.began[n] + NEAR for start, end in [other.reads_nothing for other in lines]):
        return "It waited for the send() of another client, whose server read nothing. Each needs a task of its own."
    if any(other.reads_nothing[1] for other in lines):  # it has been late, and what follows is, too
        is_on_time = min(line.began[n] % EVERY, -line.began[n] % EVERY) < NEAR  # for another message
        return "It has left out some, for which it was late." if is_on_time else SLIPS
    waited = n <= len(line.answered) and 0 <= line.began[n] - line.answered[n - 1] < EVERY + NEAR
    return WAITS if waited else SLIPS
