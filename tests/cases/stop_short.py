"""A stream (more than 10 s) that "stop" shall end. The loop reads "stop" when all tokens are out."""

import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


async def tokens():
    for n in range(2500):
        await asyncio.sleep(0.004)
        yield f"token {n}"


@app.websocket("/ws")
async def chat(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003)
                return
            if text == "stop":
                continue  # nothing goes on any more
            async for token in tokens():
                await websocket.send_text(token)
    except WebSocketDisconnect:
        pass
