"""What still runs on the server when a client has left: its endpoint, and tasks that it has made.

It waits for them to end, says where they are, and ends them. What it finds, it returns as signs.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from wslab.examination.clients import BRIEF
from wslab.examination.evidence import NOWHERE, Spot, frames_of_task, spot
from wslab.examination.findings import Kind, Sign, sign
from wslab.examination.patient import Patient
from wslab.examination.pulse import BEAT
from wslab.server import ServeError

FORWARD = 30.0  # seconds by which the server's clock is set forward for an endpoint that sleeps
END = 1.0  # seconds for an endpoint to end once it is cancelled


class Running:
    """What runs, in one visit."""

    def __init__(self, patient: Patient, settle: float, is_own: Callable[[tuple | None], bool]):
        """settle: seconds for something to end. is_own: whether an address is the client's, and not a bystander's."""
        self.patient, self.server, self.settle, self.is_own = patient, patient.server, settle, is_own
        self.ran_out = False  # the time for something to end, although more might have happened

    # --- where it is ---

    async def where(self, fits: Callable[[tuple], bool]) -> Spot:
        """Where the endpoint is whose client has an address that fits, if it runs."""

        def look() -> Spot:
            tasks = [t for t, c in self.server.tape.endpoints.items() if fits(tuple(c.peer or ())[:2])]
            return spot(frames_of_task(tasks[0])) if tasks else NOWHERE

        return await self.server.on_loop(look)

    async def held_up(self, number: int, *, own: bool = False, tasks: bool = True) -> Spot:
        """Where somebody waits in a send to the client, whose connections have numbers from this one on.

        Another's endpoint, or a task that is none. own: the client's own endpoint. tasks: false for endpoints alone.
        """
        return await self.server.on_loop(lambda: self.held_up_now(number, own=own, tasks=tasks))

    def held_up_now(self, number: int, *, own: bool = False, tasks: bool = True) -> Spot:
        """The same, on the server's loop."""
        endpoints = self.server.tape.endpoints
        waiting = [t for t, c in endpoints.items() if self.is_own(c.peer) == own]
        waiting += [t for t in asyncio.all_tasks() if t not in endpoints and tasks and not own]
        spots = [spot(frames_of_task(task)) for task in waiting]
        return next((s for s in spots if s.call == "send" and s.number >= number and s.function), NOWHERE)

    # --- waiting for its end ---

    async def until(self, it: Callable[[], bool], seconds: float) -> bool:
        """Wait until it is so on the server's loop, or nothing can happen there, so many seconds at most.

        Returns whether it is so.
        """
        for beat in range(int(seconds / BEAT) + 1):
            if await self.server.on_loop(it):
                return True
            if beat and await self.patient.is_idle(seconds):
                return False
            await asyncio.sleep(BEAT)
        self.ran_out = True
        return await self.server.on_loop(it)

    async def wait_for_endpoints(self) -> None:
        """Wait until the endpoints have ended whose clients have left; and then only until all is told."""
        self.server.settle_timeout = BRIEF
        await self.server.conversation()
        # Where uvicorn does not read on, it notices only at the next send that a client has gone.
        await self._wait_for(lambda: list(self.patient.running()))

    async def _wait_for(self, left: Callable[[], list[asyncio.Task]]) -> list[asyncio.Task]:
        """Give tasks time to end, and little of it to those who wait where one is known to stay. Returns who is left.

        left: which they are, asked on the server's loop.
        """
        known = {(sign.spot.file, sign.spot.line) for sign in self.patient.known}

        def all_known() -> bool:
            spots = [spot(frames_of_task(task)) for task in left()]
            return all((where.file, where.line) in known for where in spots)

        if await self.server.on_loop(left):
            await asyncio.sleep(BEAT)
            await self.until(all_known, self.settle)
        return await self.server.on_loop(left)

    async def tasks_left_over(self, before: set[asyncio.Task]) -> list[Sign]:
        """Wait until the tasks have ended that endpoints have made: they may have something to save.

        before: the tasks that are not of this visit.
        """

        def left() -> list[asyncio.Task]:
            made = set(self.patient.watch.tasks) & asyncio.all_tasks()
            return [t for t in made - before - set(self.server.tape.endpoints) if not t.done()]

        tasks = await self._wait_for(left)
        spots = await self.server.on_loop(lambda: [spot(frames_of_task(task)) for task in tasks])
        places = {(where.file, where.line): where for where in spots}
        return [sign(Kind.TASKS, f"{len(tasks)} task(s) left over", where) for where in places.values()]

    # --- what has not ended ---

    async def stayed(self, seen: str, only_own: bool = False) -> tuple[list[asyncio.Task], list[Sign]]:
        """The endpoints that run although their clients have gone, and what each of them does.

        seen: what there is to say about them. only_own: leave out those of bystanders, who are still there.
        """

        def look() -> tuple[list[asyncio.Task], list[Sign]]:
            stayed = [(t, c) for t, c in self.patient.running().items() if not only_own or self.is_own(c.peer)]
            signs = []
            for task, connection in stayed:
                where = spot(frames_of_task(task))
                if not connection.accepted:
                    kind = Kind.ACCEPTS_LATE
                elif connection.state == "left":
                    kind = Kind.GOES_ON
                elif only_own and where.call == "send":
                    kind = Kind.SEND_WAITS
                else:
                    kind = Kind.BUSY if connection.heard or where.call == "send" else Kind.NEVER_RECEIVES
                signs.append(sign(kind, seen, where))
            return [task for task, _ in stayed], signs

        return await self.server.on_loop(look)

    async def wake_or_end(self, stayed: list[asyncio.Task], signs: list[Sign]) -> list[Sign]:
        """An endpoint that sleeps is woken up, by the server's clock; whoever goes on then is cancelled.

        Returns the signs, with what was found: whoever ends when it is woken up does notice, but late.
        """
        self.server.settle_timeout = BRIEF
        with contextlib.suppress(ServeError):  # there is much to do in that time
            await self.server.let_time_pass(FORWARD)
        await self.server.conversation()
        if all(task.done() for task in stayed):
            late = Kind.NOTICES_LATE
            signs = [replace(s, kind=late, meaning=late.meaning) if s.kind is Kind.NEVER_RECEIVES else s for s in signs]
        return signs + await self.cancel([task for task in stayed if not task.done()])

    async def cancel(self, tasks: list[asyncio.Task]) -> list[Sign]:
        """Cancel endpoints, and wait until they have ended. Whoever does not, swallows it."""
        where = await self.server.on_loop(lambda: {task: spot(frames_of_task(task)) for task in tasks})
        await self.server.on_loop(lambda: [task.cancel() for task in tasks])
        await self.until(lambda: all(task.done() for task in tasks), max(END, self.settle))
        stubborn = [task for task in tasks if not task.done()]
        self.patient.stubborn.update(stubborn)
        self.server.tape.cut_off.clear()
        now = await self.server.on_loop(lambda: {task: spot(frames_of_task(task)) for task in stubborn})
        said = "went on after it was cancelled"
        # What it does in a `finally` may wait for a client that does not read.
        waits = [sign(Kind.SEND_WAITS, said, s) for s in now.values() if s.call in ("send", "close")]
        swallows = [t for t in stubborn if now[t].call not in ("send", "close")]
        return waits + [sign(Kind.STUBBORN, said, where[task]) for task in swallows]
