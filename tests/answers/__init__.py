"""Answers to the exercises: wrong ones that a learner might give, and right ones that are not the solution.

One module an exercise, with two dictionaries, `WRONG` and `RIGHT`: each answer has a name. Most are the solution with
a few edits, each an old text and its new one:

    "from zero": changed(("number = 0", "number = -1"), says="expected '1: one', but got '0: one'."),

`before(line, new)` and `after(line, new)` are edits that only add. An answer of another design is written out, by
`whole()`; several of one design are edits of one text, which `changed()` gets as `of`. Such a text is a program, which
makes its own app or has tests in it, or else what stands in the endpoint, below the solution's `async def` line. Where
the solution makes no app, it is a program.
"""

import importlib
import pkgutil
import re
import textwrap
from dataclasses import dataclass
from types import ModuleType

Edit = tuple[str, str]  # what stands there once, and what comes instead


class DoesNotFit(Exception):
    """An edit cannot be made: what it replaces is not in the text, or more than once."""


@dataclass(frozen=True)
class Answer:
    """An answer, as edits of a text, and a part of what the check says about it: nothing, if it is right."""

    text: str | None  # None is the solution
    edits: tuple[Edit, ...]
    says: str

    def program(self, solution: str) -> str:
        """The answer as a program. The edits are made one after the other."""
        text = solution if self.text is None else textwrap.dedent(self.text)
        if "= FastAPI(" in solution and "= FastAPI(" not in text and "def test_" not in text:
            text = head(solution) + textwrap.indent(text, "    ")
        for old, new in self.edits:
            text = edited(text, old, new)
        return text


def changed(*edits: Edit, of: str | None = None, says: str = "") -> Answer:
    """The solution with these edits, or the text `of` with them."""
    return Answer(of, edits, says)


def whole(text: str, *, says: str = "") -> Answer:
    """An answer of another design."""
    return Answer(text, (), says)


def before(old: str, new: str) -> Edit:
    """The edit that puts `new` on lines of its own, before the line that begins with `old`."""
    return old, f"{block(new)}\n{block(old)}"


def after(old: str, new: str) -> Edit:
    """The edit that puts `new` on lines of its own, after the line or the lines `old`."""
    return old, f"{block(old)}\n{block(new)}"


TEN_AT_ONCE: Edit = (
    "app = FastAPI()",
    """
    from fastapi import Depends, WebSocketException

    there = 0


    async def one_of_ten():
        global there
        if there >= 10:
            raise WebSocketException(1013)
        there += 1
        try:
            yield
        finally:
            there -= 1


    app = FastAPI(dependencies=[Depends(one_of_ten)])
    """,
)  # whoever comes while ten are there is sent away


def worn_out(line: str) -> tuple[Edit, ...]:
    """The edits after which the endpoint serves 45 clients, and then fails before `line`: fewer than a crowd has."""
    return (
        before("app =", "import itertools\n\nvisits = itertools.count()"),
        before(line, "if next(visits) >= 45:\n    raise MemoryError"),
    )


def edited(text: str, old: str, new: str) -> str:
    """`text` with `new` instead of `old`. Of several lines, the first says how deep all stand in the text."""
    old, new = block(old), block(new)
    first_lines = (match.start() for match in re.finditer(re.escape(old.partition("\n")[0]), text))
    places = [place for place in first_lines if text.startswith(as_deep_as_at(text, place, old), place)]
    if len(places) != 1:
        raise DoesNotFit(f"{old!r} should stand there once, not {len(places)} times:\n{text}")
    (place,) = places
    rest = text[place:].removeprefix(as_deep_as_at(text, place, old))
    return text[:place] + as_deep_as_at(text, place, new) + rest


def as_deep_as_at(text: str, place: int, lines: str) -> str:
    """`lines`, to stand at this place of the text: all but the first with the indentation of the line there."""
    line = text[text.rfind("\n", 0, place) + 1 :]
    first, *others = lines.splitlines(keepends=True) or [""]
    return first + textwrap.indent("".join(others), line[: len(line) - len(line.lstrip(" "))])


def block(lines: str) -> str:
    """Lines without the indentation that all have, and without the line breaks around them."""
    return textwrap.dedent(lines).strip("\n")


def head(solution: str) -> str:
    """The solution down to the `async def` line of its endpoint."""
    return solution[: solution.index("\n", solution.rindex("\nasync def ") + 1) + 1]


ANSWERS: dict[str, ModuleType] = {
    module.name: importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
}
