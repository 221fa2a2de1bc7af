"""A server for checks of clients: what it does with each who comes is on a list."""

import asyncio
from collections import deque

from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect


class Stage:
    """A server that does with each who comes what is next on its list, and talks with those who come then."""

    def __init__(self):
        self.app = FastAPI()
        self.app.websocket("/")(self.meet)
        self.next: deque = deque()
        self.came, self.got = 0, []
        self.websocket: WebSocket | None = None  # of whoever came last

    def begin(self, *plays) -> None:
        self.next, self.came, self.got = deque(plays), 0, []

    async def meet(self, websocket: WebSocket):
        self.came, self.websocket = self.came + 1, websocket
        await (self.next.popleft() if self.next else self.talk)(websocket)

    async def talk(self, websocket: WebSocket):
        await websocket.accept()
        try:
            await websocket.send_text("hello")
            while True:
                self.got.append(await websocket.receive_text())
        except WebSocketDisconnect:
            pass

    async def hears_one_text(self, websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text("hello")
        self.got.append(await websocket.receive_text())
        await websocket.close(1012)

    async def stays_until_told(self, websocket: WebSocket):
        self.told = asyncio.Event()
        await websocket.accept()
        await websocket.send_text("hello")
        await self.told.wait()

    async def says_bye_and_closes(self) -> None:
        await self.websocket.send_text("bye")
        await self.websocket.close(1012)
        self.told.set()


async def lets_in_and_closes(websocket: WebSocket, code: int):
    await websocket.accept()
    await websocket.close(code)


async def greets_and_closes(websocket: WebSocket, code: int):
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close(code)


async def cuts_off(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text("hello")


async def refuses(websocket: WebSocket, status: int):
    raise HTTPException(status)
