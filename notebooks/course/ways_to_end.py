"""Endpoints that end in each way that there is, for checks of what watches them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import HTTPException, WebSocket, WebSocketDisconnect, WebSocketException

from course.client import Client

logger = logging.getLogger("uvicorn.error")


async def talks(websocket: WebSocket, who: str = ""):
    logger.info("%s: at the door", who)
    await websocket.accept()
    await asyncio.create_task(in_a_task(who))
    await asyncio.to_thread(logger.info, "%s: on a thread", who)
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        logger.info("%s: has left", who)


async def in_a_task(who: str):
    logger.info("%s: in a task", who)


async def closes(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4000, "done")
    await websocket.app.state.gone.wait()
    await websocket.receive()  # gives a disconnect


async def is_done(websocket: WebSocket):
    await websocket.accept()
    await websocket.close()


async def puts_out(websocket: WebSocket):
    await websocket.accept()
    raise WebSocketException(1008, "no")


async def fails(websocket: WebSocket):
    await websocket.accept()
    raise KeyError("a bug of the check's")


async def fails_in_a_group(websocket: WebSocket):
    await websocket.accept()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(in_vain())


async def in_vain():
    raise KeyError("a bug of the check's")


async def returns(websocket: WebSocket):
    await websocket.accept()


async def stays(websocket: WebSocket):
    await websocket.accept()
    await asyncio.Event().wait()


async def stays_after_its_close(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4000, "done")
    await asyncio.Event().wait()


async def stays_after_the_disconnect(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    logger.info("has left, and its endpoint stays")
    await asyncio.Event().wait()


async def listens_in_a_task(websocket: WebSocket):
    await websocket.accept()
    await asyncio.create_task(websocket.receive())  # gives a disconnect


async def sends_late(websocket: WebSocket):
    await websocket.accept()
    await websocket.app.state.gone.wait()
    try:
        await websocket.send_text("are you there?")
    except WebSocketDisconnect:
        await websocket.receive()  # gives a disconnect, too


async def closes_late(websocket: WebSocket):
    await websocket.accept()
    await websocket.app.state.gone.wait()
    try:
        await websocket.close(1011)
    except WebSocketDisconnect:
        pass


async def closes_again(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()  # gives a disconnect
    try:
        await websocket.close(1011)
    except WebSocketDisconnect:
        pass


async def sends_again(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()  # gives a disconnect
    await websocket.app.state.gone.wait()
    try:
        await websocket.send_text("are you there?")
    except WebSocketDisconnect:
        pass


async def lets_it_escape(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_text()


async def closes_at_length(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(1000, "x" * 124)  # one byte more than a close frame has room for


async def sends_no_text(websocket: WebSocket):
    await websocket.accept()
    try:
        await websocket.send_text("\ud800")  # half a character: no bytes are its UTF-8
    except UnicodeEncodeError:
        await websocket.close(1011)


async def fails_later(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4000, "done")
    raise KeyError("a bug of the check's")


async def closes_while_it_listens(websocket: WebSocket):
    await websocket.accept()
    listening = asyncio.create_task(websocket.receive())
    await asyncio.sleep(0)  # it has begun to
    try:
        await websocket.close(4000)
    except WebSocketDisconnect:
        pass
    await listening  # gives a disconnect


async def refuses(websocket: WebSocket):
    await websocket.close(4001)


async def denies(websocket: WebSocket):
    raise HTTPException(401)


async def breaks(websocket: WebSocket):
    raise KeyError("a bug of the check's")


async def accepts_late(websocket: WebSocket):
    await websocket.app.state.gone.wait()
    await websocket.accept()


async def refuses_late(websocket: WebSocket):
    await websocket.app.state.gone.wait()
    await websocket.close(4001)


ENDPOINTS = (
    talks,
    closes,
    is_done,
    puts_out,
    fails,
    fails_in_a_group,
    returns,
    stays,
    stays_after_its_close,
    stays_after_the_disconnect,
    listens_in_a_task,
    sends_late,
    closes_late,
    closes_again,
    sends_again,
    lets_it_escape,
    closes_at_length,
    sends_no_text,
    fails_later,
    closes_while_it_listens,
)
AT_THE_DOOR = (refuses, denies, breaks, accepts_late, refuses_late)


@dataclass(frozen=True)
class Way:
    """A way to end: the endpoint, what its client does, what must be counted then, and the words for it."""

    path: str
    does: Callable[[Client], Awaitable[object]]
    counts: tuple[str, str]
    words: str
    raises: str = ""  # what becomes of the endpoint, as the tape begins to say it
    goes_on: bool = False  # whether the endpoint still runs when its client has gone
    hint: str = ""  # if something else is counted


WAYS = [
    Way("/talks", lambda client: client.leave(1001), ("received", "1001"), "a client closed with 1001"),
    Way("/talks", Client.drop, ("received", "1005"), "a client lost its connection"),
    Way(
        "/closes",
        Client.is_closed,
        ("sent", "4000"),
        "an endpoint closed with 4000, and then received a disconnect",
        goes_on=True,
    ),
    Way("/puts_out", Client.is_closed, ("sent", "1008"), "an endpoint raised WebSocketException(1008)"),
    Way(
        "/is_done",
        Client.is_closed,
        ("sent", "1000"),
        "an endpoint closed with 1000, and returned",
        hint="Each close() of an endpoint's is one that it has sent, whatever its code.",
    ),
    Way("/fails", Client.is_closed, ("raised", "KeyError"), "an endpoint raised KeyError", "raised KeyError"),
    Way(
        "/fails_in_a_group",
        Client.is_closed,
        ("raised", "ExceptionGroup"),
        "a task group of an endpoint's raised an ExceptionGroup, with a KeyError in it",
        "raised ExceptionGroup",
        hint="Count the class of what the endpoint raised, whatever is in it.",
    ),
    Way("/returns", Client.is_closed, ("returned", ""), "an endpoint returned without close()"),
    Way(
        "/sends_late",
        Client.drop,
        ("failed", "ClientDisconnected"),
        "an endpoint sent to a client that had gone, and then received the disconnect",
        goes_on=True,
    ),
    Way(
        "/closes_late",
        Client.drop,
        ("failed", "ClientDisconnected"),
        "an endpoint closed when its client had gone",
        goes_on=True,
    ),
    Way(
        "/listens_in_a_task",
        lambda client: client.leave(1001),
        ("received", "1001"),
        "an endpoint received the disconnect in a task of its own, and returned",
        hint="What a task sets in a context variable is set in that task alone: a variable of `__call__` is not.",
    ),
    Way("/closes_again", Client.leave, ("received", "1000"), "an endpoint received the disconnect, and closed then"),
    Way(
        "/sends_again",
        Client.leave,
        ("received", "1000"),
        "an endpoint received the disconnect, and sent then",
        goes_on=True,
    ),
    Way(
        "/lets_it_escape",
        Client.leave,
        ("received", "1000"),
        "an endpoint let the disconnect escape",
        "raised WebSocketDisconnect(",
    ),
    Way(
        "/closes_at_length",
        Client.is_closed,
        ("failed", "ProtocolError"),
        "an endpoint closed with a reason that is too long",
        "raised ProtocolError",
    ),
    Way(
        "/sends_no_text",
        Client.is_closed,
        ("failed", "UnicodeEncodeError"),
        "an endpoint sent half a character, which fails, and then closed with 1011",
    ),
    Way(
        "/fails_later",
        Client.is_closed,
        ("sent", "4000"),
        "an endpoint closed with 4000, and then raised KeyError",
        "raised KeyError",
    ),
    Way(
        "/closes_while_it_listens",
        Client.is_closed,
        ("sent", "4000"),
        "an endpoint closed with 4000, while a task of it received",
        hint="One task may send while another one receives: pass on at once what is sent, whoever else waits.",
    ),
]
