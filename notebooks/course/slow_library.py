"""The blocking library behind `exercises.slow_report`, of which blocking-the-event-loop tells.

It stands for somebody else's code. What a check needs to know of its calls, it notes; and a check can hold reports
back, so that what has to happen meanwhile happens in a certain order.
"""

import asyncio
import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from types import FrameType

from wslab.library import is_library

HELD = 8.0  # seconds after which a report that is held back is made all the same
HANDED_ON = 1.0  # seconds that are waited at most until the threads have handed on their reports


class Library:
    """Makes reports, and notes for what it was called, and from where."""

    def __init__(self):
        self.pause = 0.3  # seconds for a report
        self.loop: asyncio.AbstractEventLoop | None = None  # the server's, during a check
        self.blocked = ""  # where a report was asked for on that loop
        self.sent_elsewhere = False  # whether an answer was sent from another loop; a check sets it
        self.set_elsewhere = False  # whether another thread called what is the loop's own; a check sets it, too
        self.begun: list[str] = []
        self.callers: dict[str, tuple[int, FrameType | None]] = {}  # of each report the thread, and who called
        self.failing: dict[str, type[Exception]] = {}  # names whose report cannot be made, and the error
        self._gates: dict[str, threading.Event] = {}

    def make(self, name: str) -> str:
        """Make a report: block, as long as it takes. Called by the function that readers call."""
        if self.loop is not None and self.loop is asyncio._get_running_loop():
            own = [frame for frame in traceback.extract_stack() if not is_library(frame.filename)]
            self.blocked = f"{own[-1].name}(), line {own[-1].lineno} of its cell" if own else "the endpoint"
        self.callers[name] = threading.get_ident(), sys._getframe(1).f_back  # frame 1 is that of slow_report
        self.begun.append(name)
        if name in self.failing:
            raise self.failing[name]("the check let this report fail")
        if gate := self._gates.get(name):
            gate.wait(HELD)
        else:
            time.sleep(self.pause)
        return f"report for {name}"

    @contextlib.contextmanager
    def hold(self, *names: str) -> Iterator[None]:
        """Meanwhile, the reports for `names` are not done until they are released."""
        self._gates = {name: threading.Event() for name in names}
        try:
            yield
        finally:
            self.release(*names)
            self._gates = {}

    def release(self, *names: str) -> None:
        """Let the reports for `names` be done."""
        for name in names:
            self._gates[name].set()

    def release_in_turn(self, *names: str) -> None:
        """Let the reports for `names` be done, one after the other, each with the function that called for it."""
        end = time.monotonic() + HANDED_ON
        for name in names:
            self.release(name)
            while self._has_its_caller(name) and time.monotonic() < end:
                time.sleep(0.001)

    def _has_its_caller(self, name: str) -> bool:
        """Whether the function that called for the report for `name` still runs in its thread."""
        thread, caller = self.callers[name]
        frame = sys._current_frames().get(thread)
        while frame is not None and frame is not caller:
            frame = frame.f_back
        return frame is not None
