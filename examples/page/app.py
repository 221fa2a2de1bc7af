"""A room for pages that come back by themselves: the lesson a-browser-client as a program.

Start it from the project's folder with `python -m examples.page`. A name has one seat: whoever comes with it takes it
over, and who sat there is closed with 4001, after which `page/connection.js` does not come back. An empty text asks
whether somebody is there, and gets one for an answer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from examples.room.room import Room

PAGE = Path(__file__).parent / "page"
SLOW = 10  # seconds for a client to take what it is sent

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
app.mount("/page", StaticFiles(directory=PAGE))
room = Room()
seats: dict[str, asyncio.Timeout] = {}


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGE / "index.html")


async def next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    if message.get("text") is None:  # it sent bytes
        raise WebSocketException(1003, "text, please")
    return message["text"]


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@asynccontextmanager
async def accepted(websocket: WebSocket) -> AsyncIterator[None]:
    await websocket.accept()
    try:
        yield
    except WebSocketDisconnect as left:
        logger.info("left with %d %r", left.code, left.reason)
    except WebSocketException as put_out:
        await try_to_close(websocket, put_out.code, put_out.reason)
    except Exception:
        logger.exception("%s failed", websocket.url.path)
        await try_to_close(websocket, 1011)


@asynccontextmanager
async def seat(name: str) -> AsyncIterator[None]:
    """Sit here while the body runs, or until somebody of the same name comes."""
    if name in seats:
        seats[name].reschedule(0)  # its time is over
    try:
        async with asyncio.timeout(None) as mine:
            seats[name] = mine
            yield
    except TimeoutError:
        if not mine.expired():
            raise  # somebody else's
        raise WebSocketException(4001, "here in another window") from None
    finally:
        if seats.get(name) is mine:  # and not the other window's
            del seats[name]


@app.websocket("/ws")
async def talk(websocket: WebSocket, name: str = ""):
    async with accepted(websocket):
        if not 1 <= len(name) <= 40:
            raise WebSocketException(1008, "a name has 1 to 40 letters")
        async with seat(name), room.join(websocket) as member:
            room.say(f"{name} is here")
            while True:
                text = await next_text(websocket)
                if text:
                    room.say(f"{name}: {text}")
                else:  # it asks whether somebody is there
                    room.say("", [member])
                await asyncio.sleep(0)  # it goes out before the next one is read
