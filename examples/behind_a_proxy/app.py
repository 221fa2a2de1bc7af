"""A board behind a proxy: what is posted at one worker, those who read at the same one are told.

    ws://.../board    hears what is posted, and that its connection ends
    ws://.../post     posts; what was posted is saved when its client leaves, which takes two seconds
    ws://.../who      says under which address, and for whom, the app has been asked

Its endpoints end when they are asked to: none waits without hearing that. (How what is said at one worker gets to the
other: `examples/workers`.)
"""

import asyncio
import logging

from fastapi import FastAPI, WebSocket

from examples.room.app import accepted, next_text

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
readers: set[asyncio.Queue] = set()


async def tell(websocket: WebSocket, news: asyncio.Queue):
    while True:
        await websocket.send_text(await news.get())


@app.websocket("/board")
async def board(websocket: WebSocket):
    async with accepted(websocket), asyncio.TaskGroup() as tasks:
        news = asyncio.Queue()
        readers.add(news)
        try:
            tasks.create_task(tell(websocket, news))
            while True:
                await next_text(websocket)  # what is said is ignored; the end is heard
        finally:
            readers.discard(news)


@app.websocket("/post")
async def post(websocket: WebSocket):
    async with accepted(websocket):
        try:
            while True:
                text = await next_text(websocket)
                for news in readers:
                    news.put_nowait(text)
        finally:
            logger.info("saving")
            await asyncio.sleep(2)
            logger.info("saved")


@app.websocket("/who")
async def who(websocket: WebSocket):
    async with accepted(websocket):
        await websocket.send_text(f"{websocket.url_for('who')}, asked by {websocket.client.host}")
        await websocket.close(4001, "told you so")
