"""The program examples/measured, and what it stands on: a load generator whose report is honest."""

import asyncio
import json
import math
import re
import subprocess
import sys

import pytest
from websockets import serve

from course.known_server import Line
from course.virtual_time import in_virtual_time
from examples.measured import generator
from examples.measured.__main__ import as_text
from examples.measured.generator import FULL, Report, measure
from tests import lessons
from tests.test_examples import PATIENCE, program

TOLERANCE = 0.01  # seconds


def report(*lines: Line, seconds: float = 2, patience: float = 1) -> Report:
    """What it says of these lines, at ten messages a second for each."""

    async def main():
        for line in lines:
            line.open(asyncio.get_running_loop())
        return await measure(lines, 10 * len(lines), seconds, patience)

    return asyncio.run(in_virtual_time(main))


def about(seconds: float):
    return pytest.approx(seconds, abs=0.005)


def test_all_is_answered():
    seen = report(Line(), Line(lambda n: 0.3))
    assert (seen.planned, seen.sent, seen.unanswered, seen.ended) == (40, 40, 0, 0)
    assert [seen.within(percent) for percent in (50, 90, 100)] == [about(0.01), about(0.3), about(0.3)]
    assert (max(seen.late), seen.problem(TOLERANCE)) == (about(0), "")


def test_the_clients_take_turns():
    first, second = Line(), Line()
    report(first, second)
    assert first.began == [about(n / 10) for n in range(20)]
    assert second.began == [about(n / 10 + 0.05) for n in range(20)]


def test_a_server_that_stands_still_is_asked_on_and_charged_with_all():
    line = Line(stands=(0.95, 1.75))
    seen = report(line)
    assert line.began == [about(n / 10) for n in range(20)]
    assert [seen.within(percent) for percent in (50, 65, 100)] == [about(0.01), about(0.06), about(0.76)]
    assert seen.problem(TOLERANCE) == ""


def test_what_is_never_answered_is_infinitely_long_and_given_up():
    seen = report(Line(), Line(lambda n: math.inf if n >= 15 else 0.01))
    assert (seen.sent, seen.unanswered) == (40, 5)
    assert (seen.within(50), seen.within(90)) == (about(0.01), math.inf)


@pytest.mark.parametrize(("line", "late"), [(Line(reads_nothing=(0.95, 1.75)), 0.65), (Line(slow_send=5), 0.15)])
def test_it_says_that_it_was_late_and_counts_from_when_a_message_was_due(line, late):
    seen = report(line)
    assert max(seen.late) == about(late)
    assert seen.within(100) >= late
    assert seen.problem(TOLERANCE).startswith("THE PLAN WAS NOT KEPT")
    assert seen.problem(1) == ""


def test_what_it_could_not_send_is_late_too():
    seen = report(Line(reads_nothing=(0.95, 60)))
    assert (seen.sent, seen.unanswered, len(seen.late)) == (10, 10, 20)
    assert max(seen.late) == about(2.9 - 1.1)
    assert seen.problem(TOLERANCE)


def test_a_connection_that_ends_is_no_fault_of_the_generator():
    seen = report(Line(ends=1.05), Line())
    assert (seen.ended, seen.unanswered, seen.problem(TOLERANCE)) == (1, 9, "")


def test_a_message_in_a_hundred_may_be_late_and_is_named():
    """What one of 20 clients cannot send in the end, since its server reads nothing, is less."""
    seen = report(*(Line() for _ in range(19)), Line(reads_nothing=(1.75, 60)))
    assert (seen.planned, seen.sent, seen.unanswered) == (400, 397, 3)
    assert (seen.problem(TOLERANCE), seen.overdue(TOLERANCE)) == ("", 2)
    assert as_text(seen, "", TOLERANCE).endswith("kept, but for 2 messages: look at the longest times with doubt.")


class Greeted(Line):
    def open(self, loop):
        super().open(loop)
        self.heard.put_nowait("welcome")


class AnsweredTwice(Line):
    async def send(self, message):
        await super().send(message)
        self.loop.call_at(self.start + self.answered[-1], self.heard.put_nowait, message)


@pytest.mark.parametrize("kind", [Greeted, AnsweredTwice])
def test_answers_that_come_before_their_messages_are_none(kind):
    seen = report(Line(), kind())
    assert seen.early > 0
    assert seen.problem(TOLERANCE).startswith("THE FIGURES MEAN NOTHING")


@pytest.mark.parametrize(("number", "rank"), [(1000, 999), (1001, 1000), (7, 7)])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(number, rank):
    assert generator.percentile(range(1, number + 1), 99.9) == rank


def test_a_plan_has_as_many_messages_as_rate_and_seconds_say():
    assert report(Line(), seconds=1.1).planned == 11
    assert report(Line(), seconds=0.01).planned == 1


def test_what_was_due_before_a_connection_ended_is_late():
    seen = report(Line(reads_nothing=(0.45, 60), ends=1.25))
    assert (seen.ended, seen.sent, len(seen.late), max(seen.late)) == (1, 5, 13, about(0.65))
    assert seen.problem(TOLERANCE)


def test_a_generator_whose_core_is_full_says_so():
    seen = report(Line())
    seen.busy = FULL + 0.1
    assert "BOTTLENECK" in seen.problem(TOLERANCE)


def test_greetings_that_do_not_come_are_not_waited_for_for_ever(port, monkeypatch):
    monkeypatch.setattr(generator, "GREETS", 0.1)
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(generator.connected(f"ws://127.0.0.1:{port}/ws", 2, greetings=1))
    assert str(raised.value.exceptions[0]) == "it did not send 1 greetings"


def test_where_not_all_are_let_in_none_stays():
    async def main():
        here = []

        async def echo(ws):
            here.append(ws)
            await ws.wait_closed()

        def refuse_the_third(ws, request):
            return ws.respond(403, "") if len(here) == 2 else None

        async with asyncio.timeout(PATIENCE), serve(echo, "127.0.0.1", 0, process_request=refuse_the_third) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.MonkeyPatch.context() as patched, pytest.raises(ExceptionGroup):
                patched.setattr(generator, "AT_ONCE", 1)
                await generator.connected(url, 4, greetings=0)
            assert len(here) == 2
            await asyncio.gather(*(ws.wait_closed() for ws in here))

    asyncio.run(main())


# --- the program ---


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "examples.measured", *arguments]
    return subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture(scope="module")
def port():
    with program("-m", "examples.echo", "--port", "0") as (_, port):
        yield port


def test_it_measures_the_echo(port):
    url = f"ws://127.0.0.1:{port}/echo"
    seen = run(url, "--rate", "50", "--seconds", "1", "--tolerance", "5000")
    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout.startswith("planned 50   sent 50   never answered 0\nfrom when each was due:   p50 ")
    assert re.search(
        r"\n(this generator: .* of a core   late p50 .* ms   p99 .* ms   most .* ms)\nThe plan was kept.\n$",
        seen.stdout,
    )
    options = ["--message", '{"n": {n}}', "--header", "Authorization: Bearer x", "--no-compression", "--clients", "3"]
    seen = run(url, *options, "--rate", "50", "--seconds", "0.2", "--tolerance", "5000", "--json")
    told = json.loads(seen.stdout)
    assert (told["planned"], told["sent"], told["unanswered"], told["ended"], told["kept"]) == (10, 10, 0, 0, True)


def test_connections_that_end_are_counted():
    seen = as_text(report(Line(ends=1.05)), "", TOLERANCE)
    assert seen.startswith("planned 20   sent 11   never answered 9   1 connections ended\n")
    assert "longest never\n" in seen and seen.endswith("\nThe plan was kept, as long as there were connections.")


def test_a_plan_that_is_too_much_is_not_kept(port):
    url = f"ws://127.0.0.1:{port}/echo"
    seen = run(url, "--rate", "500_000", "--seconds", "1", "--patience", "1")
    assert seen.returncode == 0
    assert re.search(r"^planned 500,000   sent [\d,]+   never answered [\d,]+$", seen.stdout, re.MULTILINE)
    assert "THE BOTTLENECK MAY BE" in seen.stdout or "THE PLAN WAS NOT KEPT" in seen.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["http://127.0.0.1:1/"], r"http://127.0.0.1:1/ isn't a valid URI.*begins with ws://"),
        (["ws://127.0.0.1:1/"], r"10 clients could not all connect to ws://127.0.0.1:1/: "),
        (["ws://127.0.0.1:{port}/nowhere"], r"10 clients could not all connect to .*: .*HTTP 403"),
        (["ws://127.0.0.1:{port}/echo", "--rate", "0"], r"argument --rate: invalid positive value: '0'"),
        (["ws://127.0.0.1:{port}/echo", "--clients", "0"], r"--clients must be 1 or more"),
        (["ws://127.0.0.1:{port}/echo", "--rate", "1e9"], r"more than 1,000,000 messages"),
        (["ws://127.0.0.1:{port}/echo", "--header", "x"], r"--header 'x': a header is written 'NAME: VALUE'"),
        ([], r"arguments are required: url"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, problem, port):
    seen = run(*(argument.replace("{port}", str(port)) for argument in arguments))
    assert (seen.returncode, seen.stdout) == (1, "")
    assert re.search(problem, seen.stderr) and seen.stderr.count("\n") == 1, seen.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_a_limit_of_open_files_is_named(port):
    command = f"ulimit -n 40; exec {sys.executable} -m examples.measured ws://127.0.0.1:{port}/echo --clients 60"
    seen = subprocess.run(["sh", "-c", command], cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert seen.returncode == 1
    assert seen.stderr.endswith("Too many open files. Here, more files must be allowed: ulimit -n\n")
