"""One generator sends for all, a step for each message. Who does not read stops it, and nobody else gets a step."""

import asyncio
import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
turn = asyncio.Lock()


async def numbers():
    """Sends to whom it is given, with a number that goes up."""
    number, (websocket, text) = 0, (yield)
    while True:
        number += 1
        with contextlib.suppress(WebSocketDisconnect):
            await websocket.send_text(f"{number}: {text}")
        websocket, text = yield


sending = numbers()
begun = asyncio.Event()


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    async with turn:
        if not begun.is_set():
            begun.set()
            await anext(sending)
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        async with turn:
            await sending.asend((websocket, message.get("text") or "bytes"))
