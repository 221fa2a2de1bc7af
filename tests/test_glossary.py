"""Each term of the glossary is linked from the lesson that explains it."""

import re
from dataclasses import dataclass

import pytest

from tests import course_rules, lessons

PATH = lessons.path("glossary")
CELLS = lessons.read(PATH).cells
PLACE = re.compile(r"\(\[[^\]]+\]\(([\w-]+\.ipynb)\)[;)]")


@dataclass(frozen=True)
class Entry:
    """A term: its name, and its explanation."""

    name: str
    text: str

    @property
    def place(self) -> str | None:
        """The notebook that explains it."""
        found = PLACE.search(self.text)
        return found and found[1]

    @property
    def link(self) -> str:
        """What a lesson's link to it ends with."""
        return f"]({PATH.name}#{course_rules.anchor(self.name)})"


TEXT = "\n\n".join(cell.source for cell in CELLS)
ENTRIES = [Entry(*found) for found in re.findall(r"^### (.+)\n\n(.+)$", TEXT, flags=re.MULTILINE)]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_term_is_linked_from_the_lesson_that_explains_it(entry):
    assert entry.place, "an entry ends with the lesson that explains its term, in parentheses"
    prose = "\n".join(cell.source for cell in lessons.read(PATH.with_name(entry.place)).cells)
    assert entry.link in prose, f"{entry.place} has no link that ends with {entry.link}"


def test_every_heading_is_a_term_with_an_explanation_in_one_paragraph():
    assert [entry.name for entry in ENTRIES] == re.findall(r"^### (.+)$", TEXT, flags=re.MULTILINE)
    assert len(ENTRIES) > 30


def test_the_terms_are_in_order_and_listed_on_top():
    names = [entry.name for entry in ENTRIES]
    assert names == sorted(names, key=str.casefold)
    assert re.findall(r"\[([^\]]+)\]\(#", CELLS[0].source) == names
