"""One kind of client leaves a dead entry in the list; from then on everybody who speaks is thrown out."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
room: list[WebSocket] = []


@app.websocket("/ws")
async def chat(websocket: WebSocket):
    await websocket.accept()
    room.append(websocket)
    try:
        while True:
            text = await websocket.receive_text()  # bytes: KeyError, and the entry stays
            for member in list(room):
                await member.send_text(text)
    except WebSocketDisconnect:
        room.remove(websocket)
