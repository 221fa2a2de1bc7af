"""Write the badges that open the course on Binder, each at its own notebook: `make badges`.

The one setting is `Repository` in pyproject.toml. From it come the badge in the first cell of each lesson, at the end
of the line with the previous and the next lesson, and the README's paragraph. The picture lies in docs/, so that
opening a lesson asks no other host for anything; where it cannot be found, its text reads as a link.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tools.outputs import NOTEBOOKS, canonical
from tools.published import PLACEHOLDER, SettingError, binder, here

ROOT = NOTEBOOKS.parent
BADGE = re.compile(r" · \[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)$")
WAY = re.compile(r"^(?:Previous|Next): .*$", re.MULTILINE)
PARAGRAPH = re.compile(r"^\*\*With nothing installed:\*\* (?:.+\n)+", re.MULTILINE)


class BadgeError(Exception):
    """A badge cannot be written, and why."""


def with_badge(first_cell: str, repository: str, lesson: str) -> str:
    """The text of a lesson's first cell, with the badge that opens this lesson."""
    if len(found := WAY.findall(first_cell)) != 1:
        raise BadgeError(f"{lesson}: its first cell needs one line with the previous and the next lesson")
    way = BADGE.sub("", found[0])
    badge = f"[![Open this lesson on Binder](../docs/binder.svg)]({binder(repository, lesson)})"
    return first_cell.replace(found[0], f"{way} · {badge}")


def with_paragraph(readme: str, repository: str, lesson: str) -> str:
    """The README, with the paragraph whose badge opens the first lesson."""
    if len(PARAGRAPH.findall(readme)) != 1:
        raise BadgeError("README.md: needs one paragraph that begins with **With nothing installed:**")
    badge = f"[![Open the first lesson on Binder](docs/binder.svg)]({binder(repository, lesson)})"
    lines = [f"**With nothing installed:** {badge}"]
    if repository == PLACEHOLDER:
        lines.append(
            "works once the course is published. Until then this badge, and that of each lesson, leads nowhere."
        )
    return PARAGRAPH.sub(lambda _: "\n".join(lines) + "\n", readme)


def files() -> Iterator[tuple[Path, str]]:
    """Each file that has a badge, and the text it should have."""
    place = here()
    lessons = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    readme = ROOT / "README.md"
    yield readme, with_paragraph(readme.read_text(encoding="utf-8"), place, lessons[0].name)
    for path in lessons:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[0].source = with_badge(notebook.cells[0].source, place, path.name)
        yield path, canonical(notebook)


def main() -> int:
    try:
        for path, text in list(files()):  # all or none
            if path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                print(f"{path.relative_to(ROOT)}: changed")
    except (BadgeError, SettingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
