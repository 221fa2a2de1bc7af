"""Lessons that run on their own pages, in Chromium: outputs as they are stored, and what a reader does there."""

import copy
import json
import re

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests import lessons
from tools.outputs import canonical, is_curtain
from tools.site import runs_on_a_page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.usefixtures("runs")]
START = 120_000  # milliseconds that Python may take until a cell has run, on a busy machine

# What Python tells the page, of each cell: tests compare this with what is stored.
LISTEN = """
window.heard = [];
window.Worker = class extends Worker {
    constructor(...all) {
        super(...all);
        this.addEventListener("message", ({ data }) => heard.push(data));
    }
};
"""


class Reader:
    """Somebody at a lesson's page."""

    def __init__(self, page: Page, address: str, slug: str):
        self.page, self.address = page, address
        self.path = f"/notebooks/{lessons.path(slug).stem}.html"
        self.stored = lessons.read(lessons.path(slug))
        self.asked: list[str] = []
        page.add_init_script(LISTEN)
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(address + self.path)

    def begin(self) -> None:
        self.page.get_by_role("button", name="Run this lesson here").click()
        expect(self.says).to_contain_text("Python is ready", timeout=START)

    @property
    def says(self):
        return self.page.locator(".run-says")

    def cell(self, name: str):
        """The cell with this id, on the page."""
        ids = [cell.id for cell in lessons.code_cells(self.stored)]
        return self.page.locator("article .cell").nth(ids.index(name))

    def source(self, name: str) -> str:
        return next(cell.source for cell in self.stored.cells if cell.id == name)

    def write(self, name: str, text: str) -> None:
        """Type a text into a cell, in place of what is there."""
        self.cell(name).locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(text)

    def run(self, name: str, state: str = "has run") -> None:
        self.cell(name).get_by_role("button", name=re.compile("^Run cell")).click()
        self.expect(name, state)

    def expect(self, name: str, state: str) -> None:
        expect(self.cell(name).locator(".run-state")).to_have_text(state, timeout=START)

    def run_all(self) -> None:
        self.page.get_by_role("button", name="Run all").click()
        unfinished = "() => !document.querySelector('.cell:is([data-run=running], [data-run=waiting])')"
        self.page.wait_for_function(unfinished, timeout=200_000)

    def ran(self) -> nbformat.NotebookNode:
        """The lesson with the outputs that came, as a notebook."""
        notebook, outputs = copy.deepcopy(self.stored), []
        cells = iter(
            cell for cell in lessons.code_cells(notebook) if "not-in-the-page" not in cell.metadata.get("tags", [])
        )
        for message in self.page.evaluate("heard"):
            if message["what"] == "outputs":
                outputs += [as_stored(output) for output in message["outputs"]]
            elif message["what"] == "done":
                next(cells).outputs, outputs = [nbformat.from_dict(output) for output in outputs], []
        assert next(cells, None) is None, "not all cells ran"
        return notebook

    def loaded(self) -> set[str]:
        """The names of the files that were asked for."""
        return {url.partition("?")[0].rpartition("/")[2] for url in self.asked}

    def leave(self) -> None:
        """No other host was asked for anything, and nothing went wrong."""
        assert {url for url in self.asked if not url.startswith((f"{self.address}/", "data:"))} == set()


def as_stored(output: dict) -> dict:
    """An output with what notebooks' files have besides."""
    return output | {"metadata": {}} if "data" in output else output


@pytest.fixture
def open_lesson(page, address):
    readers = []

    def open_lesson(slug: str) -> Reader:
        readers.append(Reader(page, address, slug))
        return readers[-1]

    yield open_lesson
    for reader in readers:
        reader.leave()


# --- the proof: what comes out is what is stored ---

IN_MAKE_TEST = ("keep-talking",)  # which has a live page. Threads and sockets: test_in_a_page_emulation.py
# Of these, nothing runs on a page.
ON_PROCESSES = {"more-than-one-worker", "restarts-and-proxies", "watching-it", "measuring-it", "all-of-it"}
WITH_CODE = [path for path in lessons.PATHS if lessons.code_cells(lessons.read(path))]
EACH = [
    pytest.param(slug, marks=[] if slug in IN_MAKE_TEST else pytest.mark.thorough)
    for slug in map(lessons.slug, WITH_CODE)
    if slug not in ON_PROCESSES
]


def differences(reader: Reader) -> dict[str, str]:
    """Which cells put out something else than what is stored, by the rule of `make outputs`: each with what it is."""
    cells = [json.loads(canonical(notebook))["cells"] for notebook in (reader.ran(), reader.stored)]
    return {new["id"]: said(new["outputs"]) for new, old in zip(*cells, strict=True) if new != old}


def said(outputs: list[dict]) -> str:
    """The text of outputs, for whom a test tells that they are wrong."""
    texts = [
        output.get("text") or output.get("evalue") or output.get("data", {}).get("text/plain", "") for output in outputs
    ]
    return "".join("".join(text) for text in texts)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def not_shown(reader: Reader) -> list[str]:
    """Which cells do not show what they put out: its text, and its pictures, drawn."""
    wrong = []
    for cell in lessons.code_cells(reader.ran()):
        shown = reader.cell(cell.id).locator(".cell_output")
        outputs = [output for output in cell.outputs if not is_curtain(output)]
        text = squeezed(shown.inner_text()) if outputs else ""
        data = [output.get("data", {}) for output in outputs]
        for output, forms in zip(outputs, data, strict=True):
            rich = {"text/html", "text/markdown"} & set(forms)
            plain = output.get("text") or output.get("evalue") or ("" if rich else forms.get("text/plain", ""))
            if squeezed(plain) not in text or not (text or rich):
                wrong.append(cell.id)
        pictures = "(images) => images.filter((image) => image.naturalWidth > 0).length"
        if shown.locator("img").evaluate_all(pictures) != sum(form.get("text/html", "").count("<img") for form in data):
            wrong.append(cell.id)
    return wrong


@pytest.mark.parametrize("slug", EACH)
def test_a_lesson_runs_on_its_page_and_its_solution_is_accepted_there(open_lesson, slug):
    reader = open_lesson(slug)
    reader.begin()
    reader.run_all()
    assert differences(reader) == {}
    assert not_shown(reader) == []
    for stub in lessons.tagged(reader.stored, "exercise-stub"):
        (check,) = lessons.tagged(reader.stored, "exercise-check")
        (solution,) = lessons.tagged(reader.stored, "exercise-solution")
        path = lessons.NOTEBOOKS / solution.source.removeprefix("# %load ")
        reader.write(stub.id, path.read_text(encoding="utf-8"))
        reader.run(stub.id)
        reader.run(check.id)
        expect(reader.cell(check.id).locator(".cell_output")).to_contain_text("Solved.")


def test_what_cannot_run_in_a_page_is_this_alone():
    assert {lessons.slug(path) for path in WITH_CODE if not runs_on_a_page(lessons.read(path))} == ON_PROCESSES
    left_out = {
        (lessons.slug(path), cell.id)
        for path in WITH_CODE
        if lessons.slug(path) not in ON_PROCESSES
        for cell in lessons.tagged(lessons.read(path), "not-in-the-page")
    }
    assert left_out == {("quick-reference", "wss"), ("quick-reference", "no-wslab")}  # TLS, and another process


def test_a_lesson_on_processes_is_a_page_to_read(page, address):
    for slug in ON_PROCESSES:
        page.goto(f"{address}/notebooks/{lessons.path(slug).stem}.html")
        expect(page.get_by_text("This page shows a stored run.")).to_be_visible()
        expect(page.get_by_role("button", name="Run this lesson here")).to_have_count(0)
        expect(page.get_by_text("Write your answer in the notebook.")).to_be_visible()


@pytest.mark.thorough
def test_what_comes_out_otherwise_is_found(open_lesson):
    """One text is changed, one picture is of another conversation, and one is not drawn."""
    reader = open_lesson("start-here")
    reader.begin()
    reader.write("client", reader.source("client").replace('"hello"', '"Hello"'))
    reader.run_all()
    assert list(differences(reader)) == ["client", "conversation"]
    picture = reader.cell("conversation").locator(".cell_output img")
    picture.evaluate("(image) => { image.removeAttribute('src'); }")
    reader.cell("await-it").locator(".cell_output pre").evaluate("(text) => { text.textContent = ''; }")
    assert set(not_shown(reader)) == {"conversation", "await-it"}


# --- what a reader does ---


def test_from_the_front_page_to_a_solved_exercise_by_keyboard(open_lesson):
    reader = open_lesson("start-here")
    page, keyboard = reader.page, reader.page.keyboard
    page.goto(f"{reader.address}/index.html")
    page.wait_for_load_state("networkidle")
    needed = {"editor.js", "worker.js", lessons.path("start-here").name, "packages.zip.gz", "course.zip.gz"}
    assert not reader.loaded() & needed
    page.get_by_role("link", name="Run the first lesson here").focus()
    keyboard.press("Enter")
    expect(reader.says).to_contain_text("Python is ready", timeout=START)
    assert reader.loaded() >= needed
    assert page.url == reader.address + reader.path  # a reload is no press
    for _ in range(20):
        keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Code of cell 1 of 13":
            break
    for name in ("server", "client", "conversation"):
        keyboard.press("Shift+Enter")
        reader.expect(name, "has run")
    expect(reader.cell("conversation").get_by_role("img", name="client to server: 'hello'")).to_be_visible()
    expect(page.get_by_label("Code of cell 4 of 13")).to_be_focused()
    keyboard.press("Escape")
    keyboard.press("Tab")
    expect(page.get_by_role("button", name="Run cell 4 of 13")).to_be_focused()

    guess = reader.cell("asyncio-run")
    expect(guess.locator(".cell_output")).not_to_be_visible()
    reader.run("asyncio-run", "raised an error")
    expect(guess.locator(".cell_output")).to_contain_text("cannot be called from a running event loop")

    reader.run("exercise")
    reader.run("exercise-check")
    expect(reader.cell("exercise-check").locator(".cell_output")).to_contain_text("Not yet")
    reader.write(
        "exercise", reader.source("exercise").replace('f"You wrote: {text}")  # change this line', "text.upper())")
    )
    reader.run("exercise")
    reader.run("exercise-check")
    expect(reader.cell("exercise-check").locator(".cell_output")).to_contain_text("Solved.")

    reader.write("solution", "%load solutions/start_here.py")
    reader.run("solution")
    expect(reader.cell("solution").locator(".cm-content")).to_contain_text("text.upper()")

    page.reload()
    expect(page.get_by_text("What you changed here before is kept")).to_be_visible()
    page.get_by_role("button", name="Run this lesson here").click()
    expect(reader.cell("exercise").locator(".cm-content")).to_contain_text("text.upper()")
    reader.cell("exercise").get_by_role("button", name="Undo my changes").click()
    expect(reader.cell("exercise").locator(".cm-content")).to_contain_text("change this line")


@pytest.mark.thorough
def test_stop_and_restart(open_lesson):
    reader = open_lesson("start-here")
    reader.begin()
    stop, says = reader.page.locator(".run-stop"), reader.says
    for code, name in {
        "import asyncio\nprint('waits')\nawait asyncio.sleep(3600)": "CancelledError",
        "import time\nprint('waits')\ntime.sleep(3600)": "KeyboardInterrupt",
        "print('waits')\nwhile True:\n    pass": "KeyboardInterrupt",
        "import threading\nprint('waits')\nthreading.Event().wait()": "KeyboardInterrupt",
    }.items():
        reader.write("server", code)
        reader.run("server", "runs ...")
        expect(reader.cell("server").locator(".cell_output")).to_contain_text("waits")
        stop.click()
        reader.expect("server", "raised an error")
        expect(reader.cell("server").locator(".cell_output")).to_contain_text(name)
        expect(stop).to_have_text("Stop")
        expect(stop).to_be_disabled()

    reader.write("server", "kept = 1\nsum(range(10 ** 12))")  # for hours, in C
    reader.run("server", "runs ...")
    stop.click()
    expect(says).to_have_text("The cell was asked to stop. If it does not: “End Python”.")
    stop.click()
    expect(says).to_contain_text("Python is ready", timeout=START)
    reader.expect("server", "not run since Python started")

    reader.write("server", "print('kept' in globals())")
    reader.run("server")
    expect(reader.cell("server").locator(".cell_output")).to_have_text("False")
    reader.page.get_by_role("button", name="Restart Python").click()
    reader.expect("server", "not run since Python started")
    reader.run("server")  # it waits until Python is there


@pytest.mark.thorough
def test_python_breaks_down(open_lesson):
    reader = open_lesson("start-here")
    reader.begin()
    reader.write("server", "import ctypes\nctypes.string_at(2**31)")  # no such memory
    reader.cell("server").get_by_role("button", name="Run cell").click()
    expect(reader.says).to_have_text(
        "Python has broken down, and starts again. Run the cells from the top.", timeout=START
    )
    expect(reader.says).to_contain_text("Python is ready", timeout=START)
    reader.write("server", "print('again')")
    reader.run("server")
    reader.page.problems.clear()  # Pyodide says much about it


@pytest.mark.thorough
def test_run_all_ends_at_an_error(open_lesson):
    reader = open_lesson("start-here")
    reader.begin()
    reader.write("client", "nonsense")
    reader.run_all()
    reader.expect("server", "has run")
    reader.expect("client", "raised an error")
    reader.expect("conversation", "not run")
    expect(reader.says).to_have_text("Cell 2 raised an error. The cells after it did not run.")
    expect(reader.cell("client").locator(".cell_output")).to_contain_text("NameError: name 'nonsense' is not defined")


@pytest.mark.thorough
def test_what_cells_may_not_do_is_said(open_lesson):
    reader = open_lesson("start-here")
    reader.begin()
    for code, words in {
        "input('name: ')": "input() cannot ask you anything here",
        "import socket\nsocket.create_connection(('example.org', 80))": "Name or service not known",
        "import subprocess\nsubprocess.run(['ls'])": "does not support processes",
        "for _ in range(30):\n    print('x' * 50_000)": "the rest is left out",
    }.items():
        reader.write("server", code)
        reader.cell("server").get_by_role("button", name="Run cell").click()
        expect(reader.cell("server").locator(".cell_output")).to_contain_text(words)


@pytest.mark.thorough
def test_the_live_page_talks_to_a_server_among_the_cells(open_lesson):
    reader = open_lesson("keep-talking")
    reader.begin()
    ids = [cell.id for cell in lessons.code_cells(reader.stored)]
    live = next(cell.id for cell in lessons.code_cells(reader.stored) if "live(" in cell.source)
    for name in ids[: ids.index(live) + 1]:
        reader.cell(name).get_by_role("button", name=re.compile("^Run cell")).click()
    page = reader.cell(live).get_by_role("group", name="A client of")
    page.get_by_role("button", name="Connect", exact=True).click(timeout=START)
    expect(page).to_contain_text("Connection: connected")
    page.get_by_label("Your message").fill("from the browser")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("Server: You wrote: from the browser")
    page.get_by_role("button", name="Disconnect").click()
    expect(page).to_contain_text("closed with code 1000")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page).to_contain_text("Connection: connected")
    reader.page.get_by_role("button", name="Restart Python").click()
    expect(page).to_contain_text("closed with code 1006")


# --- where it cannot run ---


def test_a_browser_that_cannot_says_so_and_shows_the_page_as_it_is(page, address):
    page.add_init_script("delete WebAssembly.Suspending")
    page.goto(f"{address}/notebooks/{lessons.path('start-here').stem}.html")
    expect(page.get_by_text("This browser cannot run the lesson")).to_be_visible()
    expect(page.get_by_role("button", name="Run this lesson here")).not_to_be_visible()
    expect(page.get_by_text("What is different when it runs here")).not_to_be_visible()
    assert page.locator(".cm-editor").count() == 0
    page.goto(f"{address}/index.html")
    expect(page.get_by_role("link", name="Run the first lesson here")).not_to_be_visible()


@pytest.mark.thorough
@pytest.mark.parametrize("lost", ["editor.js", "packages.zip.gz"])
def test_what_does_not_arrive_is_said_and_can_be_tried_again(new_page, address, lost):
    page = new_page()  # its console tells of the loss, too
    page.route(f"**/{lost}", lambda route: route.abort())
    page.goto(f"{address}/notebooks/{lessons.path('start-here').stem}.html")
    begin = page.get_by_role("button", name="Run this lesson here")
    begin.click()
    expect(page.get_by_text(re.compile("could not load|did not start"))).to_be_visible(timeout=START)
    page.unroute(f"**/{lost}")
    (begin if lost == "editor.js" else page.get_by_role("button", name="Restart Python")).click()
    expect(page.locator(".run-says")).to_contain_text("Python is ready", timeout=START)
    page.close()


# --- for everybody ---


@pytest.mark.thorough
@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_everybody_can_use_a_lesson_that_runs(open_lesson, scheme, width):
    reader = open_lesson("start-here")
    page = reader.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    reader.begin()
    for name in ("server", "client", "conversation", "xmode", "asyncio-run"):
        reader.cell(name).get_by_role("button", name=re.compile("^Run cell")).click()
    reader.expect("asyncio-run", "raised an error")
    reader.write("exercise", "class Changed:\n    number = 1  # and a comment\n    text = 'text'")
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    reader.cell("solution").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Run all")).to_be_in_viewport()
    results = Axe().run(page, options={"resultTypes": ["violations"]})
    assert results.violations_count == 0, results.generate_report()
