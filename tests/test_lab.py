"""Every notebook in a real JupyterLab, as a reader uses it: read, run, run again in any order, saved, left by a link.

nbval compares outputs in a kernel. Here is what only a page can show: that guesses are folded and then are not, that
pictures are drawn, that links open notebooks, and that nothing on the page goes wrong or asks another host.
"""

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import Page

from tests import lessons
from tools import lab as tool
from tools.outputs import canonical, is_curtain

# A busy machine may take a minute for the longest; no single wait takes more.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PATIENCE = 30  # seconds; only a test that fails waits this long

# By the lessons' slugs.
EACH_TWICE = ("your-first-endpoint", "letting-disconnects-escape", "closing-too-early")
# Of the others, those in whose cells much is left open that others go on with. With ANY_ORDER=all, each lesson.
IN_ANY_ORDER = (*EACH_TWICE, "start-here", "keep-talking", "blocking-the-event-loop", "disconnects-done-right")
IN_ANY_ORDER += ("many-clients", "nothing-lost", "testing", "more-than-one-worker", "quick-reference")
SERVERS = {"quick-reference": 2, "all-of-it": 4}  # one names one of its two, and wires listen; others have one

# What a page may complain of, each for a reason. Everything else is a problem.
EXPECTED_ON_THE_CONSOLE = re.compile(
    # JupyterLab, of a kernel that is restarted or shut down: the connection, and what it was still asking.
    r"Connection lost, reconnecting in \d+ seconds\."
    r"|WebSocket connection to '\S+/api/kernels/\S+' failed: WebSocket is closed before the connection is established\."
    r"|(.*: )?Canceled future for (debug|create_subshell)_request message before replies were done"
    r"|History was unable to be retrieved"
    # JupyterLab, of a busy machine.
    r"|Plugin \S+ (is taking too long|\(with \d+ dependants\) took [\d.]+ms) to activate\."
)


@dataclass
class Lab:
    """A JupyterLab on a copy of the course, since JupyterLab saves by itself; and one page in a browser."""

    folder: Path
    address: str
    page: Page
    problems: list[str] = field(default_factory=list)  # of the page
    left: bool = True  # the notebook before, in good order

    def watch(self) -> None:
        def complain(where: str, text: str, address: str = ""):
            if not EXPECTED_ON_THE_CONSOLE.fullmatch(text):
                self.problems.append(f"{where}: {text} {address}".rstrip())

        def console(message):
            if message.type in ("error", "warning"):
                complain("console", message.text, message.location["url"])

        def request(request):
            if not request.url.startswith((self.address, "data:", "blob:")):
                self.problems.append(f"asked another host: {request.url}")

        self.page.on("console", console)
        self.page.on("pageerror", lambda error: complain("error in the page", str(error)))
        self.page.on("request", request)

    def open(self, name: str) -> nbformat.NotebookNode:
        if not self.left:
            self.page.goto("about:blank")  # a test has failed, and may have left anything
        self.left = False
        self.problems.clear()
        notebook = lessons.read(self.folder / "notebooks" / name)
        tool.open_notebook(self.page, self.address, f"notebooks/{name}", len(notebook.cells))
        return notebook

    def kernels(self) -> dict[str, psutil.Process]:
        """The processes of the running kernels, by the kernels' ids."""
        port = self.address.split(":")[2].split("/")[0]
        (server,) = [p for p in psutil.Process().children(recursive=True) if f"--port={port}" in p.cmdline()]
        found = {}
        for process in server.children(recursive=True):
            if ids := re.findall(r"kernel-([\w-]+)\.json", " ".join(process.cmdline())):
                found[ids[0]] = process
        return found

    def kernel(self, name: str) -> psutil.Process:
        sessions = self.page.evaluate("address => fetch(address).then(r => r.json())", f"{self.address}/api/sessions")
        (identity,) = [s["kernel"]["id"] for s in sessions if s["path"] == f"notebooks/{name}"]
        return self.kernels()[identity]

    def shut_down_all(self) -> None:
        """Kernel > Shut Down All Kernels; then no kernel is left, nor a port of one."""
        kernels = list(self.kernels().values())
        tool.choose(self.page, "Kernel", "kernelmenu:shutdownAll")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        _, alive = psutil.wait_procs(kernels, timeout=PATIENCE)
        assert not alive, "a kernel lives on after Shut Down All Kernels"

    def leave(self) -> None:
        """Be done with a notebook: nothing runs on, and nothing was wrong on the page."""
        self.shut_down_all()
        assert not self.problems, "\n".join(sorted(set(self.problems)))
        self.left = True


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    for part in ("notebooks", "docs", "examples"):
        shutil.copytree(lessons.ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(PATIENCE * 1000)
    with tool.jupyterlab(folder) as address:
        lab = Lab(folder, address, page)
        lab.watch()
        yield lab
        kernels = list(lab.kernels().values())
        page.close()
    _, alive = psutil.wait_procs(kernels, timeout=PATIENCE)
    assert not alive, "a kernel outlives its JupyterLab"


def servers(kernel: psutil.Process) -> int:
    """How many ports a kernel listens on, apart from the five that JupyterLab uses, and the one of its debugger."""
    (file,) = [word for word in kernel.cmdline() if word.endswith(".json")]
    own = {value for key, value in json.loads(Path(file).read_text()).items() if key.endswith("_port")}
    listening = {c.laddr.port for c in kernel.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    return len(listening - own) - 1


# --- what a page must show ---

STATE = """front => [...document.querySelectorAll(front + ' .jp-CodeCell')].map(cell => ({
    prompt: cell.querySelector('.jp-InputPrompt').textContent,
    folded: cell.querySelector('.jp-OutputPlaceholder')?.textContent ?? null,
    outputs: [...cell.querySelectorAll('.jp-OutputArea-output')].filter(o => o.checkVisibility() && o.offsetHeight)
        .map(o => ({kind: o.dataset.mimeType, text: o.textContent, pictures: o.querySelectorAll('img').length})),
}))"""

TEXT_OF_HTML = (
    "html => { const t = document.createElement('template'); t.innerHTML = html; return t.content.textContent }"
)

PICTURES = """front => Promise.all([...document.querySelectorAll(front + ' .jp-Notebook img')].map(async picture => {
    await picture.decode().catch(() => null);
    return {drawn: picture.complete && picture.naturalWidth > 0, text: picture.alt};
}))"""


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def stored_text(page: Page, output) -> str | None:
    """What a page shows of a stored output; None for Markdown and live pages, which have another text then."""
    if output.output_type == "stream":
        return output.text
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    if 'class="wslab-live"' in output.data.get("text/html", ""):
        return None  # what becomes of it: test_live_page.py
    if "text/html" in output.data:
        return page.evaluate(TEXT_OF_HTML, output.data["text/html"])
    return None if "text/markdown" in output.data else output.data["text/plain"]


def outputs_are_wrong(page: Page, notebook, *, ran: bool) -> list[str]:
    """What is wrong with the outputs on the page: before a run guesses are folded, after it all is as it is stored."""
    problems = []
    for cell, state in zip(lessons.code_cells(notebook), page.evaluate(STATE, tool.FRONT), strict=True):
        tags = cell.metadata.get("tags", [])
        shown = "".join(output["text"] for output in state["outputs"])
        if ran and not re.fullmatch(r"\[\d+\]:", state["prompt"]):
            problems.append(f"cell {cell.id}: has not run: {state['prompt']}")
        if "raises-exception" not in tags and (ran or "guess" not in tags):
            problems += [
                f"cell {cell.id}: an error that is not expected: {output['text'].strip()}"
                for output in state["outputs"]
                if output["kind"] == "application/vnd.jupyter.stderr"  # so JupyterLab draws errors, too
            ]
        if not ran and "guess" in tags:
            if state["folded"] is None or state["folded"].strip() or state["outputs"]:
                problems.append(f"cell {cell.id}: gives its guess away: {(state['folded'] or shown)[:60].strip()}")
            continue
        if state["folded"] is not None:
            problems.append(f"cell {cell.id}: its output is folded")
            continue
        stored = [output for output in cell.outputs if not is_curtain(output)]
        texts = [stored_text(page, output) for output in stored]
        wrong = not shown.strip() if None in texts else squeezed(shown) != squeezed("".join(texts))
        pictures = sum(output.get("data", {}).get("text/html", "").count("<img") for output in stored)
        if wrong or pictures != sum(output["pictures"] for output in state["outputs"]):
            problems.append(f"cell {cell.id}: shows something else than what is stored: {shown.strip()[:60]}")
    return problems


def pictures_are_wrong(page: Page) -> list[str]:
    return [
        f"a picture is not drawn, or has no text: {picture['text']}"
        for picture in page.evaluate(PICTURES, tool.FRONT)
        if not picture["drawn"] or not picture["text"].strip()
    ]


def saved_is_wrong(lab: Lab, name: str, stored: nbformat.NotebookNode) -> list[str]:
    """What differs, in canonical form, in the file that JupyterLab saves."""
    tool.save(lab.page)
    saved = lessons.read(lab.folder / "notebooks" / name)
    cells = [json.loads(canonical(notebook))["cells"] for notebook in (saved, stored)]
    return [f"cell {new['id']}: is saved differently" for new, old in zip(*cells, strict=True) if new != old]


def link_is_wrong(lab: Lab, name: str, direction: str) -> list[str]:
    """Follow a link of the first cell, and come back to this notebook. Which one did it open?"""
    first = lessons.read(lab.folder / "notebooks" / name).cells[0].source
    if not (found := re.search(rf"{direction}: \[([^\]]+)\]", first)):
        return []
    lab.page.locator(f"{tool.FRONT} .jp-MarkdownCell").first.get_by_role("link", name=found[1], exact=True).click()
    lab.page.wait_for_function(
        """([front, name]) => {
            const tab = document.querySelector('#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current .lm-TabBar-tabLabel');
            return tab.textContent !== name && document.querySelector(front + ' .jp-MarkdownCell h1');
        }""",
        arg=[tool.FRONT, name],
    )
    tool.wait_for_kernel(lab.page)
    opened = lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current .lm-TabBar-tabLabel").inner_text()
    lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text=name).click()
    lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current", has_text=name).wait_for()
    title = lessons.read(lab.folder / "notebooks" / opened).cells[0].source.splitlines()[0]
    return [] if title.startswith(f"# {found[1]}") else [f"{direction} is {found[1]}, and opens {opened}"]


# --- the lessons ---


# Outputs are compared in kernels, by nbval, for every lesson. Here: pictures and guesses. (A live page in JupyterLab:
# test_live_page.py.)
IN_MAKE_TEST = ("start-here",)

each_lesson_in_turn = pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if lessons.slug(path) in IN_MAKE_TEST else pytest.mark.thorough)
        for path in lessons.PATHS
    ],
    ids=lambda path: path.stem,
)


def runs_from_the_top(lab: Lab, name: str, stored, run) -> None:
    run(lab.page)
    found = outputs_are_wrong(lab.page, stored, ran=True) + pictures_are_wrong(lab.page)
    assert found + saved_is_wrong(lab, name, stored) == []


@each_lesson_in_turn
def test_a_notebook_in_jupyterlab(lab, path):
    stored = lab.open(path.name)
    assert outputs_are_wrong(lab.page, stored, ran=False) + pictures_are_wrong(lab.page) == []
    if lessons.code_cells(stored):
        runs_from_the_top(lab, path.name, stored, tool.run_all)
    lab.leave()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [path for path in lessons.PATHS if lessons.slug(path) in IN_ANY_ORDER or os.environ.get("ANY_ORDER") == "all"],
    ids=lambda path: path.stem,
)
def test_cells_run_again_in_any_order_in_jupyterlab(lab, path):
    """A cell may raise an ordinary error here, where its names have other values: the kernel must live on, with one
    server of each name at most; and a run from the top must give what is stored."""
    stored = lab.open(path.name)
    if count := len(lessons.code_cells(stored)):
        tool.run_all(lab.page)
        for order in orders(path, count):
            kernel = lab.kernel(path.name)
            for cell in order:
                tool.run_again(lab.page, cell)
            assert lab.kernel(path.name) == kernel, "the kernel died"
            assert servers(kernel) <= SERVERS.get(lessons.slug(path), 1)
            runs_from_the_top(lab, path.name, stored, tool.restart_and_run_all)
    lab.leave()


def orders(path: Path, count: int) -> list[list[int]]:
    """In which orders the cells are run again, after a run of all; and after each, all from the top."""
    found = []
    if not lessons.is_reference(path):  # whose cells hardly build on each other
        found.append(list(reversed(range(count))))
    if lessons.slug(path) in EACH_TWICE:
        found.append([cell for cell in range(count) for _ in range(2)])
    return found or [[]]


@pytest.mark.thorough  # that each link leads to a lesson's neighbour, tests/test_links.py and the rules see
@pytest.mark.parametrize(
    "path", [lessons.PATHS[0], lessons.path("all-of-it"), lessons.PATHS[-1]], ids=lambda path: path.stem
)
def test_links_open_the_lessons_beside_it(lab, path):
    lab.open(path.name)
    assert link_is_wrong(lab, path.name, "Next") + link_is_wrong(lab, path.name, "Previous") == []
    lab.leave()


# --- each check fails once ---

SPOILED = "spoiled.ipynb"
NEXT, ANOTHER = lessons.path("keep-talking"), lessons.path("text-bytes-and-json")

FOUND_BEFORE_THE_RUN = [
    "cell second-recv: gives its guess away: 3 characters",
    "cell twice-conversation: gives its guess away: <img",
    "a picture is not drawn, or has no text: Open this lesson on Binder",
    "a picture is not drawn, or has no text: elsewhere",
]
FOUND_AFTER_THE_RUN = [
    "cell client: shows something else than what is stored: 15 characters\nand more",
    "cell client: is saved differently",
    "cell conversation: shows something else than what is stored: ",
    "cell second-recv: an error that is not expected: ConnectionClosedOK: received 1000",
    "cell close-code: has not run: [ ]:",
    f"Next is {lessons.number(NEXT)}. Keep talking, and opens {ANOTHER.name}",
]
FOUND_ON_THE_PAGE = [
    "console: Failed to load resource: the server responded with a status of 404",
    "asked another host: https://example.invalid/x.png",
    "error in the page: on purpose",
]


@pytest.mark.thorough
def test_what_is_spoiled_is_found(lab):
    """A lesson spoiled in many ways at once, each in another place; and each is found there."""
    notebook = lessons.read(lessons.path("your-first-endpoint"))
    cell = {cell.id: cell for cell in notebook.cells}
    title = cell["title"].source.replace("../docs/binder.svg", "../docs/nothing.svg")
    cell["title"].source = title.replace(f"]({NEXT.name})", f"]({ANOTHER.name})")
    cell["endpoint-intro"].source += "\n\n![elsewhere](https://example.invalid/x.png)"
    cell["second-recv"].metadata = {"tags": ["guess"]}  # neither folded, nor is its error an expected one
    del cell["twice-conversation"].outputs[0]  # the curtain
    cell["client"].source += "\n    print('and more')"
    cell["conversation"].source = "None"
    forgetful = "forgotten = [*globals().get('forgotten', []), socket.create_server(('127.0.0.1', 0))]"
    cell["setup"].source += f"\nimport socket\n{forgetful}"
    nbformat.write(notebook, lab.folder / "notebooks" / SPOILED)

    page, stored = lab.page, lab.open(SPOILED)
    found = outputs_are_wrong(page, stored, ran=False) + pictures_are_wrong(page)
    for line in FOUND_BEFORE_THE_RUN:
        assert any(problem.startswith(line) for problem in found), (line, found)

    tool.run_all(page)
    found = outputs_are_wrong(page, stored, ran=True) + saved_is_wrong(lab, SPOILED, stored)
    found += link_is_wrong(lab, SPOILED, "Next")
    for line in FOUND_AFTER_THE_RUN:
        assert any(problem.startswith(line) for problem in found), (line, found)

    usual = servers(lab.kernel(SPOILED))
    tool.run_again(page, 0)
    assert servers(lab.kernel(SPOILED)) == usual + 1

    with page.expect_event("pageerror"):
        page.evaluate("() => { setTimeout(() => { throw new Error('on purpose'); }); }")
    for line in FOUND_ON_THE_PAGE:
        assert any(problem.startswith(line) for problem in lab.problems), (line, lab.problems)
    lab.problems.clear()
    lab.leave()
