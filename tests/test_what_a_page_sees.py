"""What a page in Chromium sees: of each ending in who-sees-what, and of what a-browser-client says befalls it."""

import asyncio
import contextlib
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import websockets.sync.server
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse

from course.endings import ENDINGS, REFUSED, only_listens
from course.witnesses import IMPLEMENTATIONS, NO_ANSWER, Endpoint, app_with, describe_code, who_sees_what
from wslab import serve

pytestmark = [pytest.mark.browser, pytest.mark.thorough]  # what browsers do changes with them, and not with the course

EMPTY = HTMLResponse("<!doctype html><title>Empty</title><link rel='icon' href='data:,'>")


def with_page(app: FastAPI) -> FastAPI:
    for path in ("/", "/elsewhere"):
        app.get(path)(lambda: EMPTY)
    return app


# --- the endings ---

# Those in which the client only listens, and the server stays.
LISTENING = [end for end in ENDINGS if end.client is only_listens and not (end.gives_up or end.needs_a_server)]

ODD = {("close(401), an HTTP status", "wsproto"): "401"}  # Chromium takes it as a code, and websockets does not

LISTEN = """path => new Promise(resolve => {
    const socket = new WebSocket(new URL(path, location.href.replace('http', 'ws')));
    socket.onclose = event => resolve([event.code, event.reason]);
})"""


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, str]]:
    """What the client in Python sees of each, on each implementation."""
    with ThreadPoolExecutor(1) as thread:  # an event loop of Playwright's runs on this one
        table = thread.submit(lambda: asyncio.run(who_sees_what(*LISTENING))).result()
    return {row.name: row.client for row in table.rows}


@pytest.mark.parametrize("ws", IMPLEMENTATIONS)
def test_a_page_sees_what_a_client_in_python_sees_but_no_refusal(new_page, rows, ws):
    page, wrong = new_page(), []
    with serve(with_page(app_with(map(Endpoint, LISTENING))), name="endings", ws=ws) as server:
        page.goto(server.http_url("/"))
        for number, ending in enumerate(LISTENING):
            python = rows[ending.name][ws]
            if python == NO_ANSWER:
                continue
            browser = describe_code(*page.evaluate(LISTEN, f"/{number}"))
            expected = "1006" if ending in REFUSED else ODD.get((ending.name, ws), python)
            if browser != expected:
                wrong.append(f"{ending.name}: {python}, and in Chromium {browser}")
    page.close()
    assert not wrong
    assert sum(seen[ws].startswith("HTTP") for seen in rows.values()) > 9


def test_where_nobody_listens_a_page_sees_the_same(new_page):
    page = new_page()
    with serve(with_page(FastAPI()), name="gone") as server:
        page.goto(server.http_url("/"))
    assert page.evaluate(LISTEN, "/") == [1006, ""]
    page.close()


# --- what else happens to a page ---

app = with_page(FastAPI())
left: queue.SimpleQueue[int] = queue.SimpleQueue()  # the codes that clients have left with


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect as disconnect:
        left.put(disconnect.code)


@pytest.fixture(scope="module")
def address():
    with serve(app, name="echo") as server:
        yield server.http_url("/")


CONNECT = """address => new Promise(resolve => {
    window.events = [];
    window.socket = new WebSocket(address ?? new URL('echo', location.href.replace('http', 'ws')));
    for (const name of ['open', 'message', 'close']) {
        socket.addEventListener(name, event => events.push([name, event.code ?? event.data ?? null]));
    }
    for (const name of ['online', 'offline', 'pagehide', 'pageshow']) {
        addEventListener(name, event => events.push([name, event.persisted ?? null]));
    }
    socket.addEventListener('open', resolve, { once: true });
})"""


def test_offline_the_socket_stays_open_takes_what_is_sent_and_does_not_close(page, address):
    page.goto(address)
    page.evaluate(CONNECT)
    page.context.set_offline(True)
    page.wait_for_function("events.at(-1)[0] === 'offline'")
    assert page.evaluate("() => { socket.send('lost?'); return [navigator.onLine, socket.readyState]; }") == [False, 1]
    page.evaluate("socket.close()")
    assert page.evaluate(LISTEN, "/echo") == [1006, ""]  # a new one fails at once, and the old one is closing still
    assert page.evaluate("[socket.readyState, events.at(-1)[0]]") == [2, "offline"]
    page.context.set_offline(False)
    page.problems.clear()


def test_a_socket_takes_texts_when_it_is_closing_and_loses_them(page, address):
    page.goto(address)
    page.evaluate(CONNECT)
    page.evaluate("socket.close(); socket.send('lost'); socket.send('lost');")
    page.wait_for_function("events.at(-1)[0] === 'close'")
    assert page.evaluate("events") == [["open", None], ["close", 1005]]
    assert page.evaluate("socket.bufferedAmount") == len("lost") * 2
    assert page.problems == ["WebSocket is already in CLOSING or CLOSED state."] * 2
    page.problems.clear()


def test_the_back_forward_cache_closes_a_socket_and_tells_it_late(with_cache, address):
    page = with_cache.new_page()
    page.goto(address)
    page.evaluate(CONNECT)
    while not left.empty():
        left.get()
    page.goto(f"{address}elsewhere")
    page.go_back(wait_until="commit")
    page.wait_for_function("events.at(-1)[0] === 'close'")
    seen = [["open", None], ["pagehide", True], ["pageshow", True], ["close", 1006]]
    assert page.evaluate("events") == seen
    assert left.get(timeout=20) == 1001  # when the server has noticed
    assert left.empty()


@contextlib.contextmanager
def serve_on_a_thread(handler):
    """A server of `websockets`, which can tell when a ping is answered; gives its port."""
    with websockets.sync.server.serve(handler, "127.0.0.1", 0, ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
    thread.join(20)  # leaving `with` has shut the server down


def test_to_the_server_a_page_in_the_back_forward_cache_is_still_connected(with_cache, address):
    """Pings are answered, and what it is sent is lost."""
    connections = queue.SimpleQueue()

    def listen(connection):
        connections.put(connection)
        for _ in connection:
            pass

    with serve_on_a_thread(listen) as port:
        page = with_cache.new_page()
        page.goto(address)
        page.evaluate(CONNECT, f"ws://127.0.0.1:{port}/")
        connection = connections.get(timeout=20)
        page.goto(f"{address}elsewhere")
        assert connection.ping().wait(20)
        connection.send("lost")
        assert connection.ping().wait(20)  # after the text: so it has arrived
        page.go_back(wait_until="commit")
        page.wait_for_function("events.at(-1)[0] === 'close'")
        assert [name for name, _ in page.evaluate("events")] == ["open", "pagehide", "pageshow", "close"]


def test_a_page_may_not_close_with_each_code(page, address):
    page.goto(address)
    close = "code => { try { socket.close(code); return null; } catch (error) { return error.name; } }"
    for code, error in {1001: "InvalidAccessError", 1008: "InvalidAccessError", 1000: None, 4000: None}.items():
        page.evaluate(CONNECT)
        assert page.evaluate(close, code) == error
