"""A start-up that works once in a process, as many do: a consumed generator, a client that cannot be opened again."""

from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect


async def generate():
    yield  # primed in the lifespan, sent to afterwards
    while True:
        yield


feed = generate()
running = True


@asynccontextmanager
async def lifespan(app):
    global running
    await anext(feed)
    await anext(feed)
    yield
    running = False
    await feed.aclose()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while running:
            try:
                await websocket.send_text(await websocket.receive_text())
            except KeyError:
                await websocket.close(1003)
                return
    except WebSocketDisconnect:
        pass
