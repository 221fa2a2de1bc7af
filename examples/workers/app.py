"""One room in several workers: all hear what is said at one, in one order, and who comes back what it has missed.

    ws://.../ws/{name}?key=...&last=...     key: a text that this client has made up for itself (else
                                            its name, for which `seq` goes on counting)
                                            last: the last id that it has heard

    client -> {"seq": 1, "text": "hello"}   seq counts up; said again until it is acknowledged. (Without a seq, too,
                                            but then nobody knows whether it is a repetition.)
    server -> {"seq": 1}                    it is in the stream
    server -> {"id": "1795973350225-0", "name": "Ann", "text": "hello"}
    server -> {"gap": true}                 what came before the next line may be missing: it is no longer kept

`REDIS_URL` says where the broker is. One worker: `uvicorn examples.workers.app:app`; two, and a broker:
`python -m examples.workers`.
"""

import asyncio
import json
import logging
import os
from collections import deque
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Query, WebSocket, WebSocketException
from pydantic import BaseModel, Field, ValidationError
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from examples.room.app import accepted, next_text
from examples.room.room import Room

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
ROOM = "course:room"
KEEP = 500  # lines
BATCH = 100  # lines that a worker fetches at once
CATCHES_UP = 5  # seconds that a client waits for its worker to have read what there is
REMEMBERED = 24 * 60 * 60  # seconds that a client's last `seq` is known

# One step, which no crash can split: is it new? Then append it, and remember.
APPEND = """
if tonumber(ARGV[1]) <= tonumber(redis.call('GET', KEYS[2]) or '0') then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'name', ARGV[2], 'text', ARGV[3])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[5])
return 1
"""

logger = logging.getLogger("uvicorn.error")

reader = Redis.from_url(URL, decode_responses=True)  # its connection waits most of the time; follow() tries again
writers = BlockingConnectionPool.from_url(
    URL, decode_responses=True, max_connections=20, retry=Retry(ExponentialBackoff(), 10)
)
writer = Redis(connection_pool=writers)
append = writer.register_script(APPEND)

room = Room()
lines: deque[tuple[tuple, str]] = deque(maxlen=KEEP)  # the last that this worker has read
is_up_to_date = asyncio.Event()  # it has read what there is
GAP = json.dumps({"gap": True})

Id = Annotated[str, Query(pattern=r"^\d{1,20}-\d{1,20}$")]
Name = Annotated[str, Query(max_length=40)]


class Said(BaseModel):
    seq: int | None = Field(None, ge=1, lt=2**53)
    text: str = Field(max_length=1000)


def position(entry_id: str) -> tuple[int, int]:
    milliseconds, number = entry_id.split("-")
    return int(milliseconds), int(number)


def tell(entry_id: str, fields: dict):
    at, line = position(entry_id), json.dumps({"id": entry_id, **fields})
    lines.append((at, line))
    room.say(line, [member for member in room.members.values() if member.websocket.state.last < at])


async def follow():
    last, me = "0-0", asyncio.current_task()
    while not me.cancelling():  # on Python 3.11, cancel() may not raise
        try:
            entries = await next_entries(last)
            # Only who is behind can have missed what is no longer kept: a new worker, or one that was cut off.
            is_behind = len(entries) == BATCH
            oldest = await reader.xrange(ROOM, count=1) if is_behind else []
        except RedisError as error:
            logger.warning("the broker is away: %s", error)
            await asyncio.sleep(0.1)
            continue
        if oldest and position(last) < position(oldest[0][0]):
            is_up_to_date.clear()
            lines.clear()
            room.say(GAP)
        for last, fields in entries:
            tell(last, fields)
        if not is_behind:
            is_up_to_date.set()


async def next_entries(last: str) -> list[tuple[str, dict]]:
    streams = await reader.xread({ROOM: last}, count=BATCH, block=1000)
    return streams[0][1] if streams else []


@asynccontextmanager
async def lifespan(app: FastAPI):
    follower = asyncio.create_task(follow())
    follower.add_done_callback(say_why)
    yield
    follower.cancel()
    await asyncio.wait([follower])
    await reader.aclose()
    await writers.disconnect()


def say_why(follower: asyncio.Task):
    if not follower.cancelled() and (error := follower.exception()):
        logger.critical("this worker is deaf from now on", exc_info=error)


app = FastAPI(lifespan=lifespan)


async def next_said(websocket: WebSocket) -> Said:
    try:
        return Said.model_validate_json(await next_text(websocket))
    except ValidationError:
        raise WebSocketException(1008, "a text, please, and a seq") from None


async def keep(said: Said, name: str, key: str):
    try:
        if said.seq is None:
            await writer.xadd(ROOM, {"name": name, "text": said.text}, maxlen=KEEP)
        else:
            await append([ROOM, f"course:seen:{key}"], [said.seq, name, said.text, KEEP, REMEMBERED])
    except RedisError:
        raise WebSocketException(1013, "try again later") from None
    if asyncio.current_task().cancelling():  # on Python 3.11, redis-py may have lost it
        raise asyncio.CancelledError


async def catching_up():
    """Who comes now would be told nothing of what this worker has yet to read, nor that something is missing."""
    try:
        async with asyncio.timeout(CATCHES_UP):
            while not is_up_to_date.is_set():
                await is_up_to_date.wait()
    except TimeoutError:
        raise WebSocketException(1013, "try again later") from None


@app.websocket("/ws/{name}")
async def enter(websocket: WebSocket, name: str, key: Name = "", last: Id = "0-0"):
    websocket.state.last = position(last)
    async with accepted(websocket):
        await catching_up()
        async with room.join(websocket) as member:
            if len(lines) == KEEP and (0, 0) < websocket.state.last < lines[0][0]:
                room.say(GAP, [member])
            for missed in [line for at, line in lines if at > websocket.state.last]:
                room.say(missed, [member])
            while True:
                said = await next_said(websocket)
                await keep(said, name, key or name)
                if said.seq is not None:
                    room.say(json.dumps({"seq": said.seq}), [member])
