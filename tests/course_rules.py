"""The course's own rules: what nbval does not see.

nbval compares stored outputs with new ones. It says nothing about a cell whose output is not stored, about prose,
links and order. Each rule here takes a lesson and yields its problems, each a line for the author.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat

from tests import lessons
from tools import published
from tools.outputs import canonical, is_curtain


@dataclass(frozen=True)
class Lesson:
    """A notebook and its place in the course."""

    path: Path
    text: str  # the file
    previous: str | None = None  # file names
    next: str | None = None

    @property
    def is_reference(self) -> bool:
        """Whether it is one of the notebooks at the end, to look things up in: no guesses, no exercise."""
        return lessons.is_reference(self.path)

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.reads(self.text, as_version=4)

    @property
    def code(self):
        return lessons.code_cells(self.notebook)

    @property
    def markdown(self):
        return [cell for cell in self.notebook.cells if cell.cell_type == "markdown"]


def course() -> list[Lesson]:
    """All lessons, in reading order."""
    paths = lessons.PATHS
    names = [None, *(path.name for path in paths), None]
    return [Lesson(path, path.read_text(encoding="utf-8"), names[n], names[n + 2]) for n, path in enumerate(paths)]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def every_cell_ran_in_order(lesson: Lesson) -> Iterator[str]:
    for number, cell in enumerate(lesson.code, 1):
        if cell.execution_count != number:
            yield f"cell {cell.id}: not run, or not in order. Use `make outputs`."


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def calls(node: ast.AST) -> set[str]:
    """What is called here, by its name, but not what functions call that are defined here."""
    inner = [child for child in ast.iter_child_nodes(node) if not isinstance(child, FUNCTIONS)]
    own = {ast.unparse(node.func)} if isinstance(node, ast.Call) else set()
    return own.union(*(calls(child) for child in inner))


def shows_something(cell) -> bool:
    """Whether a run of this cell must leave an output: it prints, ends in a value, or is meant to fail."""
    if {"raises-exception", "guess", "exercise-check"} & set(tags(cell)):
        return True
    if not (tree := lessons.tree(cell)).body:
        return False

    last = tree.body[-1]
    ends_in_a_value = (
        isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call) and ";" not in cell.source[-1:]
    )
    return ends_in_a_value or bool({"print", "display", "live", "get_ipython().run_line_magic"} & calls(tree))


def outputs_are_there(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        if shows_something(cell) and all(is_curtain(output) for output in cell.outputs):
            yield f"cell {cell.id}: shows something, but no output is stored, so nbval compares nothing"


def errors_are_expected_and_there(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        raised = any(output.output_type == "error" for output in cell.outputs)
        if raised and "raises-exception" not in tags(cell):
            yield f"cell {cell.id}: raised an error that is not expected"
        if not raised and "raises-exception" in tags(cell):
            yield f"cell {cell.id}: should raise, and nbval would not miss the error"
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"cell {cell.id}: wrote to stderr"
        # What pytest says beside a notebook's cells. Such a test did not run, whatever it was to show.
        if any(re.search(r"^FAILED .+ \((setup|teardown)\)", output.get("text", ""), re.M) for output in cell.outputs):
            yield f"cell {cell.id}: a test's fixture failed, or is missing: is its name used for something else?"


UNSTEADY = {
    "a path": r"(?<![\w.:/])/(?:home|root|tmp|usr|opt|mnt|Users|var)/\S+|[A-Z]:\\\\?\w+|site-packages|ipykernel_\d+",
    "a port": r"(?:127\.0\.0\.1|localhost):(?!8000\b)\d+",
    "an address": r"0x[0-9a-fA-F]{6,}",
    "a time": r"\b\d{1,2}:\d{2}:\d{2}\b|\b\d{4}-\d{2}-\d{2}\b|\b\d+(?:\.\d+)? ?(?:ms|µs|seconds?)\b(?! later| at most)",
}


def outputs_are_steady(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        for output in cell.outputs:
            text = json.dumps([output.get("text"), output.get("evalue"), output.get("data")], ensure_ascii=False)
            for what, pattern in UNSTEADY.items():
                if found := re.search(pattern, text):
                    yield f"cell {cell.id}: its output holds {what}, which differs from run to run: {found[0]!r}"


def file_is_canonical(lesson: Lesson) -> Iterator[str]:
    if lesson.text != canonical(lesson.notebook):
        yield "not in canonical form (metadata, ids, streams, folded outputs). Use `make outputs`."
    ids = [cell.get("id") for cell in lesson.notebook.cells]
    for name in ids:
        if not re.fullmatch(r"[a-z][a-z0-9-]+", name or "") or ids.count(name) > 1:
            yield f"cell {name}: give it an id of its own, in words, since links and reports name it"


FORBIDDEN = {
    "NBVAL_": "outputs are compared, all of them",
    "0.0.0.0": "listen on 127.0.0.1",
    "asyncio.get_event_loop(": "use get_running_loop()",
    "from websockets.exceptions import *": "it hides FastAPI's WebSocketException",
}


def sources_are_clean(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        for words, reason in FORBIDDEN.items():
            if words in cell.source:
                yield f"cell {cell.id}: has {words!r}: {reason}"
        if "time.sleep" in calls(lessons.tree(cell)):  # an endpoint may show what it does; a cell must not wait with it
            yield f"cell {cell.id}: calls time.sleep() itself: wait for an event"
        if any(tag.startswith("nbval") for tag in tags(cell)):
            yield f"cell {cell.id}: has an nbval tag: outputs are compared, all of them"
        if re.search(r"port=[1-9]", cell.source):
            yield f"cell {cell.id}: has a fixed port, which another program may use"


BOUNDED_BY_ITSELF = re.compile(
    r"(\w*server\.(conversation|on_loop)|exercises\.\w+|checkup|report|who_sees_what|claims\.put_to_the_test|decide)\("
)


def every_wait_is_bounded(lesson: Lesson) -> Iterator[str]:
    """A client's waits stand in `async with asyncio.timeout(...)`. The server's need not: its client ends them.

    A cell may also await a function of the lesson in which all waits are bounded. A timeout does not end a loop that
    asks again and again, where what it asks may lose a cancellation: redis-py does, on Python 3.11.
    """

    def is_bounded(awaited: ast.expr) -> bool:
        if BOUNDED_BY_ITSELF.match(ast.unparse(awaited)):
            return True
        name = ast.unparse(awaited.func) if isinstance(awaited, ast.Call) else None
        bodies = [function.body for function in functions if function.name == name]
        return bool(bodies) and not any(list(walk(node, False)) for body in bodies for node in body)

    def walk(node, bounded: bool) -> Iterator[ast.expr]:
        if isinstance(node, FUNCTIONS):
            return
        if isinstance(node, ast.AsyncWith):
            contexts = [item.context_expr for item in node.items]
            bounded = bounded or any(ast.unparse(context).startswith("asyncio.timeout(") for context in contexts)
            if not bounded:
                yield contexts[0]
        elif isinstance(node, ast.Await) and not bounded and not is_bounded(node.value):
            yield node.value
        for child in ast.iter_child_nodes(node):
            yield from walk(child, bounded)

    trees = [(cell, lessons.tree(cell)) for cell in lesson.code]
    functions = [node for _, tree in trees for node in tree.body if isinstance(node, ast.AsyncFunctionDef)]
    uses_redis = any("from redis.asyncio import" in cell.source for cell in lesson.code)
    for cell, tree in trees:
        for unbounded in walk(tree, False):
            yield f"cell {cell.id}: may wait for ever: {ast.unparse(unbounded)}. Put it under asyncio.timeout()."
        for loop in ast.walk(tree) if uses_redis else ():
            if isinstance(loop, ast.While) and any(isinstance(node, ast.Await) for node in ast.walk(loop.test)):
                yield f"cell {cell.id}: may ask for ever: while {ast.unparse(loop.test)}. Ask so many times: for ..."


def guesses_are_folded(lesson: Lesson) -> Iterator[str]:
    cells = lesson.notebook.cells
    for n, cell in enumerate(cells):
        asked = n > 0 and cells[n - 1].cell_type == "markdown" and "**Guess:**" in cells[n - 1].source
        if cell.cell_type == "code" and asked != ("guess" in tags(cell)):
            yield f"cell {cell.id}: a `guess` tag and a **Guess:** above it go together"
        asks = cell.cell_type == "markdown" and "**Guess:**" in cell.source
        if asks and (n + 1 == len(cells) or cells[n + 1].cell_type != "code"):
            yield f"cell {cell.id}: a **Guess:** stands right above the cell that answers it"
    for cell in lesson.code:
        if ("guess" in tags(cell)) != bool(cell.metadata.get("jupyter", {}).get("outputs_hidden")):
            yield f"cell {cell.id}: its output must be folded if, and only if, it answers a guess"
        if "guess" in tags(cell) and not is_curtain(cell.outputs[0]):
            yield f"cell {cell.id}: JupyterLab would show its output's first line. Use `make outputs`."
    if not lesson.is_reference and not any("guess" in tags(cell) for cell in lesson.code):
        yield "has no guess"


def exercise_is_whole(lesson: Lesson) -> Iterator[str]:
    if lesson.is_reference:
        return
    order = [tag for cell in lesson.code for tag in tags(cell) if tag.startswith("exercise-")]
    if order != ["exercise-stub", "exercise-check", "exercise-solution"]:
        yield f"the exercise needs a stub, a check and a solution, in this order, and has {order}"
        return
    (cell,) = lessons.tagged(lesson.notebook, "exercise-solution")
    file = f"solutions/{lessons.slug(lesson.path).replace('-', '_')}.py"
    if cell.source != f"# %load {file}" or not (lessons.NOTEBOOKS / file).is_file():
        yield f"cell {cell.id}: must be a comment that loads a file which exists: # %load {file}"
    prose = "\n".join(cell.source for cell in lesson.markdown)
    if "<details>\n<summary>Hint</summary>" not in prose:
        yield "the exercise has no folded hint"
    if cell.outputs:
        yield f"cell {cell.id}: the solution must not run by itself"


def headings(lesson: Lesson) -> list[tuple[int, str]]:
    lines = [line for cell in lesson.markdown for line in without_code(cell.source).splitlines()]
    return [(len(m[1]), m[2]) for line in lines if (m := re.match(r"(#+) (.+)", line))]


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


BADGE = re.compile(r"\[!\[([^\]]*)\]\(([^)]*)\)\]\((https?://[^)]*binder[^)]*)\)")


def form_is_right(lesson: Lesson) -> Iterator[str]:
    number = lessons.number(lesson.path)
    first = lesson.notebook.cells[0]
    if first.cell_type != "markdown" or not first.source.startswith(f"# {number}. "):
        yield f"must begin with `# {number}. Title`"
    levels = [level for level, _ in headings(lesson)]
    if levels.count(1) != 1:
        yield "needs one heading of level 1"
    for before, after in pairwise(levels):
        if after > before + 1:
            yield f"skips from heading level {before} to {after}"
    if lesson.is_reference:
        return
    names = [name for _, name in headings(lesson)]
    for name in ["Your turn", "To remember"]:
        if name not in names:
            yield f"has no heading `{name}`"
    prose = "\n".join(cell.source for cell in lesson.markdown)
    for words in ["**Time:**", "**You need:**", "**In practice**", "**Further reading:**"]:
        if words not in prose:
            yield f"has no {words}"
    words = len(re.sub(r"^(?:Previous|Next): .*$", "", prose, flags=re.MULTILINE).split())  # not the way through
    if not 600 <= words <= 1600:
        yield f"has {words} words; 700 to 1,500 are meant"


def way_through_is_right(lesson: Lesson) -> Iterator[str]:
    for where, cell in [("first", lesson.markdown[0]), ("last", lesson.markdown[-1])]:
        for direction, name in [("Previous", lesson.previous), ("Next", lesson.next)]:
            found = re.findall(rf"{direction}: \[[^\]]+\]\(([^)]+)\)", cell.source)
            if found != ([name] if name else []):
                yield f"its {where} text cell must link {direction} to {name}, and links {found}"


def anchor(heading: str) -> str:
    """JupyterLab's anchor of a heading: its text with hyphens for spaces."""
    return re.sub(r"[`*]", "", heading).replace(" ", "-")


TITLES = {lessons.number(path): lessons.title(path) for path in lessons.PATHS}


def links_lead_somewhere(lesson: Lesson) -> Iterator[str]:
    prose = "\n".join(without_code(cell.source) for cell in lesson.markdown)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose):
        if target.startswith("https://"):
            continue
        file, _, fragment = target.partition("#")
        path = lesson.path.parent / file if file else lesson.path
        if target.startswith("http:") or not path.is_file():
            yield f"dead link: {target}"
        elif fragment:
            other = lesson if path == lesson.path else Lesson(path, path.read_text(encoding="utf-8"))
            if fragment not in [anchor(name) for _, name in headings(other)]:
                yield f"dead link: {target}: no such heading"
    for moving in re.findall(r"https://github\.com/[\w.-]+/[\w.-]+/blob/(?:main|master|HEAD)/[\w./-]+", lesson.text):
        yield f"this link's file changes: give the release that the lesson speaks of: {moving}"
    for name in re.findall(r"\[(\d\d\. [^\]]+)\]", prose):
        if name != (title := TITLES.get(name[:2])):
            yield f"a link calls a lesson {name!r}; its title is {title!r}. Use `make links`."
    without_links = re.sub(r"\[[^\[\]]*\]\([^)]*\)", "", prose)
    for number in re.findall(r"\b[Ll]essons? (\d\d)\b", without_links):
        if number in TITLES:
            yield f"speaks of lesson {number} without a link, so that `make links` cannot follow if it moves"


def badge_opens_this_lesson(lesson: Lesson) -> Iterator[str]:
    first = BADGE.findall(lesson.notebook.cells[0].source)
    if len(first) != 1 or any(BADGE.search(cell.source) for cell in lesson.markdown[1:]):
        yield "its first text cell, and no other, needs one badge for Binder. Use `make links`."
        return
    words, picture, address = first[0]
    if (words, picture) != ("Open this lesson on Binder", "../docs/binder.svg"):
        yield f"its badge has another picture or text than the others: {words!r}, {picture}. Use `make links`."
    repository = published.here()
    parts = urlsplit(address)
    if f"{parts.scheme}://{parts.netloc}{parts.path}" != f"https://mybinder.org/v2/gh/{repository}/HEAD":
        yield f"its badge does not open the Repository of pyproject.toml: {address}. Use `make links`."
    if parse_qs(parts.query, strict_parsing=True) != {"urlpath": [f"lab/tree/notebooks/{lesson.path.name}"]}:
        yield f"its badge does not open this lesson: {address}. Use `make links`."


def pictures_are_at_hand(lesson: Lesson) -> Iterator[str]:
    """Opening a lesson asks no other host for anything; and whoever sees no picture has its text."""
    for cell in lesson.markdown:
        for words, source in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", without_code(cell.source)):
            if ":" in source or not words:
                yield f"cell {cell.id}: a picture has a text, and lies in this repository: {words!r}, {source}"
        if "<img" in without_code(cell.source):
            yield f"cell {cell.id}: write a picture as ![text](file)"
    for cell in lesson.code:
        for picture in re.findall(
            r"<img\b[^>]*>", " ".join(o.get("data", {}).get("text/html", "") for o in cell.outputs)
        ):
            if not (re.search(r'\ssrc="data:', picture) and re.search(r'\salt="[^"]', picture)):
                yield f"cell {cell.id}: a picture in an output carries its data and a text: {picture[:80]}"


RULES = [
    every_cell_ran_in_order,
    outputs_are_there,
    errors_are_expected_and_there,
    outputs_are_steady,
    file_is_canonical,
    sources_are_clean,
    every_wait_is_bounded,
    guesses_are_folded,
    exercise_is_whole,
    form_is_right,
    way_through_is_right,
    links_lead_somewhere,
    badge_opens_this_lesson,
    pictures_are_at_hand,
]


def problems(lesson: Lesson) -> list[str]:
    """All that is wrong with a lesson, a line each, with the rule's name."""
    return [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(lesson)]
