"""Each message is handled by a task that nobody looks at. If it fails, its client waits for ever."""

import asyncio
import json

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


async def handle(websocket, text):
    request = json.loads(text)
    await websocket.send_json({"answer": request["question"].upper()})


@app.websocket("/ws")
async def ask(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003)
                return
            asyncio.create_task(handle(websocket, text))  # noqa: RUF006
    except WebSocketDisconnect:
        pass
