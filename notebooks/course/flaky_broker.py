"""A client of the broker whose connection breaks when a check wants it to, and that notes what is asked of it."""

import asyncio
import traceback
from collections import Counter

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import MasterDownError
from redis.exceptions import TimeoutError as TookTooLong

from course.following import Id, as_id, fields_of, place
from course.troubles import Bug

DELETES = ("XDEL", "XTRIM", "DEL", "UNLINK")
LEAST, MOST = 100, 5000  # milliseconds: a read may wait so long; the latter is redis-py's limit for a reply
TOO_MANY = 3  # times for one entry to be fetched (a reply that was lost does not count), or to ask for nothing


class FlakyBroker(Redis):
    """A Redis client, with the entries of one stream. Where an id is a number here, 1, its entry is 1-0."""

    def __init__(self, url: str, stream: str):
        pool = BlockingConnectionPool.from_url(url, decode_responses=True, max_connections=5)
        super().__init__(connection_pool=pool)
        self.url, self.stream = url, stream
        self.behind = Redis.from_url(url)  # the check's own
        self.commands = 0  # so far, from whoever is judged
        self.waits = False  # a read waits for an entry now
        self.objection = ""  # what is wrong with how it asks
        self.ids: list[str] = []  # of all entries, in order
        self.appends_before_reads: list[Id] = []  # one before each
        self.hears_nothing = False  # the next read that lets the broker wait is answered as after a silence, at once
        # Every second read breaks: "before" it, when the "reply" is on its way, or since the broker is not "ready"
        self.breaks: list[str] = []
        self.away = False
        self.hangs = False  # it takes commands, and does not answer
        self.has_a_bug = False  # each command raises an error that is none of the broker's
        self.pauses: list[float] = []  # seconds, by the loop's clock, from each break to the next command
        self.depths: list[int] = []  # how many calls deep in each other each of these commands was
        self.blocks = False  # the event loop had no turn in one of these pauses
        self._broke_at: float | None = None
        self._has_turned = False
        self.loses_a_cancellation = False
        self.over = False  # the check has seen enough, and has cancelled: nothing is answered any more
        self.is_stubborn = False  # it was asked nevertheless
        self.begins_after = "0-0"  # the follower's position at its start
        self._asked_for_nothing = 0
        self._fetched: Counter[str] = Counter()

    async def __aenter__(self):
        await self.behind.delete(self.stream)
        return await super().__aenter__()

    async def __aexit__(self, *error) -> None:
        await self.behind.delete(self.stream)
        await self.behind.aclose()
        await super().__aexit__(*error)
        await self.connection_pool.disconnect()

    async def append(self, *entries: Id) -> None:
        """Append entries with these ids."""
        for entry_id in map(as_id, entries):
            self.ids.append(entry_id)
            await self.behind.xadd(self.stream, fields_of(entry_id), id=entry_id)

    def pubsub(self, **options):
        self._object("pub/sub has no position: what is said while nobody listens is gone. Read the stream.")
        return super().pubsub(**options)

    async def execute_command(self, *command, **options):
        """A command of whoever is judged. Where the connection breaks, it raises one of redis-py's errors."""
        self.commands += 1
        if self.over:
            self.is_stubborn = True
            await asyncio.Event().wait()
        self._note_pause()
        if self.has_a_bug:
            raise Bug("a bug of the check's")
        if self.away:
            await asyncio.sleep(0)
            raise self._broken(Broken("Connection refused (by the check)"))
        if self.hangs:
            await asyncio.sleep(MOST / 1000)
            raise self._broken(TookTooLong("Timeout reading from the broker (by the check)"))
        if command[0] == "XREADGROUP":
            self._object("a group shares entries out, and one whose reply got lost is not sent again. Use XREAD.")
        if command[0] in DELETES:
            self._object(
                f"it has deleted something ({command[0]}). Whoever else reads this stream needs it: only read."
            )
        if command[0] not in ("XREAD", "XRANGE"):
            return await super().execute_command(*command, **options)

        words = [word.decode() if isinstance(word, bytes) else str(word) for word in command]
        self._look_at(words)
        if self.appends_before_reads:
            await self.append(self.appends_before_reads.pop(0))
        breaks = self.breaks.pop(0) if self.breaks and self.commands % 2 == 0 else ""
        if breaks == "before":
            raise self._broken(Broken("Connection closed by server (by the check)"))
        if breaks == "ready":
            raise self._broken(MasterDownError("MASTERDOWN Link with MASTER is down (by the check)"))
        if self.hears_nothing and "BLOCK" in words:
            self.hears_nothing = False
            await asyncio.sleep(0)
            return []
        try:
            self.waits = "BLOCK" in words
            reply = await super().execute_command(*command, **options)
        except asyncio.CancelledError:
            if not self.loses_a_cancellation:
                raise
            self.loses_a_cancellation = False
            reply = []
        finally:
            self.waits = False
        if breaks == "reply":
            raise self._broken(TookTooLong("Timeout reading from the broker (by the check)"))
        self._note(words, reply)
        return reply

    @property
    def is_broken(self) -> bool:
        """Nothing has been asked since the connection broke."""
        return self._broke_at is not None

    def _broken(self, error: Exception) -> Exception:
        """The error, to be raised now."""
        loop = asyncio.get_running_loop()
        self._broke_at, self._has_turned = loop.time(), False
        loop.call_soon(setattr, self, "_has_turned", True)
        return error

    def _note_pause(self) -> None:
        if self._broke_at is not None:
            self.pauses.append(asyncio.get_running_loop().time() - self._broke_at)
            self.depths.append(len(list(traceback.walk_stack(None))))
            self.blocks = self.blocks or not self._has_turned
            self._broke_at = None

    def _object(self, objection: str) -> None:
        self.objection = self.objection or objection

    def _look_at(self, command: list[str]) -> None:
        """Is this a way to ask?"""
        if "$" in command:
            self._object(
                "`$` is the end of the stream when it is asked: what came before that, or between two reads, is never "
                "told."
            )
        if "BLOCK" not in command:
            return
        self._asked_for_nothing = 0
        wait = int(command[command.index("BLOCK") + 1])
        if wait == 0 or wait >= MOST:
            for_ever = ", for ever" if wait == 0 else ""
            self._object(
                f"it lets the broker wait with `block={wait}`{for_ever}. After 5,000 ms of silence, redis-py takes the "
                "connection for broken: let it wait for less, and ask again."
            )
        elif wait < LEAST:
            self._object(f"it asks again after {wait} ms of silence: that is polling. Let it wait {LEAST} ms at least.")

    def _note(self, command: list[str], reply: list) -> None:
        """What did it get?"""
        entries = [entry for _, of_one in reply for entry in of_one] if command[0] == "XREAD" else reply
        if not entries and "BLOCK" not in command:
            self._asked_for_nothing += 1
            if self._asked_for_nothing == TOO_MANY:
                self._object("it asks again and again without `block`, while nothing is said: that is polling.")
        for entry_id, _ in entries:
            self._fetched[entry_id] += 1
            if place(entry_id) < place(self.begins_after):
                self._object(
                    f"it was to begin after {self.begins_after}, and fetched {entry_id}: of a long stream, that is "
                    "all that was ever said, for each reader."
                )
            if self._fetched[entry_id] == TOO_MANY:
                self._object(
                    f"it fetched {entry_id} {TOO_MANY} times. Ask for what comes after the last one that it has told. "
                    "(Ids are pairs of numbers: as texts, '9-0' > '10-0'.)"
                )
