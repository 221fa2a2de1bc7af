"""`wslab`'s own tests, run by pytest in the Python of a page.

Not those of the check-up, which would take more than ten minutes there. Lessons that end with it run it in a page, too.
"""

import base64
import importlib.util
import io
import zipfile
from pathlib import Path

import pytest

from tests.lessons import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.thorough, pytest.mark.timeout(600)]

FILES = {  # with what no page can do
    "test_server.py": [
        "test_a_start_that_is_interrupted_leaves_no_server_behind",  # it sends a signal to a thread
        "test_small_messages_are_sent_at_once",  # there is no wire on which one could wait
    ],
    "test_conversation.py": [],
}
PYTEST = ["pytest", "_pytest", "pluggy", "iniconfig", "packaging", "py", "pygments.lexers.diff"]

IN_A_CELL = """
import asyncio, base64, io, os, sys, types, zipfile
from browser import sockets, threads

zipfile.ZipFile(io.BytesIO(base64.b64decode(ARCHIVE))).extractall("/lib/python3.14/site-packages")
os.makedirs("/project")
os.rename("/lib/python3.14/site-packages/tests", "/project/tests")  # whose code is not a library's
os.chdir("/project")
sys.path.insert(0, "/project")
sys.modules["psutil"] = types.SimpleNamespace(Process=lambda: types.SimpleNamespace(num_fds=lambda: len(sockets._open)))

class AsCells:  # what runs in circles lets others go on, as if it stood in a cell
    def pytest_collection_finish(self, session):
        for module in [module for name, module in sys.modules.items() if name.startswith("tests.")]:
            for value in vars(module).values():
                if hasattr(value, "__code__"):
                    threads.share_the_time(value.__code__)

def run():
    import pytest
    without = ["cacheprovider", "faulthandler", "logging", "threadexception", "unraisableexception"]
    options = [option for name in without for option in ("-p", f"no:{name}")]
    skipped = [f"--deselect={FILE}::{name}" for name in WITHOUT]
    options += ["--noconftest", "-c", "/dev/null", "--rootdir=.", "-s", "-q", "--tb=short"]
    return pytest.main([*options, *skipped, FILE], plugins=[AsCells()])

print(f"pytest ended with {await asyncio.to_thread(run):d}")
"""


def archive(file: str) -> str:
    """pytest and a file of tests, in a zip, as text."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in PYTEST:
            origin = Path(importlib.util.find_spec(name).origin)
            folder = origin.parents[len(name.split(".")) - (origin.name != "__init__.py")]
            sources = origin.parent.rglob("*.py") if origin.name == "__init__.py" else [origin]
            for source in sources:
                target.write(source, source.relative_to(folder))
        for name in ("__init__.py", file):
            target.write(ROOT / "tests" / name, f"tests/{name}")
    return base64.b64encode(packed.getvalue()).decode()


@pytest.mark.parametrize("file", FILES)
def test_wslab_passes_its_tests_in_a_page(run_in_a_page, file):
    settings = f"ARCHIVE, FILE, WITHOUT = {archive(file)!r}, {f'tests/{file}'!r}, {FILES[file]!r}"
    outputs = run_in_a_page(settings + IN_A_CELL)
    text = "".join(output.get("text", "") or str(output) for output in outputs)
    assert text.endswith("pytest ended with 0\n"), text
