"""What quick-reference says Chromium prints in its console: by its cause, and not once the cure is applied."""

import pytest
from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse

from tests.test_quick_reference import BROWSER_CONSOLE
from wslab import serve

pytestmark = pytest.mark.browser

app = FastAPI()


@app.get("/")
def empty():
    return HTMLResponse("<!doctype html><title>Empty</title><link rel='icon' href='data:,'>")


@app.websocket("/echo")
async def echo(websocket: WebSocket, chosen: str | None = None):
    await websocket.accept(subprotocol=chosen)
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


@app.websocket("/refuses")
async def refuses(websocket: WebSocket):
    await websocket.close()


@app.websocket("/asks")
async def asks(websocket: WebSocket):
    raise HTTPException(401)


@app.websocket("/accepts-and-closes")
async def accepts_and_closes(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4003)


# Each gives what `onclose` was told, or None if the page was let in and then closed by itself.
CONNECT = """([path, protocols]) => new Promise(resolve => {
    const socket = new WebSocket(new URL(path, location.href.replace('http', 'ws')), protocols);
    socket.onopen = () => { if (!path.includes('closes')) { socket.onclose = null; socket.close(); resolve(null); } };
    socket.onclose = event => resolve(event.code);
})"""
CLOSE_AT_ONCE = """path => new Promise(resolve => {
    const socket = new WebSocket(new URL(path, location.href.replace('http', 'ws')));
    socket.onclose = event => resolve(event.code);
    socket.close();
})"""

# Sends before it is let in, when it is, or after the end. The page is told no code.
SEND = """when => new Promise(resolve => {
    const socket = new WebSocket(new URL('/echo', location.href.replace('http', 'ws')));
    if (when === 'early') setTimeout(() => { setTimeout(resolve, 0, null); socket.send('hello'); });
    socket.onopen = () => when === 'late' ? socket.close() : (socket.send('hello'), socket.close());
    socket.onclose = () => { if (when === 'late') socket.send('hello'); resolve(null); };
})"""

WAYS = {  # the cause, then the cure: what is run in the page, with what, and the code that the page gets
    "Error during WebSocket handshake: Unexpected response code: 403": [
        (CONNECT, ["/refuses", []], 1006),
        (CONNECT, ["/accepts-and-closes", []], 4003),
    ],
    "HTTP Authentication failed; no valid credentials available": [
        (CONNECT, ["/asks", []], 1006),
        (CONNECT, ["/accepts-and-closes", []], 4003),
    ],
    "WebSocket is closed before the connection is established": [
        (CLOSE_AT_ONCE, "/echo", 1006),
        (CONNECT, ["/echo", []], None),
    ],
    "Sent non-empty 'Sec-WebSocket-Protocol' header but no response was received": [
        (CONNECT, ["/echo", ["chat"]], 1006),
        (CONNECT, ["/echo?chosen=chat", ["chat"]], None),
    ],
    "Failed to execute 'send' on 'WebSocket': Still in CONNECTING state.": [
        (SEND, "early", None),
        (SEND, "open", None),
    ],
    "WebSocket is already in CLOSING or CLOSED state.": [(SEND, "late", None), (SEND, "open", None)],
}


@pytest.fixture(scope="module")
def address():
    server = serve(app)
    yield server.url("/").replace("ws://", "http://")
    server.stop()


def test_each_row_of_the_table_is_tried():
    assert WAYS.keys() == BROWSER_CONSOLE.keys()


@pytest.mark.thorough  # what browsers do changes with them, and not with the course
@pytest.mark.parametrize("text", WAYS)
def test_chromium_prints_it(new_page, address, text):
    page = new_page()
    page.goto(address)
    for (script, argument, code), printed in zip(WAYS[text], [True, False], strict=True):
        page.problems.clear()
        assert page.evaluate(script, argument) == code
        with page.expect_console_message(lambda message: message.text == "the end"):  # lines arrive in order
            page.evaluate("() => console.log('the end')")
        assert any(text in line for line in page.problems) == printed, page.problems
    page.close()
