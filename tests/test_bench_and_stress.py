"""`make bench` and `make stress`, in small: each measurement comes to its table, and a lesson that fails is told."""

import importlib
import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests import lessons

# What each measures, and what makes it small; and the rows that its table has.
SMALL = {
    "bench": ({"ROUNDS": 1, "MESSAGES": 5}, ["later start", "echo round trip, without", "with / without"]),
    "bench_echo": ({"TURNS": 1, "ECHOES": 5, "CROWD": 20}, ["examples/echo", "Starlette", "bare ASGI", "websockets"]),
    "bench_room": ({"TURNS": 2, "SIZES": (5,), "DELIVERIES": 10}, ["bare ASGI", "the lesson's room", "gather()"]),
    "bench_members": ({"TURNS": 1, "MESSAGES": 20, "CROWD": 20}, ["the well-known manager"]),
    "bench_service": ({"CROWD": 20, "TEXTS": 20, "IDLE": 1}, ["KiB of memory", "CPU for a text"]),
    "bench_measuring": ({"TURNS": 1, "ECHOES": 5, "CROWD": 20}, ["websockets-sansio", "wsproto"]),
}


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SMALL)
def test_a_measurement_comes_to_its_table(name, monkeypatch, capsys):
    module = importlib.import_module(f"tools.{name}")
    sizes, rows = SMALL[name]
    for constant, value in sizes.items():
        monkeypatch.setattr(module, constant, value)  # raises where there is none
    monkeypatch.setattr(sys, "argv", [f"tools/{name}.py"])
    module.main()
    printed = capsys.readouterr().out
    for row in rows:
        assert re.search(rf"^{re.escape(row)} .*\d", printed, re.MULTILINE), printed
    assert "nan" not in printed


def test_all_measurements_are_here():
    assert set(SMALL) == {path.stem for path in (lessons.ROOT / "tools").glob("bench*.py")}


def stress(notebook, stored: str) -> subprocess.CompletedProcess:
    """A round of a notebook that prints 1, and in which something else may be stored."""
    cell = new_code_cell("print(1)", execution_count=1, outputs=[new_output("stream", text=stored)])
    nbformat.write(new_notebook(cells=[cell]), notebook)
    (notebook.parent / "sanitize.cfg").write_text("")
    command = [sys.executable, "-m", "tools.stress", "--rounds", "1", "--busy", "1", notebook]
    # Elsewhere than the lessons, pytest does not find its settings.
    settings = f"-c {lessons.ROOT / 'pyproject.toml'} --rootdir {lessons.ROOT} --numprocesses=0"
    env = os.environ | {"PYTEST_ADDOPTS": settings}
    return subprocess.run(command, cwd=lessons.ROOT, env=env, capture_output=True, text=True, timeout=100)


@pytest.mark.thorough
def test_stress_tells_which_rounds_failed(tmp_path):
    right = stress(tmp_path / "lesson.ipynb", "1\n")
    assert (right.returncode, right.stderr) == (0, "")
    assert right.stdout.splitlines()[-1] == "1 rounds of 1 lessons beside 1 busy loops: 0 failed"
    wrong = stress(tmp_path / "lesson.ipynb", "2\n")
    assert wrong.returncode == 1
    assert wrong.stdout.splitlines()[-1] == "1 rounds of 1 lessons beside 1 busy loops: 1 failed"
    assert wrong.stdout.count("round ") == 1
    assert "Cell 0" in wrong.stdout
