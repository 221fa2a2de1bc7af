"""The lesson letting-disconnects-escape. What comes after the loop is skipped, here the release of a lock.

uvicorn examples.pitfalls.disconnects:app      and, in a second terminal:
python -m examples.pitfalls.disconnects
"""

import asyncio
import logging
import sys

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets import connect

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
lost_microphone = asyncio.Lock()
microphone = asyncio.Lock()


@app.websocket("/wrong/stage")
async def wrong(websocket: WebSocket):
    await websocket.accept()
    if lost_microphone.locked():
        await websocket.send_text("taken")
        await websocket.close()
        return
    await lost_microphone.acquire()
    await websocket.send_text("yours")
    while True:
        await websocket.receive_text()
    lost_microphone.release()


@app.websocket("/right/stage")
async def right(websocket: WebSocket):
    await websocket.accept()
    try:
        if microphone.locked():
            await websocket.send_text("taken")
            await websocket.close()
            return
        async with microphone:
            await websocket.send_text("yours")
            while True:
                await websocket.receive_text()
    except WebSocketDisconnect as disconnect:
        logger.info("left with code %d", disconnect.code)


async def compare(server: str) -> None:
    for path in ["/wrong/stage", "/right/stage"]:
        for name in ["Ann", "Ben"]:  # one after the other: Ann has left when Ben comes
            async with asyncio.timeout(5), connect(server + path) as ws:
                print(f"{path}: {name} asks for the microphone: {await ws.recv()}")


if __name__ == "__main__":
    asyncio.run(compare(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000"))
