"""The same news by WebSocket, by server-sent events and by long polling: the lesson websocket-sse-or-polling as a file.

Start it from the project's folder with `python -m examples.three_ways`. Its page shows the three side by side, and
publishes what you write. Restart the server meanwhile: each comes back, and says what it has seen.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from fastapi.websockets import WebSocketState

SLOW = 10  # seconds for a client to take what it is sent
PATIENCE = 20  # seconds that a poll waits; an nginx in front would wait for 60
PAGE = Path(__file__).parent / "page"

logger = logging.getLogger("uvicorn.error")


class Feed:
    """News, numbered. The newest `keep` of them are at hand."""

    def __init__(self, keep: int = 1000):
        self.entries: deque[tuple[int, str]] = deque(maxlen=keep)
        # From the clock, so that a number of before a restart is too old, and not one of today's. (If the clock was set
        # back, it is one of the future: by /ws and /poll, nothing comes for very long. See resume: history has a name.)
        self.last = time.time_ns() // 1_000_000
        self.more = asyncio.Event()

    def publish(self, text: str):
        self.last += 1
        self.entries.append((self.last, text))
        self.more.set()
        self.more = asyncio.Event()  # for the next time

    async def after(self, number: int) -> list[tuple[int, str]]:
        while not (new := [entry for entry in self.entries if entry[0] > number]):
            await self.more.wait()
        return new


app = FastAPI()
app.mount("/page", StaticFiles(directory=PAGE))
feed = Feed()


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGE / "index.html")


@app.post("/publish", status_code=204)
async def say(text: Annotated[str, Query(min_length=1, max_length=200)]):
    feed.publish(text)


# --- server-sent events ---


def number_of(event_id: str) -> int | None:
    try:
        return int(event_id)
    except ValueError:
        return None


def last_seen(last_event_id: Annotated[str, Header()] = "", after: str = "") -> str:
    """What the browser says; or its page, where the browser had given up (for a proxy's 502, say)."""
    return last_event_id or after


@app.get("/sse", response_class=EventSourceResponse)
async def sse(last_event_id: Annotated[str, Depends(last_seen)]) -> AsyncIterator[ServerSentEvent]:
    gone = feed.last - len(feed.entries)  # the last number that is no longer kept
    seen = number_of(last_event_id) if last_event_id else gone
    while True:
        gone = feed.last - len(feed.entries)
        if seen is None or not gone <= seen <= feed.last:
            yield ServerSentEvent(event="reset", data={})
            seen = gone
        elif seen == feed.last:
            await feed.after(seen)  # and look again: more may have come at once than is kept
        else:
            for number, text in await feed.after(seen):
                yield ServerSentEvent(data=text, id=str(number))
                seen = number


# --- long polling ---


@app.get("/poll")
async def poll(after: int = 0) -> list[tuple[int, str]]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await feed.after(after)
    except TimeoutError:
        return []  # ask again


# --- WebSocket ---


async def next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    if message.get("text") is None:  # it sent bytes
        raise WebSocketException(1003, "text, please")
    return message["text"]


async def send(websocket: WebSocket, text: str, seconds: float = SLOW):
    try:
        async with asyncio.timeout(seconds):
            await websocket.send_text(text)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None
    except RuntimeError:
        if websocket.application_state != WebSocketState.CONNECTED:
            raise  # not accepted yet, or closed already: a bug
        raise WebSocketDisconnect(1006, "given up") from None  # uvicorn has closed


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


def first(group: ExceptionGroup) -> Exception:
    error = group.exceptions[0]
    return first(error) if isinstance(error, ExceptionGroup) else error  # a group may be in a group


@asynccontextmanager
async def accepted(websocket: WebSocket) -> AsyncIterator[None]:
    await websocket.accept()
    try:
        yield
    except* WebSocketDisconnect as left:
        logger.info("left with %d %r", first(left).code, first(left).reason)
    except* WebSocketException as put_out:
        await try_to_close(websocket, first(put_out).code, first(put_out).reason)
    except* Exception as bugs:
        for bug in bugs.exceptions:
            logger.error("%s failed", websocket.url.path, exc_info=bug)
        await try_to_close(websocket, 1011)


async def send_news(websocket: WebSocket, seen: int):
    while True:
        for number, text in await feed.after(seen):
            await send(websocket, json.dumps([number, text]))
            seen = number
            await asyncio.sleep(0)  # where there is much to send, others have their turn


@app.websocket("/ws")
async def push(websocket: WebSocket, after: int = 0):
    async with accepted(websocket), asyncio.TaskGroup() as tasks:
        tasks.create_task(send_news(websocket, after))
        while True:
            await next_text(websocket)  # nothing is asked of it; but when it leaves, this raises
