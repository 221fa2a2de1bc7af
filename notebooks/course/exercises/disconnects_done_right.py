"""The check under the exercise of disconnects-done-right."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from functools import partial

from course.client import (
    COMMANDS,
    MISSING_AWAIT,
    ODD,
    VERY_LONG,
    WAIT,
    Client,
    NotYet,
    describe_end,
    quote,
    until,
    visit,
)
from course.closing import (
    CLOSED,
    CLOSED_TWICE,
    GIVEN_UP,
    closes_when_nobody_is_there,
    expect_code,
    lets_a_send_fail,
    logs_bugs,
)
from course.error_log import ErrorLog, errors_in_the_log, nothing_in_the_log
from course.judging import (
    ANY_CODE,
    DISCONNECT,
    DISCONNECTED,
    GOES_ON,
    ITS_CLOSE,
    NOTHING_TO_CLOSE,
    Verdict,
    check_up,
    hint_for,
    judge,
    look_further,
    passes,
    takes_many,
    what_the_endpoint_did,
)
from course.troubles import ends_when_cancelled, lets_bugs_show
from wslab.loop import go_round
from wslab.server import Server, serve

__all__ = ["table"]

PATH = "/table"
IDLE, SLOW = 5, 3  # seconds that the exercise gives to a guest, as there
ALMOST_IDLE, ALMOST_SLOW = 4, 2.5
OVERDUE = 6.5  # of `IDLE`; whoever looks now and then only may be a little late
AN_HOUR = 3600  # seconds
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}  # as in the exercise
SERVED = "The answer is what serve_dish(text) returns, for the text as it came, also for an empty one."
BYTES = (
    "receive_text() raises KeyError when bytes come. receive() takes both; of bytes, also of empty ones, the `text` is "
    "missing, or None."
)
NAME = "The first text of a guest is its name, and is not answered."
ANY_NAME = "Any text is a name, as it came, also an empty one."
SHARED = "Another one came after it, and has left properly. Is the name in a variable that all share?"
THIS_SET = "(The check looks at the set that `seated` was at first: `seated.add(name)`.)"
IN_A_FINALLY = (
    "What must be done whatever ends the endpoint stands in a `finally`, before anything that is awaited there. And "
    "what is taken out there is the name, and no later text."
)
GONE_ON = (
    "Its close() was given up, and something of the endpoint goes on, perhaps a receive(). Whoever gives up ends all."
)
A_SEND, A_CLOSE = "websocket.send", "websocket.close"
GUEST, IS_GIVEN_UP = ["Jo", "soup"], "had been given up"
NOT_CLOSED_TWICE = (
    "Where uvicorn itself has closed, a close() raises RuntimeError: it is over already, and that is no bug."
)
A_BUGS_CLOSE = "The guest may be gone when a bug strikes: let this close(), too, stand where that is expected."
BY_HAND = (
    f"{MISSING_AWAIT} (Here the check sets the clock of the server's event loop by hand: whoever sleeps before an "
    "answer does not wake up.)"
)
NOT_ALONE = "Nobody waits for another's dish: is there a lock?"
CLOCK = "(The check sets the event loop's clock forward: asyncio.timeout() goes by it, time.monotonic() does not.)"
CAUSES = {  # what an endpoint may have done, and what to do about it
    ITS_CLOSE: NOTHING_TO_CLOSE,
    DISCONNECTED: GOES_ON,
    DISCONNECT: "Expect WebSocketDisconnect wherever the endpoint receives or sends, before the name, too.",
    "returned without close()": "Does each end have its close(), unless the guest has left?",
    "KeyError": BYTES,
}
ONLY_A_BUG = (
    "Only a bug in serve_dish() is one. Expect WebSocketDisconnect from the send, too, and before other errors."
)
IT_ENDS = "Only a bug in serve_dish() is one. And what is given up ends: no task of it goes on."
NOT_SERVED = "Only a bug in serve_dish() is one, and this is an error of what stands around it."


async def table(app, seated: Collection[str]) -> Verdict:
    """`/table` serves whoever is seated, and puts guests out. `seated`: the names of those that are there."""
    with errors_in_the_log() as log:
        steps = [serves, refuses_bytes, puts_out_the_idle, has_a_patient_kitchen, lets_go]
        steps = [partial(step, seated=seated) for step in steps]
        verdict = await judge(app, *steps, log=log, ws_ping_interval=None)
    looks = [
        partial(expect_nothing_in, log),
        partial(passes, app, partial(takes_many, path=PATH, ask=is_served)),
        partial(gives_up_who_does_not_read, app, seated),
        partial(closes_when_nobody_is_there, app, PATH),
        partial(gives_up_who_is_put_out, app, seated),
        partial(logs_bugs, app, PATH, BUGS, "serve_dish", "Bea"),
        partial(closes_when_nobody_is_there, app, PATH, "bug 1", A_BUGS_CLOSE, first=["Bea"]),
        partial(gives_up_at_its_close, app, seated, "bug 1", "sent 'bug 1'. Then"),
        partial(seats_nobody_after, seated, "Bea", "had met a bug in serve_dish()"),
        partial(stops_with_the_server, app, seated),
        partial(lets_a_send_fail, app, PATH, GUEST, RuntimeError(CLOSED), IS_GIVEN_UP, GIVEN_UP, CAUSES),
        partial(lets_a_close_fail, app),
        partial(
            passes,
            app,
            partial(lets_bugs_show, path=PATH, bears_a_long_text=True),
            partial(ends_when_cancelled, path=PATH),
        ),
    ]
    verdict = await look_further(verdict, *looks)
    clients = ["silent", "goes away", "drops before the answer", "wrong kind", "floods"]
    good = "guests that go away, lose their connection, or order too much do it no harm"
    return await check_up(verdict, app, PATH, *clients, say=["guest {n}", "soup"], good=good, ws="wsproto")


async def serves(server: Server, seated: Collection[str]) -> str:
    async with guest(server, "Ann", seated) as ann, guest(server, " Ben ", seated) as ben:
        for client, text in [(ann, "soup"), (ben, "tea"), (ann, ""), (ann, " Soup ")]:
            await client.ask(text, f"your {text}", wrong=SERVED, silent=f"{MISSING_AWAIT} {NAME}", closed=SERVED)
        for text in [ODD, VERY_LONG, *COMMANDS]:
            await client.ask(text, f"your {text}", wrong=SERVED, silent=SERVED, closed=SERVED)
        await ben.leave()
        await has_left(server, " Ben ", "left with 1000", seated)
        if "Ann" not in seated:
            raise NotYet("another guest has left, and not only its own name was taken out of `seated`.")
        await ann.ask("tea", "your tea")
    await has_left(server, "Ann", "left with 1000", seated, SHARED)
    for name in ["", ODD, VERY_LONG, COMMANDS[0]]:
        async with guest(server, name, seated) as client:
            await client.ask("soup", "your soup", silent=ANY_NAME, closed=ANY_NAME)
        await has_left(server, name, "left with 1000", seated)
    return "guests are seated, served, and may leave"


async def is_served(client: Client, number: int) -> None:
    await client.say(f"guest {number}")
    await client.ask("tea", "your tea")


async def refuses_bytes(server: Server, seated: Collection[str]) -> str:
    for sent, words in [(b"\x00\xff", "bytes"), (b"", "b'', which are bytes, too,")]:
        async with visit(server, PATH) as client:
            await client.say(sent)
            await expect_1003(client, f"that sent {words} instead of its name")
        await has_left(server, "", f"sent {words} instead of its name", seated)
        async with guest(server, "Cleo", seated) as client:
            await client.say(sent)
            await expect_1003(client, f"that sent {words} instead of a dish")
        await has_left(server, "Cleo", f"sent {words} instead of a dish", seated)
    return "bytes are refused with 1003"


async def expect_1003(client: Client, whose: str) -> None:
    """If it ends with 1011, the log says why: then what is to be said of bytes is only a hint."""
    try:
        await expect_code(client, 1003, None, whose)
    except NotYet as problem:
        raise NotYet(str(problem), BYTES if client.ws.close_code == 1011 else "") from None


async def puts_out_the_idle(server: Server, seated: Collection[str]) -> str:
    async with clock_by_hand(server) as forward:
        async with visit(server, PATH) as client:
            await is_put_out(forward, client, "that had not said its name")
        async with guest(server, "Dan", seated) as client:
            for _ in range(3):  # each text begins a new wait
                await is_still_there(forward, client)
                await client.ask("tea", "your tea", silent=BY_HAND)
            await is_put_out(forward, client, "that ordered nothing more")
    await has_left(server, "Dan", "was put out", seated)
    return "a guest that says nothing is closed with 4000 and 'idle'"


@contextlib.asynccontextmanager
async def clock_by_hand(server: Server) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
    """Meanwhile, the clock of the server's event loop goes on when that is awaited which this gives, and never else.

    So who is to be put out after 5 seconds is still there after 4, on a busy machine, too.
    """

    gone = 0.0

    def take_over():
        loop = asyncio.get_running_loop()
        clock, start = loop.time, loop.time()
        loop.time = lambda: start + gone
        return lambda: setattr(loop, "time", clock)

    async def go_forward(seconds):
        nonlocal gone
        await go_round()
        for _ in range(100):  # whoever sets timers one after the other gets to it
            gone += seconds / 100
            await go_round()

    give_back = await server.on_loop(take_over)
    try:
        yield lambda seconds: server.thread.run(go_forward(seconds), WAIT)
    finally:
        await server.on_loop(give_back)
        await server.let_time_pass(gone)  # no clock goes back: somebody may have set a timer


async def is_still_there(forward: Callable[[float], Awaitable[None]], client: Client, hint: str = "") -> None:
    """For longer than a send may take, and almost as long as it may say nothing."""
    await forward(ALMOST_IDLE)
    await client.caught_up()  # a close frame that was sent before has come, too
    if client.ws.close_code is not None:
        raise NotYet(
            f"the connection of a guest that had said nothing for {ALMOST_IDLE} seconds ended with "
            f"{describe_end(client.ws)}. It has `IDLE` seconds for each text, which are {IDLE}.{hint}"
        )


async def is_put_out(forward: Callable[[float], Awaitable[None]], client: Client, whose: str) -> None:
    """When its time is almost over it is there still, and not much later it is put out."""
    await is_still_there(forward, client)
    await forward(OVERDUE - ALMOST_IDLE)
    await client.caught_up()
    if client.ws.close_code is None:
        raise NotYet(
            f"a client {whose} was still connected after {OVERDUE} seconds. "
            f"Close it after `IDLE` seconds, with 4000 and the reason 'idle'. {CLOCK}"
        )
    await expect_code(client, 4000, "idle", whose)


async def has_a_patient_kitchen(server: Server, seated: Collection[str]) -> str:
    async with clock_by_hand(server) as forward, guest(server, "Eve", seated) as client:
        await client.say("slow")
        await client.caught_up()
        async with guest(server, "Fay", seated) as other:
            try:
                await other.ask("tea", "your tea")
            except NotYet as problem:  # the hint is worth more than what the endpoint did
                raise NotYet(f"a dish was being made for a guest, which takes an hour; {problem} {NOT_ALONE}") from None
        await forward(AN_HOUR)
        hint = "The limits are for receive() and for a send, not for serve_dish(): its dish has come after an hour."
        await client.expect("your slow", silent=hint, closed=hint)
        await is_still_there(forward, client, " The time that its dish has taken does not count.")
    await has_left(server, "Eve", "left with 1000", seated)
    seats_nobody("Fay", "left with 1000", seated)
    return "a dish may take as long as it likes"


async def lets_go(server: Server, seated: Collection[str]) -> str:
    for leave, how in [
        *((partial(Client.leave, code=code), f"left with {code}") for code in ANY_CODE),
        (Client.drop, "lost its TCP connection"),
        ((lambda client: client.say_and_leave("soup")), "left before its dish"),
    ]:
        async with visit(server, PATH) as client:  # with the third one, "soup" is its name
            await leave(client)
        await has_left(server, "soup", f"{how} as the first thing it did", seated)
        async with guest(server, "Gil", seated) as client:
            await leave(client)
        await has_left(server, "Gil", how, seated)
    return "guests may leave in other ways, too"


async def gives_up_who_does_not_read(app, seated: Collection[str]) -> None:
    """The banquet fills all buffers: then little waits as much does."""
    for dish in ["banquet", "tea"]:
        with nothing_in_the_log("a guest that does not read, and is given up,", IT_ENDS):
            await gives_up_at(app, dish, seated)


async def gives_up_at(app, dish: str, seated: Collection[str]) -> None:
    """A guest takes neither a banquet nor this dish."""
    watched, begun, _ = noting_sends(app)
    stuck = f"a guest ordered a banquet {'twice' if dish == 'banquet' else f'and then {dish}'}, read nothing, and"
    with dining(watched) as server:
        async with clock_by_hand(server) as forward, guest(server, "Hal", seated) as client:
            client.ws.transport.pause_reading()
            try:
                for text in ["banquet", dish]:  # uvicorn takes a message that is too much, and lets the next one wait
                    await client.say(text)
                if not await until(lambda: begun.count(A_SEND) == 2, server=server):
                    raise NotYet(f"{stuck} {begun.count(A_SEND)} of 2 were sent.")
                await forward(ALMOST_SLOW)
                if "Hal" not in seated:
                    raise NotYet(f"{stuck} was given up after {ALMOST_SLOW} seconds. A send may take `SLOW`: {SLOW}.")
                await forward(SLOW / 2)
                if not await until(lambda: "Hal" not in seated, server=server):
                    raise NotYet(
                        f"{stuck} after {ALMOST_SLOW + SLOW / 2:g} seconds its name was still in `seated`. A send may "
                        f"take `SLOW` seconds; then give it up, and do not wait for a close() either. {CLOCK}"
                    )
            finally:
                client.ws.transport.abort()
        did = await what_the_endpoint_did(server)
        if did and "returned without close()" not in did:  # there is no use in it
            raise NotYet(f"a guest read nothing, and the {did}. {hint_for(did, CAUSES)}".rstrip())


async def gives_up_who_is_put_out(app, seated: Collection[str]) -> None:
    """Nobody reads the close frame, either: the dish before it fills all buffers."""
    with nothing_in_the_log("a guest that is put out, and does not read,", IT_ENDS):
        await gives_up_at_its_close(app, seated, None, "said nothing more. `IDLE` seconds later")
        await gives_up_at_its_close(app, seated, b"\0", "sent bytes. Then")


async def gives_up_at_its_close(app, seated: Collection[str], last: str | bytes | None, words: str) -> None:
    """A guest is to be closed after what it says `last`, and has not read the dish before that."""
    watched, begun, given_up = noting_sends(app)
    with dining(watched) as server:
        async with clock_by_hand(server) as forward, guest(server, "Kim", seated) as client:
            client.ws.transport.pause_reading()
            try:
                await client.say("banquet")
                await until(lambda: A_SEND in begun, server=server)
                if last is None:
                    await forward(IDLE + 1)
                else:
                    await client.say(last)
                await until(lambda: A_CLOSE in begun, server=server)
                await forward(SLOW + 1)
                if not await until(lambda: not server.endpoints, server=server):
                    still = "its name was still in `seated`" if "Kim" in seated else "its endpoint was still running"
                    hint = GONE_ON if given_up else "A close() waits as a send does: give it a limit, too."
                    raise NotYet(
                        f"a guest ordered a banquet, did not read it, and {words} it is to be closed, and does not "
                        f"read that either: after `SLOW` more, {still}. {hint}"
                    )
            finally:
                client.ws.transport.abort()


def dining(app) -> contextlib.AbstractContextManager[Server]:
    """A server for guests that read nothing. Compressed, a banquet would fill no buffer."""
    return serve(app, name="exercise", ws_ping_interval=None, ws_per_message_deflate=False)


def noting_sends(app):
    """The app, a list of the types of all messages that an endpoint begins to send, and one of those given up."""
    begun, given_up = [], []

    async def watched(scope, receive, send):
        async def watched_send(message):
            begun.append(message["type"])
            try:
                await send(message)
            except asyncio.CancelledError:
                given_up.append(message["type"])
                raise

        await app(scope, receive, watched_send)

    return watched, begun, given_up


async def lets_a_close_fail(app) -> None:
    error, hint = RuntimeError(CLOSED_TWICE), NOT_CLOSED_TWICE
    await lets_a_send_fail(app, PATH, ["Jo", b"\0"], error, IS_GIVEN_UP, hint, {}, at="websocket.close")


async def stops_with_the_server(app, seated: Collection[str]) -> None:
    with serve(app, name="exercise", ws_ping_interval=None) as server:
        async with guest(server, "Ida", seated) as client:
            await client.say("slow")
            await client.caught_up()
            await asyncio.to_thread(server.end)
    seats_nobody("Ida", "was there when the server stopped", seated)


def seats_nobody(name: str, how: str, seated: Collection[str], hint: str = IN_A_FINALLY) -> None:
    if name in seated:
        raise NotYet(f"a guest {how}, and its name is still in `seated`. {hint}")


async def seats_nobody_after(seated: Collection[str], name: str, how: str) -> None:
    seats_nobody(name, how, seated)


async def expect_nothing_in(log: ErrorLog) -> None:
    error = log.own_error()
    if error and not error.startswith("WebSocketDisconnected"):
        raise NotYet(f"what a guest may do is logged as an error: {error}. {NOT_SERVED}")
    log.expect_nothing("what a guest may do", ONLY_A_BUG)


@contextlib.asynccontextmanager
async def guest(server: Server, name: str, seated: Collection[str]) -> AsyncIterator[Client]:
    """A client that has said its name, and is seated."""
    async with visit(server, PATH) as client:
        await client.say(name)
        await until(lambda: name in seated or client.ws.close_code is not None, server=server)
        if name not in seated:
            said = f"a guest said its name, {quote(name)}, and"
            if client.ws.close_code is not None:
                end = describe_end(client.ws)
                raise NotYet(f"{said} its connection ended with {end}, before it was in `seated`, as it came.")
            raise NotYet(f"{said} {WAIT:g} seconds later it was not in `seated`, as it came. {THIS_SET}")
        yield client


async def has_left(server: Server, name: str, how: str, seated: Collection[str], hint: str = IN_A_FINALLY) -> None:
    """Its endpoint must have ended without an error, and its name be taken out."""
    if did := await what_the_endpoint_did(server):
        raise NotYet(f"a guest {how}, and the {did}. {hint_for(did, CAUSES)}".rstrip())
    seats_nobody(name, how, seated, hint)
