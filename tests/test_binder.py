"""What can be proved of Binder without Docker: its installation steps, in an empty Python 3.12, then the whole course.

`make binder`, and `.ci/run`. It installs an environment of its own, so `make test` leaves it out. The image's base is
from conda-forge; here the same versions come from PyPI. Not proved here: mybinder.org itself, its network, its limits.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI, WebSocket
from playwright.sync_api import expect

from tests import lessons
from tests.test_house import read, what_binder_would_build
from tests.test_lab import EXPECTED_ON_THE_CONSOLE
from tools import lab as tool
from wslab import serve

pytestmark = [pytest.mark.binder, pytest.mark.timeout(900)]

INSTALLING = 600  # seconds, for each step
A_LESSON = 200  # seconds
BASE_URL = "/user/x/"  # as on a JupyterHub
UV = [sys.executable, "-m", "uv"]
IN_THE_BASE = {  # the packages that repo2docker asks for, by their names on PyPI
    "ipywidgets": "ipywidgets",
    "jupyter-offlinenotebook": "jupyter-offlinenotebook",
    "jupyter-resource-usage": "jupyter-resource-usage",
    "jupyter_server": "jupyter-server",
    "jupyterhub-singleuser": "jupyterhub",
    "jupyterlab": "jupyterlab",
    "notebook": "notebook",
}


def python312() -> str | None:
    """A Python 3.12 that works: this one, one on the PATH, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [sys.executable, shutil.which("python3.12"), *sorted(pyenv.glob("3.12*/bin/python"))]
    for candidate in filter(None, candidates):
        asked = [candidate, "-c", "import sys; print(*sys.version_info[:2])"]
        if subprocess.run(asked, capture_output=True, text=True, timeout=30).stdout.strip() == "3 12":
            return str(candidate)
    return None


def run(*command, cwd: Path, seconds: int = INSTALLING) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=seconds)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def base_packages() -> list[str]:
    """What the image has before the course's own step, as repo2docker's lock for Linux and Python 3.12 pins it."""
    package = Path(importlib.util.find_spec("repo2docker").submodule_search_locations[0])
    lock = (package / "buildpacks" / "conda" / "environment.py-3.12-linux-64.lock").read_text()
    pins = dict(re.findall(r"/([a-z0-9_.-]+)-([0-9][^-/]*)-[^-/]+\.conda", lock))
    return [f"{on_pypi}=={pins[name]}" for name, on_pypi in IN_THE_BASE.items()]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A folder with the repository as Binder copies it, and an environment made by the image's steps beside it."""
    if sys.platform != "linux" or not (python := python312()):
        pytest.skip("Binder's image is Linux with Python 3.12, which is not here")
    folder = tmp_path_factory.mktemp("binder")
    repository, environment = folder / "repository", folder / "environment"
    shutil.copytree(
        lessons.ROOT,
        repository,
        ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".pytest_cache", "build"),
    )
    steps = re.findall(r"^RUN \$\{KERNEL_PYTHON_PREFIX\}/bin/(.+)$", what_binder_would_build(), re.MULTILINE)
    assert steps == ['pip install --no-cache-dir -r "binder/requirements.txt"']

    run(*UV, "venv", "--quiet", "--python", python, environment, cwd=repository)
    pip = [*UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", environment / "bin" / "python"]
    run(*pip, *base_packages(), cwd=repository)
    run(*pip, "-r", "binder/requirements.txt", cwd=repository)  # as in `steps`
    return repository, environment / "bin" / "python"


def test_the_packages_agree_and_are_the_locked_ones(image):
    repository, python = image
    run(*UV, "pip", "check", "--python", python, cwd=repository)
    there = run(*UV, "pip", "freeze", "--python", python, cwd=repository)
    for pin in ("fastapi", "uvicorn", "websockets", "jupyterlab", "ipykernel", "jupyter-server-proxy"):
        (line,) = re.findall(rf"^{pin}==\S+", read("requirements.txt"), re.MULTILINE)
        assert line in there.splitlines()


def test_all_lessons_give_the_stored_outputs_there(image):
    """nbval, as everywhere, but in the image's Python and without what only tests/requirements.txt has."""
    repository, python = image
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=30", "--nbval-sanitize-with=tests/sanitize.cfg"]
    options += ["-c", os.devnull, "--rootdir=.", "--quiet"]

    def lesson(path: Path) -> str:
        command = [python, "-m", "pytest", *options, "-p", "no:cacheprovider", "--noconftest", f"notebooks/{path.name}"]
        result = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=A_LESSON)
        cells = len(lessons.code_cells(lessons.read(path)))
        good = result.returncode == 0 and f"{cells} passed" in result.stdout
        # A notebook without code has nothing to compare: pytest's status 5.
        return "" if good or (not cells and result.returncode == 5) else f"{path.name}\n{result.stdout}{result.stderr}"

    with ThreadPoolExecutor(3) as pool:
        failed = list(filter(None, pool.map(lesson, lessons.PATHS)))
    assert not failed, "\n".join(failed)


app = FastAPI()


@app.get("/")
async def greet() -> str:
    return "good day"


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"You wrote: {text}")


TALK = """address => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('no answer')), 20000);
    const socket = new WebSocket(address);
    socket.onopen = () => socket.send('hello');
    socket.onmessage = event => { resolve(event.data); socket.close(); };
    socket.onerror = () => reject(new Error('refused'));
})"""


def test_jupyterlab_opens_the_badge_and_reaches_a_server(image, page):
    """The badge's own path, behind a base URL; a lesson run there; a server and a live page, by the proxy."""
    repository, python = image
    (badge,) = re.findall(r"\]\((https://mybinder\.org/\S+)\)", read("README.md"))
    (path,) = parse_qs(urlsplit(badge).query)["urlpath"]
    first = lessons.read(lessons.PATHS[0])
    server = serve(app)
    with tool.jupyterlab(repository, host=tool.REMOTE, base_url=BASE_URL, python=str(python)) as address:
        page.goto(f"{address}/{path}")
        tool.wait_for_cells(page, len(first.cells))
        title = first.cells[0].source.splitlines()[0].removeprefix("# ")
        assert page.locator(".jp-NotebookPanel h1").inner_text().startswith(title)
        tool.run_all(page)
        errors = "[data-mime-type='application/vnd.jupyter.stderr']"
        expected = [cell for cell in first.cells if "raises-exception" in cell.metadata.get("tags", [])]
        assert page.locator(f".jp-NotebookPanel {errors}").count() == len(expected)

        proxied = f"{address}/proxy/{server.port}"
        assert page.evaluate("address => fetch(address).then(r => r.json())", f"{proxied}/") == "good day"
        assert page.evaluate(TALK, f"{proxied.replace('http', 'ws')}/ws") == "You wrote: hello"
        with pytest.raises(Exception, match="refused"):
            page.evaluate(TALK, f"{proxied.replace('http', 'ws').replace('/proxy/', '/another/')}/ws")

        with_live_page = lessons.path("keep-talking")
        tool.open_notebook(page, address, f"notebooks/{with_live_page.name}", len(lessons.read(with_live_page).cells))
        tool.run_all(page)
        live = page.locator(".wslab-live-on")
        live.get_by_role("button", name="Connect", exact=True).click()
        expect(live.get_by_role("status")).to_contain_text("Connection: connected")
        live.get_by_label("Your message").fill("from far away")
        live.get_by_role("button", name="Send").click()
        expect(live.get_by_role("log").locator("p")).to_have_text(
            ["You: from far away", "Server: You wrote: from far away"]
        )
        page.goto("about:blank")  # before JupyterLab goes, which its page would complain about
    server.stop()
    unexpected = [text for text in page.problems if not EXPECTED_ON_THE_CONSOLE.fullmatch(text)]
    assert all("/another/" in text for text in unexpected), unexpected
    page.problems.clear()
