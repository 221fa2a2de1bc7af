"""The check under the exercise of text-bytes-and-json."""

from course.client import ENDLESS_LOOP, MISSING_AWAIT, NotYet, visit
from course.judging import DISCONNECT, DISCONNECTED, Verdict, check_up, expect_no_error, judge, what_the_endpoint_did
from wslab.server import ServeError, Server

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
    ("hello", "", ""),
]
SILENT = (
    "Does every call of `websocket` have its `await`? If so, is it still waiting? A message that a method has refused "
    "is gone, and the next receive_...() waits for the next message."
)
IF_RECEIVE = (
    "If it is receive() that receives: it then returns a dictionary of type 'websocket.disconnect', with neither text "
    "nor bytes."
)


async def measuring(app) -> Verdict:
    """`/measure` answers text and bytes with JSON, such as `{"kind": "text", "length": 5}`."""
    verdict = await judge(app, measures, lets_go, lets_the_silent_go)
    clients = ["goes away", "drops while idle", "drops before the answer", "floods", "crowd"]
    good = "clients that go away, lose their connection, or come in a crowd do it no harm"
    return await check_up(verdict, app, PATH, *clients, say=["hello", b"\x00\x01"], good=good)


async def measures(server: Server) -> str:
    async with visit(server, PATH) as client:
        for number, (message, remark, wrong) in enumerate(MESSAGES):
            closed = ENDLESS_LOOP if number else MISSING_AWAIT
            kind = "text" if isinstance(message, str) else "bytes"
            answer = {"kind": kind, "length": len(message)}
            await client.say(message)
            try:
                await client.expect_json(answer, wrong=wrong, silent=SILENT, closed=closed)
            except NotYet as problem:
                raise NotYet(f"{problem} {remark}".strip(), problem.hint) from None
        await client.expect_silence()
    try:
        for _ in range(3):  # turns of the server's event loop, until the endpoint has seen that its client left
            await server.on_loop(lambda: None)
    except ServeError:
        raise NotYet(
            "when a client left, the endpoint's loop went on for ever without waiting for anything. Leave the loop "
            "when the client has gone."
        ) from None
    return "text and bytes are measured, one after the other, empty ones too"


async def lets_go(server: Server) -> str:
    async with visit(server, PATH) as client:
        # In one piece: the server knows that the client has left before the endpoint gets the first message.
        await client.say_and_leave("hello", "hello", "hello")
    error = await what_the_endpoint_did(server)
    if error.startswith(DISCONNECT):
        when = "before it had its answers, " if "1006" in error else ""
        raise NotYet(f"when a client left, {when}the {error}. Catch WebSocketDisconnect around the loop.")
    if error.startswith(DISCONNECTED):
        raise NotYet("when a client left, the endpoint went on. Does it stay in its loop?")
    events = (await server.conversation()).events
    answered = any(event.failed for event in events if event.client == 1)  # all its messages have had their answers
    if answered or error:
        what = "it tried to send one more" if answered else "something went wrong"
        raise NotYet(f"the answers are right, but {what} when the client left. {IF_RECEIVE}")
    return "a client may leave, before it has its answers, too"


async def lets_the_silent_go(server: Server) -> str:
    async with visit(server, PATH):
        pass
    hints = {DISCONNECT: "Catch WebSocketDisconnect around the first receive, too.", "": IF_RECEIVE}
    await expect_no_error(server, "when a client left without having sent anything, the", hints)
    return "and before it has sent anything"
