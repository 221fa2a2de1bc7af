"""Whoever falls out by an error stays in the list, until somebody speaks: the send that fails takes it out."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
members: list[WebSocket] = []


async def tell(text: str):
    for member in list(members):
        try:
            await member.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            if member in members:
                members.remove(member)


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    members.append(websocket)
    try:
        while True:
            await tell(await websocket.receive_text())
    except WebSocketDisconnect:
        if websocket in members:
            members.remove(websocket)
