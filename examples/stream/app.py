"""An answer that comes word by word, and a client that may say *stop*: the lesson both-directions-at-once as a file.

Start it from the project's folder with `python -m examples.stream`. Each text is a question, but for `stop`. What the
endpoint says of an answer ends with `(end)`, or with `(stopped)`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.websockets import WebSocketState

PAUSE = 0.2  # seconds that the model thinks about a word
SLOW = 10  # seconds for a client to take what it is sent

logger = logging.getLogger("uvicorn.error")

app = FastAPI()


async def model(question: str) -> AsyncIterator[str]:
    """It stands for a language model, which needs its time for each word."""
    for word in f"You would like to know: {question}".split():
        await asyncio.sleep(PAUSE)
        yield word


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


async def answer(websocket: WebSocket, question: str):
    async with aclosing(model(question)) as words:
        async for word in words:
            await send(websocket, word)
    await send(websocket, "(end)")


@app.websocket("/ask")
async def ask(websocket: WebSocket):
    async with accepted(websocket), asyncio.TaskGroup() as tasks:
        speaking = None
        while True:
            text = await next_text(websocket)
            if speaking and speaking.cancel():  # False if it had ended already
                await send(websocket, "(stopped)")
            speaking = None
            if text != "stop":
                speaking = tasks.create_task(answer(websocket, text))
