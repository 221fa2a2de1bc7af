"""The programs in examples/: started as a reader starts them, and with the endpoints of the lessons."""

import ast
import asyncio
import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from websockets import ConnectionClosed, connect

from examples.disconnects import app as disconnects
from tests import lessons
from wslab import checkup

PATIENCE = 20  # seconds; only a test that fails waits this long


def endpoint(module: str, name: str) -> str:
    tree = ast.parse((lessons.ROOT / "examples" / module).read_text(encoding="utf-8"))
    (found,) = [node for node in tree.body if isinstance(node, ast.AsyncFunctionDef) and node.name == name]
    return ast.unparse(found)


@pytest.mark.parametrize(
    ("module", "name", "lesson"),
    [
        ("first_message/app.py", "answer", "00-start-here.ipynb"),
        ("echo/app.py", "echo", "02-keep-talking.ipynb"),
        ("disconnects/app.py", "put_out", "10-disconnects-done-right.ipynb"),
        ("disconnects/app.py", "read", "10-disconnects-done-right.ipynb"),
        ("disconnects/app.py", "answer", "10-disconnects-done-right.ipynb"),
        ("disconnects/app.py", "shout", "10-disconnects-done-right.ipynb"),
    ],
)
def test_an_endpoint_is_the_one_of_its_lesson(module, name, lesson):
    notebook = lessons.read(lessons.NOTEBOOKS / lesson)
    assert lessons.function(notebook, name)[-1] == endpoint(module, name)


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
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
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


@pytest.mark.parametrize("ws", ["websockets-sansio", "wsproto"])
def test_the_endpoint_of_lesson_10_survives_every_client(ws):
    asyncio.run(checkup(disconnects.app, "/ws", say="hello", ws=ws)).raise_for_failures()
    assert not disconnects.online


def run_client(url: str, lines: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "examples.echo.client", url]
    return subprocess.run(command, cwd=lessons.ROOT, input=lines, capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process alone")
def test_ctrl_c_ends_the_program_while_a_client_is_connected():
    async def stay_and_press_ctrl_c(process, port):
        async with asyncio.timeout(PATIENCE), connect(f"ws://127.0.0.1:{port}/ws") as ws:
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            with pytest.raises(ConnectionClosed):
                await ws.recv()
            rest, _ = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
            return ws.close_code, rest, time.monotonic() - start

    with program("-m", "examples.echo", "--port", "0") as (process, port):
        code, rest, seconds = asyncio.run(stay_and_press_ctrl_c(process, port))
        assert code == 1012
        assert seconds < 2
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
        client = subprocess.Popen(command, cwd=lessons.ROOT, stdin=end, stdout=end, stderr=end, close_fds=True)
        os.close(end)
        try:
            read_until(terminal, b"Connected. Write a line and press Enter; end with Ctrl-C.\r\n> ")
            os.write(terminal, b"hello\n")
            read_until(terminal, b"You wrote: hello\r\n> ")
            if end_of_input == "Ctrl-D":
                os.write(terminal, b"\x04")
            else:
                client.send_signal(signal.SIGINT)
            assert client.wait(PATIENCE) == 0
        finally:
            client.kill()
            client.wait(PATIENCE)
            os.close(terminal)


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
