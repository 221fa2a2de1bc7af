"""The tape writes down what the server saw, in its order; the picture shows it."""

import asyncio
import base64
import contextlib
import logging
import re
import xml.etree.ElementTree as ElementTree

import pytest
from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect, WebSocketException
from websockets import ConnectionClosed, InvalidStatus, connect

from wslab import picture, serve
from wslab.conversation import Conversation, Event, Tape

PATIENCE = 10
logger = logging.getLogger("uvicorn.error")
app = FastAPI()


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            logger.info("got %s", text)
            await websocket.send_text(text)
    except WebSocketDisconnect as disconnect:
        logger.info("left with %d", disconnect.code)


@app.websocket("/once/{what}")
async def once(websocket: WebSocket, what: str):
    if what == "refuse":
        raise WebSocketException(1008)
    if what == "unauthorized":
        raise HTTPException(401)
    if what == "return-early":
        return
    await websocket.accept(subprotocol="chat" if what == "subprotocol" else None)
    if what == "close":
        await websocket.close(4000, "had enough")
    elif what == "error":
        raise ValueError("first line\nsecond line")
    elif what == "exception":
        raise WebSocketException(1008, "not polite")
    elif what == "bytes":
        await websocket.send_bytes(bytes(range(100)))
        await websocket.close()
    elif what == "control":
        await websocket.send_text("a\nb\x07c\u2028d")
        await websocket.close()
    elif what == "long":
        await websocket.send_text("x" * 2000)
        await websocket.close()
    elif what == "close-late":
        await websocket.receive()
        await websocket.close()
    elif what == "slips":
        logger.info("no place for %d", 1, 2)
        await websocket.send_text(None)
        await websocket.send_text("still here")
        await websocket.close()
    elif what == "exception-logged":
        try:
            raise ValueError("first line\nsecond line")
        except ValueError:
            logger.exception("it failed")
        await websocket.close(1011)
    elif what == "send-to-nobody":
        await websocket.receive()
        await websocket.send_text("are you there?")


@pytest.fixture
def server():
    with serve(app) as running:
        yield running


def lines(server) -> list[str]:
    conversation = asyncio.run(server.conversation())
    return [f"{'server' if event.source == 'server' else event.client}: {event.text}" for event in conversation.events]


async def visit(server, path: str, *messages, abort: bool = False, code: int = 1000, reason: str = "") -> None:
    async with asyncio.timeout(PATIENCE):
        try:
            ws = await connect(server.url(path), subprotocols=["chat"] if "subprotocol" in path else None)
        except InvalidStatus:
            return
        try:
            for message in messages:
                await ws.send(message)
                await ws.recv()
        except ConnectionClosed:
            pass
        if "echo" not in path and "nobody" not in path and "late" not in path:
            while True:
                try:
                    await ws.recv()
                except ConnectionClosed:
                    break
        if abort:
            ws.transport.abort()
        else:
            await ws.close(code, reason)


def test_order_logs_and_the_end(server):
    asyncio.run(visit(server, "/echo", "one", "two"))
    assert lines(server) == [
        "1: connect /echo",
        "server: accept",
        "1: 'one'",
        "server: log: got one",
        "server: 'one'",
        "1: 'two'",
        "server: log: got two",
        "server: 'two'",
        "1: close 1000",
        "server: log: left with 1000",
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/once/close", ["server: accept", "server: close 4000 'had enough'"]),
        ("/once/error", ["server: accept", "server: endpoint raised ValueError: first line"]),
        ("/once/exception", ["server: accept", "server: close 1008 'not polite'"]),
        ("/once/return", ["server: accept", "server: endpoint returned without close()"]),
        ("/once/return-early", ["server: endpoint returned without accept()"]),
        ("/once/refuse", ["server: refuse: HTTP 403"]),
        ("/once/unauthorized", ["server: refuse: HTTP 401"]),
        ("/nowhere", ["server: refuse: HTTP 403"]),
        ("/once/subprotocol", ["server: accept, subprotocol 'chat'", "server: endpoint returned without close()"]),
        (
            "/once/bytes",
            [
                "server: accept",
                f"server: {bytes(range(32))!r}... (100 bytes)",
                "server: close 1000",
            ],
        ),
        ("/once/control", ["server: accept", r"server: 'a\nb\x07c\u2028d'", "server: close 1000"]),
        ("/once/long", ["server: accept", f"server: '{'x' * 32}'... (2,000 characters)", "server: close 1000"]),
    ],
)
def test_what_the_server_may_do(server, path, expected):
    asyncio.run(visit(server, path))
    assert lines(server) == [f"1: connect {path}", *expected]


def test_the_wrong_kind_of_message(server):
    asyncio.run(visit(server, "/echo", b"\x00"))
    assert lines(server)[2:] == [r"1: b'\x00'", "server: endpoint raised KeyError: 'text'"]


def test_a_code_and_a_reason(server):
    asyncio.run(visit(server, "/echo", code=4321, reason="enough"))
    assert lines(server)[2:] == ["1: close 4321 'enough'", "server: log: left with 4321"]


def test_a_dropped_connection(server):
    asyncio.run(visit(server, "/echo", "one", abort=True))
    assert lines(server)[-2:] == ["1: gone, without a close code (1005)", "server: log: left with 1005"]


def test_sending_to_a_client_that_has_left(server):
    asyncio.run(visit(server, "/once/send-to-nobody"))
    assert lines(server)[2:] == [
        "1: close 1000",
        "server: could not send 'are you there?'",
        "server: endpoint raised WebSocketDisconnect(1006)",
    ]
    assert " could not send 'are you there?': the client has gone *" in str(asyncio.run(server.conversation()))


@pytest.mark.parametrize(("client_limit", "size", "who"), [(10, 500, "1"), (None, 5000, "server")])
def test_who_closed(client_limit, size, who):
    """1009, "message too big", may come from either side, and the picture shows from which."""

    async def one_message(server):
        async with asyncio.timeout(PATIENCE), connect(server.url("/echo"), max_size=client_limit) as ws:
            await ws.send("x" * size)
            with pytest.raises(ConnectionClosed):
                await ws.recv()

    with serve(app, ws_max_size=1000) as server:
        asyncio.run(one_message(server))
        (close,) = [line for line in lines(server) if "close 1009" in line]
        assert close.startswith(f"{who}: close 1009")


def test_much_at_once_and_gone(server):
    """What lies in the sockets when the client has gone is read before the picture is drawn."""

    async def flood():
        async with asyncio.timeout(PATIENCE):
            ws = await connect(server.url("/echo"))
            for _ in range(3):
                await ws.send("x" * 500_000)
            ws.transport.abort()

    for _ in range(5):
        asyncio.run(flood())
        assert lines(server)[-1].startswith("server: log: left with ")


def test_what_an_endpoint_does_after_the_end(server):
    asyncio.run(visit(server, "/once/close-late"))
    assert lines(server)[2:] == ["1: close 1000", "server: no effect, the connection has ended: close 1000"]


def test_the_picture_waits_for_what_an_endpoint_does_after_its_client_has_left(monkeypatch):
    app, asked = FastAPI(), asyncio.Event()
    endpoints_whose_clients_have_left = Tape.endpoints_whose_clients_have_left

    def ask(tape):
        asyncio.get_running_loop().call_soon(asked.set)  # in the next turn, when somebody waits for them
        return endpoints_whose_clients_have_left(tape)

    @app.websocket("/echo")
    async def tidies_up(websocket: WebSocket):
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            await websocket.receive_text()
        await asked.wait()
        logger.info("tidied up")

    monkeypatch.setattr(Tape, "endpoints_whose_clients_have_left", ask)
    with serve(app, name="tidies up") as running:
        asyncio.run(visit(running, "/echo"))
        assert lines(running) == ["1: connect /echo", "server: accept", "1: close 1000", "server: log: tidied up"]


def test_who_does_not_end_is_named_and_not_waited_for_for_ever():
    app, finish = FastAPI(), asyncio.Event()

    @app.websocket("/echo")
    async def does_not_notice(websocket: WebSocket):
        await websocket.accept()
        await finish.wait()

    with serve(app, name="does not end") as running:
        running.settle_timeout = 0.01
        asyncio.run(visit(running, "/echo"))
        last = "server: endpoint is still running although its client has gone"
        assert lines(running) == ["1: connect /echo", "server: accept", last]
        asyncio.run(running.on_loop(finish.set))


def test_an_error_that_an_endpoint_logs_is_named(server):
    asyncio.run(visit(server, "/once/exception-logged"))
    assert lines(server)[2:] == ["server: log: it failed (ValueError: first line)", "server: close 1011"]


def test_slips_of_an_endpoint_stay_its_own(server, capsys):
    asyncio.run(visit(server, "/once/slips"))
    assert lines(server)[2:] == ["server: nothing", "server: 'still here'", "server: close 1000"]
    assert "not all arguments converted" in capsys.readouterr().err  # as logging says it everywhere


def test_the_server_shuts_down():
    server = serve(app)

    async def stay():
        async with asyncio.timeout(PATIENCE), connect(server.url("/echo")) as ws:
            await ws.send("one")
            await ws.recv()
            await asyncio.to_thread(server.stop)

    asyncio.run(stay())
    assert lines(server)[-2:] == ["server: close 1012 'server shuts down'", "server: log: left with 1012"]


def test_queries_are_shown(server):
    asyncio.run(visit(server, "/echo?room=1"))
    assert lines(server)[0] == "1: connect /echo?room=1"


def test_clients_are_told_apart(server):
    async def both():
        async with asyncio.timeout(PATIENCE), connect(server.url("/echo")) as a, connect(server.url("/echo")) as b:
            await b.send("from b")
            await b.recv()
            await a.send("from a")
            await a.recv()

    asyncio.run(both())
    text = str(asyncio.run(server.conversation()))
    assert text.splitlines()[0].split() == ["client", "1", "server", "client", "2"]
    assert "client 2's log: got from b" in text
    assert "client 1's log: got from a" in text


def test_what_had_no_effect_is_told_apart_too(server):
    async def both():
        async with asyncio.timeout(PATIENCE), connect(server.url("/echo")), connect(server.url("/once/close-late")):
            pass

    asyncio.run(both())
    assert "client 2: no effect, the connection has ended: close 1000" in str(asyncio.run(server.conversation()))


def test_a_call_shows_what_is_new_and_a_repeated_call_shows_it_again(server):
    asyncio.run(visit(server, "/echo", "first"))
    first = str(asyncio.run(server.conversation()))
    asyncio.run(visit(server, "/echo", "second"))
    second = str(asyncio.run(server.conversation()))
    assert "first" in first
    assert "first" not in second
    assert "second" in second
    assert second.splitlines()[0].split() == ["client", "server"]
    assert str(asyncio.run(server.conversation())) == second


def test_a_client_that_stays_keeps_its_number(server):
    async def two_pictures():
        async with asyncio.timeout(PATIENCE), connect(server.url("/echo")) as ann, connect(server.url("/echo")) as ben:
            for ws in (ann, ben):
                await ws.send("hello")
                await ws.recv()
            await server.conversation()
            for ws in (ben, ann):
                await ws.send("again")
                await ws.recv()
            async with connect(server.url("/echo")):
                pass
            return str(await server.conversation())

    head, _, log, *_ = asyncio.run(two_pictures()).splitlines()
    assert head.endswith(" client 3")
    assert "client 2's log: got again" in log


def events(*texts: str, client: int = 1) -> list[Event]:
    return [Event(client, "client" if n % 2 else "server", text, opens=n == 1) for n, text in enumerate(texts, 1)]


def picture_of(conversation: Conversation) -> tuple[str, ElementTree.Element]:
    """The alternative text, and the SVG as a tree."""
    html = conversation._repr_mimebundle_()["text/html"]
    found = re.fullmatch(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,([^"]+)">', html)
    return found[1], ElementTree.fromstring(base64.b64decode(found[2]))


def test_text_lanes():
    assert str(
        Conversation([*events("connect /ws", "accept"), Event(1, "server", "log: hi", message=False)])
    ) == "\n".join(
        [
            "   client                          server",
            "      |--- connect /ws -------------->|",
            "      |<-- accept --------------------|",
            "      |                       log: hi *",
        ]
    )


def test_a_send_that_fails_names_the_client_that_has_gone_whoever_sends():
    app = FastAPI()
    listeners: list[WebSocket] = []

    @app.websocket("/listen")
    async def listen(websocket: WebSocket):
        await websocket.accept()
        listeners.append(websocket)
        await websocket.receive()

    @app.websocket("/speak")
    async def speak(websocket: WebSocket):
        await websocket.accept()
        try:
            await listeners[-1].send_text("hi")
        except WebSocketDisconnect:
            await websocket.close()

    async def picture_of_a_visit() -> str:
        async with asyncio.timeout(PATIENCE):
            async with connect(server.url("/listen")):
                pass
            async with connect(server.url("/speak")) as ws:
                await ws.wait_closed()
        return str(await server.conversation())

    with serve(app, name="speak") as server:
        for _ in range(2):  # the second time, the clients are the server's third and fourth
            picture = asyncio.run(picture_of_a_visit())
            assert " could not send 'hi' to client 1: it has gone *" in picture
            assert "client 1's" not in picture


def test_wide_letters_keep_the_lanes_straight():
    rows = str(Conversation(events("日本", "ok"))).splitlines()
    assert [picture.width(row) for row in rows[1:]] == [39, 39]


def test_the_picture_says_the_same_as_the_text():
    alt, tree = picture_of(Conversation([*events("<&'\"", "b"), Event(1, "server", "log: c", message=False)]))
    texts = [element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["client", "server", "<&'\"", "b", "log: c"]
    assert alt == (
        "Conversation, from first to last. client to server: &lt;&amp;&#x27;&quot;; "
        "server to client: b; in the server: log: c."
    )


@pytest.mark.parametrize("clients", [1, 2, 3, 4])
def test_every_label_fits_into_the_picture(clients):
    """A letter is at most LETTER pixels wide in the fonts that the picture names (checked in a browser)."""
    long = "'" + "x" * 32 + "'... (1,000,000 characters)"
    said = [event for client in range(1, clients + 1) for event in events(long, long, client=client)]
    said += [Event(client, "server", "log: " + "y" * 51, message=False) for client in range(1, clients + 1)]
    _, tree = picture_of(Conversation(said))
    wide = float(tree.get("width"))
    for element in tree.iter("{http://www.w3.org/2000/svg}text"):
        length = len(element.text) * picture.LETTER
        x = float(element.get("x"))
        left = x - (length if element.get("text-anchor") == "end" else length / 2)
        assert left >= 0
        assert left + length <= wide


def test_a_long_conversation_is_cut():
    conversation = Conversation(events(*(f"message {n}" for n in range(1000))))
    rows = str(conversation).splitlines()
    assert len(rows) == picture.MAX_ROWS + 2
    assert "... 940 more ..." in rows[picture.MAX_ROWS - picture.TAIL + 1]
    assert "message 999" in rows[-1]
    alt, tree = picture_of(conversation)
    assert "; 940 more; " in alt
    assert float(tree.get("height")) < 2500


def test_nothing_yet():
    assert str(Conversation([])) == "(no client has connected yet)"
    assert Conversation([])._repr_mimebundle_()["text/html"] == "<p>(no client has connected yet)</p>"
