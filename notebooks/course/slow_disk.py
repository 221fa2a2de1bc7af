"""The disk behind `exercises.save`, of restarts-and-proxies. A check can hold it up, and knows what is saved.

When a server with a disk that is slow, or stuck, has to end, its clock stands still until the check sets it forward.
"""

import asyncio
import contextlib
from collections.abc import Iterator

from wslab.loop import go_round
from wslab.server import Server, serve

SLOW = 1.4  # seconds for a note, by the server's clock
STEPS = 200  # in which its clock is set forward


class Clock:
    """The clock of the running event loop, which is stopped, and then goes on as it is told, however long that takes.

    So a busy machine does not make the disk slower than it is, nor a limit shorter.
    """

    def __init__(self):
        self.loop: asyncio.AbstractEventLoop | None = None  # as long as it stands still

    def stop(self) -> None:
        """Let it stand still."""
        self.loop = asyncio.get_running_loop()
        self.by_itself, self.now = self.loop.time, self.loop.time()
        self.loop.time = lambda: self.now

    def start(self) -> None:
        """Let it go on by itself, if it stands still."""
        if self.loop:
            clock, ahead = self.by_itself, self.now - self.by_itself()
            self.loop.time = lambda: clock() + ahead
            self.loop = None

    async def go_on(self, seconds: float) -> None:
        """Set the clock, which stands still, forward in many steps. Then let it go on by itself."""
        try:
            for _ in range(STEPS):
                self.now += seconds / STEPS
                await go_round()
        finally:
            self.start()


class Disk:
    """What is saved, in order."""

    def __init__(self, held: bool = False, stuck: bool = False):
        self.saved: list[str] = []
        self.held = held  # until the app's lifespan goes on after its `yield`; then it is slow
        self.stuck = stuck  # for ever
        self.ending = False  # whether that has gone on
        self.over = False  # whether it has ended
        self.clock = Clock()
        self.begun = 0  # how many have been

    async def save(self, note: str) -> None:
        """Save a note, as soon as that is possible."""
        self.begun = begun = self.begun + 1
        while self.stuck or (self.held and not self.ending):
            await asyncio.sleep(0.005)
        # Who saves two at once finds the second one saved first.
        await asyncio.sleep(SLOW * self.held + 0.1 / begun)
        self.saved.append(note)


disk = Disk()


@contextlib.contextmanager
def served_on(new_disk: Disk, app) -> Iterator[Server]:
    """The app's server. Notes go to this disk from now on. What has to be cut off in the end is not said."""
    global disk
    disk = new_disk

    async def app_on_it(scope, receive, send):
        async def receive_and_notice():
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                new_disk.ending = True
                if new_disk.held or new_disk.stuck:
                    new_disk.clock.stop()
            return message

        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        try:
            await app(scope, receive_and_notice, send)
        finally:
            new_disk.over = True
            new_disk.clock.start()

    server = serve(app_on_it, name="exercise", ws_ping_interval=None)
    try:
        yield server
    finally:
        server.end()
