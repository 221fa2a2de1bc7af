"""How the tests are shared out among pytest-xdist's workers."""

import re

from xdist.scheduler import LoadScopeScheduling

# A fixture that takes seconds.
SHARE_A_FIXTURE = ("test_wslab_elsewhere.py", "test_pages.py", "test_site.py", "test_live.py", "test_endings.py")

JUPYTERLABS = 3  # how many share the notebooks of test_lab.py


class NotebooksInOnePiece(LoadScopeScheduling):
    """The cells of one notebook run in one kernel, and so in one worker. Other tests go where there is room."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.endswith("test_lab.py"):
            number = re.search(r"\[(\d\d)-", nodeid)
            return f"{file}, part {int(number[1]) % JUPYTERLABS if number else 0}"
        return file if file.endswith((".ipynb", *SHARE_A_FIXTURE)) else nodeid


def pytest_xdist_make_scheduler(config, log):
    """xdist's hook for a scheduler of one's own."""
    return NotebooksInOnePiece(config, log)
