"""Seats that are held as long as a connection lasts: the lesson testing as a file. Its tests are beside it.

Run the tests from the project's folder:

    python -m pytest examples/tested

A client says the number of a seat, and hears `yours`, `taken` or `no such seat`. When it has gone, its seats are free.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated

from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.websockets import WebSocketState

SEATS = {str(number) for number in range(1, 21)}
SILENT = 60  # seconds for a client to say something
SLOW = 10  # seconds for it to take what it is sent

logger = logging.getLogger("uvicorn.error")

tickets = {"ann's": "Ann", "ben's": "Ben"}  # the lesson who-is-calling has better ones


class Hall:
    """Who holds which seat. Stands for a database: whoever uses it, awaits."""

    def __init__(self):
        self.holders: dict[str, object] = {}

    async def take(self, seat: str, who: object) -> bool:
        return self.holders.setdefault(seat, who) == who

    async def give_back(self, who: object):
        for seat in [seat for seat, holder in self.holders.items() if holder == who]:
            del self.holders[seat]


@asynccontextmanager
async def lifespan(app: FastAPI):
    yield {"hall": Hall()}  # becomes `websocket.state`


async def hall_of(websocket: WebSocket) -> Hall:
    return websocket.state.hall


async def user_of(ticket: str = "") -> str | None:
    return tickets.get(ticket)


app = FastAPI(lifespan=lifespan)


async def next_text(websocket: WebSocket, seconds: float = SILENT) -> str:
    try:
        async with asyncio.timeout(seconds):
            message = await websocket.receive()
    except TimeoutError:
        raise WebSocketException(4000, "idle") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    if message.get("text") is None:  # it sent bytes
        raise WebSocketException(1003, "text, please")
    return message["text"]


async def send(websocket: WebSocket, text: str, seconds: float = SLOW):
    try:
        async with asyncio.timeout(seconds):
            await websocket.send_text(text)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None
    except RuntimeError:
        if websocket.application_state != WebSocketState.CONNECTED:
            raise  # not accepted yet, or closed already: a bug
        raise WebSocketDisconnect(1006, "given up") from None  # uvicorn has closed


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@asynccontextmanager
async def accepted(websocket: WebSocket) -> AsyncIterator[None]:
    await websocket.accept()
    try:
        yield
    except WebSocketDisconnect as left:
        logger.info("left with %d %r", left.code, left.reason)
    except WebSocketException as put_out:
        await try_to_close(websocket, put_out.code, put_out.reason)
    except Exception:
        logger.exception("%s failed", websocket.url.path)
        await try_to_close(websocket, 1011)


@app.websocket("/seats")
async def seats(
    websocket: WebSocket,
    user: Annotated[str | None, Depends(user_of)],
    hall: Annotated[Hall, Depends(hall_of)],
):
    async with accepted(websocket):
        if user is None:
            raise WebSocketException(4401, "log in first")
        try:
            while True:
                seat = await next_text(websocket)
                if seat not in SEATS:
                    await send(websocket, "no such seat")
                elif await hall.take(seat, websocket):  # not the user: they may come twice
                    await send(websocket, "yours")
                else:
                    await send(websocket, "taken")
        finally:
            await hall.give_back(websocket)
