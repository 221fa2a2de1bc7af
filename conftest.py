"""How the tests are shared out among pytest-xdist's workers, and how nbval talks to its kernels."""

import re
import sys
import tempfile
import uuid
from pathlib import Path

import nbval.kernel
from jupyter_client import KernelManager
from traitlets import default
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


def pytest_xdist_make_scheduler(config, log):
    """xdist's hook for a scheduler of one's own."""
    return NotebooksInOnePiece(config, log)
