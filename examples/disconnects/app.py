"""An endpoint that takes each client of the check-up in its stride: the lesson disconnects-done-right as a file.

Start it from the project's folder:

    uvicorn examples.disconnects.app:app --timeout-graceful-shutdown 5
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.websockets import WebSocketState

SILENT = 60  # seconds for a client to say something
SLOW = 10  # seconds for it to take what it is sent

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
online: set[WebSocket] = set()


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


@app.websocket("/ws")
async def shout(websocket: WebSocket):
    async with accepted(websocket):
        online.add(websocket)
        try:
            while True:
                text = await next_text(websocket)
                await send(websocket, text.upper())
        finally:
            online.discard(websocket)
