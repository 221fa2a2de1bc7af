"""`wslab.live` without a browser: the text of the page in an output, what is stored of it, and slips."""

import configparser
import dataclasses
import re
import subprocess
import sys

import nbformat
import pytest

from tests import course_rules, lessons
from tools.outputs import KERNELSPEC, canonical
from wslab import ServeError, Server, live, serve
from wslab.live_page import LivePage, html, without_port

SERVE = f"""import sys; sys.path.insert(0, {str(lessons.NOTEBOOKS)!r})
from fastapi import FastAPI
from wslab import live, serve
server = serve(FastAPI())"""

# --- What is stored ---


def test_the_port_is_the_one_thing_that_differs():
    one, two = html(LivePage(40961, "/ws")), html(LivePage(50923, "/ws"))
    assert one.count("40961") == 1
    assert one != two
    assert without_port(one) == without_port(two) == html(LivePage(0, "/ws"))
    assert html(LivePage(0, "/ws")) != html(LivePage(0, "/other"))

    rules = configparser.ConfigParser()
    rules.read(lessons.ROOT / "tests" / "sanitize.cfg")
    (rule,) = [rules[name] for name in rules.sections()]
    assert re.sub(rule["regex"], rule["replace"], one) == without_port(one)
    assert re.sub(rule["regex"], rule["replace"], 'data-port="40961"') == 'data-port="40961"'


def test_nbval_compares_all_the_rest(tmp_path):
    page = str(html(LivePage(0, "/ws")))
    spoiled = [
        page,
        page.replace("1000", "1001", 1),  # in the script
        page.replace("Your message", "Your massage"),  # in the elements
        page.replace("#808080", "#808081", 1),  # in the style
        page.replace("Run this cell", "Run that cell", 1),
        page.replace('data-path="/ws"', 'data-path="/sw"'),
        page.replace('data-port="0"', 'data-port="none"'),
        page + " ",
    ]
    assert len(set(spoiled)) == len(spoiled)
    sources = [SERVE, *['live(server, "/ws")'] * len(spoiled)]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    book.cells[0].execution_count = 1
    for cell, text in zip(book.cells[1:], spoiled, strict=True):
        cell.execution_count = 1
        data = {"text/html": text, "text/plain": str(LivePage(0, "/ws"))}
        cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    nbformat.write(book, tmp_path / "pages.ipynb")
    command = [sys.executable, "-m", "pytest", "-c", lessons.ROOT / "pyproject.toml", "--rootdir", lessons.ROOT]
    result = subprocess.run(
        [*command, "--numprocesses=0", "-v", "--tb=no", "-p", "no:cacheprovider", tmp_path],
        cwd=lessons.ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    outcomes = re.findall(r"::Cell \d+\s+(\w+)", result.stdout)
    assert outcomes == ["PASSED", "PASSED"] + ["FAILED"] * (len(spoiled) - 1), result.stdout


def test_a_page_that_is_not_stored_is_missed():
    (lesson,) = [lesson for lesson in course_rules.course() if lesson.path == lessons.path("keep-talking")]
    book = lessons.read(lesson.path)
    (cell,) = [cell for cell in book.cells if cell.id == "live"]
    cell.outputs = []
    spoiled = dataclasses.replace(lesson, text=canonical(book))
    assert [problem[:10] for problem in course_rules.outputs_are_there(spoiled)] == ["cell live:"]


def test_as_text():
    assert str(LivePage(1, "/ws")) == LivePage(1, "/ws")._repr_mimebundle_()["text/plain"] == repr(LivePage(1, "/ws"))
    assert "\n" not in str(LivePage(1, "/ws"))


# --- Slips ---


async def nothing(scope, receive, send):
    """An app that serves nobody."""


@pytest.fixture
def server():
    server = serve(nothing, name="live", lifespan="off")
    yield server
    server.stop()


def test_what_is_not_a_server(server):
    with pytest.raises(ServeError, match=r"got a function. Pass the server that serve\(app\) returned."):
        live(nothing, "/ws")
    assert isinstance(server, Server)
    assert live(server, "/ws").port == server.port
    server.stop()
    with pytest.raises(ServeError, match="this server has stopped"):
        live(server, "/ws")


@pytest.mark.parametrize("path", ["ws", "", None, "ws://127.0.0.1:8000/ws"])
def test_what_is_not_a_path(server, path):
    with pytest.raises(ServeError, match=r'path must begin with a slash, such as "/ws"'):
        live(server, path)
