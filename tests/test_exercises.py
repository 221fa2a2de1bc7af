"""Every exercise refuses its stub and each wrong answer, for the right reason, and accepts its solution."""

import asyncio
import functools
import gc
import re
import subprocess
import sys
import threading

import pytest
from fastapi import WebSocketDisconnect

from tests import lessons
from tests.answers import ANSWERS, DoesNotFit, after, changed, whole


@pytest.fixture(autouse=True)
def no_server_is_left_behind():
    before = set(threading.enumerate())
    yield
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("wslab server")]


EXERCISES = [path for path in lessons.PATHS if lessons.tagged(lessons.read(path), "exercise-stub")]


@functools.cache
def around_the_answer(path) -> tuple[str, str]:
    """The lesson's imports and names, and the check."""
    notebook = lessons.read(path)
    (cell,) = lessons.tagged(notebook, "exercise-check")
    call = cell.source.splitlines()[-1]
    assert call.startswith("await exercises.")
    return lessons.preamble(notebook), f"async def check():\n    return {call}"


def cells(path, answer: str) -> list[str]:
    """What is run in the lesson's kernel, one after the other: the lesson's imports and names, `answer`, the check."""
    preamble, check = around_the_answer(path)
    return [preamble, answer, check]


def check(path, answer: str):
    """What the lesson's check says of `answer`, which sees what the lesson has imported and set."""
    names: dict = {"__name__": "__main__"}
    for cell in cells(path, answer):
        exec(cell, names)
    return asyncio.run(names["check"]())


def module(path) -> str:
    """A lesson's slug, as its check, its answers and its solution are named."""
    return lessons.slug(path).replace("-", "_")


@functools.cache
def solution(path) -> str:
    (cell,) = lessons.tagged(lessons.read(path), "exercise-solution")
    return (lessons.NOTEBOOKS / cell.source.removeprefix("# %load ")).read_text(encoding="utf-8")


def answers(kind: str) -> list:
    """Of all exercises the answers that are `WRONG` or `RIGHT`, each with its lesson.

    `make test` hands in each third of the wrong ones, from all parts of a check; `make thorough` the others, and the
    right ones, which are looked at to the end as the solution is.
    """
    found = []
    for path in EXERCISES:
        for number, (name, answer) in enumerate(getattr(ANSWERS[module(path)], kind).items()):
            marks = [] if kind == "WRONG" and number % 3 == 0 else [pytest.mark.thorough]
            found.append(pytest.param(path, answer, id=f"{lessons.slug(path)}: {name}", marks=marks))
    return found


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


@pytest.mark.parametrize(("path", "answer"), answers("WRONG"))
@pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited")
def test_a_wrong_answer_is_refused_for_its_reason(path, answer):
    verdict = check(path, answer.program(solution(path)))
    assert not verdict.passed
    assert answer.says in verdict.problem
    for words in ("endpoint raised", "is blocked"):
        assert verdict.problem.count(words) <= 1  # said once, not again by the last look


@pytest.mark.parametrize("path", EXERCISES, ids=lessons.slug)
def test_the_solution_is_accepted(path):
    verdict = check(path, solution(path))
    assert verdict.passed, verdict


async def leave_a_failed_task_behind() -> None:
    """Nobody has asked for its error, and it is in a cycle: only the garbage collector finds it."""

    async def fails():
        raise WebSocketDisconnect(1006)

    cycle = [asyncio.create_task(fails())]
    cycle.append(cycle)
    await asyncio.sleep(0)


@pytest.mark.thorough
@pytest.mark.parametrize("path", EXERCISES, ids=lessons.slug)
def test_what_an_earlier_answer_has_left_behind_is_no_fault_of_this_one(path):
    gc.disable()
    try:
        asyncio.run(leave_a_failed_task_behind())
        verdict = check(path, solution(path))
    finally:
        gc.enable()
    assert verdict.passed, verdict


@pytest.mark.parametrize(("path", "answer"), answers("RIGHT"))
def test_another_right_answer_is_accepted(path, answer):
    verdict = check(path, answer.program(solution(path)))
    assert verdict.passed, verdict


# A process that imports what the lesson imports, and nothing of the tests
RESTARTED = """
import asyncio, sys

names = {"__name__": "__main__"}
for cell in sys.argv[1:]:
    exec(cell, names)
print(asyncio.run(names["check"]()))
"""


def check_after_a_restart(path, answer: str) -> str:
    """What the check prints if nothing else has run in the kernel: only the imports and the answer."""
    result = subprocess.run(
        [sys.executable, "-c", RESTARTED, *cells(path, answer)],
        cwd=lessons.NOTEBOOKS,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return result.stdout.rstrip() + result.stderr


@pytest.mark.thorough  # each starts a Python of its own
@pytest.mark.parametrize("path", EXERCISES, ids=lessons.slug)
def test_the_solution_is_accepted_in_a_kernel_that_has_just_started(path):
    verdict = check_after_a_restart(path, solution(path))
    assert verdict.endswith("\nSolved."), verdict


def test_catching_too_much_sees_what_uvicorn_logs_in_a_kernel_that_has_just_started():
    path = lessons.path("catching-too-much")
    verdict = check_after_a_restart(path, ANSWERS["catching_too_much"].UVICORN_LOGS_IT)
    assert verdict.endswith("\nSolved."), verdict


SOLUTION = """app = FastAPI()


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    while True:
        text = await websocket.receive_text()
        await websocket.send_text(text)
"""


def test_an_edit_replaces_whole_lines_as_deep_as_they_stand():
    answer = changed(
        (
            """
            while True:
                text = await websocket.receive_text()
            """,
            "async for text in websocket.iter_text():",
        ),
        after("await websocket.send_text(text)", "if text:\n    await websocket.close()"),
    )
    assert answer.program(SOLUTION).endswith(
        """\
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
        if text:
            await websocket.close()
"""
    )


def test_a_text_that_makes_no_app_stands_below_the_solutions_head():
    text = """
        await websocket.accept()
        await websocket.close()
    """
    expected = """
async def echo(websocket: WebSocket):

    await websocket.accept()
    await websocket.close()
"""
    assert whole(text).program(SOLUTION).endswith(expected)


@pytest.mark.parametrize(("old", "times"), [("websocket.send_json", 0), ("await", 3), ("while True:\n    pass", 0)])
def test_an_edit_that_does_not_fit_the_solution_is_refused(old, times):
    with pytest.raises(DoesNotFit, match=f"{re.escape(repr(old))} should stand there once, not {times} times"):
        changed((old, "pass")).program(SOLUTION)
