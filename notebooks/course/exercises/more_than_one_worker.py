"""The check under the exercise of more-than-one-worker."""

import asyncio
import contextlib
import inspect
import types
from collections.abc import AsyncIterator
from functools import partial

from course.client import WAIT, NotYet, until
from course.judging import Verdict
from course.troubles import Bug

__all__ = ["follower"]

STREAM = "course:check"
PATIENCE = 5.0  # seconds for something that costs a right answer some tenths of one
A_READ = 6.0  # seconds that a read may last, and a little more
PAUSE = 0.5  # seconds that the broker is away
TOO_OFTEN = 50  # commands in that time: a pause of a hundredth of a second

ORDER = (
    "Ask for what comes after the last entry that you have told. Ids are pairs of numbers: as texts, '9-0' > '10-0'."
)
BROKEN = "A connection broke, and came back. Catch RedisError around the read alone, and go on after the last one told."
ENDS = (
    "`except RedisError` lets CancelledError through; a bare `except` or `except BaseException` does not. And where it "
    "gets lost inside redis-py, `cancelling()` says that somebody wants this task to end: ask it before each read."
)


async def follower(follow) -> Verdict:
    """`follow(db, stream, last, tell)` tells what a stream has after `last`, whatever the broker does."""
    from course import parts  # here, since lessons before this one do without these packages
    from course.flaky_broker import FlakyBroker

    good: list[str] = []
    broker = parts.broker("exercise")
    try:
        for step in (tells, survives, pauses, ends, ends_if_that_gets_lost, lets_bugs_show):
            async with FlakyBroker(broker.url, STREAM) as db:
                good.append(await step(follow, db))
    except NotYet as problem:
        return Verdict(good, f"{problem} {problem.hint}".strip())
    finally:
        broker.end()
    return Verdict(good)


async def tells(follow, db) -> str:
    await db.append(*range(7, 13))
    db.appends_before_reads = [13, 14]
    async with following(follow, db, last=8) as told:
        await told.expect(db, *range(9, 15), hint=ORDER)
        if not await until(lambda: db.waits or db.objection, PATIENCE):
            raise NotYet("it told all that there was, and then asked the broker for nothing more.")
        await db.append(15)
        await told.expect(db, 15, hint=ORDER)
    return "it tells what comes after its position, in order, once, and lets the broker wait"


async def survives(follow, db) -> str:
    await db.append(1)
    async with following(follow, db, last=1) as told:
        db.breaks = ["before", "reply"] * 3
        db.appends_before_reads = list(range(2, 14))
        await told.expect(db, *range(2, 14), hint=BROKEN)
    return "a connection that breaks, before a read or before its reply, makes it lose and repeat nothing"


async def pauses(follow, db) -> str:
    async with following(follow, db, last=0) as told:
        db.away = True
        await asyncio.sleep(PAUSE)
        if db.commands > TOO_OFTEN:
            raise NotYet(
                f"the broker was away for half a second, and was asked {TOO_OFTEN} times and more. Wait 0.1 seconds "
                "before you try again."
            )
        db.away = False
        await db.append(1)
        await told.expect(db, 1, hint=BROKEN)
    return "it comes back when the broker does"


async def ends(follow, db) -> str:
    async with following(follow, db, last=0) as told:
        await until(lambda: db.waits, PATIENCE)
        await told.cancel(ENDS)
        db.away = True
    async with following(follow, db, last=0) as told:
        before = db.commands
        await until(lambda: db.commands > before, PATIENCE)
        await told.cancel(ENDS)
    return "it ends when it is cancelled"


async def ends_if_that_gets_lost(follow, db) -> str:
    async with following(follow, db, last=0) as told:
        await until(lambda: db.waits, PATIENCE)
        db.loses_a_cancellation = True
        await told.cancel(ENDS)
    return "it ends when the cancellation gets lost, too"


async def lets_bugs_show(follow, db) -> str:
    await db.append(1, 2, 3)
    async with following(follow, db, last=0, bug_at=2) as told:
        await asyncio.wait([told.task], timeout=WAIT)
        if not told.task.done() or told.task.cancelled() or not isinstance(told.task.exception(), Bug):
            raise NotYet(
                "`tell` raised an error, and it did not come out of `follow`. Let the `try` stand around the read "
                "alone, and catch RedisError alone."
            )
    return "an error of `tell` comes out"


class Told:
    """What a follower has told so far, and its task."""

    def __init__(self, bug_at: int | None):
        self.ids: list[str] = []
        self.expected: list[str] = []
        self.bug_at = bug_at
        self.task: asyncio.Task

    def tell(self, entry_id: str, fields: dict) -> None:
        self.ids.append(entry_id)
        if entry_id == f"{self.bug_at}-0":
            raise Bug("a bug of the check's")

    async def expect(self, db, *numbers: int, hint: str) -> None:
        """It must tell these next, and nothing else."""
        self.expected += [f"{number}-0" for number in numbers]
        enough = len(self.expected)
        await until(lambda: len(self.ids) >= enough or self.task.done() or db.objection, PATIENCE)
        if db.objection:
            raise NotYet(db.objection)
        if self.task.done() and len(self.ids) < enough:
            raise NotYet(
                f"{how_it_ended(self.task)}, when it had told {words(self.ids)} of {words(self.expected)}.", hint
            )
        if self.ids != self.expected:
            raise NotYet(f"it should have told {words(self.expected)}, and told {words(self.ids)}.", hint)

    async def cancel(self, hint: str) -> None:
        """Cancel it: it must end."""
        self.task.cancel()
        await asyncio.wait([self.task], timeout=A_READ)
        if not self.task.done():
            raise NotYet(f"it was cancelled, and went on. {hint}")
        if not self.task.cancelled() and self.task.exception():
            raise NotYet(f"it was cancelled, and {how_it_ended(self.task)}.")


@contextlib.asynccontextmanager
async def following(follow, db, last: int, bug_at: int | None = None) -> AsyncIterator[Told]:
    """A follower, from that position. It is cancelled at the end."""
    if not inspect.iscoroutinefunction(follow):
        raise NotYet("`follow` must be an `async def`.")
    told = Told(bug_at)
    db.begins_after = last
    told.task = asyncio.create_task(until_over(follow(db, STREAM, f"{last}-0", told.tell), db))
    try:
        yield told
    finally:
        db.over = True
        patience = asyncio.get_running_loop().time() + WAIT
        while not told.task.done():  # more than once: redis-py may lose one
            db.is_stubborn = db.is_stubborn or asyncio.get_running_loop().time() > patience
            told.task.cancel()
            await asyncio.wait([told.task], timeout=0.05)
        db.over = False


_left_over = []  # coroutines that do not end; thrown away, they would complain


@types.coroutine
def until_over(coroutine, db):
    """Await it. When the check is over, and it has gone on after a cancellation, the next one ends this without it."""
    go_on = partial(coroutine.send, None)
    while True:
        try:
            waits_for = go_on()
        except StopIteration as end:
            return end.value
        try:
            yield waits_for
            go_on = partial(coroutine.send, None)
        except BaseException as error:
            if db.is_stubborn:
                _left_over.append(coroutine)
                raise
            go_on = partial(coroutine.throw, error)


def how_it_ended(task: asyncio.Task) -> str:
    if task.cancelled():
        return "it ended as cancelled"
    error = task.exception()
    return f"it ended with {type(error).__name__}: {error}" if error else "it returned"


def words(ids: list[str]) -> str:
    return ", ".join(ids) or "nothing"
