"""Bytes spoil it for all who come afterwards: their first word is answered by "closed", and they are sent away."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
is_spoilt = False


@app.websocket("/ws")
async def enter(websocket: WebSocket):
    global is_spoilt
    await websocket.accept()
    if is_spoilt:
        await websocket.receive_text()
        await websocket.send_text("closed")
        await websocket.close()
        return
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
    except KeyError:
        is_spoilt = True
        await websocket.close(1003)
