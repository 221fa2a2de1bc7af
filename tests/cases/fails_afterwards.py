"""When its client has left, it notes for how long it was there, and finds no beginning, since it was never there."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
spoke: dict[WebSocket, int] = {}


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            spoke[websocket] = spoke.get(websocket, 0) + 1
            await websocket.send_text(message.get("text") or "bytes")
    except WebSocketDisconnect:
        pass
    finally:
        print("messages:", spoke.pop(websocket))
