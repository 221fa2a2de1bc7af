"""The notebooks of the course, by slug. A lesson's number stands in its file's name, and is looked up here."""

import json
import re
from pathlib import Path

NOTEBOOKS = Path(__file__).parent.parent
PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))  # in reading order


def slug(path: Path) -> str:
    """A notebook's name without its number: `closing-too-early`. Code and reports call the lesson so."""
    return path.stem[3:]


def number(path: Path) -> str:
    """A notebook's two digits."""
    return path.name[:2]


BY_SLUG = {slug(path): path for path in PATHS}


def path(slug: str) -> Path:
    """The notebook with this slug. Raises KeyError if there is none."""
    return BY_SLUG[slug]


def is_reference(path: Path) -> bool:
    """Whether it is one of the notebooks at the end, to look things up in: they are numbered from 90."""
    return number(path) >= "90"


def title(path: Path) -> str:
    """What links call a lesson: its number, and its title up to a colon. `05. Forgetting to accept`"""
    first_cell = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    heading = re.match(r"# (?:\d\d\. )?(.*)", "".join(first_cell["source"]))[1]
    return f"{number(path)}. {heading.partition(':')[0]}"
