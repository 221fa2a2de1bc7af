"""A room. What one says goes to all, one after the other; who asks who is here is told that alone."""

import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
members: list[WebSocket] = []


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    members.append(websocket)
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            text = message.get("text") or "bytes"
            who, answer = ([websocket], str(len(members))) if text == "who?" else (list(members), text)
            for member in who:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await member.send_text(answer)
    finally:
        members.remove(websocket)
