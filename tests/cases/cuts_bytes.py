"""Cuts what it answers at so many bytes, which may be in the middle of a character."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
MOST = 1024  # bytes


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        data = (message.get("text") or "bytes").encode()[:MOST]
        try:
            await websocket.send_text(data.decode())
        except WebSocketDisconnect:
            return
