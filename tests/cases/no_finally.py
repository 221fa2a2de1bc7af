"""A list that each way out of the loop tidies up but one: there is no `finally`."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
members: list[WebSocket] = []


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    members.append(websocket)
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        members.remove(websocket)
    except Exception:
        members.remove(websocket)
        await websocket.close(1008)
