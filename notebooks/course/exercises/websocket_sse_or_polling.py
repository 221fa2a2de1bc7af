"""The check under the exercise of websocket-sse-or-polling."""

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator, Iterator

import anyio

from course.client import NotYet, quote, until
from course.error_log import ErrorLog, errors_in_the_log
from course.event_source import Event, Source, listen
from course.judging import SILENT, Verdict, judge
from course.troubles import expect_rest
from wslab.server import Server

__all__ = ["news"]

PATH = "/news"
TEXTS = ["1-0", "2-0\n(a penalty)", "", "data: 3-0\r\n\r\nid: 99", "\u00fc\u2028 \u0085", "<b> & 'c'"]
KEPT = 5
LONG = "x" * 100_000  # of which the buffers hold one or two
TOO_MANY = 20  # of these, more than are on their way to a client that does not read, and kept
LEAVERS = 3
SILENCE = 75  # seconds; not many more, since after some dozens of pings a page's Python breaks down
NOT_YET = "which this feed has not given yet, as after a restart"
SETTLE = 5.0  # seconds for a generator to end after its client has left

FIRST = "a client came when nothing was kept, and"
FROM_WHERE = "Whoever comes hears what is kept; whoever comes back, what came after its `Last-Event-ID`; nothing twice."
ALIKE = "(The one before it says the same, and is another: they are told apart by their numbers.)"
AS_JSON = "`ServerSentEvent(data=text, id=str(number))` writes the text as JSON, and a line feed in it ends no line."
ITS_NUMBER = "The `id` of an entry is its number, whoever hears it: with that, a browser comes back."
ONCE = "Whoever has missed nothing that is gone needs no `reset`."
NO_TYPE = "`event` is for the `reset` alone: a page hears what has no type with its `onmessage`."
AT_ONCE = "A `reset` does not wait for news: who has missed something hears so at once."
AT_WAITING = "Whoever has waited must look once more whether what it has seen is older than what is kept."
RESET_ID = "Of its last `id`, the browser thinks that it has heard all up to there: a `reset` needs none."
RESET = "An event of the type `reset` comes first. (Without `data`, a browser tells its page nothing of it.)"
BEHIND = (
    "Somebody who does not read falls behind while the generator stands at its `yield`: what it has missed may be "
    "gone by the next turn of the loop. And nothing is kept for it but what the feed keeps."
)
NO_NUMBER = (
    "A `reset` comes first, also where nothing is gone yet: an id that is none must not be taken for one that may be, "
    "as 0 is."
)
OWN = "How far each client is, its own generator must know, and no other: in a variable of its own."
MEANWHILE = (
    "What comes while a client is told what is kept comes after that: go on from the last number that it was told."
)
GENERATOR = (
    "With `response_class=EventSourceResponse`, the endpoint itself is the generator, with `yield`, and without an end."
)
CUT_OFF = "Once a response has begun, an error can only cut it off. A browser comes back, and meets it again."
LEFT = (
    "FastAPI cancels the generator at its `await`. Does it wait in another way, or catch the `CancelledError`? "
    "And what it has put down for this client, a `finally` takes away."
)
TASKS = "FastAPI cancels the generator, and no task that this has begun: let a `finally` cancel it, or do without."


async def news(app, ticker) -> Verdict:
    """`/news` sends what the feed `ticker` has, as server-sent events, and says when something is missing."""
    if not hasattr(ticker, "publish"):
        return Verdict([], "what the check gets beside the app must be the feed, `ticker`.")
    with errors_in_the_log() as log:
        check = News(app, ticker, log)
        steps = [check.hears, check.comes_back, check.says_what_is_gone, check.goes_on, check.falls_behind]
        return await judge(check.counted, *steps, check.leaves, check.tells_each, check.begins_anew)


class News:
    """The steps, and what they have in common."""

    def __init__(self, app, feed, log: ErrorLog):
        self.app, self.feed, self.log = app, feed, log
        self.running = 0  # requests
        self.meanwhile: list[str] = []  # what is published when the next entry is sent
        self.lets_on: asyncio.Event | None = None  # who comes meanwhile is told nothing until it is set
        self.held = 0  # requests that wait for it

    async def counted(self, scope, receive, send) -> None:
        """The app."""
        lets_on = self.lets_on

        async def send_meanwhile(message) -> None:
            if lets_on and message.get("body"):
                self.held += 1
                await lets_on.wait()
            if b"id:" in message.get("body", b""):
                while self.meanwhile:
                    self.feed.publish(self.meanwhile.pop())
            await send(message)

        self.running += scope["type"] == "http"
        try:
            await self.app(scope, receive, send_meanwhile)
        finally:
            self.running -= scope["type"] == "http"

    async def hears(self, server: Server) -> str:
        await server.on_loop(self.feed.entries.clear)
        async with self.client(server) as first:
            await self.publish(server, "kick-off")
            await self.expect(first, self.feed.last, FIRST)
        await self.publish(server, *TEXTS[:-1])
        async with self.client(server) as ann, self.client(server) as ben:
            for client in (ann, ben):
                for number in self.kept():
                    await self.expect(client, number)
            for text in TEXTS:
                await self.publish(server, text)
                for client in (ann, ben):
                    await self.expect(client, self.feed.last)
            await server.let_time_pass(SILENCE)
            await self.publish(server, "after a silence")
            try:
                await self.expect(ann, self.feed.last, "it")
            except NotYet as problem:
                raise NotYet(
                    f"a client was there, and nothing came for {SILENCE} seconds. Then {problem}", SILENT
                ) from None
        return "two clients hear what is kept, and what comes, with line feeds and all"

    async def comes_back(self, server: Server) -> str:
        seen = self.kept()[0] - 1
        for number in self.kept():
            async with self.client(server, str(seen)) as client:
                await self.expect(client, number, f"a client came with the Last-Event-ID {seen}, and")
            seen = number
        for _ in range(2):
            await self.publish(server, "while it was away")
            async with self.client(server, str(seen)) as client:
                await self.publish(server, "now that it is back")
                for number in (seen + 1, seen + 2):
                    await self.expect(client, number, f"a client came with the Last-Event-ID {seen}, and")
            seen += 2
        return "one that is cut off after each event misses nothing, and hears nothing twice"

    async def says_what_is_gone(self, server: Server) -> str:
        for last_id, what in self.lost_ids():
            await self.expect_reset(server, last_id, what)
        await server.on_loop(self.feed.entries.clear)
        await self.expect_reset(server, str(self.feed.last + 40), f"{NOT_YET}, while nothing is kept", AT_ONCE)
        await self.publish(server, *TEXTS)
        return "one that cannot be told all hears so, and then all that is kept"

    def lost_ids(self) -> Iterator[tuple[str, str]]:
        """With what somebody comes who must be told `reset`, and why. One at a time: after each, news are published."""
        yield str(self.kept()[0] - 2), "after which something is no longer kept"
        yield str(self.feed.last + 1), NOT_YET
        yield str(self.feed.last + 40), NOT_YET
        for last_id in ["abc", "-5", "\u00b2"]:  # the last is a digit, says isdigit(), and no int
            yield last_id, "which is none of this feed"

    async def expect_reset(
        self, server: Server, last_id: str, what: str, hint: str = RESET, instead: str = RESET
    ) -> None:
        came = f"a client came with the Last-Event-ID {last_id}, {what}, and"
        async with self.client(server, last_id, came) as client:
            event = await self.next(client, f"{came} expected a `reset`", hint)
            if event.type != "reset":
                raise NotYet(f"{came} expected a `reset`, but got {describe(event)}.", instead)
            for number in self.kept():
                await self.expect(client, number, f"{came} got its `reset`. Then it")
            await self.publish(server, "still there?")
            await self.expect(client, self.feed.last, f"{came} got its `reset`, and what is kept. Then it")
        if event.id:
            await self.is_cut_off_behind(server, event)

    async def is_cut_off_behind(self, server: Server, reset: Event) -> None:
        """Who has heard nothing but a `reset` that has an `id` comes back with that."""
        came = f"a client was cut off behind a `reset` with the id {reset.id}. It came back with that, and"
        wanted = f"{came} expected number {self.kept()[0]}, or another `reset`"
        async with self.client(server, reset.id, came) as client:
            event = await self.next(client, wanted, RESET_ID)
            if event.type != "reset" and event.id != str(self.kept()[0]):
                raise NotYet(f"{wanted}, but got {describe(event)}.", RESET_ID)

    async def goes_on(self, server: Server) -> str:
        seen, self.meanwhile = self.kept()[0] - 1, ["news at its first event"]
        async with self.client(server) as client:
            await self.follow(client, seen, "something came while a client was told what is kept. It", MEANWHILE)
        return "what comes while one is told what is kept comes after that"

    async def falls_behind(self, server: Server) -> str:
        server.shrink_buffers()
        async with self.client(server, "abc") as client:
            await self.next(client, "a client came with the Last-Event-ID abc, and expected a `reset`", RESET)
            for number in self.kept():
                await self.expect(client, number)
            for _ in range(TOO_MANY // KEPT):
                await self.publish(server, *[LONG] * KEPT)  # it could hear them all
                await server.let_time_pass(0.01)  # and has its turns
            start = "a client, which had got a `reset` when it came, did not read for a while, and then"
            types = await self.follow(client, number, start, BEHIND)
        if "reset" not in types:
            raise NotYet(f"a client did not read, and {TOO_MANY} texts were kept for it, instead of five.", BEHIND)
        await self.waits(server)
        return "one that does not keep up is told that, too"

    async def waits(self, server: Server) -> None:
        seen, start = self.feed.last, "more came in one moment than is kept, while a client waited. It"
        async with self.client(server, str(seen)) as client:
            await self.publish(server, "news")
            await self.expect(client, seen + 1)
            await self.publish(server, *["news"] * (KEPT + 3))
            await self.follow(client, seen + 1, start, AT_WAITING)

    async def follow(self, client: Source, seen: int, start: str, hint: str) -> list[str]:
        """Hear the feed to its end. If anything is gone, a `reset` says so, and then comes all that is kept.

        The types of the events. `start` begins the sentence if something else comes.
        """
        types = ["message"]
        while seen < self.feed.last:
            first, behind_reset = self.kept()[0], types[-1] == "reset"
            wanted = f"{start} expected number {seen + 1}, or a `reset`"
            if behind_reset:
                wanted = f"{start} got a `reset`, and expected all that is kept, from number {first} on"
            event = await self.next(client, wanted, hint)
            types.append(event.type)
            if types.count("reset") > TOO_MANY:
                raise NotYet(f"{start} got one `reset` after the other.", hint)
            if event.type == "message":
                number = int(event.id) if event.id.isdecimal() else 0
                if not (0 < number <= first if behind_reset else number == seen + 1):
                    raise NotYet(f"{wanted}, but got number {event.id}.", hint)
                seen = number
        return types

    async def leaves(self, server: Server) -> str:
        await self.expect_to_end()
        queues, tasks = count_queues(), await server.on_loop(asyncio.all_tasks)
        for _ in range(LEAVERS):
            async with self.client(server) as client:
                await self.expect(client, self.kept()[0])
        await self.expect_to_end()
        await self.expect_no_more_than(server, tasks)
        left = count_queues() - queues
        if left > 0:  # what was collected may have a `finally`, which the loop runs
            await server.let_time_pass(0.01)
            left = count_queues() - queues
        if left > 0:
            raise NotYet(f"{LEAVERS} clients have left, and {left} queues are still there.", LEFT)
        return "whoever leaves leaves nothing behind"

    async def expect_no_more_than(self, server: Server, before: set[asyncio.Task]) -> None:
        """Clients have left: none of the tasks that they have brought with them may go on."""
        tasks = await server.on_loop(lambda: asyncio.all_tasks() - before - {asyncio.current_task()})
        await server.let_time_pass(SETTLE)
        await until(lambda: all(task.done() for task in tasks), server=server)
        left = sorted(task.get_coro().__qualname__ for task in tasks if not task.done())
        if len(left) >= LEAVERS:  # fewer may be there for all
            names = ", ".join(f"`{name}`" for name in dict.fromkeys(left))
            raise NotYet(f"{LEAVERS} clients have left, and {len(left)} tasks still run: {names}.", TASKS)

    async def tells_each(self, server: Server) -> str:
        """One has heard all, and another one, which is held up, is on its way there."""
        async with self.client(server) as ann:
            for number in self.kept():
                await self.expect(ann, number)
            await expect_rest(server, "while a client was there that had heard all")
            async with self.holding_up(server), self.client(server, "abc"):
                await until(lambda: self.held, server=server)
                await self.publish(server, "and one more")
                number = self.feed.last
                wanted = (
                    "a client had heard all, and another one was still being told what is kept. Then news came, and "
                    f"the first one expected number {number}"
                )
                event = await self.next(ann, wanted, FROM_WHERE)
                if event.id != str(number):
                    raise NotYet(f"{wanted}, but got {describe(event)}.", OWN)
        return "each has a position of its own"

    async def begins_anew(self, server: Server) -> str:
        def restart() -> None:
            self.feed.entries.clear()
            self.feed.last = 0

        await server.on_loop(restart)
        await self.expect_reset(server, "40", "after a restart, when nothing had been published yet", AT_ONCE)
        await self.publish(server, *TEXTS[: KEPT - 3])
        for last_id in ["abc", "-2"]:
            what = "which is none of this feed, of which nothing is gone yet"
            await self.expect_reset(server, last_id, what, NO_NUMBER, instead=NO_NUMBER)
        return "so it is after a restart, too"

    # --- what they have in common ---

    @contextlib.asynccontextmanager
    async def client(self, server: Server, last_id: str | None = None, came: str = "") -> AsyncIterator[Source]:
        """Somebody who listens. The answer must be a stream of events."""
        came = came or "a client came, and"
        self.log.clear()
        async with listen(server, PATH, last_id) as source:
            if source.status == 404:
                raise NotYet(f'{came} got HTTP 404. Is there a `@app.get("{PATH}", ...)`?')
            if source.status != 200:
                await server.on_loop(lambda: None)  # its error is logged after the answer
                raise NotYet(f"{came} got HTTP {source.status}, at which a browser gives up for good.{self.logged()}")
            if not source.content_type.startswith("text/event-stream"):
                raise NotYet(f"{came} got {source.content_type!r}, and not 'text/event-stream'.", GENERATOR)
            yield source
        # What a stream leaves is taken away before the next one begins: a page's Python breaks down otherwise.
        gc.collect()

    @contextlib.asynccontextmanager
    async def holding_up(self, server: Server) -> AsyncIterator[None]:
        """Whoever comes meanwhile is told nothing, until it ends."""
        self.held, self.lets_on = 0, asyncio.Event()
        lets_on = self.lets_on
        try:
            yield
        finally:
            self.lets_on = None
            await server.on_loop(lets_on.set)

    async def next(self, client: Source, wanted: str, hint: str) -> Event:
        """The next event, whatever it is. `wanted` begins the sentence if there is none."""
        try:
            event = await client.next()
        except TimeoutError:
            raise NotYet(f"{wanted}, but nothing came.", hint) from None
        if event is None:
            await until(lambda: self.log.records or not self.running)
            await client.server.on_loop(lambda: None)  # by now, its error is logged
            logged = self.logged()
            is_other = logged and "'encode'" not in logged  # FastAPI's text, for what a plain response cannot write
            raise NotYet(f"{wanted}, but the response ended.{logged}", CUT_OFF if is_other else GENERATOR)
        return event

    async def expect(self, client: Source, number: int, came: str = "a client came, and") -> None:
        """The next event must be the entry with this number."""
        text = dict(self.feed.entries)[number]
        wanted = f"{came} expected {quote(text)} with the id {number}"
        before = dict(self.feed.entries).get(number - 1)
        event = await self.next(client, wanted, f"{FROM_WHERE} {ALIKE}" if text == before else FROM_WHERE)
        if event.type != "message":
            raise NotYet(f"{wanted}, but got {describe(event)}.", ONCE if event.type == "reset" else NO_TYPE)
        with contextlib.suppress(ValueError):
            if event.id == str(number) and json.loads(event.data) == text:
                return
        is_other = event.id != str(number) and event.id.isdigit()
        if is_other and event.data == json.dumps(text) and dict(self.feed.entries).get(int(event.id)) != text:
            raise NotYet(f"{wanted}, but got {describe(event)}.", ITS_NUMBER)
        raise NotYet(f"{wanted}, but got {describe(event)}.", FROM_WHERE if is_other else AS_JSON)

    async def expect_to_end(self) -> None:
        """Whoever was there has left, so no request may run on."""
        if not await until(lambda: not self.running, SETTLE):
            raise NotYet(f"clients have left, and {SETTLE:g} seconds later, the endpoint still runs for one.", LEFT)

    def logged(self) -> str:
        """The error that was logged of the app's own, for a sentence."""
        errors = [innermost(record.exc_info[1]) for record in self.log.records if record.exc_info]
        # FastAPI 0.165 logs this when somebody leaves who is being sent to: fastapi/fastapi, discussion 15725
        own = [error for error in errors if not isinstance(error, anyio.BrokenResourceError)]
        return f" The log has {type(own[0]).__name__}: {own[0]}." if own else ""

    def kept(self) -> list[int]:
        return [number for number, _ in self.feed.entries]

    async def publish(self, server: Server, *texts: str) -> None:
        await server.on_loop(lambda: [self.feed.publish(text) for text in texts])


def count_queues() -> int:
    gc.collect()
    return sum(isinstance(thing, asyncio.Queue) for thing in gc.get_objects())


def innermost(error: BaseException) -> BaseException:
    """The error; of a group, the first that is in it."""
    return innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def describe(event: Event) -> str:
    """The event, for a sentence."""
    if event.type != "message":
        return f"an event of the type {event.type!r}"
    return f"the data {quote(event.data)} with {f'the id {event.id}' if event.id else 'no id'}"
