"""News every ten seconds, for the one page of a user. Another one takes its place, and leaves with it."""

import asyncio
import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

USER = "ann"  # of whom a cookie tells, say


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI):
    ticking = asyncio.create_task(tick())
    yield
    ticking.cancel()


app = FastAPI(lifespan=lifespan)
pages: dict[str, WebSocket] = {}


async def tick():
    while True:
        await asyncio.sleep(10)
        for page in list(pages.values()):
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await page.send_text("news")


@app.websocket("/ws")
async def follow(websocket: WebSocket):
    await websocket.accept()
    pages[USER] = websocket
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            await websocket.send_text(message.get("text") or "text, please")
    except WebSocketDisconnect:
        pass
    finally:
        pages.pop(USER, None)
