"""What the server's event loop does for those who look on from outside: it goes round, and its clock is set forward.

Whatever is here runs on that loop, and knows nothing of threads and sockets.
"""

import asyncio
import time


async def go_round() -> None:
    """Let the running event loop go round some times, so that what is ready can be done."""
    for _ in range(10):
        await asyncio.sleep(0)


class Clock:
    """The clock of one event loop, `loop.time()`, which can be set forward."""

    def __init__(self):
        self._ahead = 0.0  # seconds

    async def set_forward(self, seconds: float) -> None:
        """Set the running loop's clock forward: in a hundred steps, with some turns of the loop for each."""
        await go_round()
        start, clock = self._ahead, time.monotonic
        asyncio.get_running_loop().time = lambda: clock() + self._ahead
        for step in range(1, 101):
            self._ahead = start + seconds * step / 100
            await go_round()
