"""The ways in which a WebSocket connection is refused or ends: data for `course.witnesses`, and who-sees-what's table.

A new one is added here, in a few lines: its endpoint, under `@ending(GROUP, "its name")`, with what the client does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from fastapi import HTTPException, Request, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.responses import JSONResponse
from websockets import ClientConnection

from wslab.examination.clients import TEXT, drop, frame

MAX_SIZE = 1000  # bytes: the servers' limit for a message
CLOSE = 0x88  # first byte of a close frame


async def only_listens(ws: ClientConnection) -> None:
    """What most real clients here do: nothing, but receive until the end."""


def receives(session) -> None:
    """The same for a session of `TestClient`."""
    while True:
        session.receive_text()


@dataclass(frozen=True)
class Ending:
    """A way in which a connection is refused or ends.

    name: one line that says what happens.
    endpoint: the function for `@app.websocket`; None: there is no such route.
    client: what a real client does once it is connected. Then it receives until the connection ends.
    test_client: what a test does in its session, a function; None where `TestClient` cannot do it.
    gives_up: whether the client leaves before it is let in, as soon as the endpoint is called.
    shutdown: whether the server is stopped after what the client does.
    in_handshake: whether it is stopped as soon as the endpoint is called, while the client waits to be let in.
    settings: options of `uvicorn.Config`.
    """

    name: str
    endpoint: Callable[..., Awaitable[None]] | None
    client: Callable[[ClientConnection], Awaitable[None]] = only_listens
    test_client: Callable[..., None] | None = receives
    gives_up: bool = False
    shutdown: bool = False
    in_handshake: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def needs_a_server(self) -> bool:
        """Whether it cannot share a server with others."""
        return self.shutdown or self.in_handshake or bool(self.settings)


def ending(group: list[Ending], name: str, **options):
    """Add the endpoint below to the group."""

    def add(endpoint):
        group.append(Ending(name, endpoint, **options))
        return endpoint

    return add


# --- refused before accept() ---

REFUSED = [Ending("no such route", None)]


@ending(REFUSED, "close(4401) before accept()")
async def close_first(websocket: WebSocket):
    await websocket.close(4401, "log in first")


@ending(REFUSED, "WebSocketException(1008) before accept()")
async def websocket_exception_first(websocket: WebSocket):
    raise WebSocketException(1008, "log in first")


@ending(REFUSED, "HTTPException(401) before accept()")
async def http_exception_first(websocket: WebSocket):
    raise HTTPException(401, "log in first")


@ending(REFUSED, "send_denial_response() with 429")
async def denial(websocket: WebSocket):
    await websocket.send_denial_response(JSONResponse({"wait": 30}, 429))


@ending(REFUSED, "a query parameter is missing")
async def wants_a_token(websocket: WebSocket, token: str):
    await websocket.accept()


@ending(REFUSED, "the endpoint has a parameter of type Request")
async def wants_a_request(websocket: WebSocket, request: Request):
    await websocket.accept()


@ending(REFUSED, "return before accept()")
async def return_first(websocket: WebSocket):
    return


@ending(REFUSED, "an error before accept()")
async def error_first(websocket: WebSocket):
    raise ValueError("a bug")


@ending(REFUSED, "receive_text() before accept()")
async def receive_first(websocket: WebSocket):
    await websocket.receive_text()


@ending(REFUSED, "send_text() before accept()")
async def send_first(websocket: WebSocket):
    await websocket.send_text("hello")


@ending(REFUSED, "waits for something else before accept()")
async def wait_first(websocket: WebSocket):
    await asyncio.Event().wait()
    await websocket.accept()


@ending(REFUSED, "the client leaves before accept()", gives_up=True, test_client=None)
async def accepts_too_late(websocket: WebSocket):
    await websocket.receive()  # a client is there
    await websocket.receive()  # it has gone
    await websocket.accept()


# --- the endpoint ends it ---

BY_THE_ENDPOINT: list[Ending] = []


@ending(BY_THE_ENDPOINT, "close()")
async def close(websocket: WebSocket):
    await websocket.accept()
    await websocket.close()


@ending(BY_THE_ENDPOINT, "close(4000, 'bye')")
async def close_with_a_reason(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4000, "bye")


@ending(BY_THE_ENDPOINT, "WebSocketException(1008, 'not you') after accept()")
async def websocket_exception(websocket: WebSocket):
    await websocket.accept()
    raise WebSocketException(1008, "not you")


@ending(BY_THE_ENDPOINT, "HTTPException(401) after accept()")
async def http_exception(websocket: WebSocket):
    await websocket.accept()
    raise HTTPException(401, "log in first")


@ending(BY_THE_ENDPOINT, "return without close()")
async def just_return(websocket: WebSocket):
    await websocket.accept()


@ending(BY_THE_ENDPOINT, "an error after accept()")
async def error(websocket: WebSocket):
    await websocket.accept()
    raise ValueError("a bug")


@ending(BY_THE_ENDPOINT, "close(1006), a code that is never sent")
async def close_1006(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(1006)


@ending(BY_THE_ENDPOINT, "close(401), an HTTP status")
async def close_401(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(401)


@ending(BY_THE_ENDPOINT, "close() with a reason of 124 bytes")
async def long_reason(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4000, 124 * "x")


@ending(BY_THE_ENDPOINT, "close() twice")
async def close_twice(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4000)
    await websocket.close(4000)


@ending(BY_THE_ENDPOINT, "send_text() after close()")
async def send_after_close(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4000)
    await websocket.send_text("one more thing")


@ending(BY_THE_ENDPOINT, "receive_text() after close()")
async def receive_after_close(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4000)
    await websocket.receive_text()


@ending(BY_THE_ENDPOINT, "accept() twice")
async def accept_twice(websocket: WebSocket):
    await websocket.accept()
    await websocket.accept()


# --- the client ends it ---

BY_THE_CLIENT: list[Ending] = []


async def leaves(ws: ClientConnection) -> None:
    await ws.close()


async def leaves_with_a_reason(ws: ClientConnection) -> None:
    await ws.close(1001, "page left")


async def leaves_without_a_code(ws: ClientConnection) -> None:
    ws.transport.write(frame(CLOSE, b""))  # a close frame that is empty, as socket.close() in a browser sends it


async def says_more(ws: ClientConnection) -> None:
    await ws.send("still there?")


async def stops_reading(ws: ClientConnection) -> None:
    ws.transport.pause_reading()  # and so sees no ping


def session_leaves(session) -> None:
    session.close()


def session_leaves_with_a_reason(session) -> None:
    session.close(1001, "page left")


async def listen(websocket: WebSocket):
    await websocket.accept()
    while True:
        await websocket.receive_text()


async def listen_with_iter_text(websocket: WebSocket):
    await websocket.accept()
    async for _ in websocket.iter_text():
        pass


BY_THE_CLIENT += [
    Ending("the client closes with 1000", listen, leaves, session_leaves),
    Ending("the client closes with 1001, 'page left'", listen, leaves_with_a_reason, session_leaves_with_a_reason),
    Ending("the client closes without a code", listen, leaves_without_a_code, None),
    Ending("the client loses its TCP connection", listen, drop, None),
    Ending(
        "the client answers no pings",
        listen,
        stops_reading,
        None,
        settings={"ws_ping_interval": 0.2, "ws_ping_timeout": 0.2},
    ),
    Ending("the client closes, the endpoint uses iter_text()", listen_with_iter_text, leaves, session_leaves),
]


@ending(BY_THE_CLIENT, "the client closes, the endpoint does something else", client=leaves, test_client=session_leaves)
async def busy(websocket: WebSocket):
    await websocket.accept()
    await asyncio.Event().wait()


BY_THE_CLIENT += [
    Ending(
        "the client answers pings and says something, the endpoint does something else",
        busy,
        says_more,
        None,
        settings={"ws_ping_interval": 0.2, "ws_ping_timeout": 0.2},
    ),
]


@ending(BY_THE_CLIENT, "the client closes, the endpoint receives again", client=leaves, test_client=session_leaves)
async def receives_again(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()  # the disconnect
    await websocket.receive_text()


@ending(BY_THE_CLIENT, "the client closes, the endpoint sends", client=leaves, test_client=session_leaves)
async def sends(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    await websocket.send_text("hello?")


@ending(BY_THE_CLIENT, "the client closes, the endpoint sends twice", client=leaves, test_client=session_leaves)
async def sends_again(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    with suppress(WebSocketDisconnect):
        await websocket.send_text("hello?")
    await websocket.send_text("are you there?")


@ending(BY_THE_CLIENT, "the client closes, the endpoint calls close()", client=leaves, test_client=session_leaves)
async def closes_too(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    await websocket.close()


@ending(BY_THE_CLIENT, "the client closes, the endpoint calls close() later", client=leaves, test_client=session_leaves)
async def closes_later(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    await asyncio.sleep(0)  # the shortest wait there is
    await websocket.close()


@ending(BY_THE_CLIENT, "the client loses its TCP connection, the endpoint calls close()", client=drop, test_client=None)
async def closes_what_is_lost(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    await websocket.close()


# --- the client sends what cannot be taken ---

BAD_MESSAGES: list[Ending] = []


async def sends_bytes(ws: ClientConnection) -> None:
    await ws.send(b"\x00")


async def sends_text(ws: ClientConnection) -> None:
    await ws.send("this is not JSON")


async def sends_too_much(ws: ClientConnection) -> None:
    await ws.send(2 * MAX_SIZE * "x")


async def sends_no_utf8(ws: ClientConnection) -> None:
    ws.transport.write(frame(TEXT, b"\xff\xfe"))


async def sends_no_mask(ws: ClientConnection) -> None:
    ws.transport.write(bytes([TEXT, 5]) + b"Hello")


async def sends_close_1006(ws: ClientConnection) -> None:
    ws.transport.write(frame(CLOSE, (1006).to_bytes(2, "big")))


def session_sends_bytes(session) -> None:
    session.send_bytes(b"\x00")
    session.receive_text()


def session_sends_text(session) -> None:
    session.send_text("this is not JSON")
    session.receive_text()


def session_sends_too_much(session) -> None:
    session.send_text(2 * MAX_SIZE * "x")
    session.receive_text()


@ending(BAD_MESSAGES, "bytes for receive_text()", client=sends_bytes, test_client=session_sends_bytes)
async def takes_text(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_text()


@ending(BAD_MESSAGES, "text for receive_bytes()", client=sends_text, test_client=session_sends_text)
async def takes_bytes(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_bytes()


@ending(BAD_MESSAGES, "bytes for receive_json()", client=sends_bytes, test_client=session_sends_bytes)
@ending(BAD_MESSAGES, "text that is not JSON for receive_json()", client=sends_text, test_client=session_sends_text)
async def takes_json(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_json()


@ending(BAD_MESSAGES, "a message over ws_max_size", client=sends_too_much, test_client=session_sends_too_much)
async def takes_anything(websocket: WebSocket):
    await websocket.accept()
    text = await websocket.receive_text()
    await websocket.close(4000, f"{len(text)} characters")


BAD_MESSAGES += [
    Ending("a text message that is not UTF-8", listen, sends_no_utf8, None),
    Ending("a frame without a mask", listen, sends_no_mask, None),
    Ending("a close frame with 1006", listen, sends_close_1006, None),
]


# --- the server stops ---

BY_THE_SERVER: list[Ending] = [
    Ending("shutdown, the endpoint receives", listen, test_client=None, shutdown=True),
]


@ending(BY_THE_SERVER, "shutdown, the endpoint sends", test_client=None, shutdown=True)
async def streams(websocket: WebSocket):
    await websocket.accept()
    while True:
        await websocket.send_text("tick")
        await asyncio.sleep(0.01)


BY_THE_SERVER += [
    Ending(
        "shutdown, the endpoint does something else",
        busy,
        test_client=None,
        shutdown=True,
        settings={"timeout_graceful_shutdown": 0.1},
    ),
]


@ending(
    BY_THE_SERVER,
    "shutdown, before accept()",
    test_client=None,
    in_handshake=True,
    settings={"timeout_graceful_shutdown": 0.1},
)
async def not_yet_in(websocket: WebSocket):
    await asyncio.Event().wait()
    await websocket.accept()


ENDINGS = (*REFUSED, *BY_THE_ENDPOINT, *BY_THE_CLIENT, *BAD_MESSAGES, *BY_THE_SERVER)
