"""How the tests are shared out among pytest-xdist's workers, how nbval talks to its kernels, and a browser with a page.

It lies here, and not in tests/, since nbval's tests are the cells in notebooks/.
"""

import contextlib
import gc
import os
import re
import sys
import tempfile
import uuid
from pathlib import Path

import nbval.kernel
import nbval.plugin
import pytest
from jupyter_client import KernelManager
from playwright.sync_api import Error, expect
from traitlets import default
from xdist.scheduler import LoadScopeScheduling

from tools.lab import chromium, which_chromium

pytest_plugins = ["tests.built_site"]

# A fixture that takes seconds.
SHARE_A_FIXTURE = (
    "test_wslab_elsewhere.py",
    "test_browser_console.py",
    "test_example_pages.py",
    "test_live_page.py",
    "test_endings.py",
    "test_what_a_page_sees.py",
    "test_service.py",
    "test_service_page.py",
)

# What tests/built_site.py builds.
THE_BUILT_SITE = (
    "test_site.py",
    "test_in_a_page_emulation.py",
    "test_in_a_page_lessons.py",
    "test_in_a_page_wslab.py",
)

JUPYTERLABS = 2  # how many share the notebooks of test_lab.py, where all are opened


class NotebooksInOnePiece(LoadScopeScheduling):
    """The cells of one notebook run in one kernel, and so in one worker. Other tests go where there is room."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.endswith("test_lab.py"):
            number = re.search(r"\[(\d\d)-", nodeid)
            parts = 1 if "not thorough" in self.config.option.markexpr else JUPYTERLABS
            return f"{file}, part {int(number[1]) % parts if number else 0}"
        if file.endswith(THE_BUILT_SITE):
            return "the built site"
        return file if file.endswith((".ipynb", *SHARE_A_FIXTURE)) else nodeid


def pytest_xdist_make_scheduler(config, log):
    """xdist's hook for a scheduler of one's own."""
    return NotebooksInOnePiece(config, log)


def pytest_runtest_setup(item):
    """What a worker holds, it holds to its end: the garbage collector, which the exercises ask often, need not look.

    A check-up undoes that.
    """
    if gc.get_freeze_count() < 10_000:  # newer Pythons begin with some
        gc.collect()
        gc.freeze()


# --- nbval ---


class KernelManagerWithoutPorts(KernelManager):
    """Talks to its kernel through files (Unix domain sockets).

    By default Jupyter looks for five free ports, and the kernel opens them a second later. Where other tests open
    connections meanwhile, one of the ports may be taken by then, and the kernel does not start.
    """

    @default("transport")
    def _through_files(self) -> str:
        return "ipc"

    @default("ip")
    def _file_name(self) -> str:
        return str(Path(tempfile.gettempdir()) / f"kernel-{uuid.uuid4()}")


if sys.platform != "win32":
    nbval.kernel.KernelManager = KernelManagerWithoutPorts


compare_outputs = nbval.plugin.IPyNbCell.compare_outputs


def compare_outputs_and_show_stderr(cell, test, ref, skip_compare=None):
    """Where a cell writes to stderr and should not, nbval's report says that it did, and not what."""
    same = compare_outputs(cell, test, ref, skip_compare)
    if not same:
        written = [output["text"] for output in test if output.get("name") == "stderr"]
        cell.comparison_traceback += [f"stderr: {text}" for text in written]
    return same


nbval.plugin.IPyNbCell.compare_outputs = compare_outputs_and_show_stderr


# --- a browser ---

PATIENCE = 20_000  # milliseconds; only a test that fails waits this long
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser():
    try:
        with chromium() as browser:
            yield browser
    except Error as error:
        if "Executable doesn't exist" not in str(error) or "NEED_BROWSER" in os.environ:
            raise
        pytest.skip("no browser here. One way to get one: .venv/bin/playwright install chromium")


@pytest.fixture
def with_cache(browser):
    """A Chromium with its back/forward cache, which Playwright turns off, and for pages with an open WebSocket, too.

    Chromium 156 takes those by itself; 150 has it as a feature to be turned on.
    """
    options = which_chromium() | {"ignore_default_args": ["--disable-back-forward-cache"]}
    options["args"] = [*options["args"], "--enable-features=DisconnectWebSocketOnBFCache"]
    with contextlib.closing(browser.browser_type.launch(**options)) as with_cache:
        yield with_cache


JUPYTERLAB = re.compile(r"/static/lab/|/lab/extensions/")  # its files; what they report is its own matter


@pytest.fixture(scope="module")
def new_page(browser):
    """Opens a page that notes in `problems` what goes wrong on it."""

    def new_page(**options):
        page = browser.new_page(**options)
        page.set_default_timeout(PATIENCE)
        page.problems = []

        def note_error(error):
            if not JUPYTERLAB.search(error.stack or ""):
                page.problems.append(str(error))

        def note_line(message):
            if message.type in ("error", "warning") and not JUPYTERLAB.search(message.location["url"]):
                page.problems.append(message.text)

        page.on("pageerror", note_error)
        page.on("console", note_line)
        return page

    return new_page


@pytest.fixture
def page(new_page):
    """A new page, on which nothing may go wrong unseen."""
    page = new_page()
    yield page
    page.close()
    assert not page.problems
