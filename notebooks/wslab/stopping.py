"""How a server is stopped: as gently as its app allows.

First an orderly shutdown, for which uvicorn has its limits. A shutdown that does not end is cancelled. Where the
event loop is blocked, the code that blocks it is broken off; and where even that is not possible, the thread is left
behind. Whatever had to be cut off is said, in one line.
"""

import time

from wslab.breaking_off import nothing_in_the_way, raise_in_thread
from wslab.conversation import Tape
from wslab.thread import ServerThread

STOP_TIMEOUT = 1.5  # seconds for an orderly shutdown
HANDLER_TIMEOUT = 0.8  # seconds of that which an endpoint gets to end by itself
ANSWER_TIMEOUT = 0.1  # seconds after which a loop that does not go round counts as blocked
BREAK_TIMEOUT = 0.4  # seconds in which a shutdown is cancelled, or endpoints that run in circles are broken off


def stop(thread: ServerThread, tape: Tape) -> str:
    """Stop a thread that runs, in two seconds or, on a busy machine, some more.

    Returns what had to be cut off, and where: a line for the reader, empty if all went well.
    """
    thread.ask_to_stop()
    thread.join(STOP_TIMEOUT)
    if thread.running:
        thread.gets_on_with(lambda: not thread.running)
    if thread.running and thread.answers(ANSWER_TIMEOUT):
        thread.ask_to_stop(cancel=True)
        thread.join(BREAK_TIMEOUT)
        return "the app's shutdown took too long, probably in its lifespan, after `yield`. It was cut off."
    if thread.running:
        blocked = f"the server's event loop was blocked{thread.where()}. Is an `await` missing, or does a call block?"
        if break_off(thread):
            return f"{blocked} It was broken off."
        return f"{blocked} It cannot be stopped from outside, and is left behind until the kernel restarts."
    return what_was_cut_off(thread, tape)


def break_off(thread: ServerThread) -> bool:
    """Raise an error in the thread, wherever it is, for `BREAK_TIMEOUT` seconds; return whether that ended it."""
    end = time.monotonic() + BREAK_TIMEOUT
    with nothing_in_the_way():
        # Once the loop goes round again, the next client in the queue may find an endpoint of the same kind.
        while thread.running and time.monotonic() < end:
            if not thread.answers(timeout=0.02):
                raise_in_thread(thread.number)
            thread.join(0.01)
    return not thread.running


def free(thread: ServerThread) -> bool:
    """Break off what keeps the thread's event loop from going round. Returns whether the server goes on."""
    end = time.monotonic() + BREAK_TIMEOUT
    with nothing_in_the_way():
        while thread.running and time.monotonic() < end:
            if thread.answers(timeout=0.02):
                return True
            if thread.where():  # else the machine is busy, and the error would hit the server itself
                raise_in_thread(thread.number)
            thread.join(0.01)
    return thread.running and thread.answers(ANSWER_TIMEOUT)


def what_was_cut_off(thread: ServerThread, tape: Tape) -> str:
    """Of a thread that has ended: which tasks went on after they were cancelled, or which endpoints had to be."""
    if thread.stubborn:
        return f"{thread.stubborn} task(s) of the app went on after being cancelled, and were left behind."
    if tape.cut_off:
        paths = ", ".join(sorted(set(tape.cut_off)))
        return (
            f"{len(tape.cut_off)} endpoint(s) were still running although their clients had gone, "
            f"and were cancelled: {paths}"
        )
    return ""
