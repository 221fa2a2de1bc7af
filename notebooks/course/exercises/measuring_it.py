"""The check under the exercise of measuring-it: a load generator, on servers whose every answer is known beforehand."""

import asyncio
import inspect
import math
from collections.abc import Iterator
from functools import partial
from itertools import chain

from websockets import ConnectionClosed

from course.client import NotYet
from course.following import how_it_ended
from course.judging import Verdict
from course.known_server import ANSWER, EVERY, NEAR, PATIENCE, Line, Scenario, keep_to_the_plan, percentile, scenarios
from course.virtual_time import in_virtual_time

__all__ = ["generator"]

EXACT = 0.001  # seconds by which a percentile may be wrong: a generator takes some turns of the loop
KEYS = {"p50", "p99", "unanswered", "late"}

FROM_SEND = "That is from when they were sent. This generator was late: count from when they should have been sent."
LEFT_OUT = "That leaves out what was never answered, and what remains looks fast. Count it as math.inf."
LONGEST = "That is the longest. (Or are some left out of the list, as the first of each client? All messages count.)"
MEAN = "That is the mean of the clients' percentiles. Put what all have waited into one list."
MIXED = "An answer of one client's is taken for one of another's. The n-th answer of each is that of its message n."
AT_LAST = "Answers are read when all has been sent, and have waited until then. Send and receive in two tasks."
SOON = "Patience begins when the last message is due, for all messages."
LONG = "Patience begins when the last message is due, (number - 1) * every after the start."
NO_ECHO = "The n-th answer is that of message n, whatever it says."
EMPTY = "An empty text is an answer, too, and false in a `while` or an `if`: count answers, whatever they say."
ROUNDED = "Do not round it: an echo takes a millisecond or two."
LEAVES = "it has returned, and left tasks behind: {}. Cancel them, and await them; or use a TaskGroup."
ENDLESS = "it still waits, a minute after the last answer that `patience` allows. Where is its limit, by loop.time()?"
NOTHING_SENT = ". It has not sent anything. (By loop.time(), a limit is so many seconds after the start.)"
CANCELLED = "Let CancelledError out: it says neither that an answer is late, nor that a connection has ended."
BEGUN = "It is the longest time by which a send() began after it was due."


async def generator(measure) -> Verdict:
    """`measure(clients, every, number, patience)` keeps to its plan, and its report is honest."""
    good: list[str] = []
    try:
        for scenario in scenarios():
            await judge(measure, scenario)
            good.append(scenario.shows)
        good.append(await in_virtual_time(partial(ends_when_cancelled, measure)))
    except NotYet as problem:
        return Verdict(good, str(problem))
    return Verdict(good)


async def judge(measure, scenario: Scenario) -> None:
    """Let it measure these lines, and compare."""
    number, lines = scenario.number, scenario.lines
    limit = (number - 1) * EVERY + PATIENCE

    async def main():
        for line in lines:
            line.open(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(limit + 60) as too_long:
                report, ended = await measure(list(lines), EVERY, number, PATIENCE), lines[0].now
                left = [task.get_coro() for task in asyncio.all_tasks() - {asyncio.current_task()}]
                # What asyncio itself starts, to close an `async for` that was left, is no coroutine of a function
                return report, ended, sorted(coro.__name__ for coro in left if inspect.iscoroutine(coro))
        except TimeoutError:
            if too_long.expired():
                raise NotYet(ENDLESS) from None
            raise

    try:
        report, ended, left = await in_virtual_time(main)
    except Exception as error:
        raise in_words(error, any(line.began for line in lines)) from None
    last = limit - PATIENCE
    if ended < last + NEAR and any(len(line.began) < number for line in lines):
        raise NotYet(
            f"it returned {ended:.1f} s after the start, before the plan's end: "
            f"the last message is due at {last:.1f}, and then there is `patience`."
        )
    keep_to_the_plan(lines, number)
    if not (isinstance(report, dict) and report.keys() >= KEYS):
        raise NotYet(f"it returned {report!r}. Return a dict with p50, p99, unanswered and late.")
    try:
        is_honest(report, ended, lines, number, limit)
    except NotYet as problem:
        raise NotYet(f"where {scenario.where}, {problem}") from None
    if ended > limit + 2 * EVERY:
        raise NotYet(f"it returned {ended - limit:.1f} seconds later than `patience` allows.")
    if left:
        raise NotYet(LEAVES.format(", ".join(left)))


async def ends_when_cancelled(measure) -> str:
    """Cancelled in the middle of its plan, it ends by that."""
    number, line = 20, Line()
    line.open(asyncio.get_running_loop())
    measuring = asyncio.ensure_future(measure([line], EVERY, number, PATIENCE))
    await asyncio.wait([measuring], timeout=number * EVERY / 2)
    measuring.cancel()
    await asyncio.wait([measuring], timeout=number * EVERY + PATIENCE)
    if not measuring.cancelled():
        ended = how_it_ended(measuring) if measuring.done() else "it went on"
        raise NotYet(f"it was cancelled while it measured, and {ended}. {CANCELLED}")
    return "it ends when it is cancelled"


def in_words(error: Exception, has_sent: bool) -> NotYet:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, NotYet):
        return error
    if isinstance(error, ConnectionClosed):
        return NotYet(
            f"a connection ended, and its error came out of `measure`, {type(error).__name__}. "
            "Where that client is served, catch ConnectionClosed, which is the base of each such error."
        )
    if isinstance(error, TimeoutError):
        return NotYet(
            "a TimeoutError came out of `measure`. An answer that does not come in time is no error: count it."
        )
    why = NOTHING_SENT if not has_sent else f". {NO_ECHO}" if ANSWER in str(error) else ""
    return NotYet(f"it raised {type(error).__name__}: {error}{why}")


def is_honest(report: dict, ended: float, lines: list[Line], number: int, limit: float) -> None:
    """The report says what was."""
    due = [n * EVERY for n in range(number)]
    took = [line.took(due, limit) for line in lines]
    missing = sum(each.count(math.inf) for each in took)
    if (said := report["unanswered"]) != missing:
        is_short = isinstance(said, int) and said > missing and ended < limit - NEAR
        counts_later = said == sum(line.took(due, limit + EVERY).count(math.inf) for line in lines)
        hears_none = said == len(lines) * number and not missing
        is_empty = isinstance(said, int) and said > missing and not all(line.answer for line in lines)
        why = EMPTY if is_empty else NO_ECHO if hears_none else SOON if is_short else LONG if counts_later else ""
        words = "1 message was" if missing == 1 else f"{missing} messages were"
        raise NotYet(f"{words} not answered in time, and it says {said!r}. {why}".strip())
    for percent in (50, 99):
        right, got = percentile(chain(*took), percent), report[f"p{percent}"]
        if not near(got, right, EXACT):
            others = explanations(took, [line.took(line.began, limit) for line in lines], percent)
            why = next((words for words, value in others if near(got, value, EXACT)), "")
            why = "That is in milliseconds." if near(got, 1000 * right, 1000 * EXACT) else why
            raise NotYet(f"p{percent} should be {in_figures(right, got)}. {why}".strip())
    late = max(0, *(began - at for line in lines for began, at in zip(line.began, due, strict=False)))
    unsent = [ended - due[len(line.began)] for line in lines if len(line.began) < number and line.ends == math.inf]
    if not near(report["late"], late) and not near(report["late"], max([late, *unsent])):  # both are honest
        raise NotYet(f"late should be {in_figures(late, report['late'])}. {BEGUN}")


def explanations(took: list[list[float]], from_send: list[list[float]], percent: int) -> Iterator[tuple[str, float]]:
    """What a wrong percentile may come from, and which value that gives."""
    yield FROM_SEND, percentile(chain(*from_send), percent)
    yield MEAN, sum(percentile(each, percent) for each in took) / len(took)
    yield "That is the mean.", sum(chain(*took)) / sum(map(len, took))
    yield LONGEST, max(chain(*took))
    yield ROUNDED, round(percentile(chain(*took), percent), 2)
    dues = [n * EVERY for each in took for n in range(len(each))]
    came = [due + seconds for due, seconds in zip(dues, chain(*took), strict=True)]
    yield MIXED, percentile((at - due for at, due in zip(sorted(came), sorted(dues), strict=True)), percent)
    yield AT_LAST, percentile((max(at, *dues) - due for at, due in zip(came, dues, strict=True)), percent)
    for every in (took, from_send):
        if finite := [time for time in chain(*every) if time < math.inf]:
            yield LEFT_OUT, percentile(finite, percent)
    yield "99 percent are 99, and not 0.99.", percentile(chain(*took), percent / 100)


def near(got, right: float, tolerance: float = NEAR) -> bool:
    return got == right or (isinstance(got, int | float) and abs(got - right) < tolerance)


def in_figures(right: float, got) -> str:
    """Both, with as many digits as it takes to see a difference."""
    if not isinstance(got, int | float):
        return f"{right:.2f}, and it says {got!r}"
    digits = 3 if f"{right:.2f}" == f"{got:.2f}" else 2
    return f"{right:.{digits}f}, and it says {got:.{digits}f}"
