"""The lesson catching-too-much. The soup has no price, which is a bug: who gets to know?

uvicorn examples.pitfalls.catching:app      and, in a second terminal:
python -m examples.pitfalls.catching
"""

import asyncio
import logging
import sys
from contextlib import suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets import ConnectionClosed, connect

MENU = {"tea": 2.5, "coffee": 3.0, "soup": None}

logger = logging.getLogger("uvicorn.error")

app = FastAPI()


@app.websocket("/wrong/menu")
async def wrong(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            dish = await websocket.receive_text()
            await websocket.send_text(f"{dish}: {MENU[dish]:.2f}")
    except Exception:
        await websocket.close()


@app.websocket("/right/menu")
async def right(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            dish = await websocket.receive_text()
            try:
                price = MENU[dish]
            except KeyError:
                await websocket.send_text(f"{dish} is not on the menu")
            else:
                await websocket.send_text(f"{dish}: {price:.2f}")
    except WebSocketDisconnect:
        pass
    except Exception:
        logger.exception("/menu failed")
        with suppress(WebSocketDisconnect, RuntimeError):  # it may be over already
            await websocket.close(1011)


async def compare(server: str) -> None:
    for path in ["/wrong/menu", "/right/menu"]:
        for dish in ["tea", "pizza", "soup"]:
            async with asyncio.timeout(5), connect(server + path) as ws:
                await ws.send(dish)
                try:
                    print(f"{path}: {await ws.recv()}")
                except ConnectionClosed:
                    print(f"{path}: {dish}? closed with {ws.close_code}")
    print("And now look at the server's log: which of the two has an error in it?")


if __name__ == "__main__":
    asyncio.run(compare(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000"))
