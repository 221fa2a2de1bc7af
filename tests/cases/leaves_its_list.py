"""Whoever ends leaves the list. But that is walked while others come and go, and a send may fail or wait."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
here: list[WebSocket] = []


@app.websocket("/ws")
async def relay(websocket: WebSocket):
    await websocket.accept()
    here.append(websocket)
    try:
        while True:
            try:
                text = await websocket.receive_text()
            except WebSocketDisconnect:
                return
            except KeyError:
                await websocket.close(1003)
                return
            for other in here:
                if other is not websocket:
                    await other.send_text(text)
    finally:
        here.remove(websocket)
