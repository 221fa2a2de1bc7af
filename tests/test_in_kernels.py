"""`serve` in real kernels: interrupted, run again, restarted, beside other kernels, and after nest_asyncio."""

import socket
import sys
import threading

import pytest
from jupyter_client.manager import start_new_kernel

from tests import lessons

PATIENCE = 30  # seconds; only a test that fails waits this long

SETUP = """
import asyncio
from fastapi import FastAPI, WebSocket
from websockets import connect
from wslab import serve
app = FastAPI()

@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)

async def say(server):
    async with asyncio.timeout(10), connect(server.url("/ws")) as ws:
        await ws.send("hello")
        return await ws.recv()
"""


class Notebook:
    """A kernel, and what its cells put out."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(
            kernel_name="python3", cwd=str(lessons.NOTEBOOKS), extra_arguments=["--log-level=ERROR"]
        )

    def run(self, code: str) -> str:
        """Run a cell and return its text, with errors as `Type: message`."""
        out = []

        def hook(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                out.append(content["text"])
            elif message["msg_type"] == "execute_result":
                out.append(content["data"]["text/plain"])
            elif message["msg_type"] == "error":
                out.append(f"{content['ename']}: {content['evalue']}")

        self.client.execute_interactive(code, timeout=PATIENCE, output_hook=hook)
        return "".join(out).strip()

    def restart(self) -> None:
        self.manager.restart_kernel(now=False)
        self.client.wait_for_ready(timeout=PATIENCE)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook():
    running = Notebook()
    yield running
    running.close()


def interrupt_when_it_says(notebook: Notebook, words: str, code: str) -> str:
    """Run a cell, press Interrupt once it has printed `words`, and return what it put out."""
    out = []

    def hook(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            if words in content["text"]:
                threading.Timer(0.3, notebook.manager.interrupt_kernel).start()  # it sleeps by then, or soon after
            out.append(content["text"])
        elif message["msg_type"] == "error":
            out.append(content["ename"])

    notebook.client.execute_interactive(code, timeout=PATIENCE, output_hook=hook)
    return "".join(out)


def test_a_cell_that_awaits_can_be_interrupted_and_leaves_nothing(notebook):
    notebook.run(SETUP + "server = serve(app)")
    forever = (
        "async with connect(server.url('/ws')) as ws:\n"
        "    print('waiting', flush=True)\n"
        "    await asyncio.Event().wait()"
    )
    assert interrupt_when_it_says(notebook, "waiting", forever) == "waiting\nCancelledError"
    # 1011, "internal error", is what the client sends when its `async with` is left by an exception.
    assert "--- close 1011 ---" in notebook.run("await server.conversation()")
    assert notebook.run("await say(server)") == "'hello'"
    assert notebook.run("len(server._thread.connections)") == "0"


def test_cells_run_again_in_any_order(notebook):
    notebook.run(SETUP)
    for _ in range(3):
        assert notebook.run("server = serve(app)") == ""
        assert notebook.run("await say(server)") == "'hello'"
        assert notebook.run("await say(server)") == "'hello'"
        assert notebook.run("server = serve(app)\nawait say(server)") == "'hello'"
    threads = "import threading; sum(thread.name.startswith('wslab') for thread in threading.enumerate())"
    assert notebook.run(threads) == "1"
    assert notebook.run("server.stop()\n" + threads) == "0"


def test_two_kernels_at_once_and_a_restart(notebook):
    other = Notebook()
    try:
        for one in (notebook, other):
            assert one.run(SETUP + "server = serve(app); await say(server)") == "'hello'"
        port = int(notebook.run("server.port"))
        # Somebody stays connected: that may neither hold up the restart nor keep the port.
        notebook.run("ws = await connect(server.url('/ws'))")
        notebook.restart()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
        assert notebook.run(SETUP + f"server = serve(app, port={port}); await say(server)") == "'hello'"
        assert other.run("await say(server)") == "'hello'"
    finally:
        other.close()


def test_an_error_of_serve_is_one_line(notebook):
    assert notebook.run(SETUP + "serve(echo)").startswith("ServeError: got echo(), which does not take")
    shown = []
    notebook.client.execute_interactive(
        "serve(echo)", timeout=PATIENCE, output_hook=lambda message: shown.append(message["content"].get("traceback"))
    )
    (traceback,) = [lines for lines in shown if lines]
    assert len(traceback) == 1


def test_what_the_first_lesson_says_of_nest_asyncio(notebook):
    """uvicorn imported after nest_asyncio.apply(): a TypeError on 3.12 and 3.13. And wslab works all the same."""
    code = """
import nest_asyncio
nest_asyncio.apply()
import uvicorn
try:
    uvicorn.run(lambda: None, port=0, log_config=None)
except Exception as error:
    print(type(error).__name__, "loop_factory" in str(error))
"""
    expected = "RuntimeError False" if sys.version_info < (3, 12) else "TypeError True"
    if sys.version_info >= (3, 14):
        code, expected = "import nest_asyncio2; nest_asyncio2.apply()", ""
    assert notebook.run("import warnings; warnings.simplefilter('ignore')\n" + code) == expected
    assert notebook.run(SETUP + "server = serve(app)\nawait say(server)") == "'hello'"
    assert notebook.run("server = serve(app)\nawait say(server)") == "'hello'"
    assert "close 1000" in notebook.run("await server.conversation()")
    assert notebook.run("server.stop()") == ""
