"""A follower of a stream at work, for a check: what it has told, and how it ends."""

import asyncio
import contextlib
import inspect
import types
from collections.abc import AsyncIterator
from functools import partial

from course.client import WAIT, NotYet, until
from course.troubles import Bug

PATIENCE = 5.0  # seconds for something that costs a right answer some tenths of one
TOO_LONG = 1.0  # seconds to wait after a break, where a tenth of one is asked for
AGAIN = " Nothing had been read since the connection broke: is a `continue` missing behind the pause?"
BY_ITSELF = "It has asked the broker for nothing, and nobody has cancelled it: `cancelling()` has parentheses."
A_READ = 6.0  # seconds that a read may last, and a little more


Id = int | str


def as_id(entry: Id) -> str:
    return f"{entry}-0" if isinstance(entry, int) else entry


def fields_of(entry_id: str) -> dict[str, str]:
    """What the broker has at this id: that of 11-0 says the same as that of 10-0."""
    first, second = place(entry_id)
    return {"text": f"text {first // 2}-{second}"}


def place(entry_id: str) -> tuple[int, ...]:
    """Where an entry stands in a stream: ids are pairs of numbers, of which the second counts, too."""
    return tuple(map(int, entry_id.split("-")))


class Told:
    """What a follower has told, of the broker's entries, and its task. At `bug_at`, telling it raises `bug`."""

    def __init__(self, db, last: str, bug_at: str, bug: Exception | None):
        self.db = db
        self.last = last  # the id of the last entry before the next one to tell
        self.wrong = ""  # what it told instead
        self.bug_at, self.bug = bug_at, bug or Bug("a bug of the check's")
        self.by_itself = True  # tell() was called by the follower's own task, where it raised
        self.task: asyncio.Task

    def tell(self, entry_id: str, fields: dict) -> None:
        """What the follower is to call."""
        if entry_id == (due := self.next()):
            self.last = entry_id
        else:
            wrong = f"after {self.last}, it should have told {due}, and told {entry_id}."
            if due in self.db.ids and place(entry_id) > place(due) and fields_of(due) == fields_of(self.last):
                wrong += " (They say the same, and are two: entries are told apart by their ids.)"
            if self.db.is_broken:
                wrong += AGAIN
            if current_task() is not self.task:
                wrong += " Another task, a thread or a callback told it, in an order of its own."
            self.wrong = self.wrong or self.db.objection or wrong  # what was the first thing wrong
        if fields != (right := fields_of(entry_id)):
            wrong = f"it told {entry_id} with {fields!r}, and its fields are {right}: pass them on as they are."
            self.db.objection = self.db.objection or wrong
        if entry_id == self.bug_at:
            self.by_itself = current_task() is self.task
            raise self.bug

    def next(self) -> str:
        """The id of the entry that it is to tell next."""
        return next((entry_id for entry_id in self.db.ids if place(entry_id) > place(self.last)), "nothing")

    def has_told(self, entry_id: str) -> bool:
        return place(self.last) >= place(entry_id)

    async def expect(self, up_to: int | str, hint: str) -> None:
        """It must tell all entries up to this one, and ask for them as it should."""
        has_told = partial(self.has_told, as_id(up_to))
        await until(lambda: has_told() or self.task.done() or self.wrong or self.db.objection, PATIENCE)
        if self.wrong:
            raise NotYet(self.wrong, hint)
        if self.db.objection:
            raise NotYet(self.db.objection)
        if not has_told():
            instead = how_it_ended(self.task) if self.task.done() else "nothing more came"
            if instead == "it returned" and not self.db.commands:
                hint = BY_ITSELF
            if "Error" in instead and "(by the check)" not in instead:  # an error of its own says more
                hint = ""
            if not self.task.done() and max(self.db.pauses, default=0) > TOO_LONG:
                hint = f"It waits for more than {TOO_LONG:g} second after a break of a connection: 0.1 is enough."
            raise NotYet(f"it should have told {self.next()}, and {instead}.", hint)

    async def cancel(self, hint: str) -> None:
        """Cancel it: it must end."""
        self.task.cancel()
        await asyncio.wait([self.task], timeout=A_READ)
        if not self.task.done():
            raise NotYet(f"it was cancelled, and went on. {hint}")
        if not self.task.cancelled() and self.task.exception():
            raise NotYet(f"it was cancelled, and {how_it_ended(self.task)}.")


@contextlib.asynccontextmanager
async def following(follow, db, last: Id, bug_at: Id = "", bug: Exception | None = None) -> AsyncIterator[Told]:
    """A follower, from that position. It is cancelled at the end."""
    if not inspect.iscoroutinefunction(follow):
        raise NotYet("`follow` must be an `async def`.")
    if len(inspect.signature(follow).parameters) != 4:
        raise NotYet("`follow` takes four arguments: db, stream, last, tell.")
    told = Told(db, as_id(last), as_id(bug_at), bug)
    db.begins_after = told.last
    told.task = asyncio.create_task(run(follow(db, db.stream, told.last, told.tell), db))
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


async def run(coroutine, db) -> None:
    """Await it, or leave it when the check is over."""
    await until_over(coroutine, db)


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


def current_task() -> asyncio.Task | None:
    """The task that runs here, if this is an event loop's thread, and no callback of its."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def how_it_ended(task: asyncio.Task) -> str:
    if task.cancelled():
        return "it ended as cancelled"
    error = task.exception()
    if not error:
        return "it returned"
    return f"it ended with {type(error).__name__}{f': {error}' if str(error) else ''}"
