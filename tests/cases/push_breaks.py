"""The request that makes it speak has a bug."""

from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.post("/push")
async def push():
    return 1 / 0


@app.websocket("/ws")
async def listen(websocket: WebSocket):
    await websocket.accept()
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
