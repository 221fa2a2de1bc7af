"""Run a way of refusing or ending a connection before three witnesses: the endpoint, a real client, and `TestClient`.

Each ending runs on a real server for each of uvicorn's WebSocket implementations, and once under Starlette's
`TestClient`. What hangs is given up after `TURNS` turns of the event loops that are concerned; turns, and not
seconds, since on a busy machine everything is slow, and nothing hangs.
"""

import asyncio
import contextlib
import functools
import threading
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape

import anyio
from fastapi import FastAPI, HTTPException, WebSocketDisconnect, WebSocketException
from websockets import ClientConnection, ConnectionClosed, InvalidHandshake, InvalidStatus, connect

from course.endings import MAX_SIZE, Ending
from wslab.server import ServeError, Server

with warnings.catch_warnings():  # with httpx, and without httpx2, it warns; what it says here is the same
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient, WebSocketDenialResponse

IMPLEMENTATIONS = ("websockets-sansio", "wsproto")
TURNS = 50  # of the event loops, without news: then nothing more will come
TURN = 0.02  # seconds that a turn takes at least
LONG = 100  # characters of a reason, and it is not shown any more
NO_ANSWER = "no answer to its handshake"
OPEN = "a connection that stays open"
LIMIT = 25.0  # seconds for one ending under TestClient: only code that blocks needs more


class Hangs(Exception):
    """Nothing more will come."""


@dataclass(frozen=True)
class Row:
    """What the witnesses of one ending say: the real ones for each implementation."""

    name: str
    endpoint: Mapping[str, str]
    client: Mapping[str, str]
    test_client: str
    test_client_agrees: bool  # with what client and endpoint both see, on one of the implementations at least

    @property
    def in_the_test(self) -> str:
        """What `TestClient` says, with a sign if reality is another."""
        return self.test_client if self.test_client_agrees else f"≠ {self.test_client}"

    def __str__(self) -> str:
        said = {"endpoint": in_text(self.endpoint), "client": in_text(self.client), "TestClient": self.in_the_test}
        return "\n".join([self.name, *(f"    {witness:<12}{words}" for witness, words in said.items())])


class Table:
    """The rows: a table in a notebook, text elsewhere.

    What differs between the implementations is bold, in text behind a *. A ≠ stands where on none of them the real
    client and the real endpoint both saw what `TestClient` tells.
    """

    def __init__(self, rows: Iterable[Row]):
        self.rows = tuple(rows)

    def of(self, endings: Iterable[Ending]) -> "Table":
        """The part of the table that is about these endings."""
        names = {ending.name for ending in endings}
        return Table(row for row in self.rows if row.name in names)

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        def line(tag: str, *cells: str) -> str:
            style = 'style="text-align: left; vertical-align: top"'
            return "<tr>" + "".join(f"<{tag} {style}>{cell}</{tag}>" for cell in cells) + "</tr>"

        head = line("th", "", "the endpoint", "a real client", "<code>TestClient</code>")
        rows = [
            line("td", escape(row.name), in_html(row.endpoint), in_html(row.client), escape(row.in_the_test))
            for row in self.rows
        ]
        return {"text/html": f"<table>{head}{''.join(rows)}</table>", "text/plain": str(self)}


def in_text(said: Mapping[str, str]) -> str:
    """What was said, once if all agree; else what each said, with a star."""
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "* " + " | ".join(f"{implementation}: {words}" for implementation, words in said.items())


def in_html(said: Mapping[str, str]) -> str:
    """The same in HTML, in bold where they differ."""
    if len(set(said.values())) == 1:
        return escape(next(iter(said.values())))
    return "<br>".join(f"<b>{implementation}: {escape(words)}</b>" for implementation, words in said.items())


async def who_sees_what(*endings: Ending) -> Table:
    """Run the endings, each before its three witnesses, all at the same time. Takes some seconds at most."""
    names = [ending.name for ending in endings]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two endings have the same name: {', '.join(sorted(twice))}")
    *real, tested = await asyncio.gather(
        *(on_servers(endings, implementation) for implementation in IMPLEMENTATIONS),
        asyncio.gather(*(under_test_client(ending) for ending in endings)),
    )
    rows = []
    for number, name in enumerate(names):
        endpoint = {ws: seen[number][0] for ws, seen in zip(IMPLEMENTATIONS, real, strict=True)}
        client = {ws: seen[number][1] for ws, seen in zip(IMPLEMENTATIONS, real, strict=True)}
        words, agrees = compare(tested[number], endpoint, client)
        rows.append(Row(name, endpoint, client, words, agrees))
    return Table(rows)


def compare(test: "Tested", endpoint: Mapping[str, str], client: Mapping[str, str]) -> tuple[str, bool]:
    """What a test says; and whether, on one and the same implementation, endpoint and client say so, too."""

    def client_agrees(ws: str) -> bool:
        return test.as_client is None or test.as_client == client[ws]

    def endpoint_agrees(ws: str) -> bool:
        return not test.endpoint or test.endpoint == endpoint[ws]

    agrees = any(client_agrees(ws) and endpoint_agrees(ws) for ws in client)
    if not agrees and (any(map(client_agrees, client)) or not any(map(endpoint_agrees, endpoint))):
        return f"{test.words}; the endpoint {test.endpoint}", agrees  # it is what differs, or differs, too
    return test.words, agrees


# --- the endpoint ---


class Endpoint:
    """An ending's endpoint, and what became of it. Its event loop is that of the server, or of `TestClient`."""

    def __init__(self, ending: Ending):
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self.given_up = False
        self.task: asyncio.Task | None = None
        self.function = ending.endpoint and self.watched(ending.endpoint)

    def watched(self, function):
        """The function, which looks the same to FastAPI."""

        @functools.wraps(function)
        async def watched(*args, **kwargs):
            self.task = asyncio.current_task()
            try:
                await function(*args, **kwargs)
            except BaseException as error:
                self.error = error
                raise
            finally:
                self.ended.set()

        return watched

    def give_up(self) -> None:
        """Nothing more will come. If it still runs, that is what is said of it, whatever ends it later."""
        self.given_up = not self.ended.is_set()

    def __str__(self) -> str:
        if self.task is None:
            return "is not called"
        if self.given_up:
            return "waits on"
        if isinstance(self.error, asyncio.CancelledError):
            return "is cancelled"
        return f"raises {describe(self.error)}" if self.error else "returns"


def app_with(endpoints: Iterable[Endpoint]) -> FastAPI:
    """An app with the endpoints at /0, /1, and so on."""
    app = FastAPI()
    for number, endpoint in enumerate(endpoints):
        if endpoint.function:
            app.add_api_websocket_route(f"/{number}", endpoint.function)
    return app


# --- the real client ---


async def on_servers(endings: Iterable[Ending], implementation: str) -> list[tuple[str, str]]:
    """What endpoint and client see, for each ending. Those with settings of their own get a server of their own."""
    groups = [[ending] for ending in endings if ending.needs_a_server]
    if shared := [ending for ending in endings if not ending.needs_a_server]:
        groups.append(shared)
    seen = {}
    for part in await asyncio.gather(*(on_server(group, implementation) for group in groups)):
        seen |= part
    return [seen[ending.name] for ending in endings]


async def on_server(endings: list[Ending], implementation: str) -> dict[str, tuple[str, str]]:
    """The same on one server."""
    endpoints = [Endpoint(ending) for ending in endings]
    settings = {"ws_max_size": MAX_SIZE} | dict(endings[0].settings)
    server = Server(app_with(endpoints), port=0, ws=implementation, **settings)
    await asyncio.to_thread(server.start)
    turns = Turns(server)
    try:
        visits = (
            Visit(server, turns, ending, endpoint, server.url(f"/{number}")).seen()
            for number, (ending, endpoint) in enumerate(zip(endings, endpoints, strict=True))
        )
        return dict(zip([ending.name for ending in endings], await asyncio.gather(*visits), strict=True))
    finally:
        turns.stop()
        await asyncio.to_thread(server.end)


class Turns:
    """Counts turns in which both event loops, the server's and this one, have come round."""

    def __init__(self, server: Server):
        self.count = 0
        self.server: Server | None = server
        self._counting = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(TURN)
            try:
                if self.server:
                    await self.server.on_loop(lambda: None)
                self.count += 1
            except ServeError:  # it is blocked, for more than a second
                self.count += TURNS // 2

    def stop(self) -> None:
        """Count no more."""
        self._counting.cancel()


class Visit:
    """A real client's visit to an endpoint on a real server."""

    def __init__(self, server: Server, turns: Turns, ending: Ending, endpoint: Endpoint, url: str):
        self.server, self.turns, self.ending, self.endpoint, self.url = server, turns, ending, endpoint, url

    async def seen(self) -> tuple[str, str]:
        """What the endpoint sees, and what the client sees."""
        client = await self.client()
        if self.endpoint.task and not self.endpoint.given_up:
            with contextlib.suppress(Hangs):
                await self.wait_for(self.end_of_endpoint())
        if self.endpoint.given_up and self.endpoint.task and self.server.running:
            with contextlib.suppress(ServeError):  # it blocks; the end of the server will try to break it off
                await self.server.on_loop(self.endpoint.task.cancel)
        return str(self.endpoint), client

    async def wait_for(self, awaitable):
        """The result of the awaitable. Raises `Hangs` if it does not come, and then the endpoint is given up, too."""
        task = asyncio.ensure_future(awaitable)
        end = self.turns.count + TURNS
        try:
            while not task.done():
                if self.turns.count > end:
                    self.endpoint.give_up()
                    raise Hangs
                await asyncio.wait([task], timeout=TURN)
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

    async def client(self) -> str:
        """Let the client in, do what it does, wait for the end."""
        if self.ending.gives_up:
            return await self.gives_up()
        try:
            ws = await self.wait_for(self.stopped_handshake() if self.ending.in_handshake else self.handshake())
        except Hangs:
            return NO_ANSWER
        except InvalidStatus as refusal:
            return describe_refusal(refusal.response.status_code, refusal.response.body.decode())
        except (OSError, EOFError, InvalidHandshake):
            return "a handshake that is cut off"
        try:
            with contextlib.suppress(Hangs, ConnectionClosed):
                await self.wait_for(self.ending.client(ws))
            if self.ending.shutdown:
                self.turns.server = None  # from now on, this event loop alone
                await asyncio.to_thread(self.server.end)
            return await self.end_of_connection(ws)
        finally:
            ws.transport.abort()
            await ws.wait_closed()

    async def end_of_connection(self, ws: ClientConnection) -> str:
        """Read until the end; a client that has stopped to read does so when the endpoint has ended."""
        reading = asyncio.create_task(read_to_the_end(ws))
        with contextlib.suppress(Hangs):
            await self.wait_for(self.end_of_endpoint())
        ws.transport.resume_reading()
        try:
            await self.wait_for(reading)
        except Hangs:
            return OPEN
        return describe_code(ws.close_code, ws.close_reason)

    async def handshake(self) -> ClientConnection:
        """Connect, without any time limits of its own, and read on whatever comes."""
        return await connect(self.url, open_timeout=None, ping_interval=None, max_queue=None, proxy=None)

    async def stopped_handshake(self) -> ClientConnection:
        """Ask to be let in, and stop the server when the endpoint has been called."""
        handshake = asyncio.create_task(self.handshake())
        try:
            await self.call_of_endpoint()
            self.turns.server = None  # from now on, this event loop alone
            await asyncio.to_thread(self.server.end)
            return await handshake
        finally:
            handshake.cancel()

    async def gives_up(self) -> str:
        """Ask to be let in, and leave when the endpoint has been called."""
        handshake = asyncio.create_task(self.handshake())
        with contextlib.suppress(Hangs):
            await self.wait_for(self.call_of_endpoint())
        handshake.cancel()
        await asyncio.wait([handshake])
        return NO_ANSWER

    async def call_of_endpoint(self) -> None:
        """Wait until the endpoint has been called."""
        while not self.endpoint.task:
            await asyncio.sleep(TURN)

    async def end_of_endpoint(self) -> None:
        """Wait until the endpoint has ended."""
        while not self.endpoint.ended.is_set():
            await asyncio.sleep(TURN)


async def read_to_the_end(ws: ClientConnection) -> None:
    """Receive until there is nothing more."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await ws.recv()


# --- TestClient ---


@dataclass(frozen=True)
class Tested:
    """What a test sees."""

    words: str
    as_client: str | None = None  # in a real client's words; None: a test sees it in its own way
    endpoint: str = ""  # what its endpoint sees


async def under_test_client(ending: Ending) -> Tested:
    """The same with a `TestClient`, which has its own thread and event loop."""
    if ending.test_client is None:
        return Tested("cannot do this")
    endpoint = Endpoint(ending)
    try:
        async with asyncio.timeout(LIMIT):
            seen = await asyncio.to_thread(visit_by_test_client, ending, endpoint)
    except TimeoutError:
        return Tested("blocks")
    return replace(seen, endpoint=str(endpoint))


def visit_by_test_client(ending: Ending, endpoint: Endpoint) -> Tested:
    """Connect, do what the client does, leave the session."""
    client = TestClient(given_up_in_time(app_with([endpoint]), endpoint))
    connected = False
    try:
        with client.websocket_connect("/0") as session:
            connected = True
            ending.test_client(session)
    except Hangs:
        return Tested("hangs", OPEN if connected else NO_ANSWER)
    except WebSocketDenialResponse as refusal:
        answer = describe_refusal(refusal.status_code, refusal.text)
        return Tested(f"raises WebSocketDenialResponse, {answer}", answer)
    except BaseException as error:
        if error is endpoint.error:
            return Tested("raises the endpoint's error")
        code = describe_code(error.code, error.reason) if isinstance(error, WebSocketDisconnect) else None
        return Tested(f"raises {describe(error)}", code)
    return Tested("passes")


def given_up_in_time(app, endpoint: Endpoint):
    """The app, which raises `Hangs` when nothing more comes. A session of `TestClient` waits until its app ends."""

    async def bounded(scope, receive, send):
        async def watch():
            for _ in range(TURNS):
                await asyncio.sleep(TURN)
            endpoint.give_up()
            session.cancel()

        watching = asyncio.create_task(watch())
        try:
            with anyio.CancelScope() as session:
                await app(scope, receive, send)
                await anyio.sleep_forever()
        finally:
            watching.cancel()
        raise Hangs

    return bounded


# --- words ---


def describe(error: BaseException) -> str:
    """An error as one would write it down: its type, and its code, reason or message."""
    name = type(error).__name__
    if isinstance(error, WebSocketDisconnect | WebSocketException):
        return f"{name}({', '.join(filter(None, [str(int(error.code)), describe_reason(error.reason)]))})"
    if isinstance(error, HTTPException):
        return f"{name}({error.status_code})"
    first_line = (str(error).splitlines() or [""])[0]
    return f"{name}: {first_line}" if first_line else name


def describe_code(code: int, reason) -> str:
    """A close code and its reason."""
    return f"{int(code)} {describe_reason(reason)}".strip()


def describe_reason(reason) -> str:
    """A reason as Python writes it; a text that is too long by its length."""
    if not reason:
        return ""
    too_long = isinstance(reason, str) and len(reason) > LONG
    return f"(a reason of {len(reason)} characters)" if too_long else repr(reason)


def describe_refusal(status: int, body: str) -> str:
    """An HTTP response instead of a connection."""
    return f"HTTP {status} {body}".strip()
