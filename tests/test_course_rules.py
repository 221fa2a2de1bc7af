"""Every lesson keeps the course's rules; and a lesson that is spoiled in any one way breaks the rule for it."""

import dataclasses
import re

import nbformat
import pytest

from tests import course_rules, lessons

COURSE = course_rules.course()
FIRST, NEXT = COURSE[1].previous, COURSE[1].next  # the neighbours of the lesson that is spoiled below
README = (lessons.ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.path.stem)
def test_a_lesson_keeps_the_rules(lesson):
    assert course_rules.problems(lesson) == []


def test_the_lessons_are_numbered_in_order_and_none_is_missed():
    assert lessons.PATHS
    assert sorted(lessons.NOTEBOOKS.glob("*.ipynb")) == lessons.PATHS
    part_one = [path for path in lessons.PATHS if not lessons.is_reference(path)]
    assert [int(lessons.number(path)) for path in part_one] == list(range(len(part_one)))


def test_every_solution_belongs_to_an_exercise():
    loaded = re.findall(r"# %load (solutions/\S+\.py)", " ".join(cell.source for x in COURSE for cell in x.code))
    there = [f"solutions/{path.name}" for path in sorted((lessons.NOTEBOOKS / "solutions").glob("*.py"))]
    assert sorted(loaded) == there


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.path.stem)
def test_the_readme_lists_the_lesson_with_its_minutes(lesson):
    title = lesson.notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    if lesson.is_reference:
        assert f"| [{title.split('. ', 1)[1]}](notebooks/{lesson.path.name}) |" in README
        return
    minutes = re.search(r"\*\*Time:\*\* (\d+) minutes", lesson.notebook.cells[0].source)[1]
    number, name = title.split(". ", 1)
    row = f"| {number} | [{name.split(':')[0]}](notebooks/{lesson.path.name}) | {minutes} min |"
    assert row in README


# --- The rules are rules: each finds what it is for. ---


def cell(notebook, name: str):
    (found,) = [cell for cell in notebook.cells if cell.id == name]
    return found


def spoil_order(notebook):
    cell(notebook, "client").execution_count = None


def spoil_outputs(notebook):
    cell(notebook, "client").outputs = []


def spoil_picture(notebook):
    cell(notebook, "conversation").outputs = []


def spoil_expected_error(notebook):
    cell(notebook, "second-recv").outputs = cell(notebook, "second-recv").outputs[:2]


def spoil_unexpected_error(notebook):
    cell(notebook, "client").outputs = cell(notebook, "second-recv").outputs


def spoil_stderr(notebook):
    cell(notebook, "client").outputs = [nbformat.v4.new_output("stream", name="stderr", text="oh")]


def spoil_with(text: str):
    def spoil(notebook):
        cell(notebook, "client").outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]

    return spoil


def spoil_metadata(notebook):
    cell(notebook, "client").metadata["collapsed"] = True


def spoil_id(notebook):
    cell(notebook, "client").id = "5c1d3a"


def spoil_source_with(text: str):
    def spoil(notebook):
        cell(notebook, "client").source += f"\n{text}"

    return spoil


def spoil_nbval_tag(notebook):
    cell(notebook, "client").metadata["tags"] = ["nbval-ignore-output"]


def spoil_timeout(notebook):
    client = cell(notebook, "client")
    client.source = client.source.replace("asyncio.timeout(5), ", "")


def spoil_guess_fold(notebook):
    del cell(notebook, "second-recv").metadata["jupyter"]


def spoil_guess_curtain(notebook):
    del cell(notebook, "second-recv").outputs[0]


def spoil_guess_tag(notebook):
    cell(notebook, "second-recv").metadata = {"tags": ["raises-exception"]}


def spoil_guess_place(notebook):
    cell(notebook, "endpoint-intro").source += "\n\n**Guess:** what?"


def spoil_solution(notebook):
    cell(notebook, "solution").source = "%load solutions/01_greeter.py"


def spoil_solution_output(notebook):
    cell(notebook, "solution").outputs = cell(notebook, "client").outputs


def spoil_solution_file(notebook):
    cell(notebook, "solution").source = "# %load solutions/01_nothing.py"


def spoil_check(notebook):
    notebook.cells.remove(cell(notebook, "exercise-check"))


def spoil_hint(notebook):
    cell(notebook, "hint").source = "Think."


def spoil_title(notebook):
    cell(notebook, "title").source = cell(notebook, "title").source.replace("# 01. ", "# 2. ")


def spoil_heading(notebook):
    cell(notebook, "your-turn").source = cell(notebook, "your-turn").source.replace("## ", "#### ")


def spoil_next(notebook):
    cell(notebook, "title").source = cell(notebook, "title").source.replace(NEXT, FIRST)


def spoil_link(notebook):
    cell(notebook, "remember").source += " [more](03-nowhere.ipynb)"


def spoil_anchor(notebook):
    cell(notebook, "remember").source += f" [more]({NEXT}#Nowhere)"


def spoil_link_title(notebook):
    cell(notebook, "remember").source += f" [{FIRST[:2]}. Begin here]({FIRST})"


def spoil_mention(notebook):
    cell(notebook, "remember").source += f" As in lesson {FIRST[:2]}."


def spoil_length(notebook):
    cell(notebook, "remember").source += "\n\n" + "word " * 1600


def spoil_badge(old: str, new: str):
    def spoil(notebook):
        title = cell(notebook, "title")
        assert old in title.source
        title.source = title.source.replace(old, new)

    return spoil


def spoil_text_with(text: str):
    def spoil(notebook):
        cell(notebook, "remember").source += text

    return spoil


def spoil_alternative_text(notebook):
    picture = cell(notebook, "conversation").outputs[0].data
    picture["text/html"] = picture["text/html"].replace(' alt="', ' title="')


SPOILED = [
    (spoil_order, "every_cell_ran_in_order: cell client: not run"),
    (spoil_outputs, "outputs_are_there: cell client: shows something, but no output is stored"),
    (spoil_picture, "outputs_are_there: cell conversation: shows something"),
    (spoil_expected_error, "errors_are_expected_and_there: cell second-recv: should raise"),
    (spoil_unexpected_error, "errors_are_expected_and_there: cell client: raised an error"),
    (
        spoil_with("FAILED  test_it (setup): fixture 'it' not found"),
        "errors_are_expected_and_there: cell client: a",
    ),
    (spoil_stderr, "errors_are_expected_and_there: cell client: wrote to stderr"),
    (spoil_with("/home/ada/course"), "outputs_are_steady: cell client: its output holds a path"),
    (spoil_with("C:\\Users\\ada"), "outputs_are_steady: cell client: its output holds a path"),
    (spoil_with("ws://127.0.0.1:43210/ws"), "outputs_are_steady: cell client: its output holds a port"),
    (spoil_with("<object at 0x7f0c2b3d>"), "outputs_are_steady: cell client: its output holds an address"),
    (spoil_with("12:30:01"), "outputs_are_steady: cell client: its output holds a time"),
    (spoil_with("took 3.2 ms"), "outputs_are_steady: cell client: its output holds a time"),
    (spoil_metadata, "file_is_canonical: not in canonical form"),
    (spoil_id, "file_is_canonical: cell 5c1d3a: give it an id"),
    (spoil_source_with("# NBVAL_IGNORE_OUTPUT"), "sources_are_clean: cell client: has 'NBVAL_'"),
    (spoil_source_with("time.sleep(1)"), "sources_are_clean: cell client: calls time.sleep() itself"),
    (spoil_source_with("serve(app, port=8000)"), "sources_are_clean: cell client: has a fixed port"),
    (spoil_nbval_tag, "sources_are_clean: cell client: has an nbval tag"),
    (spoil_timeout, "every_wait_is_bounded: cell client: may wait for ever: connect("),
    (spoil_source_with("await ws.recv()"), "every_wait_is_bounded: cell client: may wait for ever: ws.recv()"),
    (
        spoil_source_with("async def ask():\n    await ws.recv()\n\n\nawait ask()"),
        "every_wait_is_bounded: cell client: may wait for ever: ask()",
    ),
    (
        spoil_source_with(
            "from redis.asyncio import Redis\n\n\nasync def asks():\n    while await db.get('x') != 1:\n        pass"
        ),
        "every_wait_is_bounded: cell client: may ask for ever: while await db.get('x') != 1",
    ),
    (spoil_guess_fold, "guesses_are_folded: cell second-recv: its output must be folded"),
    (spoil_guess_curtain, "guesses_are_folded: cell second-recv: JupyterLab would show its output's first line"),
    (spoil_guess_tag, "guesses_are_folded: cell second-recv: a `guess` tag and a **Guess:**"),
    (spoil_guess_place, "guesses_are_folded: cell endpoint: a `guess` tag and a **Guess:**"),
    (spoil_solution, "exercise_is_whole: cell solution: must be a comment that loads a file"),
    (spoil_solution_file, "exercise_is_whole: cell solution: must be a comment that loads a file"),
    (spoil_solution_output, "exercise_is_whole: cell solution: the solution must not run by itself"),
    (spoil_check, "exercise_is_whole: the exercise needs a stub, a check and a solution"),
    (spoil_hint, "exercise_is_whole: the exercise has no folded hint"),
    (spoil_title, "form_is_right: must begin with `# 01. Title`"),
    (spoil_heading, "form_is_right: skips from heading level 2 to 4"),
    (spoil_length, "form_is_right: has 2"),
    (spoil_next, f"way_through_is_right: its first text cell must link Next to {NEXT}"),
    (spoil_link, "links_lead_somewhere: dead link: 03-nowhere.ipynb"),
    (spoil_anchor, f"links_lead_somewhere: dead link: {NEXT}#Nowhere: no such heading"),
    (spoil_badge("[![", "[!!["), "badge_opens_this_lesson: its first text cell, and no other"),
    (
        spoil_text_with(" [![x](y)](https://mybinder.org/)"),
        "badge_opens_this_lesson: its first text cell, and no other",
    ),
    (spoil_badge("docs/binder.svg", "docs/lesson-dark.png"), "badge_opens_this_lesson: its badge has another picture"),
    (spoil_badge("/v2/gh/", "/v2/gh/another-"), "badge_opens_this_lesson: its badge does not open the Repository"),
    (spoil_badge("HEAD?", "main?"), "badge_opens_this_lesson: its badge does not open the Repository"),
    (
        spoil_badge("lab/tree/notebooks/01-", "lab/tree/notebooks/02-"),
        "badge_opens_this_lesson: its badge does not open t",
    ),
    (spoil_badge("?urlpath=lab/tree/", "?filepath="), "badge_opens_this_lesson: its badge does not open this lesson"),
    (
        spoil_text_with(" ![a](https://example.com/a.png)"),
        "pictures_are_at_hand: cell remember: a picture has a text, and",
    ),
    (spoil_text_with(" ![](../docs/binder.svg)"), "pictures_are_at_hand: cell remember: a picture has a text, and"),
    (spoil_text_with(' <img src="../docs/binder.svg">'), "pictures_are_at_hand: cell remember: write a picture as"),
    (spoil_alternative_text, "pictures_are_at_hand: cell conversation: a picture in an output carries"),
    (
        spoil_text_with(" [x](https://github.com/encode/starlette/blob/master/starlette/types.py)"),
        "links_lead_somewhere: this link's file changes: give the release",
    ),
    (spoil_link_title, f"links_lead_somewhere: a link calls a lesson '{FIRST[:2]}. Begin here'"),
    (spoil_mention, f"links_lead_somewhere: speaks of lesson {FIRST[:2]} without a link"),
]


@pytest.mark.parametrize(("spoil", "problem"), SPOILED, ids=[problem.split(":")[0] for _, problem in SPOILED])
def test_a_spoiled_lesson_is_found_out(spoil, problem):
    notebook = nbformat.reads(COURSE[1].text, as_version=4)
    spoil(notebook)
    text = nbformat.writes(notebook, indent=1) + "\n"
    found = course_rules.problems(dataclasses.replace(COURSE[1], text=text))
    assert any(line.startswith(problem) for line in found), found


def test_a_function_may_put_bounds_to_its_own_waits():
    notebook = nbformat.reads(COURSE[1].text, as_version=4)
    spoil_source_with("async def ask():\n    async with asyncio.timeout(5):\n        await ws.recv()\n\n\nawait ask()")(
        notebook
    )
    text = nbformat.writes(notebook, indent=1) + "\n"
    lesson = dataclasses.replace(COURSE[1], text=text)
    assert list(course_rules.every_wait_is_bounded(lesson)) == []


def test_every_rule_has_been_seen_to_fail():
    assert {problem.split(":")[0] for _, problem in SPOILED} == {rule.__name__ for rule in course_rules.RULES}
