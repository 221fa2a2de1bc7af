"""An event loop with a clock of its own: when nothing is to be done, it jumps to the next timer, and does not wait.

So what takes minutes by that clock takes a moment, and the same moments each time, however busy the machine is.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine

from course.client import NotYet, until
from wslab.breaking_off import raise_in_thread

TURN = 1e-5  # seconds that one turn of the loop takes, by its clock
PATIENCE = 4.0  # real seconds for a run
TIMES = 20  # that it is told to end, for it may have so many tasks


class _Clock(selectors.DefaultSelector):
    now = 1000.0

    def select(self, timeout=None):
        if timeout is None:  # no timer: a thread may have something to say
            return super().select(PATIENCE)
        self.now += timeout + TURN
        return super().select(0)


class VirtualTime(asyncio.SelectorEventLoop):
    """The loop. `spend(seconds)` lets its clock run on while it does nothing else, as work on the processor would."""

    def __init__(self):
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        """Seconds, by its own clock."""
        return self._clock.now

    def spend(self, seconds: float) -> None:
        """The clock runs on, and the loop stands still."""
        self._clock.now += seconds


class _Run(threading.Thread):
    def __init__(self, main: Callable[[], Coroutine]):
        super().__init__(name="exercise", daemon=True)
        self.main, self.result, self.error = main, None, None

    def run(self):
        try:
            with asyncio.Runner(loop_factory=VirtualTime) as runner:
                self.result = runner.run(self.main())
        except BaseException as error:
            self.error = error


async def in_virtual_time(main: Callable[[], Coroutine]):
    """What `main()` returns, or raises, on such a loop, in a thread. Raises NotYet if that takes too long."""
    run = _Run(main)
    run.start()
    if not await until(lambda: not run.is_alive(), PATIENCE):
        for _ in range(TIMES):
            raise_in_thread(run.ident)
            if await until(lambda: not run.is_alive(), 0.1):
                break
        raise NotYet("it keeps its event loop busy, or blocks it. Await what takes time: `asyncio.sleep()`.")
    if run.error:
        raise run.error
    return run.result
