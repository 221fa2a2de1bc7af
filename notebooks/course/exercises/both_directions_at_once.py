"""The check under the exercise of both-directions-at-once."""

import asyncio
import contextlib
from collections.abc import Collection
from functools import partial

from course.client import (
    COMMANDS,
    MISSING_AWAIT,
    ODD,
    VERY_LONG,
    WAIT,
    Client,
    NotYet,
    news,
    until,
    visit,
)
from course.closing import (
    CLOSED,
    GIVEN_UP,
    closes_when_nobody_is_there,
    expect_code,
    lets_a_send_fail,
    logs_bugs,
)
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import (
    AN_HOUR,
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
    takes_many,
    what_the_endpoint_did,
)
from course.newcomers import scope
from course.troubles import BUGS as TROUBLES
from course.troubles import CANCEL, ends_when_cancelled, expect_rest, lets_bugs_show
from wslab.conversation import describe_error
from wslab.examination.clients import in_one_breath
from wslab.server import Server

__all__ = ["story"]

PATH = "/story"
BEGINNING = "Once upon a time:"  # what compose() says first, as in the exercise
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}
LONG = "x" * 1_000_000  # more than the buffers hold
SLOW, STEADY = "slow", "slow and steady"  # stories that do not end by themselves
SETTLE = 1.0  # seconds for an endpoint to end after its client has left

LISTEN = "While a story is told, somebody must go on receiving: let one task listen, and tell the story in another one."
AWAITED = "`await task` raises CancelledError if the task was cancelled; `asyncio.wait({task})` does not."
NO_TURN = "`cancel()` only asks: until the task has had its turn, `done()` is False. Forget that task, or wait for it."
NEXT = "After a story, the next question is taken."
OVER = "The story before has ended. Whether one is still being told says `done()`, of its task."
PATIENT = "Who listens to a story may be silent for as long as it likes."
THE_END = "Send the pieces of a story one by one, as they come, and then (end)."
BUSY = "Each question during a story is answered with (busy), and forgotten. It neither stops the story nor is told."
EACH_ITS_OWN = "Another client is just being told a story. That is no reason: each has its own."
SAME = (
    "Two clients had asked the same question, and one of them said stop: each has a story of its own, whatever its "
    "question is."
)
STARS = "A TaskGroup raises a group of errors, and `except*` looks inside; a plain `except` takes it for a bug."
WAITS = "A TaskGroup waits for its tasks, unless an error leaves it."
GONE = "Where a story is told, too, a send raises WebSocketDisconnect: that is no bug, and nobody is there to close."
FOUND_BY_BOTH = "a piece of a story found its client gone, and just then more was heard that this one had said"
FOUND_GONE = (
    "One task has heard that the client is gone; then a send of another one raises this, which is a RuntimeError, and "
    "`application_state` is DISCONNECTED: that is no bug. Before accept(), where it is CONNECTING, it is one."
)
HOWEVER = "Stop in a `finally` what the endpoint has started, or let it be a TaskGroup's."
STUCK = (
    "A send had waited for it all the time: uvicorn's pings are stuck behind the story, too, so only a limit of your "
    "own gives it up, as in the lesson's `send()`."
)
CANCEL_FIRST = "Cancel the story first, and say (stopped) then: while a send waits for its client, the story goes on."
EARLY = (
    "Its question, 'stop' and another question had come without a wait in between. From `create_task()` on, a story "
    "can be stopped, whether it has begun or not. And a task that is cancelled before its first turn never begins: no "
    "line of it runs, and no `except` or `finally` in it. Say (stopped) where you cancel."
)
STOPPED_EARLY = (
    "Nothing more of a stopped story may come, not even its beginning. (What is cancelled goes on to where it waits. A "
    "task that has not begun never begins; code in a cancelled scope of AnyIO does.)"
)
NOTHING_TO_STOP = "It had sent 'stop' before, when no story was being told: that is ignored."
ONLY_A_BUG = (
    "Only a bug in compose() is one. Expect WebSocketDisconnect before other errors. (And a story that is stopped ends "
    "with CancelledError.)"
)
CAUSES = {  # what an endpoint may have done, alone or in a group of errors that escapes, and what to do about it
    ITS_CLOSE: NOTHING_TO_CLOSE,
    DISCONNECTED: GOES_ON,
    DISCONNECT: "Expect WebSocketDisconnect wherever the endpoint receives or sends.",
    "Group with WebSocketDisconnect(": "A TaskGroup raises a group of errors: catch it with `except*`.",
}


async def story(app, at_work: Collection[str]) -> Verdict:
    """`/story` tells stories, and hears its client meanwhile. `at_work`: the questions that are answered now."""
    with errors_in_the_log() as log:
        steps = [
            tells,
            partial(stops, at_work=at_work),
            ignores_stop,
            partial(stops_at_once, at_work=at_work),
            partial(is_busy, at_work=at_work),
            partial(refuses_bytes, at_work=at_work),
            partial(lets_go, at_work=at_work),
            stops_before_it_begins,
        ]
        verdict = await judge(app, *steps, log=log, ws_ping_interval=None)
    looks = [
        partial(expect_nothing_in, log),
        partial(closes_when_nobody_is_there, app, PATH),
        partial(lets_a_send_fail, app, PATH, ["a fox"], OSError(), "was gone", GONE, CAUSES),
        *(partial(is_given_up, app, *texts) for texts in [["a fox"], ["another", SLOW], ["stop", SLOW]]),
        partial(logs_bugs, app, PATH, BUGS, "compose"),
        partial(passes, app, partial(hears_more_when_it_is_gone, app=app)),
        partial(passes, app, gives_up_who_does_not_read, ws_ping_interval=None, ws_per_message_deflate=False),
        partial(passes, app, partial(tells_no_more_once_stopped, app=app)),
        partial(passes, app, partial(tells_two_the_same, at_work=at_work), partial(disturbs_nobody, at_work=at_work)),
        partial(passes, app, partial(lets_bugs_show, path=PATH, says=["a fox"], goes_on=False, spares=[RuntimeError])),
        partial(passes, app, partial(ends_when_cancelled, path=PATH)),
        partial(passes, app, partial(stops_however_it_ends, at_work=at_work)),
        partial(passes, app, partial(takes_many, path=PATH, ask=lambda client, _: tell(client, "a fox"))),
    ]
    verdict = await look_further(verdict, *looks)
    clients = ["silent", "goes away", "drops before the answer", "does not wait", "wrong kind", "floods"]
    good = "clients that go away, lose their connection, or talk too much do it no harm"
    with errors_in_the_log() as log:
        verdict = await check_up(verdict, app, PATH, *clients, good=good, ws="wsproto")
    if not verdict.passed and "WebSocketDisconnected" in (error := log.own_error()):
        return Verdict(verdict.good, f"{verdict.problem} The log has an error: {error}. {FOUND_GONE}")
    return verdict


async def tells(server: Server) -> str:
    a_question = "Each text is a question, as it came, unless it is 'stop', letter by letter."
    async with visit(server, PATH) as client:
        await tell(client, "a fox", ended=MISSING_AWAIT)
        await tell(client, "", wrong=OVER, ended=a_question)
        for question in [" Stop ", "Stop", "stop it", ODD, VERY_LONG, *COMMANDS]:
            await tell(client, question, wrong=a_question, ended=a_question)
    await expect_no_error(server, "the clients got their stories, but the", CAUSES)
    return "questions are answered with their stories"


async def stops(server: Server, at_work: Collection[str]) -> str:
    async with visit(server, PATH) as client:
        await begin(client, SLOW, at_work)
        await expect_rest(server, "while a client listens to a story of which nothing comes")
        await server.let_time_pass(AN_HOUR)
        if SLOW not in at_work or client.ws.close_code is not None:
            raise NotYet(f"a client had been silent for an hour, and its story was over. {PATIENT}")
        try:
            await client.ask("stop", "(stopped)", silent=LISTEN, closed="`stop` ends the story, not the connection.")
        except NotYet as problem:
            if "was cancelled" in (did := await what_the_endpoint_did(server)):
                raise NotYet(f"{problem} On the server, the {did}. {AWAITED}") from None
            raise
        if not await until(lambda: SLOW not in at_work, SETTLE, server):
            raise NotYet("a story was stopped, and `compose()` went on with it. Cancel the task that tells it.")
        await tell(client, "a fox", "The story before was stopped: nothing more of it comes, and one (stopped).")
    await expect_no_error(server, "a story was stopped, and the", CAUSES)
    return "`stop` ends a story, and the next question is taken"


async def ignores_stop(server: Server) -> str:
    for has_heard_one in [False, True]:
        async with visit(server, PATH) as client:
            if has_heard_one:
                await tell(client, "a fox")
            await client.say("stop")
            await tell(client, "a hen", NOTHING_TO_STOP)
    await expect_no_error(server, "there was nothing to stop, and the", CAUSES)
    return "`stop` when no story is being told is ignored"


async def stops_at_once(server: Server, at_work: Collection[str]) -> str:
    once = f"It had sent 'stop', 'stop' and this question, without a wait in between. {NO_TURN}"
    async with visit(server, PATH) as client:
        await begin(client, SLOW, at_work)
        await in_one_breath(client.ws, ["stop", "stop", "a fox"])
        client.said = "stop"
        await client.expect("(stopped)")
        await expect_story(client, "a fox", once)
    await expect_no_error(server, "a story was stopped, and the", CAUSES)
    return "a client need not wait for (stopped)"


async def stops_before_it_begins(server: Server) -> str:
    async with visit(server, PATH) as client:
        await in_one_breath(client.ws, [SLOW, "stop", "a hen"])
        client.said = "stop"
        got = await client.hear("'(stopped)'", silent=EARLY)
        if got == BEGINNING:
            got = await client.hear("'(stopped)'", silent=EARLY)
        if got != "(stopped)":
            raise NotYet(f"the client sent 'stop' and expected '(stopped)', but got {got!r}. {EARLY}")
        await expect_story(client, "a hen", STOPPED_EARLY)
    return "a story may be stopped before it begins"


async def is_busy(server: Server, at_work: Collection[str]) -> str:
    async with visit(server, PATH) as client:
        await begin(client, SLOW, at_work)
        for question in ["another", "bug 1", ""]:
            await client.ask(question, "(busy)", silent=BUSY, wrong=BUSY, closed=BUSY)
        if SLOW not in at_work:
            raise NotYet("a question came during a story, and the story was stopped. Only `stop` stops it.")
        await client.ask("stop", "(stopped)", wrong=BUSY)
        await tell(client, "a fox", BUSY)
    return "a question during a story is answered with (busy), and forgotten"


async def refuses_bytes(server: Server, at_work: Collection[str]) -> str:
    for sent, words in [(b"\x00\xff", "bytes"), (b"", "b'', which are bytes, too,")]:
        for when in ["", " during its story"]:
            async with visit(server, PATH) as client:
                if when:
                    await begin(client, SLOW, at_work)
                await client.say(sent)
                await expect_code(client, 1003, None, f"that sent {words}{when}", STARS)
            await is_stopped(server, SLOW, f"sent {words}{when}", at_work)
    return "bytes are refused with 1003"


async def lets_go(server: Server, at_work: Collection[str]) -> str:
    patience, server.settle_timeout = server.settle_timeout, SETTLE
    before = await server.on_loop(asyncio.all_tasks)
    tasks: set[asyncio.Task] = set()  # held here, since Python may remove one that nobody else holds
    async with visit(server, PATH):
        pass
    await is_stopped(server, SLOW, "left without a question", at_work)
    async with visit(server, PATH) as client:
        await client.say_and_leave("a fox")
    await is_stopped(server, "a fox", "left before its story", at_work)
    async with visit(server, PATH) as stays:
        await begin(stays, STEADY, at_work)
        async with visit(server, PATH) as other:
            for question in ["a fox", "a hen"]:
                await tell(other, question, EACH_ITS_OWN)
        for leave, how in [(Client.leave, "with 1000"), (Client.drop, "by losing its TCP connection")]:
            async with visit(server, PATH) as leaves:
                await begin(leaves, SLOW, at_work, wrong=EACH_ITS_OWN)
                tasks |= await server.on_loop(lambda: asyncio.all_tasks() - before - {asyncio.current_task()})
                await leave(leaves)
            await is_stopped(server, SLOW, f"left {how} during its story", at_work)
        if STEADY not in at_work or stays.ws.close_code is not None:
            raise NotYet("a client left, and not only its own story was stopped, but another client's, too.")
        await stays.ask("stop", "(stopped)")
    await is_stopped(server, STEADY, "left after its story was stopped", at_work)
    if not await until(lambda: all(task.done() for task in tasks), SETTLE, server):
        raise NotYet(
            "all clients had left, and tasks of their endpoints still went on. "
            "Cancel what the endpoint has started; taking it off a list does not stop it."
        )
    server.settle_timeout = patience
    return "when a client leaves, its story is stopped, and nobody else's"


async def disturbs_nobody(server: Server, at_work: Collection[str]) -> str:
    async with visit(server, PATH) as stays:
        await begin(stays, STEADY, at_work)
        for bug in BUGS:
            async with visit(server, PATH) as other:
                await other.ask(bug, BEGINNING, wrong=EACH_ITS_OWN)
                await other.is_closed()
        if STEADY not in at_work or stays.ws.close_code is not None:
            raise NotYet("compose() had a bug, and another client noticed: its story was stopped.")
        await stays.ask("stop", "(stopped)")
        await tell(stays, "a fox")
    return "a bug disturbs nobody else"


async def tells_no_more_once_stopped(server: Server, app) -> str:
    """`stop` comes while a piece is sent. Each send takes some turns of the loop, and that of (stopped) the most."""
    texts = asyncio.Queue()
    for message in [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "a fox"}]:
        texts.put_nowait(message)
    sent = []

    async def send(message):
        sent.append(text := message.get("text"))
        if text == BEGINNING:
            texts.put_nowait({"type": "websocket.receive", "text": "stop"})
            texts.put_nowait({"type": "websocket.disconnect", "code": 1000, "reason": ""})
        for _ in range(50 if text == "(stopped)" else 10):
            await asyncio.sleep(0)

    late = "a client that reads late said 'stop', and"
    try:
        await server.thread.run(app(scope(PATH), texts.get, send), 5 * WAIT)
    except Exception as error:
        raise NotYet(f"{late} left; and the endpoint raised {describe_error(error)}.") from None
    more = [text for text in sent[sent.index("(stopped)") :] if text][1:] if "(stopped)" in sent else []
    if more:
        raise NotYet(f"{late} after '(stopped)', it heard {more[0]!r}. {CANCEL_FIRST}")
    return "nothing comes after (stopped)"


async def hears_more_when_it_is_gone(server: Server, app) -> str:
    """A story's send finds the client gone. In the same turn of the loop, more of its texts arrive."""
    for more in (["a hen", "a cow"], ["a hen", "stop"]):
        said = asyncio.Queue()
        said.put_nowait({"type": "websocket.connect"})
        said.put_nowait({"type": "websocket.receive", "text": "a fox"})

        async def send(message, said=said, more=more):
            if message["type"] == "websocket.send":
                while more:
                    said.put_nowait({"type": "websocket.receive", "text": more.pop(0)})
                said.put_nowait({"type": "websocket.disconnect", "code": 1006, "reason": ""})
                raise OSError  # as uvicorn does

        with errors_in_the_log() as log:
            try:
                await server.thread.run(app(scope(PATH), said.get, send), 5 * WAIT)
            except Exception as error:
                raised = f"the endpoint raised {describe_error(error)}"
                raise NotYet(f"{FOUND_BY_BOTH}, and {raised}. {FOUND_GONE}") from None
        log.expect_nothing(f"{FOUND_BY_BOTH}, and that", FOUND_GONE)
    return "what a client has said before it left does no harm"


async def stops_however_it_ends(server: Server, at_work: Collection[str]) -> str:
    for text, what in [
        (next(iter(TROUBLES)), "a bug happened where the endpoint listens"),
        (CANCEL, "the endpoint was cancelled"),
    ]:
        with errors_in_the_log(collects=False):  # the bug's own
            async with visit(server, PATH) as client:
                await begin(client, SLOW, at_work)
                await client.say(text)
                await client.is_closed()
            await news(server)
        if not await until(lambda: SLOW not in at_work, SETTLE, server):
            raise NotYet(f"{what} during a story, and the story went on without it. {HOWEVER}")
    return "whatever ends the endpoint, ends its story"


async def tells_two_the_same(server: Server, at_work: Collection[str]) -> str:
    async with visit(server, PATH) as one, visit(server, PATH) as two:
        for client in (one, two):
            await begin(client, SLOW, at_work, wrong=EACH_ITS_OWN)
        for client, said, answer in [(one, "stop", "(stopped)"), (two, "a fox", "(busy)"), (two, "stop", "(stopped)")]:
            await client.ask(said, answer, wrong=SAME, silent=SAME, closed=SAME)
        await tell(one, "a fox", SAME)
    return "two may ask the same question"


async def gives_up_who_does_not_read(server: Server) -> str:
    """What is sent to it is stuck, and its keepalive, too: only a limit of the endpoint's own can end its story."""
    server.shrink_buffers()
    async with visit(server, PATH) as client:
        client.ws.transport.pause_reading()
        await client.say(LONG)
        await server.conversation()
        for _ in range(2):
            await server.let_time_pass(AN_HOUR)
        client.ws.transport.resume_reading()
        if "(end)" in await everything(client):
            raise NotYet(f"a client did not read for two hours, and then got the end of its story. {STUCK}")
    did = await what_the_endpoint_did(server)
    if did and "returned without close()" not in did:  # there is no use in it
        raise NotYet(f"a client did not read its story, and the {did}. {hint_for(did, CAUSES)}".rstrip())
    return "who does not read is given up"


async def everything(client: Client) -> list[str | bytes]:
    """What has come, and still comes."""
    heard = []
    with contextlib.suppress(NotYet):  # no more comes
        while (got := await client.message_or_end("")) is not None:
            heard.append(got)
    return heard


async def is_given_up(app, text: str, *first: str) -> None:
    """The endpoint learns only at its answer to the text that uvicorn has closed."""
    given_up = RuntimeError(CLOSED), "had been given up"
    await lets_a_send_fail(app, PATH, [text], *given_up, GIVEN_UP, CAUSES, first=first)


async def begin(client: Client, question: str, at_work: Collection[str], wrong: str = THE_END) -> None:
    """Ask, and hear the beginning of a story that does not end. `wrong` is the hint if something else comes."""
    await client.ask(question, BEGINNING, wrong=wrong, silent=THE_END)
    if question not in at_work:
        raise NotYet(f"the client has heard the beginning of {question!r}, but `compose({question!r})` is not at work.")


async def tell(client: Client, question: str, wrong: str = THE_END, ended: str = NEXT) -> None:
    """Ask, and hear a whole story. The hints: `wrong` if something else comes, `ended` if no more comes."""
    await client.say(question)
    await expect_story(client, question, wrong, ended)


async def expect_story(client: Client, question: str, wrong: str, ended: str = NEXT) -> None:
    client.said = question
    for piece in [BEGINNING, question.upper(), "(end)"]:
        await client.expect(piece, wrong=wrong, silent=ended, closed=ended)


async def is_stopped(server: Server, question: str, how: str, at_work: Collection[str]) -> None:
    """The story of the client that has left, or was closed, is stopped; and its endpoint has ended without an error."""
    did = await what_the_endpoint_did(server)
    left = f"a client {how}, and"
    if "still running" in did:
        goes_on = f"Its story goes on: stop it. {WAITS}" if question in at_work else f"{LISTEN} {WAITS}"
        raise NotYet(f"{left} its endpoint did not end. {goes_on}")
    if not await until(lambda: question not in at_work, SETTLE, server):
        raise NotYet(f"{left} its story went on without it. Cancel what the endpoint has started.")
    if did:
        raise NotYet(f"{left} the {did}. {hint_for(did, CAUSES)}".rstrip())


async def expect_nothing_in(log: ErrorLog) -> None:
    log.expect_nothing("what a client may do", ONLY_A_BUG)
