"""A call that blocks outside of Python, such as a lock that nobody gives back, cannot be broken off."""

import time

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes") is not None:
                time.sleep(1000)
            await websocket.send_text(message["text"])
    except WebSocketDisconnect:
        pass
