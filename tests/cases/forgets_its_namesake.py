"""Who comes back has the entry of its name. The end of its old connection takes it out: pushes find nobody then."""

import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
users: dict[str, WebSocket] = {}


@app.post("/push/{name}")
async def push(name: str):
    if name in users:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await users[name].send_text("news")


@app.websocket("/ws/{name}")
async def talk(websocket: WebSocket, name: str):
    await websocket.accept()
    users[name] = websocket
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            await websocket.send_text(message.get("text") or "text, please")
    except WebSocketDisconnect:
        pass
    finally:
        users.pop(name, None)
