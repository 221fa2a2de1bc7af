"""The tape writes down what the server saw, in its order; the picture shows it."""

import asyncio
import base64
import contextlib
import html
import itertools
import logging
import re
import xml.etree.ElementTree as ElementTree

import pytest
from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect, WebSocketException
from websockets import ConnectionClosed, InvalidStatus, connect

from wslab import picture, serve
from wslab.conversation import MAX_NOTE, Conversation, Event, Tape, abridge, describe_error

PATIENCE = 10
TWO_LOOPS = (  # what asyncio says to whoever shares a connection between two loops, with the paths of a real server
    "Task <Task pending name='starlette.websockets.receive' coro=<WebSocket.receive_text() running at "
    "/srv/app/.venv/lib/python3.12/site-packages/starlette/websockets.py:105> cb=[gather.<locals>._done_callback() "
    "at /usr/lib/python3.12/asyncio/tasks.py:764]> got Future <Future pending> attached to a different loop"
)
LONG_REASON = (
    "the kitchen is closed on Mondays, and on Tuesdays whoever cooks is at the market; come again on Wednesday"
)
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
    elif what == "error-long":
        raise RuntimeError(TWO_LOOPS)
    elif what == "close-long":
        await websocket.close(4000, LONG_REASON)
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
    elif what == "exception-long-logged":
        try:
            raise RuntimeError(TWO_LOOPS)
        except RuntimeError:
            logger.exception("this did not work: %s", "y" * 2000)
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
        ("/once/error-long", ["server: accept", f"server: endpoint raised RuntimeError: {TWO_LOOPS}"]),
        ("/once/close-long", ["server: accept", f"server: close 4000 {LONG_REASON!r}"]),
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


def test_an_error_that_is_logged_is_whole_however_long_the_line_before_it(server):
    asyncio.run(visit(server, "/once/exception-long-logged"))
    line = lines(server)[2]
    assert line.startswith("server: log: this did not work: yyy")
    assert "yyy... (1,419 more characters) ...yyy" in line
    assert line.endswith(f"yyy (RuntimeError: {TWO_LOOPS})")


def test_an_error_in_a_group_is_whole():
    inner = ExceptionGroup("two of them", [RuntimeError(TWO_LOOPS), ValueError("another")])
    assert describe_error(ExceptionGroup("tasks", [inner])) == (
        f"ExceptionGroup with ExceptionGroup with RuntimeError: {TWO_LOOPS}"
    )


@pytest.mark.parametrize("payload", ["x" * 100_000, "\x00" * 100_000])
def test_an_error_that_carries_a_payload_keeps_what_it_says_before_and_after_it(payload):
    error = describe_error(ValueError(f"unknown item: {payload} is not on the menu"))
    assert error.startswith("ValueError: unknown item: ")
    assert error.endswith(" is not on the menu")
    assert len(error) < MAX_NOTE + 60
    assert abridge("x" * MAX_NOTE) == "x" * MAX_NOTE


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
    output = conversation._repr_mimebundle_()["text/html"]
    found = re.fullmatch(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,([^"]+)">', output)
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


def note(text: str, client: int = 1, **kind: bool) -> Event:
    return Event(client, "server", text, message=False, **kind)


def crowd(clients: int) -> list[Event]:
    """As many clients, each with messages and notes that are long."""
    long = "'" + "x" * 32 + "'... (1,000,000 characters)"
    everybody = range(1, clients + 1)
    said = [event for n in everybody for event in events("connect /rooms/kitchen?name=somebody", "accept", client=n)]
    said += [event for n in everybody for event in events(long, long, f"close 4000 {LONG_REASON!r}", client=n)]
    said += [note(f"endpoint raised RuntimeError: {TWO_LOOPS}", n) for n in everybody]
    return said + [note("endpoint raised WebSocketDisconnect(1006)", n) for n in everybody]


GALLERY = {
    "an error": [*events("connect /ws", "accept"), note(f"endpoint raised RuntimeError: {TWO_LOOPS}")],
    "a log line": [*events("connect /ws", "accept"), note("log: " + "what we know of this is " * 20)],
    "a log line without a space": [*events("connect /ws", "accept"), note("log: " + "y" * MAX_NOTE)],
    "notes in a row": [*events("connect /ws", "accept"), *[note("log: " + "y" * n) for n in range(0, 120, 7)]],
    "bytes": events(
        "connect /ws", "accept", repr(bytes(range(32))) + "... (1,000,000 bytes)", r"b'\x00'", "close 1000"
    ),
    "wide letters": [*events("connect /ws", "'" + "日本" * 16 + "'", "🎉" * 32), note("log: " + "日本語 " * 60)],
    "a message that went nowhere": [*events("'a'", "'b'"), note("could not send '" + "x y " * 8 + "'", failed=True)],
    "more than is shown": events(*(f"message {n}" for n in range(1000))),
    **{f"{clients} clients": crowd(clients) for clients in range(2, 9)},
}

SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]  # left, top, right, bottom


def boxes(tree: ElementTree.Element) -> tuple[list[Box], list[Box], list[Box]]:
    """What texts, notes and arrows take of the picture.

    A letter is at most LETTER pixels wide in the fonts that the picture names (checked in a browser), and at this
    size it reaches 10 pixels above the line it stands on, and 3 below.
    """
    texts, notes, arrows = [], [], []
    for element in tree.iter(f"{SVG}text"):
        wide, x, y = picture.width(element.text) * picture.LETTER, float(element.get("x")), float(element.get("y"))
        left = x if element.get("text-anchor") == "start" else x - wide / 2
        texts.append((left, y - 10, left + wide, y + 3))
    for element in tree.iter(f"{SVG}rect"):
        if element.get("fill") == picture.PAPER:
            x, y, wide, high = (float(element.get(side)) for side in ("x", "y", "width", "height"))
            notes.append((x, y, x + wide, y + high))
    for element in tree.iter(f"{SVG}line"):
        x1, x2, y1, y2 = (float(element.get(end)) for end in ("x1", "x2", "y1", "y2"))
        if y1 == y2:
            arrows.append((min(x1, x2), y1 - 4, max(x1, x2), y1 + 4))
    return texts, notes, arrows


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def within(one: Box, other: Box) -> bool:
    return other[0] <= one[0] and other[1] <= one[1] and one[2] <= other[2] and one[3] <= other[3]


@pytest.mark.parametrize("name", GALLERY)
def test_a_picture_fits_beside_the_list_of_files_and_everything_into_the_picture(name):
    _, tree = picture_of(Conversation(GALLERY[name]))
    wide, high = float(tree.get("width")), float(tree.get("height"))
    assert wide <= 700
    texts, notes, arrows = boxes(tree)
    assert all(within(box, (0, 0, wide, high)) for box in texts + notes + arrows)


@pytest.mark.parametrize("name", GALLERY)
def test_nothing_lies_on_a_text(name):
    texts, notes, arrows = boxes(picture_of(Conversation(GALLERY[name]))[1])
    for n, text in enumerate(texts):
        assert not any(overlap(text, other) for other in texts[n + 1 :] + arrows)
        assert all(within(text, box) for box in notes if overlap(text, box))
    assert not any(overlap(box, other) for n, box in enumerate(notes) for other in notes[n + 1 :] + arrows)


@pytest.mark.parametrize("name", GALLERY)
def test_a_picture_has_every_word(name):
    alt, tree = picture_of(Conversation(GALLERY[name]))
    drawn = "".join(element.text for element in tree.iter(f"{SVG}text")).replace(" ", "")
    first, _, last = picture.cut(GALLERY[name])
    for event in first + last:
        assert event.text.replace(" ", "") in drawn
        assert event.text in html.unescape(alt)


def test_short_conversations_stay_small():
    """Room is taken by those who need it."""
    _, tree = picture_of(Conversation([*events("connect /ws", "accept", "close 1000"), note("log: left")]))
    assert float(tree.get("width")) < 400


@pytest.mark.parametrize("name", ["an error", "a log line", "a log line without a space", "bytes", "wide letters"])
def test_lines_are_short_enough_to_be_read_on_a_phone(name):
    """On 390 pixels, a picture of 600 has letters of two thirds of their size."""
    _, tree = picture_of(Conversation(GALLERY[name]))
    assert float(tree.get("width")) < 600


@pytest.mark.parametrize("name", ["bytes", "wide letters", "2 clients", "3 clients", "4 clients"])
def test_a_message_stands_over_its_arrow(name):
    """With more clients, there is not always room for that."""
    texts, _, arrows = boxes(picture_of(Conversation(GALLERY[name]))[1])
    for left, top, right, _ in arrows:
        words = next(box for box in texts if box[3] == top)
        assert left < words[0]
        assert words[2] < right


@pytest.mark.parametrize("clients", [2, 8, 9, 12, 100])
def test_names_of_clients_do_not_touch(clients):
    """With more than eight, the picture gets wider."""
    said = [event for n in range(1, clients + 1) for event in events("connect /ws", "accept", client=n)]
    _, tree = picture_of(Conversation(said))
    names = [box for box in tree.iter(f"{SVG}rect") if box.get("height") == "24"]
    sides = [(float(box.get("x")), float(box.get("x")) + float(box.get("width"))) for box in names]
    assert len(sides) == clients + 1
    assert all(right < left for (_, right), (left, _) in itertools.pairwise(sides))
    texts = sorted(box for box in boxes(tree)[0] if box[3] < 36)
    assert all(left < text[0] and text[2] < right for (left, right), text in zip(sides, texts, strict=True))


@pytest.mark.parametrize("limit", [9, 26, 52])
@pytest.mark.parametrize(
    "words",
    ["", " ", "a", "one  two   three", TWO_LOOPS, LONG_REASON, "日本語" * 30, repr(bytes(range(200))), "x" * 105],
)
def test_folding_loses_nothing_and_keeps_to_its_limit(words, limit):
    lines = picture.fold(words, limit)
    assert "".join(lines) == words
    assert max(picture.width(line.rstrip()) for line in lines) <= limit


def test_lines_end_between_words_where_they_can():
    assert picture.fold(LONG_REASON, 52) == [
        "the kitchen is closed on Mondays, ",
        "and on Tuesdays whoever cooks is at ",
        "the market; come again on Wednesday",
    ]
    assert picture.fold("connect /rooms/kitchen?name=client", 16) == ["connect /rooms/", "kitchen?name=", "client"]
    assert picture.fold("raised WebSocketDisconnect(1006)", 20) == ["raised ", "WebSocketDisconnect", "(1006)"]
    assert picture.fold(r"b'\x00\x01\x02'", 8) == [r"b'\x00", r"\x01\x02", "'"]


def test_a_very_long_note_takes_several_lines_of_the_text_and_has_one_mark():
    _, _, _, *rows = str(Conversation(GALLERY["an error"])).splitlines()
    assert " ".join(row.strip(" |*") for row in rows) == f"endpoint raised RuntimeError: {TWO_LOOPS}"
    assert "".join(row[-1] for row in rows) == "*||"
    assert max(map(len, rows)) <= picture.COLUMNS + 10


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
