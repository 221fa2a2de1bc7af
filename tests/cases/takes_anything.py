"""It takes what comes for what it should be, in three ways, of which one is far from where it came in."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


def count(items: list) -> int:
    return len(items)


@app.websocket("/ws")
async def shop(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            order = await websocket.receive_json()
            await websocket.send_json({"count": count(order["items"])})
    except WebSocketDisconnect:
        pass
