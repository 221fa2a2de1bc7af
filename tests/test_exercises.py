"""Every exercise refuses its stub and each wrong answer, for the right reason, and accepts its solution."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from tests import lessons
from tests.answers import ANSWERS


@pytest.fixture(autouse=True)
def no_server_is_left_behind():
    before = set(threading.enumerate())
    yield
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("wslab server")]


@pytest.fixture(autouse=True)
def pythons_limit_for_numbers():
    """A wrong answer of the-life-of-a-connection takes it away, for the whole process."""
    limit = sys.get_int_max_str_digits()
    yield
    sys.set_int_max_str_digits(limit)


EXERCISES = [path for path in lessons.PATHS if lessons.tagged(lessons.read(path), "exercise-stub")]


def check(path, answer: str):
    """What the lesson's check says of `answer`, which sees what the lesson has imported and set."""
    notebook = lessons.read(path)
    (cell,) = lessons.tagged(notebook, "exercise-check")
    names: dict = {"__name__": "__main__"}
    exec(lessons.preamble(notebook), names)
    exec(textwrap.dedent(answer), names)
    call = cell.source.splitlines()[-1]
    assert call.startswith("await exercises.")
    exec(f"async def check():\n    return {call}", names)
    return asyncio.run(names["check"]())


def module(path) -> str:
    """A lesson's slug, as its check, its answers and its solution are named."""
    return lessons.slug(path).replace("-", "_")


def solution(path) -> str:
    (cell,) = lessons.tagged(lessons.read(path), "exercise-solution")
    return (lessons.NOTEBOOKS / cell.source.removeprefix("# %load ")).read_text(encoding="utf-8")


def test_every_exercise_has_wrong_answers():
    assert sorted(ANSWERS) == sorted(module(path) for path in EXERCISES)
    assert all(len(answers.WRONG) >= 2 for answers in ANSWERS.values())


@pytest.mark.parametrize("path", EXERCISES, ids=lessons.slug)
def test_the_stub_is_refused_and_the_page_shows_it(path):
    notebook = lessons.read(path)
    (stub,) = lessons.tagged(notebook, "exercise-stub")
    (cell,) = lessons.tagged(notebook, "exercise-check")
    verdict = check(path, stub.source)
    assert not verdict.passed
    assert repr(verdict).startswith("Not yet: ")
    assert cell.outputs[0].data["text/plain"] == repr(verdict)


def check_after_a_restart(path, answer: str) -> str:
    """What the check prints if nothing else has run in the kernel: only the imports and the answer."""
    program = "import sys, pathlib, tests.test_exercises as t; print(t.check(pathlib.Path(sys.argv[1]), sys.argv[2]))"
    result = subprocess.run(
        [sys.executable, "-c", program, str(path), answer],
        cwd=lessons.ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    return result.stdout.rstrip() + result.stderr


@pytest.mark.parametrize("path", EXERCISES, ids=lessons.slug)
def test_the_solution_is_accepted_in_a_kernel_that_has_just_started(path):
    verdict = check_after_a_restart(path, solution(path))
    assert verdict.endswith("\nSolved."), verdict


def whole(path, answer: str) -> str:
    """An answer as a program: below the stub's head, unless it has an app of its own."""
    if "= FastAPI(" in answer:
        return answer
    return ANSWERS[module(path)].HEAD + textwrap.indent(textwrap.dedent(answer), "    ")


WRONG = [
    pytest.param(path, whole(path, answer), message, id=mistake)
    for path in EXERCISES
    for mistake, answer, message in ANSWERS[module(path)].WRONG
]


@pytest.mark.parametrize(("path", "answer", "message"), WRONG)
@pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited")
def test_a_wrong_answer_is_refused_for_its_reason(path, answer, message):
    verdict = check(path, answer)
    assert not verdict.passed
    assert message in verdict.problem
    assert verdict.problem.count("endpoint raised") <= 1  # said once, not again by the last look


OTHERS = [path for path in EXERCISES if hasattr(ANSWERS[module(path)], "RIGHT_IN_ANOTHER_WAY")]


@pytest.mark.parametrize("path", OTHERS, ids=lessons.slug)
def test_another_right_answer_is_accepted(path):
    verdict = check(path, ANSWERS[module(path)].RIGHT_IN_ANOTHER_WAY)
    assert verdict.passed, verdict


MORE_RIGHT = [
    pytest.param(path, answer, id=f"{lessons.slug(path)}: {way}")
    for path in EXERCISES
    for way, answer in getattr(ANSWERS[module(path)], "MORE_RIGHT", [])
]


@pytest.mark.parametrize(("path", "answer"), MORE_RIGHT)
def test_one_more_right_answer_is_accepted(path, answer):
    verdict = check(path, whole(path, answer))
    assert verdict.passed, verdict


def test_a_limit_in_slices_is_accepted_by_disconnects_done_right():
    path = lessons.path("disconnects-done-right")
    assert "timeout=1" in ANSWERS["disconnects_done_right"].SLICES_OF_TIME
    verdict = check(path, ANSWERS["disconnects_done_right"].SLICES_OF_TIME)
    assert verdict.passed, verdict


def test_catching_too_much_sees_what_uvicorn_logs_in_a_kernel_that_has_just_started():
    path = lessons.path("catching-too-much")
    assert check_after_a_restart(path, ANSWERS["catching_too_much"].RIGHT_IN_ANOTHER_WAY).endswith("\nSolved.")


def test_a_traceback_in_the_text_of_the_log_is_enough_for_catching_too_much():
    path = lessons.path("catching-too-much")
    answer = ANSWERS["catching_too_much"].RIGHT_IN_ANOTHER_WAY.replace(
        "raise  # uvicorn logs it", "logger.error(format_exc())"
    )
    assert "format_exc" in answer
    assert check(path, f"from traceback import format_exc\n{answer}").passed
