"""One lock for all, so that answers do not mix. Who does not read holds it, in a send of its own."""

import asyncio
import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
lock = asyncio.Lock()


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            async with lock:
                await websocket.send_text(message.get("text") or "bytes")
