"""The check under the exercise of disconnects-done-right."""

import asyncio
import gc
from collections.abc import Collection
from functools import partial

from course.client import MISSING_AWAIT, WAIT, Client, NotYet, describe_end, quote, until, visit
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import (
    DISCONNECT,
    DISCONNECTED,
    GOES_ON,
    ITS_CLOSE,
    NOTHING_TO_CLOSE,
    Verdict,
    check_up,
    expect_no_error,
    hint_for,
    judge,
    look_further,
    passes,
    what_the_endpoint_did,
)
from course.troubles import ends_when_cancelled, lets_bugs_show
from wslab.server import Server, serve

__all__ = ["job"]

PATH = "/job"
SETTLE = 1.0  # seconds for an endpoint to end after its client has left
REACTION = 0.1  # seconds for an endpoint to react to what it should ignore
IDLE = 5  # seconds that the exercise gives to a client to say something
AN_HOUR = 3600  # seconds
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}  # as in the exercise
SLOW, STEADY = "slow", "slow and steady"  # texts at which work() does not end by itself

INSIDE = (
    "A TaskGroup waits for all its tasks, also for the one that listens: answer and close inside its block. "
    "(gather() waits for all, too: answer and close in one of its functions.)"
)
LISTEN = (
    "Somebody must go on receiving while the work goes on: one `receive()` is used up by what the client says, "
    "and gives back a disconnect as a message, without an error. If somebody does: the error of a task stops nothing "
    "else, unless that task is awaited, as in a TaskGroup."
)
SO_FAR = "the clients so far got what they should, but the"
THE_SEND = "Expect WebSocketDisconnect from the send, too."
MAY_BE_GONE = (
    "Whoever is to be closed may be gone: let close() stand where WebSocketDisconnect is expected. (FastAPI, closing "
    "for an exception, does not expect it.)"
)
RETURN = "Does each close() of the first part have its `return`?"
ONLY_A_BUG = (
    "Only a bug in the work is one. (A TaskGroup raises a group of errors: `except*` looks inside, and a plain "
    f"`except` does not. And: {RETURN[0].lower()}{RETURN[1:]})"
)
AFTER_CLOSE = (
    f"Something is received or sent after close(). {RETURN} And receive_text() cannot be called then: "
    "let receive() listen."
)
IN_A_GROUP = {  # what an endpoint may have done, alone or in a group of errors that escapes, and what to do about it
    ITS_CLOSE: NOTHING_TO_CLOSE,
    DISCONNECTED: GOES_ON,
    "Group with WebSocketDisconnect(": "A TaskGroup raises a group of errors: catch it with `except*`.",
    "Group with KeyError": "It is raised by receive_text() when bytes come: let receive() listen, which takes both.",
    "Group with UnboundLocalError": RETURN,
    "Group with AttributeError": f"There was no text to work for. {RETURN}",
    "Group with RuntimeError": AFTER_CLOSE,
    "Group with WebSocketDisconnected": AFTER_CLOSE,
}


async def job(app, at_work: Collection[str]) -> Verdict:
    """`/job` works for one text, and stops when its client leaves. `at_work`: the texts in work now."""
    with errors_in_the_log() as log:
        steps = [
            refuses_bytes,
            answers,
            puts_out_the_idle,
            lets_the_silent_leave,
            partial(stops_the_work, at_work=at_work),
            partial(lets_go_before_the_answer, log=log),
        ]
        verdict = await judge(app, *steps, ws_ping_interval=None)
    looks = [
        partial(closes_when_nobody_is_there, app),
        partial(passes, app, partial(ends_when_cancelled, path=PATH)),
        partial(logs_bugs_alone, app, log),
        partial(passes, app, partial(lets_bugs_show, path=PATH)),
    ]
    verdict = await look_further(verdict, *looks)
    clients = ["silent", "goes away", "drops before the answer", "wrong kind", "floods"]
    good = "clients that go away, lose their connection, or talk too much do it no harm"
    return await check_up(verdict, app, PATH, *clients, good=good, ws="wsproto")


async def refuses_bytes(server: Server) -> str:
    async with visit(server, PATH) as client:
        await client.say(b"\x00\xff")
        await expect_close(client, 1003, None, "that sent bytes")
    await expect_no_error(server, SO_FAR, IN_A_GROUP)
    return "bytes are refused with 1003"


async def answers(server: Server) -> str:
    for text in ["hello", "Good morning", "", " hi "]:
        async with visit(server, PATH) as client:
            wrong = "The answer is what work(text) returns, for the text as it came."
            await client.ask(text, text.upper(), wrong=wrong, silent=f"{MISSING_AWAIT} {INSIDE}")
            await client.expect_close(hint=f"End with close(). {INSIDE}")
        await expect_no_error(server, SO_FAR, IN_A_GROUP)
    return "a text is answered, and the connection closed with 1000"


async def puts_out_the_idle(server: Server) -> str:
    async with visit(server, PATH) as client:
        await server.let_time_pass(IDLE / 2)
        await client.caught_up()  # a close frame that was sent before has come, too
        if client.ws.close_code is not None:
            raise NotYet(
                f"the connection of a client that sent nothing ended with {describe_end(client.ws)} after "
                f"{IDLE / 2:g} seconds. It has `IDLE` seconds, which are {IDLE}."
            )
        await server.let_time_pass(IDLE)
        await client.caught_up()
        if client.ws.close_code is None:
            raise NotYet(
                f"a client that sent nothing was still connected after {1.5 * IDLE:g} seconds. "
                "Close it after `IDLE` seconds, with 4000 and the reason 'idle'. (The check sets the event "
                "loop's clock forward: asyncio.timeout() goes by it, time.monotonic() does not.)"
            )
        await expect_close(client, 4000, "idle", "that sent nothing")
    await expect_no_error(server, SO_FAR, IN_A_GROUP)
    return "a client that sends nothing is closed with 4000 and 'idle'"


async def lets_the_silent_leave(server: Server) -> str:
    async with visit(server, PATH) as client:
        await client.drop()
    hints = {**IN_A_GROUP, DISCONNECT: "Expect WebSocketDisconnect in the first part, too, and do not close() then."}
    await expect_no_error(server, "a client left before it had said anything, and the", hints)
    return "a client may leave before it has said anything"


async def stops_the_work(server: Server, at_work: Collection[str]) -> str:
    patience, server.settle_timeout = server.settle_timeout, SETTLE
    before = await server.on_loop(asyncio.all_tasks)
    tasks: set[asyncio.Task] = set()  # held here, since Python may remove one that nobody else holds
    async with visit(server, PATH) as stays:
        await begins(stays, STEADY, at_work)
        await is_patient(server, stays, at_work)
        for how in ["with 1000", "by losing its TCP connection"]:
            async with visit(server, PATH) as leaves:
                await begins(leaves, SLOW, at_work)
                tasks |= await server.on_loop(lambda: asyncio.all_tasks() - before - {asyncio.current_task()})
                if how != "with 1000":
                    leaves.ws.transport.abort()
            await is_stopped(server, SLOW, how, at_work)
        async with visit(server, PATH) as other:
            await other.ask("hello", "HELLO")
        await goes_on(server, stays, at_work)
    await is_stopped(server, STEADY, "with 1000", at_work)
    if not await until(lambda: all(task.done() for task in tasks), SETTLE):
        raise NotYet(
            "all clients had left, and tasks of their endpoints still went on. "
            "Cancel what the endpoint has started; taking it off a list does not stop it."
        )
    server.settle_timeout = patience
    return "when a client leaves, its work is stopped, and nobody else's"


async def begins(client: Client, text: str, at_work: Collection[str]) -> None:
    await client.say(text)
    await until(lambda: text in at_work or client.ws.close_code is not None)
    if text not in at_work:
        raise NotYet(f"the client sent {text!r}, but `await work({text!r})` is not running.")


async def is_patient(server: Server, client: Client, at_work: Collection[str]) -> None:
    """The work goes on, however long it takes."""
    await server.let_time_pass(AN_HOUR)
    await client.caught_up()
    if client.ws.close_code is not None or STEADY not in at_work:
        ended = f"its connection ended with {describe_end(client.ws)}" if client.ws.close_code else "the work ended"
        raise NotYet(
            f"while a client waited for its answer, {ended}. The time limit is for the text alone, not for the work."
        )


async def goes_on(server: Server, client: Client, at_work: Collection[str]) -> None:
    """The work goes on, whatever else the client says."""
    for words in ["still there?", b"\x00\xff"]:
        await client.say(words)
        await client.caught_up()
    for _ in range(3):  # turns of the server's event loop, in which the endpoint may answer
        await server.on_loop(lambda: None)
    await client.caught_up()
    closed = await client.is_closed(REACTION)  # what it said has come; is anything done about it?
    said = "a client said something more during its work, a text and bytes, and"
    if (answer := await client.unread()) is not None:
        raise NotYet(f"{said} was answered {quote(answer)}. What it says during the work is ignored.")
    if closed or STEADY not in at_work:
        how = f" The connection ended with {describe_end(client.ws)}." if closed else ""
        raise NotYet(
            f"{said} the work was stopped.{how} "
            "Only a message of the type `websocket.disconnect` says that it has left. (receive_text() does not bear "
            "bytes: let receive() listen.)"
        )


async def is_stopped(server: Server, text: str, how: str, at_work: Collection[str]) -> None:
    """The work for `text`, whose client has left, is stopped, and no other client's."""
    did = await what_the_endpoint_did(server)
    if text == SLOW and STEADY not in at_work:
        raise NotYet("a client left, and not only its own work was stopped, but another client's, too.")
    left = f"a client left {how} during its work, and"
    if "still running" in did:
        raise NotYet(f"{left} its endpoint did not notice. {LISTEN}")
    if text in at_work:
        raise NotYet(f"{left} its work went on without it. Cancel what the endpoint has started.")
    if did:
        raise NotYet(f"{left} the {did}. {hint_for(did, IN_A_GROUP)}".rstrip())


async def lets_go_before_the_answer(server: Server, log: ErrorLog) -> str:
    log.expect_nothing("what a client may do", ONLY_A_BUG)
    async with visit(server, PATH) as client:
        await client.say_and_leave("hello")
    hints = {**IN_A_GROUP, DISCONNECT: THE_SEND}
    await expect_no_error(server, "a client left before its answer, and the", hints)
    log.expect_nothing("a client that leaves before its answer", THE_SEND)
    return "a client may leave before its answer"


async def expect_close(client: Client, code: int, reason: str | None, whose: str) -> None:
    """The server must close the connection, with this code and, unless it is None, this reason."""
    wanted = f"{code} and the reason {reason!r}" if reason else f"{code}"
    answer = await client.message_or_end(
        f"a client {whose} was still connected {WAIT:g} seconds later. Close it with {wanted}."
    )
    if answer is not None:
        raise NotYet(f"a client {whose} got the answer {answer!r}, instead of a close with {wanted}.")
    if client.ws.close_code != code or reason not in (None, client.ws.close_reason):
        got = describe_end(client.ws)
        got += f" and the reason {client.ws.close_reason!r}" if client.ws.close_reason else ""
        raise NotYet(f"the connection of a client {whose} ended with {got}, not with {wanted}.")


async def logs_bugs_alone(app, log: ErrorLog) -> None:
    """What clients did so far must not be in the log; a bug in the work must, and leave no task behind."""
    log.expect_nothing("what a client may do", ONLY_A_BUG)
    for bug, error in BUGS.items():
        what = f"a client sent {bug!r}, at which work() raises a {error.__name__}, and"
        with errors_in_the_log() as bugs:
            with serve(app, name="exercise") as server:
                async with visit(server, PATH) as client:
                    await client.say(bug)
                    await client.is_closed()
                await what_the_endpoint_did(server)
            is_logged = bool(bugs.records)
            bugs.clear()  # their tracebacks hold on to the endpoint's tasks
            gc.collect()  # and only when a task is gone, asyncio says that nobody has asked for its error
        if not is_logged:
            raise NotYet(
                f"{what} the log has no error about it. What is caught around the work must be "
                "WebSocketDisconnect alone, or be logged as an error."
            )
        if client.ws.close_code != 1011:
            raise NotYet(f"{what} its connection ended with {describe_end(client.ws)}, not with 1011.")
        if bugs.records:
            raise NotYet(
                f"{what} a task was left behind: {bugs.first()}. Stop in a `finally` what the endpoint has started."
            )


async def closes_when_nobody_is_there(app) -> None:
    """It must not fail when the client has left already. uvicorn's other implementation always says so."""
    with serve(app, name="exercise", ws="wsproto") as server:
        async with visit(server, PATH) as client:
            await client.say_and_leave(b"\x00\xff")
        await expect_no_error(server, "a client sent bytes and left at once, and the", advice=MAY_BE_GONE)
