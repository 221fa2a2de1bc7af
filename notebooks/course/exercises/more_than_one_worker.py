"""The check under the exercise of more-than-one-worker."""

import asyncio
import itertools
from functools import partial

from course.client import WAIT, NotYet, until
from course.following import PATIENCE, TOO_LONG, following, how_it_ended
from course.judging import Verdict
from course.troubles import Bug
from course.virtual_time import in_virtual_time

__all__ = ["follower"]

STREAM = "course:check"
TRIES = 4  # by the real clock, while the broker is away
SHORT = 0.08  # seconds: a timer for 0.1 may come so early, where a clock is coarse, and no earlier

ORDER = (
    "Ask for what comes after the last entry that you have told. Ids are pairs of numbers: as texts, '9-0' > '10-0'."
)
A_MINUTE = 60.0  # by a clock that does not wait

SAME_MILLISECOND = (
    "Entries of the same millisecond have ids such as 16-0 and 16-1. Ask for what comes after the id of the last one "
    "told, as it is."
)
SILENCE = "the broker was silent for as long as `block` says, and its reply was empty; then"
EMPTY = "That is no end, and no entry: ask again."
ANEW = (
    "(A follower before it, which had begun after 8-0, too, had told an entry with that id.) Each call begins after "
    "its own `last`, and nothing of an earlier one is left over for it: what it has told is its own."
)
LIMIT = (
    "A limit of asyncio's raises Python's own TimeoutError, which is no RedisError: catch it, too, or leave the limit "
    "to redis-py."
)
TENTH = "Wait 0.1 seconds each time, and no longer: whoever reads the archive waits for it."
SLEEP = "Wait 0.1 seconds before you try again, with `await asyncio.sleep(0.1)`."
BROKEN = "A connection broke, and came back. Catch RedisError around the read alone, and go on after the last one told."
BACK = "It will be back: try again until then, or until the follower is cancelled."
ONLY = "Let the `try` stand around the read alone, and catch RedisError alone."
ITSELF = (
    "It was not `follow` itself that called it, but another task, a thread or a callback, whose error nobody sees who "
    "awaits `follow`."
)
GROUPED = (
    "What came out is an ExceptionGroup, as of a TaskGroup, with the error in it: who awaits `follow`, and expects the "
    "error itself, misses it. Call `tell` outside of the group, or do without."
)
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
        for step in STEPS:
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
        db.appends_before_reads = ["16-1", "16-9", "16-10"]
        await db.append(16)
        await told.expect("16-10", SAME_MILLISECOND)
        await goes_on_after_silence(told, db)
    return "it tells what comes after its position, in order, once, and lets the broker wait"


async def goes_on_after_silence(told, db) -> None:
    db.hears_nothing = True
    await db.append(17)
    await told.expect(17, ORDER)
    await until(lambda: not db.hears_nothing or told.task.done(), PATIENCE)
    await db.append(18)
    try:
        await told.expect(18, EMPTY)
    except NotYet as problem:
        raise NotYet(f"{SILENCE} {problem}", EMPTY) from None


async def begins_anew(follow, db) -> str:
    await db.append(9, 10)
    async with following(follow, db, last=8) as told:
        await told.expect(10, ANEW)
    return "another one begins after its own position"


async def survives(follow, db) -> str:
    await db.append(1)
    async with following(follow, db, last=1) as told:
        db.breaks = ["before", "reply"] * 3 + ["ready"]
        db.appends_before_reads = list(range(2, 16))
        await told.expect(15, BROKEN)
    return "a connection that breaks, before a read or before its reply, makes it lose and repeat nothing"


async def pauses(follow, db) -> str:
    async with following(follow, db, last=0) as told:
        db.away = True
        await until(lambda: len(db.pauses) >= TRIES or told.task.done(), PATIENCE)
        if min(db.pauses, default=1) < SHORT:
            raise NotYet(f"the broker was away, and was asked again before 0.1 seconds had gone by. {SLEEP}")
        if db.blocks:
            raise NotYet(f"the broker was away, and nobody else could run until it was asked again. {SLEEP}")
        if len(db.depths) > 1 and all(one < another for one, another in itertools.pairwise(db.depths)):
            raise NotYet(
                "the broker was away, and with each try, it was one more call deep in itself. That ends with a "
                "RecursionError: go round a loop instead."
            )
        db.away = False
        await db.append(1)
        await told.expect(1, BROKEN)
    await in_virtual_time(partial(stays_for_a_minute, follow, db.url))
    await in_virtual_time(partial(bears_silence, follow, db.url))
    return "it comes back when the broker does"


async def stays_for_a_minute(follow, url: str) -> None:
    """However often it has tried in vain, it tries again."""
    from course.flaky_broker import FlakyBroker

    db = FlakyBroker(url, STREAM)
    db.away = True
    async with following(follow, db, last=0) as told:
        await asyncio.wait([told.task], timeout=A_MINUTE)
        if told.task.done():
            raise NotYet(
                f"the broker was away for a minute, and after {db.commands} tries, {how_it_ended(told.task)}. {BACK}"
            )
        if max(db.pauses) > TOO_LONG:
            raise NotYet(
                f"the broker was away for a minute, and was at last left alone for {max(db.pauses):.1f} seconds.", TENTH
            )


async def bears_silence(follow, url: str) -> None:
    """Where the broker hangs, redis-py gives up after a while, with a RedisError."""
    from course.flaky_broker import FlakyBroker

    db = FlakyBroker(url, STREAM)
    db.hangs = True
    async with following(follow, db, last=0) as told:
        await asyncio.wait([told.task], timeout=A_MINUTE)
        if told.task.done():
            hint = LIMIT if ended_with(TimeoutError, told.task) else BACK
            raise NotYet(f"the broker did not answer for a while, and {how_it_ended(told.task)}. {hint}")


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
    from redis.exceptions import RedisError

    await db.append(1, 2, 3)
    async with following(follow, db, last=0, bug_at=2) as told:
        await asyncio.wait([told.task], timeout=WAIT)
        if not ended_with(Bug, told.task):
            cause = GROUPED if in_a_group(told.task) else ONLY if told.by_itself else ITSELF
            raise NotYet(f"`tell` raised an error, and it did not come out of `follow`. {cause}")
    archives_own = RedisError("the archive's own Redis is away (by the check)")
    async with following(follow, db, last=0, bug_at=2, bug=archives_own) as told:
        await asyncio.wait([told.task], timeout=WAIT)
        if not ended_with(RedisError, told.task):
            raise NotYet(f"`tell` raised a RedisError of its own, and it did not come out of `follow`. {ONLY}")
    db.has_a_bug = True
    async with following(follow, db, last=0) as told:
        await asyncio.wait([told.task], timeout=WAIT)
        if not ended_with(Bug, told.task):
            raise NotYet(f"the read raised an error that is no RedisError, and it did not come out. {ONLY}")
    return "an error of `tell` comes out"


def in_a_group(task: asyncio.Task) -> bool:
    return ended_with(ExceptionGroup, task)


def ended_with(error: type[Exception], task: asyncio.Task) -> bool:
    return task.done() and not task.cancelled() and isinstance(task.exception(), error)


STEPS = (tells, begins_anew, survives, pauses, ends, ends_if_that_gets_lost, lets_bugs_show)
