"""How the tests are shared out among pytest-xdist's workers."""

from xdist.scheduler import LoadScopeScheduling

SHARE_A_FIXTURE = (
    "test_wslab_elsewhere.py",
    "test_pages.py",
    "test_endings.py",
    "test_live.py",
)  # one that takes seconds


class NotebooksInOnePiece(LoadScopeScheduling):
    """The cells of one notebook run in one kernel, and so in one worker. Other tests go where there is room."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.endswith((".ipynb", *SHARE_A_FIXTURE)) else nodeid


def pytest_xdist_make_scheduler(config, log):
    """xdist's hook for a scheduler of one's own."""
    return NotebooksInOnePiece(config, log)
