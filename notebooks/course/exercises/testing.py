"""The check of the lesson testing: the reader's tests, run with an endpoint that is right, and with wrong ones."""

import asyncio
import inspect
import threading
import time
import traceback
from contextvars import ContextVar
from dataclasses import dataclass
from unittest import mock

from course.client import NotYet, until
from course.judging import Verdict
from course.tallies import BUGS, NAMES, tally_app
from wslab.breaking_off import raise_in_thread
from wslab.loop import Clock
from wslab.server import serve

__all__ = ["tests_of_tally"]

PATIENCE = 8.0  # seconds for a test that ought to pass
QUIET = 3.0  # seconds for one that ought to fail; then its clock is set forward, so that its timeouts run out
STEP, STEPS = 15, 10  # seconds, and how often: less at once than the client's keepalive waits for a pong
IN_A_THREAD = 5.0  # more seconds, for who waits in a thread, where a timeout goes by no loop's clock
LATE = 0.3  # seconds that the slow endpoint takes before each send
SHORT = 10  # seconds: whatever a test sleeps up to that, takes no time where the endpoint is slow

SILENCE = [*((name, 0) for name in NAMES), ("test_own_sums", 2)]  # which test, and how many clients are answered in it

IS_NO_FAILURE = ("Skipped", "XFailed")  # what pytest.skip() and pytest.xfail() raise
SWALLOWS = "Or does the test swallow what fails, skip it, or look too early?"
LIMIT = "A limit is for what never comes: give it some seconds. Or does the test wait for what does not come?"


sleepless = ContextVar("sleepless", default=False)  # in a test, and its threads, whose sleep takes no time


class Run(threading.Thread):
    """One run of a test, in a thread with an event loop of its own: so a test that blocks stops nobody else."""

    def __init__(self, test, server, sleeps: bool):
        super().__init__(daemon=True)
        self.test, self.server, self.sleeps = test, server, sleeps
        self.loop: asyncio.AbstractEventLoop | None = None
        self.task: asyncio.Task | None = None
        self.error: BaseException | None = None

    def run(self):
        """What the thread does."""
        try:
            asyncio.run(self.main())
        except BaseException as error:  # pytest's own, as of `pytest.fail()`, are no Exception
            self.error = error

    async def main(self):
        """The test."""
        self.loop, self.task = asyncio.get_running_loop(), asyncio.current_task()
        if not self.sleeps:
            sleepless.set(True)
            self.loop.call_later = without_sleep(self.loop.call_later)
        await self.test(self.server)

    async def ends(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        return await until(lambda: not self.is_alive(), seconds)

    async def end(self) -> str:
        """End it, since it is too long. Returns what it was waiting for, if not for a timeout of its own."""
        clock = Clock()
        for _ in range(STEPS):
            asyncio.run_coroutine_threadsafe(clock.set_forward(STEP), self.loop)
            if await self.ends(0.2):
                return ""
        if await self.ends(IN_A_THREAD):
            return ""
        self.loop.call_soon_threadsafe(self.task.cancel)
        if await self.ends(1):
            return "waits for ever: let its waits stand under `asyncio.timeout(5)`"
        raise_in_thread(self.ident)
        await self.ends(1)
        return "blocks its event loop, or does not end when it is cancelled: await what takes time"


@dataclass
class Outcome:
    """What came of a test: an error, in words, or none; how it hung, if it did; and whether a client of it came."""

    error: str
    hung: str
    came: bool


async def outcome(test, app, seconds: float, name: str, sleeps: bool = True) -> Outcome:
    """Run a test with a server of its own. It has so many seconds; then its own timeouts run out."""
    with serve(app, name=f"exercise: {name}") as server:
        run = Run(test, server, sleeps)
        run.start()
        hung = "" if await run.ends(seconds) else await run.end()
        came = server.tape.last is not None
    if run.error is None or type(run.error).__name__ in IS_NO_FAILURE:
        return Outcome("", hung, came)
    lines = [frame.line for frame in traceback.extract_tb(run.error.__traceback__) if frame.name == test.__name__]
    words = f"{type(run.error).__name__}: {run.error}".splitlines()[0].removesuffix(": ")
    return Outcome(f"{words}, at `{lines[-1]}`" if lines and lines[-1] else words, hung, came)


async def outcomes(by_name: dict, seconds: float, sleeps: bool = True, **about) -> list[Outcome]:
    """Run all tests, each with an endpoint as `about` says, and all at the same time."""
    runs = (outcome(by_name[name], tally_app(**about), seconds, name, sleeps) for name in NAMES)
    return await asyncio.gather(*runs)


async def tests_of_tally(*tests) -> Verdict:
    """Check tests for `/tally`, each a function with one parameter, `server`, and with its name in the stub."""
    good: list[str] = []
    try:
        by_name = named(tests)
        good.append(await pass_where_all_is_right(by_name))
        good.append(await pass_where_all_is_slow(by_name))
        good.append(await find_the_bugs(by_name))
    except NotYet as problem:
        return Verdict(good, str(problem))
    return Verdict(good)


def named(tests) -> dict:
    """The tests by their names."""
    by_name = {getattr(test, "__name__", ""): test for test in tests}
    if missing := [name for name in NAMES if name not in by_name]:
        raise NotYet(f"{missing[0]} is missing: give the check all five.")
    for name in NAMES:
        if not inspect.iscoroutinefunction(by_name[name]):
            raise NotYet(f"{name} is no `async def`. It talks to a real server, and has to wait for it.")
    return by_name


async def pass_where_all_is_right(by_name: dict) -> str:
    """A test that fails with a right endpoint cries wolf."""
    for name, seen in zip(NAMES, await outcomes(by_name, PATIENCE), strict=True):
        if seen.hung:
            raise NotYet(f"with an endpoint that is right, {name} {seen.hung}. It waits for what does not come.")
        if seen.error:
            hint = f" {LIMIT}" if seen.error.startswith("TimeoutError") else ""
            raise NotYet(f"with an endpoint that is right, {name} fails: {seen.error}.{hint}")
        if not seen.came:
            raise NotYet(f"{name} passes, but nobody has connected to its server. What does it test?")
    return "all pass with an endpoint that is right"


async def pass_where_all_is_slow(by_name: dict) -> str:
    """The right endpoint on a bad day. And what a test sleeps, takes no time: so it does not help to sleep longer."""
    sleep = time.sleep

    def sleep_shortly(delay):
        sleep(0 if sleepless.get() and delay < SHORT else delay)

    with mock.patch.object(time, "sleep", sleep_shortly):
        all_seen = await outcomes(by_name, PATIENCE, sleeps=False, late=LATE)
    for name, seen in zip(NAMES, all_seen, strict=True):
        if seen.error:
            raise NotYet(
                f"{name} fails when the endpoint takes {LATE:g} seconds for whatever it sends: {seen.error}. (What the "
                f"test sleeps takes no time there.) Wait for what has to come, and not for time. {LIMIT}"
            )
    return "all pass with one that is slow"


def without_sleep(call_later):
    """A loop's `call_later()` for which asyncio.sleep() takes no time, whatever name it was imported by."""

    def call_at_once(delay, callback, *args, **options):
        is_sleep = getattr(callback, "__name__", "") == "_set_result_unless_cancelled"  # the last thing that it does
        return call_later(0 if is_sleep and delay < SHORT else delay, callback, *args, **options)

    return call_at_once


async def find_the_bugs(by_name: dict) -> str:
    """Each bug must be found by the test that is for it, so that its name says what is wrong."""
    all_seen, in_silence = await asyncio.gather(
        asyncio.gather(*(outcome(by_name[name], tally_app(bug), QUIET, bug) for bug, (name, _) in BUGS.items())),
        asyncio.gather(*(outcome(by_name[name], tally_app(answers=n), QUIET, f"{n}, {name}") for name, n in SILENCE)),
    )
    for (bug, (name, hint)), seen in zip(BUGS.items(), all_seen, strict=True):
        if seen.hung:
            raise NotYet(f"with an endpoint {bug}, {name} {seen.hung}.")
        if not seen.error:
            others = zip(NAMES, await outcomes(by_name, QUIET, bug=bug), strict=True)
            found = [other for other, seen in others if seen.error]
            instead = f"{found[0]} finds it, whose name speaks of something else. " if found else ""
            raise NotYet(f"{name} passes with an endpoint {bug}. {instead}{hint} {SWALLOWS}")
    for (name, answered), seen in zip(SILENCE, in_silence, strict=True):
        if seen.hung:
            whom = f"whoever comes after {answered} others" if answered else "anybody"
            raise NotYet(f"with an endpoint that does not say anything to {whom}, {name} {seen.hung}.")
    return f"each of {len(BUGS)} bugs is found, by the test that is for it"
