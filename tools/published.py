"""Where the course is published: the `Repository` in pyproject.toml, which badges and pages are made from."""

import re
import tomllib
from functools import cache
from pathlib import Path
from urllib.parse import quote

SETTINGS = Path(__file__).parent.parent / "pyproject.toml"
PLACEHOLDER = "OWNER/REPOSITORY"  # the setting as long as the course is not published


class SettingError(Exception):
    """The setting is not what it should be, and what that is."""


def repository(settings: str) -> str:
    """`owner/name` on GitHub, from the text of pyproject.toml."""
    address = tomllib.loads(settings)["project"]["urls"]["Repository"]
    if not (found := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", address)):
        raise SettingError(f"Repository in pyproject.toml must be https://github.com/owner/name, and is {address}")
    return found[1]


@cache
def here() -> str:
    """`owner/name` of this repository, or the placeholder."""
    return repository(SETTINGS.read_text(encoding="utf-8"))


def binder(repository: str, lesson: str) -> str:
    """Where Binder opens a lesson of the default branch in JupyterLab."""
    return f"https://mybinder.org/v2/gh/{repository}/HEAD?urlpath={quote(f'lab/tree/notebooks/{lesson}')}"


def page(repository: str, lesson: str) -> str:
    """The address of a lesson's page on GitHub Pages, where it begins to run."""
    owner, name = repository.split("/")
    return f"https://{owner}.github.io/{name}/notebooks/{lesson.removesuffix('.ipynb')}.html#run-this-lesson"
