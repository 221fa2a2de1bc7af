"""It pushes, and closes in the end, however it ends: that waits for a client that does not read."""

import asyncio
from contextlib import suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def push(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await asyncio.sleep(0.01)
            await websocket.send_text("news")
    except WebSocketDisconnect:
        pass
    finally:
        with suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close()
