"""Whether a server waits for its clients, and for nothing else: then nothing comes from it, however long one waits.

What goes on by itself in an event loop is begun by a timer, a socket, or a thread that calls it. So each of them is
looked at; one that is not known to be the server's own, or to have nothing to do, may bring something about.
"""

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterable
from types import FrameType

from wslab.examination.evidence import frames_of_task

SERVER = ("uvicorn", "wslab")  # packages whose timers and sockets do nothing but serve clients
THREADS_BEFORE = set(sys._current_frames())  # by their numbers: a notebook's or a test runner's own


def is_idle(seconds: float, clients_thread: int) -> bool:
    """On the server's loop: whether it waits for its clients, and in so many seconds for nothing else.

    clients_thread: the thread of those, as `threading.get_ident()` gives it.
    """
    loop = asyncio.get_running_loop()
    try:
        ready, timers, sockets = loop._ready, loop._scheduled, loop._selector.get_map().values()
    except AttributeError:  # another loop, which does not tell
        return False
    due = [timer for timer in timers if not timer.cancelled() and timer.when() < loop.time() + seconds]
    threads = sys._current_frames()
    THREADS_BEFORE.intersection_update(threads)  # the number of one that has ended may be given to another
    known = THREADS_BEFORE | {clients_thread, threading.get_ident()}
    others = [frame for number, frame in threads.items() if number not in known]
    return (
        not ready
        and all(map(has_nothing_to_do, others))
        and all(is_a_clients(*key.data) for key in sockets)
        and all(map(belongs_to_server, due))
    )


def package(it) -> str:
    """The package that a module, a class or a function is of."""
    return (getattr(it, "__module__", "") or "").partition(".")[0]


def innermost(frames: Iterable[FrameType]) -> str:
    """Of these frames, from the innermost on: the package of the first that is not Python's own."""
    packages = (frame.f_globals.get("__name__", "").partition(".")[0] for frame in frames)
    return next((name for name in packages if name not in sys.stdlib_module_names), "")


def has_nothing_to_do(frame: FrameType) -> bool:
    """Whether a thread, which is there now, is a worker of asyncio's or anyio's that waits for work."""
    module = frame.f_globals.get("__name__", "")
    if module == "concurrent.futures.thread":
        return frame.f_code.co_name == "_worker"
    return module == "threading" and innermost(frame for frame, _ in traceback.walk_stack(frame)) == "anyio"


def is_a_clients(reader: asyncio.Handle | None, writer: asyncio.Handle | None) -> bool:
    """Whether a socket, which has these callbacks, is the loop's own or a client's, whom nothing is on its way to."""
    owner = getattr(reader and reader._callback, "__self__", None)
    protocol = owner.get_protocol() if isinstance(owner, asyncio.Transport) else None
    return writer is None and (isinstance(owner, asyncio.AbstractEventLoop) or package(type(protocol)) in SERVER)


def belongs_to_server(timer: asyncio.TimerHandle) -> bool:
    """Whether a timer is the server's, or wakes one of its tasks up."""
    owner = getattr(timer._callback, "__self__", None)
    if package(type(owner)) in SERVER or package(timer._callback) in SERVER:
        return True
    woken = [task for task in asyncio.all_tasks() if any(task._fut_waiter is it for it in timer._args)]
    return bool(woken) and all(
        innermost(frame for frame, _ in reversed(frames_of_task(task))) in SERVER for task in woken
    )
