"""The check under the exercise of many-clients."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from urllib.parse import quote as percent_encoded
from urllib.parse import unquote

from fastapi import FastAPI
from websockets import connect

from course.client import COMMANDS, MISSING_AWAIT, ODD, Client, NotYet, Refused, news, quote, until, visit
from course.closing import closes_when_nobody_is_there, expect_code
from course.door import Door, give_up
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import (
    AN_HOUR,
    CROWD,
    HAS_LEFT,
    NO_LIMIT,
    Verdict,
    check_up,
    expect_no_error,
    hint_for,
    judge,
    look_further,
    passes,
    what_the_endpoint_did,
)
from course.troubles import NO_TIMEOUT, ends_when_cancelled, expect_rest, lets_bugs_show, time_stands_still
from wslab.examination.clients import in_one_breath
from wslab.server import Server

__all__ = ["room"]

SLOW = 5  # seconds that the exercise gives, as there
LONG = "x" * 1_000_000  # more than the buffers hold
SETTLE = 1.0  # seconds for an endpoint to end after its client has left
WORDS = ["one", "two", "three"]
MANY_WORDS = [str(number) for number in range(20)]
TIMES = 55  # that these are said: 1,100 texts, more than a backlog's limit may be
TALK = "A text goes to everybody who is here, as its speaker's name, ': ' and the text, also to the speaker; once."
ANY_NAME = f" Rene\u0301e & {{Zoe}} %s {'x' * 60} "
AS_IT_CAME = "A text is said as it came, and so is a name."
SILENT = "Nobody had said anything for an hour: nobody is put out for that, and nothing comes that nobody has said."
WHO = "Whoever comes hears first who is here, sorted; the others hear it when a name has come or gone, once."
TABS = (
    "Both of Ann's connections hear what is said. And no name has come or gone: only the new one is told who is here."
)
STILL = "Ann's old connection has ended, and she has another one: does the old one take away what belongs to the new?"
WAIT = "Somebody does not read. Nobody else waits for that or misses anything; and it has `SLOW` seconds."
SAME_ORDER = "What a speaker hears must come the same way as what all others hear: by his queue, if they have queues."
TURNS = (
    f"Ben said {TIMES * len(MANY_WORDS):,} texts in one breath, and Ann has read all the time. Whoever sends to her "
    "needs a turn between two of them: `await asyncio.sleep(0)`."
)
ALL_OR_NOTHING = "Whoever is too far behind is put out, which ends his connection; nobody stays and misses something."
NO_NEWS = "The limit is for a send, and not for the wait until there is something to send."
FIRST_OUT = (
    "Is a limit longer? Or take him out first, and close then: what is sent to him is stuck, and a close() is, too."
)
OUT = "Whoever has not read for longer than `SLOW` is put out, and no longer here."
LIMIT = (
    f"Somebody does not read, while others say {TIMES * len(MANY_WORDS):,} texts. That may put him out, but nobody "
    "else: a full queue raises QueueFull where somebody speaks."
)
UNSEEN = (
    "Does nothing limit what is sent to him? Or does nobody see that the limit has run out? A task's error is seen by "
    "whoever awaits that task."
)
STUCK = (
    "What is sent to him is stuck, and a close() is, too: it needs a limit, as a send does. And whoever puts him out "
    "has to end the task that listens to him."
)
CLOCK = "(The check sets the event loop's clock forward: asyncio.timeout() goes by it, time.monotonic() does not.)"
THE_PATH = (
    'Is there an endpoint with `@app.websocket("/room/{name}")`, with the parameters `websocket: WebSocket` and `name: '
    "str`? And does it begin with `await websocket.accept()`?"
)
UNDONE = "What must be undone however it ends stands in a `finally`."
OTHERS = "Whoever tells something to others must be ready for each of them to be gone."


async def room(app) -> Verdict:
    """`/room/{name}`: who is here, and what they say, for everybody; whoever does not read is put out."""
    door = Door(app)
    with errors_in_the_log() as log:
        steps = [
            talks,
            lets_go,
            waits_for_nobody,
            closes_who_does_not_read,
            bears_silence,
            lets_catch_up,
            goes_on_talking,
            lets_come_back,
        ]
        steps += [partial(step, door=door) for step in (speak_at_the_same_time, forgets_who_gives_up)]
        steps += [takes_many]  # before the crowd of the check-up, where it would be said of those who leave
        verdict = await judge(
            door if isinstance(app, FastAPI) else app,
            *steps,
            log=log,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
        )
    looks = [
        partial(expect_nothing_in, log),
        partial(closes_when_nobody_is_there, app, "/room/Eve"),
        partial(passes, app, partial(lets_bugs_show, path="/room/Eve", errors=NO_TIMEOUT), forgets_who_had_a_bug),
        partial(
            passes,
            app,
            partial(lets_bugs_show, path="/room/Eve", errors=(), says=["hello"], spares=[RuntimeError, KeyError]),
        ),
        partial(passes, app, partial(ends_when_cancelled, path="/room/Eve")),
    ]
    verdict = await look_further(verdict, *looks)
    clients = ["floods", "stalls", "leaves a talk", "crowd"]
    good = "a crowd does it no harm, nor do clients that talk too much, or leave while others talk"
    return await check_up(verdict, app, "/room/{n}", *clients, say="hello", room=True, good=good, ws="wsproto")


async def talks(server: Server) -> str:
    async with comes(server, "Ben", "Ben", no_answer=MISSING_AWAIT) as ben:
        for leave in [Client.leave, Client.drop]:
            async with comes(server, "Ann", "Ann, Ben", ben) as old:
                for client, text, said in [
                    (old, "hello", "Ann: hello"),
                    (ben, "", "Ben: "),
                    (ben, " Hi ", "Ben:  Hi "),
                    (ben, " Hi ", "Ben:  Hi "),  # said again, it is heard again
                    (ben, "@Cleo hello", "Ben: @Cleo hello"),
                ]:
                    await client.say(text)
                    await hear(said, ben, old, hint=TALK)
                async with comes(server, "Ann", "Ann, Ben", hint=TABS) as new:
                    await ben.say("both?")
                    await hear("Ben: both?", ben, old, new, hint=TABS)
                    await leave(old)
                    await no_error(server, STILL)
                    await ben.say("still here?")
                    await hear("Ben: still here?", ben, new, hint=STILL)
            await hear("here: Ben", ben, hint=f"Ann's last connection has ended. {WHO}")
        for text in [ODD, *COMMANDS]:
            await ben.say(text)
            await hear(f"Ben: {text}", ben, hint=AS_IT_CAME)
    async with comes(server, percent_encoded(ANY_NAME), ANY_NAME, hint=f"Nobody else is there. {AS_IT_CAME}"):
        pass
    await no_error(server)
    return "who is here, and what they say, is told to everybody, with two tabs, too"


async def lets_go(server: Server) -> str:
    async with comes(server, "Ann", "Ann") as ann:
        for name, sent, words in [
            ("Eve", b"\x00\xff", "bytes"),
            ("Eve", b"", "b'', which are bytes, too,"),
            ("Eve" * 50, b"\0", "bytes, and has a long name,"),
        ]:
            async with comes(server, name, f"Ann, {name}", ann) as eve:
                await eve.say(sent)
                await eve.is_closed()
                while await eve.unread() is not None:  # it may have heard of its own leave
                    pass
                await expect_code(eve, 1003, None, f"that sent {words}")
            await hear("here: Ann", ann, hint=f"Eve sent {words.rstrip(',')}, and is gone. {WHO}")
        for leave in [partial(Client.leave, code=1001), Client.drop, lambda eve: eve.say_and_leave("bye")]:
            async with comes(server, "Eve", "Ann, Eve", ann) as eve:
                await leave(eve)
            if eve.said == "bye":
                await hear("Eve: bye", ann, hint=TALK)
            await hear("here: Ann", ann, hint=f"Eve has left. {WHO}")
        await no_error(server)
    await no_error(server)
    return "people may leave in other ways, too"


async def waits_for_nobody(server: Server) -> str:
    async with (
        comes(server, "Ann", "Ann") as ann,
        stuck(server, "Sam", "Ann, Sam", ann),
        comes(server, "Ben", "Ann, Ben, Sam", ann, hint=WAIT) as ben,
    ):
        for seconds in [0, SLOW / 2]:
            await server.let_time_pass(seconds)
            async with time_stands_still(server):  # however busy the machine is
                for word in WORDS:
                    await ann.say(word)
                    await hear(f"Ann: {word}", ann, ben, hint=WAIT)
        await server.let_time_pass(SLOW)
        await is_put_out(server, ann, ben)
        await server.let_time_pass(2 * SLOW)
        if not await until(lambda: server.endpoints <= 2, SETTLE, server):
            raise NotYet(f"Sam was put out, and {3 * SLOW} seconds later his endpoint has not ended. {STUCK}")
        if server.endpoints < 2:
            raise NotYet(f"nobody said anything for {2 * SLOW} seconds, and somebody who reads was put out. {NO_NEWS}")
    return "nobody waits for one that does not read, and it is put out"


async def is_put_out(server: Server, ann: Client, ben: Client) -> None:
    """Both are told that Sam is no longer here, before anybody tries to close him."""
    try:
        await hear("here: Ann, Ben", ann, ben, hint=f"{OUT} {UNSEEN} {CLOCK}")
    except NotYet:
        await server.let_time_pass(SLOW)
        if await ann.caught_up() and await ann.unread() == "here: Ann, Ben":
            late = f"Sam did not read, and Ann heard only {SLOW} seconds after his `SLOW` that he is no longer here"
            raise NotYet(f"{late}. {FIRST_OUT}") from None
        raise


async def closes_who_does_not_read(server: Server) -> str:
    async with comes(server, "Ann", "Ann") as ann, stuck(server, "Sam", "Ann, Sam", ann) as sam:
        await sam.say(b"\0")
        for _ in range(3):
            await server.let_time_pass(SLOW)
        if not await until(lambda: server.endpoints <= 1, SETTLE, server):
            raise NotYet(
                f"Sam did not read, and sent bytes; {3 * SLOW} seconds later his endpoint has not ended. {STUCK}"
            )
    return "nor for one that sends bytes and does not read"


async def bears_silence(server: Server) -> str:
    async with comes(server, "Ann", "Ann") as ann, comes(server, "Ben", "Ann, Ben", ann) as ben:
        await expect_rest(server, "while nobody says anything")
        await server.let_time_pass(AN_HOUR)
        await ben.say("still here?")
        await hear("Ben: still here?", ann, ben, hint=SILENT)
    return "nobody needs to say anything"


async def lets_catch_up(server: Server) -> str:
    async with (
        comes(server, "Ann", "Ann") as ann,
        time_stands_still(server),
        stuck(server, "Sam", "Ann, Sam", ann) as sam,
    ):
        for word in MANY_WORDS:
            await ann.say(word)
            await hear(f"Ann: {word}", ann, hint=WAIT)
        sam.ws.transport.resume_reading()
        for text in [LONG, "hello?", *MANY_WORDS]:
            await hear(f"Ann: {text}", sam, hint="Sam reads again in time, and hears all of it, in order.")
    return "who reads again in time has missed nothing"


async def goes_on_talking(server: Server) -> str:
    async with (
        comes(server, "Ann", "Ann") as ann,
        time_stands_still(server),
        stuck(server, "Sam", "Ann, Sam", ann) as sam,
    ):
        for _ in range(TIMES):
            for word in MANY_WORDS:
                await ann.say(word)
            for word in MANY_WORDS:
                await hear(f"Ann: {word}", ann, hint=LIMIT, or_before="here: Ann")
        await hears_all_or_is_put_out(sam, [LONG, "hello?", *MANY_WORDS * TIMES])
    await lets_others_read(server)
    return "and whoever speaks goes on, however much it is"


async def hears_all_or_is_put_out(sam: Client, texts: Sequence[str]) -> None:
    """He reads again, in time."""
    sam.ws.transport.resume_reading()
    for number, text in enumerate(texts):
        missed = f"Sam reads again before `SLOW` is over. He got {number:,} of {len(texts):,} texts, and"
        got = await sam.message_or_end(f"{missed} then no more, and was still connected. {ALL_OR_NOTHING}")
        if got is None:
            return
        if got != f"Ann: {text}":
            raise NotYet(f"{missed} then {quote(got)}, and was still connected. {ALL_OR_NOTHING}")


async def lets_others_read(server: Server) -> None:
    """Somebody says much in one breath. Nobody has time for it, but whoever reads hears all of it."""
    texts = MANY_WORDS * TIMES
    async with (
        comes(server, "Ann", "Ann") as ann,
        comes(server, "Ben", "Ann, Ben", ann) as ben,
        time_stands_still(server),
    ):
        await in_one_breath(ben.ws, texts)
        for text in texts:
            await hear(f"Ben: {text}", ann, hint=TURNS)


async def lets_come_back(server: Server) -> str:
    async with comes(server, "Ben", "Ben") as ben:
        async with stuck(server, "Ann", "Ann, Ben", ben), comes(server, "Ann", "Ann, Ben") as new:
            await ben.say("welcome back")
            await hear("Ben: welcome back", ben, new, hint=TABS)
            await server.let_time_pass(2 * SLOW)
            await ben.say("still here?")
            await hear("Ben: still here?", ben, new, hint=STILL)
        await hear("here: Ben", ben, hint=f"Ann's last connection has ended. {WHO}")
    return "who comes back before the old connection has ended stays"


async def speak_at_the_same_time(server: Server, door: Door) -> str:
    async with comes(server, "Ann", "Ann") as ann, comes(server, "Ben", "Ann, Ben", ann) as ben:
        async with door.holds_up_what_is_said(server):
            for client in (ann, ben):
                await client.say("me first")
            await until(lambda: door.heard == 2, server=server)
        heard = [
            [await client.hear("what two have said", silent=TALK, closed=TALK) for _ in "12"] for client in (ann, ben)
        ]
        if heard[0] != heard[1]:
            raise NotYet(f"Ann and Ben spoke at the same time; she heard {heard[0]}, and he {heard[1]}. {SAME_ORDER}")
    return "and two who speak at the same time are heard by all in the same order"


async def forgets_who_gives_up(server: Server, door: Door) -> str:
    async with door.until_gone():
        coming = asyncio.ensure_future(connect(server.url("/room/Eve"), open_timeout=None, close_timeout=1))
        await door.is_reached()
        await give_up(coming)
        await news(server)  # its endpoint has learnt at accept() that nobody is there: no news
    async with comes(server, "Ann", "Ann", hint=f"Eve gave up before she was accepted: she has never been here. {WHO}"):
        pass
    return "who gives up before accept() has not been here"


async def forgets_who_had_a_bug(server: Server) -> str:
    async with comes(
        server, "Ann", "Ann", hint=f"Eve's endpoint has ended with a bug, and she is no longer here. {UNDONE}"
    ):
        pass
    return "a bug leaves nobody behind"


async def takes_many(server: Server) -> str:
    names = [f"Guest{number:02}" for number in range(1, CROWD + 1)]
    async with contextlib.AsyncExitStack() as stack:
        for number, name in enumerate(names, 1):
            try:
                await stack.enter_async_context(comes(server, name, ", ".join(names[:number])))
            except NotYet as problem:
                raise NotYet(f"of {CROWD} in the room, number {number} was not served: {problem}", NO_LIMIT) from None
    return f"{CROWD} may be there at once"


@contextlib.asynccontextmanager
async def comes(
    server: Server, name: str, here: str, *others: Client, hint: str = WHO, no_answer: str = ""
) -> AsyncIterator[Client]:
    """A client of that name. It and the `others` must be told who is here."""
    there = server.endpoints
    try:
        async with visit(server, f"/room/{name}") as client:
            await hear(f"here: {here}", client, *others, hint=hint, no_answer=no_answer)
            yield client
    except Refused as refusal:
        raise NotYet(str(refusal), THE_PATH if refusal.status == 403 else refusal.hint) from None
    finally:  # they leave one after the other: the same verdict each time
        await until(lambda: server.endpoints <= there, SETTLE, server)


@contextlib.asynccontextmanager
async def stuck(server: Server, name: str, here: str, other: Client) -> AsyncIterator[Client]:
    """A client of that name does not read, and the other one says something that fills all buffers on the way to it."""
    server.shrink_buffers()
    async with comes(server, name, here, other) as client:
        client.ws.transport.pause_reading()
        for text in [LONG, "hello?"]:
            await other.say(text)
            await hear(f"{name_of(other)}: {text}", other, hint=WAIT)
        yield client
        client.ws.transport.abort()
    did = await what_the_endpoint_did(server)
    if did and "returned without close()" not in did:  # there is no use in it
        raise NotYet(f"{name} did not read, and the {did}. {hint_for(did, HAS_LEFT)}".rstrip())


async def hear(text: str, *clients: Client, hint: str, or_before: str = "", no_answer: str = "") -> None:
    """Each client must hear this text next. Another one may come before, once. `no_answer` is one more hint."""
    for client in clients:
        client.said = None
        try:
            got = await client.hear(expected := f"{quote(text)}, as {name_of(client)}", silent=hint, closed=hint)
            if or_before and got == or_before:
                got = await client.hear(expected, silent=hint, closed=hint)
        except NotYet as problem:  # the hint is worth more than what the endpoint did meanwhile
            raise NotYet(f"{problem} {hint} {no_answer}".rstrip()) from None
        if got != text:
            await client.caught_up()  # what it has said is heard before others leave: the same verdict each time
            raise NotYet(f"{name_of(client)} expected {quote(text)}, but heard {quote(got)}. {hint}")


def name_of(client: Client) -> str:
    return unquote(client.ws.request.path).removeprefix("/room/")


async def no_error(server: Server, hint: str = OTHERS) -> None:
    await expect_no_error(server, "somebody left, and the", HAS_LEFT, hint)


async def expect_nothing_in(log: ErrorLog) -> None:
    log.expect_nothing(
        "what clients may do",
        "That somebody leaves, or is put out, is none. Expect WebSocketDisconnect before other errors.",
    )
