"""What the check-up says of endpoints as people write them: each cause once, its place, what it means, no more."""

import asyncio
import importlib
import inspect
import json
import pkgutil
import re
import sys
import threading
from dataclasses import replace

import pytest

from course import lessons
from tests import cases
from tests.cases import pushes, takes_anything
from tests.lessons import ROOT
from wslab import ServeError, checkup
from wslab.examination import clients, findings, memory, visit
from wslab.examination.clients import CLIENTS
from wslab.examination.evidence import Fault, Spot
from wslab.examination.findings import MEANINGS, Harm, Kind, Lesson, meaning_of, sign, sign_of, why
from wslab.examination.process import Importable
from wslab.examination.visit import Visit

ASKED = {"say": {"question": "why"}}
HEADER = {"headers": {"Sec-WebSocket-Protocol": "bearer, t0ken"}}
ROOM = {"room": True}

# By the case: the check-up's options, and of each finding its harm, a part of what was seen, the line of the app that
# it names, by a part of its text, and a part of what it means.
CASES = {
    "subprotocol": (HEADER, [(Harm.CLIENT, "no subprotocol was chosen", "", "Chromium cannot open it")]),
    "history": (
        {},
        [(Harm.STAYS, "with each visit it keeps more", "sessions[session] = {", "It grows with each visit.")],
    ),
    "before_accept": (
        {},
        [
            (Harm.STAYS, "2 of its visits still remembered", "`members`", "The app keeps what it should let go"),
        ],
    ),
    "fire_and_forget": (
        ASKED,
        [
            (Harm.CLIENT, "a task raised JSONDecodeError", "json.loads(text)", "not JSON"),
            (Harm.CLIENT, "a task raised TypeError", 'request["question"]', "A task failed that nobody awaits."),
            (Harm.CLIENT, "a task raised UnicodeEncodeError", "send_json", "It passes on half a character"),
            (Harm.LOG, "a task raised WebSocketDisconnect", "send_json", "A task goes on when its client has left"),
        ],
    ),
    "middleware": (
        {},
        [(Harm.CLIENT, "raised KeyError: 'method'", 'scope["method"]', "lacks what only HTTP has")],
    ),
    "comes_too_early": (
        {"only": ["polite", "wrong kind"]},
        [
            (Harm.CLIENT, "raised KeyError: 'round'", 'state["round"]', "An error in the endpoint"),
            (Harm.CLIENT, "raised KeyError: 'text'", "receive_text()", "It takes text"),
        ],
    ),
    "has_its_own_worker": ({"only": ["polite", "silent", "half open"]}, []),
    "topics": ({"say": "news", "trigger": "POST /push/news", "only": ["polite", "wrong content"]}, []),
    "takes_two_signals": (
        {"only": ["polite", "stays"]},
        [(Harm.NOTE, "takes SIGINT over", "signal.SIGINT", "uvicorn does not hear that signal any more")],
    ),
    "compares_each_with_each": (
        {"say": {"text": "hello"}, "only": ["polite", "wrong values"]},
        [(Harm.OTHERS, "the event loop ", "text", "Something blocks the event loop")],
    ),
    "stop_short": (
        {},
        [(Harm.STAYS, "", "sleep(0.004)|token in tokens()|send_text(token)", "It does not receive while it works")],
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
    "leaves_its_list": (
        ROOM,
        [
            (Harm.OTHERS, "the bystander got no answer", "other.send_text", "It waits for one client"),
            (Harm.OTHERS, "", "other.send_text", "It sends to another client, who has just left"),
            (Harm.OTHERS, "some who stayed missed messages", "", "Others leave while it walks through its list."),
        ],
    ),
    "class_room": (
        ROOM,
        [
            (Harm.OTHERS, "the bystander got no answer", "member.send_text", "It waits for one client"),
            (Harm.OTHERS, "", "member.send_text", "It sends to another client, who has just left"),
            (Harm.OTHERS, "dictionary changed size", "for member in members", "walk through a copy"),
        ],
    ),
    "room_for_two": (
        ROOM,
        [
            (Harm.OTHERS, "the bystander got no answer", "player.send_text", "It waits for one client"),
            (Harm.LOG, "raised ", "await websocket.accept()", "It accepts twice."),
        ],
    ),
    "join_first": (
        {"say": [{"name": "user{n}"}, {"text": "hello"}], "room": True},
        [
            (Harm.OTHERS, "the bystander got no answer", "websocket.send_json", "It waits for one client"),
            (Harm.CLIENT, "1 validation error for Join", "Join.model_validate_json", "does not fit its model"),
        ],
    ),
    "pushes_to_all": (
        {"trigger": "POST /push"},
        [(Harm.OTHERS, "the bystander got no answer", "websocket.send_text", "It waits for one client")],
    ),
    "heartbeat": (
        {"path": "/ws/user{n}", "patience": 0.5},
        [
            (Harm.CLIENT, "no answer", "", "It takes the old connection of a name for the new one."),
            (Harm.STAYS, "task(s) left over", "asyncio.sleep(60)", "What an endpoint starts, it must also end."),
        ],
    ),
    "sends_away": (
        {"say": {"text": "hello"}, "room": True, "only": ["polite", "wrong kind", "not json"]},
        [
            (Harm.OTHERS, "the bystander was sent away, with 1000", "member.send_text", "still in its list"),
            (Harm.NOTE, "closed with 1000", "", "as if all were well"),
        ],
    ),
    "closes_the_door": (
        {"only": ["polite", "wrong kind"]},
        [(Harm.OTHERS, "from then on: sent away, with 1000", "", "It leaves something behind")],
    ),
    "says_little": (
        {"say": {"type": "hello"}, "only": ["polite", "wrong kind", "not json", "wrong shape"]},
        [
            (Harm.NOTE, "closed with 1011", "", "for an error of its own"),
            (Harm.NOTE, "no answer to what it does not know", "", "hears nothing"),
        ],
    ),
    "push_breaks": (
        {"trigger": "POST /push", "only": ["polite", "goes away"]},
        [(Harm.CLIENT, "raised ZeroDivisionError", "return 1 / 0", "The request that makes it speak fails")],
    ),
    "misled": (
        {"room": True, "only": ["polite", "is cancelled"]},
        [(Harm.OTHERS, "the bystander was sent away, with 1000", "member.send_text", "still in its list")],
    ),
    "push_fails": (
        {"trigger": "POST /push", "only": ["polite", "wrong kind", "goes away"]},
        [
            (
                Harm.OTHERS,
                "raised WebSocketDisconnect",
                "worker.send_text",
                "A client that has gone is still in its list",
            )
        ],
    ),
    # What "stalls" does could not be seen behind the dead one, which a polite client does not notice.
    "keeps_the_dead": (
        {"trigger": "POST /push", "only": ["polite", "wrong kind", "stalls"], "say": ["hello, all of you! " * 40]},
        [
            (Harm.OTHERS, "raised WebSocketDisconnected", "worker.send_text", "has gone is still in its list"),
            (Harm.OTHERS, "the bystander got no answer", "worker.send_text", "waits for one client that does not read"),
            (Harm.CLIENT, "raised KeyError: 'text'", "websocket.iter_text", "breaks when bytes come"),
        ],
    ),
    "one_client_for_all": (
        {"only": ["polite", "silent"]},
        [
            (
                Harm.OTHERS,
                "logged ERROR 'no answer: closed'",
                "logger.error",
                "while it serves somebody who does nothing",
            )
        ],
    ),
    "forgets_an_await": (
        {"only": ["polite", "wrong content", "handshake stops"]},
        [
            (Harm.CLIENT, "coroutine 'leave' was never awaited", "leave(websocket)", "An `await` is missing"),
            (Harm.CLIENT, "coroutine 'WebSocket.send_text' was never", 'send_text("hello?")', "An `await` is missing"),
        ],
    ),
    "one_slot": (
        {"trigger": "POST /push", "only": ["polite", "goes away"]},
        [
            (Harm.OTHERS, "the bystander got no answer", "receive_text()", "takes the place of who is there"),
            (Harm.OTHERS, "raised WebSocketDisconnect", "send_text", "A client that has gone is still in its list"),
        ],
    ),
    "swallows_all": (
        {"room": True, "only": ["polite", "wrong kind"]},
        [
            (
                Harm.OTHERS,
                "the bystander was sent away, with 1000",
                "member.send_text",
                "A client that has gone is still in its list",
            ),
            (Harm.NOTE, "closed with 1000", "", "as if all were well"),
        ],
    ),
    "asks_who": (
        {"only": ["polite", "gives up"]},
        [(Harm.CLIENT, "'NoneType' object has no attribute 'host'", "client.host", "`websocket.client` is None")],
    ),
    "takes_the_signal": (
        {"only": ["polite", "goes away"]},
        [(Harm.NOTE, "takes SIGTERM over", "add_signal_handler", "uvicorn does not hear that signal any more")],
    ),
    "tasks_of_its_own": (
        ROOM | {"only": ["polite", "wrong kind", "stalls"]},
        [
            (Harm.OTHERS, "from then on: the bystander got no answer", "member.send_text", "still in its list"),
            (Harm.OTHERS, "the bystander got no answer", "member.send_text", "It waits for one client"),
            (Harm.CLIENT, "raised KeyError: 'text'", "receive_text()", "It takes text"),
        ],
    ),
    "one_teller": (
        ROOM | {"only": ["polite", "wrong kind"]},
        [
            (Harm.OTHERS, "from then on: the bystander got no answer", "member.send_text", "still in its list"),
            (Harm.CLIENT, "raised KeyError: 'text'", "receive_text()", "It takes text"),
        ],
    ),
    "field_named_text": (
        {"say": {"data": {"text": "hello"}}, "only": ["polite", "wrong kind", "wrong shape", "wrong values"]},
        [
            (Harm.CLIENT, "raised KeyError: 'text'", "receive_text()", "It takes text, and breaks when bytes come."),
            (
                Harm.CLIENT,
                "raised ",
                'message["data"]|inner["text"]|text.split()',
                "It trusts the shape of what comes.",
            ),
        ],
    ),
    "thanks_and_leaves": (
        {"only": ["polite", "wrong kind"]},
        [(Harm.NOTE, "closed with 1000", "", "as if all were well")],
    ),
    "heals_itself": (
        ROOM | {"only": ["polite", "wrong kind"]},
        [
            (Harm.CLIENT, "raised KeyError: 'text'", "receive_text()", "It takes text"),
            (Harm.STAYS, "remembered after it had left", "`members`", "stays in its list until somebody speaks"),
        ],
    ),
    "forgets_its_namesake": (
        {"path": "/ws/user{n}", "only": ["polite", "comes back"]},
        [(Harm.CLIENT, "who came back is forgotten", "`users`", "takes out whoever has its name by now")],
    ),
    "task_for_each": (
        {"only": ["polite", "floods"]},
        [(Harm.STAYS, "a hundred tasks at once", "asyncio.sleep(0.5)", "a hundred are not too many")],
    ),
    "ticks_for_one": (
        {"only": ["polite", "goes away"]},
        [
            (Harm.OTHERS, "nothing comes to the bystander by itself any more", "", "who leaves ends it"),
            (Harm.OTHERS, "hears nothing when another has come", "", "takes the place of who is there"),
        ],
    ),
    "one_lock": (
        {"only": ["polite", "stalls"]},
        [(Harm.OTHERS, "the bystander got no answer", "websocket.send_text", "It waits for one client")],
    ),
    "one_generator": (
        {"only": ["polite", "stalls"]},
        [(Harm.OTHERS, "the bystander got no answer", "websocket.send_text", "It waits for one client")],
    ),
    "asks_who_is_here": (
        ROOM | {"say": ["hello", "who?"], "only": ["polite", "stalls"]},
        [(Harm.OTHERS, "the bystander got no answer", "member.send_text", "It waits for one client")],
    ),
    "shows_errors": (
        {"say": {"numbers": [1, 2]}, "only": ["polite", "not json", "wrong shape"]},
        [(Harm.NOTE, "an answer with Python's own words", "", "what Python says of an error")],
    ),
    "fails_afterwards": (
        {"only": ["polite", "silent"]},
        [
            (
                Harm.LOG,
                "raised KeyError: <starlette.websockets.WebSocket object>",
                "spoke.pop(websocket)",
                "It fails when its client has already left.",
            )
        ],
    ),
    "passes_it_on": (
        ROOM | {"say": {"text": "hello"}, "only": ["polite", "wrong values"]},
        [(Harm.OTHERS, "raised AttributeError", 'message["text"].strip()', "An error in the endpoint")],
    ),
    "half_a_character": (
        {"say": {"text": "hello"}, "only": ["polite", "wrong values"]},
        [(Harm.NOTE, "closed with 1011", "send_text(text)", "It passes on half a character")],
    ),
    "cuts_bytes": (
        {"only": ["polite", "wrong content"]},
        [(Harm.CLIENT, "raised UnicodeDecodeError", "data.decode()", "It trusts what comes.")],
    ),
    "takes_anything": (
        {"say": {"items": ["tea"]}},
        [
            (Harm.CLIENT, "raised KeyError: 'text'", "receive_json()", "It takes text"),
            (
                Harm.CLIENT,
                "raised JSONDecodeError",
                "receive_json()",
                "It breaks when something comes that is not JSON",
            ),
            (Harm.CLIENT, "raised TypeError", 'order["items"]', "It trusts the shape of what comes"),
        ],
    ),
    "answers_the_newest": ({"say": {"city": "Rome"}, "only": ["polite", "wrong shape"]}, []),
    "no_finally": (
        {},
        [
            (
                Harm.NOTE,
                "1 of its visits still remembered",
                "`members`",
                "It lets its clients go, however they leave, but",
            )
        ],
    ),
    "never_ends": ({}, [(Harm.STAYS, "its endpoint is still running", "asyncio.sleep(1)", "It never receives.")]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_cause_is_found_once_and_nothing_else(name):
    module = importlib.import_module(f"tests.cases.{name}")
    options, expected = CASES[name]
    report = asyncio.run(checkup(module.app, **options))
    told = [it for finding in report.findings for it in (finding, *finding.likewise)]
    assert len(told) == len(expected), f"\n{report}"
    lines = inspect.getsource(module).splitlines()
    for harm, seen, source, meaning in expected:
        fits = [finding for finding in told if meaning in finding.meaning and seen in finding.seen]
        assert len(fits) == 1, f"{meaning}\n{report}"
        (finding,) = fits
        assert finding.harm is harm
        if source.startswith("`"):
            assert finding.place == f"{source} in {name}.py"
        elif source:
            line = int(finding.place.partition(",")[0].rpartition(":")[2])
            assert any(part in lines[line - 1] for part in source.split("|")), f"\n{report}"
        else:
            assert finding.place == ""


def test_that_an_endpoint_takes_anything_is_one_cause_and_each_way_is_told():
    clients = ["polite", "wrong kind", "not json", "wrong shape", "wrong values"]
    report = asyncio.run(checkup(takes_anything.app, say={"items": ["tea"]}, only=clients))
    shop, count = (inspect.getsourcelines(f)[1] for f in (takes_anything.shop, takes_anything.count))
    assert str(report).splitlines()[:8] == [
        f"1. The client is not served: raised KeyError: 'text', at takes_anything.py:{shop + 5}, in shop",
        "   It takes text, and breaks when bytes come. (lesson text-bytes-and-json)",
        "   Likewise: raised JSONDecodeError: Expecting value: line 1 column 1 (char 0), "
        f"at takes_anything.py:{shop + 5}, in shop",
        "   It breaks when something comes that is not JSON. (lesson text-bytes-and-json)",
        "   Likewise: raised TypeError: 'NoneType' object is not subscriptable, "
        f"at takes_anything.py:{shop + 6}, in shop",
        "   It trusts the shape of what comes. Check that first: a Pydantic model does. (lesson catching-too-much)",
        f"   The same at takes_anything.py:{count + 1}, in count.",
        "   Met by: wrong kind, not json, wrong shape, wrong values.",
    ]
    (finding,) = json.loads(report.as_json())["findings"]
    assert [it["meaning"].partition(".")[0] for it in (finding, *finding["likewise"])] == [
        "It takes text, and breaks when bytes come",
        "It breaks when something comes that is not JSON",
        "It trusts the shape of what comes",
    ]


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


@pytest.mark.parametrize(
    ("name", "seen"),
    [("kills_the_process", "the process ended, with status 139"), ("sleeps_for_ever", "the event loop is blocked")],
)
def test_what_takes_the_process_along_is_a_finding_and_nothing_is_lost(name, seen):
    only = ["polite", "wrong kind", "too big"]
    report = asyncio.run(checkup(Importable(f"tests.cases.{name}:app"), only=only, patience=0.5))
    assert [row.client for row in report.rows] == only  # the last one came to a fresh process
    (finding,) = report.findings
    assert (finding.seen, finding.clients) == (seen, ["wrong kind"])


def test_an_app_is_imported_where_it_is_served():
    report = asyncio.run(checkup(Importable("tests.cases.opens_a_database:app"), only=["polite", "wrong kind"]))
    assert report.ok, f"\n{report}"


def test_it_says_how_often_a_race_was_won(monkeypatch):
    monkeypatch.setattr(visit, "LIMIT", 60)  # seconds: there is time for another try
    module = importlib.import_module("tests.cases.leaves_its_list")
    report = asyncio.run(checkup(module.app, room=True, only=["leaves a talk", "joins and leaves"]))
    assert re.search(r"Met by: .*leaves a talk \(in [12] of [2-5] tries\)", str(report)), f"\n{report}"
    assert [finding["tries"] for finding in json.loads(report.as_json())["findings"]]


def test_an_app_that_cannot_be_started_again(monkeypatch, tmp_path):
    """What was found before is reported, and why the others were not asked."""
    monkeypatch.setenv("LOCK_FILE", str(tmp_path / "lock"))
    report = asyncio.run(checkup(Importable("tests.cases.starts_once:app"), only=["polite", "wrong kind", "too big"]))
    assert [row.client for row in report.rows] == ["polite", "wrong kind"]
    assert report.findings[0].seen == "the bystander was sent away, with 1011"
    assert report.findings[0].hurts == ["from then on: closed with 1011, without an answer"]
    assert "Not run, since the app did not start" in str(report)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_what_each_visit_leaves_to_the_system():
    app = importlib.import_module("tests.cases.leaves_a_process").app
    (finding,) = asyncio.run(checkup(app, only=["polite", "comes and goes"])).findings
    assert (finding.harm, finding.seen) == (Harm.STAYS, "each visit leaves a process and an open file")


@pytest.mark.parametrize(
    ("whose", "meaning"), [(2, findings.JUST_LEFT), (1, findings.SENDS_TO_GONE)], ids=["another's", "its own"]
)
def test_a_send_to_one_whom_uvicorn_has_closed(whose, meaning):
    place = Spot("rooms.py", 7, "tell", call="send", number=whose, state="open", accepted=True)
    says = "RuntimeError: Unexpected ASGI message 'websocket.send', after sending 'websocket.close'."
    fault = Fault(says, ("RuntimeError", "Exception"), place, number=1, state="open")
    assert meaning_of(fault, Kind.RAISED, CLIENTS["not utf8"]).says == meaning


def test_who_waits_in_a_send_to_one_that_stalls_is_no_cause_of_its_own():
    place = Spot("rooms.py", 7, "tell", call="send", number=1)
    signs = [sign(Kind.STALLED, "no answer", place), sign(Kind.GOES_ON, "is still running", replace(place, line=8))]
    elsewhere = sign(Kind.GOES_ON, "is still running", replace(place, call=""))
    causes, _ = why([*signs, elsewhere])
    assert causes == [signs[0], elsewhere]


def test_a_line_that_sends_to_a_list_is_one_cause_also_where_it_meets_its_own_client():
    place = Spot("rooms.py", 7, "tell", call="send", number=1, state="failed", accepted=True)
    says = 'WebSocketDisconnected: Cannot call "send" once a close message has been sent.'
    fault = Fault(says, ("WebSocketDisconnected", "RuntimeError", "Exception"), place, number=2, state="open")
    in_its_list = sign_of(replace(fault, spot=replace(place, over=True)), Kind.RAISED, CLIENTS["crowd"])
    its_own = sign_of(replace(fault, number=1, state="failed"), Kind.RAISED, CLIENTS["crowd"])
    assert (in_its_list.meaning, its_own.meaning) == (findings.IN_ITS_LIST, findings.SENDS_TO_GONE)
    found = findings.Findings()
    found.add("wrong kind", [in_its_list])
    found.add("crowd", [its_own])
    assert [(finding.meaning, finding.clients) for finding in found] == [
        (findings.IN_ITS_LIST, ["wrong kind", "crowd"]),
    ]


def test_who_closes_in_a_finally_does_not_swallow_its_cancellation():
    """That waits for a client that does not read."""
    app = importlib.import_module("tests.cases.closes_in_the_end").app
    (finding,) = asyncio.run(checkup(app, only=["polite", "stalls"])).findings
    assert "It does not receive while it works" in finding.meaning


def test_in_a_room_of_luck_who_waits_for_one_that_does_not_read_is_seen(monkeypatch):
    monkeypatch.setattr(visit, "BUSY", 1000)  # once is enough: another time, another one sets the riddle
    app = importlib.import_module("tests.cases.riddles").app
    (finding,) = asyncio.run(checkup(app, room=True, only=["polite", "stalls"])).findings
    assert (finding.harm, finding.seen) == (Harm.OTHERS, "another's endpoint waits for it")
    assert finding.place.endswith("in play")


def test_what_a_doubtful_look_has_seen_is_looked_at_again(monkeypatch):
    looks = []
    monkeypatch.setattr(Visit, "in_doubt", property(lambda self: looks.append(self.name) or len(looks) == 1))
    app = importlib.import_module("tests.cases.ticks_for_one").app
    report = asyncio.run(checkup(app, only=["polite"]))
    assert looks == ["polite", "polite"]
    assert len(report.findings) == 2, f"\n{report}"


def test_fields_inside_fields_are_tried_too():
    message = '{"data": {"text": "hello"}, "id": 1}'
    assert '{"data": {}, "id": 1}' in clients.without_a_field(message)
    assert '{"data": {"text": null}, "id": 1}' in clients.with_another_value(message)
    assert message not in clients.with_another_value(message)


def test_what_had_to_be_finished_was_not_left(monkeypatch):
    looked = memory.Memory()
    looked._counts = [{memory.FILE: 50}]
    for files, is_over in ((50, False), (45, False), (20, True)):
        monkeypatch.setattr(memory, "handles", lambda files=files: {memory.FILE: files})
        assert looked.is_over() == is_over


def test_what_makes_an_endpoint_speak():
    path, trigger = "/ws/a{n}", "POST /push/a{n}"
    report = asyncio.run(checkup(pushes.app, path, trigger=trigger))
    assert report.ok, f"\n{report}"
    assert report.rows[0].seen == "1 answer, closed with 1000"
    silent = asyncio.run(checkup(pushes.app, path, only=["polite"], patience=0.3))
    assert str(silent).startswith("This proves little: the endpoint answered nothing.")


def test_a_check_up_that_is_cancelled_leaves_nothing_running():
    async def cancelled():
        came = asyncio.Event()
        task = asyncio.create_task(checkup(pushes.app, "/ws/a", progress=lambda name: name == "polite" and came.set()))
        await asyncio.wait_for(came.wait(), 60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    threads = set(threading.enumerate())
    asyncio.run(cancelled())
    assert not [t for t in set(threading.enumerate()) - threads if t.name.startswith("wslab server")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"origins": "https://good.example"}, "`origins` is a list: ['https://good.example']"),
        ({"only": []}, "`only` is empty"),
        ({"path": ""}, "a path begins with a slash: /"),
        ({"trigger": "/push"}, "'/push' is not of the form 'POST /path'"),
    ],
)
def test_slips_get_one_line(options, message):
    with pytest.raises(ServeError) as caught:
        asyncio.run(checkup(pushes.app, **options))
    assert message in str(caught.value)


def test_findings_name_lessons_that_there_are():
    assert {lesson.value for lesson in Lesson} - {""} <= set(lessons.BY_SLUG)
    assert all(isinstance(meaning.lesson, Lesson) for meaning in MEANINGS)
    assert {about.lesson for about in CLIENTS.values()} <= set(lessons.BY_SLUG)


def test_the_page_about_it_names_each_client():
    page = (ROOT / "docs" / "check-up.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z][a-z0-9 ]+) \| (.+?) \|", page, re.MULTILINE)
    assert [(name, did) for name, did in rows if name != "client"] == [
        (name, about.client.__doc__) for name, about in CLIENTS.items()
    ]


def test_the_report_on_that_page_says_what_reports_say():
    page = (ROOT / "docs" / "check-up.md").read_text(encoding="utf-8")
    finding = r"^\d\. (.+?): (.+), at rooms\.py:(\d+), in chat.*\n   (.+?)(?: \(lesson (.+)\))?$"
    told = re.findall(finding, page, re.MULTILINE)
    kinds = {(kind.meaning, kind.lesson) for kind in Kind}
    assert {(says, lesson) for *_, says, lesson in told} <= kinds | {(m.says, m.lesson) for m in MEANINGS}
    _, expected = CASES["dead_entry"]  # its room, in a file of another name
    lines = inspect.getsource(importlib.import_module("tests.cases.dead_entry")).splitlines()
    assert len(told) == len(expected)
    for (title, seen, line, says, _), (harm, part, source, meaning) in zip(told, expected, strict=True):
        assert title == harm.title
        assert part in seen
        assert source in lines[int(line) - 1]
        assert meaning in says


def test_every_case_is_asked_about():
    others = {
        "static",
        "leaves_a_process",
        "untyped",
        "kills_the_process",
        "sleeps_for_ever",
        "starts_once",
        "pushes",
        "opens_a_database",
        "closes_in_the_end",
        "riddles",
    }
    assert {module.name for module in pkgutil.iter_modules(cases.__path__)} == {*CASES} | others
