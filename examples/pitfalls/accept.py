"""The lesson forgetting-to-accept.

uvicorn examples.pitfalls.accept:app      and, in a second terminal:
python -m examples.pitfalls.accept
"""

import asyncio
import sys

from fastapi import FastAPI, WebSocket
from websockets import InvalidStatus, connect

app = FastAPI()


@app.websocket("/wrong/length")
async def wrong(websocket: WebSocket):
    text = await websocket.receive_text()
    await websocket.send_text(f"{len(text)} characters")
    await websocket.close()


@app.websocket("/right/length")
async def right(websocket: WebSocket):
    await websocket.accept()
    text = await websocket.receive_text()
    await websocket.send_text(f"{len(text)} characters")
    await websocket.close()


async def compare(server: str) -> None:
    for path in ["/wrong/length", "/right/length"]:
        try:
            async with asyncio.timeout(5), connect(server + path) as ws:
                await ws.send("hello")
                print(f"{path}: {await ws.recv()}")
        except InvalidStatus as refusal:
            print(f"{path}: refused, HTTP {refusal.response.status_code}")


if __name__ == "__main__":
    asyncio.run(compare(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000"))
