"""The check under the exercise of a-browser-client."""

import asyncio
import inspect
import math
import socket
import threading
import traceback
from contextlib import asynccontextmanager
from functools import partial

from websockets import InvalidStatus

from course.client import WAIT, NotYet, until
from course.judging import SILENT, Verdict
from course.stage import (
    NO_CODE,
    Brief,
    Stage,
    cuts_off,
    does_not_answer,
    greets_and_closes,
    lets_in_and_closes,
    refuses,
)
from course.troubles import expect_rest
from wslab.server import ServeError, Server, serve

__all__ = ["comes_back"]

BASE, CAP = 1, 30  # seconds, as in the exercise
AN_HOUR = 3600  # seconds
SEVERAL = 8  # so often, that one of the waits is longer than the first may be
MANY = 60  # so often, that chance plays no part: whatever comes once in three times comes
PATIENCE = 20.0  # seconds for twice as many connections, on a busy machine
AWAY = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4001]
BACK = [1001, 1011, 1012, 1013]
REFUSED = [401, 403, 404, 429, 501, 505]

BY_ITSELF = "It has to, each time before it comes back. (A loop over connect() has pauses of its own, or none.)"
NOT_FINAL = "`process_exception(error)` returns None for it: so come back, though it be the first handshake."
OWN_TASK = "Nobody has cancelled it: awaiting a task that one has cancelled oneself raises that."
STOPPED = "Stop in a `finally` what has been started."
KEEPALIVE = "keepalive"  # the task that each connection of websockets 17.4 has
CLOSED = "It is the connection's own: close that, too, as `async with` does."
NO_ERROR = (
    "After this code, `async for text in ws` ends without an error. Does it wait for its sender then, as gather() does?"
)
EMPTY = "An empty text is one, too."
SPACED = " news\n"
AS_IT_IS = "A text is passed on as it is, with its spaces, and as often as it comes."
ONE_EACH = "One for each time is due, and no other."
LET_IN = "To be let in says nothing yet."
FAILURE = "A handshake that fails is a failure like any other."
AT_CAP = f"Once it is {CAP} seconds, the limit stays so, until something has been heard."
DEEPER = "Each time it calls itself, ever deeper: in the end, that is a RecursionError. Let it be a loop."
UNASKED = "What is put into `outbox` is sent, whether the server has spoken or not."
UNHEARD = "The failures count anew when something has been heard, and at nothing else."
SILENT_AGAIN = "It has heard something, and then nothing any more: from there on, the limit is twice as long each time."
HEARS_ELSEWHERE = "`hear(text)` was called in another thread, and chance decides the order. Call it where you receive."
OF_ITS_OWN = "Is something of a call kept in the module, where all calls share it? Keep it in the function."
STOPPED_SENDING = "a send() had failed, and what came into the outbox over the next connection was not sent"
NEXT_SENDER = "Is something put into the outbox that ends a sender? It may end the next connection's: cancel the task."
KEPT = "What was taken out of the outbox must be kept until its send() has returned, and then goes first."
IT_IS_FINAL = "What has not been sent changes nothing: it would not be taken, either."
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
        self.thread, self.hears_elsewhere = threading.get_ident(), False
        self.outbox: asyncio.Queue[str] = Outbox()
        self.heard: list[str] = []
        self.waits: list[float] = []
        self.depths: list[int] = []  # how many calls deep in each other each wait was
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.stops_at = 0  # the number of the wait in which it is held up; 0 is none
        self.then = lambda text: None  # is called with what has been heard
        self.left: list[str] = []  # the functions of the tasks that go on when it has been cancelled
        self.task = asyncio.ensure_future(stay_connected(url, self.outbox, self.hear, self.wait))

    def hear(self, text: str) -> None:
        self.hears_elsewhere |= threading.get_ident() != self.thread
        self.heard.append(text)
        self.then(text)

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.depths.append(len(list(traceback.walk_stack(None))))
        if len(self.waits) == self.stops_at:
            self.may_go_on.clear()
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
            return f": it raised CancelledError. {OWN_TASK}"
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
            if run.hears_elsewhere:  # which explains whatever else went wrong
                raise NotYet(HEARS_ELSEWHERE)

    async def talks(self) -> str:
        async with self.runs() as run:
            await run.expect(lambda: run.heard == ["hello"], "the server said 'hello', and it was not heard")
            for text in ("one", "two"):
                run.outbox.put_nowait(text)
            await run.expect(
                lambda: self.stage.got == ["one", "two"], "two texts were in the outbox, and did not come in order"
            )
            await self.says("news")
            await run.expect(lambda: run.heard == ["hello", "news"], "the server said something unasked, unheard")
            for text in ("", "three"):
                run.outbox.put_nowait(text)
            problem = "an empty text and 'three' were in the outbox, and did not come"
            await run.expect(lambda: self.stage.got == ["one", "two", "", "three"], problem, EMPTY)
            await self.says("")
            problem = "the server said an empty text, and it was not heard"
            await run.expect(lambda: run.heard[2:] == [""], problem, EMPTY)
            for _ in range(2):
                run.outbox.put_nowait(SPACED)
                await self.says(SPACED)
            problem = f"{SPACED!r} was in the outbox, twice, and did not come so, twice"
            await run.expect(lambda: self.stage.got[4:] == [SPACED] * 2, problem, AS_IT_IS)
            problem = f"the server said {SPACED!r}, twice, and that was not heard so, twice"
            await run.expect(lambda: run.heard[3:] == [SPACED] * 2, problem, AS_IT_IS)
        async with self.runs(self.stage.takes_a_text_and_stays_until_told) as run:
            run.outbox.put_nowait("one")
            problem = "a text was in the outbox, and did not come; the server had let it in, and said nothing"
            await run.expect(lambda: self.stage.got == ["one"], problem, UNASKED)
            await self.server.on_loop(self.stage.told.set)
        return "it hears and speaks"

    async def says(self, text: str) -> None:
        await self.server.on_loop(lambda: asyncio.ensure_future(self.stage.websocket.send_text(text)))

    async def stays_away(self) -> str:
        for code in AWAY:
            async with self.runs(partial(greets_and_closes, code=code)) as run:
                problem = f"the server closed with {code}"
                await run.until(lambda run=run: run.task.done() or self.stage.came > 1)
                if self.stage.came > 1:
                    raise NotYet(f"{problem}, and it came again. After this code it must not.")
                await run.expect(run.task.done, f"{problem}, and it did not return", NO_ERROR)
                if run.task.cancelled() or run.task.exception() or run.task.result() != code:
                    raise NotYet(f"{problem}, and the function should return that{run.end()}")
        return f"after {', '.join(map(str, AWAY))} it stays away"

    async def returns(self) -> str:
        for code in BACK:
            await self.comes_after(f"the server closed with {code}", partial(greets_and_closes, code=code))
        await self.comes_after_brief("the server closed without a code", NO_CODE)
        await self.comes_after("the connection was cut off", cuts_off)
        return "it comes back after other ends"

    async def tries_again(self) -> str:
        for status in (500, 502, 503, 504):
            await self.comes_after(f"it was refused with HTTP {status}", partial(refuses, status=status))
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            async with self.runs(url=f"ws://127.0.0.1:{silent.getsockname()[1]}/") as run:
                problem = "nobody listened there, and then it did not `await wait(...)`"
                await run.expect(lambda: len(run.waits) > 2, problem, BY_ITSELF)
        await self.comes_after_brief("the server hung up in the middle of the handshake", None)
        return "it tries again when a handshake has failed"

    async def lets_refusals_out(self) -> str:
        for status in REFUSED:
            async with self.runs(partial(refuses, status=status)) as run:
                what = f"it was refused with HTTP {status}"
                await run.until(lambda run=run: run.task.done() or self.stage.came > 1)
                if not run.task.done():
                    raise NotYet(f"{what}, and came again. It would be refused again: let InvalidStatus out.")
                if run.task.cancelled() or not isinstance(run.task.exception(), InvalidStatus):
                    raise NotYet(f"{what}, and should let InvalidStatus out{run.end()}")
        return "it gives up where it would be refused again"

    async def comes_after(self, what: str, play) -> None:
        async with self.runs(play) as run:
            await expect_return(run, self.stage, what)

    async def comes_after_brief(self, what: str, code: int | None) -> None:
        async with Brief(code) as brief, self.runs(url=brief.url) as run:
            await expect_return(run, brief, what)

    async def waits_well(self) -> str:
        greets = partial(greets_and_closes, code=1012)
        waits = await self.comes_often(*[greets] * MANY, *[partial(greets, text="")] * MANY)
        expect_spread(waits[:MANY], f"the server spoke and closed, {MANY} times", [BASE] * MANY)
        expect_spread(waits[MANY:], f"the server said an empty text and closed, {MANY} times", [BASE] * MANY, EMPTY)

        lets_in = partial(lets_in_and_closes, code=1013)
        limits = [min(CAP, BASE * 2**failures) for failures in range(MANY)]
        waits = await self.comes_often(*[lets_in] * MANY)
        what = f"the server let it in and closed without a word, {MANY} times"
        expect_within(waits, what, limits, LET_IN)
        at_cap = limits.index(CAP)
        expect_spread(waits[at_cap:], f"{what}, of which the first {at_cap} are left out here", limits[at_cap:], AT_CAP)

        plays = [*[partial(refuses, status=503)] * 3, lets_in] * (MANY // 4)
        waits = await self.comes_often(*plays)
        del waits[3::4], limits[3::4]  # those after it was let in
        what = f"it was refused with HTTP 503, {len(waits)} times, and now and then let in without a word"
        expect_spread(waits, what, limits, FAILURE)
        return "it waits longer each time, and at random, until it hears something"

    async def comes_often(self, *plays) -> list[float]:
        """Its waits before the server was done with these plays."""
        async with self.runs(*plays) as run:
            await run.expect(lambda: self.stage.came > len(plays), "it did not come back", patience=PATIENCE)
            waits = run.waits.copy()
            await run.until(lambda: run.heard[-1:] == ["hello"])  # so that none ends in a failure: see is_itself()
        if len(waits) != len(plays):
            raise NotYet(f"it came back {len(plays)} times, after {len(waits)} waits. {ONE_EACH}")
        if run.depths[-1] - run.depths[0] > len(plays) / 2:
            raise NotYet(f"it came back {len(plays)} times.", DEEPER)
        return waits

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
                raise NotYet(f"{what}: the server got {', '.join(self.stage.got) or 'none of them'}.", KEPT)
            run.outbox.put_nowait("later")
            await run.expect(lambda: self.stage.got[2:] == ["later"], STOPPED_SENDING, NEXT_SENDER)
        for texts in (["one", "two"], ["", "two"]):
            await self.keeps_it_once_more(texts)
        return "what could not be sent is not lost"

    async def keeps_it_once_more(self, texts: list[str]) -> None:
        """Over the first two connections, no send() can succeed."""
        async with Brief(1012, 1012) as brief, self.runs(url=brief.url) as run:
            for text in texts:
                run.outbox.put_nowait(text)
            await run.until(lambda: len(brief.got) >= len(texts) or run.task.done())
            if brief.got != texts:
                said, got = (" and ".join(map(repr, these)) for these in (texts, brief.got))
                what = f"{said} were in the outbox, and send() failed over the first connection and over the second"
                raise NotYet(f"{what}: the server got {got or 'none of them'}{run.end()}", KEPT)

    async def returns_at_once(self) -> str:
        async with self.runs(partial(greets_and_closes, code=1000)) as run:
            await run.expect(run.task.done, "the server closed with 1000, and it did not return", NO_ERROR)
        if run.waits:
            raise NotYet("the server closed with 1000, and it waited before it returned that. Nothing is to come then.")
        return "after a final code, it does not wait"

    async def waits_longer_until_it_hears(self) -> str:
        """A server takes a text, says nothing for an hour, and closes.

        The function runs on its event loop, and so by its clock.
        """

        async def start() -> Run:
            self.stage.begin(*[self.stage.takes_a_text_and_stays_until_told] * SEVERAL)
            return Run(self.server, self.stay_connected, self.server.url("/"))

        what = "the server took a text, said nothing for an hour, and closed with 1013"
        run = await self.server.thread.run(start(), WAIT)
        try:
            for times in range(1, SEVERAL + 1):
                await self.server.on_loop(partial(run.outbox.put_nowait, f"text {times}"))
                problem = "a text was in the outbox, and did not come"
                await run.expect(lambda times=times: len(self.stage.got) == times, problem)
                await expect_rest(self.server, "while the server says nothing, and the outbox is empty")
                told = self.stage.told  # of this connection; the hour may have ended it, and another one be there
                await self.server.let_time_pass(AN_HOUR)
                if run.task.done():
                    raise NotYet(f"the server took a text, and said nothing for an hour{run.end()}", SILENT)
                await self.server.on_loop(told.set)
                problem = f"{what}, and then it did not `await wait(...)`"
                await run.expect(lambda times=times: len(run.waits) >= times, problem, BY_ITSELF)
        finally:
            await self.server.on_loop(run.task.cancel)
            await run.until(run.task.done)
        if max(run.waits) <= BASE:
            raise NotYet(f"{what}, {SEVERAL} times; none of the waits was longer than {BASE} second.", UNHEARD)
        return "it waits longer until it hears something, however long it was let in, and whatever it has sent"

    async def is_itself(self) -> str:
        """Another run of it waits to come back meanwhile, with a text that could not be sent."""
        async with Brief(*[1012] * SEVERAL) as one, Brief(*[1012] * 5) as two, self.runs(url=one.url) as first:
            first.stops_at = SEVERAL
            first.outbox.put_nowait("one")
            await first.expect(lambda: len(first.waits) == SEVERAL, "the server closed with 1012, and it did not wait")
            async with self.runs(url=two.url) as second:
                second.outbox.put_nowait("two")
                await second.until(lambda: two.got)
                waits = second.waits.copy()
            first.may_go_on.set()
            await first.until(lambda: one.got)
        if (one.got, two.got) != (["one"], ["two"]):
            got = " and ".join(", ".join(map(repr, server.got)) or "nothing" for server in (one, two))
            what = "stay_connected() was called for two servers, with 'one' for the first and 'two' for the second"
            raise NotYet(f"{what}: they got {got}.", OF_ITS_OWN)
        what = f"stay_connected() had failed {SEVERAL} times at another server; here, its wait number"
        for number, (seconds, limit) in enumerate(zip(waits, [1, 2, 4, 8, 16], strict=False), 1):
            if seconds > limit:
                raise NotYet(
                    f"{what} {number} was {seconds:.2f}, and should be from 0 to {limit} seconds.",
                    OF_ITS_OWN,
                )
        return "two at once do not know of each other"

    async def waits_longer_again(self) -> str:
        """A server speaks now and then: each time, the failures count anew, and then they do count."""
        silences, times = 4, MANY // 4
        lets_in = [partial(lets_in_and_closes, code=1013)] * silences
        waits = await self.comes_often(*[partial(greets_and_closes, code=1012), *lets_in] * times)
        what = f"the server spoke and closed, then let it in and closed without a word, {silences} times, and all again"
        expect_within(waits[:: 1 + silences], f"{what}. When it had spoken", [BASE] * times, UNHEARD)
        del waits[:: 1 + silences]
        limits = [BASE * 2**failures for failures in range(1, 1 + silences)] * times
        expect_spread(waits, f"{what}. When it had not spoken", limits, SILENT_AGAIN)
        return "it waits longer again when it hears nothing any more"

    async def keeps_away_with_a_text(self) -> str:
        """A text could not be sent over the connection before, and not over the one that ends with a final code."""
        async with Brief(1012, 4001) as brief, self.runs(url=brief.url) as run:
            run.outbox.put_nowait("one")
            await run.until(lambda: brief.came > 2 or run.task.done())
            what = "'one' was in the outbox and could not be sent, and the server closed with 4001"
            if brief.came > 2:
                raise NotYet(f"{what}, and it came again. After this code it must not.", IT_IS_FINAL)
            await run.expect(run.task.done, f"{what}, and it did not return")
            if run.task.cancelled() or run.task.exception() or run.task.result() != 4001:
                raise NotYet(f"{what}, and the function should return that{run.end()}")
        return "after a final code, nothing is sent any more"

    async def leaves_nothing_behind(self) -> str:
        closes = partial(greets_and_closes, code=1012)
        async with self.runs(closes, patience=WAIT) as run:
            await run.expect(lambda: run.heard == ["hello", "hello"], "it did not come back")
        await self.expect_nothing_of(run, "it was cancelled")
        async with self.runs(closes, patience=WAIT) as run:
            run.may_go_on.clear()
            await run.expect(lambda: run.waits, "the server closed with 1012, and it did not wait")
        await self.expect_nothing_of(run, "it was cancelled in its wait")
        async with self.runs(closes, does_not_answer, patience=WAIT) as run:
            await run.expect(lambda: self.stage.came == 2, "it did not come back")
        await self.expect_nothing_of(run, "it was cancelled while it connected")
        return "cancelled, it stops what it has started"

    async def expect_nothing_of(self, run: Run, what: str) -> None:
        """The function has been cancelled: that must be its end, and that of all that it has started."""
        if not run.task.cancelled():
            raise NotYet(f"{what}, and did not end by that{run.end()}", "Let CancelledError out.")
        if run.left:
            own = [name for name in run.left if name != KEEPALIVE]
            name, hint = (own[0], STOPPED) if own else (KEEPALIVE, CLOSED)
            raise NotYet(f"{what}, and a task of it goes on, `{name}()`.", hint)
        if not await run.until(lambda: not self.server.endpoints):
            raise NotYet(f"{what}, and is still connected.", STOPPED)


async def expect_return(run: Run, server: Stage | Brief, what: str) -> None:
    """After one wait the function must come back to this server, which greets it then."""
    await run.until(lambda: run.waits or server.came > 1 or run.task.done())
    if not run.waits:
        let_out = run.task.done() and not run.task.cancelled() and run.task.exception()
        hint = NOT_FINAL if isinstance(let_out, InvalidStatus) else BY_ITSELF
        raise NotYet(f"{what}, and then it did not `await wait(...)`{run.end()}", hint)
    await run.expect(lambda: server.came == 2, f"{what}, and it did not come back")
    await run.expect(lambda: run.heard[-1:] == ["hello"], f"{what}, it came back, and did not hear 'hello'")
    if len(run.waits) != 1:
        raise NotYet(f"{what}, and it came back after {len(run.waits)} waits. {ONE_EACH}")


def name_of(task: asyncio.Task) -> str:
    """The function that the task runs; of the end of a generator, which has none, the type."""
    coroutine = task.get_coro()
    return getattr(coroutine, "__name__", type(coroutine).__name__)


def expect_within(waits: list[float], what: str, limits: list[float], hint: str = "") -> None:
    """Each of the waits is between 0 and its limit; and if that is longer than the first may be, so is one of them."""
    for number, (seconds, limit) in enumerate(zip(waits, limits, strict=False), 1):
        is_number = isinstance(seconds, int | float)
        if not is_number or not 0 <= seconds <= limit:
            shown = f"{seconds:.2f}" if is_number else repr(seconds)
            raise NotYet(
                f"{what}; its wait number {number} was {shown}, and should be from 0 to {limit} seconds.", hint
            )
    if max(limits) > BASE >= max(waits):
        raise NotYet(f"{what}; none of its waits was longer than {BASE} second.", hint)


def expect_spread(waits: list[float], what: str, limits: list[float], hint: str = "") -> None:
    """Full jitter: each of the waits is somewhere between 0 and its limit, and together they are everywhere there."""
    expect_within(waits, what, limits, hint)
    shares = [seconds / limit for seconds, limit in zip(waits, limits, strict=False)]
    if max(shares) < 2 / 3 or min(shares) > 1 / 3:
        least, most = math.floor(100 * min(shares)), math.ceil(100 * max(shares))
        raise NotYet(
            f"{what}; its waits were {least} to {most} percent of what they may be. Full jitter is 0 to 100.", hint
        )


async def comes_back(stay_connected) -> Verdict:
    """`stay_connected` comes back where it should, later each time, and loses nothing that it has not sent."""
    good: list[str] = []
    stage = Stage()
    try:
        if not inspect.iscoroutinefunction(stay_connected):
            raise NotYet("`stay_connected` must be a function, made with `async def`.")
        with serve(stage.app, name="exercise", ws_ping_interval=None) as server:
            check = Check(stay_connected, stage, server)
            steps = [check.stays_away, check.talks, check.returns, check.tries_again, check.lets_refusals_out]
            steps += [check.waits_well, check.keeps_what_was_not_sent, check.keeps_what_it_could_not_send]
            steps += [check.leaves_nothing_behind, check.returns_at_once, check.waits_longer_until_it_hears]
            steps += [check.is_itself, check.waits_longer_again, check.keeps_away_with_a_text]
            for step in steps:
                good.append(await step())
    except NotYet as problem:
        return Verdict(good, f"{problem} {problem.hint}".rstrip())
    except ServeError as problem:
        return Verdict(good, str(problem))
    return Verdict(good)
