"""An endpoint that survives every way of leaving: lesson 10 as a file.

Start it from the project's folder:

    uvicorn examples.disconnects.app:app --timeout-graceful-shutdown 5
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

SILENT = 60  # seconds for a client to say something
SLOW = 10  # seconds for it to take an answer
AHEAD = 1000  # texts that may wait for their answers

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
online: set[WebSocket] = set()


async def reply_to(text: str) -> str:
    await asyncio.sleep(0)  # stands for a database, a model, another service
    return text.upper()


class PutOut(Exception):
    """The client is to be put out, with this code and reason."""


async def read(websocket: WebSocket, inbox: asyncio.Queue[str]):
    while True:
        try:
            inbox.put_nowait(await websocket.receive_text())
        except KeyError:  # it sent bytes
            raise PutOut(1003, "text, please") from None
        except asyncio.QueueFull:
            raise PutOut(1008, "too much at once") from None


async def within(seconds: float, step: Coroutine, reason: str):
    try:
        async with asyncio.timeout(seconds):
            return await step
    except TimeoutError:
        raise PutOut(4000, reason) from None
    except RuntimeError:  # uvicorn has closed, and read() has not heard of it yet
        raise WebSocketDisconnect(1006) from None


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # it may have left, or not read
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@app.websocket("/ws")
async def shout(websocket: WebSocket):
    await websocket.accept()
    online.add(websocket)
    inbox = asyncio.Queue(AHEAD)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read(websocket, inbox))
            while True:
                text = await within(SILENT, inbox.get(), "idle")
                reply = await reply_to(text)
                await within(SLOW, websocket.send_text(reply), "slow")
    except* WebSocketDisconnect as left:
        logger.info("left with code %d", left.exceptions[0].code)
    except* PutOut as put_out:
        await try_to_close(websocket, *put_out.exceptions[0].args)
    except* Exception:
        logger.exception("/ws failed")
        await try_to_close(websocket, 1011)
    finally:
        online.discard(websocket)
