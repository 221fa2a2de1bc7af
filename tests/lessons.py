"""The lessons as the tests see them: which there are, and what is in them."""

import ast
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from course.lessons import NOTEBOOKS, PATHS, is_reference, number, path, slug, title

__all__ = ["NOTEBOOKS", "PATHS", "ROOT", "is_reference", "number", "path", "slug", "title"]

ROOT = NOTEBOOKS.parent


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tagged(notebook, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def tree(cell) -> ast.Module:
    """A code cell's syntax tree; its magics are calls of `get_ipython()` in it."""
    return ast.parse(TransformerManager().transform_cell(cell.source))


def preamble(notebook) -> str:
    """What an exercise's answer may count on: the imports of all cells, and the names that the setup cell sets."""
    nodes = [
        node
        for cell in code_cells(notebook)
        for node in tree(cell).body
        if isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.Assign) and cell.id == "setup")
    ]
    return "\n".join(ast.unparse(node) for node in nodes)


def programs(notebook) -> list[str]:
    """What cells write into files, for processes of their own (`%%program`)."""
    sources = [cell.source for cell in code_cells(notebook) if cell.source.startswith("%%program ")]
    return [source.partition("\n")[2] for source in sources]


def function(notebook, name: str) -> list[str]:
    """The definitions of the function `name` in a notebook's cells, each in one canonical form."""
    trees = [tree(cell) for cell in code_cells(notebook)] + [ast.parse(program) for program in programs(notebook)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    found = [node for node in nodes if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name == name]
    return [ast.unparse(node) for node in found]
