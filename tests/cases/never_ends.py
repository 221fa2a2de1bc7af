"""The endpoint does not notice that its client has gone. The same three seconds, eighteen times: 90 seconds in all."""

import asyncio

from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/ws")
async def subscribe(websocket: WebSocket):
    await websocket.accept()
    while True:
        await asyncio.sleep(1)
