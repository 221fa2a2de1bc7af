"""The lesson blocking-the-event-loop. One slow call stops all clients.

uvicorn examples.pitfalls.blocking:app      and, in a second terminal:
python -m examples.pitfalls.blocking
"""

import asyncio
import logging
import sys
import time

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets import connect

logger = logging.getLogger("uvicorn.error")


def make_report() -> str:
    time.sleep(1)
    return "your report"


app = FastAPI()


@app.websocket("/wrong/desk")
async def wrong(websocket: WebSocket):
    await websocket.accept()
    try:
        async for text in websocket.iter_text():
            if text == "report":
                await websocket.send_text("one moment")
                logger.info("the report begins")
                report = make_report()
                logger.info("the report is done")
                await websocket.send_text(report)
            else:
                await websocket.send_text(f"You wrote: {text}")
    except WebSocketDisconnect:
        pass  # the client has left


@app.websocket("/right/desk")
async def right(websocket: WebSocket):
    await websocket.accept()
    try:
        async for text in websocket.iter_text():
            if text == "report":
                await websocket.send_text("one moment")
                logger.info("the report begins")
                report = await asyncio.to_thread(make_report)
                logger.info("the report is done")
                await websocket.send_text(report)
            else:
                await websocket.send_text(f"You wrote: {text}")
    except WebSocketDisconnect:
        pass  # the client has left


async def compare(server: str) -> None:
    async def ask(ws, text: str, line: str) -> None:
        await ws.send(text)
        await ws.recv()
        print(line)

    for path in ["/wrong/desk", "/right/desk"]:
        async with asyncio.timeout(10), connect(server + path) as ann, connect(server + path) as ben:
            await ask(ann, "report", f"{path}: Ann's report is being made")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(ask(ben, "hi", f"{path}: Ben, who only says hi, is answered"))
                await ann.recv()
                print(f"{path}: Ann has her report")


if __name__ == "__main__":
    asyncio.run(compare(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000"))
