"""Who is in a room, at whichever worker.

Each worker says again and again who is with it: what a worker has said that was killed is forgotten after a while.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis.exceptions import RedisError

from examples.room.room import Member
from examples.service import messages
from examples.service.log import Place
from examples.service.settings import WORKER, db

BEAT = 2  # seconds between two looks at who is here, if nobody comes or goes
EXPIRES = 10  # seconds after which a worker that says nothing is forgotten

logger = logging.getLogger("uvicorn.error")

visited: set[Place] = set()  # those in which somebody is at this worker, or just was
_changed = asyncio.Event()


@contextmanager
def present(place: Place, name: str, member: Member) -> Iterator[None]:
    """While the body runs, `name` is in the room."""
    place.with_us[name] += 1
    visited.add(place)
    place.say(messages.here(place.here | {name}), [member])
    _changed.set()
    try:
        yield
    finally:  # an old connection may end after a new one has come: count, take nothing away
        place.with_us[name] -= 1
        if not place.with_us[name]:
            del place.with_us[name]
        _changed.set()


async def keep_telling():
    me = asyncio.current_task()
    while not me.cancelling():  # on Python 3.11, cancel() may not raise
        _changed.clear()
        for place in list(visited):
            try:
                await tell(place)
            except (RedisError, OSError) as error:
                logger.warning("who is in %r is not known: %s", place.name, error)
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT):
                await _changed.wait()


async def tell(place: Place):
    """Say who is here with us, ask who else is, and tell our members if that has changed."""
    key = f"service:here:{place.name}"
    now, _ = await db.time()  # by one clock: those of several machines may differ
    ours = {f"{WORKER} {name}": now + EXPIRES for name in place.with_us}
    gone = [f"{WORKER} {name}" for name in place.here - set(place.with_us)]
    async with db.pipeline(transaction=True) as at_once:
        if ours:
            at_once.zadd(key, ours)
        if gone:
            at_once.zrem(key, *gone)
        at_once.zremrangebyscore(key, "-inf", now).expire(key, EXPIRES)
        *_, entries = await at_once.zrange(key, 0, -1).execute()
    here = {entry.partition(" ")[2] for entry in entries}
    if here != place.here:
        place.here = here
        place.say(messages.here(here))
    if not (place.with_us or ours):  # else somebody has left meanwhile, and must be taken out
        place.here = set()
        visited.discard(place)
