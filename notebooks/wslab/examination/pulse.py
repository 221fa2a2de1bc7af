"""Whether an event loop stood still, and for how long."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

BEAT = 0.02  # seconds between two looks at whether an event loop goes round
STALL = 0.5  # seconds for which the event loop may stand still
BUSY = 0.05  # seconds: where the clients' own event loop comes round later than that, what is late proves nothing


def stood_still(pulse: "Pulse", own: "Pulse") -> bool:
    """Whether something kept the server's event loop: by computing, or by waiting while others could run.

    What the server's thread had to wait for a CPU does not count, where the system tells it. On a busy machine,
    where the loop computed for a part of the time that it was late, it may just have had to share.
    And what it computed may be no more than its share of a crowd's or a flood's work, at which the clients' loop
    computed as well.
    """
    shared = own.longest > BUSY and pulse.busy > pulse.longest / 10
    return pulse.busy > max(STALL, 4 * own.busy) or (pulse.still > max(STALL, 4 * own.longest) and not shared)


def waited_for_a_cpu() -> float:
    """Seconds for which this thread could have run so far, and had to wait for a CPU; 0 where the system does not tell.

    Linux does: https://docs.kernel.org/scheduler/sched-stats.html
    """
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


class Pulse:
    """A heartbeat on the server's event loop, which notes the longest pause between two beats."""

    def __init__(self):
        self.longest = 0.0  # seconds
        self.still = 0.0  # the same, without what this thread had to wait for a CPU
        self.busy = 0.0  # seconds for which this thread computed, in the pause in which it computed most
        self._last = 0.0
        self._computed = 0.0
        self._waited = 0.0
        self._next: asyncio.TimerHandle | None = None
        self._timeout: asyncio.Timeout | None = None
        self.left = 0.0  # seconds until that ends
        self.passed = 0.0  # seconds since it began, counted as `end_after` does
        self.on_beat: Callable[[], object] = lambda: None

    def start(self) -> set[asyncio.Task]:
        """Begin to beat, on the running loop. Returns the tasks that run there already."""
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._computed = time.thread_time()
        self._waited = waited_for_a_cpu()
        self._beat()
        return asyncio.all_tasks()

    def end_after(self, seconds: float, timeout: asyncio.Timeout) -> None:
        """End `timeout` after that many seconds of this loop. A machine that is busy elsewhere gives it more time.

        Of a pause between two beats, no more counts than twice what it should be.
        """
        self._timeout, self.left = timeout, seconds

    def _beat(self) -> None:
        now = self._loop.time()
        computed = time.thread_time()
        waited = waited_for_a_cpu()
        self.longest = max(self.longest, now - self._last)
        self.still = max(self.still, now - self._last - (waited - self._waited))
        self.busy = max(self.busy, computed - self._computed)
        passed = min(now - self._last, 2 * BEAT)
        self.passed += passed
        if self._timeout:
            self.left -= passed
            if self.left < 0:
                self._timeout.reschedule(now)
                self._timeout = None
        self._last, self._computed, self._waited = now, computed, waited
        self.on_beat()
        self._next = self._loop.call_later(BEAT, self._beat)

    def end_now(self) -> None:
        """End the timeout of `end_after`, if it has not ended."""
        if self._timeout:
            self._timeout.reschedule(self._loop.time())
            self._timeout = None

    def late(self) -> float:
        """Seconds since the last beat. For another thread to ask."""
        return self._loop.time() - self._last if self._next else 0.0

    def pause(self) -> None:
        """Beat no more, until `start`."""
        if self._next:
            self._next.cancel()
            self._next = None

    def stop(self) -> None:
        """Beat no more, and end no timeout."""
        self.pause()
        self._timeout = None
