"""Claims about WebSockets in FastAPI, each with a short run that puts it to the test.

A claim is one decorated function: it serves an app, lets a client talk to it, and returns whether the claim held, and
what was seen. Each runs on both of uvicorn's current WebSocket implementations; the verdict follows from the runs.
To add one, write it here, where it belongs in the order of the notebook `claims-put-to-the-test`; `make links` gives
it a heading and a cell there, below the claim before it.
"""

import ast
import asyncio
import contextlib
import inspect
import itertools
import json
import logging
import queue
import re
import socket
import threading
from array import array
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from http.client import HTTPConnection
from logging.handlers import QueueHandler
from typing import Annotated
from urllib.request import urlopen

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Request,
    WebSocket,
    WebSocketDisconnect,
    WebSocketException,
)
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.sse import EventSourceResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel
from websockets import ClientConnection, ConnectionClosed, InvalidStatus, connect

from course import lessons
from wslab import kernel
from wslab.server import Server

IMPLEMENTATIONS = ("websockets-sansio", "wsproto")
AT_ONCE = 8  # runs at the same time: each spends most of it waiting
LIMIT = 15.0  # seconds for one run
TRUE, FALSE, DEPENDS = "true", "false", "depends on the server implementation"

logger = logging.getLogger("uvicorn.error")  # what is logged here, `server.conversation()` shows

Run = Callable[..., Awaitable[tuple[bool, str]]]


@dataclass(frozen=True)
class Claim:
    """A claim, the run that decides it, and what to remember."""

    says: str  # one sentence, our words; in ASCII without '"', since JupyterLab links to it as a heading
    run: Run  # gets `serve`; returns whether the claim held, and what was seen
    verdict: str = ""  # TRUE, FALSE or DEPENDS, as it was on the locked versions: tests report a change
    keep: str = ""  # the line to keep; it ends in "." or ")"
    lesson: str = ""  # the slug of the lesson that explains it, if there is one
    source: str = ""  # first-hand: an https address
    until: str = ""  # the release from which on it is no longer true
    changed: str = ""  # where that release says so

    @property
    def name(self) -> str:
        """The claim's name: that of its run, with hyphens."""
        return self.run.__name__.replace("_", "-")

    @property
    def code(self) -> str:
        """The run's source, without its decorator."""
        source = inspect.getsource(self.run)
        return "\n".join(source.splitlines()[ast.parse(source).body[0].lineno - 1 :]).rstrip()


CLAIMS: dict[str, Claim] = {}


def claim(says: str, **about: str) -> Callable[[Run], Run]:
    """Put the claim that this function decides into `CLAIMS`."""

    def register(run: Run) -> Run:
        one = Claim(says, run, **about)
        CLAIMS[one.name] = one
        return run

    return register


@dataclass(frozen=True)
class Result:
    """What came of a claim's runs. In a notebook: its code, what was seen, the verdict."""

    claim: Claim
    held: Mapping[str, bool]  # by implementation
    seen: Mapping[str, str]

    @property
    def verdict(self) -> str:
        """TRUE, FALSE or DEPENDS."""
        if all(self.held.values()):
            return TRUE
        return DEPENDS if any(self.held.values()) else FALSE

    @property
    def words(self) -> str:
        """The verdict for a reader."""
        if self.verdict == FALSE and self.claim.until:
            return f"true until {self.claim.until}"
        return self.verdict

    def lines(self) -> list[str]:
        """What was seen: one line, or one for each implementation where they differ."""
        if len(set(self.seen.values())) == 1:
            return [f"Seen on both: {next(iter(self.seen.values()))}"]
        return [f"Seen on {name}: {seen}" for name, seen in self.seen.items()]

    def __str__(self) -> str:
        keep = [self.claim.keep] if self.claim.keep else []
        return "\n".join([self.claim.code, "", *self.lines(), f"Verdict: {self.words}", *keep])

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        links = [
            lesson_link(self.claim.lesson, "[lesson {0}]({1})"),
            f"[source]({self.claim.source})" if self.claim.source else "",
            f"[the change]({self.claim.changed})" if self.claim.changed else "",
        ]
        parts = [
            f"```python\n{self.claim.code}\n```",
            "\\\n".join(plain_in_markdown(line) for line in self.lines()),
            f"**Verdict: {self.words}.** {self.claim.keep}",
            " · ".join(link for link in links if link),
        ]
        return {"text/markdown": "\n\n".join(part for part in parts if part), "text/plain": str(self)}


class Results(Mapping[str, Result]):
    """What came of all claims, by name. In a notebook: a table."""

    def __init__(self, results: Iterable[Result]):
        self._by_name = {result.claim.name: result for result in results}

    def __getitem__(self, name: str) -> Result:
        return self._by_name[name]

    def __iter__(self):
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __str__(self) -> str:
        width = max((len(result.words) for result in self.values()), default=0)
        return "\n".join(f"{result.words:<{width}}  {result.claim.says}" for result in self.values())

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        def line(tag: str, *cells: str) -> str:
            return "<tr>" + "".join(f'<{tag} style="text-align: left">{cell}</{tag}>' for cell in cells) + "</tr>"

        rows = [
            line(
                "td",
                f'<a href="#{escape(anchor(result.claim.says))}">{in_html(result.claim.says)}</a>',
                result.words if result.verdict == FALSE and not result.claim.until else f"<b>{result.words}</b>",
                lesson_link(result.claim.lesson, '<a href="{1}">{0}</a>'),
            )
            for result in self.values()
        ]
        table = f"<table>{line('th', 'the claim', 'verdict', 'lesson')}{''.join(rows)}</table>"
        return {"text/html": table, "text/plain": str(self)}


def anchor(heading: str) -> str:
    """JupyterLab's anchor of a heading."""
    return re.sub(r"[`*]", "", heading).replace(" ", "-")


def in_html(text: str) -> str:
    """A sentence with its `code` marked for HTML."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def plain_in_markdown(text: str) -> str:
    """Text that Markdown shall show as it is."""
    return re.sub(r"([\\`*_<\[])", r"\\\1", text)


def lesson_link(slug: str, form: str) -> str:
    """A link to the lesson with this slug, by its number; empty without a slug."""
    return form.format(lessons.number(lessons.path(slug)), lessons.path(slug).name) if slug else ""


async def decide(one: Claim) -> Result:
    """Run one claim on both implementations."""
    kernel.let_interrupt_work()
    kernel.spare_the_proxy()
    held, seen = {}, {}
    for ws in IMPLEMENTATIONS:
        try:
            async with asyncio.timeout(LIMIT):
                held[ws], seen[ws] = await one.run(serving(ws))
        except Exception as error:
            error.add_note(f"in the run of the claim {one.name}, on {ws}")
            raise
    return Result(one, held, seen)


async def put_to_the_test(claims: Iterable[Claim] | None = None) -> Results:
    """Run the claims, some of them at the same time, each with servers of its own."""
    places = asyncio.Semaphore(AT_ONCE)

    async def in_turn(one: Claim) -> Result:
        async with places:
            return await decide(one)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(in_turn(one)) for one in (CLAIMS.values() if claims is None else claims)]
    return Results(task.result() for task in running)


def serving(ws: str):
    """What a run gets as `serve`: `async with serve(app) as server`, as in the lessons, on the implementation `ws`."""

    @contextlib.asynccontextmanager
    async def serve(app, **uvicorn_options):
        server = Server(app, port=0, **({"ws": ws} | uvicorn_options))
        await asyncio.to_thread(server.start)
        try:
            yield server
        finally:
            await asyncio.to_thread(server.end)

    return serve


@contextlib.asynccontextmanager
async def proxy(choose: Callable[[], Server], drop: tuple[bytes, ...] = ()):
    """A proxy: each connection goes to the server that `choose()` returns. It drops headers whose name is in `drop`."""

    async def pump(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def carry(reader, writer):
        there_reader, there = await asyncio.open_connection("127.0.0.1", choose().port)
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        there.write(b"\r\n".join(line for line in head if line.split(b":")[0].lower() not in drop))
        await asyncio.gather(pump(reader, there), pump(there_reader, writer))

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    finally:
        server.close()


async def status(server: Server, path: str, **options) -> int:
    """The HTTP status with which a handshake is answered: 101 if it is accepted, 0 if there is no answer."""
    try:
        async with connect(server.url(path), open_timeout=4, **options):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code
    except TimeoutError:
        return 0


async def answer(ws: ClientConnection) -> str | bytes:
    """The next message; or, if none comes any more, how the connection was closed."""
    try:
        return await ws.recv()
    except ConnectionClosed as closed:
        if closed.sent and not closed.rcvd:
            return f"the client closes with {closed.sent.code}"
        return " ".join(["closed with", str(ws.close_code), ws.close_reason or ""]).rstrip()


async def last_line(server: Server) -> str:
    """The last line of the conversation: the end of an endpoint, or what it logged there."""
    return (await server.conversation()).events[-1].text.removeprefix("log: ")


async def news(from_endpoint: queue.SimpleQueue) -> str:
    """What an endpoint puts into this queue; `nothing` if that takes too long."""
    try:
        return await asyncio.to_thread(from_endpoint.get, timeout=5)
    except queue.Empty:
        return "nothing"


# The opening


@claim(
    "Without `accept()`, the client hangs.",
    verdict=FALSE,
    keep="It gets HTTP 500 at once. It waits only while the endpoint awaits something else, as a second `receive()`.",
    lesson="forgetting-to-accept",
    source="https://asgi.readthedocs.io/en/stable/specs/www.html#websocket",
)
async def no_accept(serve):
    app = FastAPI()

    @app.websocket("/receives")
    async def receives(websocket: WebSocket):
        await websocket.receive_text()

    @app.websocket("/sends")
    async def sends(websocket: WebSocket):
        await websocket.send_text("hello")

    @app.websocket("/returns")
    async def returns(websocket: WebSocket):
        pass

    async with serve(app) as server:
        seen = [await status(server, path) for path in ("/receives", "/sends", "/returns")]
    return 0 in seen, f"HTTP {seen[0]}, {seen[1]} and {seen[2]}"


@claim(
    "A client that is refused with `close(4401)` sees the code 4401.",
    verdict=FALSE,
    keep="Before `accept()` there is only HTTP: any `close()` becomes a 403. To tell a code, accept first, then close.",
    lesson="the-life-of-a-connection",
    source="https://asgi.readthedocs.io/en/stable/specs/www.html#close-send-event",
)
async def code_of_a_refusal(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.close(4401, "log in first")

    async with serve(app) as server:
        answered = await status(server, "/ws")
    return answered == 101, f"HTTP {answered}"


@claim(
    "`HTTPException` cannot be used with WebSockets.",
    verdict=FALSE,
    keep="Before `accept()` it answers the handshake, with status, body and headers. After `accept()` it is too late.",
    lesson="the-life-of-a-connection",
    source="https://www.starlette.io/exceptions/",
    until="Starlette 0.41",
    changed="https://github.com/Kludex/starlette/pull/2725",
)
async def http_exception(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        raise HTTPException(401, "log in first")

    async with serve(app) as server:
        try:
            async with connect(server.url("/ws")):
                return True, "the handshake was accepted"
        except InvalidStatus as refusal:
            answered = refusal.response
    return answered.status_code != 401, f"HTTP {answered.status_code} {answered.body.decode()}"


@claim(
    "A generator that sends events can refuse its client by `HTTPException`.",
    verdict=FALSE,
    keep="When the generator runs, the answer has begun, with 200. Refuse in a dependency.",
    lesson="websocket-sse-or-polling",
    source="https://fastapi.tiangolo.com/tutorial/server-sent-events/",
)
async def refusing_generator(serve):
    app = FastAPI()

    def refuse():
        raise HTTPException(401)

    @app.get("/generator", response_class=EventSourceResponse)
    async def generator():
        refuse()
        yield "never"

    @app.get("/dependency", response_class=EventSourceResponse, dependencies=[Depends(refuse)])
    async def guarded():
        yield "never"

    seen = {}
    async with serve(app) as server:
        for path in ("/generator", "/dependency"):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
            connection.request("GET", path)
            with contextlib.closing(connection), await asyncio.to_thread(connection.getresponse) as response:
                seen[path] = response.status
    return seen["/generator"] == 401, f"HTTP {seen['/generator']}; by a dependency, HTTP {seen['/dependency']}"


@claim(
    "Path, query, headers and `Depends` work as in a route.",
    verdict=TRUE,
    keep="Declare them in the endpoint's signature. (A browser cannot set headers on a WebSocket, but sends cookies.)",
    source="https://fastapi.tiangolo.com/advanced/websockets/#using-depends-and-others",
)
async def parameters(serve):
    app = FastAPI()

    def language(accept_language: Annotated[str, Header()]) -> str:
        return accept_language

    @app.websocket("/rooms/{room}")
    async def endpoint(
        websocket: WebSocket,
        room: int,
        language: Annotated[str, Depends(language)],
        limit: int = 10,
    ):
        await websocket.accept()
        await websocket.send_text(f"room {room!r}, language {language!r}, limit {limit!r}")

    fr = {"Accept-Language": "fr"}
    async with (
        serve(app) as server,
        connect(server.url("/rooms/7?limit=5"), additional_headers=fr) as ws,
    ):
        seen = await answer(ws)
    return seen == "room 7, language 'fr', limit 5", seen


@claim(
    "A missing query parameter is answered with 422.",
    verdict=FALSE,
    keep="A handshake that does not pass validation is answered with 403, and without the list of errors.",
    source="https://fastapi.tiangolo.com/advanced/websockets/#using-depends-and-others",
)
async def missing_parameter(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket, token: str):
        await websocket.accept()

    async with serve(app) as server:
        answered = await status(server, "/ws")
    return answered == 422, f"HTTP {answered}"


@claim(
    "Dependencies of an app or a router do not guard its WebSockets.",
    verdict=FALSE,
    keep="They guard WebSockets, too. Below that version an endpoint that looks guarded is open.",
    source="https://fastapi.tiangolo.com/tutorial/dependencies/global-dependencies/",
    until="FastAPI 0.97",
    changed="https://github.com/fastapi/fastapi/pull/4534",
)
async def router_dependencies(serve):
    def refuse():
        raise HTTPException(401)

    router = APIRouter(dependencies=[Depends(refuse)])

    @router.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()

    app = FastAPI()
    app.include_router(router)
    async with serve(app) as server:
        answered = await status(server, "/ws")
    return answered == 101, f"HTTP {answered}"


@claim(
    "FastAPI's security classes do not work with WebSockets.",
    verdict=FALSE,
    keep="They read the handshake, and refuse with 401. "
    "Older versions: `TypeError: ... missing 1 required positional argument: 'request'`.",
    source="https://fastapi.tiangolo.com/reference/security/",
    until="FastAPI 0.144",
    changed="https://github.com/fastapi/fastapi/blob/0.144.0/fastapi/security/http.py",
)
async def security_classes(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(
        websocket: WebSocket,
        given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
    ):
        await websocket.accept()

    async with serve(app) as server:
        without = await status(server, "/ws")
        token = {"Authorization": "Bearer secret"}
        with_token = await status(server, "/ws", additional_headers=token)
    return with_token != 101, f"HTTP {without} without a token, {with_token} with one"


@claim(
    "`CORSMiddleware` decides which sites may open a WebSocket.",
    verdict=FALSE,
    keep="It does not look at WebSockets, and a browser does not ask the server. Compare the `Origin` header yourself.",
    lesson="who-is-calling",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-10.2",
)
async def cors(serve):
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["https://ours.example"])

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(f"welcome, {websocket.headers['origin']}")

    foreign = "https://foreign.example"
    async with serve(app) as server, connect(server.url("/ws"), origin=foreign) as ws:
        seen = await answer(ws)
    return "welcome" not in seen, seen


@claim(
    "With the access log turned off, a token in the address is in no log.",
    verdict=FALSE,
    keep="uvicorn's other log has the address of each handshake that the app answers. Use a ticket that is good once.",
    lesson="who-is-calling",
    source="https://github.com/Kludex/uvicorn/blob/0.54.0/uvicorn/protocols/websockets/websockets_sansio_impl.py",
)
async def access_log(serve):
    app = FastAPI()
    lines = queue.SimpleQueue()
    keeping = QueueHandler(lines)

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket, token: str):
        await websocket.accept()

    async with serve(app, access_log=False) as server:
        logger.addHandler(keeping)
        try:
            await status(server, "/ws?token=1234")
        finally:
            logger.removeHandler(keeping)
    logged = [lines.get().getMessage() for _ in range(lines.qsize())]
    seen = [line.partition(" - ")[2] for line in logged if "1234" in line]
    return not seen, f"the log has {seen[0]}" if seen else "nothing"


@claim(
    "A function with `@app.middleware` sees WebSockets, too.",
    verdict=FALSE,
    keep="`http` is meant: it sees nothing else. For both, write an ASGI middleware, or use dependencies.",
    source="https://www.starlette.io/middleware/#basehttpmiddleware",
)
async def http_middleware(serve):
    app = FastAPI()
    seen = []

    @app.middleware("http")
    async def note(request: Request, call_next):
        seen.append(request.url.path)
        return await call_next(request)

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()

    async with serve(app) as server:
        answered = await status(server, "/ws")
    return bool(seen), f"HTTP {answered}; the middleware saw {len(seen)} requests"


@claim(
    "WebSocket endpoints are listed in `/docs`.",
    verdict=FALSE,
    keep="OpenAPI describes HTTP. Write down for your clients what to send and what comes back.",
    lesson="messages-with-a-contract",
    source="https://spec.openapis.org/oas/latest.html",
)
async def in_the_docs(serve):
    app = FastAPI()

    @app.get("/route")
    async def route():
        return "hello"

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()

    paths = list(app.openapi()["paths"])
    return "/ws" in paths, f"the schema has {', '.join(paths)}"


@claim(
    "With FastAPI and uvicorn installed, WebSockets work.",
    verdict=FALSE,
    keep="uvicorn also needs `websockets` or `wsproto` (`uvicorn[standard]` brings the first). Without them, "
    "the path's route answers, if it has one; else 404.",
    source="https://uvicorn.dev/settings/#implementation",
)
async def nothing_else_installed(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()

    @app.get("/both")
    async def route():
        return "from the route"

    @app.websocket("/both")
    async def other_endpoint(websocket: WebSocket):
        await websocket.accept()

    async with serve(app, ws="none") as server:  # as if neither were there
        answered = [await status(server, path) for path in ("/ws", "/both")]
    return 101 in answered, f"HTTP {answered[0]}; where the path has a route, {answered[1]}"


@claim(
    "A path may have a route and a WebSocket endpoint.",
    verdict=TRUE,
    keep="The handshake asks for an upgrade, and goes to the WebSocket endpoint. All else goes to the route.",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-4.1",
)
async def one_path(serve):
    app = FastAPI()

    @app.get("/news")
    def route():
        return "from the route"

    @app.websocket("/news")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text("from the endpoint")

    async with serve(app) as server:
        with await asyncio.to_thread(urlopen, server.http_url("/news"), timeout=5) as response:
            by_get = response.read().decode()
        async with connect(server.url("/news")) as ws:
            seen = f"GET: {by_get}; WebSocket: {await answer(ws)}"
    return "route" in seen and "endpoint" in seen, seen


@claim(
    "If a client offers subprotocols, the server picks one by itself.",
    verdict=FALSE,
    keep="Pick one from `websocket.scope['subprotocols']` and pass it to `accept()`. "
    "Chromium ends a connection for which none was picked.",
    source="https://websockets.spec.whatwg.org/",
)
async def subprotocol(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(f"offered: {' '.join(websocket.scope['subprotocols'])}")

    offers = ["chat.v2", "chat.v1"]
    async with serve(app) as server, connect(server.url("/ws"), subprotocols=offers) as ws:
        seen = f"{await answer(ws)}; picked: {ws.subprotocol}"
    return ws.subprotocol is not None, seen


# Messages


@claim(
    "`receive_text()` takes bytes, too, and decodes them.",
    verdict=FALSE,
    keep="A message of the wrong kind is a `KeyError`. Catch it around that line, or look with `receive()`.",
    lesson="text-bytes-and-json",
    source="https://www.starlette.io/websockets/#receiving-data",
)
async def bytes_for_text(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        await ws.send(b"hello")
        seen = await answer(ws)
        ended = await last_line(server)
    return seen == "hello", f"{seen}; {ended}"


@claim(
    "`send_json()` takes whatever a route may return.",
    verdict=FALSE,
    keep="It calls `json.dumps()`. Pass other types through `jsonable_encoder()` first.",
    lesson="text-bytes-and-json",
    source="https://fastapi.tiangolo.com/tutorial/encoder/",
)
async def json_types(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_json({"now": datetime.now(UTC)})

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = await answer(ws)
        ended = await last_line(server)
    return "now" in seen, f"{seen}; {ended}"


@claim(
    "`send_json()` escapes letters that are not ASCII.",
    verdict=FALSE,
    keep="It leaves them as they are, `é` as `é`, and writes no spaces. Any JSON parser reads both forms.",
    lesson="text-bytes-and-json",
    source="https://www.starlette.io/websockets/#sending-data",
    until="Starlette 0.33",
    changed="https://github.com/Kludex/starlette/pull/2341",
)
async def json_letters(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_json({"item": "thé"})

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = await answer(ws)
    return "\\u" in seen, seen


@claim(
    "What `send_json()` sends, a browser can parse.",
    verdict=FALSE,
    keep="`json.dumps()` writes `NaN` and `Infinity`, which JSON has not. A model's `model_dump_json()` writes `null`.",
    lesson="messages-with-a-contract",
    source="https://datatracker.ietf.org/doc/html/rfc8259#section-6",
)
async def json_nan(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_json({"celsius": float("nan")})

    def refuse(constant):
        raise ValueError(f"JSON has no {constant}")

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = await answer(ws)
    try:
        json.loads(seen, parse_constant=refuse)
    except ValueError as error:
        return False, f"{seen}: {error}"
    return True, seen


@claim(
    "A parameter that is a pydantic model takes what the client sends, as it does in a route.",
    verdict=FALSE,
    keep="A handshake has no body, so it is refused. Receive the text, and give it to the model's "
    "`model_validate_json()`, or to a `TypeAdapter`.",
    lesson="messages-with-a-contract",
    source="https://fastapi.tiangolo.com/advanced/websockets/#using-depends-and-others",
)
async def model_as_parameter(serve):
    app = FastAPI()

    class Message(BaseModel):
        text: str

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket, message: Message):
        await websocket.accept()
        await websocket.send_text(message.text)

    async with serve(app) as server:
        try:
            async with connect(server.url("/ws")) as ws:
                await ws.send('{"text": "hello"}')
                seen = await answer(ws)
        except InvalidStatus as refused:
            seen = f"HTTP {refused.response.status_code}"
    return seen == "hello", seen


@claim(
    "A binary message is smaller than the same numbers as JSON.",
    verdict=FALSE,
    keep="It depends on the numbers, and on the type that you choose for them. Count the bytes of your own.",
    source="https://docs.python.org/3/library/array.html",
)
async def binary_is_smaller(serve):
    app = FastAPI()
    readings = [round(18 + n % 40 / 10, 1) for n in range(1440)]  # a day's temperatures, one a minute

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_json(readings)
        await websocket.send_bytes(array("d", readings).tobytes())
        await websocket.send_bytes(array("h", [round(10 * celsius) for celsius in readings]).tobytes())

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        text, doubles, shorts = [await answer(ws) for _ in range(3)]
    seen = f"JSON {len(text):,} bytes, as 64-bit floats {len(doubles):,}, as 16-bit tenths {len(shorts):,}"
    return len(doubles) < len(text), seen


@claim(
    "Compression saves bandwidth.",
    verdict=FALSE,
    keep="It depends on the messages: the shortest get longer. And each connection costs memory. Count your own.",
    lesson="measuring-it",
    source="https://websockets.readthedocs.io/en/stable/topics/compression.html",
)
async def compression(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def echo(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    class Counting(ClientConnection):
        received = 0  # bytes

        def data_received(self, data):
            self.received += len(data)
            super().data_received(data)

    async def share(text: str) -> float:
        """Of the bytes that an echo takes without compression, those that it takes with it."""
        sizes = []
        for offer in (None, "deflate"):
            async with connect(server.url("/ws"), compression=offer, create_connection=Counting) as ws:
                handshake = ws.received
                await ws.send(text)
                await ws.recv()
                sizes.append(ws.received - handshake)
        return sizes[1] / sizes[0]

    async with serve(app) as server:
        short, long = await share("ok"), await share(json.dumps([{"id": n, "name": "Ann"} for n in range(100)]))
    return short < 1, f"`ok` takes {short:.0%} of the bytes; a list as JSON less than a third: {long < 1 / 3}"


@claim(
    "Messages of one client arrive in the order in which it sent them.",
    verdict=TRUE,
    keep="One connection is one stream. It is your own tasks that can change the order.",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-5.4",
)
async def order(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        numbers = [int(await websocket.receive_text()) for _ in range(200)]
        in_order = numbers == list(range(200))
        await websocket.send_text("in order" if in_order else "not in order")

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        for number in range(200):
            await ws.send(str(number))
        seen = await answer(ws)
    return seen == "in order", f"200 messages, {seen}"


@claim(
    "`asyncio.timeout()` around a `receive` can lose a message.",
    verdict=FALSE,
    keep="A `receive` that is cancelled takes nothing: the message waits for the next one.",
    lesson="both-directions-at-once",
    source="https://docs.python.org/3/library/asyncio-queue.html#asyncio.Queue.get",
)
async def timeout_around_receive(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        got = []
        while "end" not in got:
            try:
                async with asyncio.timeout(0.001):
                    got.append(await websocket.receive_text())
            except TimeoutError:
                await websocket.send_text(f"{len(got)} so far")
        await websocket.send_text(f"all in all {len(got)}")

    async with serve(app) as server, connect(server.url("/ws"), max_queue=None) as ws:
        for text in [*map(str, range(100)), "end"]:
            await ws.recv()  # there was one more timeout
            await ws.send(text)
        while "all" not in (seen := await answer(ws)):
            pass
    return seen != "all in all 101", f"sent 101, with a timeout before each; received {seen}"


@claim(
    "The limit for the size of a message is the same in both directions.",
    verdict=FALSE,
    keep="Each side limits what it *receives*: uvicorn 16 MiB (`ws_max_size`), the `websockets` client 1 MiB.",
    source="https://websockets.readthedocs.io/en/stable/topics/memory.html",
)
async def size_limit(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        data = await websocket.receive_bytes()
        await websocket.send_text(f"{len(data):,} bytes have arrived")
        await websocket.send_bytes(data)

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        await ws.send(bytes(2_000_000))
        there, back = await answer(ws), await answer(ws)
    return isinstance(back, bytes), f"there: {there}; back: {back[:40]!s}"


@claim(
    "If two tasks receive from one WebSocket, both get every message.",
    verdict=FALSE,
    keep="They take them from each other. Let one task receive, and hand on what it gets.",
    source="https://docs.python.org/3/library/asyncio-queue.html#asyncio.Queue.get",
)
async def two_receivers(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        async def receive(name):
            while True:
                text = await websocket.receive_text()
                await websocket.send_text(f"{name} has {text}")

        await websocket.accept()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(receive("Ann"))
            tasks.create_task(receive("Ben"))

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = []
        for text in ["one", "two", "three", "four"]:
            await ws.send(text)
            seen.append(await answer(ws))
    return "Ben has one" in seen, ", ".join(seen)


@claim(
    "Two tasks must not send over one WebSocket at the same time.",
    verdict=FALSE,
    keep="Each message goes out whole, and those of one task in their order.",
    lesson="both-directions-at-once",
    source="https://github.com/Kludex/uvicorn/blob/0.54.0/uvicorn/protocols/websockets/websockets_sansio_impl.py",
)
async def two_senders(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        async def send(name):
            for number in range(50):
                await websocket.send_text(f"{name} {number} " + 100_000 * name)
                await asyncio.sleep(0)  # the other one's turn

        await websocket.accept()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send("a"))
            tasks.create_task(send("b"))

    async with serve(app) as server, connect(server.url("/ws"), compression=None) as ws:
        messages = [await answer(ws) for _ in range(100)]
    by_task = {name: [text for text in messages if text.startswith(name)] for name in "ab"}
    whole = all(by_task[name] == [f"{name} {number} " + 100_000 * name for number in range(50)] for name in "ab")
    begins = ", ".join(text[:3] for text in messages[:4])
    return not whole, f"{begins}, ...: 100 messages, {'whole and in order' if whole else 'broken or out of order'}"


@claim(
    "`while True` around `receive_text()` needs a `sleep`.",
    verdict=FALSE,
    keep="At `await` the endpoint stands still until a message comes, and others have their turn. "
    "(Not between messages that are there already: for them it need not wait.)",
    lesson="keep-talking",
    source="https://docs.python.org/3/library/asyncio-task.html#coroutines",
)
async def loop_without_sleep(serve):
    app = FastAPI()
    turns = []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        while True:
            turns.append("a turn begins")
            await websocket.send_text(await websocket.receive_text())

    async with (
        serve(app) as server,
        connect(server.url("/ws")) as ann,
        connect(server.url("/ws")) as ben,
    ):
        for ws in (ann, ben, ann):
            await ws.send("hello")
            await answer(ws)
        await server.conversation()  # all has been served, both endpoints wait
        count = len(turns)
    return count > 5, f"2 clients, 3 messages, {count} turns"


@claim(
    "Either side may send whenever it likes, also several messages in a row.",
    verdict=TRUE,
    keep="A WebSocket knows no request and no answer. If you need pairs, put a number into your messages.",
    lesson="both-directions-at-once",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-1.2",
)
async def no_turns(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        for text in ["first", "second"]:
            await websocket.send_text(text)
        heard = [await websocket.receive_text() for _ in range(2)]
        await websocket.send_text(f"heard {' and '.join(heard)}")

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = [await answer(ws), await answer(ws)]
        for text in ["this", "that"]:
            await ws.send(text)
        seen.append(await answer(ws))
    return seen == ["first", "second", "heard this and that"], ", ".join(seen)


# Endings


@claim(
    "Only by WebSocket can a server speak without being asked each time.",
    verdict=FALSE,
    keep="A response may go on, an event at a time, and a browser comes back to it by itself.",
    lesson="websocket-sse-or-polling",
    source="https://html.spec.whatwg.org/multipage/server-sent-events.html",
)
async def events(serve):
    app = FastAPI()
    happens = asyncio.Queue()

    @app.get("/events", response_class=EventSourceResponse)
    async def endpoint():
        while True:
            yield await happens.get()

    heard = []
    async with serve(app) as server:
        with await asyncio.to_thread(urlopen, server.http_url("/events"), timeout=5) as response:
            for what in ("a goal", "another one"):
                await server.on_loop(lambda what=what: happens.put_nowait(what))
                heard += [await asyncio.to_thread(response.readline) for _ in range(2)]
    return not heard, f"one response: {b''.join(heard)!r}"


@claim(
    "A disconnect that nobody catches crashes the server.",
    verdict=FALSE,
    keep="It ends one call of one endpoint. What it skips there, such as a list to tidy up, is the harm.",
    lesson="letting-disconnects-escape",
    source="https://uvicorn.dev/server-behavior/#exceptions",
)
async def unhandled_disconnect(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        while True:
            await websocket.send_text(await websocket.receive_text())

    async with serve(app) as server, connect(server.url("/ws")) as stays:
        async with connect(server.url("/ws")):
            pass  # comes, and leaves
        ended = await last_line(server)
        await stays.send("still served")
        seen = await answer(stays)
    return seen != "still served", f"{ended}; another client: {seen}"


@claim(
    "When the client leaves, `receive_text()` returns `None` or an empty text.",
    verdict=FALSE,
    keep="It raises `WebSocketDisconnect`, with code and reason. An empty text is a message like any other.",
    lesson="keep-talking",
    source="https://fastapi.tiangolo.com/advanced/websockets/#handling-disconnections-and-multiple-clients",
)
async def end_as_a_value(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        logger.info("it returned %r", await websocket.receive_text())

    async with serve(app) as server:
        async with connect(server.url("/ws")):
            pass  # leaves
        seen = await last_line(server)
    return "returned" in seen, seen


@claim(
    "`receive()` raises `WebSocketDisconnect` when the client leaves.",
    verdict=FALSE,
    keep='It returns a dictionary of the type `websocket.disconnect`. Look at `message["type"]`.',
    lesson="text-bytes-and-json",
    source="https://asgi.readthedocs.io/en/stable/specs/www.html#disconnect-receive-event-ws",
)
async def plain_receive(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        message = await websocket.receive()
        logger.info("it returned %s, code %d", message["type"], message["code"])

    async with serve(app) as server:
        async with connect(server.url("/ws")):
            pass  # leaves
        seen = await last_line(server)
    return "WebSocketDisconnect" in seen, seen


@claim(
    "`iter_text()` raises `WebSocketDisconnect` when the client leaves.",
    verdict=FALSE,
    keep="Its loop ends quietly, and the close code is lost. An error in the loop's body, a failed send too, escapes.",
    lesson="letting-disconnects-escape",
    source="https://www.starlette.io/websockets/#iterating-data",
)
async def iter_text(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        async for _ in websocket.iter_text():
            pass
        logger.info("the loop has ended")

    async with serve(app) as server:
        async with connect(server.url("/ws")):
            pass  # leaves
        seen = await last_line(server)
    return "WebSocketDisconnect" in seen, seen


@claim(
    "An endpoint is interrupted when its client leaves.",
    verdict=FALSE,
    keep="Only a `receive` that is awaited, or a send that fails, tells it. Keep one receiving beside long work.",
    lesson="both-directions-at-once",
    source="https://asgi.readthedocs.io/en/stable/specs/www.html#disconnect-receive-event-ws",
)
async def leaving_interrupts(serve):
    app = FastAPI()
    result, happened = asyncio.Event(), []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await result.wait()  # busy with something else
        happened.append("worked to the end")

    async with serve(app) as server:
        async with connect(server.url("/ws")):
            pass  # leaves
        happened.append("the client has left")
        await server.on_loop(result.set)
        await server.conversation()  # waits until the endpoint has ended
    return "worked to the end" not in happened, ", then ".join(happened)


@claim(
    "A route is interrupted when its client leaves.",
    verdict=FALSE,
    keep="It works to its end. Only a response that is being streamed is stopped.",
    lesson="websocket-sse-or-polling",
    source="https://github.com/Kludex/starlette/blob/1.10.0/starlette/responses.py",
)
async def leaving_interrupts_routes(serve):
    app = FastAPI()
    result, happened = asyncio.Event(), []
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()

    @app.get("/route")
    async def route():
        happened.append("it works")
        await result.wait()
        ended.put("it has worked to its end")

    async with serve(app) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/route")
        while not happened:
            await server.on_loop(lambda: None)
        connection.close()
        await server.let_time_pass(1)
        happened.append("the client has left")
        await server.on_loop(result.set)
        happened.append(await news(ended))
    return "nothing" in happened, ", then ".join(happened)


@claim(
    "`websocket.client_state` says whether the client is still there.",
    verdict=FALSE,
    keep="It says what the last `receive` found. Who does not receive reads `CONNECTED` for ever.",
    lesson="both-directions-at-once",
    source="https://github.com/Kludex/starlette/blob/1.10.0/starlette/websockets.py",
)
async def client_state(serve):
    app = FastAPI()
    has_left, states = asyncio.Event(), []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await has_left.wait()
        states.append(websocket.client_state.name)

    async with serve(app) as server:
        async with connect(server.url("/ws")):
            pass  # leaves
        await server.on_loop(has_left.set)
        await server.conversation()  # waits until the endpoint has ended
    return states == ["DISCONNECTED"], f"the client has left; client_state: {states[0]}"


@claim(
    "A send to a client that has left does nothing.",
    verdict=FALSE,
    keep="Once the server knows of it, the send raises `WebSocketDisconnect`, each further one a `RuntimeError` with "
    '`Cannot call "send" once ...`.',
    lesson="letting-disconnects-escape",
    source="https://asgi.readthedocs.io/en/stable/specs/www.html#send-send-event",
)
async def send_after_leaving(serve):
    app = FastAPI()
    has_left, errors = asyncio.Event(), []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await has_left.wait()
        for _ in range(2):
            try:
                await websocket.send_text("are you there?")
            except (WebSocketDisconnect, RuntimeError) as error:
                errors.append(type(error).__name__)

    async with serve(app) as server:
        async with connect(server.url("/ws")):
            pass  # leaves
        await server.on_loop(has_left.set)
        await server.conversation()  # waits until the endpoint has ended
    return not errors, ", then ".join(errors) or "nothing"


@claim(
    "When `send_text()` has returned, the client has the message.",
    verdict=FALSE,
    keep="It is in a buffer, no more. Only an answer of the client proves that it got there.",
    lesson="disconnects-done-right",
    source="https://docs.python.org/3/library/asyncio-protocol.html#asyncio.WriteTransport.write",
)
async def send_has_arrived(serve):
    app = FastAPI()
    from_endpoint = queue.SimpleQueue()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.receive_text()
        await websocket.send_text("an important message")
        from_endpoint.put("send_text() has returned")
        await websocket.receive_text()

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        ws.transport.pause_reading()  # the client does not read any more
        await ws.send("go")
        told = await news(from_endpoint)
        ws.transport.abort()  # and loses its connection
        got = await answer(ws)
    return got == "an important message", f"{told}; the client: {got}"


@claim(
    "A last `close()` does no harm after a disconnect.",
    verdict=DEPENDS,
    keep="Leave it out.",
    lesson="catching-too-much",
    source="https://asgi.readthedocs.io/en/stable/specs/www.html#close-send-event",
)
async def close_after_disconnect(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        try:
            await websocket.receive_text()
        except WebSocketDisconnect:
            await websocket.close()

    async with serve(app) as server:
        async with connect(server.url("/ws")):
            pass  # leaves in good order
        seen = await last_line(server)
    return "raised" not in seen, seen


@claim(
    "`except Exception: await websocket.close()` tells the client that something went wrong.",
    verdict=FALSE,
    keep="It says 1000, all is well, and the log says nothing. Log the error, and close with 1011.",
    lesson="catching-too-much",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-7.4.1",
)
async def catch_and_close(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        try:
            await websocket.send_text({}["a bug"])
        except Exception:
            await websocket.close()

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = await answer(ws)
    return "1000" not in seen, seen


@claim(
    "An error that escapes closes the connection with 1011.",
    verdict=FALSE,
    keep="uvicorn cuts it without a close frame, which a client sees as 1006. If it shall be 1011, send it yourself.",
    lesson="catching-too-much",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-7.4.1",
)
async def error_is_1011(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        raise ValueError("a bug")

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = await answer(ws)
    return "1011" in seen, seen


@claim(
    "An endpoint that returns closes the connection with 1000.",
    verdict=FALSE,
    keep="The client sees 1006, as after a crash (and before uvicorn 0.39 nothing at all). End with `close()`.",
    lesson="closing-too-early",
    source="https://github.com/Kludex/uvicorn/pull/2769",
)
async def return_is_1000(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = await answer(ws)
    return "1000" in seen, seen


@claim(
    "`close()` ends the endpoint.",
    verdict=FALSE,
    keep="Write `return` after it.",
    lesson="closing-too-early",
    source="https://www.starlette.io/websockets/#closing-the-connection",
)
async def close_ends_the_endpoint(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.close(4000, "enough")
        logger.info("the next line runs")

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        closed = await answer(ws)
        seen = await last_line(server)
    return "next line" not in seen, f"{closed}; {seen}"


@claim(
    "A close reason that is too long is cut off.",
    verdict=DEPENDS,
    keep="A reason has 123 bytes at most. With `websockets-sansio` a longer one costs the client reason and code.",
    lesson="the-life-of-a-connection",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-5.5",
)
async def long_reason(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.close(4000, "x" * 124)

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        await answer(ws)
    cut_off = ws.close_code == 4000
    return cut_off, f"code {ws.close_code}, and a reason of {len(ws.close_reason)} bytes"


@claim(
    "`WebSocketException` closes with its code, after `accept()`.",
    verdict=TRUE,
    keep="Raise it in the endpoint, a dependency, or a function that they await. Before `accept()` it becomes a 403.",
    source="https://fastapi.tiangolo.com/reference/exceptions/",
)
async def websocket_exception(serve):
    app = FastAPI()

    @app.websocket("/before")
    async def before(websocket: WebSocket):
        raise WebSocketException(1008, "not you")

    @app.websocket("/after")
    async def after(websocket: WebSocket):
        await websocket.accept()
        raise WebSocketException(1008, "not you")

    async with serve(app) as server:
        refused = await status(server, "/before")
        async with connect(server.url("/after")) as ws:
            seen = await answer(ws)
    return seen == "closed with 1008 not you", f"{seen}; before accept(): HTTP {refused}"


@claim(
    "HTTP status codes may be used as close codes.",
    verdict=FALSE,
    keep="Close codes begin at 1000, and 4000 to 4999 are for applications: take 4404 where you think of 404.",
    lesson="the-life-of-a-connection",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-7.4.2",
)
async def http_code_as_close_code(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.close(404, "no such room")

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = await answer(ws)
    return "404" in seen, seen


@claim(
    "An endpoint sees a lost connection as 1006.",
    verdict=FALSE,
    keep="uvicorn reports 1005, as after a close frame without a code. Do not tell the two apart by it.",
    lesson="disconnects-done-right",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-7.4.1",
)
async def lost_is_1006(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.receive_text()

    async with serve(app) as server:
        async with connect(server.url("/ws")) as ws:
            ws.transport.abort()
            await ws.wait_closed()
        seen = await last_line(server)
    return "1006" in seen, seen


@claim(
    "Only a heartbeat of your own finds a client that has silently gone.",
    verdict=FALSE,
    keep="uvicorn pings by itself (`ws_ping_interval`), and gives up if no pong comes: an awaited `receive` raises, "
    "unless something is stuck in the buffers; with TLS of uvicorn's own, half a minute later.",
    lesson="disconnects-done-right",
    source="https://uvicorn.dev/settings/#implementation",
)
async def own_heartbeat(serve):
    app = FastAPI()
    from_endpoint = queue.SimpleQueue()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        try:
            await websocket.receive_text()
        except WebSocketDisconnect as disconnect:
            from_endpoint.put(f"WebSocketDisconnect({disconnect.code})")

    impatient = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    async with serve(app, **impatient) as server, connect(server.url("/ws")) as ws:
        ws.transport.pause_reading()  # no pong any more, and no word
        seen = await news(from_endpoint)
        ws.transport.abort()
    return seen == "nothing", seen


@claim(
    "When the keepalive gives a client up, an awaited `receive` raises.",
    verdict=FALSE,
    keep="Not while something for it is stuck in the buffers. Then the next send raises a plain `RuntimeError`: "
    "the client has gone, and that is no bug of yours.",
    lesson="disconnects-done-right",
    source="https://docs.python.org/3/library/asyncio-protocol.html#asyncio.BaseTransport.close",
)
async def given_up_unheard(serve):
    app = FastAPI()
    from_endpoint = queue.SimpleQueue()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.receive_text()
        receiving = asyncio.create_task(websocket.receive_text())
        text = "x" * 40_000  # does not fit into the small buffers
        try:
            while True:
                await websocket.send_text(text)
                text = "one more"
                await asyncio.sleep(0.02)
        except (WebSocketDisconnect, RuntimeError) as error:
            heard = "it raises" if receiving.done() else "it waits on"
            from_endpoint.put(f"{heard}; a send: {error!r}")
        finally:
            receiving.cancel()

    impatient = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    async with serve(app, **impatient) as server:
        server.shrink_buffers()
        with socket.socket() as small:
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            small.connect(("127.0.0.1", server.port))
            async with connect(server.url("/ws"), sock=small, compression=None) as ws:
                ws.transport.pause_reading()  # no pong any more, and no word
                await ws.send("go")
                seen = await news(from_endpoint)
                ws.transport.abort()
    return "it raises" in seen, seen


@claim(
    "`@app.exception_handler(Exception)` also catches errors of WebSocket endpoints.",
    verdict=FALSE,
    keep="That handler is for HTTP alone. One for an exception class of your own works, and gets the `websocket`.",
    lesson="catching-too-much",
    source="https://www.starlette.io/exceptions/#errors-and-handled-exceptions",
)
async def exception_handler(serve):
    app = FastAPI()
    handled = []

    @app.exception_handler(Exception)
    async def handle(connection, error):
        handled.append(error)

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        raise ValueError("a bug")

    async with serve(app) as server, connect(server.url("/ws")) as ws:
        seen = await answer(ws)
        await server.conversation()  # waits until the endpoint has ended
    return bool(handled), f"{seen}; the handler was called {len(handled)} times"


@claim(
    "`BackgroundTasks` run when the conversation is over.",
    verdict=FALSE,
    keep="They belong to a response, and a conversation has none. What is to be done last, do after the loop.",
    source="https://www.starlette.io/background/",
)
async def background_tasks(serve):
    app = FastAPI()
    done = []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket, tasks: BackgroundTasks):
        tasks.add_task(done.append, "the task")
        await websocket.accept()
        await websocket.close()

    async with serve(app) as server:
        async with connect(server.url("/ws")) as ws:
            await ws.wait_closed()
        await server.conversation()  # waits until the endpoint has ended
    return bool(done), f"the task ran {len(done)} times"


@claim(
    "A dependency with `yield` is closed before the conversation begins.",
    verdict=FALSE,
    keep="It lives as long as the endpoint. A database session taken this way is held all that time: "
    "take one for each message.",
    source="https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/",
)
async def yield_dependency(serve):
    app = FastAPI()
    happened = []

    async def session():
        happened.append("session opened")
        yield "session"
        happened.append("session closed")

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket, session: Annotated[str, Depends(session)]):
        await websocket.accept()
        await websocket.receive_text()
        happened.append("message")
        await websocket.close()

    async with serve(app) as server:
        async with connect(server.url("/ws")) as ws:
            await ws.send("hello")
            await ws.wait_closed()
        await server.conversation()  # waits until the endpoint has ended
    return happened[:2] == ["session opened", "session closed"], ", ".join(happened)


# Many clients


@claim(
    "Each client is served on a thread of its own.",
    verdict=FALSE,
    keep="One thread, one event loop, and all endpoints on it in turns.",
    lesson="blocking-the-event-loop",
    source="https://docs.python.org/3/library/asyncio-eventloop.html",
)
async def thread_for_each(serve):
    app = FastAPI()
    threads = []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        threads.append(threading.current_thread())
        await websocket.accept()

    async with serve(app) as server:
        for _ in range(3):
            await status(server, "/ws")
    return len(set(threads)) == 3, f"{len(threads)} clients, {len(set(threads))} thread"


@claim(
    "In `async def`, a blocking call keeps only its own client waiting.",
    verdict=FALSE,
    keep="It stops every client of the process. Await, or hand it to `asyncio.to_thread()`.",
    lesson="blocking-the-event-loop",
    source="https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code",
)
async def blocking_call(serve):
    app = FastAPI()
    happened = []

    @app.websocket("/slow")
    async def slow(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text("one moment")
        threading.Event().wait(0.2)  # blocks, as time.sleep(0.2) does
        happened.append("the slow call is done")

    @app.websocket("/quick")
    async def quick(websocket: WebSocket):
        happened.append("the other client gets in")
        await websocket.accept()

    async with serve(app) as server, connect(server.url("/slow")) as ws:
        await answer(ws)
        await status(server, "/quick")
    return happened[0] == "the other client gets in", ", then ".join(happened)


@claim(
    "A plain `def` endpoint runs in a thread, as a plain `def` route does.",
    verdict=FALSE,
    keep="What an endpoint returns is awaited: use `async def`. (Dependencies may be plain: they do run in threads.)",
    lesson="blocking-the-event-loop",
    source="https://fastapi.tiangolo.com/async/#path-operation-functions",
)
async def plain_def(serve):
    app = FastAPI()
    threads = []

    @app.websocket("/ws")
    def endpoint(websocket: WebSocket):
        threads.append(threading.current_thread().name)

    async with serve(app) as server:
        answered = await status(server, "/ws")
    where = "server's own" if threads[0].startswith("wslab server") else "pool's"
    return where == "pool's", f"called on the {where} thread; HTTP {answered}"


@claim(
    "A `/health` that answers `ok` shows that the event loop does not stand still.",
    verdict=FALSE,
    keep="It waits with everybody else, and then all is well again. Let a thread beside the loop write down the stack.",
    lesson="watching-it",
    source="https://docs.python.org/3/library/faulthandler.html#dumping-the-traceback",
)
async def health(serve):
    app = FastAPI()
    happened = []

    @app.websocket("/slow")
    async def slow(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text("one moment")
        threading.Event().wait(0.2)  # blocks, as time.sleep(0.2) does
        happened.append("it goes on")

    @app.get("/health")
    def health() -> str:
        return "ok"

    async with serve(app) as server, connect(server.url("/slow")) as ws:
        await answer(ws)

        def ask() -> str:
            with urlopen(server.http_url("/health"), timeout=5) as response:
                return response.read().decode()

        said = await asyncio.to_thread(ask)
        happened.append(f"/health says {said}")
    return happened[0] != "it goes on", ", then ".join(["asked while the loop stands still", *happened])


@claim(
    "A gauge of open connections shows that clients are thrown out.",
    verdict=FALSE,
    keep="Whoever comes and goes between two looks at it is not in it. Count the ends, too, by close code.",
    lesson="watching-it",
    source="https://prometheus.io/docs/practices/instrumentation/",
)
async def gauge_of_connections(serve):
    app = FastAPI()
    now_open, thrown_out = 0, 0

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        nonlocal now_open, thrown_out
        await websocket.accept()
        now_open += 1
        await websocket.close(1008, "no")
        thrown_out += 1
        now_open -= 1

    async with serve(app) as server:
        looks = [now_open]
        for _ in range(5):
            async with connect(server.url("/ws")) as ws:
                await ws.wait_closed()
        await server.conversation()  # waits until the endpoints have ended
        looks.append(now_open)
    return len(set(looks)) > 1, f"before: {looks[0]}, after: {looks[1]}; thrown out meanwhile: {thrown_out}"


@claim(
    "Whoever logs in `except WebSocketDisconnect` has each end in the log.",
    verdict=FALSE,
    keep="Only those of which the endpoint is told. A middleware sees what is received, sent and raised.",
    lesson="watching-it",
    source="https://asgi.readthedocs.io/en/stable/specs/www.html#disconnect-receive-event-ws",
)
async def log_of_disconnects(serve):
    app = FastAPI()
    logged = []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        try:
            if await websocket.receive_text() == "rude":
                await websocket.close(1008, "no")
            else:
                raise ZeroDivisionError
        except WebSocketDisconnect as left:
            logged.append(int(left.code))

    codes = []
    async with serve(app) as server:
        for word in ["rude", "bug", ""]:
            async with connect(server.url("/ws")) as ws:
                if word:
                    await ws.send(word)
                    await ws.wait_closed()
            codes.append(int(ws.close_code))
        await server.conversation()
    return logged == codes, f"ended with {codes}, logged {logged}"


@claim(
    "What a dependency puts into a context variable is there in the endpoint.",
    verdict=FALSE,
    keep="That of an `async def` dependency is. A plain `def` runs on a thread, in a copy of the context.",
    lesson="watching-it",
    source="https://docs.python.org/3/library/contextvars.html",
)
async def context_variable(serve):
    app = FastAPI()
    name = ContextVar("name", default="nothing")

    def plain():
        name.set("plain")

    async def coroutine():
        name.set("coroutine")

    @app.websocket("/plain", dependencies=[Depends(plain)])
    @app.websocket("/coroutine", dependencies=[Depends(coroutine)])
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(name.get())

    seen = {}
    async with serve(app) as server:
        for path in ("coroutine", "plain"):
            async with connect(server.url(f"/{path}")) as ws:
                seen[path] = await answer(ws)
    return all(seen[path] == path for path in seen), f"of a coroutine: {seen['coroutine']}; of a `def`: {seen['plain']}"


@claim(
    "With `asyncio.gather()`, a client that has gone does not disturb a broadcast.",
    verdict=FALSE,
    keep="Its error comes out of `gather()`, in the endpoint of whoever speaks. Catch errors for each client.",
    source="https://docs.python.org/3/library/asyncio-task.html#asyncio.gather",
)
async def gather(serve):
    app = FastAPI()
    members = []

    @app.websocket("/listen")
    async def listen(websocket: WebSocket):
        await websocket.accept()
        members.append(websocket)
        await websocket.receive_text()

    @app.websocket("/speak")
    async def speak(websocket: WebSocket):
        await websocket.accept()
        text = await websocket.receive_text()
        await asyncio.gather(*(member.send_text(text) for member in members))
        await websocket.send_text("delivered")

    async with serve(app) as server:
        async with connect(server.url("/listen")):
            pass  # leaves, and stays in the list
        await server.conversation()
        async with connect(server.url("/speak")) as ws:
            await ws.send("hello")
            seen = await answer(ws)
    return seen == "delivered", f"the speaker: {seen}"


@claim(
    "With `asyncio.gather()`, a client that does not read does not hold up a broadcast.",
    verdict=FALSE,
    keep="`gather()` returns when *all* sends have. Whoever speaks should not wait: keep what is to be sent, for each.",
    lesson="many-clients",
    source="https://docs.python.org/3/library/asyncio-task.html#asyncio.gather",
)
async def gather_waits(serve):
    app = FastAPI()
    from_endpoint = queue.SimpleQueue()
    members = []

    @app.websocket("/listen")
    async def listen(websocket: WebSocket):
        await websocket.accept()
        members.append(websocket)
        await websocket.receive_text()

    @app.websocket("/speak")
    async def speak(websocket: WebSocket):
        await websocket.accept()
        await websocket.receive_text()
        for _ in range(100):
            sends = [member.send_text("x" * 1_000_000) for member in members]
            try:
                async with asyncio.timeout(0.3):
                    await asyncio.gather(*sends, return_exceptions=True)
            except TimeoutError:
                from_endpoint.put("gather() did not come back")
                return
        from_endpoint.put("all sent")

    async with serve(app) as server, connect(server.url("/listen"), compression=None) as stalled:
        stalled.transport.pause_reading()
        async with connect(server.url("/speak")) as ws:
            await ws.send("go")
            seen = await news(from_endpoint)
        stalled.transport.abort()
    return seen == "all sent", seen


@claim(
    "Clients may come and go while a broadcast walks through the `set` of connections.",
    verdict=FALSE,
    keep="Wherever the loop awaits, others may run. Walk through a copy: `for member in list(members)`.",
    lesson="many-clients",
    source="https://docs.python.org/3/reference/compound_stmts.html#the-for-statement",
)
async def set_changes(serve):
    app = FastAPI()
    from_endpoint = queue.SimpleQueue()
    members = set()
    translated = asyncio.Event()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        members.add(websocket)
        try:
            text = await websocket.receive_text()
            from_endpoint.put("begins")
            for member in members:
                await translated.wait()  # or a send to a slow client, or whatever waits
                await member.send_text(text)
            from_endpoint.put("all sent")
        except RuntimeError as error:
            from_endpoint.put(f"RuntimeError: {error}")
        except WebSocketDisconnect:
            members.discard(websocket)

    async with serve(app) as server, connect(server.url("/ws")) as speaker:
        await speaker.send("hello")
        await news(from_endpoint)
        async with connect(server.url("/ws")):
            await server.on_loop(translated.set)
            seen = await news(from_endpoint)
    return seen == "all sent", seen


@claim(
    "A broadcast can take those out of the list that it does not reach.",
    verdict=FALSE,
    keep="Their endpoints do so, too, and the second `remove()` raises. Take them out in one place, in a `finally`.",
    lesson="many-clients",
    source="https://docs.python.org/3/tutorial/datastructures.html#more-on-lists",
)
async def taken_out_twice(serve):
    app = FastAPI()
    from_endpoint = queue.SimpleQueue()
    members = []
    has_worked = asyncio.Event()

    @app.websocket("/listen")
    async def listen(websocket: WebSocket):
        await websocket.accept()
        members.append(websocket)
        try:
            await has_worked.wait()  # busy with something else
            await websocket.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            try:
                members.remove(websocket)
                from_endpoint.put("taken out")
            except ValueError as error:
                from_endpoint.put(f"ValueError: {error}")

    @app.websocket("/speak")
    async def speak(websocket: WebSocket):
        await websocket.accept()
        while members:
            for member in list(members):
                try:
                    await member.send_text("hello")
                except WebSocketDisconnect:
                    members.remove(member)
            await asyncio.sleep(0.01)
        await websocket.send_text("reached nobody")

    async with serve(app) as server:
        async with connect(server.url("/listen")):
            pass  # leaves
        async with connect(server.url("/speak")) as ws:
            await answer(ws)
        await server.on_loop(has_worked.set)
        seen = await news(from_endpoint)
    return seen == "taken out", seen


@claim(
    "A client that connects again gets what it has missed.",
    verdict=FALSE,
    keep="What was sent meanwhile is gone. Number the messages, keep the last ones, and let it ask for the rest.",
    lesson="nothing-lost",
    source="https://websockets.readthedocs.io/en/stable/reference/asyncio/client.html#opening-a-connection",
)
async def connects_again(serve):
    app = FastAPI()
    members = set()

    @app.websocket("/listen")
    async def listen(websocket: WebSocket):
        await websocket.accept()
        members.add(websocket)
        await websocket.receive()  # until it is gone
        members.discard(websocket)

    @app.websocket("/speak")
    async def speak(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            for member in list(members):
                await member.send_text(text)
            await websocket.send_text("said")

    heard = []
    async with serve(app) as server, connect(server.url("/speak")) as speaker:

        async def say(text):
            await speaker.send(text)
            await answer(speaker)

        async for ws in connect(server.url("/listen")):  # again and again
            await say("three" if heard else "one")
            heard.append(await answer(ws))
            if len(heard) == 2:
                break
            ws.transport.abort()
            await server.conversation()  # its endpoint has ended
            await say("two")
    return "two" in heard, f"heard: {', '.join(heard)}"


@claim(
    "If the history is sent first and the client joins then, it misses nothing.",
    verdict=FALSE,
    keep="What is said while the history is sent is not in it, and told to members only. Read both from one list.",
    lesson="nothing-lost",
    source="https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading",
)
async def history_first(serve):
    app = FastAPI()
    from_endpoint = queue.SimpleQueue()
    lines, members = ["one"], []
    looked_up = asyncio.Event()

    @app.websocket("/listen")
    async def listen(websocket: WebSocket):
        await websocket.accept()
        for line in lines.copy():
            await websocket.send_text(line)
            await looked_up.wait()  # as a database, or a send to a client that is slow, makes it wait
        members.append(websocket)
        from_endpoint.put("joined")
        await websocket.receive()  # until it is gone

    @app.websocket("/speak")
    async def speak(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            lines.append(text)
            for member in members:
                await member.send_text(text)
            await websocket.send_text("said")

    async with serve(app) as server, connect(server.url("/speak")) as speaker, connect(server.url("/listen")) as ws:
        heard = [await answer(ws)]
        await speaker.send("two")
        await answer(speaker)
        await server.on_loop(looked_up.set)
        await news(from_endpoint)
        await speaker.send("three")
        heard.append(await answer(ws))
    return "two" in heard, f"heard: {', '.join(heard)}"


@claim(
    "A client that does not read cannot hold up `send_text()`.",
    verdict=FALSE,
    keep="Once all buffers are full, the send waits until it reads: put a timeout around it, or give it a queue.",
    lesson="disconnects-done-right",
    source="https://docs.python.org/3/library/asyncio-protocol.html#asyncio.BaseProtocol.pause_writing",
)
async def slow_client(serve):
    app = FastAPI()
    from_endpoint = queue.SimpleQueue()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.receive_text()
        for _ in range(100):
            try:
                async with asyncio.timeout(0.3):
                    await websocket.send_text("x" * 1_000_000)
            except TimeoutError:
                from_endpoint.put("a send did not come back")
                return
        from_endpoint.put("all sent")

    async with serve(app) as server, connect(server.url("/ws"), compression=None) as ws:
        ws.transport.pause_reading()
        await ws.send("go")
        seen = await news(from_endpoint)
        ws.transport.abort()
    return seen == "all sent", seen


@claim(
    "A disconnect in a `TaskGroup` is caught by `except WebSocketDisconnect`.",
    verdict=FALSE,
    keep="The group raises an `ExceptionGroup` with the disconnect in it: write `except* WebSocketDisconnect`.",
    lesson="both-directions-at-once",
    source="https://docs.python.org/3/library/asyncio-task.html#task-groups",
)
async def task_group(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(websocket.receive_text())
        except WebSocketDisconnect:
            logger.info("caught")

    async with serve(app) as server:
        async with connect(server.url("/ws")):
            pass  # leaves
        seen = await last_line(server)
    return seen == "caught", seen


@claim(
    "`async for ws in connect(...)` pauses before it connects again.",
    verdict=FALSE,
    keep="It pauses when connecting has failed, if that may pass; a 403 or a 429 is raised. After a connection that "
    "was accepted, it comes at once, whatever its close code was: look at the code, and pause.",
    lesson="a-browser-client",
    source="https://websockets.readthedocs.io/en/stable/reference/asyncio/client.html#websockets.asyncio.client.connect",
)
async def comes_at_once(serve):
    app = FastAPI()
    pauses = []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await websocket.close(1008, "do not come back")

    def note():
        while True:
            pauses.append(0)
            yield 0

    codes = []
    async with serve(app) as server:
        async for ws in connect(server.url("/ws"), reconnect_delays=note):
            await ws.wait_closed()
            codes.append(ws.close_code)
            if len(codes) == 3:
                break
    return bool(pauses), f"connected {len(codes)} times, closed with {codes}, with {len(pauses)} pauses"


@claim(
    "Behind a load balancer, WebSockets need sticky sessions.",
    verdict=FALSE,
    keep="A connection is with one server as long as it lives. Who comes back may get another one: what must outlive "
    "a connection is kept outside of the servers.",
    lesson="more-than-one-worker",
    source="https://datatracker.ietf.org/doc/html/rfc6455#section-1.5",
)
async def sticky_sessions(serve):
    def named(name: str):
        app = FastAPI()

        @app.websocket("/ws")
        async def endpoint(websocket: WebSocket):
            await websocket.accept()
            async for _ in websocket.iter_text():
                await websocket.send_text(name)

        return app

    heard = []
    async with serve(named("A")) as a, serve(named("B")) as b, proxy(itertools.cycle([a, b]).__next__) as url:
        for _ in range(2):
            async with connect(url) as ws:  # the proxy takes the servers in turns, and remembers nobody
                for _ in range(3):
                    await ws.send("who are you?")
                    heard.append(await answer(ws))
    return heard != list("AAABBB"), f"two connections of one client, three messages each, were answered by {heard}"


@claim(
    "A proxy passes on a WebSocket's handshake as it passes on any request.",
    verdict=FALSE,
    keep="`Upgrade` and `Connection` are meant for one hop. A proxy has to know WebSockets, as Caddy does, or be told "
    "to pass them on, as nginx must.",
    lesson="restarts-and-proxies",
    source="https://datatracker.ietf.org/doc/html/rfc9110#section-7.6.1",
)
async def hop_by_hop(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()

    async with serve(app) as server, proxy(lambda: server, drop=(b"connection", b"upgrade")) as url:
        try:
            async with connect(url):
                return True, "the client was let in"
        except InvalidStatus as refused:
            return False, f"the client got HTTP {refused.response.status_code}"


@claim(
    "What `TestClient` sees, a real client sees.",
    verdict=FALSE,
    keep="How connections begin, end and break needs a test with a real server.",
    lesson="testing",
    source="https://github.com/Kludex/starlette/blob/1.10.0/starlette/testclient.py",
)
async def what_test_client_sees(serve):
    app = FastAPI()

    @app.websocket("/ws")
    async def refuses(websocket: WebSocket):
        await websocket.close(4401, "log in first")

    def in_a_test() -> int:
        try:
            with TestClient(app).websocket_connect("/ws"):
                return 0
        except WebSocketDisconnect as refused:
            return refused.code

    code = await asyncio.to_thread(in_a_test)
    async with serve(app) as server:
        try:
            async with connect(server.url("/ws")):
                seen = "is let in"
        except InvalidStatus as refused:
            seen = f"sees HTTP {refused.response.status_code}"
    return seen == f"sees {code}", f"the test sees {code}, and a real client {seen}"


@claim(
    "`TestClient(app)` runs the app's lifespan.",
    verdict=FALSE,
    keep="Its `with` does. Write `with TestClient(app) as client` around what the test does.",
    lesson="testing",
    source="https://www.starlette.io/lifespan/#running-lifespan-in-tests",
)
async def lifespan_in_a_test(serve):
    started = []

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI):
        started.append("a database")
        yield

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws")
    async def look(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_json(started)

    def ask(client: TestClient) -> list[str]:
        with client.websocket_connect("/ws") as session:
            return session.receive_json()

    def in_tests() -> tuple[list[str], list[str]]:
        without = ask(TestClient(app))
        with TestClient(app) as client:
            return without, ask(client)

    without, within = await asyncio.to_thread(in_tests)
    return without == within, f"started without `with`: {without}; with it: {within}"


@claim(
    "Clients that ask again when they have been answered show how slow a server is.",
    verdict=FALSE,
    keep="While the server stands still, they ask nothing. Send by a plan, and count from when a message was due.",
    lesson="measuring-it",
    source="https://github.com/giltene/wrk2",
)
async def a_load_that_waits(serve):
    app = FastAPI()
    going = asyncio.Event()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            await going.wait()
            await websocket.send_text(text)

    async def slow_answers(waits: bool) -> int:
        """Of 100 messages, one for each tick; from tick 40 to 60, the endpoint stands still."""
        slow, unanswered = 0, 0
        async with connect(server.url("/ws")) as ws:
            for tick in range(100):
                stands = 40 <= tick < 60
                await server.on_loop(going.clear if stands else going.set)
                if not (waits and unanswered):
                    await ws.send(str(tick))
                    unanswered += 1
                while unanswered and not stands:
                    slow += await ws.recv() != str(tick)
                    unanswered -= 1
        return slow

    async with serve(app) as server:
        waits, by_plan = await slow_answers(waits=True), await slow_answers(waits=False)
    return waits == by_plan, f"slow answers, of those who wait: {waits}; by a plan: {by_plan}"
