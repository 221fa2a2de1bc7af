"""A room whose clients come back and have missed nothing: the lesson nothing-lost as a program.

Start it from the project's folder with `python -m examples.resume`. A client connects to
`/room?client=NAME&history=HISTORY&number=NUMBER`: a name that no other client has, and how far it has heard. It says
`{"id": 1, "text": "hello"}` until it hears `{"ack": 1}`, with a higher `id` for each text. It hears the lines, as
`{"number": 1, "text": "hello"}`; and first, if it cannot go on from where it was, `{"anew": HISTORY, "number": 0}`.
All is kept in memory: a server that is started again has another history.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.websockets import WebSocketState
from pydantic import BaseModel, Field, PositiveInt, ValidationError

from examples.resume.history import History

SLOW = 10  # seconds for a client to take what it is sent
CLIENTS = 10_000  # whose ids are remembered

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
room = History(secrets.token_hex(8))
done: dict[str, int] = {}  # the highest id of each client that is in the history


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
        if websocket.application_state == WebSocketState.CONNECTING:
            raise  # not accepted yet: a bug
        raise WebSocketDisconnect(1006, "gone") from None  # uvicorn has closed, or the other task has found it gone


def remember(client: str, id: int):
    done.pop(client, None)
    done[client] = id  # it stands last now
    if len(done) > CLIENTS:
        del done[next(iter(done))]  # who has said nothing for longest


class Said(BaseModel):
    id: PositiveInt
    text: str = Field(max_length=1000)


async def follow(websocket: WebSocket, name: str, number: int):
    news = asyncio.Event()
    room.followers.add(news)
    try:
        while True:
            news.clear()
            for message in room.since(name, number):
                await send(websocket, json.dumps(message))
                name, number = room.name, message["number"]
            await news.wait()
    finally:
        room.followers.discard(news)


async def listen(websocket: WebSocket, client: str):
    while True:
        text = await next_text(websocket)
        try:
            said = Said.model_validate_json(text)
        except ValidationError:
            raise WebSocketException(1008, "an id and a text, please") from None
        if said.id > done.get(client, 0):  # else it has come before
            room.add(said.text)
            remember(client, said.id)
        await send(websocket, json.dumps({"ack": said.id}))
        await asyncio.sleep(0)  # whoever follows has its turn before the next one is read


@app.websocket("/room")
async def enter(websocket: WebSocket, client: str, history: str = "", number: int = 0):
    async with accepted(websocket), asyncio.TaskGroup() as tasks:
        tasks.create_task(follow(websocket, history, number))
        await listen(websocket, client)
