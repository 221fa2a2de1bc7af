"""Lessons that run on their own pages, in Chromium: outputs as they are stored, and what a reader does there."""

import copy
import json
import re

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests import lessons
from tools.outputs import canonical, is_curtain

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
        cells = iter(lessons.code_cells(notebook))
        for message in self.page.evaluate("heard"):
            if message["what"] == "outputs":
                outputs += [as_stored(output) for output in message["outputs"]]
            elif message["what"] == "done":
                next(cells).outputs, outputs = [nbformat.from_dict(output) for output in outputs], []
        assert next(cells, None) is None, "not all cells ran"
        return notebook

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

IN_MAKE_TEST = ("keep-talking", "blocking-the-event-loop", "on-the-wire")  # a live page; threads; bytes on a socket
WITH_CODE = [path for path in lessons.PATHS if lessons.code_cells(lessons.read(path))]
EACH = [
    pytest.param(slug, marks=[] if slug in IN_MAKE_TEST else pytest.mark.thorough)
    for slug in map(lessons.slug, WITH_CODE)
]


def differences(reader: Reader) -> list[str]:
    """Which cells put out something else than what is stored, by the rule of `make outputs`."""
    cells = [json.loads(canonical(notebook))["cells"] for notebook in (reader.ran(), reader.stored)]
    return [new["id"] for new, old in zip(*cells, strict=True) if new != old]


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
def test_a_lesson_runs_on_its_page(open_lesson, slug):
    reader = open_lesson(slug)
    reader.begin()
    reader.run_all()
    assert differences(reader) == []
    assert not_shown(reader) == []
