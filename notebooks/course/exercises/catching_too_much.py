"""The check under the exercise of catching-too-much."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from websockets import ConnectionClosed

from course.judging import (
    NOT_CANCELLED,
    WAIT,
    Client,
    NotYet,
    Verdict,
    can_be_cancelled,
    check_up,
    describe_end,
    judge,
    visit,
    what_the_endpoint_did,
)
from wslab.clients import drop
from wslab.conversation import record_logs
from wslab.server import Server

__all__ = ["careful_division"]

BUG = "0/5"  # what the given function cannot do: a ValueError
INFINITE = "1e999/1"  # nor this: an OverflowError
MISTAKES = ["x", "1/2/3", "1/0", "1/0.0", "one/two", "", "/"]
NOT_THE_CLIENTS = "That is the bug of significant(), and no mistake of the client: keep it out of the inner `try`."
IS_A_DIVISION = (
    "float() takes 1e999 for infinity, so this is a division. That the result cannot be rounded is the bug of "
    "significant(), and no mistake of the client."
)
IN_ORDER = "Of several `except`, Python takes the first that fits."
FROM_THE_SEND = "The send raises it: expect WebSocketDisconnect around the whole loop, not only where you receive."


async def careful_division(app) -> Verdict:
    """`/divide` divides, answers mistakes, and hides no bug; with both of uvicorn's implementations."""
    with errors_in_the_log() as log:

        async def divides(server: Server) -> str:
            async with visit(server, "/divide") as client:
                for mistake in MISTAKES:
                    await client.say("12/4")
                    await client.expect("3.0", closed="Mistakes of a client are answered, and the loop goes on.")
                    await client.say(mistake)
                    await expect_error(client)
                for division, result in [("1/3", "0.333"), ("-200/3", "-66.7"), ("2.5/1", "2.5")]:
                    await client.say(division)
                    await client.expect(result)
                await client.expect_silence()
                if log.records:  # before the client leaves, which may be logged, too
                    said = log.records[0].getMessage().splitlines()[0]
                    raise NotYet(f"a mistake of a client is logged as an error: {said!r}. It is none of the server's.")
            did = await what_the_endpoint_did(server)
            if "blocked" in did:
                raise NotYet(
                    f"a client had left, and the {did}: its loop goes on, and lets nobody else run. "
                    "See *Swallowed in the loop*."
                )
            return "divisions are answered, and so are mistakes, each with an error"

        async def lets_clients_leave(server: Server) -> str:
            async with visit(server, "/divide") as client:
                await client.say("12/4")
                await client.expect("3.0")
                await drop(client.ws)
            await nothing_went_wrong(server, log, "a client that leaves", IN_ORDER)
            async with visit(server, "/divide") as client:
                await client.say_and_leave("12/4")
            await nothing_went_wrong(server, log, "a client that leaves before its answer", FROM_THE_SEND)
            return "clients that leave or are cut off cause no error, in the endpoint or in the log"

        async def does_not_hide_the_bug(server: Server) -> str:
            for bug in [BUG, INFINITE]:
                async with visit(server, "/divide") as client:
                    await client.say(bug)
                    await expect_internal_error(client)
                await the_log_has_the_bug(server, log, bug)
            return f"the bug, at {BUG!r}, is in the log with its traceback, and its client is closed with 1011"

        async def survives_a_client_in_a_hurry(server: Server) -> str:
            async with visit(server, "/divide") as client:
                await client.say_and_leave(BUG)
            await the_log_has_the_bug(server, log, BUG)
            async with visit(server, "/divide") as client:  # whoever comes next
                await client.say("12/4")
                await client.expect("3.0")
            await nothing_went_wrong(server, log, "a client that leaves", IN_ORDER)
            return "and if that client leaves at the same moment, the log has the bug and no other error"

        steps = [divides, lets_clients_leave, does_not_hide_the_bug, survives_a_client_in_a_hurry]
        verdict = await judge(app, *steps, ws="websockets-sansio")
        if not verdict.passed:
            return verdict
        log.clear()
        other = await judge(app, *steps, ws="wsproto")
        if not other.passed:
            return Verdict(verdict.good, f'with uvicorn\'s other implementation, ws="wsproto": {other.problem}')
        if not await can_be_cancelled(app, "/divide"):
            return Verdict(
                verdict.good,
                NOT_CANCELLED,
            )
        return await check_up(
            Verdict([*verdict.good[:-1], "all that with both of uvicorn's implementations"]),
            app,
            "/divide",
            "goes away",
            "drops before the answer",
            "stays",
            good="clients that go away, or stay until the server stops, do it no harm",
            say="12/4",
            ws="wsproto",
        )


class ErrorLog(logging.Handler):
    """The errors that are logged, wherever."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record not in self.records:
            self.records.append(record)

    def first(self) -> str:
        """The first of them, for a sentence: its first line, and the type of the error that came with it."""
        record = self.records[0]
        error = record.exc_info[1] if record.exc_info else None
        return repr(record.getMessage().splitlines()[0]) + (f", with {type(error).__name__}" if error else "")

    def clear(self) -> None:
        """Forget what was logged so far."""
        self.records.clear()


@contextlib.contextmanager
def errors_in_the_log() -> Iterator[ErrorLog]:
    """What is logged as an error meanwhile, by uvicorn's logger or any that passes on to the root."""
    record_logs()  # the first server does this, and takes the handlers away that are there
    handler = ErrorLog()
    loggers = [logging.getLogger(), logging.getLogger("uvicorn.error")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


async def expect_error(client: Client) -> None:
    """The next message must begin with `error: `."""
    expected = "an answer that begins with 'error: '"
    got = await client.hear(expected, closed="Mistakes of a client are answered, and the loop goes on.")
    if not got.startswith("error: "):
        raise NotYet(f"the client sent {client.said!r} and expected {expected}, but got {got!r}.")


async def expect_internal_error(client: Client) -> None:
    """The server must close with 1011, without an answer."""
    sent = f"the client sent {client.said!r}, which makes significant() fail, and"
    try:
        async with asyncio.timeout(WAIT):
            got = await client.ws.recv()
    except TimeoutError:
        raise NotYet(f"{sent} the connection was still open {WAIT:g} seconds later. Close it with 1011.") from None
    except ConnectionClosed:
        if client.ws.close_code != 1011:
            raise NotYet(
                f"{sent} the connection ended with {describe_end(client.ws)}, not with 1011: "
                "the client does not learn that the server failed."
            ) from None
    else:
        if isinstance(got, str) and got.startswith("error"):
            if await has_ended(client):
                raise NotYet(
                    f"{sent} got {got!r}, and then the connection ended with {describe_end(client.ws)}. "
                    "It should be closed with 1011, without an answer: `await websocket.close(1011)`."
                )
            raise NotYet(f"{sent} got {got!r}. {IS_A_DIVISION if client.said == INFINITE else NOT_THE_CLIENTS}")
        raise NotYet(f"{sent} got {got!r}. Leave significant() as it is, and close with 1011, without an answer.")


async def has_ended(client: Client) -> bool:
    """Whether the endpoint has ended with its last answer, and does not answer any more."""
    with contextlib.suppress(ConnectionClosed, TimeoutError):
        async with asyncio.timeout(WAIT):
            await client.ws.send("12/4")
            await client.ws.recv()
    return client.ws.close_code is not None


async def the_log_has_the_bug(server: Server, log: ErrorLog, bug: str) -> None:
    """The error of significant() must be in the log, with its traceback, and nothing else. Then the log is cleared."""
    did = await what_the_endpoint_did(server)
    if "WebSocketDisconnect" in did:
        raise NotYet(
            f"a client sent {bug!r}, which makes significant() fail, and left at the same moment. Then the {did}: "
            "the close() of the error's block needs to expect that (a `WebSocketException` closes, too)."
        )
    if not log.records:
        raise NotYet(f"a client sent {bug!r}, which makes significant() fail, and the log has no error about it.")
    if not any(has_traceback_of_the_bug(record) for record in log.records):
        said = log.records[0].getMessage().splitlines()[0]
        raise NotYet(
            f"a client sent {bug!r}, which makes significant() fail. The log says {said!r}, but where it failed is "
            "not there: logger.exception() logs the traceback, too. (`from None` takes it out of what another error "
            "shows.)"
        )
    log.clear()


def has_traceback_of_the_bug(record: logging.LogRecord) -> bool:
    """Whether the log's text has the place in significant(): in the error's traceback, or in one's that it led to."""
    return ", in significant" in logging.Formatter().format(record)


async def nothing_went_wrong(server: Server, log: ErrorLog, who: str, hint: str) -> None:
    """No endpoint ended with an error, and none was logged: then `who` says at whom, and `hint` what to do."""
    did = await what_the_endpoint_did(server)
    if "WebSocketDisconnect" in did:
        raise NotYet(
            f"when a client had left, the {did}. Expect WebSocketDisconnect around the loop, and do not close() then."
        )
    if did:
        raise NotYet(f"when a client had left, the {did}.")
    if log.records:
        raise NotYet(f"{who} is logged as an error: {log.first()}. {hint}")
