"""Pushes to all workers, of whom one may leave meanwhile. Who sends bytes dies, and stays: nobody behind it is told."""

import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
workers: list[WebSocket] = []


@app.post("/push")
async def push():
    for worker in list(workers):
        with contextlib.suppress(WebSocketDisconnect):
            await worker.send_text("work")


@app.websocket("/ws")
async def work(websocket: WebSocket):
    await websocket.accept()
    workers.append(websocket)
    try:
        async for text in websocket.iter_text():
            await websocket.send_text(f"heard: {text}")
    except WebSocketDisconnect:
        pass
    workers.remove(websocket)
