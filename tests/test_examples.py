"""The programs in examples/: started as a reader starts them, and with the endpoints of the lessons."""

import ast
import asyncio
import contextlib
import importlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketException
from httpx2 import AsyncClient
from websockets import ConnectionClosed, InvalidStatus, connect

from course.error_log import errors_in_the_log
from course.newcomers import scope
from examples.accounts import app as accounts
from examples.contract import app as contract
from examples.contract import models
from examples.contract.client import Heating
from examples.disconnects import app as disconnects
from examples.page import app as page
from examples.resume import app as resume
from examples.resume.client import LONGEST, Member
from examples.resume.history import History
from examples.room import app as room
from examples.start import start
from examples.stream import app as stream
from examples.three_ways import app as three_ways
from tests import lessons
from tests.implementations import on_each_implementation
from wslab import checkup, serve
from wslab.examination.clients import BINARY, TEXT, frame, in_one_breath

PATIENCE = 20  # seconds; only a test that fails waits this long


def body(function: str, **renamed: str) -> str:
    """What a function does: without its name, its decorators and its docstring."""
    (definition,) = ast.parse(function).body
    statements = definition.body[ast.get_docstring(definition) is not None :]
    text = "\n".join(ast.unparse(statement) for statement in statements)
    for name, name_in_the_lesson in renamed.items():
        text = text.replace(name, name_in_the_lesson)
    return text


def function(module: str, name: str, folder: Path = lessons.ROOT / "examples") -> str:
    tree = ast.parse((folder / module).read_text(encoding="utf-8"))
    kinds = ast.AsyncFunctionDef | ast.FunctionDef
    (found,) = [node for node in ast.walk(tree) if isinstance(node, kinds) and node.name == name]
    return ast.unparse(found)


@pytest.mark.parametrize(
    ("module", "name", "lesson", "name_there", "which"),
    [
        ("first_message/app.py", "answer", "start-here", "answer", -1),
        ("echo/app.py", "echo", "keep-talking", "echo", -1),
        ("echo/app.py", "echo_anything", "text-bytes-and-json", "echo_anything", -1),
        ("messages/app.py", "echo_anything", "text-bytes-and-json", "echo_anything", -1),
        ("messages/app.py", "text_only", "text-bytes-and-json", "text_only", -1),
        ("messages/app.py", "take_order", "text-bytes-and-json", "take_order", -1),
        ("pitfalls/accept.py", "wrong", "forgetting-to-accept", "length", 0),
        ("pitfalls/accept.py", "right", "your-first-endpoint", "length", 0),
        ("pitfalls/disconnects.py", "wrong", "letting-disconnects-escape", "speak", 0),
        ("pitfalls/disconnects.py", "right", "letting-disconnects-escape", "speak", -1),
        ("pitfalls/blocking.py", "wrong", "blocking-the-event-loop", "desk", 0),
        ("pitfalls/blocking.py", "right", "blocking-the-event-loop", "desk", -1),
        ("pitfalls/closing.py", "wrong", "closing-too-early", "order", 0),
        ("pitfalls/closing.py", "right", "closing-too-early", "order", -1),
        ("pitfalls/catching.py", "wrong", "catching-too-much", "menu", 0),
        ("pitfalls/catching.py", "right", "catching-too-much", "menu", -1),
        ("disconnects/app.py", "next_text", "disconnects-done-right", "next_text", -1),
        ("disconnects/app.py", "send", "disconnects-done-right", "send", -1),
        ("disconnects/app.py", "try_to_close", "disconnects-done-right", "try_to_close", -1),
        ("disconnects/app.py", "accepted", "disconnects-done-right", "accepted", -1),
        ("disconnects/app.py", "shout", "disconnects-done-right", "shout", -1),
        ("stream/app.py", "next_text", "both-directions-at-once", "next_text", -1),
        ("stream/app.py", "send", "both-directions-at-once", "send", -1),
        ("stream/app.py", "send", "nothing-lost", "send", -1),
        ("stream/app.py", "try_to_close", "both-directions-at-once", "try_to_close", -1),
        ("stream/app.py", "first", "both-directions-at-once", "first", -1),
        ("stream/app.py", "accepted", "both-directions-at-once", "accepted", -1),
        ("stream/app.py", "answer", "both-directions-at-once", "answer", -1),
        ("stream/app.py", "ask", "both-directions-at-once", "ask", -1),
        ("room/room.py", "join", "many-clients", "join", -1),
        ("room/room.py", "put_out", "many-clients", "put_out", -1),
        ("room/room.py", "say", "many-clients", "say", -1),
        ("room/room.py", "start_round", "many-clients", "start_round", -1),
        ("room/room.py", "round", "many-clients", "round", -1),
        ("room/room.py", "look_after", "many-clients", "look_after", -1),
        ("room/app.py", "next_text", "many-clients", "next_text", -1),
        ("room/app.py", "try_to_close", "many-clients", "try_to_close", -1),
        ("room/app.py", "first", "many-clients", "first", -1),
        ("room/app.py", "accepted", "many-clients", "accepted", -1),
        ("contract/models.py", "problems", "messages-with-a-contract", "problems", -1),
        ("contract/models.py", "id_of", "messages-with-a-contract", "id_of", -1),
        ("contract/app.py", "try_to_close", "messages-with-a-contract", "try_to_close", -1),
        ("contract/app.py", "accepted", "messages-with-a-contract", "accepted", -1),
        ("contract/app.py", "next_text", "messages-with-a-contract", "next_text", -1),
        ("contract/app.py", "send", "messages-with-a-contract", "send", -1),
        ("contract/app.py", "__init__", "messages-with-a-contract", "__init__", -1),
        ("contract/app.py", "take", "messages-with-a-contract", "take", -1),
        ("contract/app.py", "answer", "messages-with-a-contract", "answer", -1),
        ("contract/app.py", "converse", "messages-with-a-contract", "converse", -1),
        ("contract/app.py", "heating", "messages-with-a-contract", "heating", -1),
        ("contract/app.py", "contract", "messages-with-a-contract", "contract", -1),
        ("accounts/app.py", "try_to_close", "who-is-calling", "try_to_close", -1),
        ("accounts/app.py", "accepted", "who-is-calling", "accepted", -1),
        ("accounts/app.py", "accepted", "disconnects-done-right", "accepted", -1),
        ("accounts/app.py", "next_text", "who-is-calling", "next_text", -1),
        ("accounts/app.py", "next_text", "both-directions-at-once", "next_text", -1),
        ("accounts/app.py", "send", "who-is-calling", "send", -1),
        ("accounts/app.py", "send", "disconnects-done-right", "send", -1),
        ("accounts/app.py", "new_ticket", "who-is-calling", "new_ticket", 1),
        ("accounts/app.py", "end", "who-is-calling", "end", -1),
        ("accounts/app.py", "log_out", "who-is-calling", "log_out", 1),
        ("accounts/app.py", "while_logged_in", "who-is-calling", "while_logged_in", -1),
        ("accounts/app.py", "own_page", "who-is-calling", "own_page", -1),
        ("accounts/app.py", "redeem", "who-is-calling", "redeem", -1),
        ("accounts/app.py", "diary", "who-is-calling", "diary", -1),
        ("behind_a_proxy/app.py", "tell", "restarts-and-proxies", "tell", -1),
        ("behind_a_proxy/app.py", "board", "restarts-and-proxies", "board", -1),
        ("behind_a_proxy/app.py", "post", "restarts-and-proxies", "post", -1),
        ("behind_a_proxy/app.py", "who", "restarts-and-proxies", "who", -1),
        ("workers/app.py", "position", "more-than-one-worker", "position", -1),
        ("workers/app.py", "tell", "more-than-one-worker", "tell", -1),
        ("watched/app.py", "answer", "watching-it", "answer", -1),
        ("watched/app.py", "find_invoice", "watching-it", "find_invoice", -1),
        ("watched/app.py", "desk", "watching-it", "desk", -1),
        ("watched/watch.py", "filter", "watching-it", "filter", -1),
        ("watched/watch.py", "write_stacks", "watching-it", "write_stacks", -1),
        ("measured/generator.py", "percentile", "measuring-it", "percentile", 0),
        ("three_ways/app.py", "publish", "websocket-sse-or-polling", "publish", 0),
        ("three_ways/app.py", "after", "websocket-sse-or-polling", "after", 0),
        ("three_ways/app.py", "poll", "websocket-sse-or-polling", "poll", -1),
        ("three_ways/app.py", "next_text", "websocket-sse-or-polling", "next_text", -1),
        ("three_ways/app.py", "next_text", "both-directions-at-once", "next_text", -1),
        ("three_ways/app.py", "send", "websocket-sse-or-polling", "send", -1),
        ("three_ways/app.py", "send", "disconnects-done-right", "send", -1),
        ("three_ways/app.py", "try_to_close", "websocket-sse-or-polling", "try_to_close", -1),
        ("three_ways/app.py", "first", "websocket-sse-or-polling", "first", -1),
        ("three_ways/app.py", "accepted", "websocket-sse-or-polling", "accepted", -1),
        ("three_ways/app.py", "accepted", "both-directions-at-once", "accepted", -1),
        ("three_ways/app.py", "send_news", "websocket-sse-or-polling", "send_news", -1),
        ("three_ways/app.py", "push", "websocket-sse-or-polling", "push", -1),
        ("resume/history.py", "add", "nothing-lost", "add", -1),
        ("resume/history.py", "since", "nothing-lost", "since", -1),
        ("resume/app.py", "try_to_close", "nothing-lost", "try_to_close", -1),
        ("resume/app.py", "first", "nothing-lost", "first", -1),
        ("resume/app.py", "accepted", "nothing-lost", "accepted", -1),
        ("resume/app.py", "accepted", "both-directions-at-once", "accepted", -1),
        ("resume/app.py", "next_text", "nothing-lost", "next_text", -1),
        ("resume/app.py", "send", "nothing-lost", "send", -1),
        ("resume/app.py", "remember", "nothing-lost", "remember", -1),
        ("resume/app.py", "follow", "nothing-lost", "follow", -1),
        ("resume/app.py", "listen", "nothing-lost", "listen", -1),
        ("resume/app.py", "enter", "nothing-lost", "enter", -1),
        ("page/app.py", "try_to_close", "a-browser-client", "try_to_close", -1),
        ("page/app.py", "accepted", "a-browser-client", "accepted", -1),
        ("page/app.py", "accepted", "who-is-calling", "accepted", -1),
        ("page/app.py", "next_text", "a-browser-client", "next_text", -1),
        ("page/app.py", "next_text", "who-is-calling", "next_text", -1),
        ("page/app.py", "seat", "a-browser-client", "seat", -1),
        ("page/app.py", "talk", "a-browser-client", "talk", -1),
        ("tested/app.py", "take", "testing", "take", -1),
        ("tested/app.py", "give_back", "testing", "give_back", 0),
        ("tested/app.py", "lifespan", "testing", "lifespan", -1),
        ("tested/app.py", "hall_of", "testing", "hall_of", -1),
        ("tested/app.py", "user_of", "testing", "user_of", -1),
        ("tested/app.py", "next_text", "testing", "next_text", -1),
        ("tested/app.py", "send", "testing", "send", -1),
        ("tested/app.py", "try_to_close", "testing", "try_to_close", -1),
        ("tested/app.py", "accepted", "testing", "accepted", -1),
        ("tested/app.py", "seats", "testing", "seats", -1),
        ("tested/clients.py", "visit", "testing", "visit", -1),
        ("tested/clients.py", "ask", "testing", "ask", -1),
        ("tested/clients.py", "closes", "testing", "closes", -1),
        ("tested/clients.py", "drops", "testing", "drops", -1),
        ("tested/clients.py", "sends_bytes", "testing", "sends_bytes", -1),
        ("tested/clients.py", "raised", "testing", "raised", -1),
        ("tested/conftest.py", "anyio_backend", "testing", "anyio_backend", -1),
        ("tested/conftest.py", "hall", "testing", "hall", -1),
        ("tested/conftest.py", "overrides", "testing", "overrides", -1),
        ("tested/conftest.py", "server", "testing", "server", -1),
        ("tested/conftest.py", "leave", "testing", "leave", -1),
        ("tested/test_seats.py", "test_a_seat_is_taken_once", "testing", "test_a_seat_is_taken_once", -1),
        ("tested/test_seats.py", "test_strangers_are_refused", "testing", "test_strangers_are_refused", -1),
        (
            "tested/test_seats.py",
            "test_whoever_leaves_gives_back_the_seat",
            "testing",
            "test_whoever_leaves_gives_back_the_seat",
            -1,
        ),
        (
            "tested/test_seats.py",
            "test_whoever_is_silent_is_put_out",
            "testing",
            "test_whoever_is_silent_is_put_out",
            -1,
        ),
        ("tested/test_any_order.py", "can", "testing", "can", -1),
        ("tested/test_any_order.py", "do", "testing", "do", -1),
        ("tested/test_any_order.py", "is_possible", "testing", "is_possible", -1),
        ("tested/test_any_order.py", "live", "testing", "live", -1),
        ("tested/test_any_order.py", "test_any_order", "testing", "test_any_order", -1),
        ("tested/test_slow.py", "test_a_seat_is_free_at_last", "testing", "test_a_seat_is_free_at_last", -1),
    ],
)
def test_an_endpoint_is_the_one_of_its_lesson(module, name, lesson, name_there, which):
    there = lessons.function(lessons.read(lessons.path(lesson)), name_there)[which]
    assert body(function(module, name), lost_microphone="microphone") == body(there)


@pytest.mark.parametrize(("name", "name_there"), [("number_of", "number_of"), ("sse", "news")])
def test_the_stream_of_three_ways_is_the_solution_of_its_lesson(name, name_there):
    there = function("websocket_sse_or_polling.py", name_there, lessons.NOTEBOOKS / "solutions")
    assert body(function("three_ways/app.py", name)) == body(there, ticker="feed")


def run_pytest(root, *arguments: str) -> str:
    """What pytest reports, as the lesson says to start it, in a folder with the examples."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100).stdout


def test_the_tests_of_tested_pass():
    assert re.search(r"^11 passed in", run_pytest(lessons.ROOT, "examples/tested"), re.MULTILINE)


@pytest.mark.thorough  # each starts a pytest of its own
@pytest.mark.parametrize(
    ("old", "new", "tests", "report"),
    [
        ("give_back(websocket)", "give_back(user)", "any_order", "one tab comes, one tab takes, all close\n"),
        (
            'raise WebSocketException(1003, "text, please")',
            "raise KeyError",
            "seats",
            "leaves_gives_back_the_seat[sends_bytes]",
        ),
        (
            "seconds: float = SILENT",
            "seconds: float = SILENT / 4",
            "seats",
            "FAILED examples/tested/test_seats.py::test_whoever_is_silent",
        ),
    ],
)
def test_the_tests_of_tested_notice_a_line_that_is_changed(old, new, tests, report, tmp_path):
    shutil.copytree(lessons.ROOT / "examples", tmp_path / "examples")
    shutil.copytree(lessons.NOTEBOOKS / "wslab", tmp_path / "notebooks" / "wslab")
    app = tmp_path / "examples" / "tested" / "app.py"
    text = app.read_text(encoding="utf-8")
    assert text.count(old) == 1
    app.write_text(text.replace(old, new), encoding="utf-8")
    failed = run_pytest(tmp_path, f"examples/tested/test_{tests}.py", "-k", "not rude")
    assert "1 failed" in failed and report in failed


@contextlib.contextmanager
def program(*arguments: str):
    """A program as a process, and the line in which it says where it listens."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=lessons.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout:
            if found := re.search(r"(?:http|ws)://127\.0\.0\.1:(\d+)", line):
                yield process, int(found[1])
                break
        else:
            pytest.fail(f"{arguments} ended without saying where it listens")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


async def say(port: int, *texts: str) -> list[str]:
    async with asyncio.timeout(PATIENCE), connect(f"ws://127.0.0.1:{port}/ws") as ws:
        answers = []
        for text in texts:
            await ws.send(text)
            answers.append(await ws.recv())
        return answers


def test_the_echo_program_its_page_and_its_client():
    with program("-m", "examples.echo", "--port", "0") as (process, port):
        assert asyncio.run(say(port, "one", "two")) == ["You wrote: one", "You wrote: two"]
        for path, content_type in [("/", "text/html"), ("/page/page.js", "javascript"), ("/page/page.css", "text/css")]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as response:
                assert content_type in response.headers["content-type"]
        client = run_client(f"ws://127.0.0.1:{port}/ws", "hello\nagain\n")
        assert "the client left with code 1000" in next(line for line in process.stdout if "left" in line)
        assert (client.returncode, client.stdout) == (0, "You wrote: hello\nYou wrote: again\n")
        refused = run_client(f"ws://127.0.0.1:{port}/elsewhere", "")
        assert refused.returncode == 1
        assert refused.stderr.strip() == f"ws://127.0.0.1:{port}/elsewhere refused the connection: HTTP 403"


def test_the_stream_program_and_its_client():
    with program("-m", "examples.stream", "--port", "0") as (_, port):
        command = [sys.executable, "-m", "examples.stream.client", f"ws://127.0.0.1:{port}/ask"]
        result = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
        before, after = result.stdout.split("> stop\n")
        assert before == "You\nwould\nlike\n"
        assert after.endswith("(stopped)\n> And Grace?\nYou\nwould\nlike\nto\nknow:\nAnd\nGrace?\n(end)\n")
        assert (result.stderr, result.returncode) == ("", 0)


def test_a_program_sends_small_messages_at_once(monkeypatch):
    served = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: served.extend(sockets))
    monkeypatch.setattr(sys, "argv", ["examples.room", "--port", "0"])
    start(room.app, "room", "")
    (listener,) = served
    assert listener.proto == socket.IPPROTO_TCP  # else asyncio does not set TCP_NODELAY
    listener.close()


def test_the_room_program_and_its_page():
    with program("-m", "examples.room", "--port", "0") as (_, port):
        for path, content_type in [("/", "text/html"), ("/page/page.js", "javascript"), ("/page/page.css", "text/css")]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as response:
                assert content_type in response.headers["content-type"]


@on_each_implementation
def test_three_ways_survives_every_client(ws, monkeypatch):
    monkeypatch.setattr(three_ways, "feed", three_ways.Feed(keep=20))  # full soon, else it grows with each visit
    report = asyncio.run(checkup(three_ways.app, "/ws", trigger="POST /publish?text=hello", ws=ws))
    report.raise_for_failures()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_the_three_ways_program_its_page_and_its_end():
    """A response that does not end holds up a shutdown, until `timeout_graceful_shutdown` is over."""
    with program("-m", "examples.three_ways", "--port", "0") as (process, port):
        for path, content_type in [("/", "text/html"), ("/page/page.js", "javascript"), ("/page/page.css", "text/css")]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as response:
                assert content_type in response.headers["content-type"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sse", timeout=PATIENCE) as response:
            process.terminate()
            assert response.readline() == b""
        assert "Cancel 1 running task(s), timeout graceful shutdown exceeded" in process.stdout.read()


def test_a_number_of_before_a_restart_is_too_old(monkeypatch):
    monkeypatch.setattr(three_ways.time, "time_ns", lambda: 10**18)
    before = three_ways.Feed()
    before.publish("long ago")
    monkeypatch.setattr(three_ways.time, "time_ns", lambda: 10**18 + 10**9)  # a second later
    assert before.last < three_ways.Feed().last


@on_each_implementation
def test_a_room_survives_every_client(ws):
    report = asyncio.run(checkup(room.app, "/ws?room=lobby&name={n}", say="hello", room=True, ws=ws))
    report.raise_for_failures()
    assert not room.rooms


@contextlib.asynccontextmanager
async def in_a_room(server, name: str, place: str = "lobby"):
    """A client of that name in a room, which hears what `hear()` returns."""
    async with asyncio.timeout(PATIENCE), connect(server.url(f"/ws?room={place}&name={name}")) as ws:
        yield ws


async def hear(ws) -> str:
    """What comes next, in a few characters: who is here, or who says what."""
    match json.loads(await ws.recv()):
        case {"here": names}:
            return ",".join(names)
        case {"name": name, "text": text}:
            return f"{name}: {text}"


async def visit_rooms(visit, ws: str, **options):
    with serve(room.app, name="rooms", ws=ws, ws_ping_interval=None, **options) as server:
        await visit(server)
        events = (await server.conversation()).events
    assert not room.rooms
    return [event.text for event in events if event.text.startswith(("endpoint", "log"))]


@on_each_implementation
def test_who_is_here_is_told_once_by_however_many_tabs(ws):
    async def visit(server):
        async with in_a_room(server, "Ann") as ann:
            assert await hear(ann) == "Ann"
            async with in_a_room(server, "Ben") as old:
                assert [await hear(ann), await hear(old)] == ["Ann,Ben", "Ann,Ben"]
                async with in_a_room(server, "Ben") as new, in_a_room(server, "Cleo", "another") as cleo:
                    assert [await hear(new), await hear(cleo)] == ["Ann,Ben", "Cleo"]
                    assert set(room.rooms) == {"lobby", "another"}
                    await old.close()  # what it leaves behind must not take the new one's place away
                    await ann.send("hello")
                    assert [await hear(ann), await hear(new)] == ["Ann: hello"] * 2
                await server.on_loop(lambda: None)
                assert await hear(ann) == "Ann"

    assert asyncio.run(visit_rooms(visit, ws)) == [
        "log: left with 1000 ''",
        "log: left with 1000 ''",
        "log: left with 1000 ''",
        "log: left with 1000 ''",
    ]


@on_each_implementation
def test_nobody_in_a_room_waits_for_one_that_does_not_read(ws):
    async def visit(server):
        async with in_a_room(server, "Ann") as ann:
            await hear(ann)
            server.shrink_buffers()
            async with in_a_room(server, "Ben") as ben:
                ben.transport.pause_reading()
                assert await hear(ann) == "Ann,Ben"
                for text in ["x" * 1_000_000, "one", "two"]:  # the first one fills his buffers
                    await ann.send(text)
                    assert await hear(ann) == f"Ann: {text}"
                await server.let_time_pass(20)
                assert await hear(ann) == "Ann"
                ben.transport.abort()

    notes = asyncio.run(visit_rooms(visit, ws, ws_per_message_deflate=False))
    assert "log: left with 1006 'too slow'" in notes


@on_each_implementation
def test_a_room_is_not_taken_away_by_who_was_put_out_of_an_older_one_of_its_name(ws):
    async def visit(server):
        async with in_a_room(server, "Ann") as ann:
            await hear(ann)
            (old,) = room.rooms.values()

            def ann_is_put_out_and_the_others_of_the_room_are_gone():
                (member,) = old.members.values()
                old.put_out(member, "for a test")
                del room.rooms["lobby"]
                room.rooms["lobby"] = room.NamedRoom()

            await server.on_loop(ann_is_put_out_and_the_others_of_the_room_are_gone)
            await ann.wait_closed()
            assert room.rooms.pop("lobby") is not old

    asyncio.run(visit_rooms(visit, ws))


@pytest.mark.parametrize("query", ["room=lobby", "room=lobby&name=", f"room=lobby&name={'x' * 41}"])
def test_nobody_comes_into_a_room_without_a_name(query):
    async def visit():
        with serve(room.app, name="rooms") as server:
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(InvalidStatus, match="403"):
                    await connect(server.url(f"/ws?{query}"))

    asyncio.run(visit())


def test_the_page_program_and_its_page():
    with program("-m", "examples.page", "--port", "0") as (_, port):
        for path, content_type in [("/", "text/html"), ("/page/connection.js", "javascript")]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as response:
                assert content_type in response.headers["content-type"]


@on_each_implementation
def test_the_page_s_endpoint_survives_every_client(ws):
    asyncio.run(checkup(page.app, "/ws?name={n}", say="hello", room=True, ws=ws)).raise_for_failures()
    assert not page.seats and not page.room.members


@on_each_implementation
def test_a_name_has_one_seat(ws):
    async def visit():
        with serve(page.app, name="seats", ws=ws) as server:

            def come(name):
                return connect(server.url(f"/ws?name={name}"))

            async with asyncio.timeout(PATIENCE), come("Ann") as old, come("Ben") as ben:
                async with come("Ann") as new:
                    await old.wait_closed()
                    assert (old.close_code, old.close_reason) == (4001, "here in another window")
                    await new.send("")  # is somebody there?
                    assert [await new.recv() for _ in range(2)] == ["Ann is here", ""]
                    await new.send("hello")
                    assert [await ben.recv() for _ in range(3)] == ["Ben is here", "Ann is here", "Ann: hello"]
                for name in ("", "n" * 41):
                    async with come(name) as nobody:
                        await nobody.wait_closed()
                        assert (nobody.close_code, nobody.close_reason) == (1008, "a name has 1 to 40 letters")
            notes = [event.text for event in (await server.conversation()).events if not event.message]
        assert not page.seats and not page.room.members
        return notes

    assert asyncio.run(visit()) == ["log: left with 1000 ''", "log: left with 1000 ''"]


def test_the_accounts_program():
    async def talk(port):
        origin = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(PATIENCE), AsyncClient(base_url=origin) as browser:

            def come(ticket):
                return connect(f"ws://127.0.0.1:{port}/diary?ticket={ticket}", origin=origin)

            for user, password in [("ann", "franklin"), ("zoë", "lovelace"), ("zoë", ""), ("ann", "lovelacé")]:
                refusal = await browser.post("/login", json={"user": user, "password": password})
                assert (refusal.status_code, "set-cookie" in refusal.headers) == (403, False)
            half = rb'{"user": "ann", "password": "\ud800"}'
            assert (
                await browser.post("/login", content=half, headers={"content-type": "application/json"})
            ).status_code == 403
            assert (await browser.get("/me")).json() is None
            assert (await browser.post("/ticket")).status_code == 422
            await browser.post("/login", json={"user": "ann", "password": "lovelace"})
            assert (await browser.get("/me")).json() == "ann"
            ticket = (await browser.post("/ticket")).json()
            with pytest.raises(InvalidStatus, match="HTTP 403"):
                await connect(f"ws://127.0.0.1:{port}/diary?ticket={ticket}", origin="http://127.0.0.1:1")
            async with come(ticket) as ws, come(ticket) as again:
                await again.wait_closed()
                assert (again.close_code, again.close_reason) == (4401, "log in first")
                await ws.send("say hello")
                assert await ws.recv() == "ann: hello"
                late = (await browser.post("/ticket")).json()
                assert (await browser.post("/logout")).status_code == 200
                await ws.wait_closed()
                assert (ws.close_code, ws.close_reason) == (4401, "log in again")
            async with come(late) as ws:
                await ws.wait_closed()
                assert ws.close_code == 4401
            assert (await browser.post("/ticket")).status_code == 401
            assert (await browser.post("/logout")).status_code == 200  # twice does no harm
            await browser.post("/login", json={"user": "ann", "password": "lovelace"})
            async with come((await browser.post("/ticket")).json()) as ws:
                await browser.post("/login", json={"user": "ben", "password": "franklin"})
                await ws.wait_closed()
                assert (ws.close_code, ws.close_reason) == (4401, "log in again")

    with program("-m", "examples.accounts", "--port", "0") as (_, port):
        asyncio.run(talk(port))


# The check-up's clients cannot fetch tickets. Each has a number.
LOGGED_IN = """
from examples.accounts.app import Session, app, sessions, tickets

sessions["check-up"] = Session("somebody")
tickets |= {str(number): "check-up" for number in range(2000)}
"""


@on_each_implementation
def test_accounts_survives_every_client(ws, tmp_path):
    (tmp_path / "logged_in.py").write_text(LOGGED_IN, encoding="utf-8")
    command = [sys.executable, "-m", "wslab", "checkup", "logged_in:app", "/diary", "--app-dir", tmp_path, "--ws", ws]
    command += ["--say", "say hello", "--query", "ticket={n}", "--origin", accounts.ORIGIN]
    path = os.pathsep.join(map(str, [lessons.ROOT, lessons.NOTEBOOKS]))
    result = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=100)
    assert (result.returncode, result.stderr) == (0, "")
    assert "26 of 26 clients were served well" in result.stdout
    assert re.search(r"^ok +polite +1 answer", result.stdout, re.MULTILINE)
    assert re.search(r"^ok +foreign origin +refused: HTTP 403", result.stdout, re.MULTILINE)


@on_each_implementation
def test_accounts_forgets_who_has_left_and_ends_who_is_late(ws):
    async def talk(server):
        async with asyncio.timeout(PATIENCE):
            session = accounts.sessions["test"] = accounts.Session("ann")
            accounts.tickets |= {ticket: "test" for ticket in ["one", "two", "fresh"]}
            accounts.sessions["other"], accounts.tickets["not ours"] = accounts.Session("ben"), "other"
            async with (
                connect(server.url("/diary?ticket=one"), origin=accounts.ORIGIN) as one,
                connect(server.url("/diary?ticket=two"), origin=accounts.ORIGIN) as two,
            ):
                for client in (one, two):
                    await client.send("say hello")
                    assert await client.recv() == "ann: hello"
                assert len(session.limits) == 2
                await server.let_time_pass(0.9 * accounts.FRESH)
                await one.send("ticket fresh")
                await one.send("say hello")
                assert await one.recv() == "ann: hello"
                await server.let_time_pass(0.2 * accounts.FRESH)
                await two.wait_closed()
                assert (two.close_code, two.close_reason) == (4401, "log in again")
                await one.send("ticket not ours")
                await one.wait_closed()
                assert (one.close_code, one.close_reason) == (4401, "not your ticket")
            await server.conversation()
            assert not session.limits

    with serve(accounts.app, name="accounts", ws=ws, ws_ping_interval=None) as server:
        asyncio.run(talk(server))


@on_each_implementation
def test_disconnects_survives_every_client(ws):
    asyncio.run(checkup(disconnects.app, "/ws", say="hello", ws=ws)).raise_for_failures()
    assert not disconnects.online


@contextlib.asynccontextmanager
async def small_buffers(server, path="/ws"):
    """A connection to `path` with little room for what its client does not read."""
    server.shrink_buffers()
    with server, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = server.url(path)
        sock.connect((urlsplit(url).hostname, urlsplit(url).port))
        async with asyncio.timeout(PATIENCE), connect(url, sock=sock, compression=None, max_size=None) as ws:
            yield ws


async def served_by_the_lesson(visit, **uvicorn_options) -> list[str]:
    """Let `visit(ws)` at it; returns the errors that its endpoint raised."""
    server = serve(disconnects.app, name="the lesson", **uvicorn_options)
    async with small_buffers(server) as ws:
        while not disconnects.online:
            await asyncio.sleep(0.01)
        await visit(ws)
        await ws.close()
        while await server.on_loop(lambda: len(disconnects.online)):
            await asyncio.sleep(0.01)
        notes = (await server.conversation()).events
    return [note.text for note in notes if note.text.startswith("endpoint raised")]


@on_each_implementation
def test_disconnects_puts_out_whoever_sends_texts_and_then_bytes(ws):
    async def visit(client):
        client.transport.write(20 * frame(TEXT, b"hello") + frame(BINARY, b"x"))
        with pytest.raises(ConnectionClosed):
            for n in range(30):
                assert await client.recv() == "HELLO", n
        assert (n, client.close_code) == (20, 1003)

    assert asyncio.run(served_by_the_lesson(visit, ws=ws)) == []


@on_each_implementation
def test_disconnects_does_not_fail_at_closing_who_has_left(ws):
    async def visit(client):
        await in_one_breath(client, [b"x"], then_close=True)
        await client.wait_closed()

    assert asyncio.run(served_by_the_lesson(visit, ws=ws)) == []


@on_each_implementation
def test_disconnects_puts_out_who_says_nothing(ws, monkeypatch):
    async def visit(client):
        await client.wait_closed()
        assert (client.close_code, client.close_reason) == (4000, "idle")

    monkeypatch.setattr(disconnects.next_text, "__defaults__", (1,))  # SILENT; long enough to be seen online before
    assert asyncio.run(served_by_the_lesson(visit, ws=ws)) == []


@on_each_implementation
def test_disconnects_gives_up_who_reads_nothing(ws, monkeypatch):
    async def visit(client):
        client.transport.pause_reading()
        for _ in range(2):  # uvicorn takes a whole message that is too much, and lets the next one wait
            await client.send("x" * 1_000_000)
        while disconnects.online:
            await asyncio.sleep(0.01)
        client.transport.abort()

    monkeypatch.setattr(disconnects.send, "__defaults__", (0.2,))  # SLOW
    assert asyncio.run(served_by_the_lesson(visit, ws=ws)) == []


@on_each_implementation
def test_a_client_that_uvicorn_has_given_up_has_left_and_is_no_bug_of_disconnects(ws, monkeypatch):
    """Its bytes are stuck, so that no disconnect comes, and the next send raises a plain `RuntimeError`."""

    async def visit():
        may_send = asyncio.Event()
        send = disconnects.send

        async def sends_twice(websocket, text):
            await send(websocket, text)
            await may_send.wait()
            await send(websocket, text)

        monkeypatch.setattr(disconnects, "send", sends_twice)
        server = serve(disconnects.app, name="the lesson", ws=ws, ws_ping_interval=0.1, ws_ping_timeout=0.1)
        async with small_buffers(server) as client:
            client.transport.pause_reading()
            await client.send("x" * 40_000)
            while not server.given_up:
                await asyncio.sleep(0.01)
            await server.on_loop(may_send.set)
            while await server.on_loop(lambda: len(disconnects.online)):
                await asyncio.sleep(0.01)
            client.transport.abort()
            return [event.text for event in (await server.conversation()).events if not event.message]

    notes = asyncio.run(visit())
    assert "log: left with 1006 'given up'" in notes
    assert not [note for note in notes if "failed" in note or "raised" in note]


@on_each_implementation
def test_a_send_after_its_own_close_is_a_bug_of_disconnects(ws, monkeypatch):
    async def closes_first(websocket, text):
        await websocket.close()
        await send(websocket, text)

    async def visit():
        with serve(disconnects.app, name="the lesson", ws=ws) as server:
            async with asyncio.timeout(PATIENCE), connect(server.url("/ws")) as client:
                await client.send("hello")
                await client.wait_closed()
            return [event.text for event in (await server.conversation()).events if not event.message]

    send = disconnects.send
    monkeypatch.setattr(disconnects, "send", closes_first)
    (note,) = asyncio.run(visit())
    assert note.startswith("log: /ws failed (WebSocketDisconnected")


@on_each_implementation
def test_accepted_and_a_task_group_compose(ws):
    """Who leaves is no failure, who is put out hears it, and a bug is logged, also out of a group of errors."""
    may_go_on = asyncio.Event()
    app = FastAPI()

    @app.websocket("/{end}")
    async def endpoint(websocket: WebSocket, end: str):
        async def listen():
            while True:
                await stream.next_text(websocket)

        async def listen_in_a_group():
            async with asyncio.TaskGroup() as inner:
                inner.create_task(listen())

        async with stream.accepted(websocket), asyncio.TaskGroup() as tasks:
            if end == "leaves":
                tasks.create_task(listen_in_a_group())
            await may_go_on.wait()
            if end == "put-out":
                raise WebSocketException(1008, "not you")
            raise ValueError("a bug")

    async def visit(end, stays):
        await server.on_loop(may_go_on.clear)
        async with connect(server.url(f"/{end}")) as client:
            if stays:
                await server.on_loop(may_go_on.set)
                await client.wait_closed()
        await server.on_loop(may_go_on.set if end != "leaves" else may_go_on.clear)
        notes = [event.text for event in (await server.conversation()).events if not event.message]
        return client.close_code, [note for note in notes if "could not send" not in note]

    async def visits():
        async with asyncio.timeout(PATIENCE):
            each = [("leaves", False), ("put-out", True), ("put-out", False), ("bug", True)]
            return [await visit(end, stays) for end, stays in each]

    with serve(app, name="a group", ws=ws) as server:
        assert asyncio.run(visits()) == [
            (1000, ["log: left with 1000 ''"]),
            (1008, []),
            (1000, []),
            (1011, ["log: /bug failed (ValueError: a bug)"]),
        ]


@on_each_implementation
def test_stream_survives_every_client(ws, monkeypatch):
    monkeypatch.setattr(stream, "PAUSE", 0)
    asyncio.run(checkup(stream.app, "/ask", say="hello", ws=ws)).raise_for_failures()


async def never(question: str):
    """A model that begins, and thinks on for ever."""
    yield "well"
    await asyncio.Event().wait()


async def asked(visit, ws: str) -> list[str]:
    """Let `visit(client)` at the stream, after its answer has begun; returns what is logged about it, and raised."""
    with serve(stream.app, name="a stream", ws=ws) as server:
        async with asyncio.timeout(PATIENCE), connect(server.url("/ask")) as client:
            await client.send("hello")
            assert await client.recv() == "well"
            await visit(client)
        return [event.text for event in (await server.conversation()).events if not event.message]


@on_each_implementation
def test_stream_says_once_that_it_has_stopped(ws, monkeypatch):
    async def visit(client):
        await in_one_breath(client, ["stop", "stop", "hello", "hello"])
        assert [await client.recv() for _ in range(3)] == ["(stopped)", "(stopped)", "well"]

    monkeypatch.setattr(stream, "model", never)
    assert asyncio.run(asked(visit, ws)) == ["log: left with 1000 ''"]


@pytest.mark.parametrize("more", [["hello", "hello"], ["hello", "stop"]])
def test_stream_takes_nobody_for_a_bug_who_leaves_while_two_tasks_send(more, monkeypatch):
    """A word finds the client gone, and in the same turn of the loop more of its texts arrive."""

    monkeypatch.setattr(stream, "PAUSE", 0)

    async def run():
        said = asyncio.Queue()
        for message in [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]:
            said.put_nowait(message)

        async def send(message):
            if message["type"] == "websocket.send":
                for text in more:
                    said.put_nowait({"type": "websocket.receive", "text": text})
                raise OSError  # as uvicorn does

        async with asyncio.timeout(PATIENCE):
            await stream.app(scope("/ask"), said.get, send)

    with errors_in_the_log() as log:
        asyncio.run(run())
    assert not log.records


@on_each_implementation
def test_stream_puts_out_who_sends_bytes_meanwhile(ws, monkeypatch):
    async def visit(client):
        await client.send(b"x")
        await client.wait_closed()
        assert (client.close_code, client.close_reason) == (1003, "text, please")

    monkeypatch.setattr(stream, "model", never)
    assert asyncio.run(asked(visit, ws)) == []


@on_each_implementation
def test_a_bug_of_the_model_is_logged_with_its_place_and_its_client_hears_1011(ws, monkeypatch):
    async def fails(question):
        yield "well"
        raise ValueError(question)

    async def visit(client):
        await client.wait_closed()
        assert client.close_code == 1011

    monkeypatch.setattr(stream, "model", fails)
    assert asyncio.run(asked(visit, ws)) == ["log: /ask failed (ValueError: hello)"]


@on_each_implementation
def test_stream_gives_up_who_reads_nothing(ws, monkeypatch):
    async def long_winded(question):
        while True:
            yield "x" * 1_000_000

    async def visit():
        server = serve(stream.app, name="a stream", ws=ws)
        async with small_buffers(server, "/ask") as client:
            client.transport.pause_reading()
            await client.send("hello")
            await until_none(server)
            client.transport.abort()
            return [event.text for event in (await server.conversation()).events if not event.message]

    async def until_none(server):
        while not server.endpoints:
            await asyncio.sleep(0.01)
        while server.endpoints:
            await asyncio.sleep(0.01)

    monkeypatch.setattr(stream, "model", long_winded)
    monkeypatch.setattr(stream.send, "__defaults__", (0.2,))  # SLOW
    assert "log: left with 1006 'it does not read'" in asyncio.run(visit())


def classes(text: str) -> dict[str, str]:
    """The classes that a program defines, each in one canonical form, without its docstring; of two the last."""
    return {node.name: ast.unparse(node) for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}


def test_the_models_are_the_lessons():
    cells = lessons.code_cells(lessons.read(lessons.path("messages-with-a-contract")))
    there = classes("\n".join(ast.unparse(lessons.tree(cell)) for cell in cells))
    here = classes((lessons.ROOT / "examples/contract/models.py").read_text(encoding="utf-8"))
    assert here == {name: there[name] for name in here}
    assert {"Set", "Read", "Done", "Reading", "Error"} < set(here)


def test_the_contract_program_and_its_client():
    with program("-m", "examples.contract", "--port", "0") as (_, port):
        command = [sys.executable, "-m", "examples.contract.client", f"ws://127.0.0.1:{port}/heating"]
        result = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
        done, error, reading = map(ast.literal_eval, result.stdout.splitlines())
        assert done == {"type": "done", "id": 1}
        assert (error["type"], error["id"], error["problems"][0]["field"]) == ("error", 2, "celsius")
        assert reading == {"type": "reading", "id": 3, "celsius": 19.5, "heats": True}
        assert (result.stderr, result.returncode) == ("", 0)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/contract", timeout=PATIENCE) as response:
            assert json.load(response) == contract.contract()
        assert asyncio.run(closed_for(f"ws://127.0.0.1:{port}/heating", "x" * 1001)) == 1009
        assert asyncio.run(closed_for(f"ws://127.0.0.1:{port}/heating", *["{}"] * 60)) == 1008


def test_an_answer_for_which_nobody_waits_any_more_is_nobodys_end():
    """It comes in the turn in which whoever asked gives up."""

    class Answers:
        async def send(self, text: str) -> None:
            self.asked = json.loads(text)

        async def __aiter__(self):
            while asking:
                asking.pop().cancel()
                yield json.dumps({"type": "done", "id": self.asked["id"]})

    async def give_up():
        heating = Heating(Answers())
        asking.append(asyncio.create_task(heating.ask(type="read")))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError, match="the server has closed the connection"):
            await heating.listen()

    asking: list[asyncio.Task] = []
    asyncio.run(give_up())


async def closed_for(url: str, *texts: str) -> int:
    """The code with which a connection is closed whose client says these texts, without a wait in between."""
    async with asyncio.timeout(PATIENCE), connect(url) as ws:
        await in_one_breath(ws, list(texts))
        with pytest.raises(ConnectionClosed):
            while True:
                await ws.recv()
        return ws.close_code


def test_the_contract_passes_the_check_up_as_the_lesson_calls_it():
    say = json.dumps({"type": "read", "id": 1, "room": "kitchen"})
    command = [sys.executable, "-m", "wslab", "checkup", "examples.contract.app:app", "/heating", "--say", say]
    result = subprocess.run(
        [*command, "--app-dir", ".."], cwd=lessons.NOTEBOOKS, capture_output=True, text=True, timeout=8 * PATIENCE
    )
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert "FAIL" not in result.stdout


@pytest.mark.thorough
def test_the_contract_survives_every_client_on_the_other_implementation():
    say = {"type": "set", "id": 1, "room": "kitchen", "celsius": 21}
    asyncio.run(checkup(contract.app, "/heating", say=say, ws="wsproto")).raise_for_failures()


SET = {"type": "set", "id": 1, "room": "hall", "celsius": 20}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (SET, None),
        ({**SET, "celsius": 20.5}, None),
        ({"type": "read", "id": -1, "room": "kitchen"}, None),
        ({**SET, "celsius": "20"}, "celsius"),
        ({**SET, "celsius": True}, "celsius"),
        ({**SET, "celsius": 4.9}, "celsius"),
        ({**SET, "celsius": None}, "celsius"),
        ({**SET, "room": "cellar"}, "room"),
        ({**SET, "room": ["hall"]}, "room"),
        ({**SET, "id": "1"}, "id"),
        ({**SET, "until": "noon"}, "until"),
        ({**SET, "type": "boil"}, "type"),
        ({**SET, "type": None}, "type"),
        ({"type": "read", "id": 1}, "room"),
        ({}, "type"),
    ],
)
def test_the_contract_says_as_a_document_what_the_endpoint_takes(request_, field):
    reply = contract.answer(json.dumps(request_))
    assert (reply.type == "error") == bool(field)
    if field:
        assert [problem.field for problem in reply.problems] == [field]
        assert reply.id == (request_["id"] if isinstance(request_.get("id"), int) else None)
    jsonschema.validate(json.loads(reply.model_dump_json()), contract.contract()["replies"])
    assert jsonschema.Draft202012Validator(contract.contract()["requests"]).is_valid(request_) == (not field)


@pytest.mark.parametrize(
    "text", ["", "read", "null", "[]", '"read"', "5", "NaN", "[" * 100_000, r'{"\ud800": 1}', "\ufeff{}"]
)
def test_what_is_no_object_has_an_answer_that_fits_the_contract(text):
    reply = contract.answer(text)
    assert (reply.type, reply.id, reply.problems[0].field) == ("error", None, None)
    jsonschema.validate(json.loads(reply.model_dump_json()), contract.contract()["replies"])


def test_an_error_does_not_grow_with_the_mistakes():
    many = {**SET, **{f"field {number}": number for number in range(80)}}
    assert len(contract.answer(json.dumps(many)).problems) == 5


def test_a_sensor_that_is_broken_reads_as_null(monkeypatch):
    monkeypatch.setitem(contract.sensors, "hall", float("nan"))
    text = contract.answer('{"type": "read", "id": 1, "room": "hall"}').model_dump_json()
    assert text == '{"type":"reading","id":1,"celsius":null,"heats":false}'
    jsonschema.validate(json.loads(text), contract.contract()["replies"])


@on_each_implementation
def test_the_contract_picks_a_version_or_refuses(ws):
    async def visit(offered):
        try:
            async with asyncio.timeout(PATIENCE), connect(server.url("/heating"), subprotocols=offered) as client:
                return client.subprotocol
        except InvalidStatus as error:
            return error.response.status_code

    with serve(contract.app, name="a contract", ws=ws) as server:
        assert asyncio.run(visit(["heating.v2", "heating.v1"])) == models.VERSIONS[0] == "heating.v1"
        assert asyncio.run(visit(None)) is None
        assert asyncio.run(visit(["heating.v2"])) == 403


@on_each_implementation
def test_a_reply_that_does_not_fit_its_model_is_a_bug_and_not_the_clients(ws, monkeypatch):
    async def visit():
        with serve(contract.app, name="a contract", ws=ws) as server:
            async with asyncio.timeout(PATIENCE), connect(server.url("/heating")) as client:
                await client.send('{"type": "read", "id": 1, "room": "hall"}')
                await client.wait_closed()
            notes = [event.text for event in (await server.conversation()).events if not event.message]
        return client.close_code, notes

    class Odd(float):
        def __lt__(self, other):
            return "perhaps"

    monkeypatch.setitem(contract.sensors, "hall", Odd())
    code, (note,) = asyncio.run(visit())
    assert code == 1011
    assert note.startswith("log: /heating failed (ValidationError: ")


@on_each_implementation
def test_a_bug_in_disconnects_is_logged_and_its_client_hears_1011(ws, monkeypatch):
    async def fails(websocket, text):
        raise ValueError(text)

    async def visit():
        with serve(disconnects.app, name="the lesson", ws=ws) as server:
            async with asyncio.timeout(PATIENCE), connect(server.url("/ws")) as client:
                await client.send("hello")
                await client.wait_closed()
            notes = [event.text for event in (await server.conversation()).events if not event.message]
        return client.close_code, notes

    monkeypatch.setattr(disconnects, "send", fails)
    assert asyncio.run(visit()) == (1011, ["log: /ws failed (ValueError: HELLO)"])
    assert not disconnects.online


# What some endpoints are not ready for, since their lesson comes before the one about it.
LEAVES_EARLY = [
    "silent",
    "gives up",
    "drops inside a message",
    "half open",
    "not utf8",
    "too big",
    "does not wait",
    "stalls",
    "stays",
]
BYTES = ["wrong kind", "changes its kind"]


@pytest.mark.parametrize(
    ("module", "path", "say", "exclude"),
    [
        ("first_message.app", "/ws", "hello", [*LEAVES_EARLY, *BYTES]),
        ("echo.app", "/ws", "hello", BYTES),
        ("echo.app", "/echo", ["hello", b"\x00\x01"], []),
        ("messages.app", "/echo", ["hello", b"\x00\x01"], []),
        ("messages.app", "/text", "hello", []),
        ("messages.app", "/order", {"item": "tea"}, []),
        ("pitfalls.accept", "/right/length", "hello", [*LEAVES_EARLY, *BYTES]),
        ("pitfalls.disconnects", "/right/stage", "hello", BYTES),
        ("pitfalls.blocking", "/right/desk", "hello", BYTES),
        ("pitfalls.closing", "/right/order", "soup", BYTES),
        ("pitfalls.catching", "/right/menu", "tea", []),
    ],
)
@pytest.mark.thorough  # that they are the lessons' is tested above
def test_an_endpoint_passes_the_check_up(module, path, say, exclude):
    app = importlib.import_module(f"examples.{module}").app
    report = asyncio.run(checkup(app, path, say=say, exclude=exclude))
    report.raise_for_failures()


@pytest.mark.parametrize(
    ("module", "path", "say", "client"),
    [
        ("pitfalls.accept", "/wrong/length", "hello", "polite"),
        ("pitfalls.closing", "/wrong/order", "soup", "silent"),
        ("pitfalls.catching", "/wrong/menu", "tea", "drops while idle"),
    ],
)
def test_a_wrong_endpoint_does_not(module, path, say, client):
    app = importlib.import_module(f"examples.{module}").app
    assert not asyncio.run(checkup(app, path, say=say, only=[client])).ok


BEGINS_ANEW = "(from the first line that is kept)\n"


def test_the_resume_program_and_its_client_that_comes_back():
    client = None
    try:
        with program("-m", "examples.resume", "--port", "0") as (_, port):
            command = [sys.executable, "-m", "examples.resume.client", f"ws://127.0.0.1:{port}/room"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            client = subprocess.Popen(command, cwd=lessons.ROOT, text=True, **pipes)
            print("one\ntwo", file=client.stdin, flush=True)
            assert [client.stdout.readline() for _ in range(3)] == [BEGINS_ANEW, "1: one\n", "2: two\n"]
        assert client.stdout.readline() == "(away)\n"  # the server has been killed
        print("three", file=client.stdin, flush=True)
        with program("-m", "examples.resume", "--port", str(port)):
            lines = (line for line in client.stdout if line != "(away)\n")
            assert [next(lines), next(lines)] == [BEGINS_ANEW, "1: three\n"]
    finally:
        if client:
            client.kill()
            client.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "caf\udce9"])
def test_the_resume_client_says_nothing_that_would_end_it(capsys, text):
    async def say():
        member = Member()
        member.say(text)
        return member.outbox

    assert (asyncio.run(say()), capsys.readouterr().out[:11]) == ({}, "(not said: ")


@pytest.mark.parametrize(("url", "why"), [("{}/nowhere", "HTTP 403"), ("localhost", "isn't a valid URI")])
def test_the_resume_client_says_why_it_gives_up(url, why):
    with program("-m", "examples.resume", "--port", "0") as (_, port):
        command = [sys.executable, "-m", "examples.resume.client", url.format(f"ws://127.0.0.1:{port}")]
        given = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": PATIENCE}
        result = subprocess.run(command, cwd=lessons.ROOT, **given)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Given up: ") and why in result.stderr and len(result.stderr.splitlines()) == 1


@on_each_implementation
def test_the_room_that_loses_nothing_survives_every_client(ws, monkeypatch):
    full = History("full", keep=3)
    for text in ["one", "two", "three"]:
        full.add(text)
    monkeypatch.setattr(resume, "room", full)
    monkeypatch.setattr(resume, "done", {})
    report = asyncio.run(checkup(resume.app, "/room?client={n}", say={"id": 1, "text": "hello"}, ws=ws))
    report.raise_for_failures()
    assert not full.followers


@on_each_implementation
def test_nobody_waits_for_a_member_that_does_not_read_and_it_may_go_on_later(ws, monkeypatch):
    monkeypatch.setattr(resume, "room", History("monday", keep=10))
    monkeypatch.setattr(resume, "done", {})

    async def visit():
        options = {"ws": ws, "ws_ping_interval": None, "ws_per_message_deflate": False}
        with serve(resume.app, name="resume", **options) as server:
            server.shrink_buffers()
            url = server.url("/room?client={}&history=monday&number=0")
            async with asyncio.timeout(PATIENCE), connect(url.format("ann"), max_size=None) as ann:
                async with connect(url.format("ben"), max_size=None) as ben:
                    ben.transport.pause_reading()
                    await server.on_loop(lambda: resume.room.add("x" * 1_000_000))
                    heard = [json.loads(await ann.recv())]
                    for id, text in enumerate("abcdefghijkl", 1):
                        await ann.send(json.dumps({"id": id, "text": text}))
                        while len(heard) <= 2 * id:  # the line, and its acknowledgement
                            heard.append(json.loads(await ann.recv()))
                    await server.let_time_pass(2 * resume.SLOW)
                    assert len(resume.room.followers) == 1
                    ben.transport.abort()
                async with connect(url.format("ben"), max_size=None) as ben:
                    lines = [json.loads(await ben.recv()) for _ in range(11)]
        assert lines[0] == {"anew": "monday", "number": 3}
        assert [line["number"] for line in lines[1:]] == list(range(4, 14))

    asyncio.run(visit())


def test_ids_are_remembered_of_so_many_clients(monkeypatch):
    monkeypatch.setattr(resume, "done", {})
    monkeypatch.setattr(resume, "CLIENTS", 2)
    for client, id in [("ann", 1), ("ben", 1), ("ann", 2), ("cleo", 1)]:
        resume.remember(client, id)
    assert resume.done == {"ann": 2, "cleo": 1}


def run_client(url: str, lines: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "examples.echo.client", url]
    return subprocess.run(command, cwd=lessons.ROOT, input=lines, capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process alone")
def test_ctrl_c_ends_the_program_while_a_client_is_connected():
    async def stay_and_press_ctrl_c(process, port):
        async with asyncio.timeout(PATIENCE), connect(f"ws://127.0.0.1:{port}/ws") as ws:
            process.send_signal(signal.SIGINT)
            with pytest.raises(ConnectionClosed):
                await ws.recv()
            rest, _ = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
            return ws.close_code, rest

    with program("-m", "examples.echo", "--port", "0") as (process, port):
        code, rest = asyncio.run(stay_and_press_ctrl_c(process, port))
        assert code == 1012
        assert "Traceback" not in rest
        assert process.returncode == 0


def test_what_can_be_wrong_with_a_start():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options in [["--port", port], ["--port", "99999"], ["--host", "192.0.2.1"]]:
            command = [sys.executable, "-m", "examples.echo", *options]
            result = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
            assert result.returncode == 1
            assert result.stderr.startswith("Cannot listen on ")
            assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [(["--prot", "8000"], "unrecognized arguments: --prot 8000"), (["--port", "http"], "argument --port: invalid int")],
)
def test_a_wrong_option_is_one_line(options, problem):
    command = [sys.executable, "-m", "examples.echo", *options]
    result = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 1
    assert result.stderr.startswith(problem)
    assert result.stderr.count("\n") == 1


# How a terminal's input is read in most languages; in Python's tests, and in others, each byte passes.
STRICT = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}


def test_a_byte_that_is_no_utf8_ends_no_client():
    with program("-m", "examples.echo", "--port", "0") as (_, port):
        command = [sys.executable, "-m", "examples.echo.client", f"ws://127.0.0.1:{port}/ws"]
        given = {"env": STRICT, "capture_output": True, "timeout": PATIENCE}
        result = subprocess.run(command, cwd=lessons.ROOT, input=b"caf\xe9\nhello\n", **given)
        assert result.stdout.decode().splitlines() == ["You wrote: caf\ufffd", "You wrote: hello"]
    with program("-m", "examples.resume", "--port", "0") as (_, port):
        command = [sys.executable, "-m", "examples.resume.client", f"ws://127.0.0.1:{port}/room"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, cwd=lessons.ROOT, env=STRICT, **pipes) as client:
            try:
                client.stdin.write(b"caf\xe9\nhello\n")
                client.stdin.flush()
                lines = {client.stdout.readline().decode().rstrip() for _ in range(3)}
            finally:
                client.kill()
        assert lines >= {"(not said: there is half a character in it, or a byte that is no UTF-8)", "1: hello"}


def test_the_client_says_that_the_connection_was_lost():
    with program("-m", "examples.echo", "--port", "0") as (process, port):
        command = [sys.executable, "-m", "examples.echo.client", f"ws://127.0.0.1:{port}/ws"]
        pipe = subprocess.PIPE
        client = subprocess.Popen(command, cwd=lessons.ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        try:
            client.stdin.write("hello\n")
            client.stdin.flush()
            assert client.stdout.readline() == "You wrote: hello\n"
            process.kill()
            process.wait(PATIENCE)
            _, error = client.communicate("again\n", timeout=PATIENCE)
        finally:
            client.kill()
            client.wait(PATIENCE)
        assert error.strip() == f"The connection to ws://127.0.0.1:{port}/ws was lost (code 1006)."
        assert client.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("end_of_input", ["Ctrl-D", "Ctrl-C"])
def test_the_client_at_a_prompt(end_of_input):
    import pty

    with program("-m", "examples.echo", "--port", "0") as (_, port):
        terminal, end = pty.openpty()
        command = [sys.executable, "-m", "examples.echo.client", f"ws://127.0.0.1:{port}/ws"]
        client = subprocess.Popen(
            command, cwd=lessons.ROOT, stdin=end, stdout=end, stderr=end, close_fds=True, preexec_fn=notice_ctrl_c
        )
        os.close(end)
        try:
            read_until(terminal, b"Connected. Write a line and press Enter; end with Ctrl-C.\r\n> ")
            os.write(terminal, b"hello\n")
            read_until(terminal, b"You wrote: hello\r\n> ")
            if end_of_input == "Ctrl-D":
                os.write(terminal, b"\x04")
            else:
                interrupt(client)
            assert client.wait(PATIENCE) == 0
        finally:
            client.kill()
            client.wait(PATIENCE)
            os.close(terminal)


def notice_ctrl_c() -> None:
    """In the new process. What is started in the background of a shell, as these tests may be, has SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupt(client: subprocess.Popen) -> None:
    """Press Ctrl-C; and again, if it came between the prompt and the reading, where Python does not notice it."""
    for _ in range(5):
        client.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            client.wait(PATIENCE / 5)
            return


def read_until(terminal: int, end: bytes) -> None:
    """Read what appears on a terminal, up to `end`."""
    seen = b""
    while not seen.endswith(end):
        ready, _, _ = select.select([terminal], [], [], PATIENCE)
        assert ready, f"waited for {end}, saw {seen}"
        seen += os.read(terminal, 1000)


def test_what_can_be_wrong_with_an_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{free.getsockname()[1]}/ws"
    nobody = run_client(url, "hello\n")
    assert nobody.returncode == 1
    assert nobody.stderr.strip() == f"Nobody listens at {url}. Is the server running?  python -m examples.echo"
    assert "is not a WebSocket address" in run_client("localhost", "hello\n").stderr


def test_the_first_message_as_its_file_says():
    with program("-m", "uvicorn", "examples.first_message.app:app", "--port", "0") as (_, port):
        command = [sys.executable, "examples/first_message/client.py", f"ws://127.0.0.1:{port}/ws"]
        result = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
        assert result.stdout == "You wrote: hello from a script\n"


PITFALLS = {
    "accept": """
        /wrong/length: refused, HTTP 500
        /right/length: 5 characters
        """,
    "disconnects": """
        /wrong/stage: Ann asks for the microphone: yours
        /wrong/stage: Ben asks for the microphone: taken
        /right/stage: Ann asks for the microphone: yours
        /right/stage: Ben asks for the microphone: yours
        """,
    "blocking": """
        /wrong/desk: Ann's report is being made
        /wrong/desk: Ann has her report
        /wrong/desk: Ben, who only says hi, is answered
        /right/desk: Ann's report is being made
        /right/desk: Ben, who only says hi, is answered
        /right/desk: Ann has her report
        """,
    "closing": """
        /wrong/order: noted: soup
        /wrong/order: closed with 1000 ''
        /right/order: noted: soup
        /right/order: noted: bread
        /right/order: thank you
        /right/order: closed with 1000 'order taken'
        """,
    "catching": """
        /wrong/menu: tea: 2.50
        /wrong/menu: pizza? closed with 1000
        /wrong/menu: soup? closed with 1000
        /right/menu: tea: 2.50
        /right/menu: pizza is not on the menu
        /right/menu: soup? closed with 1011
        And now look at the server's log: which of the two has an error in it?
        """,
}


@pytest.mark.parametrize("name", PITFALLS)
def test_a_pitfalls_client_shows_the_difference(name):
    with serve(importlib.import_module(f"examples.pitfalls.{name}").app, name="a pitfall") as server:
        command = [sys.executable, "-m", f"examples.pitfalls.{name}", f"ws://127.0.0.1:{server.port}"]
        result = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
        assert (result.stdout, result.stderr) == (textwrap.dedent(PITFALLS[name]).lstrip(), "")


def test_the_messages_as_their_file_says():
    with program("-m", "uvicorn", "examples.messages.app:app", "--port", "0") as (_, port):
        command = [sys.executable, "examples/messages/client.py", f"ws://127.0.0.1:{port}"]
        result = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
        echo, text, order = re.split(r"^/(?:text|order)\n", result.stdout, flags=re.MULTILINE)
        assert "b'\\x00\\xff'        b'\\x00\\xff'" in echo
        assert "b'\\x00\\xff'        closed: 1003 text, please" in text
        assert order.count('"error":"send JSON, as text"') == 4
        assert """'{"item": "tea"}'  '{"ordered":"tea"}'""" in order


LIMIT = 16 * 1024 * 1024  # bytes: what uvicorn takes, unless told otherwise


@pytest.mark.parametrize("compression", [None, pytest.param("deflate", marks=pytest.mark.thorough)])
def test_the_echo_gives_back_what_it_got(compression):
    sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000_003, LIMIT]

    async def talk(port):
        url = f"ws://127.0.0.1:{port}/echo"
        async with asyncio.timeout(60), connect(url, max_size=None, compression=compression) as ws:
            for size in sizes:
                # Random bytes grow when they are compressed; and the limit holds for what travels, too.
                noise = random.Random(size).randbytes(min(size, LIMIT - 64 * 1024) if compression else size)
                for message in ["x" * size, noise]:
                    await ws.send(message)
                    assert await ws.recv() == message
            await ws.send("é" * (LIMIT // 2))  # the limit counts bytes
            assert await ws.recv() == "é" * (LIMIT // 2)
            for parts in [["a", "", "b" * 70_000], [b"a", b"", b"b" * 70_000], ["", ""], [b""]]:  # a frame each
                await ws.send(parts)
                assert await ws.recv() == type(parts[0])().join(parts)
        for message in ["x" * (LIMIT + 1), b"x" * (LIMIT + 1), "é" * (LIMIT // 2 + 1)]:
            async with asyncio.timeout(60), connect(url, max_size=None, compression=compression) as ws:
                with contextlib.suppress(ConnectionClosed):
                    await ws.send(message)
                await ws.wait_closed()
                assert ws.close_code == 1009

    with program("-m", "examples.echo", "--port", "0") as (_, port):
        asyncio.run(talk(port))
