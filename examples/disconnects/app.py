"""An endpoint that survives every way of leaving: the lesson disconnects-done-right as a file.

Start it from the project's folder:

    uvicorn examples.disconnects.app:app --timeout-graceful-shutdown 5
"""

import asyncio
import logging
from contextlib import suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect, WebSocketException

SILENT = 60  # seconds for a client to say something
SLOW = 10  # seconds for it to take an answer

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
online: set[WebSocket] = set()


async def next_text(websocket: WebSocket) -> str:
    try:
        async with asyncio.timeout(SILENT):
            return await websocket.receive_text()
    except TimeoutError:
        raise WebSocketException(4000, "idle") from None
    except KeyError:  # it sent bytes
        raise WebSocketException(1003, "text, please") from None


async def send(websocket: WebSocket, text: str):
    try:
        async with asyncio.timeout(SLOW):
            await websocket.send_text(text)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@app.websocket("/ws")
async def shout(websocket: WebSocket):
    await websocket.accept()
    online.add(websocket)
    try:
        while True:
            text = await next_text(websocket)
            await send(websocket, text.upper())
    except WebSocketDisconnect as left:
        logger.info("left with code %d", left.code)
    except WebSocketException as put_out:
        await try_to_close(websocket, put_out.code, put_out.reason)
    except Exception:
        logger.exception("/ws failed")
        await try_to_close(websocket, 1011)
    finally:
        online.discard(websocket)
