"""The check-up finds what is wrong with an endpoint, by the client meant for it, and accuses no right one."""

import asyncio
import contextlib
import gc
import inspect
import json
import re
import sys
import time
import weakref
from collections import deque

import pytest
from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import WebSocketRoute

from tests import gallery
from tests.implementations import on_each_implementation
from wslab import ServeError, checkup, serve
from wslab.examination import CheckupFailed, choose, clients, evidence, findings, patient, process, pulse, run, visit
from wslab.examination.findings import Harm

PATIENCE = 60  # seconds; only a test that fails waits this long
EVERYTHING = {"json": True, "room": True, "origins": True, "headers": True, "names": True}
EVERY_CLIENT = choose(exclude=[], only=None, **EVERYTHING)


@on_each_implementation
@pytest.mark.parametrize("name", gallery.RIGHT)
def test_no_right_endpoint_is_accused(name, ws):
    app, options = gallery.RIGHT[name]
    report = asyncio.run(checkup(app, ws=ws, **options))
    assert report.ok, f"\n{report}"


@on_each_implementation
def test_who_is_slow_is_not_accused(monkeypatch, ws):
    """Clients that do much stop when half of the time for their visit is over."""
    patience = 1
    monkeypatch.setattr(visit, "LIMIT", 3 - 4 * patience)  # three seconds for a visit
    much = ["changes its kind", "floods", "comes and goes"]
    report = asyncio.run(checkup(gallery.app_with(gallery.is_slow), ws=ws, only=much, patience=patience))
    assert report.ok, f"\n{report}"


@on_each_implementation
@pytest.mark.parametrize("name", gallery.WRONG)
def test_a_wrong_endpoint_is_found_by_the_client_meant_for_it(name, ws):
    wrong = gallery.WRONG[name]
    options = {"say": "hey", "only": ["polite", wrong.client], **wrong.options}
    report = asyncio.run(checkup(wrong.app(), ws=ws, **options))
    (row,) = report.failed  # a polite client has found nothing, unless it was meant
    assert row.client == wrong.client
    found = [(finding.seen, finding.lesson) for finding in row.findings]
    assert any(wrong.seen in seen and wrong.lesson == lesson for seen, lesson in found), f"\n{report}"


@on_each_implementation
def test_catching_too_much_is_found_where_a_connection_is_lost(ws):
    """It is not in the gallery: with wsproto, even a polite client finds it."""
    report = asyncio.run(checkup(gallery.app_with(gallery.catches_too_much), ws=ws, only=["drops while idle"]))
    (row,) = report.failed
    assert (row.seen, row.problem.lesson) == ("raised WebSocketDisconnect(1006)", "disconnects-done-right")


def clients_without_a_wrong_endpoint() -> set[str]:
    return set(clients.CLIENTS) - {wrong.client for wrong in gallery.WRONG.values()} - set(gallery.NOTHING_TO_FIND)


def test_every_client_finds_something():
    assert not clients_without_a_wrong_endpoint(), "gallery.WRONG has no wrong endpoint for these"
    assert set(gallery.NOTHING_TO_FIND) <= set(clients.CLIENTS)


def test_a_new_client_needs_a_wrong_endpoint(monkeypatch):
    async def comes_at_night(target):
        """is new"""

    monkeypatch.setattr(clients, "CLIENTS", dict(clients.CLIENTS))
    clients.client(needs="room")(comes_at_night)
    assert clients_without_a_wrong_endpoint() == {"comes at night"}
    given = {"exclude": [], "only": None}
    assert choose(room=True, **given)["comes at night"].client is comes_at_night
    assert "comes at night" not in choose(room=False, **given)


@on_each_implementation
def test_no_app_hears_of_a_handshake_that_stops(ws):
    calls = []

    async def app(scope, receive, send):
        calls.append(scope["type"])
        await gallery.app_with(gallery.echo_text)(scope, receive, send)

    with serve(app, ws=ws) as server:
        target = clients.Target(server.url("/ws"), ("hello",))
        asyncio.run(clients.handshake_stops(target))
        asyncio.run(clients.polite(target))  # by the time that this one is answered, the server has read the other
    assert calls == ["lifespan", "websocket"]


def test_an_endpoint_that_speaks_first_and_closes_may_be_done_before_its_client_speaks(monkeypatch):
    exchange = clients.exchange

    async def greets_and_closes(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    async def late(ws, target):
        await ws.wait_closed()
        return await exchange(ws, target)

    monkeypatch.setattr(clients, "exchange", late)
    with serve(gallery.app_with(greets_and_closes)) as server:
        seen = asyncio.run(clients.polite(clients.Target(server.url("/ws"), ("hello",))))
    assert (seen.answers, seen.missed, seen.code) == (1, 0, 1000)


async def closes(websocket: WebSocket):
    await websocket.accept()
    await websocket.close()


async def breaks(websocket: WebSocket):
    await websocket.accept()
    raise ValueError


@pytest.mark.parametrize(("endpoint", "code"), [(closes, 1000), (breaks, 1006)])
@pytest.mark.parametrize("name", EVERY_CLIENT)
def test_no_client_minds_that_the_connection_has_ended_before_it_does_anything(monkeypatch, name, endpoint, code):
    @contextlib.asynccontextmanager
    async def late(target, **options):
        async with knock(target, **options) as ws:
            await ws.wait_closed()
            yield ws

    knock = clients.knock
    monkeypatch.setattr(clients, "knock", late)
    monkeypatch.setattr(clients, "VISITS", 10)
    with serve(gallery.app_with(endpoint)) as server:
        target = clients.Target(server.url("/ws"), ("hello",), linger=0.1)
        seen = asyncio.run(asyncio.wait_for(EVERY_CLIENT[name].client(target), 60))
    assert (seen.answers, seen.refused, seen.unheard) == (0, None, False)
    assert seen.code in (code, None)  # None: this client cuts the connection itself


def test_the_garbage_collector_only_looks_at_what_is_new_meanwhile():
    async def looks(websocket: WebSocket):
        await websocket.accept()
        frozen.append(gc.get_freeze_count())
        await websocket.close()

    frozen = []
    gc.unfreeze()  # what conftest.py froze
    before = gc.get_freeze_count()
    asyncio.run(checkup(gallery.app_with(looks), only=["silent"]))
    assert min(frozen) > 10_000
    assert gc.get_freeze_count() == before


def test_a_history_is_found_beside_a_weak_proxy_whose_thing_is_gone():
    history, proxy = deque(["one", "two"], maxlen=3), weakref.proxy(gallery.Room())
    gc.collect()
    with pytest.raises(ReferenceError):
        isinstance(proxy, deque)
    assert any(it is history for it in evidence.limited())


def test_who_is_not_answered_any_more_although_the_first_was():
    left_behind = []

    async def sends_everybody_away_after_a_drop(websocket: WebSocket):
        await websocket.accept()
        if left_behind:
            await websocket.close(1011)
            return
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect as left:
            if left.code == 1005:
                left_behind.append(left)

    app = gallery.app_with(sends_everybody_away_after_a_drop)
    report = asyncio.run(checkup(app, only=["polite", "drops while idle", "crowd", "comes and goes"]))
    assert [row.client for row in report.failed] == ["drops while idle", "crowd", "comes and goes"], f"\n{report}"
    poisoned, unanswered = report.findings
    assert (poisoned.clients, poisoned.harm) == (["drops while idle"], Harm.OTHERS)
    assert poisoned.seen == "from then on: closed with 1011, without an answer"
    assert "The very first client was answered." in unanswered.meaning
    assert unanswered.after == "drops while idle"  # this app is in no module, so there is no fresh process for it


def test_from_which_client_on_the_app_was_not_fresh_although_that_one_met_the_same():
    broken = []

    async def breaks_for_good(websocket: WebSocket):
        await websocket.accept()
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            if message.get("text") is None:
                broken.append(message)
            if broken:
                raise ValueError
            await websocket.send_text(message["text"])

    report = asyncio.run(checkup(gallery.app_with(breaks_for_good), only=["polite", "wrong kind", "handshake stops"]))
    (finding,) = report.findings
    assert (finding.clients, finding.after) == (["wrong kind", "handshake stops"], "")
    left = "Whoever came after 'wrong kind' may have met what that one had left behind: no fresh process was possible."
    assert str(report).endswith(left)
    assert json.loads(report.as_json())["not_fresh_after"] == "wrong kind"


@pytest.mark.parametrize("came", range(5))
def test_in_a_room_it_may_be_bad_luck_that_the_first_is_not_heard(came):
    app, options = gallery.app_with(gallery.Riddles(came).endpoint), gallery.RIGHT["luck"][1]
    report = asyncio.run(checkup(app, **options))
    assert report.ok, f"\n{report}"
    assert "Others hear only now and then what one says" in str(report)


async def breaks(websocket: WebSocket):
    await websocket.accept()
    raise ValueError


@pytest.mark.parametrize("fresh", [True, False])
def test_where_something_was_found_it_takes_no_longer_than_it_may(fresh):
    app = process.Importable("tests.cases.no_except:app") if fresh else gallery.app_with(breaks)
    names = ["polite", "goes away", "crowd", "stays"]
    report = asyncio.run(checkup(app, only=names, seconds=1e-9))
    assert [row.client for row in report.rows] == ["polite", "stays"]
    assert report.not_run == ("goes away", "crowd")
    assert "Not run, since something was found, and 1e-09 seconds have passed (`seconds`)" in str(report)
    assert [row.client for row in asyncio.run(checkup(app, only=names[:2], seconds=1e-9)).rows] == ["polite"]


def test_the_time_that_an_earlier_process_took_counts():
    target = clients.Target("", ("hello",), {}, None)
    plan = patient.Plan("/ws", target, ("polite", "crowd", "stays"), seconds=1)
    raised = findings.sign(findings.Kind.RAISED, "raised ValueError")
    plan = run.note(visit.Outcome("polite", clients.Seen(), [raised], spent=2), plan, [])
    assert (plan.names, plan.time_is_over) == (("crowd", "stays"), True)
    died = run.note(
        visit.Outcome("crowd", clients.Seen(), [], blocked=True), plan, []
    )  # nobody was left to say how long
    assert died.time_is_over


def test_where_nothing_was_found_it_goes_on_to_its_end():
    report = asyncio.run(checkup(gallery.app_with(gallery.echo_text), only=["polite", "crowd", "stays"], seconds=1e-9))
    assert len(report.rows) == 3 and report.ok


def test_a_room_that_one_has_to_join():
    members = set()

    async def room(websocket: WebSocket):
        await websocket.accept()
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                if json.loads(message["text"])["type"] == "join":
                    members.add(websocket)
                    await websocket.send_text("joined")
                elif websocket in members:
                    for member in list(members):  # one after the other: who does not read keeps the rest waiting
                        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                            await member.send_text(message["text"])
        finally:
            members.discard(websocket)

    # Long, since it takes many short ones to fill the buffers, and JSON cannot be stretched.
    say = [{"type": "join"}, {"type": "say", "text": "hello, all of you! " * 40}]
    options = {"say": say, "room": True, "only": ["polite", "stalls"], "patience": 0.5}
    report = asyncio.run(checkup(gallery.app_with(room), **options))
    assert [(row.client, row.seen) for row in report.failed] == [("stalls", "the bystander got no answer")]


@pytest.mark.parametrize("say", [["note", "status"], ["status", "note"]])
def test_of_several_messages_some_may_not_be_answered(say):
    async def answers_some(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            if text == "status":
                await websocket.send_text("fine")

    report = asyncio.run(checkup(gallery.app_with(answers_some), say=say, only=["polite", "listens"], patience=0.5))
    assert [row.seen for row in report.rows] == ["1 answer, closed with 1000"] * 2
    assert str(report).endswith("2 of 2 clients were served well. Not answered: 'note'.")
    assert json.loads(report.as_json())["unanswered"] == ["note"]


def test_an_app_may_take_some_time_to_start(monkeypatch):
    @contextlib.asynccontextmanager
    async def lifespan(app):
        await asyncio.sleep(0.5)  # more than what `serve` gives it
        yield

    monkeypatch.setattr("wslab.server.START_TIMEOUT", 0.1)

    app = FastAPI(lifespan=lifespan)
    app.websocket("/ws")(gallery.echo_text)
    assert asyncio.run(checkup(app, only=["silent"])).ok


def test_what_is_said_to_be_a_room_and_is_none():
    only = ["polite", "stalls", "leaves a talk"]
    for say in ("hello", ["hello", "who?"]):
        report = asyncio.run(checkup(gallery.app_with(gallery.echo_text), say=say, room=True, only=only, patience=0.5))
        assert [(row.client, row.ok) for row in report.rows] == [("polite", True), ("stalls", True)]
        said = "`room` was given, but nobody hears what another says: it was looked at as if it were none."
        assert str(report).endswith(f"2 of 2 clients were served well. {said}")


def test_garbage_of_the_first_visit_does_not_hide_who_is_kept():
    class Member:
        """Who is there. It refers to itself, so only the garbage collector lets it go."""

        def __init__(self, websocket):
            self.websocket, self.commands = websocket, {"leave": self.leave}

        def leave(self):
            here.discard(self)

        async def tell(self, text):
            try:
                await self.websocket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                self.leave()

    async def forgets_who_sends_bytes(websocket: WebSocket):
        await websocket.accept()
        member = Member(websocket)
        here.add(member)
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            if message.get("text") is None:
                await websocket.close(1003)
                return
            for one in list(here):
                await one.tell(message["text"])
        member.leave()

    here = set()
    report = asyncio.run(checkup(gallery.app_with(forgets_who_sends_bytes), room=True, only=["polite", "wrong kind"]))
    assert [(finding.seen, finding.clients) for finding in report.findings] == [
        ("remembered after it had left", ["wrong kind"])
    ], f"\n{report}"


def test_words_of_its_own_are_not_pythons():
    async def says_what_is_wrong(websocket: WebSocket):
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                known = message.get("text") == '{"numbers": [1]}'
                wrong = ["Invalid JSON: expected value at line 1 column 1", "this object is not one with numbers"]
                await websocket.send_json({"sum": 1} if known else {"errors": wrong})  # the first is Pydantic's

    app = gallery.app_with(says_what_is_wrong)
    report = asyncio.run(checkup(app, say={"numbers": [1]}, only=["polite", "wrong kind", "not json", "wrong shape"]))
    assert not report.findings, f"\n{report}"


def test_what_comes_of_freeing_a_blocked_loop_is_no_fault_of_the_app():
    """Python ends what the loop was about to begin. Here that is played: when it happens is a matter of luck."""
    ended = []

    async def something():
        pass

    def wait_for_text(message):  # not in the `try`: what breaks off a `while` misses a `finally` there in Python 3.13.0
        while message.get("text") is None:
            pass

    async def circles(websocket: WebSocket):
        await websocket.accept()
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            try:
                wait_for_text(message)
            finally:
                if message.get("text") is None:
                    used_up = something()
                    used_up.close()
                    ended.append(asyncio.create_task(used_up))
            await websocket.send_text(message["text"])

    report = asyncio.run(checkup(gallery.app_with(circles), only=["polite", "wrong kind"], patience=0.5))
    assert ended  # again, where a busy machine made the look doubtful
    assert [finding.seen for finding in report.findings] == ["the event loop is blocked"], f"\n{report}"


def test_starlettes_own_error_is_explained():
    class Echo(WebSocketEndpoint):
        encoding = "text"

        async def on_receive(self, websocket, data):
            await websocket.send_text(data)

    app = Starlette(routes=[WebSocketRoute("/ws", Echo)])
    report = asyncio.run(checkup(app, only=["polite", "wrong kind"]))
    (note,) = report.findings
    assert note.seen == "raised RuntimeError: Expected text websocket messages, but got bytes"
    assert "Starlette closes with 1003, and raises" in note.meaning
    assert note.is_note
    assert report.ok


def test_a_limit_is_no_fault():
    here = []

    async def limited(websocket: WebSocket):
        if len(here) == 10:
            await websocket.send_denial_response(Response(status_code=429))
            return
        await websocket.accept()
        here.append(websocket)
        async for text in websocket.iter_text():
            await websocket.send_text(text)
        here.remove(websocket)

    report = asyncio.run(checkup(gallery.app_with(limited), only=["polite", "crowd"]))
    assert [(note.seen, note.harm) for note in report.findings] == [("refused: HTTP 429", Harm.NOTE)]
    assert report.ok
    assert report.rows[-1].seen == "refused: HTTP 429"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience is a number of seconds"),
        ({"seconds": 0}, "seconds is a number of them, such as 60, and not 0."),
        ({"patience": float("nan")}, "patience is a number of seconds"),
        ({"path": "/ws#top"}, "# is written %23"),
        ({"only": ["polite"], "exclude": ["polite"]}, "no client is left"),
        ({"say": "x" * 70_000}, "a message of `say` is too long"),
        ({"headers": {"X": "\N{EURO SIGN}"}}, "no handshake is possible for /ws: "),
        ({"headers": {"Sec-WebSocket-Protocol": "chat"}}, "no handshake is possible for /ws: "),
    ],
)
def test_what_no_check_up_is_possible_with(options, message):
    async def speaks_another_protocol(websocket: WebSocket):
        await websocket.accept(subprotocol="other")

    with pytest.raises(ServeError) as caught:
        asyncio.run(checkup(gallery.app_with(speaks_another_protocol), **options))
    assert message in str(caught.value)


def test_a_subprotocol_and_a_host():
    async def demanding(websocket: WebSocket):
        if websocket.headers["host"] == "api.example.com" and "chat" in websocket.scope["subprotocols"]:
            await websocket.accept(subprotocol="chat")
            await gallery.answer_slowly(websocket, 0)

    headers = {"host": "api.example.com", "sec-websocket-protocol": "other, chat"}
    assert asyncio.run(checkup(gallery.app_with(demanding), headers=headers, only=["polite", "floods"])).ok


def test_a_loop_that_is_blocked_for_good_is_reported_and_not_waited_for(monkeypatch):
    monkeypatch.setattr("wslab.thread.BUSY_TIMEOUT", 1000)  # seconds: whoever waits so long for this loop waits in vain
    monkeypatch.setattr("wslab.stopping.BREAK_TIMEOUT", PATIENCE)  # it is broken off as soon as its thread gets a turn
    report = asyncio.run(asyncio.wait_for(checkup(gallery.app_with(gallery.circles), patience=0.5), PATIENCE))
    (finding,) = report.findings
    assert (finding.seen, finding.lesson) == ("the event loop is blocked", "blocking-the-event-loop")
    assert re.fullmatch(r"gallery\.py:\d+, in circles", finding.place)
    assert finding.clients == ["polite", "silent"]
    assert "Not run, since nobody was served: goes away, " in str(report)


@pytest.mark.parametrize(("busy", "visits"), [(1000, 1), (-1, 3)])
def test_on_a_busy_machine_what_came_late_is_looked_at_again(monkeypatch, busy, visits):
    monkeypatch.setattr(visit, "BUSY", busy)
    monkeypatch.setattr(visit, "LINGER", PATIENCE)  # the client stays until it is closed, whenever that is
    monkeypatch.setattr(visit, "LIMIT", PATIENCE)
    clients = 0

    async def counts(websocket):
        nonlocal clients
        clients += 1
        await gallery.only_sends(websocket)

    counts.__annotations__ = gallery.only_sends.__annotations__
    report = asyncio.run(checkup(gallery.app_with(counts), only=["listens"], patience=0.5))
    assert not report.ok
    # The first look, once more if its close frame was lost; two at once; each time a bystander, and who comes next
    assert clients - 3 * visits in (3, 4)


@on_each_implementation
def test_the_keepalive_is_named_where_its_close_frame_is_lost(monkeypatch, ws):
    """uvicorn closes with a message unread, so the system resets the connection. Who writes first then sees 1006."""
    servers, codes = [], []

    class Recorded(patient.Server):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            servers.append(self)

    async def listens(target):
        async with asyncio.timeout(10), clients.knock(target) as ws:
            await ws.send(target.say[0])
            connections = servers[-1]._tape.connections
            while not (mine := [c for c in connections if c.read_paused and c.client == ws.local_address[:2]]):
                await asyncio.sleep(0.01)
            await ws.send(target.say[0])  # stays unread, since the endpoint does not receive the first
            while mine[0] in connections:  # the event loop must not go round, so that nothing is read
                time.sleep(0.01)
            servers[-1]._thread.answers(10)  # once the server's has gone round, the socket is closed
            await ws.close()
        codes.append(ws.close_code)
        return clients.Seen(code=ws.close_code)

    monkeypatch.setattr(visit, "BUSY", 1000)  # once is enough
    monkeypatch.setattr(patient, "Server", Recorded)
    monkeypatch.setattr(clients, "listens", listens)
    monkeypatch.setitem(clients.CLIENTS, "listens", clients.Registered(listens, pings=(0.05, 1.0)))
    report = asyncio.run(checkup(gallery.app_with(gallery.only_sends), ws=ws, only=["listens"], patience=0.5))
    (row,) = report.failed
    assert set(codes) == {1006}
    assert (row.seen, row.problem.lesson) == ("closed with 1011: keepalive ping timeout", "both-directions-at-once")


def test_whom_nobody_pings_listens_no_longer_than_it_should():
    with serve(gallery.app_with(gallery.echo_text), ws_ping_interval=None) as server:
        target = clients.Target(server.url("/ws"), ("hello",), linger=0.1)
        seen = asyncio.run(asyncio.wait_for(clients.listens(target), 5))
    assert (seen.answers, seen.code) == (1, 1000)


def test_the_report_in_a_notebook_and_for_a_test():
    report = asyncio.run(checkup(gallery.app_with(gallery.no_except), only=["polite", "silent"]))
    html = report._repr_mimebundle_()["text/html"]
    assert html.count("<tr>") == 3
    meaning = "It does not expect its client to leave: catch WebSocketDisconnect. (lesson letting-disconnects-escape)"
    assert meaning in html
    line = inspect.getsourcelines(gallery.no_except)[1] + 3
    assert str(report).splitlines() == [
        f"1. The log has an error: raised WebSocketDisconnect(1000), at gallery.py:{line}, in no_except",
        f"   {meaning}",
        "   Met by: polite, silent.",
        "",
        "FAIL  polite  raised WebSocketDisconnect(1000)",
        "FAIL  silent  raised WebSocketDisconnect(1000)",
        "0 of 2 clients were served well.",
    ]
    (finding,) = json.loads(report.as_json())["findings"]
    assert (finding["harm"], finding["clients"]) == ("log", ["polite", "silent"])
    with pytest.raises(CheckupFailed, match="FAIL  polite"):
        report.raise_for_failures()


@pytest.mark.parametrize(
    ("still", "busy", "own", "own_busy", "verdict"),
    [
        (1.0, 0.0, 0.02, 0.0, True),  # sleeps
        (1.0, 0.9, 0.2, 0.1, True),  # computes
        (1.0, 0.3, 0.02, 0.0, True),  # both, on a machine that is idle otherwise
        (1.0, 0.3, 0.2, 0.1, False),  # late, but not idle, on a busy machine
        (1.0, 0.0, 0.3, 0.0, False),  # late, as everything is
        (1.2, 0.6, 0.4, 0.2, False),  # serves a crowd, on a busy machine
        (0.4, 0.1, 0.02, 0.0, False),
    ],
)
def test_who_keeps_the_event_loop(still, busy, own, own_busy, verdict):
    pulses = pulse.Pulse(), pulse.Pulse()
    pulses[0].longest, pulses[0].still, pulses[0].busy = still, still, busy
    pulses[1].longest, pulses[1].busy = own, own_busy
    assert pulse.stood_still(*pulses) == verdict


class FakeClock:
    """The clock of the running event loop, which goes forward only when it is told to."""

    def __init__(self):
        self.now = 0.0  # seconds
        asyncio.get_running_loop().time = lambda: self.now

    async def go_forward(self, seconds: float) -> None:
        """As if the loop got no turn for so long, and then some, in which timers go off that are due."""
        self.now += seconds
        for _ in range(10):
            await asyncio.sleep(0)


def test_waiting_for_a_cpu_is_not_standing_still(monkeypatch):
    async def pauses(waited: float) -> tuple[float, float]:
        clock, times = FakeClock(), iter([0.0, 0.0, waited])
        monkeypatch.setattr(pulse, "waited_for_a_cpu", lambda: next(times, waited))
        beating = pulse.Pulse()
        beating.start()
        await clock.go_forward(0.3)
        beating.stop()
        return beating.longest, beating.still

    assert asyncio.run(pauses(waited=0.0)) == (0.3, 0.3)
    assert asyncio.run(pauses(waited=0.25)) == (0.3, pytest.approx(0.05))
    assert asyncio.run(pauses(waited=5.0)) == (0.3, 0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_linux_tells_who_waits_for_a_cpu():
    assert pulse.waited_for_a_cpu() > 0


def test_a_visit_that_takes_too_long_is_ended(monkeypatch):
    visits = 0

    async def slow(websocket: WebSocket):
        nonlocal visits
        visits += 1
        first = visits == 1  # which is not limited
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):  # of a send, when the client has been made to leave
            async for text in websocket.iter_text():
                await asyncio.sleep(0 if first else 0.1)
                await websocket.send_text(text)

    # For each answer; and half a second for all two hundred, which take twenty. On a busy machine, ten times as much.
    patience = 10
    monkeypatch.setattr(visit, "LIMIT", 0.5 - 4 * patience)
    monkeypatch.setattr(visit, "BUSY", PATIENCE)  # else it may come once more, with twice the patience: enough for all
    report = asyncio.run(checkup(gallery.app_with(slow), say=["hello"] * 200, only=["polite"], patience=patience))
    (row,) = report.failed
    assert (row.seen, row.problem.lesson) == ("came to no end", "disconnects-done-right")


def test_where_the_machine_is_busy_a_visit_may_take_longer():
    async def visit(turns: int) -> str:
        """What becomes of a visit of 0.48 seconds that may last 0.2, on a loop that gets so many turns meanwhile."""
        clock, beating = FakeClock(), pulse.Pulse()
        try:
            async with asyncio.timeout(10) as timeout:
                beating.start()
                beating.end_after(0.2, timeout)
                for _ in range(turns):
                    await clock.go_forward(0.48 / turns)
        except TimeoutError:
            return "ended"
        finally:
            beating.stop()
        return "went on"

    assert asyncio.run(visit(turns=3)) == "went on"
    assert asyncio.run(visit(turns=20)) == "ended"


def test_who_never_answers_is_not_praised():
    async def mute(websocket: WebSocket):
        await websocket.accept()
        await websocket.receive()
        await websocket.close()

    report = asyncio.run(checkup(gallery.app_with(mute), only=["polite"]))
    assert str(report).startswith("This proves little: the endpoint answered nothing.")
    assert str(report).endswith("1 of 1 clients were served well. Not answered: 'hello'.")


def test_a_slow_answer_is_waited_for():
    async def slow(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            await asyncio.sleep(0.3)
            await websocket.send_text(text)

    def summary(patience: float) -> str:
        return str(asyncio.run(checkup(gallery.app_with(slow), only=["polite"], patience=patience))).splitlines()[-1]

    assert "Not answered" in summary(0.1)
    assert summary(10) == "1 of 1 clients were served well."


def test_an_endpoint_that_never_receives_is_not_taken_for_a_task_of_its_own(monkeypatch):
    async def deaf(websocket: WebSocket):
        await websocket.accept()
        await asyncio.sleep(60)

    monkeypatch.setattr(visit, "BUSY", 1000)  # once is enough
    report = asyncio.run(checkup(gallery.app_with(deaf), only=["drops before the answer"], patience=0.5))
    (row,) = report.failed
    assert "left over" not in row.seen
    assert row.problem.lesson == "both-directions-at-once"


def test_what_comes_of_an_endpoint_that_does_not_receive_is_no_cause_of_its_own():
    """The keepalive takes its client for dead, the shutdown waits for it, and what it has in its hands stays."""

    async def answers_once(websocket: WebSocket):
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            if (await websocket.receive())["type"] == "websocket.receive":
                await websocket.send_text("subscribed")
                await asyncio.sleep(60)  # until there is something to tell

    only = ["polite", "stalls", "listens", "stays"]
    report = asyncio.run(checkup(gallery.app_with(answers_once), patience=0.5, only=only))
    (finding,) = report.findings
    assert finding.seen == "its endpoint is still running"
    assert finding.clients == only


def test_what_cannot_be_checked():
    app, _ = gallery.RIGHT["echo of text"]
    for arguments, message in [
        ((42,), "got a int, which is not an app"),
        (
            (app, "/nowhere"),
            "the handshake for /nowhere was refused with HTTP 403. Is there an endpoint for that path?",
        ),
        ((FastAPI(),), "the handshake for /ws was refused with HTTP 403."),
    ]:
        with pytest.raises(ServeError) as caught:
            asyncio.run(checkup(*arguments))
        assert message in str(caught.value)
    with pytest.raises(ServeError, match="a path begins with a slash: /ws"):
        asyncio.run(checkup(app, "ws"))
    for nothing in ("", b"", [], ["hello", ""]):
        with pytest.raises(ServeError, match="`say` is empty: give a message"):
            asyncio.run(checkup(app, say=nothing, room=True))
    with pytest.raises(ServeError, match="no client is called nobody"):
        asyncio.run(checkup(app, exclude=["nobody"]))
