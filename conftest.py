"""How the tests are shared out among pytest-xdist's workers."""

from xdist.scheduler import LoadScopeScheduling


class NotebooksInOnePiece(LoadScopeScheduling):
    """The cells of one notebook run in one kernel, and so in one worker. Every other test goes where there is room."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if ".ipynb::" in nodeid else nodeid


def pytest_xdist_make_scheduler(config, log):
    """xdist's hook for a scheduler of one's own."""
    return NotebooksInOnePiece(config, log)
