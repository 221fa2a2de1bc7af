"""A task for each message, that nobody looks at: a failing one is not seen, and who does not read holds up his own."""

import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
members: list[WebSocket] = []
tasks: set[asyncio.Future] = set()


async def tell(text: str):
    for member in list(members):
        await member.send_text(text)


@app.websocket("/ws")
async def draw(websocket: WebSocket):
    await websocket.accept()
    members.append(websocket)
    loop = asyncio.get_running_loop()
    try:
        while True:
            asyncio.run_coroutine_threadsafe(tell(await websocket.receive_text()), loop)
    except WebSocketDisconnect:
        members.remove(websocket)
