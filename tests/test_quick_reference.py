"""The notebook quick-reference names all of `WebSocket`, and its errors are errors that a cell has shown."""

import ast
import re

import pytest
from fastapi import WebSocket

from tests import course_rules, lessons

PATH = lessons.path("quick-reference")
NOTEBOOK = lessons.read(PATH)
CELLS = {cell.id: cell for cell in NOTEBOOK.cells}

# What the class has, and what each of its objects has.
WEBSOCKET = WebSocket({"type": "websocket", "headers": []}, receive=None, send=None)
PUBLIC = {name for name in [*dir(WebSocket), *vars(WEBSOCKET)] if not name.startswith("_")}


def used() -> set[str]:
    """The names that the cells use, as `websocket.NAME`."""
    nodes = [node for cell in lessons.code_cells(NOTEBOOK) for node in ast.walk(lessons.tree(cell))]
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if ast.unparse(node.value) == "websocket"}


def named(cell_id: str) -> set[str]:
    """The names in the first column of a text cell's table: `close` of `close(code, reason)`."""
    firsts = [line.split("|")[1] for line in CELLS[cell_id].source.splitlines() if line.startswith("|")]
    return set(re.findall(r"`(\w+)(?:\([^`]*\))?`", "\n".join(firsts)))


LEFT_OUT = named("left-out")


def test_every_name_of_websocket_runs_in_a_cell_or_is_left_out_with_a_reason():
    missing = PUBLIC - used() - LEFT_OUT
    assert not missing, f"WebSocket has names that quick-reference does not show: {sorted(missing)}"


def test_no_name_is_there_that_websocket_has_not():
    assert not used() - PUBLIC
    assert not LEFT_OUT - PUBLIC


def test_the_table_on_top_has_every_name_that_a_cell_shows():
    assert not used() - named("glance")


def rows(cell_id: str) -> dict[str, str]:
    """The rows of a table of errors, by the text that one searches for."""
    found = re.findall(r"^(\| `(.+?)` \| .+\|)$", CELLS[cell_id].source, flags=re.MULTILINE)
    return {text: row for row, text in found}


TABLES = {cell_id: rows(cell_id) for cell_id in CELLS if cell_id.startswith("errors-")}

# What Chromium prints in its console. No cell can show that: test_browser_console.py does.
BROWSER_CONSOLE = TABLES.pop("errors-browser")

ERRORS = {text: row for table in TABLES.values() for text, row in table.items()}


def shown(notebook) -> str:
    """All text in the outputs of a notebook."""
    lines = []
    for output in (output for cell in lessons.code_cells(notebook) for output in cell.outputs):
        if output.output_type == "error":
            lines.append(f"{output.ename}: {output.evalue}")
        else:
            lines.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(lines)


SHOWN = {lesson.path.name: shown(lesson.notebook) for lesson in course_rules.course()}


def test_there_are_errors_of_each_place():
    assert list(TABLES) == ["errors-terminal", "errors-endpoint", "errors-client", "errors-notebook"]
    assert all(TABLES.values())
    assert len(ERRORS) > 35
    assert BROWSER_CONSOLE


def test_each_row_has_a_cause_a_cure_and_a_place_to_read_on():
    for row in [*ERRORS.values(), *BROWSER_CONSOLE.values()]:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert len(cells) == 4 and all(cells), row
        assert "](" in cells[-1], row


@pytest.mark.parametrize("text", ERRORS)
def test_the_error_is_shown_where_its_row_leads(text):
    places = [*re.findall(r"\(([\w-]+\.ipynb)[#)]", ERRORS[text]), PATH.name]
    assert any(text in SHOWN[place] for place in places), f"none of {places} shows {text!r}"
