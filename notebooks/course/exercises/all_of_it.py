"""The check under the exercise of all-of-it."""

import inspect
from collections import Counter

from course import rehearsal
from course.client import NotYet
from course.judging import Verdict
from course.rehearsal import SAYS, Client, Endless, Run, runs

__all__ = ["chaos"]

COUNTS = ("lost", "doubled", "out of order", "given up")
METHODS = {"enter": 2, "say": 3, "take": 2}  # with how many arguments

ONE_STEP = (
    "What has come before is known by the client's name and `seq`: it is not appended again. To look, to append and to "
    "remember must be one step in Redis, for whatever a worker knows goes with it."
)
KEPT_FIRST = (
    "First it is kept, then it is acknowledged. Where Redis does not answer, nobody knows: let the ConnectionError "
    "out, and the client comes again. To append and to remember are one step."
)
TAKEN_FOR_KNOWN = (
    "So it was taken for known, or never came so far. Each client counts its `seq` for itself, may say the same text "
    "twice, and is remembered in `db.seen`, in the step that appends."
)
FROM_THE_LOG = "A line is told when it is read from the log, in `take`, and not before it is kept."
AS_READ = "A line is told with the number with which `take` has read it from the log."
ACKNOWLEDGE = "What is said again is acknowledged again, though it is not appended."
ABOVE = (
    "Who has heard up to `number` is told at `enter` what this worker has read above it, from `number + 1` on, and the "
    "rest when `take` reads it."
)
AHEAD = (
    "Who comes from the other worker may have heard what this one has not read yet. `take` leaves out whoever has "
    "heard that line."
)


async def chaos(worker) -> Verdict:
    """`worker` is a class with `enter`, `say` and `take`. Whatever goes wrong, its clients hear each line once."""
    counted, number, failed = Counter(dict.fromkeys(COUNTS, 0)), 0, None
    try:
        is_a_worker(worker)
        for run in runs(worker):
            report = run.report()
            counted.update(report)
            number += 1
            if failed is None and report.total():
                failed = run
    except NotYet as problem:
        return Verdict([], str(problem))
    except Endless:
        return Verdict([], "its code goes on and on in one of the runs.")
    except Exception as error:
        return Verdict([], f"{where(error)} raised {type(error).__name__}: {error}.")
    words = ", ".join(f"{what} {counted[what]}" for what in COUNTS) + f", in {number} runs"
    if failed is None:
        return Verdict([words])
    return Verdict([], f"{words}. One of them: {'; '.join(failed.story) or 'nothing goes wrong'}. {finding(failed)}")


def is_a_worker(worker) -> None:
    """It must be a class with these methods, which are no coroutines."""
    for name, number in METHODS.items():
        method = getattr(worker, name, None)
        if method is None or inspect.iscoroutinefunction(method):
            raise NotYet(f"`Worker` needs a method `{name}`, which is a plain `def`.")
        if len(inspect.signature(method).parameters) != number + 1:
            raise NotYet(f"`{name}` takes {number} arguments, besides `self`.")


def where(error: Exception) -> str:
    """The function of the reader's in which an error was raised, or from which what raised it was called."""
    trace, name = error.__traceback__, "Worker"
    while trace:
        code = trace.tb_frame.f_code
        if code.co_filename not in (__file__, rehearsal.__file__):
            name = code.co_name
        trace = trace.tb_next
    return f"`{name}`"


def finding(run: Run) -> str:
    """What went wrong first on the way from the client to Redis, and from there to clients; and why."""
    said = Counter(text for says in SAYS.values() for text in says)
    kept = Counter(run.data.lines)
    for client in run.clients:
        if client.unsure or client.says:
            return f"{client.name} was never told that all it has said is kept. {ACKNOWLEDGE}"
    if again := list(kept - said):
        return f"{again[0]!r} is in the log once too often. {ONE_STEP}"
    for client in run.clients:
        for (number, text), method in zip(client.heard, client.told_in, strict=True):
            if method == "say":
                return f"{client.name} was told {text!r} in `say`. {FROM_THE_LOG}"
            if kept_as(run, number) != text:
                is_there = f"line {number} is {kept_as(run, number)!r}" if kept_as(run, number) else "there is none"
                return f"{client.name} was told {text!r} in `{method}` as line {number}; {is_there}. {AS_READ}"
    if missing := list(said - kept):
        reason = KEPT_FIRST if run.kind in ("killed", "away") else TAKEN_FOR_KNOWN
        return f"{missing[0]!r} was acknowledged, and is not in the log. {reason}"
    return next(filter(None, map(misheard, run.clients)))


def kept_as(run: Run, number: int) -> str | None:
    """The line with this number in the log, if there is one."""
    return run.data.lines[number - 1] if 0 < number <= len(run.data.lines) else None


def misheard(client: Client) -> str:
    """What a client was told twice, or not at all, of what is in the log."""
    numbers = [number for number, _ in client.heard]
    if again := [place for place, number in enumerate(numbers) if number in numbers[:place]]:
        hint = ABOVE if client.told_in[again[0]] == "enter" else AHEAD
        return f"{client.name} was told line {numbers[again[0]]} twice. {hint}"
    if missing := sorted(set(range(1, len(client.run.data.lines) + 1)) - set(numbers)):
        return f"{client.name} was never told line {missing[0]}. {ABOVE}"
    return "" if numbers == sorted(numbers) else f"{client.name} was told lines in another order. {FROM_THE_LOG}"
