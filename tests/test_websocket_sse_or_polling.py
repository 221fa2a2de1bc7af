"""What the lesson websocket-sse-or-polling says of browsers, in a real Chromium: what an `EventSource` does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from wslab import serve

pytestmark = [pytest.mark.browser, pytest.mark.thorough]  # what browsers do changes with them, and not with the course

PAGE = "<!doctype html><title>A page</title><link rel=icon href='data:,'>"
SOON = 10  # milliseconds until a browser comes back
SIX = 6  # connections to a host

# Everything that an EventSource is told, until there are so many events or it has given up.
LISTEN = """
([address, enough]) => new Promise((resolve) => {
    const told = [];
    const source = new EventSource(address);
    const tell = (what) => {
        told.push(what);
        if (told.length < enough && source.readyState !== EventSource.CLOSED) return;
        source.close();
        resolve(told);
    };
    source.onmessage = ({ data, lastEventId }) => tell([data, lastEventId]);
    source.addEventListener("reset", () => tell("reset"));
    source.addEventListener("no data", () => tell("no data"));
    source.onerror = () => source.readyState === EventSource.CLOSED && tell("given up");
})
"""

app = FastAPI()
came: list[str | None] = []  # the Last-Event-ID of each request
LastEventId = Annotated[str | None, Header()]


@app.get("/page")
async def page_here() -> HTMLResponse:
    return HTMLResponse(PAGE)


async def note(last_event_id: LastEventId = None):
    came.append(last_event_id)


@app.get("/ends", response_class=EventSourceResponse, dependencies=[Depends(note)])
async def ends(last_event_id: LastEventId = None) -> AsyncIterator[ServerSentEvent]:
    """One event, and the end."""
    number = int(last_event_id or 0) + 1
    yield ServerSentEvent(data=f"number {number}", id=str(number), retry=SOON)


@app.get("/breaks", response_class=EventSourceResponse, dependencies=[Depends(note)])
async def breaks(last_event_id: LastEventId = None) -> AsyncIterator[ServerSentEvent]:
    """One event, and the connection is cut off."""
    number = int(last_event_id or 0) + 1
    yield ServerSentEvent(data=f"number {number}", id=str(number), retry=SOON)
    for _ in range(100):  # turns of the loop, in which it goes out: an error takes along what waits
        await asyncio.sleep(0)
    raise ConnectionAbortedError("cut off")


async def refuse_after_the_first(last_event_id: LastEventId = None, status: int = 204):
    if last_event_id:
        raise HTTPException(status)


@app.get("/refuses", response_class=EventSourceResponse, dependencies=[Depends(note), Depends(refuse_after_the_first)])
async def refuses() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(data="number 1", id="1", retry=SOON)


@app.get("/kinds", response_class=EventSourceResponse)
async def kinds() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(event="no data")
    yield ServerSentEvent(event="reset", data={})
    yield ServerSentEvent(data="two\nlines", id="1")
    yield ServerSentEvent(raw_data="two\nlines", id="2")


@app.get("/open", response_class=EventSourceResponse)
async def stays_open() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(data="there")
    await asyncio.Event().wait()


@app.websocket("/ws")
async def ws(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text("there")
    async for _ in websocket.iter_text():
        pass


@pytest.fixture(scope="module")
def server():
    with serve(CORSMiddleware(app, allow_origins=["https://match.example"])) as server:
        yield server


@pytest.fixture
def at(page, server):
    page.goto(server.http_url("/page"))
    came.clear()
    yield page
    page.goto("about:blank")
    page.problems.clear()  # Chromium reports each connection that ends otherwise than in good order


@pytest.mark.parametrize("path", ["ends", "breaks"])
def test_it_comes_back_by_itself_and_says_what_it_has_read(at, path):
    assert at.evaluate(LISTEN, [path, 3]) == [[f'"number {number}"', str(number)] for number in (1, 2, 3)]
    # Where a connection is cut off, an event may be lost with it: then the browser asks for it again.
    assert (list(dict.fromkeys(came)) if path == "breaks" else came) == [None, "1", "2"]


@pytest.mark.parametrize("status", [204, 401, 422, 502])
def test_it_gives_up_for_good_if_the_answer_is_no_200(at, status):
    told = at.evaluate(LISTEN, [f"refuses?status={status}", 9])
    assert told == [['"number 1"', "1"], "given up"]
    assert came == [None, "1"]


def test_what_a_page_is_told_of_an_event(at):
    """Nothing, if it has no data."""
    assert at.evaluate(LISTEN, ["kinds", 3]) == ["reset", [r'"two\nlines"', "1"], ["two\nlines", "2"]]


def test_a_page_of_another_origin_is_told_nothing(at, server):
    elsewhere = server.http_url("/kinds").replace("127.0.0.1", "localhost")
    assert at.evaluate(LISTEN, [elsewhere, 1]) == ["given up"]
    assert any("CORS policy" in problem for problem in at.problems)


OPEN = """
async ([sources, sockets]) => {
    const opened = (one) => new Promise((resolve) => { one.onopen = resolve; });
    window.sources = Array.from({ length: sources }, () => new EventSource("open"));
    window.sockets = Array.from({ length: sockets }, () => new WebSocket("ws://" + location.host + "/ws"));
    await Promise.all([...window.sources, ...window.sockets].map(opened));
}
"""


def test_six_event_sources_take_all_connections_to_a_host_and_websockets_none(at, server):
    """Not even a page in another tab is loaded."""
    at.evaluate(OPEN, [SIX, 0])
    with at.expect_popup() as opening:
        at.evaluate("void open('about:blank')")
    seventh = opening.value
    seventh.evaluate(f"void (location.href = '{server.http_url('/page?seventh')}')")
    at.evaluate(OPEN.replace("window.sources", "window.others"), [0, 2 * SIX])  # they take no place among the six
    assert seventh.url == "about:blank"
    at.evaluate("window.sources[0].close()")
    seventh.wait_for_url("**/page?seventh")
    seventh.close()
