"""An endpoint that knows who is calling, and notices when they have logged out: the lesson who-is-calling as a file.

Start it from the project's folder with `python -m examples.accounts`. Its page logs in by HTTP, which gives it a
cookie, fetches a ticket, and comes with that to the WebSocket. From time to time it sends a fresh one.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import (
    Cookie,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Response,
    WebSocket,
    WebSocketDisconnect,
    WebSocketException,
)
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi.websockets import WebSocketState
from pydantic import BaseModel

ORIGIN = "http://127.0.0.1:8000"  # of the page; `python -m examples.accounts` puts in where it listens
USERS = {"ann": "lovelace", "ben": "franklin"}  # a toy: real passwords are kept as hashes, by a library made for that
FRESH = 600  # seconds until a connection must show a fresh ticket
TICKET = 30  # seconds until it must have been used
SLOW = 10  # seconds for a client to take what it is sent
PAGE = Path(__file__).parent / "page"

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
app.mount("/page", StaticFiles(directory=PAGE))


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGE / "index.html")


# --- by HTTP ---


class Login(BaseModel):
    user: str
    password: str


@dataclass(eq=False)
class Session:
    user: str
    limits: set[asyncio.Timeout] = field(default_factory=set)  # one for each of its connections


sessions: dict[str, Session] = {}
tickets: dict[str, str] = {}  # the session of each one


def end(session: str):
    if ended := sessions.pop(session, None):
        for limit in ended.limits:
            if not limit.expired():
                limit.reschedule(0)  # which is over


@app.post("/login")
async def log_in(login: Login, response: Response, old: Annotated[str, Cookie(alias="session")] = ""):
    # With `==`, the time that it takes could tell something about what is right.
    is_right = secrets.compare_digest(USERS.get(login.user, "").encode(), login.password.encode(errors="surrogatepass"))
    if login.user not in USERS or not is_right:
        raise HTTPException(403, "wrong user or password")
    session = secrets.token_urlsafe()
    sessions[session] = Session(login.user)
    end(old)  # the browser is about to forget it, and could not log it out any more
    response.set_cookie("session", session, httponly=True)  # and secure=True, where the page comes by https


@app.get("/me")
async def who_am_i(session: Annotated[str, Cookie()] = "") -> str | None:
    return sessions[session].user if session in sessions else None


@app.post("/ticket")
async def new_ticket(session: Annotated[str, Cookie()]) -> str:
    if session not in sessions:
        raise HTTPException(401)
    ticket = secrets.token_urlsafe()
    tickets[ticket] = session
    asyncio.get_running_loop().call_later(TICKET, tickets.pop, ticket, None)
    return ticket


@app.post("/logout")
async def log_out(session: Annotated[str, Cookie()]):
    end(session)


# --- by WebSocket ---


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


@asynccontextmanager
async def while_logged_in(session: Session) -> AsyncIterator[asyncio.Timeout]:
    limit = asyncio.timeout(FRESH)
    session.limits.add(limit)
    try:
        async with limit:
            yield limit
    except TimeoutError:
        if not limit.expired():
            raise  # somebody else's
        raise WebSocketException(4401, "log in again") from None
    finally:
        session.limits.discard(limit)


async def own_page(origin: Annotated[str, Header()] = ""):
    if origin != ORIGIN:
        raise WebSocketException(1008)


def redeem(ticket: str) -> Session | None:
    return sessions.get(tickets.pop(ticket, ""))


@app.websocket("/diary", dependencies=[Depends(own_page)])
async def diary(websocket: WebSocket, ticket: str = ""):
    async with accepted(websocket):
        session = redeem(ticket)
        if session is None:
            raise WebSocketException(4401, "log in first")
        async with while_logged_in(session) as limit:  # no await since redeem(): nobody can have logged out
            while True:
                match (await next_text(websocket)).partition(" "):
                    case "say", _, entry:
                        await send(websocket, f"{session.user}: {entry}")
                    case "ticket", _, fresh:
                        if redeem(fresh) is not session:
                            raise WebSocketException(4401, "not your ticket")
                        limit.reschedule(asyncio.get_running_loop().time() + FRESH)
                    case _:
                        raise WebSocketException(1008, "say or ticket")
