"""Its start-up takes two signals over with `signal.signal()`, one of which uvicorn listens to."""

import signal
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect


@asynccontextmanager
async def lifespan(app):
    signal.signal(signal.SIGINT, lambda *_: print("Not now."))
    signal.signal(signal.SIGUSR1, lambda *_: print("Still here."))
    yield


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
    except KeyError:
        await websocket.close(1003)
