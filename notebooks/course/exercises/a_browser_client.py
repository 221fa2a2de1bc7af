"""The check under the exercise of a-browser-client."""

import asyncio
import inspect
import math
import socket
from contextlib import asynccontextmanager
from functools import partial

from websockets import InvalidStatus

from course.client import WAIT, NotYet, until
from course.judging import Verdict
from course.stage import Stage, cuts_off, greets_and_closes, lets_in_and_closes, refuses
from wslab.server import ServeError, Server, serve

__all__ = ["comes_back"]

BASE, CAP = 1, 30  # seconds, as in the exercise
MANY = 60  # so often, that chance plays no part: whatever comes once in three times comes
PATIENCE = 10.0  # seconds for so many connections, on a busy machine
AWAY = [1000, 1003, 1008, 3000, 4001]
BACK = [1001, 1011, 1012, 1013]

BY_ITSELF = "It has to, each time before it comes back. (A loop over connect() has pauses of its own, or none.)"
STOPPED = "Stop in a `finally` what has been started."
KEEPALIVE = "keepalive"  # the task that each connection of websockets 17.4 has
CLOSED = "It is the connection's own: close that, too, as `async with` does."
TAKEN = "Has something taken it out of the outbox that belongs to a connection that has ended?"


class Outbox(asyncio.Queue):
    """A queue at which everybody else has a turn, too, however often it is asked."""

    async def get(self):
        await asyncio.sleep(0)
        return await super().get()


class Run:
    """The reader's function while it runs, with all that it is given and gives."""

    def __init__(self, server: Server, stay_connected, url: str):
        self.server = server
        self.outbox: asyncio.Queue[str] = Outbox()
        self.heard: list[str] = []
        self.waits: list[float] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.then = lambda text: None  # is called with what has been heard
        self.left: list[str] = []  # the functions of the tasks that go on when it has been cancelled
        self.task = asyncio.ensure_future(stay_connected(url, self.outbox, self.hear, self.wait))

    def hear(self, text: str) -> None:
        self.heard.append(text)
        self.then(text)

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)
        await self.may_go_on.wait()

    async def until(self, condition, patience: float = WAIT) -> bool:
        return await until(condition, patience, self.server)

    async def expect(self, condition, problem: str, hint: str = "", patience: float = WAIT) -> None:
        """The condition must come true, while the function goes on."""
        if await self.until(lambda: condition() or self.task.done(), patience) and condition():
            return
        raise NotYet(f"{problem}{self.end()}", hint)

    def end(self) -> str:
        """How the function has ended, for the end of a sentence."""
        if not self.task.done():
            return "."
        if self.task.cancelled():
            return ", and was cancelled."
        error = self.task.exception()
        return f": it raised {type(error).__name__}: {error}." if error else f": it returned {self.task.result()!r}."


class Check:
    """What the steps need: the stage, its server, and the reader's function."""

    def __init__(self, stay_connected, stage: Stage, server: Server):
        self.stay_connected, self.stage, self.server = stay_connected, stage, server

    @asynccontextmanager
    async def runs(self, *plays, url: str = "", patience: float = 0):
        """Meanwhile the function runs; those who come meet these plays, one after the other.

        Then it is cancelled. What it has started has so many seconds to end.
        """
        await self.server.on_loop(partial(self.stage.begin, *plays))
        before = asyncio.all_tasks()
        run = Run(self.server, self.stay_connected, url or self.server.url("/"))
        try:
            yield run
        finally:
            run.task.cancel()
            await asyncio.wait([run.task], timeout=WAIT)
            await until(lambda: asyncio.all_tasks() <= before, patience)
            run.left = sorted(name_of(task) for task in asyncio.all_tasks() - before)
            for task in asyncio.all_tasks() - before:
                task.cancel()

    async def talks(self) -> str:
        async with self.runs() as run:
            await run.expect(lambda: run.heard == ["hello"], "the server said 'hello', and it was not heard")
            for text in ("one", "two"):
                run.outbox.put_nowait(text)
            await run.expect(lambda: self.stage.got == ["one", "two"], "two texts were in the outbox, and did not come")
            await self.server.on_loop(lambda: asyncio.ensure_future(self.stage.websocket.send_text("news")))
            await run.expect(lambda: run.heard == ["hello", "news"], "the server said something unasked, unheard")
        return "it hears and speaks"

    async def stays_away(self) -> str:
        for code in AWAY:
            async with self.runs(partial(greets_and_closes, code=code)) as run:
                problem = f"the server closed with {code}"
                await run.until(lambda run=run: run.task.done() or self.stage.came > 1)
                if self.stage.came > 1:
                    raise NotYet(f"{problem}, and it came again. After this code it must not.")
                await run.expect(run.task.done, f"{problem}, and it did not return")
                if run.task.exception() or run.task.result() != code:
                    raise NotYet(f"{problem}, and the function should return that{run.end()}")
        return f"after {', '.join(map(str, AWAY))} it stays away"

    async def returns(self) -> str:
        for code in BACK:
            await self.comes_after(f"the server closed with {code}", partial(greets_and_closes, code=code))
        await self.comes_after("the connection was cut off", cuts_off)
        for status in (500, 502, 503, 504):
            await self.comes_after(f"it was refused with HTTP {status}", partial(refuses, status=status))
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            async with self.runs(url=f"ws://127.0.0.1:{silent.getsockname()[1]}/") as run:
                await run.expect(lambda: len(run.waits) > 2, "nobody listened there, and it did not try again")
        for status in (401, 403):
            async with self.runs(partial(refuses, status=status)) as run:
                what = f"it was refused with HTTP {status}"
                await run.until(lambda run=run: run.task.done() or self.stage.came > 1)
                if not run.task.done():
                    raise NotYet(f"{what}, and came again. It would be refused again: let InvalidStatus out.")
                if not isinstance(run.task.exception(), InvalidStatus):
                    raise NotYet(f"{what}, and should let InvalidStatus out{run.end()}")
        return "it comes back where that makes sense"

    async def comes_after(self, what: str, play) -> None:
        async with self.runs(play) as run:
            await run.until(lambda: run.waits or self.stage.came > 1 or run.task.done())
            if not run.waits:
                raise NotYet(f"{what}, and then it did not `await wait(...)`{run.end()}", BY_ITSELF)
            await run.expect(lambda: self.stage.came == 2, f"{what}, and it did not come back")
            await run.expect(lambda: run.heard[-1:] == ["hello"], f"{what}, it came back, and did not hear 'hello'")
            if len(run.waits) != 1:
                raise NotYet(
                    f"{what}, and it came back after {len(run.waits)} waits. One for each time is due, and no other."
                )

    async def waits_well(self) -> str:
        async with self.runs(*[partial(greets_and_closes, code=1012)] * MANY) as run:
            await run.expect(lambda: self.stage.came > MANY, "it did not come back", patience=PATIENCE)
            expect_spread(run.waits, f"the server spoke and closed, {MANY} times", [BASE] * MANY)
        async with self.runs(*[partial(lets_in_and_closes, code=1013)] * MANY) as run:
            await run.expect(lambda: self.stage.came > MANY, "it did not come back", patience=PATIENCE)
            limits = [min(CAP, BASE * 2**failures) for failures in range(MANY)]
            expect_spread(run.waits, f"the server let it in and closed without a word, {MANY} times", limits)
        return "it waits longer each time, and at random, until it hears something"

    async def keeps_what_was_not_sent(self) -> str:
        async with self.runs(self.stage.hears_one_text) as run:
            run.may_go_on.clear()
            run.outbox.put_nowait("one")
            await run.expect(lambda: run.waits, "the server got 'one', closed with 1012, and it did not wait")
            for text in ("two", "three"):
                run.outbox.put_nowait(text)
                await asyncio.sleep(0)
            run.outbox.put_nowait("four")
            run.may_go_on.set()
            await run.until(lambda: self.stage.got[-1:] == ["four"])
            if self.stage.got != ["one", "two", "three", "four"]:
                what = "one text was sent over the first connection, and three came into the outbox while it waited"
                raise NotYet(f"{what}: the server got {', '.join(self.stage.got)}.", TAKEN)
        return "what was not sent is sent later, in order"

    async def keeps_what_it_could_not_send(self) -> str:
        """The last words are said when the server has closed already, and the client has not read it yet."""
        self.stage.loop = await self.server.on_loop(asyncio.get_running_loop)
        async with self.runs(self.stage.stays_until_told) as run:

            def then(text: str) -> None:
                if text == "hello" and self.stage.came == 1:  # both frames lie there before it reads again
                    closing = self.stage.says_bye_and_closes()
                    asyncio.run_coroutine_threadsafe(closing, self.stage.loop).result(WAIT)
                elif text == "bye":
                    run.outbox.put_nowait("last words")
                    run.outbox.put_nowait("and more")

            run.then = then
            await run.until(lambda: len(self.stage.got) > 1)
            if self.stage.got != ["last words", "and more"]:
                what = "two texts came into the outbox when the server had just closed, so that send() fails"
                hint = (
                    "What was taken out of the outbox must be kept until its send() has returned, and then goes first."
                )
                raise NotYet(f"{what}: the server got {', '.join(self.stage.got) or 'none of them'}.", hint)
        return "what could not be sent is not lost"

    async def leaves_nothing_behind(self) -> str:
        async with self.runs(partial(greets_and_closes, code=1012), patience=WAIT) as run:
            await run.expect(lambda: run.heard == ["hello", "hello"], "it did not come back")
        if not run.task.cancelled():
            raise NotYet(f"it was cancelled, and did not end by that{run.end()}", "Let CancelledError out.")
        if run.left:
            own = [name for name in run.left if name != KEEPALIVE]
            name, hint = (own[0], STOPPED) if own else (KEEPALIVE, CLOSED)
            raise NotYet(f"it was cancelled, and a task of it goes on, `{name}()`.", hint)
        if not await run.until(lambda: not self.server.endpoints):
            raise NotYet("it was cancelled, and is still connected.", STOPPED)
        return "cancelled, it stops what it has started"


def name_of(task: asyncio.Task) -> str:
    """The function that the task runs; of the end of a generator, which has none, the type."""
    coroutine = task.get_coro()
    return getattr(coroutine, "__name__", type(coroutine).__name__)


def expect_spread(waits: list[float], what: str, limits: list[float]) -> None:
    """Full jitter: each of the waits is somewhere between 0 and its limit, and together they are everywhere there."""
    for number, (seconds, limit) in enumerate(zip(waits, limits, strict=False), 1):
        is_number = isinstance(seconds, int | float)
        if not is_number or not 0 <= seconds <= limit:
            shown = f"{seconds:.2f}" if is_number else repr(seconds)
            raise NotYet(f"{what}; its wait number {number} was {shown}, and should be from 0 to {limit} seconds.")
    if max(limits) > BASE >= max(waits):
        raise NotYet(f"{what}; none of its waits was longer than {BASE} second.", "To be let in says nothing yet.")
    shares = [seconds / limit for seconds, limit in zip(waits, limits, strict=False)]
    if max(shares) < 2 / 3 or min(shares) > 1 / 3:
        least, most = math.floor(100 * min(shares)), math.ceil(100 * max(shares))
        raise NotYet(f"{what}; its waits were {least} to {most} percent of what they may be. Full jitter is 0 to 100.")


async def comes_back(stay_connected) -> Verdict:
    """`stay_connected` comes back where it should, later each time, and loses nothing that it has not sent."""
    good: list[str] = []
    stage = Stage()
    try:
        if not inspect.iscoroutinefunction(stay_connected):
            raise NotYet("`stay_connected` must be a function, made with `async def`.")
        with serve(stage.app, name="exercise", ws_ping_interval=None) as server:
            check = Check(stay_connected, stage, server)
            steps = [check.stays_away, check.talks, check.returns, check.waits_well]
            steps += [check.keeps_what_was_not_sent, check.keeps_what_it_could_not_send, check.leaves_nothing_behind]
            for step in steps:
                good.append(await step())
    except NotYet as problem:
        return Verdict(good, f"{problem} {problem.hint}".rstrip())
    except ServeError as problem:
        return Verdict(good, str(problem))
    return Verdict(good)
