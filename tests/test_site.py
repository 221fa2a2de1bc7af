"""The course as pages, as `make site` builds them: without the network, and read in a real Chromium."""

import html
import os
import re
import subprocess
import sys

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests import lessons
from tests.site_rules import Page, Site, problems
from tools import site as tool
from tools.published import PLACEHOLDER

# Building and scanning take the CPU, and eight times as long on a busy machine.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
LESSONS = [f"notebooks/{path.stem}.html" for path in lessons.PATHS]


def lesson(slug: str) -> str:
    return f"notebooks/{lessons.path(slug).stem}.html"


@pytest.fixture
def reader(page, address):
    """A browser's page on which `go("index.html")` opens one of ours, and which may ask no other host for anything."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.go = lambda path: page.goto(f"{address}/{path}")
    yield page
    assert {url for url in asked if not url.startswith((f"{address}/", "data:"))} == set()
    assert asked


# --- The pages as they are written ---


def test_nothing_is_wrong_with_any_page(built):
    assert [problem for page in built.pages.values() for problem in problems(page, built)] == []
    assert {"index.html", *LESSONS, "examples/index.html", "examples/echo.html", "LICENSE.html"} <= set(built.pages)


SPOILED = {
    '<a href="gone.html">': "dead link: gone.html",
    '<a href="notebooks/00.html">': "dead link: notebooks/00.html",
    '<a href="mailto:somebody">': "dead link: mailto:somebody",
    '<a href="http://example.org/">': "dead link: http://example.org/",
    '<img src="gone.png" alt="a picture">': "dead link: gone.png",
    '<a href="#gone">': "dead anchor: #gone",
    '<a href="other.html#gone">': "dead anchor: other.html#gone",
    '<a href="other.html#There">': "dead anchor: other.html#There",  # as a browser sees it, not as Windows does
    '<a href="lesson.ipynb">': "leads to a notebook's file instead of its page: lesson.ipynb",
    '<img src="data:,">': "picture without alt: data:,",
    '<img src="data:," alt=" ">': "picture without alt: data:,",
    '<script src="https://example.org/x.js">': "fetches from another host: https://example.org/x.js",
    '<link rel="stylesheet" href="//example.org/x.css">': "fetches from another host: //example.org/x.css",
    '<img src="https://example.org/badge.svg" alt="a badge">': "fetches from another host: https://example.org/badge.svg",
    '<p id="a"><p id="a">': "id used twice: a",
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_what_is_wrong_is_found(tmp_path, spoiled):
    (tmp_path / "other.html").write_text('<p id="there"><img src="data:," alt="a picture">')
    (tmp_path / "lesson.ipynb").write_text("{}")
    good = '<p id="here"><a href="#here"><a href="other.html#there"><a href="other.html?q=1"><a href="https://example.org">'
    good += '<a href="http://127.0.0.1:8000"><a href="lesson.ipynb" download>'
    site = Site(tmp_path)
    assert problems(Page(good), site) == []
    assert f"index.html: {SPOILED[spoiled]}" in problems(Page(good + spoiled), site)


def text_of(page: str) -> str:
    """What there is to read in HTML, the texts of pictures too, without spaces and Markdown's signs."""
    page = re.sub(r"<(script|style|svg)\b.*?</\1>", "", page, flags=re.DOTALL)
    page = re.sub(r'<img\b[^>]*?\balt="([^"]*)"[^>]*>', r"\1", page)
    return re.sub(r"[\s`*\\]+", "", html.unescape(re.sub(r"<[^<>]+>", "", page)))


@pytest.mark.parametrize("path", lessons.PATHS, ids=lambda path: path.stem)
def test_a_lesson_is_there_with_all_that_is_stored(built, path):
    text = text_of(built.pages[f"notebooks/{path.stem}.html"].html)
    for cell in lessons.code_cells(lessons.read(path)):
        assert text_of(html.escape(cell.source)) in text
        for output in cell.outputs:
            data = output.get("data", {})
            if "text/html" in data:
                stored = text_of(data["text/html"])
            else:
                markdown = re.sub(
                    r"```\w*\n|\[([^]]*)\]\((?:https:|\d\d-)[^)]*\)", r"\1", data.get("text/markdown", "")
                )
                plain = markdown or output.get("text") or output.get("evalue") or data.get("text/plain", "")
                stored = text_of(html.escape(plain))
            assert stored in text, cell.id
    download = (built.folder / "notebooks" / path.name).read_bytes()
    assert download == path.read_bytes()


def test_next_and_previous_lead_through_the_course(built):
    def beside(page: str, direction: str) -> str:
        tags = built.pages[page].tags
        (link,) = [
            attributes for tag, attributes in tags if tag == "a" and attributes.get("class") == f"{direction}-page"
        ]
        return os.path.normpath(os.path.join(os.path.dirname(page), link["href"])).replace(os.sep, "/")

    course = ["index.html", *LESSONS]
    assert [beside(page, "next") for page in course[:-1]] == course[1:]
    assert [beside(page, "prev") for page in course[1:]] == course[:-1]


def test_the_landing_page_is_the_readme(built):
    text = text_of(built.pages["index.html"].html)
    for line in (lessons.ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and "ipynb" in line:
            cells = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line)
            assert text_of(html.escape(cells.replace("|", ""))) in text


@pytest.mark.parametrize("path", lessons.PATHS, ids=lambda path: path.stem)
def test_answers_are_folded_and_no_box_is_empty(built, path):
    page = built.pages[f"notebooks/{path.stem}.html"].html
    folded = page.count("<details class='answer'>\n<summary>Show what happens</summary>\n<div class=\"cell_output")
    assert folded == len(lessons.tagged(lessons.read(path), "guess"))
    assert "<details open" not in page
    assert not re.search(r'<div class="(cell_output|output)[^"]*">\s*</div>', page)
    for cell in lessons.tagged(lessons.read(path), "exercise-solution"):
        solution = lessons.NOTEBOOKS / cell.source.removeprefix("# %load ")
        folded = page.partition("<summary>Show a solution</summary>")[2].partition("</details>")[0]
        assert text_of(folded) == text_of(html.escape(solution.read_text(encoding="utf-8")))


def test_what_is_in_a_hint_is_rendered(built):
    hint = built.pages[lesson("start-here")].html.partition("<summary>Hint</summary>")[2].partition("</details>")[0]
    assert (
        '<code class="docutils literal notranslate"><span class="pre">"hello".upper()</span></code>'
        in html.unescape(hint)
    )


# --- How they are made ---


@pytest.mark.thorough
def test_a_warning_is_an_error_and_a_script_in_an_output_is_none(tmp_path, capfd):
    live = (
        '<div role="status">Run this cell to connect.</div><script>if (1 < 2 && "a") document.title = `${1}`;</script>'
    )
    notebook = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    output = nbformat.v4.new_output("display_data", {"text/html": live, "text/plain": "a page"})
    notebook.cells = [nbformat.v4.new_markdown_cell("# Live"), nbformat.v4.new_code_cell("live()", outputs=[output])]
    pages = tmp_path / "pages"
    pages.mkdir()
    nbformat.write(notebook, pages / "live.ipynb")
    (pages / "index.md").write_text("# Title\n\n[gone](nowhere.md), [too](#there)\n\n```{toctree}\nlive\n```\n")
    assert tool.sphinx(pages, tmp_path / "site", str(tmp_path)) != 0
    warnings = [line for line in capfd.readouterr().err.splitlines() if "WARNING" in line]
    assert len(warnings) == 2
    assert "nowhere.md" in warnings[0]
    assert "there" in warnings[1]
    assert live in (tmp_path / "site" / "live.html").read_text(encoding="utf-8")


@pytest.mark.thorough  # one more run of Sphinx
def test_pages_to_read_are_built_without_a_network(tmp_path, offline):
    """As `make pages` does; and they offer nothing that they do not have."""
    command = [sys.executable, "-m", "tools.site", tmp_path / "site"]
    result = subprocess.run(command, cwd=lessons.ROOT, env=offline, capture_output=True, text=True, timeout=240)
    assert (result.returncode, result.stderr) == (0, "")
    assert not list(tmp_path.rglob("*.wasm*"))
    for page in tmp_path.rglob("*.html"):
        assert 'id="run-this-lesson"' not in page.read_text(encoding="utf-8"), page


def test_the_network_is_really_away(offline):
    ask = "import urllib.request; urllib.request.urlopen('https://example.org', timeout=5)"
    result = subprocess.run([sys.executable, "-c", ask], env=offline, capture_output=True, text=True, timeout=30)
    assert "this test has no network" in result.stderr


def test_a_link_to_what_is_not_there(tmp_path):
    with pytest.raises(tool.DeadLink, match=r"README.md links to docs/gone.md, which is not there"):
        tool.Site(tmp_path).prose("Code, `[x](gone)`, and [a link](docs/gone.md)", "README.md")


FIRST, SECOND = (path.name for path in lessons.PATHS[:2])
WITH_BADGE = f"Next: [01]({SECOND}) · [![Binder](x.svg)](https://mybinder.org/v2/gh/OWNER/REPOSITORY/HEAD)"
ALONE = "Before.\n\n**Nothing installed:** [![Binder](x.svg)](https://mybinder.org/v2/gh/OWNER/REPOSITORY/HEAD)\nworks.\n\nAfter."


def test_nothing_leads_to_a_repository_that_is_not_known(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "repository", lambda: None)
    site = tool.Site(tmp_path)
    assert site.prose(WITH_BADGE, f"notebooks/{FIRST}") == f"Next: [01]({SECOND})"
    assert site.prose(ALONE, "README.md") == "Before.\n\nAfter."
    site.lay_out()
    assert not [page for page in tmp_path.rglob("*") if page.is_file() and PLACEHOLDER.encode() in page.read_bytes()]


def test_where_the_course_is_published(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "repository", lambda: "ann/course")
    lesson = tool.Site(tmp_path).lesson(f"notebooks/{FIRST}")
    assert "git clone https://github.com/ann/course" in lesson
    assert f"https://mybinder.org/v2/gh/ann/course/HEAD?urlpath=lab/tree/notebooks/{FIRST}" in lesson


# --- As a reader uses them ---


def fits_a_phone(reader, path: str) -> bool:
    reader.set_viewport_size({"width": 320, "height": 700})
    reader.go(path)
    unfold(reader)
    return reader.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_page_of_each_kind_fits_a_phone(reader):
    for path in ("index.html", lesson("closing-too-early"), lesson("who-sees-what"), "examples/echo.html"):
        assert fits_a_phone(reader, path), path


@pytest.mark.thorough
def test_all_pages_fit_a_phone(reader, built):
    assert [path for path in built.pages if not fits_a_phone(reader, path)] == []


def unfold(page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true })")


def test_an_answer_opens_with_the_keyboard(reader):
    reader.go(lesson("blocking-the-event-loop"))
    answer = reader.locator("details.answer").first
    expect(answer.get_by_role("img")).not_to_be_visible()
    answer.locator("summary").focus()
    reader.keyboard.press("Enter")
    expect(answer.get_by_role("img")).to_be_visible()
    reader.keyboard.press("Space")
    expect(answer.get_by_role("img")).not_to_be_visible()


def test_wide_code_scrolls_with_the_keyboard(reader):
    reader.set_viewport_size({"width": 320, "height": 700})
    reader.go(lesson("blocking-the-event-loop"))
    code = reader.locator(".cell_input pre").nth(1)
    expect(code).to_have_attribute("tabindex", "0")
    code.focus()
    reader.keyboard.press("ArrowRight")
    reader.wait_for_function("document.activeElement.scrollLeft > 0")
    reader.set_viewport_size({"width": 1280, "height": 700})
    expect(code).not_to_have_attribute("tabindex", "0")


@pytest.mark.parametrize(
    ("words", "slug"),
    [("KeyError", "text-bytes-and-json"), pytest.param("backpressure", "glossary", marks=pytest.mark.thorough)],
)
def test_search(reader, words, slug):
    lesson = f"{lessons.number(lessons.path(slug))}. "
    reader.go("index.html")
    reader.get_by_placeholder("Search").fill(words)
    reader.keyboard.press("Enter")
    expect(reader.locator("ul.search").get_by_role("link", name=lesson).first).to_be_visible()


def test_code_is_copied_and_nothing_else(reader):
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.go(lesson("start-here"))
    code = {cell.id: cell.source for cell in lessons.code_cells(lessons.read(lessons.path("start-here")))}
    cell = reader.locator(".cell", has_text="await ws.recv()").first
    cell.hover()
    cell.get_by_role("button", name="Copy").click()
    reader.wait_for_function(
        "async (code) => (await navigator.clipboard.readText()).trim() === code", arg=code["client"]
    )
    assert reader.locator(".cell_input .copybtn").count() == len(code)
    assert reader.locator(".cell_output .copybtn").count() == 0


def test_light_and_dark_at_will(reader):
    reader.go("index.html")
    shade = "getComputedStyle(document.body).backgroundColor"
    before = reader.evaluate(shade)
    seen = set()
    for _ in range(3):  # auto, light, dark
        reader.get_by_role("button", name="Toggle Light / Dark / Auto color theme").locator("visible=true").click()
        seen.add(reader.evaluate(shade))
    assert len(seen) == 2
    assert before in seen
    expect(reader.locator("article img").locator("visible=true")).to_have_count(1)


# A scan takes seconds. Shades do not depend on the width, nor roles and names on the shade.
CORNERS = [("light", 390), ("dark", 1280)]
THE_OTHER_TWO = [("light", 1280), ("dark", 390)]


def scan(reader, path: str, corners: list[tuple[str, int]]) -> None:
    """What axe-core finds wrong with a page must be nothing."""
    reader.go(path)
    unfold(reader)
    # Most of a scan's time goes into the contrast of every coloured word, and code is coloured alike all over.
    plain = "(blocks) => blocks.slice(10).forEach((code) => { code.textContent = code.textContent })"
    reader.locator("article pre").evaluate_all(plain)
    for scheme, width in corners:
        reader.emulate_media(color_scheme=scheme)
        reader.set_viewport_size({"width": width, "height": 800})
        results = Axe().run(reader, options={"resultTypes": ["violations"]})
        assert results.violations_count == 0, f"{scheme}, {width}: {results.generate_report()}"


@pytest.mark.parametrize("path", ["index.html", lesson("start-here"), lesson("glossary")])
def test_everybody_can_use_the_courses_pages(reader, path):
    scan(reader, path, CORNERS)


@pytest.mark.thorough
@pytest.mark.parametrize("path", ["index.html", lesson("start-here")])
def test_everybody_can_use_the_courses_pages_in_each_shade_at_each_size(reader, path):
    scan(reader, path, THE_OTHER_TWO)


@pytest.mark.thorough
@pytest.mark.parametrize("path", ["search.html?q=KeyError", "examples/echo.html", *LESSONS])
def test_everybody_can_use_each_of_the_courses_pages(reader, path):
    scan(reader, path, CORNERS)
