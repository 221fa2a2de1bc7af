"""A service whose connections end in each way that there is, for the check of a middleware that watches them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect, WebSocketException

from course.client import Client, NotYet, until
from wslab.server import Server

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
    await websocket.receive()  # gives a disconnect


async def puts_out(websocket: WebSocket):
    await websocket.accept()
    raise WebSocketException(1008, "no")


async def fails(websocket: WebSocket):
    await websocket.accept()
    raise KeyError("a bug of the check's")


async def returns(websocket: WebSocket):
    await websocket.accept()


async def stays(websocket: WebSocket):
    await websocket.accept()
    await asyncio.Event().wait()


async def sends_late(websocket: WebSocket):
    await websocket.accept()
    await websocket.app.state.gone.wait()
    try:
        await websocket.send_text("are you there?")
    except WebSocketDisconnect:
        pass


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


ENDPOINTS = (talks, closes, puts_out, fails, returns, stays, sends_late)
AT_THE_DOOR = (refuses, denies, breaks, accepts_late, refuses_late)


@dataclass(frozen=True)
class Way:
    """A way to end: the endpoint, what its client does, what must be counted then, and the words for it."""

    path: str
    does: Callable[[Client], Awaitable[object]]
    counts: tuple[str, str]
    words: str
    raises: str = ""  # what the endpoint raises


WAYS = [
    Way("/talks", lambda client: client.leave(1001), ("received", "1001"), "a client closed with 1001"),
    Way("/talks", Client.drop, ("received", "1005"), "a client lost its connection"),
    Way("/closes", Client.is_closed, ("sent", "4000"), "an endpoint closed with 4000, and then received a disconnect"),
    Way("/puts_out", Client.is_closed, ("sent", "1008"), "an endpoint raised WebSocketException(1008)"),
    Way("/fails", Client.is_closed, ("raised", "KeyError"), "an endpoint raised KeyError", "KeyError"),
    Way("/returns", Client.is_closed, ("returned", ""), "an endpoint returned without close()"),
    Way("/sends_late", Client.drop, ("failed", "ClientDisconnected"), "an endpoint sent to a client that had gone"),
]


class Service(logging.Handler):
    """The app, the gauge and the counter that the middleware shall keep true, and what is logged, with its ids."""

    def __init__(self, middleware, connection: ContextVar[str]):
        import prometheus_client as metrics  # here, since lessons before this one do without it

        super().__init__()
        self.connection = connection
        self.lines: list[tuple[str, str]] = []  # ids, and what was logged
        app = FastAPI()
        for endpoint in (*ENDPOINTS, *AT_THE_DOOR):
            app.add_api_websocket_route(f"/{endpoint.__name__}", endpoint)
        app.add_api_route("/page", lambda: "a page")
        app.state.gone = self.gone = asyncio.Event()
        self.registry = metrics.CollectorRegistry()
        gauge = metrics.Gauge("open", "Connections that are open", registry=self.registry)
        counter = metrics.Counter("ended", "Those that are not", ["sign", "code"], registry=self.registry)
        try:
            self.watched = middleware(app, gauge, counter)
        except Exception as error:
            raise NotYet(f"`Watch(app, open, ended)` raised {type(error).__name__}: {error}") from None

    def emit(self, record: logging.LogRecord) -> None:
        """Note a line, and the id that it would have: this runs where the line is logged."""
        self.lines.append((self.connection.get(), record.getMessage().strip()))

    @property
    def open(self) -> int:
        """What the gauge says."""
        return int(self.registry.get_sample_value("open"))

    @property
    def ended(self) -> Counter:
        """What the counter says, by sign and code."""
        samples = [sample for metric in self.registry.collect() for sample in metric.samples]
        return Counter(
            {
                (sample.labels["sign"], sample.labels["code"]): int(sample.value)
                for sample in samples
                if sample.name == "ended_total"
            }
        )

    async def tell_that_it_is_gone(self, server: Server) -> None:
        """Once the server knows that nobody is connected any more, let the endpoint go on that waits for that."""
        await until(lambda: not server.thread.connections, server=server)
        await server.on_loop(self.gone.set)
