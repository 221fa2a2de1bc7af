"""One place for all clients: whoever comes last hears what is meant for those who came before."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
slot: dict[str, WebSocket] = {}


@app.post("/push")
async def push():
    await slot["page"].send_text("news")


@app.websocket("/ws")
async def listen(websocket: WebSocket):
    await websocket.accept()
    slot["page"] = websocket
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        pass
