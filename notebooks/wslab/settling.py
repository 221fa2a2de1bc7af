"""Before a conversation is shown: let the server take in what has come, and let endpoints end whose clients have left.

Both run on the server's loop. Without them, the same run would give one picture now and another one next time.
"""

import asyncio

from wslab.conversation import Tape
from wslab.loop import go_round

QUIET_TIMEOUT = 1.0  # seconds that `conversation()` waits at most until nothing new comes from the clients
SETTLE_TIMEOUT = 5.0  # seconds that `conversation()` waits for endpoints whose clients have left


async def read_sockets(tape: Tape) -> None:
    """Let the loop go round, and read, until the tape gets no longer; for `QUIET_TIMEOUT` seconds at most.

    What clients have sent, or that they have gone, may still lie in the sockets.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + QUIET_TIMEOUT
    seen = -1
    while seen != tape.length and loop.time() < end:
        seen = tape.length
        await go_round()


async def settle(tape: Tape, patience: float) -> None:
    """Wait until endpoints are done whose clients have left, `patience` seconds at most. The tape notes who is not."""
    left = tape.endpoints_whose_clients_have_left()
    if left:
        await asyncio.wait(left, timeout=patience)
        tape.note_still_running(left)
