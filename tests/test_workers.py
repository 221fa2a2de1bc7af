"""The program examples/workers: one room in two workers, with a real broker between them."""

import asyncio
import contextlib
import functools
import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import deque

import psutil
import pytest
import redis
from websockets import ClientConnection, ConnectionClosed, connect
from websockets import serve as serve_websockets

from course import parts
from examples.workers import __main__ as program
from examples.workers import client
from examples.workers.client import LONGEST, Talker
from tests import lessons
from tests.implementations import on_each_implementation
from wslab import checkup, serve

PATIENCE = 60  # seconds; only a test that fails waits this long
GAP = {"gap": True}


@pytest.fixture
def broker(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    with parts.broker("for a test") as broker:
        yield broker


@pytest.fixture
def app(broker, monkeypatch):
    """The module, with a wire to its broker that can be cut as `app.wire`."""
    with parts.wire(broker) as wire:
        monkeypatch.setenv("REDIS_URL", wire.url)
        sys.modules.pop("examples.workers.app", None)
        module = importlib.import_module("examples.workers.app")
        module.wire = wire
        yield module
    sys.modules.pop("examples.workers.app", None)


async def hear(ws, number: int = 1) -> list[dict]:
    return [json.loads(await ws.recv()) for _ in range(number)]


async def say(ws, seq: int, text: str) -> None:
    await ws.send(json.dumps({"seq": seq, "text": text}))


def add(broker, *numbers: int, maxlen: int, text: str = "") -> None:
    """Lines that somebody says at another worker, of which the stream keeps no more than `maxlen`."""
    with redis.from_url(broker.url) as db:
        for number in numbers:
            fields = {"name": "Ann", "text": text or str(number)}
            db.xadd("course:room", fields, id=f"{number}-0", maxlen=maxlen, approximate=False)


async def nothing_more(ws) -> bool:
    await (await ws.ping())
    try:
        async with asyncio.timeout(0):
            await ws.recv()
    except TimeoutError:
        return True
    return False


def texts(heard: list[dict]) -> list[str]:
    return [message["text"] for message in heard if "text" in message]


@on_each_implementation
def test_it_survives_every_client(app, monkeypatch, ws):
    # A history that is full soon: the check-up takes what each visit adds for what stays.
    monkeypatch.setattr(app, "lines", deque(maxlen=5))
    report = asyncio.run(checkup(app.app, "/ws/{n}", say='{"text": "hello"}', room=True, ws=ws))
    report.raise_for_failures()


def visit(app, conversation) -> None:
    async def run():
        async with asyncio.timeout(PATIENCE):
            with serve(app.app, name="workers") as server:
                await conversation(server)

    asyncio.run(run())


def test_what_is_said_again_is_acknowledged_again_and_heard_once(app):
    async def conversation(server):
        async with connect(server.url("/ws/Ann?key=a")) as ann:
            for seq, text in [(1, "one"), (1, "one"), (2, "two"), (1, "one")]:
                await say(ann, seq, text)
            heard = await hear(ann, 6)
            assert [message["seq"] for message in heard if "seq" in message] == [1, 1, 2, 1]
            assert texts(heard) == ["one", "two"]
            async with connect(server.url("/ws/Ann?key=another")) as tab:  # counts for itself
                await hear(tab, 2)
                await say(tab, 1, "three")
                assert texts(await hear(ann)) == ["three"]

    visit(app, conversation)


def test_who_comes_back_hears_what_was_missed_and_of_a_gap(app, monkeypatch):
    monkeypatch.setattr(app, "KEEP", 3)
    monkeypatch.setattr(app, "lines", deque(maxlen=3))

    async def conversation(server):
        async with connect(server.url("/ws/Ann")) as ann:
            for seq in range(1, 5):
                await say(ann, seq, str(seq))
            ids = [message["id"] for message in await hear(ann, 8) if "id" in message]
        for last, missed in [(ids[3], []), (ids[2], ["4"]), (ids[1], ["3", "4"]), ("0-0", ["2", "3", "4"])]:
            async with connect(server.url(f"/ws/Ben?last={last}")) as ben:
                assert texts(await hear(ben, len(missed))) == missed
        async with connect(server.url(f"/ws/Ben?last={ids[0]}")) as ben:
            assert (await hear(ben, 4))[0] == GAP
        async with connect(server.url("/ws/Ben?last=9999999999999-0")) as ben:  # this worker is behind
            await say(ben, 1, "five")
            assert await hear(ben) == [{"seq": 1}]  # what it has heard elsewhere is not told again
            async with connect(server.url(f"/ws/Cleo?last={ids[3]}")) as cleo:
                assert texts(await hear(cleo)) == ["five"]
            assert await nothing_more(ben)

    visit(app, conversation)


def test_where_the_broker_is_away_one_is_told_to_come_back(app):
    async def conversation(server):
        async with connect(server.url("/ws/Ann")) as ann:
            app.wire.cut()
            await say(ann, 1, "one")
            await ann.wait_closed()
            assert (ann.close_code, ann.close_reason) == (1013, "try again later")
        app.wire.mend()
        async with connect(server.url("/ws/Ann")) as ann:
            await say(ann, 1, "one")
            assert texts(await hear(ann, 2)) == ["one"]

    visit(app, conversation)


def test_who_has_missed_much_hears_all_of_it(app, broker):
    """In JSON, 200 lines of these have more than a MiB, the most that this client takes at once."""
    add(broker, *range(1, 201), maxlen=500, text="\U0001f600" * 1000)

    async def conversation(server):
        async with connect(server.url("/ws/Ben")) as ben:
            assert len(texts(await hear(ben, 200))) == 200

    visit(app, conversation)


def test_a_worker_that_has_just_begun_tells_of_a_gap_too(app, broker, monkeypatch):
    monkeypatch.setattr(app, "KEEP", 3)
    monkeypatch.setattr(app, "BATCH", 2)
    monkeypatch.setattr(app, "lines", deque(maxlen=3))
    add(broker, 1, 2, 3, 4, 5, maxlen=3)
    app.wire.cut()  # so it has read nothing when Ben comes

    async def conversation(server):
        async with connect(server.url("/ws/Ben?last=1-0")) as ben:
            await (await ben.ping())
            app.wire.mend()
            assert await hear(ben, 1) == [GAP]
            assert texts(await hear(ben, 3)) == ["3", "4", "5"]
            async with connect(server.url("/ws/Cleo?last=3-0")) as cleo:
                assert texts(await hear(cleo, 2)) == ["4", "5"]

    visit(app, conversation)


def test_a_worker_that_was_cut_off_for_too_long_tells_of_the_gap(app, broker, monkeypatch):
    monkeypatch.setattr(app, "KEEP", 3)
    monkeypatch.setattr(app, "BATCH", 2)
    monkeypatch.setattr(app, "lines", deque(maxlen=3))

    async def conversation(server):
        async with connect(server.url("/ws/Ben")) as ben:
            for first, last, is_told in [(1, 1, []), (2, 3, []), (4, 9, [GAP]), (10, 10, [])]:
                app.wire.cut()
                add(broker, *range(first, last + 1), maxlen=3)
                app.wire.mend()
                kept = [str(number) for number in range(first, last + 1)][-3:]
                heard = await hear(ben, len(is_told) + len(kept))
                assert heard[: -len(kept)] == is_told
                assert texts(heard) == kept
            async with connect(server.url("/ws/Cleo?last=4-0")) as cleo:
                assert await hear(cleo, 1) == [GAP]
                assert texts(await hear(cleo, 3)) == ["8", "9", "10"]

    visit(app, conversation)


def test_who_comes_while_its_worker_has_read_nothing_is_told_to_come_back(app, monkeypatch):
    monkeypatch.setattr(app, "CATCHES_UP", 0)
    app.wire.cut()

    async def conversation(server):
        async with connect(server.url("/ws/Ann")) as ann:
            await ann.wait_closed()
            assert (ann.close_code, ann.close_reason) == (1013, "try again later")

    visit(app, conversation)


@pytest.mark.parametrize("said", ["{}", '{"text": "x", "seq": 0}', "hello", '{"text": 1}'])
def test_what_is_no_message_is_refused_with_1008(app, said):
    async def conversation(server):
        async with connect(server.url("/ws/Ann")) as ann:
            await ann.send(said)
            await ann.wait_closed()
            assert ann.close_code == 1008

    visit(app, conversation)


@contextlib.contextmanager
def started(*options: str):
    """The program, and the addresses of its two workers."""
    command = [sys.executable, "-m", "examples.workers", "--port", "0", *options]
    process = subprocess.Popen(command, cwd=lessons.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process, re.findall(r"ws://127\.0\.0\.1:\d+", process.stdout.readline())
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(PATIENCE)
        process.stdout.close()
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
        for child in alive:
            child.kill()
        assert not alive or sys.platform == "win32"  # where nobody can be asked to end


def test_a_worker_is_killed_and_its_client_goes_on_at_the_other(broker):
    async def talk(process, urls):
        async with asyncio.timeout(PATIENCE), connect(f"{urls[1]}/ws/Ben") as ben:
            async with connect(f"{urls[0]}/ws/Ann?key=a") as ann:
                await say(ann, 1, "one")
                heard = await hear(ann, 2)
                (worker,) = [
                    child
                    for child in psutil.Process(process.pid).children()
                    if urls[0].rpartition(":")[2] in child.cmdline()
                ]
                worker.kill()
                with pytest.raises(ConnectionClosed):
                    await ann.recv()
                assert ann.close_code == 1006
            await say(ben, 1, "two")
            last = next(message["id"] for message in heard if "id" in message)
            async with connect(f"{urls[1]}/ws/Ann?key=a&last={last}") as ann:
                await say(ann, 1, "one")  # as if she had not heard that it was kept
                await say(ann, 2, "three")
                assert texts(await hear(ann, 4)) == ["two", "three"]
            assert texts(await hear(ben, 4)) == ["one", "two", "three"]

    with started("--redis", broker.url) as (process, urls):
        asyncio.run(talk(process, urls))


@pytest.mark.skipif(not program.find_broker(), reason="there is no real broker for this system")
def test_it_brings_its_broker_and_its_client_comes_back():
    with started() as (process, urls):
        command = [sys.executable, "-m", "examples.workers.client", "Ann", *urls]
        pipe = subprocess.PIPE
        client = subprocess.Popen(command, cwd=lessons.ROOT, stdin=pipe, stdout=pipe, text=True)
        try:
            client.stdin.write("hello\n")
            client.stdin.flush()
            assert client.stdout.readline() == "Ann: hello\n"
            for child in psutil.Process(process.pid).children():
                if urls[0].rpartition(":")[2] in child.cmdline():
                    child.send_signal(signal.SIGKILL)
            assert client.stdout.readline() == f"({urls[0]} is gone; trying the next one)\n"
            out, _ = client.communicate("are you there?\n", timeout=PATIENCE)
            assert out == "Ann: are you there?\n"
        finally:
            client.kill()
            client.wait(PATIENCE)


def test_without_a_broker_it_says_so(monkeypatch):
    monkeypatch.setattr(program, "find_broker", lambda: None)
    monkeypatch.setattr(sys, "argv", ["workers", "--port", "0"])
    with pytest.raises(SystemExit, match="There is no valkey-server or redis-server here"):
        program.main()


def test_a_port_that_is_taken_is_told_in_one_line(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["workers", "--port", str(port)])
        with pytest.raises(SystemExit, match=rf"^Cannot listen on 127\.0\.0\.1:{port}: .*with --port\.$"):
            program.main()


def test_an_address_that_leads_to_no_broker_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["workers", "--port", "0", "--redis", "localhost:6379"])
    with pytest.raises(SystemExit, match=r"^--redis localhost:6379: Redis URL must"):
        program.main()


def test_without_redis_it_says_so(monkeypatch):
    monkeypatch.setattr(program.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["workers"])
    with pytest.raises(SystemExit, match=r"needs redis-py.*make production"):
        program.main()


def test_the_client_says_what_is_no_address():
    command = [sys.executable, "-m", "examples.workers.client", "Ann", "localhost:8000"]
    result = subprocess.run(
        command, cwd=lessons.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "localhost:8000 isn't a valid URI" in result.stderr


def test_an_error_of_the_client_itself_ends_it_and_shows():
    command = [sys.executable, "-m", "examples.workers.client", "Ann", "ws://a..b:8000"]  # no name of a machine
    result = subprocess.run(
        command, cwd=lessons.ROOT, input="hello\n", capture_output=True, text=True, timeout=PATIENCE
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert "UnicodeError" in result.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x" * (LONGEST + 1), f"longer than {LONGEST} characters"),
        ("caf\udce9", "there is half a character in it, or a byte that is no UTF-8"),
    ],
)
def test_the_client_says_nothing_that_is_refused_each_time(capsys, text, why):
    talker = Talker("Ann")
    asyncio.run(talker.say(text))
    assert (talker.unsure, capsys.readouterr().out) == ({}, f"(not said: {why})\n")


def test_a_byte_that_is_no_utf8_does_not_end_the_client():
    command = [sys.executable, "-m", "examples.workers.client", "Ann", "ws://127.0.0.1:1"]
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}  # as a terminal's input is read in most languages
    given = {"env": strict, "capture_output": True, "timeout": PATIENCE}
    result = subprocess.run(command, cwd=lessons.ROOT, input=b"caf\xe9\n", **given)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"(not said: there is half a character in it, or a byte that is no UTF-8)" in result.stdout


def test_what_is_said_while_the_client_says_the_rest_again_is_said_too(monkeypatch):
    async def conversation():
        heard, done = [], asyncio.Event()
        talker = Talker("Ann")

        async def listen(ws):
            async for message in ws:
                heard.append(json.loads(message)["text"])
                if len(heard) == 3:
                    done.set()

        class SlowWay(ClientConnection):
            async def send(self, message):
                if not talker.ws and len(talker.unsure) < 3:  # it has to wait, and somebody types on
                    await talker.say("three")
                await super().send(message)

        monkeypatch.setattr(client, "connect", functools.partial(connect, create_connection=SlowWay))
        async with asyncio.timeout(PATIENCE), serve_websockets(listen, "127.0.0.1", 0) as server:
            for text in ("one", "two"):
                await talker.say(text)
            port = server.sockets[0].getsockname()[1]
            listening = asyncio.create_task(talker.listen([f"ws://127.0.0.1:{port}"]))
            await done.wait()
            listening.cancel()
            await asyncio.wait([listening])
        assert heard == ["one", "two", "three"]

    asyncio.run(conversation())


def test_a_broker_that_does_not_answer_is_the_workers_matter_not_the_clients_loss(app, broker):
    """A client that is connected when the broker ends stays, and hears what is said when it is back."""

    async def conversation(server):
        async with connect(server.url("/ws/Ann")) as ann:
            broker.kill()
            broker.start()
            broker.ready()
            with redis.from_url(broker.url) as db:
                db.xadd("course:room", {"name": "Ben", "text": "back"})
            assert texts(await hear(ann)) == ["back"]

    visit(app, conversation)
