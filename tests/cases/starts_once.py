"""Bytes spoil it for everybody, and it cannot be started a second time: it has a lock file."""

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

spoilt = False


def lock():
    open(os.environ["LOCK_FILE"], "x").close()  # raises if it is there


@asynccontextmanager
async def lifespan(app):
    lock()
    yield


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    global spoilt
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            spoilt = spoilt or message.get("bytes") is not None
            if spoilt:
                await websocket.close(1011)
                return
            await websocket.send_text(message["text"])
    except WebSocketDisconnect:
        pass
