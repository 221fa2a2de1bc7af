"""JSON with fields inside fields, one of them named as Starlette names what comes: `text`."""

import json

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def answer(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            message = json.loads(await websocket.receive_text())
            inner = message["data"]
            text = inner["text"]
            words = text.split()
            await websocket.send_json({"words": len(words)})
    except WebSocketDisconnect:
        pass
