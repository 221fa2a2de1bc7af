"""The check under the exercise of text-bytes-and-json."""

from functools import partial

from course.client import COMMANDS, ENDLESS_LOOP, MISSING_AWAIT, NO_COMMAND, VERY_LONG, Client, NotYet, visit
from course.error_log import nothing_in_the_log
from course.judging import (
    BLOCKED,
    DISCONNECT,
    DISCONNECTED,
    IF_RECEIVE,
    LOOPS,
    NO_ERROR,
    THE_SEND,
    Verdict,
    check_up,
    expect_no_error,
    judge,
    leaves_with_any_code,
    takes_many,
    waits_for_the_silent,
    what_the_endpoint_did,
)
from course.troubles import ANY_BUG, BOTH_KEYS, HIDDEN, lets_bugs_show
from wslab.server import Server

__all__ = ["measuring"]

PATH = "/measure"
# Each message, and what to think of if it is the first that fails, and if it is measured wrongly.
MESSAGES = [
    ("hello", "", ""),
    (b"good day", "", ""),
    ("", "An empty text is a text, too.", ""),
    (b"", "Empty bytes are bytes, too.", ""),
    (" hello\r\n", "", "Spaces and line breaks count, too."),
    ("déjà vu ☕ 🙂", "", "The length of a text is its number of characters."),
    ("déjà vu ☕".encode(), "", "The length of bytes is their number, whatever they mean."),
    (b"\x00\xff", "Bytes need not be text in UTF-8.", ""),
    ("\ufeffcafe\u0301", "", "The length of a text is that which len() tells, whatever one sees of it."),
    (b" good\nday\0", "", "The length of bytes is their number, and those at the ends count, too."),
    (VERY_LONG, "Messages may be long.", ""),
    *((text, NO_COMMAND, "") for text in COMMANDS),
    ("hello", "", ""),
]
SILENT = (
    "Does every call of `websocket` have its `await`? If so, is it still waiting? A message that a method has refused "
    "is gone, and the next receive_...() waits for the next message."
)

ONE_OF_THEM_IS_NONE = (
    "Here the check runs the endpoint as another server would, which puts both keys into a message, one of them with "
    'None. So `"text" in message` does not tell a text from bytes: look whether `message.get("text")` is None.'
)


async def measuring(app) -> Verdict:
    """`/measure` answers text and bytes with JSON, such as `{"kind": "text", "length": 5}`."""
    hint = f'{HIDDEN} Whether the client has left, `message["type"]` says, and no KeyError.'
    bugs = partial(lets_bugs_show, path=PATH, errors=ANY_BUG, hint=hint, says=["hello", b"bye"])
    steps = [measures, lets_go, lets_the_silent_go, measures_on_another_server, measures_for_the_silent, bugs]
    verdict = await judge(app, *steps, measures_for_many, ws_ping_interval=None)
    clients = ["goes away", "drops before the answer", "floods", "crowd"]
    good = "clients that go away, lose their connection, or come in a crowd do it no harm"
    return await check_up(verdict, app, PATH, *clients, say=["hello", b"\x00\x01"], good=good)


async def measures(server: Server) -> str:
    async with visit(server, PATH) as client:
        for number, (message, remark, wrong) in enumerate(MESSAGES):
            closed = ENDLESS_LOOP if number else MISSING_AWAIT
            await client.say(message)
            try:
                await client.expect_json(measured(message), wrong=wrong, silent=SILENT, closed=closed)
            except NotYet as problem:
                raise NotYet(f"{problem} {remark}".strip(), problem.hint) from None
        await client.expect_silence()
    error = await what_the_endpoint_did(server)
    if error.startswith(DISCONNECT):
        raise NotYet(f"when a client left, the {error}. Catch WebSocketDisconnect around the loop.")
    if error.startswith(DISCONNECTED):
        raise NotYet(f"when a client left, the {error}. Does it stay in its loop?")
    if BLOCKED in error:
        raise NotYet(f"when a client left, the {error}. {LOOPS}")
    sent = any(event.failed for event in (await server.conversation()).events)  # all messages have had their answers
    if sent or error:
        what = "it tried to send one more" if sent else f"the {error}"
        raise NotYet(f"the answers are right, but when the client left, {what}. {IF_RECEIVE}")
    return "text and bytes are measured, one after the other, empty ones too"


async def lets_go(server: Server) -> str:
    with nothing_in_the_log("a client that leaves", NO_ERROR):
        for message in ["hello", b"good day"]:
            async with visit(server, PATH) as client:
                # In one piece: the server knows that the client has left before the endpoint gets the first message.
                await client.say_and_leave(message, message, message)
            await expect_no_error(server, "when a client left without waiting for its answers, the", THE_SEND)
    return "a client may leave, before it has its answers, too"


async def lets_the_silent_go(server: Server) -> str:
    async with visit(server, PATH):
        pass
    hints = {DISCONNECT: "Catch WebSocketDisconnect around the first receive, too.", "": IF_RECEIVE}
    await expect_no_error(server, "when a client left without having sent anything, the", hints)
    await leaves_with_any_code(server, PATH)
    return "and before it has sent anything, with any code"


async def measures_for_the_silent(server: Server) -> str:
    async def asks(client: Client, message: str | bytes) -> None:
        await client.say(message)
        await client.expect_json(measured(message))

    return await waits_for_the_silent(server, PATH, [partial(asks, message=message) for message in ["hello", b"bye"]])


async def measures_for_many(server: Server) -> str:
    async def asks(client: Client, number: int) -> None:
        await client.say("x" * number)
        await client.expect_json(measured("x" * number))

    return await takes_many(server, PATH, asks)


async def measures_on_another_server(server: Server) -> str:
    async with visit(server, PATH + BOTH_KEYS) as client:
        for message in ["hello", b"good day", "", b""]:
            await client.say(message)
            try:
                await client.expect_json(measured(message))
            except NotYet as problem:
                raise NotYet(f"{problem} {ONE_OF_THEM_IS_NONE}") from None
    return "also where a message has both keys, `text` and `bytes`, one of them with None"


def measured(message: str | bytes) -> dict:
    return {"kind": "text" if isinstance(message, str) else "bytes", "length": len(message)}
