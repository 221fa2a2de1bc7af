"""The check under the exercise of catching-too-much."""

import builtins
import contextlib
import logging
import sys
from collections.abc import Iterator
from functools import partial

from fastapi import WebSocketDisconnect

from course.client import COMMANDS, MISSING_AWAIT, WAIT, Client, NotYet, describe_end, visit
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import (
    BLOCKED,
    DISCONNECTED,
    ITS_CLOSE,
    LOOPS,
    NOTHING_TO_CLOSE,
    Verdict,
    check_up,
    expect_no_error,
    judge,
    leaves_with_any_code,
    look_further,
    passes,
    takes_many,
    waits_for_the_silent,
    what_the_endpoint_did,
)
from course.troubles import (
    CALLED,
    HIDDEN,
    UNEXPECTED,
    WORDY,
    Bug,
    ManyErrors,
    OtherErrors,
    ends_when_cancelled,
    how_many,
    lets_bugs_show,
)
from wslab.examination.clients import TEXT, frame, in_one_breath, write
from wslab.server import Server

__all__ = ["careful_division"]

PATH = "/divide"
BUG = "0/5"  # what the given function cannot do: a ValueError
INFINITE = "1e999/1"  # nor this: an OverflowError
UNKNOWN = "7/4"  # nor this, while `nobody_has_foreseen()` an error of it
FORESEEN_BY_NOBODY = KeyError, ValueError, TypeError, RuntimeError, Bug, ManyErrors, OtherErrors
LONG = f"12{'0' * 100}/4{'0' * 100}"
MANY = 1200  # divisions of one client
MISTAKES = ["x", "1/2/3", "1/0", "1/0.0", "one/two", "", "/", "2+4/1", "5", "5/", *COMMANDS]
GOES_ON = "Mistakes of a client are answered, and the loop goes on."
NOT_THE_CLIENTS = {
    BUG: "That is the bug of significant(), and no mistake of the client: keep it out of the inner `try`.",
    INFINITE: "float() takes 1e999 for infinity, so this is a division. That the result cannot be rounded is the bug "
    "of significant(), and no mistake of the client.",
    UNKNOWN: "What significant() raises is a bug, whatever it is, and no mistake of the client.",
}
AFTER_ITS_CLOSE = "Something goes on after the close(): leave the loop, or the endpoint, once it has closed."
IN_ORDER = "Of several `except`, Python takes the first that fits: the one for WebSocketDisconnect should come first."
FROM_THE_SEND = "The send raises it: expect WebSocketDisconnect around the whole loop, not only where you receive."
AROUND_THE_LOOP = {
    ITS_CLOSE: f"{NOTHING_TO_CLOSE} Expect WebSocketDisconnect by itself, around the loop.",
    "WebSocketDisconnect": "Expect WebSocketDisconnect around the loop, and do not close() then.",
}
NO_RECEIVE = (
    "In the inner `try` stands what the client can get wrong, and a receive does not belong there: what it raises is "
    "the end of the loop."
)


async def careful_division(app) -> Verdict:
    """`/divide` divides, answers mistakes, and hides no bug; with both of uvicorn's implementations."""
    with errors_in_the_log() as log:
        steps = [divides, lets_clients_leave, does_not_hide_the_bug, survives_a_client_in_a_hurry]
        steps = [partial(step, log=log) for step in steps]
        verdict = await judge(app, *steps, partial(ends_when_cancelled, path=PATH), log=log, ws="websockets-sansio")
        log.clear()
        again = [ends_after_what_is_not_utf8, *steps]
        bugs = partial(lets_bugs_show, path=PATH, errors=UNEXPECTED, hint=f"{HIDDEN} {NO_RECEIVE}", says=["12/4", "x"])
        asks = [partial(Client.ask, message="12/4", answer="3.0")] * 2
        many = partial(takes_many, path=PATH, ask=lambda client, _: client.ask("12/4", "3.0"))
        silent = partial(waits_for_the_silent, path=PATH, asks=asks)
        verdict = await look_further(
            verdict,
            partial(passes, app, *again, ws="wsproto", words='with uvicorn\'s other implementation, ws="wsproto": '),
            partial(passes, app, silent, bugs, many, ws_ping_interval=None),
        )
        if verdict.passed:
            verdict = Verdict([*verdict.good[:-1], "all that with both of uvicorn's implementations"])
        clients = ["goes away", "drops before the answer", "stays"]
        good = "clients that go away, or stay until the server stops, do it no harm"
        return await check_up(verdict, app, PATH, *clients, good=good, say="12/4", ws="wsproto")


async def divides(server: Server, log: ErrorLog) -> str:
    async with visit(server, PATH) as client:
        for mistake in MISTAKES:
            await client.ask("12/4", "3.0", closed=GOES_ON)
            await client.say(mistake)
            await expect_error(client)
            await client.expect_silence()
        many = await how_many(server, client, "12/4", "3.0", MANY)
        await in_one_breath(client.ws, ["12/4"] * many)
        client.said = "12/4"
        for _ in range(many):
            await client.expect("3.0", closed=GOES_ON)
        await client.ask(LONG, "3.0", wrong="A division may be long.")
        for division, result in [("1/3", "0.333"), ("-200/3", "-66.7"), ("2.5/1", "2.5"), ("1/300000", "3.33e-06")]:
            await client.ask(division, result)
        await client.expect_silence()
        if log.records:  # before the client leaves, which may be logged, too
            said = log.first_line()
            raise NotYet(f"a mistake of a client is logged as an error: {said}. It is none of the server's.")
    did = await what_the_endpoint_did(server)
    if "blocked" in did:
        raise NotYet(
            f"a client had left, and the {did}: its loop goes on, and lets nobody else run. "
            "See *Swallowed in the loop*."
        )
    return "divisions are answered, and so are mistakes, each with an error"


async def lets_clients_leave(server: Server, log: ErrorLog) -> str:
    async with visit(server, PATH) as client:
        await client.ask("12/4", "3.0")
        await client.drop()
    await nothing_went_wrong(server, log, "a client that leaves", IN_ORDER)
    for text, answer in [("12/4", "its answer"), ("x", "the answer to its mistake")]:
        async with visit(server, PATH) as client:
            await client.say_and_leave(text)
        await nothing_went_wrong(server, log, f"a client that leaves before {answer}", FROM_THE_SEND)
    await leaves_with_any_code(server, PATH)
    await nothing_went_wrong(server, log, "a client that leaves, whatever its code", IN_ORDER)
    return "clients that leave or are cut off cause no error, in the endpoint or in the log"


async def does_not_hide_the_bug(server: Server, log: ErrorLog) -> str:
    for bug in [BUG, INFINITE]:
        await is_closed_for_it(server, log, bug, "which makes significant() fail")
    for error in FORESEEN_BY_NOBODY:
        with nobody_has_foreseen(error):
            how = f"at which the check let significant() raise {CALLED.get(error, f'a {error.__name__}')}"
            await is_closed_for_it(server, log, UNKNOWN, how)
    return f"the bug, at {BUG!r}, is in the log with its traceback, and its client is closed with 1011"


async def is_closed_for_it(server: Server, log: ErrorLog, bug: str, how: str) -> None:
    async with visit(server, PATH) as client:
        await client.say(bug)
        await expect_internal_error(client, how)
    await the_log_has_the_bug(server, log, f"a client sent {bug!r}, {how}")


@contextlib.contextmanager
def nobody_has_foreseen(error: type[Exception]) -> Iterator[None]:
    """Meanwhile, this error is raised in significant() at `UNKNOWN`, by the round() that it calls itself."""
    built_in = builtins.round

    def failing(number, *digits):
        if number == 7 / 4 and sys._getframe(1).f_code.co_name == "significant":
            raise error(WORDY)
        return built_in(number, *digits)

    builtins.round = failing
    try:
        yield
    finally:
        builtins.round = built_in


async def survives_a_client_in_a_hurry(server: Server, log: ErrorLog) -> str:
    async with visit(server, PATH) as client:
        await client.say_and_leave(BUG)
    in_a_hurry = ", and left at the same moment"
    await the_log_has_the_bug(server, log, f"a client sent {BUG!r}, which makes significant() fail", in_a_hurry)
    async with visit(server, PATH) as client:  # whoever comes next
        await client.ask("12/4", "3.0")
    await nothing_went_wrong(server, log, "a client that leaves", IN_ORDER)
    return "and if that client leaves at the same moment, the log has the bug and no other error"


async def ends_after_what_is_not_utf8(server: Server) -> str:
    """With wsproto, uvicorn then closes with 1007, and lets a later send pass without an effect."""
    async with visit(server, PATH) as client:
        await write(client.ws, frame(TEXT, b"\xff"))
        await client.is_closed()
    if BLOCKED in (did := await what_the_endpoint_did(server)):
        raise NotYet(f"a client sent a text that is not UTF-8, and since then the {did}. {LOOPS} {NO_RECEIVE}")
    if did:
        raise NotYet(f"a client sent a text that is not UTF-8, and was closed. Then the {did}.")
    return "a text that is not UTF-8 is the end of the loop"


async def expect_error(client: Client) -> None:
    """The next message must begin with `error: `."""
    expected = "an answer that begins with 'error: '"
    silent = MISSING_AWAIT if client.said else "An empty text is a text, too, and no division: it is answered."
    got = await client.hear(expected, silent=silent, closed=GOES_ON)
    if not got.startswith("error: "):
        raise NotYet(f"the client sent {client.said!r} and expected {expected}, but got {got!r}.")


async def expect_internal_error(client: Client, how: str) -> None:
    """The server must close with 1011, without an answer. `how` says of what was sent that it meets a bug."""
    bug = client.said
    sent = f"the client sent {bug!r}, {how}, and"
    got = await client.message_or_end(
        f"{sent} the connection was still open {WAIT:g} seconds later. Close it with 1011."
    )
    if got is None:
        if client.ws.close_code != 1011:
            raise NotYet(
                f"{sent} the connection ended with {describe_end(client.ws)}, not with 1011: "
                "the client does not learn that the server failed."
            )
        return
    if not (isinstance(got, str) and got.startswith("error")):
        raise NotYet(f"{sent} got {got!r}. Leave significant() as it is, and close with 1011, without an answer.")
    goes_on = f"{sent} got {got!r}. {NOT_THE_CLIENTS[bug]}"
    await client.say("12/4")
    await client.message_or_end(goes_on)
    if client.ws.close_code is None:
        raise NotYet(goes_on)
    raise NotYet(
        f"{sent} got {got!r}, and then the connection ended with {describe_end(client.ws)}. "
        "It should be closed with 1011, without an answer: `await websocket.close(1011)`."
    )


async def the_log_has_the_bug(server: Server, log: ErrorLog, sent: str, in_a_hurry: str = "") -> None:
    """The error of significant() must be in the log, with its traceback, and nothing else. Then the log is cleared."""
    did = await what_the_endpoint_did(server)
    if did.startswith(DISCONNECTED):
        raise NotYet(f"{sent}{in_a_hurry}. Then the {did}. {AFTER_ITS_CLOSE}")
    if "WebSocketDisconnect" in did:
        raise NotYet(
            f"{sent}{in_a_hurry}. Then the {did}: the close() of the error's block needs to expect "
            "that (a `WebSocketException` closes, too)."
        )
    if not log.records:
        warned = " It has a warning." if log.warnings else ""
        raise NotYet(f"{sent}, and the log has no error about it.{warned} logger.exception() puts it there.")
    # In the error's own traceback, or in that of one that it led to.
    if not any(", in significant" in logging.Formatter().format(record) for record in log.records):
        raise NotYet(
            f"{sent}. The log says {log.first_line()}, but where it failed is not there: logger.exception() logs the "
            "traceback, too. (`from None` takes it out of what another error shows.)"
        )
    if gone := [
        record for record in log.records if record.exc_info and isinstance(record.exc_info[1], WebSocketDisconnect)
    ]:
        raise NotYet(
            f"{sent}{in_a_hurry}. That close() found nobody there is logged as an error, too: "
            f"{gone[0].getMessage()!r}. A client that leaves is none."
        )
    log.clear()


async def nothing_went_wrong(server: Server, log: ErrorLog, who: str, hint: str) -> None:
    """No endpoint ended with an error, and none was logged: then `who` says at whom, and `hint` what to do."""
    await expect_no_error(server, "when a client had left, the", AROUND_THE_LOOP)
    log.expect_nothing(who, hint)
