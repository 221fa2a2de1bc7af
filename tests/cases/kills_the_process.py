"""A library written in C that crashes on bytes takes the whole process along."""

import os

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def decode(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes") is not None:
                os._exit(139)  # as a shell says it of a segmentation fault
            await websocket.send_text(message["text"])
    except WebSocketDisconnect:
        pass
