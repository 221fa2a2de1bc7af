"""Every ending is seen as the table in who-sees-what says; and the witnesses tell what happens."""

import asyncio
import threading

import pytest
from fastapi import WebSocket

from course import endings, witnesses
from course.endings import ENDINGS, Ending
from course.witnesses import Row, Table, who_sees_what
from tests import lessons

NOTEBOOK = lessons.path("who-sees-what")
NAMES = [ending.name for ending in ENDINGS]


def stored() -> dict[str, str]:
    """The rows in the notebook's outputs, by name."""
    rows, name = {}, ""
    outputs = [output for cell in lessons.code_cells(lessons.read(NOTEBOOK)) for output in cell.outputs]
    for line in "\n".join(output.data["text/plain"] for output in outputs).splitlines():
        if not line.startswith(" "):
            name = line
            rows[name] = []
        rows[name].append(line)
    return {name: "\n".join(lines) for name, lines in rows.items()}


STORED = stored()


@pytest.fixture(scope="module")
def now() -> dict[str, str]:
    """The rows as they are with this Python and the packages that are installed; all in one run of some seconds."""
    return {row.name: str(row) for row in asyncio.run(who_sees_what(*ENDINGS)).rows}


@pytest.mark.parametrize("name", NAMES)
def test_an_ending_is_seen_as_the_table_says(name, now):
    if now[name] != STORED.get(name):
        pytest.fail(f"ending {name!r}: the row was\n\n{STORED.get(name)}\n\nand is now\n\n{now[name]}", pytrace=False)


def test_the_notebook_shows_every_ending_once():
    shown = [name for name in STORED if name in NAMES]
    assert shown == NAMES
    assert len(set(NAMES)) == len(NAMES)


def test_nothing_is_left_running():
    before = set(threading.enumerate())
    asyncio.run(who_sees_what(*endings.REFUSED))
    left = [thread.name for thread in set(threading.enumerate()) - before]
    assert left == []


def see(*own: Ending) -> list[Row]:
    return list(asyncio.run(who_sees_what(*own)).rows)


def test_what_hangs_is_given_up():
    async def receives(websocket: WebSocket):
        await websocket.accept()
        await websocket.receive_text()

    async def before_accept(websocket: WebSocket):
        await websocket.receive()
        await websocket.receive()

    async def waits(ws):
        await ws.recv()

    both, nothing, before = see(
        Ending("both wait", receives, waits),
        Ending("the session does nothing", receives, test_client=lambda session: None),
        Ending("before accept()", before_accept),
    )
    for row in (both, nothing, before):  # and not what it saw when its client was taken away in the end
        assert set(row.endpoint.values()) == {"waits on"}
        assert set(row.client.values()) == {witnesses.NO_ANSWER if row is before else witnesses.OPEN}
    assert [row.test_client for row in (both, before)] == ["hangs", "hangs"]
    assert [row.test_client_agrees for row in (both, before)] == [True, True]
    assert nothing.test_client == "raises the endpoint's error; the endpoint raises WebSocketDisconnect(1000)"
    assert not nothing.test_client_agrees


def test_an_endpoint_that_blocks_the_server_is_given_up(monkeypatch):
    monkeypatch.setattr("wslab.server.BLOCKED_TIMEOUT", 0.3)
    seen, waited_for = threading.Event(), []

    async def blocks(websocket: WebSocket):
        await websocket.accept()
        waited_for.append(seen.wait(30))

    (row,) = see(Ending("blocks", blocks, test_client=None))
    assert waited_for == []  # the row was there before the endpoint went on
    seen.set()
    assert set(row.endpoint.values()) == {"waits on"}


def test_an_endpoint_that_catches_its_cancellation_is_given_up():
    async def stubborn(websocket: WebSocket):
        await websocket.accept()
        try:
            await asyncio.Event().wait()
        except BaseException:
            pass

    (row,) = see(Ending("stubborn", stubborn))
    assert set(row.endpoint.values()) == {"waits on"}
    assert row.test_client == "hangs"


def test_what_differs_stands_out():
    row = Row(
        "odd", {"websockets-sansio": "returns", "wsproto": "raises X: <1>"}, {"a": "1000", "b": "1000"}, "passes", False
    )
    assert str(row).splitlines() == [
        "odd",
        "    endpoint    * websockets-sansio: returns | wsproto: raises X: <1>",
        "    client      1000",
        "    TestClient  ≠ passes",
    ]
    html = Table([row])._repr_mimebundle_()["text/html"]
    assert "<b>websockets-sansio: returns</b><br><b>wsproto: raises X: &lt;1&gt;</b>" in html
    assert ">1000</td>" in html
    assert ">≠ passes</td>" in html


def test_client_and_endpoint_must_agree_on_one_and_the_same_implementation():
    endpoint = {"websockets-sansio": "raises ProtocolError", "wsproto": "returns"}
    client = {"websockets-sansio": "1006", "wsproto": "1000"}

    def compared(as_client, of_endpoint):
        return witnesses.compare(witnesses.Tested("tells", as_client, of_endpoint), endpoint, client)

    assert compared("1006", "raises ProtocolError") == ("tells", True)
    assert compared("1000", "returns") == ("tells", True)
    assert compared(None, "returns") == ("tells", True)
    assert compared("1006", "returns") == ("tells; the endpoint returns", False)  # the one here, the other there
    assert compared("1006", "waits on") == ("tells; the endpoint waits on", False)
    assert compared("4000", "returns") == ("tells", False)  # the client differs: that is said


def test_close_1006_is_told_otherwise_by_the_test_client(now):
    row = now["close(1006), a code that is never sent"]
    assert row.splitlines()[-1] == "    TestClient  ≠ raises WebSocketDisconnect(1006); the endpoint returns"


def test_two_endings_of_the_same_name_are_refused():
    with pytest.raises(ValueError, match="two endings have the same name: twin"):
        see(Ending("twin", None), Ending("twin", None))
