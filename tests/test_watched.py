"""The program examples/watched: what it logs and counts, with one worker and with two."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from websockets import InvalidStatus, connect

from course.client import visit
from course.watched_service import Service
from course.ways_to_end import WAYS
from examples.watched import app as watched
from examples.watched import watch
from tests import lessons
from tests.implementations import on_each_implementation
from wslab import checkup, serve

PATIENCE = 60  # seconds; only a test that fails waits this long


@on_each_implementation
def test_it_survives_every_client(ws):
    report = asyncio.run(checkup(watched.app, "/desk", say="hours", ws=ws))
    report.raise_for_failures()


def ended(sign: str, code: str) -> float:
    return REGISTRY.get_sample_value("websocket_ended_total", {"sign": sign, "code": code}) or 0


def refusals(sign: str, code: str) -> float:
    return REGISTRY.get_sample_value("websocket_refused_total", {"sign": sign, "code": code}) or 0


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/refuses", ("refused", "403")),
        ("/denies", ("refused", "401")),
        ("/breaks", ("raised", "KeyError")),
        ("/nowhere", ("refused", "403")),
    ],
)
def test_a_refusal_says_whether_it_was_meant(path, counts):
    service = Service(lambda app, *_: watch.Watch(app), watch.connection)

    async def run():
        with serve(service.watched, name="watched") as server:
            with pytest.raises(InvalidStatus):
                await connect(server.url(path))
            await server.conversation()

    before = refusals(*counts)
    asyncio.run(run())
    assert refusals(*counts) == before + 1
    assert REGISTRY.get_sample_value("websocket_open") == 0


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.path} {way.counts}")
def test_each_end_is_counted_once_and_said_in_one_line(way):
    service = Service(lambda app, *_: watch.Watch(app), watch.connection)

    async def run():
        with serve(service.watched, name="watched") as server:
            log = logging.getLogger("uvicorn.error")
            log.addHandler(service)
            try:
                async with visit(server, way.path) as client:
                    await way.does(client)
                await service.tell_that_it_is_gone(server)
                await server.conversation()
            finally:
                log.removeHandler(service)

    before = ended(*way.counts)
    asyncio.run(run())
    assert ended(*way.counts) == before + 1
    assert REGISTRY.get_sample_value("websocket_open") == 0
    (end,) = [line for _, line in service.lines if line.startswith("ends: ")]
    assert end.startswith(f"ends: {' '.join(way.counts)} ".replace("  ", " "))
    assert len({number for number, _ in service.lines}) == 1


def test_what_a_client_makes_up_becomes_no_label_and_no_line():
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())

    async def run():
        with serve(watched.app, name="watched") as server:
            logging.getLogger("uvicorn.error").addHandler(handler)
            async with connect(server.url("/desk")) as ws:
                await ws.close(3456, "x\nINFO all is well")
            with pytest.raises(InvalidStatus):
                await connect(server.url("/a%0Ab"))
            await server.conversation()

    before = ended("received", "other")
    refused = refusals("refused", "403")
    asyncio.run(run())
    assert ended("received", "other") == before + 1
    assert ended("received", "3456") == 0
    assert refusals("refused", "403") == refused + 1
    assert not [line for line in lines if "\n" in line]


def test_a_client_too_says_1009():
    """To the service, it looks as if its client had sent too much."""

    async def run():
        with serve(watched.app, name="watched") as server:
            async with connect(server.url("/desk"), max_size=5) as ws:
                await ws.send("hours")
                await ws.wait_closed()
            await server.conversation()

    before = ended("received", "1009")
    asyncio.run(run())
    assert ended("received", "1009") == before + 1


def test_what_uvicorn_logs_outside_of_the_task_has_no_id():
    ids = {}
    handler = logging.Handler()
    handler.emit = lambda record: ids.setdefault(record.getMessage(), watch.connection.get())

    async def run():
        with serve(watched.app, name="watched") as server:
            logging.getLogger("uvicorn.error").addHandler(handler)
            async with connect(server.url("/desk")) as ws:
                await ws.send(b"\xff", text=True)
                await ws.wait_closed()
            await server.conversation()

    try:
        asyncio.run(run())
    finally:
        logging.getLogger("uvicorn.error").removeHandler(handler)
    assert ids["Invalid UTF-8 sequence received from client."] == "-"
    (end,) = [line for line in ids if line.startswith("ends: received 1007 ")]
    assert ids[end] != "-"


def test_a_span_has_what_the_end_line_has():
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app = FastAPI(telemetry={"tracer_provider": provider, "operation_spans": False})
    app.add_middleware(watch.Watch)
    app.add_api_websocket_route("/desk", watched.desk)

    async def run():
        with serve(app, name="watched") as server:
            async with connect(server.url("/desk")) as ws:
                await ws.send(b"hours")
                await ws.wait_closed()
            await server.conversation()

    asyncio.run(run())
    (span,) = spans.get_finished_spans()
    assert (span.attributes["websocket.end"], span.attributes["websocket.code"]) == ("sent", "1003")


# --- as a program ---


class Program:
    """A process of this command, and its log."""

    def __init__(self, log: Path, *command: str, **environment: str):
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=lessons.ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def says(self, pattern: str, times: int = 1) -> re.Match:
        """Wait until its log has this so often; the last of it."""
        end = time.monotonic() + PATIENCE
        while len(found := list(re.finditer(pattern, self.log.read_text()))) < times:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"{pattern!r} is not in\n{self.log.read_text()}"
            time.sleep(0.02)
        return found[-1]

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *error) -> None:
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()


@pytest.mark.parametrize("folder", ["", "is/not/there"])
def test_a_folder_that_is_not_there_is_refused_before_anything_is_written(folder, tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", "import examples.watched.watch"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(lessons.ROOT), "PROMETHEUS_MULTIPROC_DIR": folder},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    said = f"RuntimeError: PROMETHEUS_MULTIPROC_DIR is {folder!r}, which is no folder: make an empty one, or unset it."
    assert result.stderr.splitlines()[-1] == said
    assert not list(tmp_path.iterdir())


def test_the_program_says_where_it_stands_still(tmp_path):
    async def ask_for_an_invoice(port: str):
        async with asyncio.timeout(PATIENCE), connect(f"ws://127.0.0.1:{port}/desk") as ws:
            await ws.send("invoice 17")
            assert await ws.recv() == "invoice 17: paid"

    with Program(tmp_path / "log", "examples.watched", "--port", "0") as program:
        asyncio.run(ask_for_an_invoice(program.says(r"Ask at ws://127\.0\.0\.1:(\d+)/desk")[1]))
        program.says(r"The loop stands still\.\n")
        program.says(r"most recent call first.*\n.* in find_invoice\n.* in answer\n.* in desk\n")
        program.says(rf" {program.process.pid} INFO \[[0-9a-f]{{8}}\] asked 'invoice 17'")
        program.says(r"\[[0-9a-f]{8}\] ends: received 1000 '', heard 1, said 1, after \d")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGUSR1")
def test_a_signal_asks_for_the_stack(tmp_path):
    with Program(tmp_path / "log", "examples.watched", "--port", "0") as program:
        program.says("Application startup complete")
        program.process.send_signal(signal.SIGUSR1)
        program.says(r"most recent call first\):\n(.*\n)+?.* in start\n")
        assert "stands still" not in program.log.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="the workers share their port otherwise there")
def test_any_of_two_workers_answers_for_both_and_a_killed_one_is_left_out(tmp_path):
    (tmp_path / "numbers").mkdir()

    def count(port: str) -> float:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as response:
            return float(re.search(r"(?m)^websocket_open (.*)", response.read().decode())[1])

    async def run(program: Program, port: str):
        async with asyncio.timeout(PATIENCE), contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connect(f"ws://127.0.0.1:{port}/desk")) for _ in range(20)]
            assert {await asyncio.to_thread(count, port) for _ in range(5)} == {20}
            workers = psutil.Process(program.process.pid).children()
            victim = next(w for w in workers if any(c.status == "ESTABLISHED" for c in w.net_connections()))
            victim.kill()
            await asyncio.wait(
                [asyncio.ensure_future(ws.wait_closed()) for ws in clients], return_when="FIRST_COMPLETED"
            )
            program.says("Application startup complete", times=3)
            for ws in clients:  # whose worker is gone knows it now; the others answer
                with contextlib.suppress(Exception):
                    await (await ws.ping())
            left = sum(ws.close_code is None for ws in clients)
            assert await asyncio.to_thread(count, port) == left < 20

    command = [
        "uvicorn",
        "examples.watched.app:app",
        "--workers",
        "2",
        "--port",
        "0",
        "--timeout-graceful-shutdown",
        "1",
    ]
    with Program(tmp_path / "log", *command, PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "numbers")) as program:
        port = program.says(r"running on http://127\.0\.0\.1:(\d+)")[1]
        program.says("Application startup complete", times=2)
        asyncio.run(run(program, port))
