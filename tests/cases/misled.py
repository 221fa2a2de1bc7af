"""A room that takes any error for its own client's leaving, and nobody out who was not heard leaving."""

from fastapi import FastAPI, WebSocket

app = FastAPI()
members: list[WebSocket] = []


@app.websocket("/ws")
async def room(websocket: WebSocket):
    await websocket.accept()
    members.append(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            for member in list(members):
                if member is not websocket:
                    await member.send_text(text)
    except Exception:
        members.remove(websocket)
    if websocket.client_state.name == "CONNECTED":
        await websocket.close()
