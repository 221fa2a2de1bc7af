"""`wslab` as a tool of its own: installed in a reader's environment, used on an app outside this repository."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lessons import ROOT

APP = """
from fastapi import FastAPI, Header, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/chat")
async def chat(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except (WebSocketDisconnect, KeyError):
        pass


@app.websocket("/rude")
async def rude(websocket: WebSocket):
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


@app.websocket("/guarded")
async def guarded(websocket: WebSocket, x_token: str = Header()):
    await chat(websocket)


@app.websocket("/ticket")
async def with_a_ticket(websocket: WebSocket, ticket: str):
    if ticket != "a & b":
        await websocket.close(1008)
        return
    await chat(websocket)


@app.websocket("/origin")
async def origin(websocket: WebSocket):
    if websocket.headers.get("origin") != "https://good.example":
        await websocket.close(1008)
        return
    await chat(websocket)
"""

TEST = """
import asyncio

from shop.main import app
from wslab import checkup


def test_chat():
    asyncio.run(checkup(app, "/chat", only=["polite", "drops while idle"])).raise_for_failures()


def test_rude():
    asyncio.run(checkup(app, "/rude", only=["polite"])).raise_for_failures()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project of somebody else's, with an environment in which `pip install` has put wslab."""
    folder = tmp_path_factory.mktemp("project")
    source = folder / "course"
    shutil.copytree(ROOT / "notebooks" / "wslab", source / "notebooks" / "wslab")
    shutil.copy(ROOT / "pyproject.toml", source)
    (folder / "shop").mkdir()
    (folder / "shop" / "main.py").write_text(APP)
    (folder / "test_shop.py").write_text(TEST)
    run("uv", "venv", "--quiet", "--python", sys.executable, "env", cwd=folder)
    python = program(folder, "python")
    run("uv", "pip", "install", "--quiet", "--python", python, str(source), "fastapi", "pytest", cwd=folder)
    return folder


def program(project: Path, name: str) -> str:
    return str(project / "env" / ("Scripts" if sys.platform == "win32" else "bin") / name)


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess:
    """Run a command of the tests' environment; fail with what it said."""
    own = Path(sys.executable).parent / command[0]
    result = subprocess.run([str(own), *command[1:]], cwd=cwd, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def wslab(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [program(project, "wslab"), "checkup", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=100, env=environment)


def test_it_brings_no_jupyter(project):
    listed = run("uv", "pip", "list", "--python", program(project, "python"), cwd=project).stdout
    assert "wslab" in listed
    assert "jupyter" not in listed


def test_it_brings_the_live_page(project):
    code = "import sys; from wslab.live import *; assert 'IPython' not in sys.modules; print(html(LivePage(1, '/ws')))"
    shown = run(program(project, "python"), "-c", code, cwd=project).stdout
    assert "function startLivePages" in shown
    assert "Your message" in shown


def test_the_command_from_a_terminal(project):
    good = wslab(project, "shop.main:app", "/chat", "--exclude", "wrong kind", "--exclude", "changes its kind")
    assert good.returncode == 0, good.stdout + good.stderr
    assert good.stdout.endswith("16 of 16 clients were served well.\n")

    bad = wslab(project, "shop.main:app", "/rude", "--json", *exclude_all_but("polite"))
    assert bad.returncode == 1
    report = json.loads(bad.stdout)
    assert not report["ok"]
    assert report["rows"][0]["seen"] == "raised WebSocketDisconnect(1000)"
    assert report["rows"][0]["lesson"] == "06"


def exclude_all_but(*names: str) -> list[str]:
    from wslab.checkup import choose

    all_names = choose(as_json=False, room=False, origins=None, exclude=[], only=None)
    return [word for name in all_names if name not in names for word in ("--exclude", name)]


def test_headers_queries_and_origins(project):
    some = exclude_all_but("polite")
    assert wslab(project, "shop.main:app", "/guarded", "--header", "X-Token: secret", *some).returncode == 0
    refused = wslab(project, "shop.main:app", "/guarded")
    assert refused.returncode == 2
    assert "pass headers=, query= or origins=" in refused.stderr
    assert wslab(project, "shop.main:app", "/ticket", "--query", "ticket=a & b", *some).returncode == 0
    assert wslab(project, "shop.main:app", "/ticket?x=1", "--query", "ticket=a & b", *some).returncode == 0
    assert "pass headers=, query= or origins=" in wslab(project, "shop.main:app", "/ticket", *some).stderr
    checked = wslab(project, "shop.main:app", "/origin", "--origin", "https://good.example", *some)
    assert checked.returncode == 0
    assert "foreign origin  refused: HTTP 403" in checked.stdout
    open_to_all = wslab(project, "shop.main:app", "/chat", "--origin", "https://good.example", *some)
    assert open_to_all.returncode == 1
    assert "check the Origin. (lesson 14)" in open_to_all.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shop.main"], "'shop.main' is not of the form package.module:app."),
        (["shop.nothing:app"], "could not import shop.nothing:app: ModuleNotFoundError"),
        (["shop.main:nothing"], "could not import shop.main:nothing: AttributeError"),
        (["shop.main:app", "/nowhere"], "the handshake for /nowhere was refused with HTTP 403"),
        (["shop.main:app", "--app-dir", "nowhere"], "there is no folder 'nowhere'."),
        (["shop.main:app", "/chat", "--exclude", "nobody"], "no client is called nobody."),
        (["shop.main:app", "/chat", "--header", "token"], "'token' is not of the form NAME: VALUE."),
        (["shop.main:app", "/chat", "--query", "token"], "'token' is not of the form NAME=VALUE."),
        (["shop.main:app", "/chat", "--say-json", "{"], "--say-json is not JSON"),
    ],
)
def test_what_cannot_run(project, arguments, message):
    result = wslab(project, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_in_the_projects_own_tests(project):
    result = subprocess.run(
        [program(project, "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"PYTHONPATH": "."},
    )
    assert "1 failed, 1 passed" in result.stdout
    assert "CheckupFailed" in result.stdout
    assert "FAIL  polite  raised WebSocketDisconnect(1000)" in result.stdout
