"""nbval, as `make test` runs it, refuses a lesson whose outputs are not true any more."""

import os
import re
import shutil
import subprocess
import sys

import nbformat

from tests import lessons

LESSON = lessons.path("your-first-endpoint")


def test_nbval_refuses_a_spoiled_lesson(tmp_path):
    notebook = lessons.read(LESSON)
    cells = {cell.id: cell for cell in lessons.code_cells(notebook)}
    number = {cell.id: n for n, cell in enumerate(lessons.code_cells(notebook))}

    cells["client"].outputs[0].text = "16 characters\n"
    picture = cells["conversation"].outputs[0].data
    picture["text/html"] = picture["text/html"].replace("accept", "refuse", 1)  # the alternative text alone
    cells["second-recv"].outputs[-1].evalue = "another error"
    cells["logging"].source = cells["logging"].source.replace("    await websocket.accept()\n", "")
    cells["client"].source += "\n\nimport sys\n\nprint('a word too many', file=sys.stderr)"
    nbformat.write(notebook, tmp_path / LESSON.name)
    shutil.copy(lessons.ROOT / "conftest.py", tmp_path)

    (tmp_path / "sanitize.cfg").write_text("")
    command = [sys.executable, "-m", "pytest", "-c", lessons.ROOT / "pyproject.toml", "--rootdir", lessons.ROOT]
    result = subprocess.run(
        [*command, "--numprocesses=0", "-v", "--tb=short", "-p", "no:cacheprovider", tmp_path],
        cwd=lessons.ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(lessons.NOTEBOOKS), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=100,
    )
    outcome = {int(n): word for n, word in re.findall(r"::Cell (\d+)\s+(\w+)", result.stdout)}
    failed = {name for name in cells if outcome[number[name]] != "PASSED"}
    # Without accept() no client is served any more: the visit fails, and the picture is another one.
    assert failed == {"client", "conversation", "second-recv", "twice", "twice-conversation"}, result.stdout
    assert "stderr: a word too many" in result.stdout
    assert result.returncode == 1
