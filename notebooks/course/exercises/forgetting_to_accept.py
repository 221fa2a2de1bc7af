"""The check under the exercise of forgetting-to-accept."""

import time
from collections.abc import Iterable
from functools import partial

from course.client import NotYet, Refused, visit
from course.judging import Verdict, check_up, judge, what_the_endpoint_did
from wslab.conversation import Event
from wslab.server import Server

__all__ = ["lounge"]

PATH = "/lounge?ticket=42"
WHOLE = "Compare the whole ticket, as text."
ALMOST = {  # 42, if it is read as a number; and what to do about it
    "?ticket=042": WHOLE,
    "?ticket=%2042": WHOLE,
    "?ticket=42%20": f"{WHOLE} (In an address, `%20` is a space.)",
    "?ticket=42%0A": f"{WHOLE} (In an address, `%0A` is a line break.)",
}
WRONG = ("?ticket=43", "?ticket=420", "?ticket=x", "?ticket=ab", "?ticket=", "", *ALMOST)
EXACTLY = (
    "Only exactly the text 42 may come in, and whoever has none may not. (To refuse after accept() is too late: then "
    "the client is in.)"
)
GREETING = "Welcome to the lounge!"
LOADS = "log: loads the greeting"
SOON = 0.5  # seconds: a handshake takes a few milliseconds, more on a busy machine
TRIES = 3  # so that one handshake may be late


async def lounge(app) -> Verdict:
    """`/lounge` refuses whoever has not ticket 42 with 403, accepts at once, and then loads a greeting."""
    steps = [*(partial(refuses, query=query) for query in WRONG), welcomes, loads_after_accept, accepts_at_once]
    verdict = await judge(app, *steps)
    return await check_up(verdict, app, PATH, "crowd", good="fifty clients at once are all welcomed")


async def refuses(server: Server, query: str) -> str:
    client = f"a client at /lounge{query}"
    try:
        async with visit(server, f"/lounge{query}"):
            raise NotYet(f"{client} was accepted. {ALMOST.get(query, EXACTLY)}")
    except Refused as refusal:
        if refusal.status != 403:
            raise NotYet(
                f"{client} should be refused with HTTP 403, as `await websocket.close()` before accept() does, "
                f"but got HTTP {refusal.status}."
            ) from None
    return f"{client} is refused with HTTP 403"


async def welcomes(server: Server) -> str:
    try:
        for _ in range(2):
            async with visit(server, PATH) as client:
                await client.expect(GREETING)
                await client.expect_close()
    except Refused as refusal:
        error = await what_the_endpoint_did(server)
        unaccepted = 'Need to call "accept" first' in error or 'Expected ASGI message "websocket.accept"' in error
        raise NotYet(
            f"a client at {PATH} should be accepted, but got HTTP {refusal.status}."
            + (" Is accept() there, and is it awaited?" if unaccepted else ""),
            'Is there an endpoint for /lounge, and does it compare the ticket with the text "42"?',
        ) from None
    return f"a client at {PATH} gets the greeting, then the connection is closed with 1000"


async def loads_after_accept(server: Server) -> str:
    conversation = await server.conversation()
    connections = by_client(conversation.events)
    for texts in [texts for path, texts in connections if path == PATH]:
        loads_once(texts)
    for path, texts in connections:
        if path == PATH:
            continue
        if any(text.startswith("endpoint raised") for text in texts):
            raise NotYet(f"a client at {path} got its refusal, but the endpoint went on. Is a `return` missing?")
        if LOADS in texts:
            raise NotYet(f"load_greeting() was called for a client at {path}, which is refused.")
    return "the greeting is loaded when the client is in, and for nobody else"


async def accepts_at_once(server: Server) -> str:
    for _ in range(TRIES):
        start = time.monotonic()
        async with visit(server, PATH) as client:
            took = time.monotonic() - start
            await client.expect(GREETING)
            await client.expect_close()
        if took < SOON:
            return "the client does not wait for accept()"
    raise NotYet(f"a client at {PATH} had to wait until it was accepted. Whatever is slow comes after accept().")


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


def by_client(events: Iterable[Event]) -> list[tuple[str, list[str]]]:
    """For each connection its path, and the texts of its events in their order."""
    connections: dict[int, list[str]] = {}
    for event in events:
        connections.setdefault(event.client, []).append(event.text)
    return [(texts[0].removeprefix("connect "), texts) for texts in connections.values()]
