"""Who is calling: log in, log out, and what becomes of open connections then, at whichever worker they are."""

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Cookie, HTTPException, Response
from pydantic import BaseModel

from examples.service.log import LOG, LOG_KEEPS, follower
from examples.service.settings import ORIGIN, db

USERS = {"ann": "lovelace", "ben": "franklin"}  # a toy: real passwords are kept as hashes, by a library made for that
LASTS = 12 * 60 * 60  # seconds

# One step: a session that is gone, and of which no worker hears, would leave its connections open.
LOG_OUT = """
if redis.call('DEL', KEYS[1]) == 1 then redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'ended', ARGV[1]) end
"""
_log_out = db.register_script(LOG_OUT)

router = APIRouter()
connections: dict[str, set[asyncio.Timeout]] = {}  # those at this worker, by their session


class Login(BaseModel):
    user: str
    password: str


def key_of(session: str) -> str:
    """Under which Redis knows it: who reads that there cannot use it."""
    return hashlib.sha256(session.encode()).hexdigest()


@router.post("/login")
async def log_in(login: Login, response: Response, old: Annotated[str, Cookie(alias="session")] = ""):
    # With `==`, the time that it takes could tell something about what is right.
    is_right = secrets.compare_digest(USERS.get(login.user, "").encode(), login.password.encode(errors="surrogatepass"))
    if login.user not in USERS or not is_right:
        raise HTTPException(403, "wrong user or password")
    await log_out(old)  # the browser is about to forget it, and could not log it out any more
    session = secrets.token_urlsafe()
    await db.set(f"service:session:{key_of(session)}", login.user, ex=LASTS)
    response.set_cookie("session", session, httponly=True, samesite="strict", secure=ORIGIN.startswith("https:"))


@router.get("/me")
async def who_am_i(session: Annotated[str, Cookie()] = "") -> str | None:
    return await user_of(session)


@router.post("/logout")
async def log_out(session: Annotated[str, Cookie()] = ""):
    key = key_of(session)
    await _log_out([f"service:session:{key}", LOG], [key, LOG_KEEPS])  # all workers read the log


async def user_of(session: str) -> str | None:
    """Whose session this is, if it is one."""
    return await db.get(f"service:session:{key_of(session)}") if session else None


@contextmanager
def until_logout(session: str, limit: asyncio.Timeout) -> Iterator[None]:
    """While the body runs, a logout from the session is the end of this limit."""
    key = key_of(session)
    connections.setdefault(key, set()).add(limit)
    try:
        yield
    finally:
        connections[key].discard(limit)
        if not connections[key]:
            del connections[key]


def end(key: str):
    for limit in connections.get(key, ()):
        if not limit.expired():
            limit.reschedule(0)  # which is over


follower.ended = end
