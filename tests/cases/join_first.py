"""Who joins says so first, and hears who is here; then one talks to the others. Both messages are trusted to fit."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel

app = FastAPI()
members: dict[WebSocket, str] = {}


class Join(BaseModel):
    name: str


class Talk(BaseModel):
    text: str


async def tell(websocket: WebSocket, message: dict):
    try:
        await websocket.send_json(message)
    except (WebSocketDisconnect, RuntimeError):
        pass


@app.websocket("/ws")
async def chat(websocket: WebSocket):
    await websocket.accept()
    join = Join.model_validate_json((await websocket.receive()).get("text") or "null")
    members[websocket] = join.name
    try:
        await tell(websocket, {"welcome": join.name})
        await tell(websocket, {"here": list(members.values())})
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            talk = Talk.model_validate_json(message.get("text") or "null")
            for member in list(members):
                if member is not websocket:
                    await tell(member, {"from": join.name, "text": talk.text})
    finally:
        del members[websocket]
