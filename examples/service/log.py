"""The log: a Redis stream of what was said, and what this worker knows of it.

Each line has its number in its room, given in the same step in which it is appended. So a worker that reads the log
notices what is missing, and a client can.
"""

import asyncio
import logging
import secrets
from collections import Counter, deque
from collections.abc import Callable

from redis.exceptions import RedisError

from examples.room.room import Room
from examples.service import messages
from examples.service.settings import KEEP, db, reader

LOG, NUMBERS, HISTORY = "service:log", "service:numbers", "service:history"
ROOMS = 1000  # of which a worker has lines at hand
LOG_KEEPS = 100_000  # entries
PATIENCE = 10  # seconds that somebody who comes waits for this worker to have read the log
REMEMBERED = 24 * 60 * 60  # seconds that a client's last `seq` is known

# One step, which no crash can split: has it come before? If not, number it, append it, and remember that it has come.
APPEND = """
local seq = tonumber(ARGV[1])
if seq and seq <= tonumber(redis.call('GET', KEYS[3]) or '0') then return 0 end
local number = redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], '*',
           'room', ARGV[2], 'number', number, 'name', ARGV[3], 'text', ARGV[4])
if seq then redis.call('SET', KEYS[3], seq, 'EX', ARGV[6]) end
return 1
"""
# Another history begins, unless somebody else has noticed before.
BEGIN_ANEW = """
if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
"""
_append = db.register_script(APPEND)
_begin_anew = reader.register_script(BEGIN_ANEW)

logger = logging.getLogger("uvicorn.error")


async def append(room: str, name: str, client: str, said: messages.Say) -> None:
    """Put it into the log, unless it is there already. Raises RedisError if it may not be there."""
    seen = f"service:seen:{room}:{name}:{client}"
    await _append([LOG, NUMBERS, seen], [said.seq or "", room, name, said.text, LOG_KEEPS, REMEMBERED])
    if asyncio.current_task().cancelling():  # on Python 3.11, redis-py may have lost it
        raise asyncio.CancelledError


class Place(Room):
    """A room: its last lines, and its members at this worker. All lines above `since` are there."""

    def __init__(self, name: str, number: int):
        super().__init__()
        self.name = name
        self.number = self.since = number  # of the last line; and of the last one that is not there
        self.lines: deque[dict] = deque()
        self.with_us: Counter[str] = Counter()  # who is here at this worker, by how many connections each
        self.here: set[str] = set()  # who is here at whichever worker, as members were told

    def add(self, line: dict):
        if line["number"] != self.number + 1:  # the log was trimmed before this worker had read it
            self.lines.clear()
            self.since = line["number"] - 1
        self.number = line["number"]
        self.lines.append(line)
        if len(self.lines) > KEEP:
            self.since = self.lines.popleft()["number"]

    def above(self, number: int) -> list[dict]:
        return [line for line in self.lines if line["number"] > number]


def order(entry_id: str) -> tuple[int, int]:
    """A stream's ids are MILLISECONDS-NUMBER: compared as texts, 10 would come before 9."""
    milliseconds, number = entry_id.split("-")
    return int(milliseconds), int(number)


class Follower:
    """Reads the log, and tells each line to those in its room who have not heard it."""

    def __init__(self):
        self.history = ""  # the name of what Redis has; another one if its data was lost
        self.position = (0, 0)  # what it has read
        self.places: dict[str, Place] = {}  # last the one that is new, or in which something was said last
        self.awaited: Counter[str] = Counter()  # rooms to which somebody is just coming, and how many
        self.ended: Callable[[str], None] = lambda session: None  # what happens when somebody has logged out
        self._agrees = self._has_lost = False  # with Redis; Redis has lost lines
        self._moved = asyncio.Condition()

    async def follow(self):
        me = asyncio.current_task()
        while not me.cancelling():  # on Python 3.11, cancel() may not raise
            try:
                if not self._agrees:
                    await self.agree()
                streams = await reader.xread({LOG: "{}-{}".format(*self.position)}, count=500, block=1000)
            except (RedisError, OSError) as error:
                self._agrees = False
                logger.warning("Redis is away: %s", error)
                await asyncio.sleep(0.1)
                continue
            for _, entries in streams:
                for entry_id, entry in entries:
                    self.take(entry)
                    self.position = order(entry_id)
            async with self._moved:
                self._moved.notify_all()

    def take(self, entry: dict):
        if "ended" in entry:
            self.ended(entry["ended"])
            return
        if "room" not in entry:
            logger.error("an entry that this version does not know: %s", ", ".join(entry))
            return
        room, number = entry["room"], int(entry["number"])
        place = self.places.pop(room, None) or Place(room, number - 1)
        self.places[room] = place
        if number <= place.number:
            self._agrees, self._has_lost = False, True  # for it gives their numbers again
            return
        is_next = number == place.number + 1
        place.add(messages.line(number, entry["name"], entry["text"]))
        behind = [m for m in place.members.values() if m.websocket.state.number < number]
        if not is_next:
            place.say(messages.anew(self.history, place.since), behind)
        place.say(messages.lines([place.lines[-1]]), behind)
        self.forget()

    def forget(self):
        """Let go of a room, if there are too many: one to which nobody comes, and nobody has spoken for longest."""
        if len(self.places) > ROOMS:
            rooms = (room for room, place in self.places.items() if not (place.members or room in self.awaited))
            quiet = next(rooms, None)
            if quiet is not None:
                del self.places[quiet]

    async def place(self, room: str) -> Place:
        """The room of this name; a new one is level with the log as it is now. Raises RedisError, or TimeoutError."""
        self.awaited[room] += 1
        try:
            history = None
            while history != self.history:  # else another one has begun meanwhile
                history = self.history
                number, newest = await self.ask(room)
                await self.has_read(newest)
            if room not in self.places:
                self.forget()
                self.places[room] = Place(room, number)
            return self.places[room]
        finally:
            self.awaited[room] -= 1
            if not self.awaited[room]:
                del self.awaited[room]

    async def has_read(self, entry: tuple[int, int]):
        async with asyncio.timeout(PATIENCE), self._moved:
            await self._moved.wait_for(lambda: self.position >= entry)

    async def ask(self, room: str) -> tuple[int, tuple[int, int]]:
        """How many lines the room has had, and the id of the log's last entry."""
        async with db.pipeline(transaction=True) as at_once:
            number, newest = await at_once.hget(NUMBERS, room).xrevrange(LOG, count=1).execute()
        return int(number or 0), order(newest[0][0]) if newest else (0, 0)

    async def agree(self):
        """At the start, and when Redis was away: does it still have what this worker knows?"""
        history = await _begin_anew([HISTORY], ["", secrets.token_hex(8)])
        if history == self.history and (self._has_lost or await self.knows_more()):
            history = await _begin_anew([HISTORY], [history, secrets.token_hex(8)])
        if history != self.history:
            self.begin(history)
        self._agrees = True

    async def knows_more(self) -> bool:
        """Whether Redis has fewer lines of some room."""
        known = {room: place.number for room, place in self.places.items()}
        numbers = await reader.hmget(NUMBERS, [*known, ""])
        return any(int(number or 0) < ours for number, ours in zip(numbers, known.values(), strict=False))

    def begin(self, history: str):
        if self.history:
            logger.critical("Redis has lost lines: all begin anew")
        for place in self.places.values():
            for member in list(place.members.values()):
                place.put_out(member, "another history begins")
        self.history, self.position, self.places, self._has_lost = history, (0, 0), {}, False


follower = Follower()
