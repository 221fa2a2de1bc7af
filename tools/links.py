"""Write what follows from the lessons' file names, and from the claims: `make links`.

A lesson's number and slug stand in its file's name, its title in its first line. From these follow the number before
its title, the line with the previous and the next lesson, each link to it, and its row in the README; from `Repository`
in pyproject.toml the badges that open the lessons on Binder; from `course/claims.py` the headings of its page.
So a lesson that moves is one rename, and this command.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import nbformat

from course import lessons
from course.claims import CLAIMS
from course.lessons import NOTEBOOKS, PATHS
from tools.outputs import canonical
from tools.published import PLACEHOLDER, SettingError, binder, here, page

ROOT = NOTEBOOKS.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "examples/**/README.md")
CLAIMS_PAGE = "claims-put-to-the-test"

NAME = re.compile(r"\b(?P<number>\d\d)-(?P<slug>[a-z0-9-]+)(?=\.ipynb)")  # of a lesson's file
LINK = re.compile(rf"(?<=\[)(?P<words>[^\[\]\n]*)(?=\]\([^)\s]*?{NAME.pattern})")
LINK_IN_HTML = re.compile(rf'(?P<tag><a href="{NAME.pattern}[^>]*>)(?P<words>[^<]*)')
WAY = re.compile(r"^(?:Previous|Next): .*$", re.MULTILINE)
ROW = re.compile(rf"^\| \d\d (?=\| \[[^\]]*\]\(notebooks/{NAME.pattern})", re.MULTILINE)
ROWS = re.compile(r"(?:^\| \d\d \|.*\n)+", re.MULTILINE)
PARAGRAPH = re.compile(r"^\*\*With nothing installed:\*\* (?:.+\n)+", re.MULTILINE)


class LinkError(Exception):
    """A link cannot be written, and why."""


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def renumbered(text: str) -> str:
    """Text that names the lessons' files by the numbers that they have now; also what its links call the lessons."""

    def words(link: re.Match) -> str:
        if (path := lessons.BY_SLUG.get(link["slug"])) is None:
            return link[0]  # a dead link: the course's rules report it
        called = link["words"]
        new = (
            lessons.title(path)
            if re.match(r"\d\d\. ", called)
            else re.sub(rf"\b{link['number']}\b", path.name[:2], called)
        )
        return link.groupdict().get("tag", "") + new

    def file(name: re.Match) -> str:
        path = lessons.BY_SLUG.get(name["slug"])
        return path.stem if path else name[0]

    return NAME.sub(file, LINK_IN_HTML.sub(words, LINK.sub(words, text)))


def way(path: Path, repository: str = "") -> str:
    """The line with the previous and the next lesson; with a repository, also the badge that opens this lesson."""
    n = PATHS.index(path)
    parts = [f"Previous: [{lessons.title(other)}]({other.name})" for other in PATHS[n - 1 : n] if n]
    parts += [f"Next: [{lessons.title(other)}]({other.name})" for other in PATHS[n + 1 : n + 2]]
    if repository:
        parts.append(f"[![Open this lesson on Binder](../docs/binder.svg)]({binder(repository, path.name)})")
    return " · ".join(parts)


def with_way(cell: nbformat.NotebookNode, line: str, lesson: str) -> None:
    """Put the line with the neighbours into a cell, in place of the one that is there."""
    if len(WAY.findall(cell.source)) != 1:
        raise LinkError(f"{lesson}: cell {cell.id} needs one line that begins with Previous: or Next:")
    cell.source = WAY.sub(lambda _: line, cell.source)


def with_claims(notebook: nbformat.NotebookNode) -> None:
    """Give each claim on the page its sentence as a heading; a new one comes below the one before it."""
    above: str | None = None
    for name, claim in CLAIMS.items():
        places = {cell.id: n for n, cell in enumerate(notebook.cells)}
        if name not in places:
            new = [
                nbformat.v4.new_markdown_cell("", id=f"about-{name}"),
                nbformat.v4.new_code_cell(f'results["{name}"]', id=name),
            ]
            at = places[above] + 1 if above else places["yours"]
            notebook.cells[at:at] = new
            places[f"about-{name}"] = at
        heading = notebook.cells[places[f"about-{name}"]]
        heading.source = "\n".join([*heading.source.splitlines()[:-1], f"### {claim.says}"])
        above = name


def with_links(path: Path, notebook: nbformat.NotebookNode, repository: str) -> str:
    """The text of a lesson's file, with all that follows from the files' names."""
    first = notebook.cells[0]
    first.source = re.sub(r"\A# (?:\d\d\. )?", f"# {lessons.number(path)}. ", first.source)
    with_way(first, way(path, repository), path.name)
    with_way([cell for cell in notebook.cells if cell.cell_type == "markdown"][-1], way(path), path.name)
    if lessons.slug(path) == CLAIMS_PAGE:
        with_claims(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = renumbered(cell.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.update({form: renumbered(data[form]) for form in ("text/markdown", "text/html") if form in data})
    return canonical(notebook)


def with_paragraph(readme: str, repository: str) -> str:
    """The README, with the paragraph that leads to the first lesson's page, and whose badge opens it on Binder."""
    if len(PARAGRAPH.findall(readme)) != 1:
        raise LinkError("README.md: needs one paragraph that begins with **With nothing installed:**")
    here = f"[run the first lesson on its own page]({page(repository, PATHS[0].name)}), in your browser;"
    badge = f"[![Open the first lesson on Binder](docs/binder.svg)]({binder(repository, PATHS[0].name)})"
    lines = [f"**With nothing installed:** {here}", f"or in JupyterLab on Binder: {badge}."]
    if repository == PLACEHOLDER:
        lines.append(
            "Both work once the course is published. Until then these two, and the badge of each lesson, lead nowhere."
        )
    return PARAGRAPH.sub(lambda _: "\n".join(lines) + "\n", readme)


def with_rows(readme: str) -> str:
    """The README, with the rows of its table of lessons under their numbers, in order."""

    def number(row: re.Match) -> str:
        path = lessons.BY_SLUG.get(row["slug"])
        return f"| {lessons.number(path)} " if path else row[0]

    numbered = renumbered(ROW.sub(number, readme))
    return ROWS.sub(lambda rows: "".join(sorted(rows[0].splitlines(keepends=True))), numbered)


def files() -> Iterator[tuple[Path, str]]:
    """Each file that has links to lessons, and the text it should have."""
    repository = here()
    special: Mapping[str, Callable[[str], str]] = {
        "README.md": lambda text: with_rows(with_paragraph(text, repository))
    }
    for file in (file for pattern in DOCUMENTS for file in sorted(ROOT.glob(pattern))):
        text = file.read_text(encoding="utf-8")
        yield file, special.get(file.relative_to(ROOT).as_posix(), renumbered)(text)
    for path in PATHS:
        yield path, with_links(path, read(path), repository)


def main() -> int:
    try:
        for path, text in list(files()):  # all or none
            if path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                print(f"{path.relative_to(ROOT)}: changed")
    except (LinkError, SettingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
