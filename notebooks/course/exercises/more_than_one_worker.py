"""The check under the exercise of more-than-one-worker."""

import asyncio

from course.client import WAIT, NotYet, until
from course.following import PATIENCE, following
from course.judging import Verdict
from course.troubles import Bug

__all__ = ["follower"]

STREAM = "course:check"
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
        await told.expect(14, ORDER)
        if not await until(lambda: db.waits or db.objection, PATIENCE):
            raise NotYet("it told all that there was, and then asked the broker for nothing more.")
        await db.append(15)
        await told.expect(15, ORDER)
    return "it tells what comes after its position, in order, once, and lets the broker wait"


async def survives(follow, db) -> str:
    await db.append(1)
    async with following(follow, db, last=1) as told:
        db.breaks = ["before", "reply"] * 3
        db.appends_before_reads = list(range(2, 14))
        await told.expect(13, BROKEN)
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
        await told.expect(1, BROKEN)
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
