"""Whose code it is that runs: the reader's, or that of a library.

When an event loop is blocked, the reader is told where, in the last line of their own code that leads there. What
belongs to Python, to an installed package or to wslab says nothing to them. A package that lies elsewhere and is not
the reader's either appends its folder to `LIBRARIES`.
"""

import os
import sys
import traceback
from types import FrameType

# Folders whose code is not the reader's: Python's own, and wslab's.
# Not sys.base_prefix: that may be /usr, and the reader's own code lie in /usr/src.
LIBRARIES: list[str] = [os.path.dirname(os.__file__), os.path.dirname(__file__)]

PACKAGES = ("site-packages", "dist-packages")  # where packages are installed; the latter is Debian's name for it


def is_library(filename: str) -> bool:
    """Whether a source file belongs to Python, an installed package or one of the `LIBRARIES`, not to the reader."""
    folders = (os.path.join(folder, "") for folder in LIBRARIES)  # with a separator: wslab2 is not wslab
    return any(name in filename for name in PACKAGES) or filename.startswith(("<frozen", *folders))


def runs_library(frame: FrameType) -> bool:
    """Whether a frame runs a library's code. What a library makes with exec() has no file, but a module's name."""
    file, module = frame.f_code.co_filename, frame.f_globals.get("__name__")
    if file.startswith("<") and module != "__main__":
        file = getattr(sys.modules.get(module), "__file__", None) or file
    return is_library(file)


def where(thread_id: int | None) -> str:
    """Where a thread is now, if that is in the reader's code: ` in slow(), line 5 of its cell or file`; else empty.

    thread_id: as `threading.get_ident()` gives it; None for a thread that has not been started.
    """
    own = [(frame, line) for frame, line in frames(thread_id) if not runs_library(frame)]
    return f" in {own[-1][0].f_code.co_name}(), line {own[-1][1]} of its cell or file" if own else ""


def frames(thread_id: int | None) -> list[tuple[FrameType, int]]:
    """Where a thread is now: its frames, each with its line, from the outermost on."""
    frame = sys._current_frames().get(thread_id)
    return list(traceback.walk_stack(frame))[::-1] if frame else []
