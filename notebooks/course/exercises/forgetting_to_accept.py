"""The check under the exercise of forgetting-to-accept."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from functools import partial

from fastapi import FastAPI

from course.client import NotYet, Refused, news, quote, some_more_turns, visit
from course.judging import CROWD, Verdict, judge, what_the_endpoint_did
from course.troubles import time_stands_still
from wslab.server import Server

__all__ = ["lounge"]

PATH = "/lounge?ticket=42"
WHOLE = "Compare the whole ticket, as text."
ALMOST = {  # 42, if it is read as a number; and what to do about it
    "?ticket=042": WHOLE,
    "?ticket=%2042": WHOLE,
    "?ticket=42%20": f"{WHOLE} (In an address, `%20` is a space.)",
    "?ticket=42%0A": f"{WHOLE} (In an address, `%0A` is a line break.)",
    "?ticket=%2B42": f"{WHOLE} (In an address, `%2B` is a plus.)",
    "?ticket=4_2": WHOLE,
    "?ticket=4": f'{WHOLE} (`in` finds a part of a text, too; and `("42")` is a text, `("42",)` a tuple.)',
    "?ticket=%2534%2532": f"{WHOLE} FastAPI has read the address, and no ticket is read a second time.",
    "?ticket=%2242%22": f"{WHOLE} (In an address, `%22` is a quotation mark.)",
    "?ticket=%EF%BC%94%EF%BC%92": f"{WHOLE} (In this address are digits that are not ASCII.)",
    "?ticket=%C3%A942": f"{WHOLE} (In an address, `%C3%A9` is é: no letter may be left out.)",
    "?noticket=42": "What it has is no ticket. Let FastAPI read the address: `ticket: str`.",
}
NOT_ASCII = "?ticket=%C3%A9"
WRONG = ("?ticket=43", "?ticket=420", "?ticket=x", "?ticket=ab", "?ticket=", "", NOT_ASCII, *ALMOST)
ANY_TEXT = (
    " (In an address, `%C3%A9` is é. A ticket may be any text, and `secrets.compare_digest()`, given a `str`, takes "
    "ASCII alone: give it bytes, made by `encode()`.)"
)
EXACTLY = (
    "Only exactly the text 42 may come in, and whoever has none may not. (To refuse after accept() is too late: then "
    "the client is in.)"
)
GREETING = "Welcome to the lounge!"
COUNTED = (
    "The first client with this ticket was let in, before others came with a wrong one. It may be used again, and by "
    "others, whoever was refused before."
)
COMPARES = (
    'Is there an endpoint for /lounge, and does it compare the ticket with the text "42"? (FastAPI knows its '
    "parameters by their types: `websocket: WebSocket`, `ticket: str`.)"
)
LOADS = "log: loads the greeting"
ELSEWHERE = "https://elsewhere.example"
OTHERWISE = "/lounge?lang=en&ticket=%34%32"
SLOW = "Whatever is slow comes after accept()."
ALL = "However many have the ticket, each is accepted at once. Is there a limit, or does one wait for another?"


async def lounge(app) -> Verdict:
    """`/lounge` refuses whoever has not ticket 42 with 403, accepts at once, and then loads a greeting."""
    too_early: list[str] = []
    accepts = partial(accepts_at_once, too_early=too_early)
    let_in: list[bool] = []
    lets_in = partial(welcomes, let_in=let_in)
    steps = [
        partial(refuses_after_the_first, let_in=let_in),
        *(partial(refuses, query=query) for query in WRONG[1:]),
        *(lets_in, lets_in, welcomes_otherwise, accepts, welcomes_a_crowd),
    ]
    with noting_sleeps() as slept:
        return await judge(noting_what_comes_first(app, too_early, slept), *steps)


async def refuses_after_the_first(server: Server, let_in: list[bool]) -> str:
    """Before others come, one comes with the ticket: `welcomes` needs to know whether that was let in."""
    try:
        async with visit(server, PATH) as client:
            await client.expect(GREETING)
            let_in.append(True)
    except NotYet:  # welcomes() will say why
        pass
    await news(server)
    return await refuses(server, WRONG[0])


async def refuses(server: Server, query: str) -> str:
    client = f"a client at /lounge{query}"
    try:
        async with visit(server, f"/lounge{query}"):
            raise NotYet(f"{client} was accepted. {ALMOST.get(query, EXACTLY)}")
    except Refused as refusal:
        if refusal.status != 403:
            raise NotYet(
                f"{client} should be refused with HTTP 403, as `await websocket.close()` before accept() does, "
                f"but got HTTP {refusal.status}.{ANY_TEXT if query == NOT_ASCII else ''}"
            ) from None
    texts = [event.text for event in await news(server)]
    if raised := [text for text in texts if text.startswith("endpoint raised")]:
        raise NotYet(f"{client} got its refusal, but then the {raised[0].rstrip('.')}. Is a `return` missing?")
    if LOADS in texts:
        raise NotYet(
            f"load_greeting() was called for {client}, which is refused. It comes after accept(), and whatever a "
            "dependency does comes before."
        )
    return f"{client} is refused with HTTP 403"


async def welcomes(server: Server, let_in: list[bool]) -> str:
    try:
        async with visit(server, PATH) as client:
            await client.expect(GREETING)
            await client.expect_close()
    except Refused as refusal:
        error = await what_the_endpoint_did(server)
        unaccepted = 'Need to call "accept" first' in error or 'Expected ASGI message "websocket.accept"' in error
        did = f" On the server, the {error}." if error else ""
        hint = "" if error else COMPARES
        hint = COUNTED if let_in and not error else hint
        hint = "Is accept() there, and is it awaited?" if unaccepted else hint
        raise NotYet(f"a client at {PATH} should be accepted, but got HTTP {refusal.status}.{did} {hint}") from None
    loads_once([event.text for event in await news(server)])
    return f"a client at {PATH} gets the greeting, then the connection is closed with 1000"


async def welcomes_otherwise(server: Server) -> str:
    try:
        async with visit(server, OTHERWISE) as client:
            await client.expect(GREETING)
    except Refused as refusal:
        raise NotYet(
            f"a client at {OTHERWISE} should be accepted, but got HTTP {refusal.status}. It has ticket 42, too: an "
            "address may say more, and write 4 as %34. Let FastAPI read it: `ticket: str`."
        ) from None
    try:
        async with visit(server, PATH, origin=ELSEWHERE) as client:
            await client.expect(GREETING)
    except Refused as refusal:
        raise NotYet(
            f"a client at {PATH} with the Origin {ELSEWHERE} should be accepted, but got HTTP {refusal.status}. "
            "It has ticket 42, and nothing else counts."
        ) from None
    return f"so does a client at {OTHERWISE}, and one that comes from another page"


async def accepts_at_once(server: Server, too_early: list[str]) -> str:
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with time_stands_still(server):
                client = await stack.enter_async_context(visit(server, PATH))
                await some_more_turns(server, lambda: False)
                await client.caught_up()
                early = await client.unread()
        except NotYet:
            await what_the_endpoint_did(server)  # it learns that its client has given up: no news
            raise NotYet(f"a client at {PATH} had to wait until it was accepted. {SLOW}") from None
        if early is not None:
            raise NotYet(
                f"a client at {PATH} got {quote(early)} although the clock of the server's event loop stood still. Has "
                "load_greeting() its sleep? Leave it as it is, and send what it returns."
            )
        await client.expect(GREETING)
        await client.expect_close()
    if too_early:
        raise NotYet(f"a client at {PATH} was accepted, and before that, {too_early[0]}. {SLOW}")
    return "the greeting is loaded when the client is in: before accept() there is no sleep, and no task"


async def welcomes_a_crowd(server: Server) -> str:
    """All must be let in before the first of them leaves. From then on, one may wait for another."""
    clients = []
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with time_stands_still(server):
                while len(clients) < CROWD:
                    clients.append(await stack.enter_async_context(visit(server, PATH)))
        except NotYet as problem:
            if not isinstance(problem, Refused):
                await what_the_endpoint_did(server)  # it learns that its client has given up: no news
            number = len(clients) + 1
            raise NotYet(f"of {CROWD} clients at once, number {number} was not let in: {problem} {ALL}") from None
        for client in clients:
            await client.expect(GREETING, closed=ALL)
            await client.expect_close()
    return f"{CROWD} clients at once are all welcomed"


def noting_what_comes_first(app, too_early: list[str], slept: list[float]):
    """The app. If an endpoint has started a task or `slept` before it accepts, `too_early` says so."""

    async def noted_app(scope, receive, send):
        before = asyncio.all_tasks()
        slept.clear()

        async def noted_send(message):
            if message["type"] == "websocket.accept" and asyncio.all_tasks() - before:
                too_early.append("a task had been started for it")
            if message["type"] == "websocket.accept" and slept:
                too_early.append("`time.sleep()` had blocked the event loop, and with it every client")
            await send(message)

        await app(scope, receive, noted_send)

    return noted_app if isinstance(app, FastAPI) else app


@contextlib.contextmanager
def noting_sleeps() -> Iterator[list[float]]:
    """The seconds of each `time.sleep()` that is called where an event loop runs."""
    slept, sleep = [], time.sleep

    def noted_sleep(seconds):
        with contextlib.suppress(RuntimeError):  # there is none in this thread
            asyncio.get_running_loop()
            slept.append(seconds)
        sleep(seconds)

    time.sleep = noted_sleep
    try:
        yield slept
    finally:
        time.sleep = sleep


def loads_once(welcome: list[str]) -> None:
    """For a client that is welcomed, the greeting must have been loaded once, after accept()."""
    if LOADS not in welcome:
        raise NotYet(
            f"for a client at {PATH}, load_greeting() was not called, or does not log its line any more. Send what it "
            "returns. It has to be called for each client, after accept()."
        )
    if welcome.count(LOADS) > 1:
        raise NotYet("load_greeting() was called more than once for one client. It is slow: once is enough.")
    if not any(text.startswith("accept") for text in welcome[: welcome.index(LOADS)]):
        raise NotYet(
            "load_greeting() was called before accept(): its client waits outside until the greeting is there. "
            "What a dependency does comes before accept(), too."
        )
