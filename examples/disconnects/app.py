"""An endpoint that survives every way of leaving: lesson 10 as a file.

Start it from the project's folder:

    uvicorn examples.disconnects.app:app --timeout-graceful-shutdown 5
"""

import asyncio
import logging
from typing import NoReturn

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

IDLE = 60  # seconds for a client to say something
SLOW = 10  # seconds for it to take an answer

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
online: set[WebSocket] = set()


async def work(text: str) -> str:
    await asyncio.sleep(0)  # stands for a database, a model, another service
    return text.upper()


async def put_out(websocket: WebSocket, code: int, reason: str) -> NoReturn:
    await websocket.close(code, reason)
    raise WebSocketDisconnect(code, reason)


async def read(websocket: WebSocket, inbox: asyncio.Queue[str]):
    while True:
        try:
            text = await websocket.receive_text()
        except KeyError:  # it sent bytes
            await put_out(websocket, 1003, "text, please")
        await inbox.put(text)


async def answer(websocket: WebSocket, inbox: asyncio.Queue[str]):
    while True:
        try:
            async with asyncio.timeout(IDLE):
                text = await inbox.get()
        except TimeoutError:
            await put_out(websocket, 4000, "idle")
        reply = await work(text)
        try:
            async with asyncio.timeout(SLOW):
                await websocket.send_text(reply)
        except TimeoutError:  # close() would wait for the client, too
            raise WebSocketDisconnect(1006, "does not read") from None


@app.websocket("/ws")
async def shout(websocket: WebSocket):
    await websocket.accept()
    online.add(websocket)
    inbox = asyncio.Queue(maxsize=10)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read(websocket, inbox))
            tasks.create_task(answer(websocket, inbox))
    except* WebSocketDisconnect as ended:
        end = ended.exceptions[0]
        logger.info("ended with code %d %r", end.code, end.reason)
    finally:
        online.discard(websocket)
