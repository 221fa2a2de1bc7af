"""It answers what it knows, says nothing to the rest, and takes what it cannot read for an error of its own."""

import json

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def answer(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            message = json.loads(await websocket.receive_text())
            if isinstance(message, dict) and message.get("type") == "hello":
                await websocket.send_text("hello")
    except WebSocketDisconnect:
        pass
    except (KeyError, ValueError):
        await websocket.close(1011)
