"""Nobody is answered; a request makes it tell all. One that does not read holds all of them up."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
here: set[WebSocket] = set()


@app.websocket("/ws")
async def listen(websocket: WebSocket):
    await websocket.accept()
    here.add(websocket)
    try:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        here.discard(websocket)


@app.post("/push")
async def push():
    for websocket in list(here):
        try:
            await websocket.send_text("news")
        except (WebSocketDisconnect, RuntimeError):
            here.discard(websocket)
