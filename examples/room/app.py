"""Rooms with names, and who is in them: the lesson many-clients as a program, with a page.

Start it from the project's folder with `python -m examples.room`. A client says texts; what it hears is JSON:
`{"name": "Ann", "text": "hello"}`, and `{"here": ["Ann", "Ben"]}` when it comes, and when that has changed.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from examples.room.room import Member, Room

PAGE = Path(__file__).parent / "page"
SLOW = 10  # seconds for a client to take what it is sent

logger = logging.getLogger("uvicorn.error")

Name = Annotated[str, Query(min_length=1, max_length=40)]

app = FastAPI()
app.mount("/page", StaticFiles(directory=PAGE))
rooms: dict[str, "NamedRoom"] = {}


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGE / "index.html")


class NamedRoom(Room):
    """A room that tells who is here: a name is there once, by however many connections."""

    def __init__(self):
        super().__init__()
        self.connections: Counter[str] = Counter()

    @contextmanager
    def present(self, member: Member, name: str) -> Iterator[None]:
        """While the body runs, `name` is here. Members hear of it if it was not, and if it no longer is."""
        self.connections[name] += 1
        self.tell_who_is_here(self.members.values() if self.connections[name] == 1 else [member])
        try:
            yield
        finally:  # an old connection may end after a new one has come: count, take nothing away
            self.connections[name] -= 1
            if not self.connections[name]:
                del self.connections[name]
                self.tell_who_is_here(self.members.values())

    def tell_who_is_here(self, to: Iterable[Member]):
        self.say(json.dumps({"here": sorted(self.connections)}), to)


@contextmanager
def room_called(name: str) -> Iterator[NamedRoom]:
    """The room of this name, which is there for as long as somebody is in it. Join it before you await anything."""
    room = rooms.setdefault(name, NamedRoom())
    try:
        yield room
    finally:
        if not room.members and rooms.get(name) is room:  # there may be a new one of this name
            del rooms[name]


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


@app.websocket("/ws")
async def enter(websocket: WebSocket, room: Name, name: Name):
    async with accepted(websocket):
        with room_called(room) as place:
            async with place.join(websocket) as member:
                with place.present(member, name):
                    while True:
                        text = await next_text(websocket)
                        place.say(json.dumps({"name": name, "text": text}))
                        await asyncio.sleep(0)  # it goes out before the next one is read
