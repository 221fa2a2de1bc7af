"""It registers before accept(), and looks something up. Who gives up meanwhile stays registered."""

import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
members: set[WebSocket] = set()


async def look_up():
    await asyncio.sleep(0.05)


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    members.add(websocket)
    await look_up()
    await websocket.accept()
    try:
        while True:
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003)
                return
            await websocket.send_text(text)
    except WebSocketDisconnect:
        pass
    finally:
        members.discard(websocket)
