"""`make links`: what follows from the lessons' file names. A lesson that moves is one rename, and this command."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

from tests.lessons import PATHS, ROOT, number, path, read, slug
from tools import links, published

SETTINGS = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
LESSON = path("your-first-endpoint")


def test_all_is_as_the_command_writes_it():
    for file, text in links.files():
        assert file.read_text(encoding="utf-8") == text, f"{file.name}: use `make links`"


# --- a lesson that moves ---

EVERYTHING_ELSE = shutil.ignore_patterns(".*", "build", "__pycache__")
LOOKED_UP = [  # what must hold of lessons wherever they are
    "tests/test_course_rules.py::test_a_lesson_keeps_the_rules",
    "tests/test_course_rules.py::test_the_lessons_are_numbered_in_order_and_none_is_missed",
    "tests/test_course_rules.py::test_every_solution_belongs_to_an_exercise",
    "tests/test_course_rules.py::test_the_readme_lists_the_lesson_with_its_minutes",
    "tests/test_links.py::test_all_is_as_the_command_writes_it",
    "tests/test_claims.py::test_every_claim_says_what_to_keep_and_where_it_stands",
    "tests/test_claims.py::test_the_page_has_a_heading_and_a_cell_for_each_claim_in_their_order",
    "tests/test_exercises.py::test_every_exercise_has_wrong_answers",
    "tests/test_glossary.py",
    "tests/test_quick_reference.py",
]


def run_in(folder: Path, *command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=100
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


@pytest.mark.thorough
def test_a_lesson_that_moves_is_one_rename(tmp_path):
    course = tmp_path / "course"
    shutil.copytree(ROOT, course, ignore=EVERYTHING_ELSE)
    one, other = path("blocking-the-event-loop"), path("closing-too-early")
    for lesson, new in [(one, other), (other, one)]:
        (course / "notebooks" / lesson.name).rename(course / "notebooks" / f"{number(new)}-{slug(lesson)}.ipynb")
    with (course / "examples" / "watched" / "README.md").open("a", encoding="utf-8") as readme:
        readme.write(f"[{number(one)}](../../notebooks/{one.name})")
    before = contents(course)
    checks = ["pytest", "-q", "-p", "no:cacheprovider", "--numprocesses=0", *LOOKED_UP]

    assert run_in(course, *checks).returncode == 1
    linked = run_in(course, "tools.links")
    assert linked.returncode == 0, linked.stderr
    after = contents(course)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    linking = re.compile(r"(examples/(watched/)?)?README\.md|notebooks/[^/]+\.ipynb")
    assert all(map(linking.fullmatch, changed)), changed
    moved = f"[{number(other)}](../../notebooks/{number(other)}-{slug(one)}.ipynb)"
    assert after["examples/watched/README.md"].endswith(moved.encode())
    checked = run_in(course, *checks)
    assert checked.returncode == 0, checked.stdout


BY_NUMBER = re.compile(
    rf"\b[Ll]essons?[ _]\d\d\b|\b\d\d[-_](?:{'|'.join(re.sub('-', '[-_]', slug(p)) for p in PATHS)})\b"
)


SUFFIXES = {".py", ".md", ".toml", ".in", ".txt", ".cfg", ".yml", ".sh", ".js", ".css", ".html"}


def places(text: str) -> list[str]:
    return BY_NUMBER.findall(text)


def test_nothing_but_notebooks_and_readmes_names_a_lesson_by_its_number():
    folders = ("notebooks", "examples", "tests", "tools", "site", "binder")
    files = [*ROOT.iterdir(), *(file for folder in folders for file in (ROOT / folder).rglob("*"))]
    texts = [file for file in files if file.suffix in SUFFIXES or file.name == "Makefile"]
    assert len(texts) > 100
    for file in texts:
        if file.name != "README.md" and file != Path(__file__):
            assert places(file.read_text(encoding="utf-8")) == [], file


@pytest.mark.parametrize(
    "text",
    ["as lesson 02 says", "Lessons 05 to 07", "lesson_08.py", "08-closing-too-early.ipynb", "08_closing_too_early"],
)
def test_a_lesson_named_by_its_number_is_found(text):
    assert places(text)


def test_readmes_say_a_lessons_number_in_links_alone():
    """`make links` writes those."""
    for file in (ROOT / "README.md", *(ROOT / "examples").rglob("README.md")):
        besides = re.sub(r"\[[^\]]*\]\([^)]*\)", "", file.read_text(encoding="utf-8"))
        assert re.findall(r"[Ll]essons? \d\d", besides) == [], file


@pytest.mark.skipif(sys.platform == "win32", reason="for a Unix shell")
def test_room_for_a_lesson_is_made_as_contributors_are_told(tmp_path):
    (loop,) = re.findall(r"^for n in .+$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    (tmp_path / "notebooks").mkdir()
    for name in ("06-a", "07-b", "08-c-d", "09-e", "10-f"):
        (tmp_path / "notebooks" / f"{name}.ipynb").touch()
    for command in (["git", "init", "-q"], ["git", "add", "."]):
        subprocess.run(command, cwd=tmp_path, check=True, timeout=100)
    subprocess.run(
        ["sh", "-ec", loop.replace("LAST", "10").replace("FIRST", "07")], cwd=tmp_path, check=True, timeout=100
    )
    there = sorted(file.stem for file in (tmp_path / "notebooks").iterdir())
    assert there == ["06-a", "08-b", "09-c-d", "10-e", "11-f"]


# --- its parts ---


def test_links_call_a_lesson_by_the_number_that_it_has_now():
    new = number(LESSON)
    old = f"77-{slug(LESSON)}.ipynb"
    text = f"[lesson 77]({old}#A), [77. Old title](../notebooks/{old}), [77](77-x.ipynb)"
    assert links.renumbered(text) == (
        f"[lesson {new}]({LESSON.name}#A), [{new}. Your first endpoint](../notebooks/{LESSON.name}), [77](77-x.ipynb)"
    )
    html = f'<a href="{old}">77</a> 77'
    assert links.renumbered(html) == f'<a href="{LESSON.name}">{new}</a> 77'


def test_a_claim_that_is_not_on_the_page_gets_a_heading_and_a_cell():
    page = read(path("claims-put-to-the-test"))
    there = [cell.source for cell in page.cells]
    page.cells = [cell for cell in page.cells if cell.id not in ("about-plain-def", "plain-def")]
    (heading,) = [cell for cell in page.cells if cell.id == "about-gather"]
    heading.source = "### Old words."
    links.with_claims(page)
    assert [cell.source for cell in page.cells] == there


def test_the_readme_opens_the_first_lesson_and_warns_as_long_as_it_cannot():
    repository = published.repository(SETTINGS)
    assert README.count("mybinder.org") == 1
    assert f"](https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{PATHS[0].name})" in README
    assert ("work once the course is published" in README) == (repository == "OWNER/REPOSITORY")


def test_a_new_setting_changes_every_badge_and_nothing_else():
    text = LESSON.read_text(encoding="utf-8")
    elsewhere = links.with_links(LESSON, read(LESSON), "ann/course")
    assert elsewhere == text.replace("OWNER/REPOSITORY", "ann/course") != text
    readme = links.with_paragraph(README, "ann/course")
    assert "work once" not in readme
    assert links.with_paragraph(readme, published.PLACEHOLDER) == README


def test_what_needs_a_line_of_links_and_has_none():
    cell = nbformat.v4.new_markdown_cell("# 11. X", id="title")
    with pytest.raises(links.LinkError, match=r"11-x.ipynb: cell title needs one line that begins with Previous:"):
        links.with_way(cell, "Next: ...", "11-x.ipynb")
    with pytest.raises(links.LinkError, match=r"README.md: needs one paragraph"):
        links.with_paragraph("# A course", "ann/course")


def setting(address: str) -> str:
    return f'[project.urls]\nRepository = "{address}"'


@pytest.mark.parametrize("ending", ["", "/", ".git"])
def test_the_setting_is_an_address_on_github(ending):
    assert published.repository(setting(f"https://github.com/ann/a.course{ending}")) == "ann/a.course"


@pytest.mark.parametrize("address", ["ann/course", "https://example.org/ann/course", "https://github.com/ann"])
def test_another_setting_is_refused(address):
    with pytest.raises(published.SettingError, match=f"must be https://github.com/owner/name, and is {address}"):
        published.repository(setting(address))


def test_the_picture_says_what_it_is():
    picture = ElementTree.parse(ROOT / "docs" / "binder.svg").getroot()
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == "open on Binder"
    assert "://" not in ElementTree.tostring(picture, encoding="unicode").replace("http://www.w3.org/2000/svg", "")
