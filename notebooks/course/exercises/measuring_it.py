"""The check under the exercise of measuring-it: a load generator, on servers whose every answer is known beforehand."""

import asyncio
import math
from collections.abc import Iterator
from itertools import chain

from websockets import ConnectionClosed

from course.client import NotYet
from course.judging import Verdict
from course.known_server import EVERY, NEAR, PATIENCE, Line, keep_to_the_plan, percentile, scenarios
from course.virtual_time import in_virtual_time

__all__ = ["generator"]

KEYS = {"p50", "p99", "unanswered", "late"}

FROM_SEND = "That is from when they were sent. This generator was late: count from when they should have been sent."
LEFT_OUT = "That leaves out what was never answered, and what remains looks fast. Count it as math.inf."
MEAN = "That is the mean of the clients' percentiles. Put what all have waited into one list."
SOON = "Patience begins when the last message is due, for all messages."
LONG = "Patience begins when the last message is due, (number - 1) * every after the start."
LEAVES = "it has returned, and left tasks behind: {}. Cancel them, and await them; or use a TaskGroup."
ENDLESS = "it still waits, a minute after the last answer that `patience` allows. Where is its limit, by loop.time()?"
BEGUN = "It is the longest time by which a send() began after it was due."


async def generator(measure) -> Verdict:
    """`measure(clients, every, number, patience)` keeps to its plan, and its report is honest."""
    good: list[str] = []
    try:
        for words, number, lines in scenarios():
            await judge(measure, number, lines)
            good.append(words)
    except NotYet as problem:
        return Verdict(good, str(problem))
    return Verdict(good)


async def judge(measure, number: int, lines: list[Line]) -> None:
    """Let it measure these lines, and compare."""
    limit = (number - 1) * EVERY + PATIENCE

    async def main():
        for line in lines:
            line.open(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(limit + 60) as too_long:
                report, ended = await measure(list(lines), EVERY, number, PATIENCE), lines[0].now
                await asyncio.sleep(2 * EVERY)  # for those that have been cancelled
                left = asyncio.all_tasks() - {asyncio.current_task()}
                return report, ended, sorted(task.get_coro().__name__ for task in left)
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
    is_honest(report, ended, lines, number, limit)
    if ended > limit + 2 * EVERY:
        raise NotYet(f"it returned {ended - limit:.1f} seconds later than `patience` allows.")
    if left:
        raise NotYet(LEAVES.format(", ".join(left)))


def in_words(error: Exception, has_sent: bool) -> NotYet:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, NotYet):
        return error
    if isinstance(error, ConnectionClosed):
        return NotYet("a connection ended, and its error came out of `measure`. Catch it where that client is served.")
    if isinstance(error, TimeoutError):
        return NotYet(
            "a TimeoutError came out of `measure`. An answer that does not come in time is no error: count it."
        )
    return NotYet(f"it raised {type(error).__name__}: {error}{'' if has_sent else '. It has not sent anything.'}")


def is_honest(report: dict, ended: float, lines: list[Line], number: int, limit: float) -> None:
    """The report says what was."""
    due = [n * EVERY for n in range(number)]
    took = [line.took(due, limit) for line in lines]
    missing = sum(each.count(math.inf) for each in took)
    if (said := report["unanswered"]) != missing:
        is_short = isinstance(said, int) and said > missing and ended < limit - NEAR
        counts_later = said == sum(line.took(due, limit + EVERY).count(math.inf) for line in lines)
        why = SOON if is_short else LONG if counts_later else ""
        raise NotYet(f"{missing} messages were not answered in time, and it says {said!r}. {why}".strip())
    for percent in (50, 99):
        right, got = percentile(chain(*took), percent), report[f"p{percent}"]
        if not near(got, right):
            others = explanations(took, [line.took(line.began, limit) for line in lines], percent)
            why = next((words for words, value in others if near(got, value)), "")
            raise NotYet(f"p{percent} should be {right:.2f}, and it says {in_figures(got)}. {why}".strip())
    late = max(0, *(began - at for line in lines for began, at in zip(line.began, due, strict=False)))
    unsent = [ended - due[len(line.began)] for line in lines if len(line.began) < number and line.ends == math.inf]
    if not near(report["late"], late) and not near(report["late"], max([late, *unsent])):  # both are honest
        raise NotYet(f"late should be {late:.2f}, and it says {in_figures(report['late'])}. {BEGUN}")


def explanations(took: list[list[float]], from_send: list[list[float]], percent: int) -> Iterator[tuple[str, float]]:
    """What a wrong percentile may come from, and which value that gives."""
    yield FROM_SEND, percentile(chain(*from_send), percent)
    yield MEAN, sum(percentile(each, percent) for each in took) / len(took)
    yield "That is the mean.", sum(chain(*took)) / sum(map(len, took))
    yield "That is the longest.", max(chain(*took))
    for every in (took, from_send):
        yield LEFT_OUT, percentile([time for time in chain(*every) if time < math.inf], percent)


def near(got, right: float) -> bool:
    return got == right or (isinstance(got, int | float) and abs(got - right) < NEAR)


def in_figures(got) -> str:
    return f"{got:.2f}" if isinstance(got, int | float) else repr(got)
