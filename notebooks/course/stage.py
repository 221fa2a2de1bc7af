"""Servers for checks of clients: what they do with each who comes is on a list."""

import asyncio
from collections import deque

from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

NO_CODE = 1005  # as a client sees it


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

    async def takes_a_text_and_stays_until_told(self, websocket: WebSocket):
        told = self.told = asyncio.Event()
        await websocket.accept()
        self.got.append(await websocket.receive_text())
        await told.wait()
        await websocket.close(1013)

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


async def greets_and_closes(websocket: WebSocket, code: int, text: str = "hello"):
    await websocket.accept()
    await websocket.send_text(text)
    await websocket.close(code)


async def cuts_off(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text("hello")


async def refuses(websocket: WebSocket, status: int):
    raise HTTPException(status)


async def does_not_answer(websocket: WebSocket):
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


class Brief:
    """A server that has closed when its client is just let in: both are in one write, so no client is ever faster.

    Each who comes meets the next of these codes, or None: it hangs up, and has not answered the handshake. Whoever
    comes then is greeted, and heard.
    """

    def __init__(self, *codes: int | None):
        self.codes = deque(codes)
        self.came, self.got = 0, []

    async def __aenter__(self) -> "Brief":
        self._server = await asyncio.get_running_loop().create_server(lambda: _Meeting(self), "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *error) -> None:
        self._server.close()


class _Meeting(asyncio.Protocol):
    def __init__(self, server: Brief):
        self.server, self.protocol = server, ServerProtocol()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.answer(event)
            elif event.opcode is Opcode.TEXT:
                self.server.got.append(event.data.decode())
        parts = self.protocol.data_to_send()
        self.transport.write(b"".join(parts))
        if b"" in parts:  # which means that there will be no more
            self.transport.close()

    def answer(self, request: Request) -> None:
        self.server.came += 1
        ends = bool(self.server.codes)
        code = self.server.codes.popleft() if ends else None
        if ends and code is None:
            self.transport.close()
            return
        self.protocol.send_response(self.protocol.accept(request))
        if ends:
            self.protocol.send_close(None if code == NO_CODE else code)
        else:
            self.protocol.send_text(b"hello")
