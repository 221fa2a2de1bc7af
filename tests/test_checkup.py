"""The check-up finds what is wrong with an endpoint, by the client meant for it, and accuses no right one."""

import asyncio

import pytest
from fastapi import FastAPI

from tests import gallery
from wslab import ServeError, checkup

IMPLEMENTATIONS = ["websockets-sansio", "wsproto"]


@pytest.mark.parametrize("ws", IMPLEMENTATIONS)
@pytest.mark.parametrize("name", gallery.RIGHT)
def test_no_right_endpoint_is_accused(name, ws):
    app, options = gallery.RIGHT[name]
    report = asyncio.run(checkup(app, ws=ws, **options))
    assert report.ok, f"\n{report}"


@pytest.mark.parametrize("ws", IMPLEMENTATIONS)
@pytest.mark.parametrize("name", gallery.WRONG)
def test_a_wrong_endpoint_is_found_by_the_client_meant_for_it(name, ws):
    endpoint, client, seen, lesson = gallery.WRONG[name]
    say = {"numbers": [1]} if client == "not json" else "hey!"[: 4 if name == "has a bug" else 3]
    report = asyncio.run(checkup(gallery.app_with(endpoint), say=say, ws=ws, only=["polite", client]))
    (row,) = [row for row in report.failed if row.client == client]
    assert seen in row.seen
    assert row.problem.lesson == lesson


@pytest.mark.parametrize("ws", IMPLEMENTATIONS)
@pytest.mark.parametrize("name", gallery.WRONG_ROOMS)
def test_a_wrong_room_is_found_by_the_client_meant_for_it(name, ws):
    manager, client, seen, lesson = gallery.WRONG_ROOMS[name]
    app = gallery.app_with(manager().endpoint)
    report = asyncio.run(checkup(app, say="hello, all of you", room=True, ws=ws, only=["polite", client]))
    (row,) = report.failed
    assert (row.client, row.problem.lesson) == (client, lesson)
    assert seen in row.seen


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
    with pytest.raises(ServeError, match="no client is called nobody"):
        asyncio.run(checkup(app, exclude=["nobody"]))
