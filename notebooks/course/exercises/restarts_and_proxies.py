"""The check under the exercise of restarts-and-proxies."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress

from course import slow_disk
from course.client import Client, NotYet, Refused, quote, until, visit
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import DISCONNECT_IN_A_GROUP, HAS_LEFT, Verdict, check_up, expect_no_error
from course.slow_disk import SLOW, Disk, served_on
from course.troubles import expect_rest
from wslab.arguments import check_app
from wslab.server import ServeError, Server
from wslab.settling import SETTLE_TIMEOUT

__all__ = ["deployment", "save"]

NOTES = ["one", "two", "three"]
ALIKE = ["", "four", "four"]
MANY = [f"note {number}" for number in range(1, 201)]
LONG = "x" * 1_000_000  # more than the buffers on the way to a client hold
WHILE_ONE_DOES_NOT_READ = [LONG, LONG, *MANY[:20]]  # of which all but the first have to wait somewhere
PATIENCE = 5  # seconds that the end may wait for the disk
END = 10.0  # seconds that the check waits until the server's lifespan goes on, or the server has ended

NOBODY_LISTENS = "Its endpoint awaits news, and hears of nothing else: let it receive, too, beside that."
TAKEN_OUT = "Its endpoint has ended, and has not taken its queue out: let a `finally` do that."
EACH = "Who watches is told each note, when it is saved, whatever they say, if anything."
IN_A_GROUP = "`accepted()` around the group takes WebSocketDisconnect out of it, as `except*` does."
INSIDE = (
    "A group waits for its tasks, unless an error reaches it: what catches that, like `accepted()`, stands around it."
)
OVER = (
    "The lifespan has ended, and the server has not: what is cancelled after `yield` is so now. Has a limit begun "
    "before the `yield`?"
)
TOO_MANY = "However many notes wait for the disk, each is answered at once."
NOBODY_WAITS = (
    "Somebody else who watches did not read meanwhile: nothing may wait for that, or fail. Let each endpoint send by "
    "itself, from a queue of its own, without a limit."
)
LATE = "Who reads late is told each note, too, and not the last alone: what it has not been sent waits in its queue."
EACH_TEXT = "Each text is a note: an empty one, and one that is like another one, too."
ANY_END = (
    "What is said there is ignored, or ends it: take its queue out in a `finally`, whatever has ended the endpoint."
)
CANCELS = (
    "A group whose task has failed cancels the endpoint where it receives, and that is no WebSocketDisconnect: take "
    "the queue out in a `finally`."
)
EMPTY = "What is said there is ignored, also an empty text, which is false in a `while` or an `if`: go on listening."
GAVE_UP = (
    "Put it in when the client is accepted, or in a `try` whose `finally` takes it out, also when `accept()` fails."
)
OR_A_SAVE = "If it is their endpoint's, end it, too. If it saves a note, await that, before the next one is begun."
IN_ORDER = "All are saved, and in another order: begin to save a note when the one before is saved."
ITS_OWN = "is none of them: save each note by itself, as it came."
CANCELLED = (
    "the end of the server raised CancelledError. Whoever awaits a task that it has cancelled gets that from there: "
    "expect it, or wait with `asyncio.wait()`."
)
TELL = "Tell notes, and nothing else."
ONCE = "Begin to save each note once, and let that take its time."
AT_ONCE = "Answer at once, and let the task save."
JOIN = "(`join()` waits for a `task_done()` after each `get()`.)"
ONE_SERVER = (
    "it works with one server, and not with the next one, which has an event loop of its own. (An asyncio.Queue serves "
    "only the loop in which somebody has first waited for it: make it in the lifespan.) There,"
)
AFTER_YIELD = (
    "The endpoints have ended when the lifespan goes on after `yield`. Wait there until all is saved, also what the "
    f"task has in hand, and cancel it then. {JOIN}"
)
ALL_SAVED = f"All was saved by then: what does it still wait for? {JOIN}"
NONE_IS_LOST = f"Log one when notes are lost. Or is it of a limit that was reached? {ALL_SAVED}"
TOO_SHORT = f"The disk took {len(NOTES) * SLOW:.1f} seconds for them. Is there a limit of less than {PATIENCE}?"
AS_A_WHOLE = f"{PATIENCE} seconds are the limit for all notes together, and not for each, or since the last one."
LIMIT = (
    f"Put one `asyncio.timeout({PATIENCE})` around all that waits for the disk, and go on after that. (The check sets "
    "the event loop's clock forward: `asyncio.timeout()` goes by it, `time.monotonic()` does not.)"
)


async def save(note: str) -> None:
    """Save a note, which takes its time."""
    await slow_disk.disk.save(note)


async def deployment(app, watchers: Collection) -> Verdict:
    """`/notes` and `/watch` end when the server does, and nothing that was noted is lost."""
    good: list[str] = []
    try:
        check_app(app)
        for step in STEPS:
            if line := await step(app, watchers):
                good.append(line)
    except (NotYet, ServeError) as problem:
        return Verdict(good, f"{problem} {getattr(problem, 'hint', '')}".strip())
    return await check_up(
        Verdict(good), app, "/watch", "goes away", "drops while idle", good="who watches may leave in any way"
    )


async def works(app, watchers: Collection) -> str:
    disk = Disk()
    with errors_in_the_log() as log, served_on(disk, app) as server:
        before = await server.on_loop(tasks_of_others)
        async with (
            visit(server, "/watch") as reader,
            visit(server, "/watch") as quiet,
            visit(server, "/notes") as writer,
        ):
            with told_with_its_error(log, disk):
                for note in NOTES + ALIKE:
                    await reader.say("what is new?")  # nobody has to answer
                    await server.let_time_pass(30)
                    await writer.ask(note, "noted")
                    hint = EACH_TEXT if note in ALIKE else EACH
                    for client in (reader, quiet):
                        await client.expect(note, wrong=EACH_TEXT if note in ALIKE else TELL, silent=hint, closed=hint)
            await reader.leave()
            await quiet.leave()
            if not await until(lambda: not watchers, server=server):
                hint = NOBODY_LISTENS if server.endpoints > 1 else TAKEN_OUT  # that of `/notes` still runs
                raise NotYet(f"who watched has left, and is still in `watchers`. {hint}")
        hints = {**HAS_LEFT, DISCONNECT_IN_A_GROUP: IN_A_GROUP, "is still running": INSIDE}
        await expect_no_error(server, "who watched has left, and the", hints)
        after = await server.on_loop(tasks_of_others)
        if len(after) > len(before):
            names = sorted({f"`{task.get_coro().__qualname__}()`" for task in after - before})
            raise NotYet(
                f"who watched has left, and a task goes on that has begun since: {', '.join(names)}. {OR_A_SAVE}"
            )
        async with visit(server, "/watch") as odd:
            await odd.say(b"\0")
            await odd.leave()
        if not await until(lambda: not watchers, server=server):
            raise NotYet(f"who watched has sent bytes, and left, and is still in `watchers`. {ANY_END}")
    expect_texts(disk)
    return "notes are saved and told, and who watches may leave"


async def works_again(app, watchers: Collection) -> None:
    """All that follows needs a server of its own, and what has worked must work there, too."""
    try:
        await works(app, watchers)
    except NotYet as problem:
        raise NotYet(f"{ONE_SERVER} {problem}", problem.hint) from None


def lossy(app, at: str, failed: list):
    """The app, for whose `/watch` each of the events `at` finds that the client is gone, and is noted in `failed`."""

    async def lossy_app(scope, receive, send):
        async def send_to_nobody(message):
            if scope["type"] == "websocket" and scope["path"] == "/watch" and message["type"] == at:
                failed.append(message)
                raise ConnectionResetError
            await send(message)

        await app(scope, receive, send_to_nobody)

    return lossy_app


async def finds_somebody_gone(app, watchers: Collection) -> None:
    """Somebody who watches is gone: a send finds that first, and only then whoever receives."""
    failed = []
    with served_on(Disk(), lossy(app, "websocket.send", failed)) as server:
        async with visit(server, "/watch"), visit(server, "/notes") as writer:
            await writer.ask("one", "noted")
            await until(lambda: failed, server=server)
        if not await until(lambda: not watchers, server=server):
            raise NotYet(f"a send found that who watched was gone, and its queue is still in `watchers`. {CANCELS}")


def tasks_of_others() -> set[asyncio.Task]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@contextmanager
def told_with_its_error(log: ErrorLog, disk: Disk) -> Iterator[None]:
    """A problem meanwhile is told with the first error in the log, which knows more of its cause than a hint."""
    try:
        yield
    except NotYet as problem:
        if disk.over:
            raise NotYet(str(problem), OVER) from None
        if not log.records:
            raise
        error = log.records[0].exc_info and str(log.records[0].exc_info[1])
        words = f"{log.first()}: {error}" if error else log.first()
        raise NotYet(f"{problem} On the server, an error is logged: {words}.", problem.hint) from None


def expect_texts(disk: Disk) -> None:
    """All that is saved must be texts, as clients have sent them."""
    others = [note for note in disk.saved if not isinstance(note, str)]
    if others:
        raise NotYet(f"saved was {others[0]!r}, which is no text of a client's. Save notes, and nothing else.")


async def loses_nothing(app, watchers: Collection) -> str:
    for notes in (NOTES, ALIKE):
        slow = Disk(held=True)
        with errors_in_the_log() as log:
            async with noted(served_on(slow, app), slow, notes) as server:
                trouble = await ended(server, slow, len(notes) * SLOW + 0.6)
        expect_texts(slow)
        all_saved = slow.saved == notes
        if slow.ending and not all_saved:
            cut_off = trouble or not log.records
            error = "" if cut_off else f" And an error is logged: {log.records[0].getMessage().splitlines()[-1]}."
            raise NotYet(
                f"{listed(notes)} were answered with `noted` when the server was asked to end. Saved are, in this "
                f"order: {listed(slow.saved) or 'none'}.{error}",
                why_not_all(slow, notes, error),
            )
        if trouble:
            end = f"the server was asked to end, while the disk was slow: {trouble.rstrip('.')}."
            raise NotYet(end, ALL_SAVED if all_saved and "lifespan" in trouble else AFTER_YIELD)
        if log.records and log.records[0].getMessage().rstrip().endswith("CancelledError"):
            raise NotYet(f"all was saved, and {CANCELLED}")
        log.expect_nothing("all was saved, and the end of the server", NONE_IS_LOST)
    return "what was noted is saved before the server has ended"


def listed(notes: list[str]) -> str:
    return ", ".join(note or repr(note) for note in notes)


def why_not_all(disk: Disk, notes: list[str], error: str) -> str:
    """A hint for notes of which not all are saved."""
    if others := [note for note in disk.saved if note not in notes]:
        return f"{others[0]!r} {ITS_OWN}"
    if sorted(disk.saved) == sorted(notes):
        return IN_ORDER
    if notes is ALIKE:
        return EACH_TEXT
    if error and disk.saved and disk.saved == notes[: len(disk.saved)]:
        return TOO_SHORT
    return ONCE if disk.begun > len(notes) else AFTER_YIELD


async def gives_up(app, watchers: Collection) -> str:
    for notes in (MANY, NOTES[:1]):
        stuck = Disk(stuck=True)
        with errors_in_the_log() as log:
            async with noted(served_on(stuck, app), stuck, notes) as server:
                if trouble := await ended(server, stuck, PATIENCE + 1):
                    problem = "the server was asked to end, and the disk did not answer"
                    raise NotYet(f"{problem}: {trouble.rstrip('.')}.", LIMIT)
        if not log.records:
            lost = "notes were" if notes is MANY else "the one note that was to be saved was"
            raise NotYet(f"the disk did not answer, {lost} lost, and the log has no error about it.")
    await gives_up_a_slow_one(app)
    return "it does not wait for a disk that does not answer"


async def gives_up_a_slow_one(app) -> None:
    """A disk that saves one note after the other in time, and takes too long for all of them."""
    slow, notes = Disk(held=True), MANY[: int(2 * PATIENCE / SLOW)]
    async with noted(served_on(slow, app), slow, notes) as server:
        if trouble := await ended(server, slow, PATIENCE + 1):
            took = f"the disk took {len(notes) * SLOW:.1f} seconds for {len(notes)} notes"
            raise NotYet(f"the server was asked to end, and {took}: {trouble.rstrip('.')}.", AS_A_WHOLE)


async def waits_for_no_client(app, watchers: Collection) -> str:
    disk = Disk()
    with errors_in_the_log() as log, served_on(disk, app) as server:
        server.shrink_buffers()
        async with (
            visit(server, "/watch", compression=None) as stuck,
            visit(server, "/watch", compression=None) as late,
            visit(server, "/watch") as reader,
            visit(server, "/notes") as writer,
        ):
            for client in (stuck, late):
                client.ws.transport.pause_reading()
            with told_with_its_error(log, disk):
                for note in WHILE_ONE_DOES_NOT_READ:
                    await is_noted_and_told(note, writer, reader)
                await hears_them_all(late)
                stuck.ws.transport.abort()
                await is_noted_and_told("and then", writer, reader)
    return "it does not wait for a client that does not read"


async def is_noted_and_told(note: str, writer: Client, reader: Client) -> None:
    await writer.ask(note, "noted", silent=AT_ONCE)
    expected = f"{quote(note)}, at /watch"
    got = await reader.hear(expected, silent=NOBODY_WAITS, closed=NOBODY_WAITS)
    if got != note:
        raise NotYet(f"the client expected {expected}, but got {quote(got)}.", NOBODY_WAITS)


async def hears_them_all(late: Client) -> None:
    """It has not read meanwhile. Now it does."""
    late.ws.transport.resume_reading()
    for note in WHILE_ONE_DOES_NOT_READ:
        expected = f"{quote(note)}, at /watch, when it read again"
        got = await late.hear(expected, silent=LATE, closed=LATE)
        if got != note:
            raise NotYet(f"the client expected {expected}, but got {quote(got)}.", LATE)


async def finds_nobody_at_the_door(app, watchers: Collection) -> None:
    """Whoever comes to watch has given up: accept() finds that."""
    failed = []
    with errors_in_the_log(), served_on(Disk(), lossy(app, "websocket.accept", failed)) as server:
        with suppress(Refused):
            async with visit(server, "/watch"):
                pass
        if not await until(lambda: failed and not watchers, server=server):
            raise NotYet(f"a client gave up before it was accepted, and its queue is in `watchers`. {GAVE_UP}")


async def listens_on(app, watchers: Collection) -> None:
    """Whoever watches may say an empty text; and while nobody says anything, nothing is done."""
    with served_on(Disk(), app) as server:
        async with visit(server, "/watch") as reader, visit(server, "/notes") as writer:
            await reader.say("")
            await reader.caught_up()
            await writer.ask("one", "noted")
            await reader.expect("one", silent=EMPTY, closed=EMPTY)
            await expect_rest(server, "while somebody watched, and nothing was noted")
            await reader.leave()
            if not await until(lambda: not watchers, server=server):
                raise NotYet(f"who watched has said an empty text, and left, and is still in `watchers`. {EMPTY}")


async def ended(server: Server, disk: Disk, seconds: float) -> str:
    """End the server; so many seconds pass on its clock when its lifespan goes on. Returns what is wrong with that."""
    ending = asyncio.create_task(asyncio.to_thread(server.end))
    await until(lambda: disk.ending or ending.done(), END)
    if disk.ending:
        going_on = disk.clock.go_on(seconds)
        passing = asyncio.create_task(server.thread.run(going_on, SETTLE_TIMEOUT))
        await asyncio.wait([passing])  # which fails if the server ends meanwhile
        if not passing.cancelled() and isinstance(passing.exception(), RuntimeError):
            await ending
            with suppress(ValueError):  # a loop that is blocked may be in it
                going_on.close()
    return await ending


@asynccontextmanager
async def noted(served: AbstractContextManager[Server], disk: Disk, notes: list[str]) -> AsyncIterator[Server]:
    """The server, at which somebody watches, and the notes are noted and not saved. All must hear its end."""
    with errors_in_the_log() as log, served as server:
        async with visit(server, "/watch") as reader, visit(server, "/notes") as writer:
            with told_with_its_error(log, disk):
                for note in notes:
                    await writer.ask(note, "noted", silent=f"The disk was slow. {AT_ONCE}", closed=TOO_MANY)
            if await reader.caught_up() and (told := await reader.unread()) is not None:
                raise NotYet(f"who watches was told {quote(told)} before anything was saved.", "Save first, then tell.")
            yield server
            for client, path in ((reader, "/watch"), (writer, "/notes")):
                if not await client.is_closed() or client.ws.close_code not in (1001, 1012):
                    raise NotYet(f"the server has ended, and its client at {path} found code {client.ws.close_code}.")


STEPS = (
    works,
    works_again,
    finds_somebody_gone,
    loses_nothing,
    gives_up,
    waits_for_no_client,
    finds_nobody_at_the_door,
    listens_on,
)
