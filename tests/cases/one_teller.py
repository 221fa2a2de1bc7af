"""One task tells everybody. At an entry that has gone, whoever stands behind it in the list hears no more."""

import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

members: list[WebSocket] = []
news: asyncio.Queue[str] = asyncio.Queue()


async def tell():
    while True:
        text = await news.get()
        try:
            for member in list(members):
                await member.send_text(text)
        except Exception:
            continue


@asynccontextmanager
async def lifespan(app: FastAPI):
    task = asyncio.create_task(tell())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def draw(websocket: WebSocket):
    await websocket.accept()
    members.append(websocket)
    try:
        while True:
            news.put_nowait(await websocket.receive_text())
    except WebSocketDisconnect:
        members.remove(websocket)
