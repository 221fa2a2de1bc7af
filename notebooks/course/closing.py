"""Whom an endpoint closes, with which code, and what of it reaches the log: what several checks ask for."""

import gc
from collections.abc import Mapping, Sequence
from contextlib import suppress

from websockets import ConnectionClosed

from course.client import WAIT, Client, NotYet, describe_end, until, visit
from course.error_log import errors_in_the_log
from course.judging import expect_no_error, hint_for, what_the_endpoint_did
from course.troubles import SWALLOWED
from wslab.examination.clients import in_one_breath
from wslab.server import serve

MAY_BE_GONE = (
    "Whoever is to be closed may be gone: let close() stand where WebSocketDisconnect is expected. (FastAPI, closing "
    "for an exception, does not expect it.)"
)
CLOSED = "Unexpected ASGI message 'websocket.send', after sending 'websocket.close'."  # as uvicorn says it
CLOSED_TWICE = CLOSED.replace("websocket.send", "websocket.close")
SERVED_BEHIND = " (Or was more served that had been sent behind it? Who has been closed is not: leave the loop.)"
GIVEN_UP = (
    "Where uvicorn itself has closed, a send raises RuntimeError, while the endpoint's own side is still open: the "
    "client is gone, and that is no bug. The lesson's `send()` tells the two apart."
)


async def expect_code(client: Client, code: int, reason: str | None, whose: str, if_a_bug: str = "") -> None:
    """The server must now close the connection with this code and, unless it is None, this reason.

    `whose` says in words which client's: `that sent bytes`; `if_a_bug` is added if it was closed with 1011.
    """
    wanted = f"{code} and the reason {reason!r}" if reason else f"{code}"
    answer = await client.message_or_end(
        f"a client {whose} was still connected {WAIT:g} seconds later. Close it with {wanted}."
    )
    if answer is not None:
        raise NotYet(f"a client {whose} got the answer {answer!r}, instead of a close with {wanted}.")
    if client.ws.close_code != code or reason not in (None, client.ws.close_reason):
        got = describe_end(client.ws)
        got += f" and the reason {client.ws.close_reason!r}" if client.ws.close_reason else ""
        hint = if_a_bug if client.ws.close_code == 1011 else ""
        raise NotYet(f"the connection of a client {whose} ended with {got}, not with {wanted}. {hint}".rstrip())


async def logs_bugs(
    app, path: str, bugs: Mapping[str, type[Exception]], function: str, *before: str, behind: Sequence[str] = ()
) -> None:
    """A look: each of the `bugs`, an error of `function` by the text at which it raises it, is logged once.

    And so is the first of several when it comes again. Its client says the texts `before` first, and those `behind` in
    one breath with it. It must be closed with 1011, and no task be left behind.
    """
    first = list(bugs.items())[: len(bugs) > 1]
    for number, (bug, error) in enumerate([*bugs.items(), *first]):
        again = ", as another had before," if number == len(bugs) else ","
        what = f"a client sent {bug!r}{again} at which {function}() raises a {error.__name__}, and"
        with errors_in_the_log() as log:
            with serve(app, name="exercise") as server:
                async with visit(server, path) as client:
                    for text in before:
                        await client.say(text)
                    with suppress(ConnectionClosed):  # closed already, which shows below
                        await in_one_breath(client.ws, [bug, *behind])
                    closed = await client.is_closed()
                did = await what_the_endpoint_did(server)
            log.expect_more_than_a_group(what)
            logged, is_too_long = len(log.records), log.has_another("ProtocolError")
            log.clear()  # their tracebacks hold on to the endpoint's tasks
            gc.collect()  # and only when a task is gone, asyncio says that nobody has asked for its error
        if not logged and number == len(bugs):
            raise NotYet(f"{what} the log has no error about it. The first one was logged, and a second one is not.")
        if not logged:
            raise NotYet(
                f"{what} the log has no error about it. What is caught around {function}() must be what a client may "
                "do, and nothing else, or be logged as an error. (And a task's error is seen by nobody, unless "
                "somebody awaits that task.)"
            )
        if is_too_long:
            raise NotYet(f"{what} the close() for it raised one more error: a reason has room for 123 bytes.")
        if not closed:
            raise NotYet(f"{what} was still connected {WAIT:g} seconds later. Close it with 1011.{SWALLOWED}")
        if client.ws.close_code != 1011:
            raise NotYet(f"{what} its connection ended with {describe_end(client.ws)}, not with 1011.")
        if log.records:
            raise NotYet(
                f"{what} a task was left behind: {log.first()}. Stop in a `finally` what the endpoint has started."
            )
        if logged > 1:
            raised = " Raised out of the endpoint, it is logged by uvicorn, too." if did else ""
            raised = raised or (SERVED_BEHIND if behind else "")
            raise NotYet(f"{what} it was logged {logged} times: once is enough.{raised}")


async def closes_when_nobody_is_there(
    app, path: str, sent: str | bytes = b"\x00\xff", advice: str = MAY_BE_GONE, first: Sequence[str] = ()
) -> None:
    """A look: it must not fail when the client has left already. uvicorn's other implementation always says so.

    `sent` is what the client sends, at which it is to be closed, after the texts `first`; `advice` says what to do
    about an error.
    """
    words = "bytes" if isinstance(sent, bytes) else repr(sent)
    with serve(app, name="exercise", ws="wsproto") as server:
        async with visit(server, path) as client:
            await client.say_and_leave(*first, sent)
        await expect_no_error(server, f"a client sent {words} and left at once, and the", advice=advice)


async def lets_a_send_fail(
    app,
    path: str,
    says: Sequence[str | bytes],
    error: Exception,
    is_gone: str,
    hint: str,
    causes: Mapping[str, str],
    first: Sequence[str] = (),
    at: str = "websocket.send",
) -> None:
    """A look: an endpoint's send may be the first to find that its client `is_gone`: from then on, sends raise `error`.

    The client `says` what is answered, and before that the texts `first`, each of which gets one answer that arrives.
    `causes` are hints for what the endpoint may have done, before the `hint`. Or it is its close() that finds it, `at`
    the event "websocket.close".
    """
    failed, arrives = [], [*first]

    async def lossy(scope, receive, send):
        async def send_to_nobody(message):
            is_answer = message["type"] == "websocket.send"
            if failed or (message["type"] == at and not arrives):
                failed.append(message)
                raise error
            if is_answer and arrives:
                arrives.pop()
            await send(message)

        await app(scope, receive, send_to_nobody)

    with errors_in_the_log() as log, serve(lossy, name="exercise") as server:
        async with visit(server, path) as client:
            for text in first:
                await client.say(text)
                await client.message_or_end(f"{text!r} was not answered.")
            for text in says:
                await client.say(text)
            await until(lambda: failed, server=server)
        did = await what_the_endpoint_did(server)
    when = f"{is_gone} when {'something was sent to it' if at == 'websocket.send' else 'it was to be closed'}"
    if did and "returned without close()" not in did:
        raise NotYet(f"a client {when}, and the {did}. {hint_for(did, causes) or hint}")
    log.expect_nothing(f"a client that {when}", hint)
