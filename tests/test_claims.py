"""The claims of the reference: each verdict is run, and one that changes is reported by the claim's name."""

import asyncio
from itertools import pairwise

import pytest

from course import claims
from course.claims import CLAIMS, DEPENDS, FALSE, TRUE, Claim, Result, Results
from tests import lessons

PAGE = lessons.path("claims-put-to-the-test")


def change(result: Result) -> str:
    """What to report if the verdict is another one than before; empty if it is not."""
    if result.verdict == result.claim.verdict:
        return ""
    lines = "\n".join(result.lines())
    return f"claim {result.claim.name}: verdict was {result.claim.verdict}, is now {result.verdict}\n{lines}"


@pytest.mark.parametrize("name", CLAIMS)
def test_the_verdict_is_as_before(name):
    result = asyncio.run(claims.decide(CLAIMS[name]))
    if report := change(result):
        pytest.fail(report, pytrace=False)


def test_a_changed_verdict_is_reported_by_name():
    async def always(serve):
        return True, "it held"

    result = asyncio.run(claims.decide(Claim("This never holds.", always, FALSE)))
    assert change(result) == "claim always: verdict was false, is now true\nSeen on both: it held"


@pytest.mark.parametrize(
    ("held", "until", "verdict", "words"),
    [
        ((True, True), "", TRUE, "true"),
        ((False, False), "", FALSE, "false"),
        ((False, False), "FastAPI 0.97", FALSE, "true until FastAPI 0.97"),
        ((True, True), "FastAPI 0.97", TRUE, "true"),  # it has come back
        ((True, False), "", DEPENDS, "depends on the server implementation"),
        ((False, True), "FastAPI 0.97", DEPENDS, "depends on the server implementation"),
    ],
)
def test_the_verdict_follows_from_the_runs(held, until, verdict, words):
    by_name = dict(zip(claims.IMPLEMENTATIONS, held, strict=True))
    result = Result(Claim("A claim.", CLAIMS["no-accept"].run, until=until), by_name, dict.fromkeys(by_name, "this"))
    assert (result.verdict, result.words) == (verdict, words)


def test_a_result_shows_the_run_and_where_the_implementations_differ():
    one = CLAIMS["no-accept"]
    held = dict.fromkeys(claims.IMPLEMENTATIONS, False)
    differ = Result(one, held, dict(zip(claims.IMPLEMENTATIONS, ["this", "that"], strict=True)))
    assert differ.lines() == ["Seen on websockets-sansio: this", "Seen on wsproto: that"]
    shown = differ._repr_mimebundle_()
    for text in shown.values():
        assert "async def no_accept(serve):" in text
        assert "@claim" not in text and "verdict=" not in text
    lesson = lessons.path("forgetting-to-accept")
    assert f"[lesson {lessons.number(lesson)}]({lesson.name})" in shown["text/markdown"]


def test_the_table_names_each_claim_and_links_to_its_heading():
    said = Claim('The "claim" of `one<two`.', CLAIMS["no-accept"].run)
    held = dict.fromkeys(claims.IMPLEMENTATIONS, False)
    shown = Results([Result(said, held, dict.fromkeys(held, "this"))])._repr_mimebundle_()
    assert shown["text/plain"] == 'false  The "claim" of `one<two`.'
    assert '<a href="#The-&quot;claim&quot;-of-one&lt;two.">' in shown["text/html"]
    assert "The &quot;claim&quot; of <code>one&lt;two</code>." in shown["text/html"]


def test_a_run_that_does_not_end_is_ended_and_named(monkeypatch):
    async def never(serve):
        await asyncio.Event().wait()

    monkeypatch.setattr(claims, "LIMIT", 0.05)
    with pytest.raises(TimeoutError) as error:
        asyncio.run(claims.decide(Claim("This ends.", never)))
    assert error.value.__notes__ == ["in the run of the claim never, on websockets-sansio"]


def test_every_claim_says_what_to_keep_and_where_it_stands():
    assert len(CLAIMS) >= 22
    for one in CLAIMS.values():
        assert one.verdict in (TRUE, FALSE, DEPENDS), one.name
        assert one.says.endswith(".") and one.keep.endswith((".", ")")), one.name
        assert one.source.startswith("https://"), one.name
        assert one.says.isascii() and '"' not in one.says, f"{one.name}: JupyterLab's links would not find its heading"
        assert bool(one.until) == bool(one.changed), f"{one.name}: the release and where it says so go together"
        assert not one.lesson or lessons.path(one.lesson), one.name
    assert len({one.says for one in CLAIMS.values()}) == len(CLAIMS)


def test_the_page_has_a_heading_and_a_cell_for_each_claim_in_their_order():
    cells = lessons.read(PAGE).cells
    shown = []
    for above, cell in pairwise(cells):
        if cell.source.startswith("results["):
            shown.append((above.source.splitlines()[-1].removeprefix("### "), cell.source))
    assert shown == [(one.says, f'results["{one.name}"]') for one in CLAIMS.values()]
