"""The lesson closing-too-early.

uvicorn examples.pitfalls.closing:app      and, in a second terminal:
python -m examples.pitfalls.closing
"""

import asyncio
import logging
import sys

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets import connect

logger = logging.getLogger("uvicorn.error")

app = FastAPI()


@app.websocket("/wrong/order")
async def wrong(websocket: WebSocket):
    await websocket.accept()
    dish = await websocket.receive_text()
    await websocket.send_text(f"noted: {dish}")
    await websocket.close()


@app.websocket("/right/order")
async def right(websocket: WebSocket):
    await websocket.accept()
    dishes = []
    try:
        while True:
            text = await websocket.receive_text()
            if text == "that is all":
                break
            dishes.append(text)
            await websocket.send_text(f"noted: {text}")
        logger.info("ordered: %s", ", ".join(dishes))
        await websocket.send_text("thank you")
        await websocket.close(1000, "order taken")
    except WebSocketDisconnect as disconnect:
        logger.info("left with code %d", disconnect.code)


async def compare(server: str) -> None:
    for path in ["/wrong/order", "/right/order"]:
        async with asyncio.timeout(5), connect(server + path) as ws:
            for text in ["soup", "bread", "that is all"]:
                await ws.send(text)
            async for answer in ws:
                print(f"{path}: {answer}")
        print(f"{path}: closed with {ws.close_code} {ws.close_reason!r}")


if __name__ == "__main__":
    asyncio.run(compare(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000"))
