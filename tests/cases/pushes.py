"""It speaks when something happens: a request pushes a number to the client of a name."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
clients: dict[str, WebSocket] = {}


@app.post("/push/{name}")
async def push(name: str):
    if name in clients:
        await clients[name].send_json({"value": 1})


@app.websocket("/ws/{name}")
async def feed(websocket: WebSocket, name: str):
    await websocket.accept()
    clients[name] = websocket
    try:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
    except WebSocketDisconnect:
        pass
    finally:
        if clients.get(name) is websocket:
            del clients[name]
