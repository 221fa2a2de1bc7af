"""What several test files use: a browser, and a page in it."""

import os
import re

import pytest
from playwright.sync_api import Error, expect

from tools.lab import chromium

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


JUPYTERLAB = re.compile(r"/static/lab/|/lab/extensions/")  # its files; what they report is its own matter


@pytest.fixture
def page(browser):
    """A new page, on which nothing may go wrong unseen."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    problems = []

    def note_error(error):
        if not JUPYTERLAB.search(error.stack or ""):
            problems.append(str(error))

    def note_line(message):
        if message.type in ("error", "warning") and not JUPYTERLAB.search(message.location["url"]):
            problems.append(message.text)

    page.on("pageerror", note_error)
    page.on("console", note_line)
    page.problems = problems
    yield page
    page.close()
    assert not problems
