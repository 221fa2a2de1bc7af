"""The check under the exercise of disconnects-done-right."""

import asyncio
import contextlib
import gc
from collections.abc import Collection

from fastapi import FastAPI, WebSocketDisconnect
from websockets import ConnectionClosed

from course.exercises.catching_too_much import errors_in_the_log
from course.judging import (
    MISSING_AWAIT,
    NOT_CANCELLED,
    WAIT,
    Client,
    NotYet,
    Verdict,
    can_be_cancelled,
    check_up,
    describe_end,
    judge,
    quote,
    visit,
    what_the_endpoint_did,
)
from wslab.clients import drop
from wslab.server import Server, serve

__all__ = ["job"]

SETTLE = 1.0  # seconds for an endpoint to end after its client has left
REACTION = 0.1  # seconds for an endpoint to react to what it should ignore
IDLE = 5  # seconds that the exercise gives to a client to say something
AN_HOUR = 3600  # seconds
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}  # as in the exercise

INSIDE = (
    "A TaskGroup waits for all its tasks, also for the one that listens: answer and close inside its block. "
    "(gather() waits for all, too: answer and close in one of its functions.)"
)
LISTEN = (
    "Somebody must go on receiving while the work goes on: one `receive()` is used up by what the client says, "
    "and gives back a disconnect as a message, without an error. If somebody does: the error of a task stops nothing "
    "else, unless that task is awaited, as in a TaskGroup."
)
ONLY_A_BUG = "Only a bug in the work is one."
THE_SEND = "Expect WebSocketDisconnect from the send, too."
RETURN = "Does each close() of the first part have its `return`?"

# What may be in a group of errors that escapes, and what to do about it.
IN_A_GROUP = {
    WebSocketDisconnect: "A TaskGroup raises a group of errors: catch it with `except*`.",
    KeyError: "It is raised by receive_text() when bytes come: let receive() listen, which takes both.",
    UnboundLocalError: RETURN,
    AttributeError: f"There was no text to work for. {RETURN}",
    RuntimeError: f"Something is received or sent after close(). {RETURN} "
    "And receive_text() cannot be called then: let receive() listen.",
}


async def job(app, at_work: Collection[str]) -> Verdict:
    """`/job` works for one text, and stops when its client leaves. `at_work`: the texts in work now."""
    groups: list[BaseExceptionGroup] = []

    async def watched(scope, receive, send):
        try:
            await app(scope, receive, send)
        except BaseExceptionGroup as group:
            groups.append(group)
            raise

    def more_about(error: str) -> str:
        """What to do about the error in the group of errors that an endpoint raised."""
        if "ExceptionGroup" not in error or not groups:
            return ""
        inside = groups[0]
        while isinstance(inside, BaseExceptionGroup):
            inside = inside.exceptions[0]
        advice = next((words for kind, words in IN_A_GROUP.items() if isinstance(inside, kind)), "")
        return f" {advice}".rstrip()

    async def answers(server: Server) -> str:
        for text in ["hello", "Good morning", "", " hi "]:
            async with visit(server, "/job") as client:
                await client.say(text)
                wrong = "The answer is what work(text) returns, for the text as it came."
                await client.expect(text.upper(), wrong=wrong, silent=f"{MISSING_AWAIT} {INSIDE}")
                await client.expect_close(hint=f"End with close(). {INSIDE}")
        return "a text is answered, and the connection closed with 1000"

    async def refuses_bytes(server: Server) -> str:
        async with visit(server, "/job") as client:
            await client.ws.send(b"\x00\xff")
            await closed(client, 1003, None, "that sent bytes")
        return "bytes are refused with 1003"

    async def puts_out_the_idle(server: Server) -> str:
        await nothing_went_wrong(server)
        async with visit(server, "/job") as client:
            await server.let_time_pass(IDLE / 2)
            await whatever_was_sent_has_come(client)
            if client.ws.close_code is not None:
                raise NotYet(
                    f"the connection of a client that sent nothing ended with {describe_end(client.ws)} after "
                    f"{IDLE / 2:g} seconds. It has `IDLE` seconds, which are {IDLE}."
                )
            await server.let_time_pass(IDLE)
            await whatever_was_sent_has_come(client)
            if client.ws.close_code is None:
                raise NotYet(
                    f"a client that sent nothing was still connected after {1.5 * IDLE:g} seconds. "
                    "Close it after `IDLE` seconds, with 4000 and the reason 'idle'. (The check sets the event "
                    "loop's clock forward: asyncio.timeout() goes by it, time.monotonic() does not.)"
                )
            await closed(client, 4000, "idle", "that sent nothing")
        return "a client that sends nothing is closed with 4000 and 'idle'"

    async def nothing_went_wrong(server: Server) -> None:
        if error := await what_the_endpoint_did(server):
            raise NotYet(f"the clients so far got what they should, but the {error}.{more_about(error)}")

    async def whatever_was_sent_has_come(client: Client) -> None:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(WAIT):
                await (await client.ws.ping())  # a close frame that was sent before has come when the pong comes

    async def lets_the_silent_leave(server: Server) -> str:
        await nothing_went_wrong(server)
        async with visit(server, "/job") as client:
            await drop(client.ws)
        if error := await what_the_endpoint_did(server):
            raise NotYet(
                f"a client left before it had said anything, and the {error}.{more_about(error)} "
                "Expect WebSocketDisconnect in the first part, too, and do not close() then."
            )
        return "a client may leave before it has said anything"

    async def stops_the_work(server: Server) -> str:
        patience, server.settle_timeout = server.settle_timeout, SETTLE
        before = await server.on_loop(asyncio.all_tasks)
        tasks: set[asyncio.Task] = set()  # held here, since Python may remove one that nobody else holds
        async with visit(server, "/job") as stays:
            await begins(stays, "slow and steady")
            await is_patient(server, stays)
            for how in ["with 1000", "by losing its TCP connection"]:
                async with visit(server, "/job") as leaves:
                    await begins(leaves, "slow")
                    tasks |= await server.on_loop(lambda: asyncio.all_tasks() - before - {asyncio.current_task()})
                    if how != "with 1000":
                        leaves.ws.transport.abort()
                await is_stopped(server, "slow", how, and_not="slow and steady")
            async with visit(server, "/job") as other:
                await other.say("hello")
                await other.expect("HELLO")
            await goes_on(server, stays)
        await is_stopped(server, "slow and steady", "with 1000")
        await nothing_is_left(server, tasks)
        server.settle_timeout = patience
        return "when a client leaves, its work is stopped, and nobody else's"

    async def lets_go_before_the_answer(server: Server) -> str:
        no_error_is_logged("what a client may do", ONLY_A_BUG)  # so far
        async with visit(server, "/job") as client:
            await client.say_and_leave("hello")
        if error := await what_the_endpoint_did(server):
            raise NotYet(f"a client left before its answer, and the {error}.{more_about(error)} {THE_SEND}")
        no_error_is_logged("a client that leaves before its answer", THE_SEND)
        return "a client may leave before its answer"

    def no_error_is_logged(what: str, hint: str) -> None:
        if log.records:
            raise NotYet(f"{what} is logged as an error: {log.first()}. {hint}")

    async def begins(client: Client, text: str) -> None:
        await client.say(text)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT):
                while text not in at_work and client.ws.close_code is None:
                    await asyncio.sleep(0.01)
        if text not in at_work:
            raise NotYet(f"the client sent {text!r}, but `await work({text!r})` is not running.")

    async def is_patient(server: Server, client: Client) -> None:
        """The work goes on, however long it takes."""
        await server.let_time_pass(AN_HOUR)
        await whatever_was_sent_has_come(client)
        if client.ws.close_code is not None or "slow and steady" not in at_work:
            ended = f"its connection ended with {describe_end(client.ws)}" if client.ws.close_code else "the work ended"
            raise NotYet(
                f"while a client waited for its answer, {ended}. "
                "The time limit is for the text alone, not for the work."
            )

    async def goes_on(server: Server, client: Client) -> None:
        """The work goes on, whatever else the client says."""
        for words in ["still there?", b"\x00\xff"]:
            await client.say(words)
            await whatever_was_sent_has_come(client)
        for _ in range(3):  # turns of the server's event loop, in which the endpoint may answer
            await server.on_loop(lambda: None)
        await whatever_was_sent_has_come(client)
        if client.ws.close_code is None:  # what it said has come; is anything done about it?
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REACTION):
                    await client.ws.wait_closed()
        said = "a client said something more during its work, a text and bytes, and"
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(0):
                answer = await client.ws.recv()
            raise NotYet(f"{said} was answered {quote(answer)}. What it says during the work is ignored.")
        if client.ws.close_code is not None or "slow and steady" not in at_work:
            how = f" The connection ended with {describe_end(client.ws)}." if client.ws.close_code else ""
            raise NotYet(
                f"{said} the work was stopped.{how} "
                "Only a message of the type `websocket.disconnect` says that it has left."
            )

    async def is_stopped(server: Server, text: str, how: str, and_not: str | None = None) -> None:
        error = await what_the_endpoint_did(server)
        if and_not is not None and and_not not in at_work:
            raise NotYet("a client left, and not only its own work was stopped, but another client's, too.")
        left = f"a client left {how} during its work, and"
        if "still running" in error:
            raise NotYet(f"{left} its endpoint did not notice. {LISTEN}")
        if text in at_work:
            raise NotYet(f"{left} its work went on without it. Cancel what the endpoint has started.")
        if error:
            raise NotYet(f"{left} the {error}.{more_about(error)}")

    async def nothing_is_left(server: Server, tasks: set[asyncio.Task]) -> None:
        """The tasks that endpoints have started end soon after their clients have left."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE):
                while not all(task.done() for task in tasks):
                    await asyncio.sleep(0.01)
        if not all(task.done() for task in tasks):
            raise NotYet(
                "all clients had left, and tasks of their endpoints still went on. "
                "Cancel what the endpoint has started; taking it off a list does not stop it."
            )

    async def closed(client: Client, code: int, reason: str | None, whose: str) -> None:
        """The server must close the connection, with this code and, unless it is None, this reason."""
        wanted = f"{code} and the reason {reason!r}" if reason else f"{code}"
        try:
            async with asyncio.timeout(WAIT):
                extra = await client.ws.recv()
        except TimeoutError:
            raise NotYet(
                f"a client {whose} was still connected {WAIT:g} seconds later. Close it with {wanted}."
            ) from None
        except ConnectionClosed:
            if client.ws.close_code != code or reason not in (None, client.ws.close_reason):
                got = describe_end(client.ws)
                got += f" and the reason {client.ws.close_reason!r}" if client.ws.close_reason else ""
                raise NotYet(f"the connection of a client {whose} ended with {got}, not with {wanted}.") from None
        else:
            raise NotYet(f"a client {whose} got the answer {extra!r}, instead of a close with {wanted}.")

    async def trouble_with_bugs() -> str:
        """What is wrong with how the endpoint takes a bug in the work."""
        for bug, error in BUGS.items():
            what = f"a client sent {bug!r}, at which work() raises a {error.__name__}, and"
            with errors_in_the_log() as log:
                with serve(app, name="exercise") as server:
                    async with visit(server, "/job") as client:
                        await client.say(bug)
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(WAIT):
                                await client.ws.wait_closed()
                    await what_the_endpoint_did(server)
                is_logged = bool(log.records)
                log.clear()  # their tracebacks hold on to the endpoint's tasks
                gc.collect()  # and only when a task is gone, asyncio says that nobody has asked for its error
            if not is_logged:
                return (
                    f"{what} the log has no error about it. What is caught around the work must be "
                    "WebSocketDisconnect alone, or be logged as an error."
                )
            if log.records:
                return (
                    f"{what} a task was left behind: {log.first()}. Stop in a `finally` what the endpoint has started."
                )
        return ""

    async def fails_to_close() -> str:
        """What it raises when there is nobody left to close with. uvicorn's other implementation always says so."""
        with serve(app, name="exercise", ws="wsproto") as server:
            async with visit(server, "/job") as client:
                await client.say_and_leave(b"\x00\xff")
            return await what_the_endpoint_did(server)

    steps = [
        refuses_bytes,
        answers,
        puts_out_the_idle,
        lets_the_silent_leave,
        stops_the_work,
        lets_go_before_the_answer,
    ]
    with errors_in_the_log() as log:
        verdict = await judge(watched if isinstance(app, FastAPI) else app, *steps, ws_ping_interval=None)
    if verdict.passed and log.records:
        return Verdict(verdict.good, f"what a client may do is logged as an error: {log.first()}. {ONLY_A_BUG}")
    if verdict.passed and (trouble := await trouble_with_bugs()):
        return Verdict(verdict.good, trouble)
    if verdict.passed and not await can_be_cancelled(app, "/job"):
        return Verdict(verdict.good, NOT_CANCELLED)
    if verdict.passed and (error := await fails_to_close()):
        return Verdict(
            verdict.good,
            f"a client sent bytes and left at once, and the {error}. Whoever is to be closed may be gone: let close() "
            "stand where WebSocketDisconnect is expected. (FastAPI, closing for an exception, does not expect it.)",
        )
    return await check_up(
        verdict,
        app,
        "/job",
        "silent",
        "goes away",
        "drops before the answer",
        "wrong kind",
        "floods",
        good="clients that go away, lose their connection, or talk too much do it no harm",
        ws="wsproto",
    )
