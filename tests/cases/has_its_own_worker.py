"""A right one: the app has a worker, which endpoints start, and which makes tasks of its own again and again."""

import asyncio
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect


async def work():
    while True:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)  # makes a task, before Python 3.12
        tick = asyncio.create_task(asyncio.sleep(0.01))
        await tick


@asynccontextmanager
async def lifespan(app):
    worker = asyncio.create_task(work())
    yield
    worker.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
