"""A room with a queue for each. What one says is looked at only where it is sent: it breaks another's endpoint."""

import asyncio
import json

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
queues: dict[WebSocket, asyncio.Queue] = {}


async def write(websocket: WebSocket, queue: asyncio.Queue):
    while True:
        message = await queue.get()
        await websocket.send_text(message["text"].strip())


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    queues[websocket] = queue = asyncio.Queue()
    try:
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(write(websocket, queue))
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                said = json.loads(message.get("text") or "null")
                for member in queues.keys() - {websocket}:
                    queues[member].put_nowait(said)
            writing.cancel()
    except* WebSocketDisconnect:
        pass
    finally:
        del queues[websocket]
