"""A heating that takes what is in its contract, and says of all else what is wrong.

The lesson messages-with-a-contract as a program. Start it from the project's folder with `python -m examples.contract`.
The contract is in `models.py`, and as JSON Schema at `/contract`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.websockets import WebSocketState
from pydantic import ValidationError

from examples.contract.models import (
    VERSIONS,
    Done,
    Error,
    Problem,
    Read,
    Reading,
    Reply,
    Set,
    id_of,
    problems,
    replies,
    requests,
)

BURST, PACE = 20, 0.1  # messages at once; seconds for each further one
SLOW = 10  # seconds for a client to take what it is sent

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
targets = {"kitchen": 20.0, "hall": 18.0}
sensors = {"kitchen": 19.5, "hall": 17.0}


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@asynccontextmanager
async def accepted(websocket: WebSocket, subprotocol: str | None = None) -> AsyncIterator[None]:
    await websocket.accept(subprotocol)
    try:
        yield
    except WebSocketDisconnect as left:
        logger.info("left with %d %r", left.code, left.reason)
    except WebSocketException as put_out:
        await try_to_close(websocket, put_out.code, put_out.reason)
    except Exception:
        logger.exception("%s failed", websocket.url.path)
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
        if websocket.application_state != WebSocketState.CONNECTED:
            raise  # not accepted yet, or closed already: a bug
        raise WebSocketDisconnect(1006, "given up") from None  # uvicorn has closed


class Bucket:
    def __init__(self, size: int, seconds: float):  # for a new token
        self.size, self.seconds = size, seconds
        self.tokens, self.since = size, asyncio.get_running_loop().time()

    def take(self) -> bool:
        now = asyncio.get_running_loop().time()
        self.tokens = min(self.size, self.tokens + (now - self.since) / self.seconds)
        self.since = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def answer(text: str) -> Reply:
    try:
        request = requests.validate_json(text)
    except ValidationError as error:
        return Error(id=id_of(text), problems=problems(error))
    match request:
        case Set():
            targets[request.room] = request.celsius
            return Done(id=request.id)
        case Read():
            celsius = sensors[request.room]
            return Reading(id=request.id, celsius=celsius, heats=celsius < targets[request.room])


async def converse(websocket: WebSocket):
    bucket, refused = Bucket(BURST, PACE), 0
    while True:
        text = await next_text(websocket)
        if bucket.take():
            refused = 0
            reply = answer(text)
        elif refused < BURST:
            refused += 1
            reply = Error(id=id_of(text), problems=[Problem(field=None, text="too fast")])
        else:
            raise WebSocketException(1008, "too fast")
        await send(websocket, reply.model_dump_json())


@app.websocket("/heating")
async def heating(websocket: WebSocket):
    offered = websocket.scope["subprotocols"]
    version = next((name for name in offered if name in VERSIONS), None)
    if offered and version is None:
        logger.info("speaks none of ours: %r", offered)
        await websocket.close()  # before accept(): HTTP 403
        return
    async with accepted(websocket, version):
        await converse(websocket)


@app.get("/contract")
def contract() -> dict:
    """The messages of the WebSocket at `/heating`, as JSON Schema: what a client may send, and what it gets.

    (Only, `1.0` is an integer there, and so is a number that is too long for Python.)
    """
    return {
        "requests": requests.json_schema(),
        "replies": replies.json_schema(mode="serialization"),
    }
