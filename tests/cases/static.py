"""A single-page app's files at "/", above the WebSocket endpoint: the mount takes every path, also of a handshake."""

import tempfile

from fastapi import FastAPI, WebSocket
from fastapi.staticfiles import StaticFiles

app = FastAPI()
app.mount("/", StaticFiles(directory=tempfile.mkdtemp(), html=True))


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
