"""The check under the exercise of closing-too-early."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

from course import newcomers
from course.client import COMMANDS, MISSING_AWAIT, Client, NotYet, quote, visit
from course.judging import (
    Verdict,
    check_up,
    expect_no_error,
    judge,
    lets_clients_leave,
    takes_many,
    waits_for_the_silent,
)
from course.troubles import ITS_LINE, UNEXPECTED, how_many, lets_bugs_show, time_stands_still
from wslab.examination.clients import in_one_breath
from wslab.server import Server

__all__ = ["tally"]

PATH = "/tally"
LOOP = "Is the loop there, and does only `done` end it?"
OWN = "Each client has a sum of its own: keep it in a variable of the endpoint."
AGAIN = "Each number counts, also one that was said before."
WHOLE = "int() decides what is a whole number: call it, and catch its ValueError."
CLOSED = 'End with `await websocket.close(1000, "done")`.'
EXACTLY = "The end is exactly `done`. Other texts are numbers, or they are not."
DIGITS = 1000  # of the longest number
CAN_FAIL = {
    "done": "The last words can fail: do they stand in the `try`, too?",
    "seven": "The answer to a mistake can fail, too: does it stand in the `try`?",
}
AT_ONCE = (
    "Wait for nothing: close() loses nothing of what was sent before. (Here the clock of the server's event loop "
    "stands still: whoever sleeps does not wake up. Nor do threads come to an end.)"
)
MANY = 1200  # numbers of one client
NOTHING_YET = "This client has sent no number, and the sum of none is 0."
EMPTY = "An empty text is a text, too, and is answered."
LAST_WORDS = "The last words come before close()."


async def tally(app) -> Verdict:
    """`/tally` adds up numbers, says the total at `done`, and closes with 1000 "done"."""
    asks = [partial(Client.ask, message="1", answer=answer) for answer in ("1", "2")]
    verdict = await judge(
        app,
        ends,
        closes_at_once,
        bears_mistakes,
        takes_what_int_takes,
        apart,
        partial(lets_clients_leave, path=PATH, message="1"),
        leaves_before_its_answer,
        partial(adds_anew, app=app),
        partial(waits_for_the_silent, path=PATH, asks=asks),  # before the bugs, of which one is a TimeoutError
        partial(lets_bugs_show, path=PATH, errors=UNEXPECTED, hint=ITS_LINE, says=["1", "one", "done"]),
        partial(takes_many, path=PATH, ask=lambda client, number: client.ask(str(number), str(number))),
        ws_ping_interval=None,
    )
    clients = ["silent", "drops before the answer", "crowd"]
    good = "clients that say nothing, lose their connection, or come in a crowd do it no harm"
    return await check_up(verdict, app, PATH, *clients, say=["1", "2"], good=good)


async def ends(server: Server) -> str:
    async with visit(server, PATH) as client:
        await adds(client, ("2", "2"), ("40", "42"), ("-50", "-8"), ("0", "-8"))
        many = await how_many(server, client, "0", "-8", MANY)
        await in_one_breath(client.ws, ["0"] * many)
        for _ in range(many):
            await client.expect("-8", wrong=LOOP, closed=LOOP)
        await adds(client, ("2", "-6"), ("-2", "-8"), wrong=AGAIN)
        await done(client, -8)
    async with visit(server, PATH) as client:
        await done(client, 0, wrong=lambda got: OWN if got == "total: -8" else NOTHING_YET)
    return "numbers are added up, then come the last words, then close 1000 'done'"


async def bears_mistakes(server: Server) -> str:
    async with visit(server, PATH) as client:
        no = "not a number"
        await adds(client, ("7", "7"), ("seven", no), ("", no), ("3.5", no), ("1", "8"))
        await adds(client, ("--5", no), ("²", no), ("+5", "13"), ("0x10", no), ("010", "23"), wrong=WHOLE)
        for almost in ["DONE", " done", "done ", "done\n", "done?", "undone", "total", "undo", *COMMANDS]:
            await client.ask(almost, no, wrong=EXACTLY, closed=EXACTLY)
        await done(client, 23)
    return "after a text that is not a number the conversation goes on"


async def takes_what_int_takes(server: Server) -> str:
    async with visit(server, PATH) as client:
        number = "1" * DIGITS
        await client.say(number)
        got = await client.hear("the same number", closed=LOOP)
        if got != number:
            raise NotYet(
                f"the client sent {DIGITS} times '1' and expected the same number, but got {quote(got)}. "
                "Numbers may have 1,000 digits."
            )
        await adds(client, (f"-{number}", "0"), (" 42 ", "42"), ("1_000", "1042"), ("٤٢", "1084"), wrong=WHOLE)
        almost = ["4.0", "1e3", "1,000", "1 000", "5+", "\u22125", "_1"]
        await adds(client, *((text, "not a number") for text in almost), wrong=WHOLE)
        await done(client, 1084)
    return "int() decides what a whole number is, however long"


async def apart(server: Server) -> str:
    async with visit(server, PATH) as ann, visit(server, PATH) as ben:
        await adds(ann, ("1", "1"), wrong=OWN)
        await adds(ben, ("10", "10"), wrong=OWN)
        await done(ben, 10)
        await adds(ann, ("2", "3"), wrong=OWN)
    return "two clients at once have sums of their own; one is done, the other goes on and leaves"


async def leaves_before_its_answer(server: Server) -> str:
    for text, advice in CAN_FAIL.items():
        async with visit(server, PATH) as client:
            await adds(client, ("3", "3"))
            # In one piece, so that the server knows that the client has left when the endpoint reads the text.
            await client.say_and_leave(text)
        await expect_no_error(server, f"when a client said {text!r} and left at once, the", advice=advice)
    return "a client that says 'done', or makes a mistake, and leaves at once does no harm"


async def adds_anew(server: Server, app) -> str:
    async with visit(server, PATH) as client:
        many = await how_many(server, client, "1", "1", newcomers.MANY)
    return await newcomers.begins_anew(server, app, PATH, "1", "1", many)


async def closes_at_once(server: Server) -> str:
    async with visit(server, PATH) as client, time_stands_still(server), no_thread_ends(server) as slept:
        await client.ask("done", "total: 0", silent=AT_ONCE)
        await client.expect_close(hint=AT_ONCE)
    if slept:
        raise NotYet(
            "before the close, time.sleep() was called in the endpoint, and kept everybody waiting. Leave it out."
        )
    return "nothing is waited for before the close"


@contextlib.asynccontextmanager
async def no_thread_ends(server: Server) -> AsyncIterator[list[float]]:
    """Meanwhile, whoever hands something to a thread waits in vain. Gives the sleeps in the event loop's own thread."""
    slept, waiting, sleep = [], [], time.sleep

    def begin():
        loop, its_thread = asyncio.get_running_loop(), threading.get_ident()

        def noted(seconds):
            if threading.get_ident() == its_thread:
                slept.append(seconds)
            sleep(seconds)

        def wait_in_vain(*_):
            waiting.append(loop.create_future())
            return waiting[-1]

        loop.run_in_executor, time.sleep = wait_in_vain, noted
        return loop

    def end():
        del loop.run_in_executor
        for future in waiting:
            future.cancelled() or future.set_result(None)

    loop = await server.on_loop(begin)
    try:
        yield slept
    finally:
        time.sleep = sleep
        await server.on_loop(end)


async def done(client: Client, total: int, wrong: str | Callable[[str], str] = "") -> None:
    await client.ask("done", f"total: {total}", wrong=wrong, closed=LAST_WORDS)
    await client.expect_close(hint=CLOSED)
    if (reason := client.ws.close_reason) != "done":
        raise NotYet(f"after the total the connection was closed with the reason {reason!r}, not with 'done'.")


async def adds(client: Client, *pairs: tuple[str, str], wrong: str = "") -> None:
    for text, answer in pairs:
        silent = MISSING_AWAIT if text else EMPTY
        await client.ask(text, answer, wrong=wrong, silent=silent, closed=LOOP)
