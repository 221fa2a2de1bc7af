"""`wslab` as a tool of its own: installed in a reader's environment, used on an app outside this repository."""

import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import wslab as wslab_itself
from course import exercises
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


@app.websocket("/ticket")
async def with_a_ticket(websocket: WebSocket, ticket: str):
    if ticket != "a & b":
        await websocket.close(1008)
        return
    await chat(websocket)


@app.websocket("/guarded")
async def guarded(websocket: WebSocket, ticket: str, x_token: str = Header()):
    if x_token != "secret" or websocket.headers.get("origin") != "https://good.example":
        await websocket.close(1008)
        return
    await with_a_ticket(websocket, ticket)
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


MADE = """
import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_bytes(await websocket.receive_bytes())
    except WebSocketDisconnect:
        pass


@app.websocket("/stubborn")
async def stubborn(websocket: WebSocket):
    async def beat():
        while True:
            try:
                await asyncio.sleep(0.2)
            except BaseException:
                pass

    await websocket.accept()
    beating = asyncio.create_task(beat())
    async for text in websocket.iter_text():
        await websocket.send_text(text)
    beating.cancel()


def make():
    print("an app is made")
    return app
"""


SCRIPT = """
import asyncio

from fastapi import FastAPI, WebSocket
from wslab import checkup

app = FastAPI()
has_left = []


@app.websocket("/ws")
async def serves_until_somebody_has_left(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        if has_left:
            await websocket.close(1011)
            return
        await websocket.send_text(text)
    has_left.append(True)


print(asyncio.run(checkup(app, say="hello", only=["polite", "silent", "goes away"])))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """What `pip install` makes of this repository, from a copy, since the build leaves files beside the source."""
    source = tmp_path_factory.mktemp("course")
    unneeded = shutil.ignore_patterns("__pycache__", "*.ipynb")
    shutil.copytree(ROOT / "notebooks", source / "notebooks", ignore=unneeded)
    shutil.copy(ROOT / "pyproject.toml", source)
    run("uv", "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", "dist", cwd=source)
    (wheel,) = (source / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def project(tmp_path_factory, wheel) -> Path:
    """A project of somebody else's, with an environment in which `pip install` has put wslab."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop").mkdir()
    (folder / "shop" / "main.py").write_text(APP)
    (folder / "shop" / "made.py").write_text(MADE)
    (folder / "shop" / "maker.py").write_text("def make():\n    pass\n")
    (folder / "shop" / "exits.py").write_text('import sys\n\nsys.exit("no DATABASE_URL")\n')
    (folder / "test_shop.py").write_text(TEST)
    run("uv", "venv", "--quiet", "--python", sys.executable, "env", cwd=folder)
    python = program(folder, "python")
    run("uv", "pip", "install", "--quiet", "--python", python, str(wheel), "fastapi", "pytest", cwd=folder)
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
    command = [program(project, "wslab"), "checkup", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=100, env=environment())


def environment() -> dict[str, str]:
    """The reader's, without this project; and each process need not compile FastAPI anew."""
    ours = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in ours}


def test_it_brings_the_tool_and_nothing_of_the_course(wheel):
    files = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in files if ".dist-info/" not in name} == {"wslab"}
    there = {
        file.relative_to(ROOT / "notebooks").as_posix()
        for file in (ROOT / "notebooks" / "wslab").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {name for name in files if name.startswith("wslab/")} == there


def test_a_name_is_a_module_or_what_it_holds_and_not_both():
    for package in (wslab_itself, exercises):
        modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
        names = {name for name, value in vars(package).items() if callable(value)}
        assert not modules & names


def test_it_brings_no_jupyter(project):
    listed = run("uv", "pip", "list", "--python", program(project, "python"), cwd=project).stdout
    assert "wslab" in listed
    assert "jupyter" not in listed


def test_it_brings_the_live_page(project):
    shows = "from wslab.live_page import *; print(html(LivePage(1, '/ws')))"
    code = f"import sys; {shows}; assert 'IPython' not in sys.modules"
    shown = run(program(project, "python"), "-c", code, cwd=project).stdout
    assert "function startLivePages" in shown
    assert "Your message" in shown


def test_the_command_from_a_terminal(project):
    good = wslab(project, "shop.main:app", "/chat", "--exclude", "wrong kind", "--exclude", "changes its kind")
    assert good.returncode == 0, good.stdout + good.stderr
    assert re.search(r"\n(\d\d) of \1 clients were served well\.\n$", good.stdout)

    bad = wslab(project, "shop.main:app", "/rude", "--json", *exclude_all_but("polite"))
    assert bad.returncode == 1
    report = json.loads(bad.stdout)
    assert not report["ok"]
    assert report["rows"][0]["seen"] == "raised WebSocketDisconnect(1000)"
    assert report["rows"][0]["lesson"] == "letting-disconnects-escape"


def exclude_all_but(*names: str) -> list[str]:
    from wslab.examination import choose

    all_names = choose(exclude=[], only=None, headers=True)
    return [word for name in all_names if name not in names for word in ("--exclude", name)]


def test_headers_queries_and_origins(project):
    ticket = ["--query", "ticket=a & b"]
    origin = ["--origin", "https://good.example"]
    some = exclude_all_but("polite")  # and the one that comes with another origin
    guarded = wslab(project, "shop.main:app", "/guarded?x=1", "--header", "X-Token: secret", *ticket, *origin, *some)
    assert guarded.returncode == 0, guarded.stdout + guarded.stderr
    assert "foreign origin  refused: HTTP 403" in guarded.stdout
    open_to_all = wslab(project, "shop.main:app", "/ticket", *ticket, *origin, *some)
    assert open_to_all.returncode == 1
    assert "1 answer, closed with 1000" in open_to_all.stdout
    assert "check the Origin. (lesson who-is-calling)\n" in open_to_all.stdout
    refused = wslab(project, "shop.main:app", "/guarded")
    assert refused.returncode == 2
    said = refused.stderr
    assert "FastAPI wants the query parameter 'ticket' (Field required): pass --query ticket=... (query=)." in said
    assert "FastAPI wants the header parameter 'x-token' (Field required): pass --header 'x-token: ...'" in said


CANNOT_RUN = [
    (["shop.main"], "'shop.main' is not of the form package.module:app."),
    (["shop.nothing:app"], "could not import shop.nothing:app: ModuleNotFoundError"),
    (["shop.main:nothing"], "could not import shop.main:nothing: AttributeError"),
    (["shop.main:app", "/nowhere"], "the handshake for /nowhere was refused with HTTP 403"),
    (["shop.main:app", "--app-dir", "nowhere"], "there is no folder 'nowhere'."),
    (["shop.main:app", "/chat", "--exclude", "nobody"], "no client is called nobody."),
    (["shop.main:app", "/chat", "--header", "token"], "'token' is not of the form NAME: VALUE."),
    (["shop.main:app", "/chat", "--query", "token"], "'token' is not of the form NAME=VALUE."),
    (["shop.main:app", "/chat", "--say-json", "{"], "--say-json is not JSON"),
    (["shop.main:app", "/chat", "--say-hex", "xy"], "--say-hex is not hexadecimal"),
    (["shop.main:app", "/chat", "--patience", "0"], "patience is a number of seconds"),
    (["shop.main:app", "/chat", "--header", "X: \N{EURO SIGN}"], "no handshake is possible for /chat: "),
    (["shop.exits:app"], "could not import shop.exits:app: SystemExit: no DATABASE_URL"),
    (
        ["shop.maker:make"],
        "shop.maker:make is a function without parameters. If it returns the app, add --factory.",
    ),
]

# One process for all of them: each takes a second to start.
ONE_AFTER_THE_OTHER = """
import contextlib
import io
import json
import sys

from wslab.__main__ import main

for arguments in json.load(sys.stdin):
    sys.argv = ["wslab", "checkup", *arguments]
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            main()
        except SystemExit as end:
            print(json.dumps([end.code, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def refusals(project) -> list[tuple[int, str]]:
    """Status and stderr of each that cannot run."""
    commands = json.dumps([arguments for arguments, _ in CANNOT_RUN])
    python = [program(project, "python"), "-c", ONE_AFTER_THE_OTHER]
    options = {"cwd": project, "capture_output": True, "text": True, "timeout": 100, "env": environment()}
    result = subprocess.run(python, input=commands, **options)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("number", range(len(CANNOT_RUN)), ids=[message for _, message in CANNOT_RUN])
def test_what_cannot_run(refusals, number):
    status, said = refusals[number]
    assert status == 2
    assert CANNOT_RUN[number][1] in said
    assert said.count("\n") == 1


def test_an_app_that_prints_and_is_made_by_a_function(project):
    made = wslab(project, "shop.made:make", "--factory", "--say-hex", "00 ff", "--json", "--only", "polite")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["rows"][0]["seen"] == "1 answer, closed with 1000"
    assert made.stderr == "an app is made\n"


def test_messages_in_their_order(project):
    messages = ["--say", "one", "--say-json", "[2]", "--say-json", '"three"']
    said = wslab(project, "shop.main:app", "/chat", *messages, "--only", "polite")
    assert "polite  3 answers, closed with 1000" in said.stdout


def test_the_process_ends_although_a_task_does_not(project):
    result = wslab(project, "shop.made:app", "/stubborn", "--only", "polite")
    assert result.returncode == 1
    assert "2 task(s) left over" in result.stdout  # its own, and the one of the other client that is there


@pytest.mark.skipif(sys.platform == "win32", reason="no /dev/full, and other pipes")
def test_a_report_that_nobody_reads(project):
    command = [program(project, "wslab"), "checkup", "shop.main:app", "/chat", "--only", "polite"]
    options = {"cwd": project, "stderr": subprocess.PIPE, "text": True, "timeout": 100, "env": environment()}
    reader, writer = os.pipe()
    os.close(reader)
    try:
        unread = subprocess.run(command, stdout=writer, **options)
    finally:
        os.close(writer)
    assert (unread.returncode, unread.stderr) == (0, "")
    with open("/dev/full", "w") as full:
        lost = subprocess.run(command, stdout=full, **options)
    assert lost.returncode == 2
    assert lost.stderr.startswith("wslab: could not print the report: ")
    assert lost.stderr.count("\n") == 1


def test_in_the_projects_own_tests(project):
    result = subprocess.run(
        [program(project, "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=100,
        env=environment() | {"PYTHONPATH": "."},
    )
    assert "1 failed, 1 passed" in result.stdout
    assert "CheckupFailed" in result.stdout
    assert "FAIL  polite  raised WebSocketDisconnect(1000)" in result.stdout


def test_an_app_of_a_script_is_in_no_module_that_another_process_could_import(project):
    (project / "script.py").write_text(SCRIPT)
    command = [program(project, "python"), "script.py"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=100, env=environment())
    assert "from then on" in result.stdout, result.stdout + result.stderr
    assert "of 3 clients were served well." in result.stdout
