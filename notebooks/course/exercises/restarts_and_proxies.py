"""The check under the exercise of restarts-and-proxies."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractContextManager, asynccontextmanager

from course import slow_disk
from course.client import NotYet, quote, until, visit
from course.error_log import errors_in_the_log
from course.judging import DISCONNECT_IN_A_GROUP, HAS_LEFT, Verdict, check_up, expect_no_error
from course.slow_disk import SLOW, Disk, served_on
from wslab.arguments import check_app
from wslab.server import ServeError, Server

__all__ = ["deployment", "save"]

NOTES = ["one", "two", "three"]
PATIENCE = 5  # seconds that the end may wait for the disk

NOBODY_LISTENS = "Its endpoint awaits news, and hears of nothing else: let it receive, too, beside that."
EACH = "Who watches is told each note, when it is saved, whatever they say."
IN_A_GROUP = "`accepted()` around the group takes WebSocketDisconnect out of it, as `except*` does."
AT_ONCE = "Answer at once, and let the task save."
JOIN = "(`join()` waits for a `task_done()` after each `get()`.)"
AFTER_YIELD = (
    "The endpoints have ended when the lifespan goes on after `yield`. Wait there until all is saved, also what the "
    f"task has in hand, and cancel it then. {JOIN}"
)
ALL_SAVED = f"All was saved by then: what does it still wait for? {JOIN}"
TOO_SHORT = f"The disk took {len(NOTES) * SLOW:.1f} seconds for them. Is there a limit of less than {PATIENCE}?"
LIMIT = f"Put one `asyncio.timeout({PATIENCE})` around all that waits for the disk, and go on after that."


async def save(note: str) -> None:
    """Save a note, which takes its time."""
    await slow_disk.disk.save(note)


async def deployment(app, watchers: Collection) -> Verdict:
    """`/notes` and `/watch` end when the server does, and nothing that was noted is lost."""
    good: list[str] = []
    try:
        check_app(app)
        for step in (works, loses_nothing, gives_up):
            good.append(await step(app, watchers))
    except (NotYet, ServeError) as problem:
        return Verdict(good, f"{problem} {getattr(problem, 'hint', '')}".strip())
    return await check_up(
        Verdict(good), app, "/watch", "goes away", "drops while idle", good="who watches may leave in any way"
    )


async def works(app, watchers: Collection) -> str:
    with served_on(Disk(), app) as server:
        before = await server.on_loop(number_of_tasks)
        async with visit(server, "/watch") as reader, visit(server, "/notes") as writer:
            for note in NOTES:
                await reader.say("what is new?")  # nobody has to answer
                await server.let_time_pass(10)
                await writer.ask(note, "noted")
                await reader.expect(note, wrong="Tell notes, and nothing else.", silent=EACH)
            await reader.leave()
            if not await until(lambda: not watchers, server=server):
                raise NotYet(f"who watched has left, and is still in `watchers`. {NOBODY_LISTENS}")
        await expect_no_error(server, "who watched has left, and the", {**HAS_LEFT, DISCONNECT_IN_A_GROUP: IN_A_GROUP})
        if await server.on_loop(number_of_tasks) > before:
            raise NotYet("who watched has left, and a task that was begun for them goes on. End it, too.")
    return "notes are saved and told, and who watches may leave"


def number_of_tasks() -> int:
    return len(asyncio.all_tasks())


async def loses_nothing(app, watchers: Collection) -> str:
    slow = Disk(held=True)
    with errors_in_the_log() as log:
        async with noted(served_on(slow, app)) as server:
            trouble = await ended(server, slow, len(NOTES) * SLOW + 0.4)
    all_saved = slow.saved == NOTES
    if slow.ending and not all_saved:
        cut_off = trouble or not log.records
        error = "" if cut_off else f" And an error is logged: {log.records[0].getMessage().splitlines()[-1]}."
        raise NotYet(
            f"{', '.join(NOTES)} were answered with `noted` when the server was asked to end. Saved are, in this "
            f"order: {', '.join(slow.saved) or 'none'}.{error}",
            TOO_SHORT if error and slow.saved and slow.saved == NOTES[: len(slow.saved)] else AFTER_YIELD,
        )
    if trouble:
        end = f"the server was asked to end, while the disk was slow: {trouble.rstrip('.')}."
        raise NotYet(end, ALL_SAVED if all_saved and "lifespan" in trouble else AFTER_YIELD)
    log.expect_nothing("all was saved, and the end of the server", "It is none. Log one when notes are lost.")
    return "what was noted is saved before the server has ended"


async def gives_up(app, watchers: Collection) -> str:
    with errors_in_the_log() as log:
        stuck = Disk(stuck=True)
        async with noted(served_on(stuck, app)) as server:
            if trouble := await ended(server, stuck, PATIENCE + 1):
                raise NotYet(f"the server was asked to end, and the disk did not answer: {trouble.rstrip('.')}.", LIMIT)
    if not log.records:
        raise NotYet("the disk did not answer, notes were lost, and the log has no error about it.")
    return "it does not wait for a disk that does not answer"


async def ended(server: Server, disk: Disk, seconds: float) -> str:
    """End the server; so many seconds pass on its clock when its lifespan goes on. Returns what is wrong with that."""
    ending = asyncio.create_task(asyncio.to_thread(server.end))
    await until(lambda: disk.ending or ending.done())
    passing = asyncio.create_task(server.let_time_pass(seconds))
    await asyncio.wait([passing])  # which fails if the server ends meanwhile
    if not passing.cancelled():
        passing.exception()
    return await ending


@asynccontextmanager
async def noted(served: AbstractContextManager[Server]) -> AsyncIterator[Server]:
    """The server, at which somebody watches, and the notes are noted and not saved. All must hear its end."""
    with served as server:
        async with visit(server, "/watch") as reader, visit(server, "/notes") as writer:
            for note in NOTES:
                await writer.ask(note, "noted", silent=f"The disk was slow. {AT_ONCE}")
            if await reader.caught_up() and (told := await reader.unread()) is not None:
                raise NotYet(f"who watches was told {quote(told)} before anything was saved.", "Save first, then tell.")
            yield server
            for client, path in ((reader, "/watch"), (writer, "/notes")):
                if not await client.is_closed() or client.ws.close_code not in (1001, 1012):
                    raise NotYet(f"the server has ended, and its client at {path} found code {client.ws.close_code}.")
