"""It expects the disconnect, and then closes: the close() raises, not a send."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except KeyError:
        await websocket.close(1003)
    except WebSocketDisconnect:
        await websocket.close()
