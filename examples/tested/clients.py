"""Clients for the tests: they come, ask, and leave in several ways. Each wait of a test stands in a `visit()`."""

import asyncio
from contextlib import asynccontextmanager

from websockets import connect


@asynccontextmanager
async def visit(server, name: str = ""):
    async with asyncio.timeout(5), connect(server.url(f"/seats?name={name}")) as ws:
        yield ws


async def ask(ws, seat: str) -> str:
    await ws.send(seat)
    return await ws.recv()


async def closes(ws):
    await ws.close()


async def drops(ws):
    ws.transport.abort()
    await ws.wait_closed()


async def sends_bytes(ws):
    await ws.send(b"\0")
    await ws.wait_closed()


async def raised(server) -> list[str]:
    """What endpoints have raised, or logged as failed, as soon as those have ended whose clients have gone."""
    events = (await server.conversation()).events
    return [event.text for event in events if "raised" in event.text or "failed" in event.text]
