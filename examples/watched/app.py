"""A help desk that can be watched. Its endpoint knows nothing of that.

It answers `hours` and `phone`; what it cannot answer is a bug of its; and `invoice 17` stops it for three seconds.
"""

import asyncio
import logging
import time
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response, WebSocket
from prometheus_client import CONTENT_TYPE_LATEST

from examples.disconnects.app import accepted, next_text, send
from examples.watched import watch

logger = logging.getLogger("uvicorn.error")


@asynccontextmanager
async def lifespan(app: FastAPI):
    watch.ids_in_the_log()  # here, since uvicorn has set up its log by now, however it was started
    watch.dump_on_a_signal()
    watcher = asyncio.create_task(watch.watch_the_loop())
    yield
    watcher.cancel()


app = FastAPI(lifespan=lifespan)
app.add_middleware(watch.Watch)


@app.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    return Response(watch.metrics(), media_type=CONTENT_TYPE_LATEST)


def answer(question: str) -> str:
    if question.startswith("invoice"):
        return find_invoice(question)
    return {"hours": "9 to 5", "phone": "555 0100"}[question]


def find_invoice(number: str) -> str:
    time.sleep(3)  # stands for a query that nobody knew to be slow
    return f"{number}: paid"


@app.websocket("/desk")
async def desk(websocket: WebSocket):
    async with accepted(websocket):
        while True:
            question = await next_text(websocket)
            logger.info("asked %r", question)
            await send(websocket, answer(question))
