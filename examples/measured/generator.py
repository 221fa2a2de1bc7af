"""Load that keeps to a plan, whatever the server does; and a report that leaves nothing out.

Message k of all is due k / rate seconds after the start, and client k % clients sends it. How long it took is counted
from then, not from when it was really sent: so a server that stands still is charged with all that should have been
asked meanwhile. What is never answered counts as infinitely long.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from websockets import ClientConnection, ConnectionClosed, connect

AT_ONCE = 50  # handshakes
GREETS = 10  # seconds that a server may take for its greetings
FULL = 0.8  # of a core: from there on, the generator itself may be what is slow


@dataclass
class Report:
    """What came of a plan. All times are in seconds."""

    planned: int
    took: list[float] = field(default_factory=list)  # each answered message, from when it was due
    late: list[float] = field(default_factory=list)  # each planned message: how long after it was due it was sent
    sent: int = 0
    early: int = 0  # answers that came before their messages were sent: they are none
    ended: int = 0  # connections that ended meanwhile
    busy: float = 0.0  # of a core, the share that the generator took until the plan's end

    @property
    def unanswered(self) -> int:
        return self.planned - len(self.took)

    def within(self, percent: float) -> float:
        """So many of all planned messages, in percent, were answered within this time; `inf` if not so many were."""
        return percentile(self.took + [math.inf] * self.unanswered, percent)

    def overdue(self, tolerance: float) -> int:
        """How many messages were sent later than `tolerance` seconds after they were due, or not at all."""
        return sum(late > tolerance for late in self.late)

    def problem(self, tolerance: float) -> str:
        """Why the figures say little about the server, or nothing: then the plan was kept.

        It was not, if more than one message in a hundred is overdue.
        """
        if self.early:
            return (
                f"THE FIGURES MEAN NOTHING: {self.early:,} answers came before their messages. The endpoint must "
                "answer each message with exactly one; if it sends something first, there is --greetings."
            )
        if self.busy > FULL:
            return "THE BOTTLENECK MAY BE THIS GENERATOR: its core is full. Lower the rate, or start several."
        if percentile(self.late, 99) > tolerance:
            return (
                "THE PLAN WAS NOT KEPT, though this generator's core is not full: is the machine busy with something "
                "else, or has the server stopped reading, so that sends had to wait?"
            )
        return ""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that so many of them, in whole percents, do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


async def connected(url: str, clients: int, greetings: int, **options) -> list[ClientConnection]:
    """So many connections, some at the same time. The first messages of each, `greetings` of them, are read.

    If one does not come, or does not greet, all are ended, and its error is raised, in a group.
    """
    places = asyncio.Semaphore(AT_ONCE)
    there: list[ClientConnection] = []

    async def come() -> None:
        async with places:
            ws = await connect(url, **options)
            there.append(ws)
            try:
                async with asyncio.timeout(GREETS):
                    for _ in range(greetings):
                        await ws.recv()
            except TimeoutError:
                raise TimeoutError(f"it did not send {greetings} greetings") from None

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(clients):
                tasks.create_task(come())
    except BaseException:
        for ws in there:
            ws.transport.abort()
        raise
    return there


async def measure(
    clients: Sequence[ClientConnection], rate: float, seconds: float, patience: float, message: str = "hello"
) -> Report:
    """Send `rate` messages a second, and wait for an answer to each, in the order of each client's messages.

    What is not answered `patience` seconds after the plan's end is given up. In `message`, {n} is the message's number.
    """
    loop = asyncio.get_running_loop()
    report = Report(planned=max(1, round(rate * seconds)))
    last = report.planned - 1
    start = loop.time()
    unsent = [range(first, report.planned, len(clients)) for first in range(len(clients))]

    async def send(number: int, ws: ClientConnection) -> None:
        while unsent[number]:
            n = unsent[number][0]
            await asyncio.sleep(start + n / rate - loop.time())
            report.late.append(loop.time() - start - n / rate)
            unsent[number] = unsent[number][1:]
            try:
                await ws.send(message.replace("{n}", str(n)))
            except ConnectionClosed:
                give_up(number)
            else:
                report.sent += 1

    def give_up(number: int) -> None:
        """What was due until now is late; what is due later, the generator is not to blame for."""
        now = loop.time() - start
        report.late.extend(now - n / rate for n in unsent[number] if n / rate < now)
        unsent[number] = range(0)

    async def listen(number: int, ws: ClientConnection) -> None:
        try:
            for n in range(number, report.planned, len(clients)):
                await ws.recv()
                report.early += n in unsent[number]
                report.took.append(loop.time() - start - n / rate)
        except ConnectionClosed:
            report.ended += 1
            give_up(number)

    async def watch_the_processor() -> None:
        began = time.process_time()
        await asyncio.sleep(last / rate)
        report.busy = (time.process_time() - began) / max(loop.time() - start, 0.001)

    with suppress(TimeoutError):
        async with asyncio.timeout_at(start + last / rate + patience), asyncio.TaskGroup() as tasks:
            tasks.create_task(watch_the_processor())
            for number, ws in enumerate(clients):
                tasks.create_task(send(number, ws))
                tasks.create_task(listen(number, ws))
    for number in range(len(clients)):
        give_up(number)
    return report
