"""A game whose first round begins some time after the app has started. Whoever comes before is thrown out."""

import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

state: dict[str, int] = {}


async def play():
    await asyncio.sleep(5)
    state["round"] = 1


@asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(play())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def join(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_json({"round": state["round"]})
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
