"""The check under the exercise of all-of-it."""

import inspect
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from course import rehearsal
from course.client import NotYet
from course.judging import Verdict
from course.rehearsal import CROWD, LAGS, LARGER, Client, Endless, Member, Run, harder_runs, runs

__all__ = ["chaos"]

COUNTS = ("lost", "doubled", "out of order", "given up")
METHODS = {"enter": 2, "say": 3, "take": 2}  # with how many arguments

ONE_STEP = (
    "What has come before is known by the client's name and `seq`: it is not appended again. To look, to append and to "
    "remember must be one step in Redis, for whatever a worker knows goes with it."
)
WORD_FOR_WORD = "What is appended is the text, as it was said: whose it is, and its `seq`, stand in `db.seen`."
KEPT_FIRST = (
    "First it is kept, then it is acknowledged. Where Redis does not answer, nobody knows: let the ConnectionError "
    "out, and the client comes again. To append and to remember are one step, and what a worker notes for itself, it "
    "notes afterwards."
)
TAKEN_FOR_KNOWN = (
    "So it was taken for known, or never came so far. Each client counts its `seq` for itself, may say the same text "
    "twice, and is remembered in `db.seen`, in the step that appends."
)
BACK = "And how far it is, only its `number` says: of what this worker told it before, something was lost on its way."
FROM_THE_LOG = "A line is told when it is read from the log, in `take`, and not before it is kept."
AS_READ = "A line is told with the number with which `take` has read it from the log."
ACKNOWLEDGE = "What is said again is acknowledged again, though it is not appended."
UP_TO = "`acknowledge(seq)` says up to where all is kept, and what has this `seq` is the last of that."
ANEW = "Nor is it in the log: what is said again asks Redis again, which may be back."
LET_IT_OUT = "If Redis does not answer, let the ConnectionError out: the worker has others to serve, until it is back."
SHARED = (
    "Workers are processes, so each has its own: make it in `__init__`, and not as an attribute of the class, as a "
    "default argument, or beside the class."
)
HARDER = "with more texts, or if more goes wrong: "
MANY = 200  # lines of a log that is read for long
LONG_ENOUGH = 6  # things that happen in a run, for a sentence
ABOVE = (
    "Who has heard up to `number` is told at `enter` what this worker has read above it, from `number + 1` on, and the "
    "rest when `take` reads it."
)
IN_ORDER = "Who comes is told what it has missed in the order of the log: keep the lines in a list, as they were read."
REPEATED = "A line before it says the same, and is another one: lines are told apart by their numbers."
TO_ALL = (
    "`take` tells a line to all who are there and have not heard it: also to one who comes again, under a name that "
    "was there before."
)
AHEAD = (
    "Who comes from the other worker may have heard what this one has not read yet. `take` leaves out whoever has "
    "heard that line."
)


async def chaos(worker) -> Verdict:
    """`worker` is a class with `enter`, `say` and `take`. Whatever goes wrong, its clients hear each line once."""
    good = []
    try:
        is_a_worker(worker)
        shares_nothing(worker)
        good.append(rehearse("", runs(worker)))
        good.append(rehearse(HARDER, harder_runs(worker)))
        tells_newcomers(worker)
    except NotYet as problem:
        return Verdict(good, str(problem))
    except Endless as endless:
        hint = LET_IT_OUT if endless.run.kind == "outage" else ""
        return Verdict(good, f"its code goes on and on in one of the runs: {story(endless.run)}. {hint}".strip())
    except Exception as error:
        return Verdict(good, f"{where(error)} raised {type(error).__name__}: {error}.")
    return Verdict(good)


def rehearse(words: str, all_runs: Iterable[Run]) -> str:
    """What the runs' reports say together, behind these words. Raises NotYet if that is not 0, 0, 0, 0."""
    counted, number, failed = Counter(dict.fromkeys(COUNTS, 0)), 0, None
    for run in all_runs:
        report = run.report()
        counted.update(report)
        number += 1
        if failed is None and report.total():
            failed = run
    words += ", ".join(f"{what} {counted[what]}" for what in COUNTS) + f", in {number} runs"
    if failed:
        raise NotYet(f"{words}. One of them: {story(failed)}. {finding(failed)}")
    return words


def is_a_worker(worker) -> None:
    """It must be a class with these methods, which are no coroutines."""
    for name, number in METHODS.items():
        method = getattr(worker, name, None)
        if method is None or inspect.iscoroutinefunction(method):
            raise NotYet(f"`Worker` needs a method `{name}`, which is a plain `def`.")
        try:
            inspect.signature(method).bind(*[None] * (number + 1))
        except TypeError:
            raise NotYet(f"`{name}` takes {number} arguments, besides `self`.") from None


def shares_nothing(worker) -> None:
    """What one worker reads, the members of another must not hear from it: in the service, each is a process."""
    run = Run(worker, "nothing", (), LAGS[0], CROWD)
    first, second = (Member(client, "A") for client in run.clients)
    run.call("A", "enter", first, 0)
    run.call("B", "take", 1, "one")
    run.call("A", "enter", second, 0)
    if any(client.heard for client in run.clients):
        raise NotYet(f"a member of one worker was told a line that only the other had read. {SHARED}")


def tells_newcomers(worker) -> None:
    """Whoever comes late, and has heard nothing, or not all, is told whatever it has not heard."""
    run = Run(worker, "nothing", (), LAGS[0], CROWD)
    run.data.lines += [f"text {number}" for number in range(1, MANY + 1)]
    run.follow("A")
    for client, heard in zip(run.clients, (0, MANY // 2), strict=True):
        run.call("A", "enter", Member(client, "A"), heard)
        numbers = [number for number, _ in client.heard]
        if numbers != [*range(heard + 1, MANY + 1)]:
            told = f"told {len(numbers)} lines, from {numbers[0]} on" if numbers else "told nothing"
            raise NotYet(
                f"a worker had read {MANY} lines; a member came that had heard up to {heard}, and was {told}. {ABOVE}"
            )


def story(run: Run) -> str:
    """What goes wrong in the run, and what comes of it."""
    happens = run.story[:LONG_ENOUGH] or ["nothing goes wrong"]
    if run.crowd is LARGER:
        happens.insert(0, f"{' and '.join(LARGER.says)} say {LARGER.burst} texts at once")
    return "; ".join(happens) + ("; and so on" if len(run.story) > LONG_ENOUGH else "")


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
    said = run.said()
    kept = Counter(run.data.lines)
    for client in run.clients:
        if client.unsure and run.kind == "nothing" and client.acknowledged is not None:
            kept_up_to = f"it has said {max(client.unsure)}, and was told that {client.acknowledged} is kept"
            return f"{client.name} was never told that all it has said is kept: {kept_up_to}. {UP_TO}"
        if client.unsure or client.says:
            hint = ANEW if Counter(client.unsure.values()) - kept else ACKNOWLEDGE
            return f"{client.name} was never told that all it has said is kept. {hint}"
    if other := list(kept.keys() - said.keys()):
        return f"{other[0]!r} is in the log, and nobody has said that. {WORD_FOR_WORD}"
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
        reason = KEPT_FIRST if run.kind in ("killed", "away", "outage") else TAKEN_FOR_KNOWN
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
        lines = client.run.data.lines
        if all(lines.index(lines[number - 1]) + 1 < number for number in missing):
            return f"{client.name} was never told line {missing[0]}, {lines[missing[0] - 1]!r}. {REPEATED}"
        if missing[0] in client.was_there:
            return f"{client.name} was never told line {missing[0]}. It was there when `take` read that. {TO_ALL}"
        comes_back = client.run.kind == "cut" and len(client.been_at) > len(set(client.been_at))
        return f"{client.name} was never told line {missing[0]}. {ABOVE}{f' {BACK}' if comes_back else ''}"
    if numbers == sorted(numbers):
        return ""
    place = next(place for place, (one, another) in enumerate(pairwise(numbers), 1) if one > another)
    hint = IN_ORDER if client.told_in[place] == "enter" else FROM_THE_LOG
    return f"{client.name} was told lines in another order, in `{client.told_in[place]}`. {hint}"
