"""The disk behind `exercises.save`, of restarts-and-proxies. A check can hold it up, and knows what is saved."""

import asyncio
import contextlib
from collections.abc import Iterator

from wslab.server import Server, serve

SLOW = 0.8  # seconds for a note, by the server's clock


class Disk:
    """What is saved, in order."""

    def __init__(self, held: bool = False, stuck: bool = False):
        self.saved: list[str] = []
        self.held = held  # until the app's lifespan goes on after its `yield`; then it is slow
        self.stuck = stuck  # for ever
        self.ending = False  # whether that has gone on
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
            new_disk.ending |= message["type"] == "lifespan.shutdown"
            return message

        await app(scope, receive_and_notice if scope["type"] == "lifespan" else receive, send)

    server = serve(app_on_it, name="exercise")
    try:
        yield server
    finally:
        server.end()
