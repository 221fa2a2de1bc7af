"""The pages that `make site` builds, once for all tests of them, and served; and Python as a page of them runs it.

These are fixtures. conftest.py has them loaded, and keeps the tests that use them together.
"""

import functools
import http.server
import os
import subprocess
import sys
import threading

import pytest

from tests import lessons
from tests.site_rules import Site
from tools import browser as tool

# Python imports this at its start, and then knows no other machine, and not even itself.
NO_NETWORK = """
import socket
def refuse(*args, **kwargs):
    raise OSError("this test has no network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="session")
def offline(tmp_path_factory):
    """An environment in which Python has no network."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    nowhere = "http://127.0.0.1:9"
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path, "http_proxy": nowhere, "https_proxy": nowhere}


@pytest.fixture(scope="session")
def what_is_missing():
    """Makes what pages load to run their lessons, unless it is there. Says what is missing for it, if anything is."""
    try:
        tool.loads()
    except tool.Missing as problem:
        if "NEED_BROWSER" in os.environ:
            raise
        return str(problem)


@pytest.fixture(scope="session")
def built(tmp_path_factory, offline, what_is_missing):
    """The pages, built without a network; with the button that runs a lesson, unless something is missing for that."""
    target = tmp_path_factory.mktemp("build") / "site"
    result = subprocess.run(
        [sys.executable, "-m", "tools.site", *([] if what_is_missing else ["--run"]), target],
        cwd=lessons.ROOT,
        env=offline,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{target / 'index.html'}\n", "")
    return Site(target)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A plain file server, which does not log."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address(built):
    """Where the pages are served."""
    handler = functools.partial(Quiet, directory=built.folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.fixture
def runs(what_is_missing):
    """For tests of lessons that run on their pages."""
    if what_is_missing:
        pytest.skip(f"lessons cannot run on their pages here. {what_is_missing}")


RUN = """async (code) => {
    const { Python } = await import("/_static/python.js");
    const python = new Python();
    await python.start(() => {});
    const outputs = [];
    await python.execute(code, (output) => outputs.push(output));
    python.end();
    return outputs;
}"""


@pytest.fixture(scope="module")
def run_in_a_page(new_page, address, what_is_missing):
    """Runs code as a cell in a fresh Python of a page; gives its outputs."""
    if what_is_missing:
        pytest.skip(f"Python cannot run in a page here. {what_is_missing}")

    def run_in_a_page(code: str) -> list[dict]:
        page = new_page()
        page.goto(f"{address}/search.html")
        outputs = page.evaluate(RUN, code)
        page.close()
        assert not page.problems
        return outputs

    return run_in_a_page
