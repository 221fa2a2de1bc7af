"""A task for each message, so that a slow one does not hold up the next. Nothing limits how many there are."""

import asyncio
import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


async def answer(websocket: WebSocket, text: str):
    await asyncio.sleep(0.5)  # the slow part
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_text(text.upper())


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    tasks: set[asyncio.Task] = set()
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            task = asyncio.create_task(answer(websocket, message.get("text") or "bytes"))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
