"""The service of which the exercise of watching-it asks a middleware to keep account, and what must be true of that."""

import asyncio
import contextlib
import logging
from collections import Counter
from contextvars import ContextVar

from fastapi import FastAPI

from course.client import WAIT, NotYet, news, until
from course.ways_to_end import AT_THE_DOOR, ENDPOINTS
from wslab.server import Server

DOWN = "A `finally` around the call of the app counts down who was counted, once, whatever has ended the endpoint."
NONLOCAL = "(A variable of `__call__` that an inner function sets must be `nonlocal` there.)"
FIRST = "Note the first sign, and no other after it; count it when the endpoint has ended."
SIGNS = {"received", "sent", "failed", "raised", "returned"}
LABELS = "The first label is how it ended, the second one its code, or the name of the error's class, or nothing."
ON = (
    "What the app raises goes on to uvicorn as it is, in no other error and in no group: after an `except`, `raise` it "
    "again, and let no `return` be in a `finally`."
)
MANY = 200  # connections: of random numbers below a thousand two are the same then, of longer ones none


class Service(logging.Handler):
    """The app, the gauge and the counter that the middleware shall keep true, and what is logged, with its ids."""

    def __init__(self, middleware, connection: ContextVar[str]):
        import prometheus_client as metrics  # here, since lessons before this one do without it

        super().__init__()
        self.ids: list[str] = []  # of those for whom `asks()` was called
        self.connection = connection
        self.lines: list[tuple[str, str]] = []  # ids, and what was logged
        self.began = False  # whether the app's lifespan has
        self.stays = False  # whether the endpoint of `stays_until()` runs
        self.may_go = asyncio.Event()

        @contextlib.asynccontextmanager
        async def lifespan(app: FastAPI):
            self.began = True
            yield

        app = FastAPI(lifespan=lifespan)
        for endpoint in (*ENDPOINTS, *AT_THE_DOOR):
            app.add_api_websocket_route(f"/{endpoint.__name__}", endpoint)
        app.add_api_route("/page", lambda: "a page")
        app.state.gone = self.gone = asyncio.Event()
        self.registry = metrics.CollectorRegistry()
        gauge = metrics.Gauge("open", "Connections that are open", registry=self.registry)
        counter = metrics.Counter("ended", "Those that are not", ["sign", "code"], registry=self.registry)
        try:
            self.watched = middleware(app, gauge, counter)
            self.watched_ids = middleware(self.asks, gauge, counter)
            self.watched_at_the_door = middleware(self.waits_at_the_door, gauge, counter)
            self.watched_twice = middleware(self.hears_it_twice, gauge, counter)
            self.watched_until = middleware(self.stays_until, gauge, counter)
        except Exception as error:
            raise NotYet(f"`Watch(app, open, ended)` raised {type(error).__name__}: {error}") from None

    def emit(self, record: logging.LogRecord) -> None:
        """Note a line, and the id that it would have: this runs where the line is logged."""
        self.lines.append((self.connection.get(), record.getMessage().strip()))

    async def asks(self, scope, receive, send) -> None:
        """An app that notes its id, and refuses everybody."""
        self.ids.append(self.connection.get())

    async def ids_of_many(self) -> list[str]:
        """Let many come by way of one proxy, each in a task of its own when the one before has gone; their ids.

        No server is between, so several come within a millisecond; and what nobody keeps, as their scopes, may have
        the place in memory of the one before.
        """
        try:
            async with asyncio.timeout(5 * WAIT):  # all of them take some hundredths of a second
                for number in range(MANY):
                    messages = asyncio.Queue()
                    messages.put_nowait({"type": "websocket.connect"})
                    one = self.watched_ids(scope_by_way_of_a_proxy(number), messages.get, to_nobody)
                    await asyncio.create_task(one)
        except TimeoutError:
            raise NotYet(f"{MANY} clients came by way of a proxy, and not all got to the app in time.") from None
        except Exception as error:
            raise NotYet(f"a client came by way of a proxy, and {type(error).__name__} was raised: {error}") from None
        return self.ids

    async def waits_at_the_door(self, scope, receive, send) -> None:
        """An app that receives a disconnect before it has accepted anybody."""
        for _ in range(2):
            await receive()

    async def gives_up_at_the_door(self) -> None:
        """Somebody comes, and has gone before he is accepted."""
        messages = asyncio.Queue()
        messages.put_nowait({"type": "websocket.connect"})
        messages.put_nowait({"type": "websocket.disconnect", "code": 1006, "reason": ""})
        one = self.watched_at_the_door(scope_by_way_of_a_proxy(0), messages.get, to_nobody)
        await asyncio.wait([asyncio.create_task(one)], timeout=WAIT)

    async def hears_it_twice(self, scope, receive, send) -> None:
        """An app that accepts everybody, and receives the disconnect twice."""
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(2):
            await receive()

    async def stays_until(self, scope, receive, send) -> None:
        """An app that accepts everybody, and stays until it is cancelled, or may go."""
        await receive()
        await send({"type": "websocket.accept"})
        self.stays = True
        try:
            await self.may_go.wait()
        finally:
            self.stays = False

    async def stays_when_cancelled(self) -> bool:
        """Whether an endpoint still runs when the call of the middleware, which was cancelled, has ended."""
        messages = asyncio.Queue()
        messages.put_nowait({"type": "websocket.connect"})
        one = asyncio.create_task(self.watched_until(scope_by_way_of_a_proxy(0), messages.get, to_nobody))
        await until(lambda: self.stays or one.done())
        one.cancel()
        await asyncio.wait([one], timeout=WAIT)
        stays = self.stays
        self.may_go.set()
        return stays

    def comes_by_way_of_a_proxy(self) -> tuple[asyncio.Task, asyncio.Queue]:
        """Somebody comes: the task that serves him, and what it receives."""
        messages = asyncio.Queue()
        messages.put_nowait({"type": "websocket.connect"})
        return asyncio.create_task(self.watched_twice(scope_by_way_of_a_proxy(0), messages.get, to_nobody)), messages

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

    async def expect(
        self, server: Server, words: str, wanted: Counter, still: int = 0, raises: str = "", hint: str = ""
    ) -> None:
        """Now so many must be open, and this be counted; and the app must have raised this, and nothing else."""
        events = [event.text for event in await news(server) if event.text.startswith("endpoint ")]
        raised = [text for text in events if "raised" in text or "cancelled" in text]
        if raised and not raises:
            raise NotYet(f"{words}, and the {raised[0]}.")
        if raises and not raised:
            raise NotYet(f"{words}, and uvicorn has not heard of it. {ON}")
        if raises and not raised[0].startswith(f"endpoint {raises}"):
            error = raised[0].removeprefix("endpoint raised ")
            raise NotYet(f"{words}, and what uvicorn has heard of is another error: {error}. {ON}")
        if self.open != still:
            why = f"{DOWN} {NONLOCAL}" if self.open > still else DOWN
            raise NotYet(f"{words}, and then `open` was {self.open}, not {still}. {why}")
        if (counted := self.ended) != wanted:
            more = ", ".join(f"{key} {n:+}" for key, n in (counted - wanted).items()) or "nothing else"
            less = ", ".join(map(str, wanted - counted)) or "nothing more"
            why = hint or (FIRST if all(map(is_label, counted)) else LABELS)
            raise NotYet(f"{words}. `ended` should have counted {less}, and counted {more}. {why}")


def is_label(key: tuple[str, str]) -> bool:
    """Whether these could be the labels of some end."""
    how, what = key
    return how in SIGNS and what != "None" and (what.isidentifier() or what.isdigit() or not what)


def scope_by_way_of_a_proxy(number: int) -> dict:
    """What uvicorn knows of a connection: by `X-Forwarded-For` the address, with 0 for the port, and no more."""
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "server": ("127.0.0.1", 8000),
        "client": ("203.0.113.7", 0),
        "root_path": "",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"x-forwarded-for", b"203.0.113.7"),
            (b"x-request-id", b"7"),
            (b"sec-websocket-key", f"{number:022}==".encode()),
        ],
        "subprotocols": [],
        "state": {},
        "extensions": {},
    }


async def to_nobody(message) -> None:
    """A send that nobody receives."""
