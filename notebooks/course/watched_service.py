"""The service of which the exercise of watching-it asks a middleware to keep account, and what must be true of that."""

import asyncio
import contextlib
import logging
from collections import Counter
from contextvars import ContextVar

from fastapi import FastAPI

from course.client import NotYet, news, until
from course.ways_to_end import AT_THE_DOOR, ENDPOINTS
from wslab.server import Server

DOWN = "A `finally` around the call of the app counts down who was counted, once, whatever has ended the endpoint."
FIRST = "Note the first sign, and no other after it; count it when the endpoint has ended."
ON = "What the app raises goes on to uvicorn: after an `except`, raise it again, and let no `return` be in a `finally`."


class Service(logging.Handler):
    """The app, the gauge and the counter that the middleware shall keep true, and what is logged, with its ids."""

    def __init__(self, middleware, connection: ContextVar[str]):
        import prometheus_client as metrics  # here, since lessons before this one do without it

        super().__init__()
        self.connection = connection
        self.lines: list[tuple[str, str]] = []  # ids, and what was logged
        self.began = False  # whether the app's lifespan has

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

    async def expect(self, server: Server, words: str, wanted: Counter, still: int = 0, raises: str = "") -> None:
        """Now so many must be open, and this be counted; and the app must have raised this, and nothing else."""
        events = [event.text for event in await news(server) if event.text.startswith("endpoint ")]
        raised = [text for text in events if "raised" in text or "cancelled" in text]
        if raised and (not raises or raises not in raised[0]):
            raise NotYet(f"{words}, and the {raised[0]}.")
        if raises and not raised:
            raise NotYet(f"{words}, and uvicorn has not heard of it. {ON}")
        if self.open != still:
            raise NotYet(f"{words}, and then `open` was {self.open}, not {still}. {DOWN}")
        if (counted := self.ended) != wanted:
            more = ", ".join(f"{key} {n:+}" for key, n in (counted - wanted).items()) or "nothing else"
            less = ", ".join(map(str, wanted - counted)) or "nothing more"
            raise NotYet(f"{words}. `ended` should have counted {less}, and counted {more}. {FIRST}")
