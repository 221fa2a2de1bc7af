"""What the check-up says of endpoints as people write them: each cause once, its place, what it means, no more."""

import asyncio
import importlib
import inspect

import pytest

from wslab import ServeError, checkup
from wslab.examination.findings import Harm

ASKED = {"say": {"question": "why"}}
HEADER = {"headers": {"Sec-WebSocket-Protocol": "bearer, t0ken"}}
ROOM = {"room": True}

# By the case: the check-up's options, and of each finding its harm, a part of what was seen, the line of the app that
# it names, by a part of its text, and a part of what it means.
CASES = {
    "subprotocol": (HEADER, [(Harm.CLIENT, "no subprotocol was chosen", "", "No browser can open it")]),
    "history": (
        {},
        [(Harm.STAYS, "with each visit it keeps more", "sessions[session] = {", "It grows with each visit.")],
    ),
    "before_accept": (
        {},
        [
            (Harm.STAYS, "1 of its visits still remembered", "`members`", "The app keeps what it should let go"),
            (Harm.NOTE, "raised ClientDisconnected", "await websocket.accept()", "It is accepted too late"),
        ],
    ),
    "fire_and_forget": (
        ASKED,
        [
            (Harm.CLIENT, "a task raised JSONDecodeError", "json.loads(text)", "not JSON"),
            (Harm.CLIENT, "a task raised TypeError", 'request["question"]', "A task failed that nobody awaits."),
            (Harm.LOG, "a task raised WebSocketDisconnect", "send_json", "A task goes on when its client has left"),
        ],
    ),
    "middleware": (
        {},
        [(Harm.CLIENT, "raised KeyError: 'method'", 'scope["method"]', "lacks what only HTTP has")],
    ),
    "stop_short": (
        {},
        [(Harm.STAYS, "", "async for token in tokens()|send_text(token)", "It does not receive while it works")],
    ),
    "nan": ({}, [(Harm.CLIENT, "no browser reads: NaN", "", "no JSON for a browser")]),
    "safe_send": (
        {},
        [(Harm.LOG, 'Need to call "accept" first.', "receive_text()", "It goes on after a send that has failed")],
    ),
    "lifespan_once": ({}, []),
    "dead_entry": (
        ROOM,
        [
            (Harm.OTHERS, 'Cannot call "send"', "member.send_text", "A client that has gone is still in its list"),
            (Harm.OTHERS, "", "member.send_text", "It sends to another, who has left"),
            (
                Harm.OTHERS,
                "the bystander got no answer",
                "member.send_text",
                "It waits for one client that does not read",
            ),
            (Harm.CLIENT, "raised KeyError: 'text'", "receive_text()", "It takes text, and breaks when bytes come."),
        ],
    ),
    "close_after_the_end": (
        {},
        [
            (
                Harm.LOG,
                "raised WebSocketDisconnect(1006)",
                "await websocket.close()",
                "It closes a connection that has ended",
            )
        ],
    ),
    "no_except": (
        {},
        [
            (Harm.CLIENT, "raised KeyError: 'text'", "receive_text()", "It takes text"),
            (Harm.LOG, "raised WebSocketDisconnect(1000)", "receive_text()", "It does not expect its client to leave"),
        ],
    ),
    "room_for_four": (
        ROOM,
        [
            (Harm.OTHERS, "the bystander got no answer", "player.send_text", "It waits for one client"),
            (Harm.LOG, 'Need to call "accept" first.', "receive_text()", "It goes on after a send that has failed"),
            (Harm.NOTE, "refused: HTTP 503", "", "A limit is no fault."),
        ],
    ),
    "never_ends": ({}, [(Harm.STAYS, "its endpoint is still running", "asyncio.sleep(1)", "It never receives.")]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_cause_is_found_once_and_nothing_else(name):
    module = importlib.import_module(f"tests.cases.{name}")
    options, expected = CASES[name]
    report = asyncio.run(checkup(module.app, **options))
    assert len(report.findings) == len(expected), f"\n{report}"
    lines = inspect.getsource(module).splitlines()
    for harm, seen, source, meaning in expected:
        fits = [finding for finding in report.findings if meaning in finding.meaning]
        assert len(fits) == 1, f"{meaning}\n{report}"
        (finding,) = fits
        assert finding.harm is harm
        assert seen in finding.seen
        if source.startswith("`"):
            assert finding.place == f"{source} in {name}.py"
        elif source:
            line = int(finding.place.partition(",")[0].rpartition(":")[2])
            assert any(part in lines[line - 1] for part in source.split("|")), f"\n{report}"
        else:
            assert finding.place == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("static", "A mount at '/' (StaticFiles) took the path. It stands above the endpoint: move it below."),
        (
            "untyped",
            "FastAPI takes 'websocket' for a query parameter, since it has no type: write `websocket: WebSocket`.",
        ),
    ],
)
def test_why_nobody_is_let_in(name, message):
    module = importlib.import_module(f"tests.cases.{name}")
    with pytest.raises(ServeError) as caught:
        asyncio.run(checkup(module.app))
    assert message in str(caught.value)


def test_every_case_is_asked_about():
    import pkgutil

    from tests import cases

    assert {module.name for module in pkgutil.iter_modules(cases.__path__)} == {*CASES, "static", "untyped"}
