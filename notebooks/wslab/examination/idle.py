"""Whether a server waits for its clients, and for nothing else: then nothing comes from it, however long one waits.

Whatever may still happen on an event loop by itself is known to it: what is ready, timers, sockets, tasks that wait for
something else, and threads, which may call it. It is taken for busy where one of these is not known to be idle.
"""

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterable
from types import FrameType

from wslab.examination.evidence import frames_of_task

SERVER = ("uvicorn", "wslab")  # packages that wait for clients only
THREADS_BEFORE = {thread.ident for thread in threading.enumerate()}  # a notebook's or a test runner's own


def is_idle(seconds: float, clients_thread: int) -> bool:
    """On the server's loop: whether it waits for its clients, and in so many seconds for nothing else.

    clients_thread: the thread of those, as `threading.get_ident()` gives it.
    """
    loop = asyncio.get_running_loop()
    try:
        ready, timers, sockets = loop._ready, loop._scheduled, loop._selector.get_map().values()
    except AttributeError:  # another loop, which does not tell
        return False
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    servers = {task for task in tasks if waits_for_a_client(task)}
    known = THREADS_BEFORE | {clients_thread, threading.get_ident()}
    threads = [frame for number, frame in sys._current_frames().items() if number not in known]
    due = [timer for timer in timers if not timer.cancelled() and timer.when() < loop.time() + seconds]
    return (
        not ready
        and all(map(sleeps, tasks - servers))
        and all(belongs_to_server(timer, servers) for timer in due)
        and all(is_a_clients(*key.data) for key in sockets)
        and all(map(has_nothing_to_do, threads))
    )


def package(it) -> str:
    """The package that a module, a class or a function is of."""
    return (getattr(it, "__module__", "") or "").partition(".")[0]


def innermost(frames: Iterable[FrameType]) -> str:
    """Of these frames, from the innermost on: the package of the first that is not Python's own."""
    packages = (frame.f_globals.get("__name__", "").partition(".")[0] for frame in frames)
    return next((name for name in packages if name not in sys.stdlib_module_names), "")


def waits_for_a_client(task: asyncio.Task) -> bool:
    """Whether it is the server that waits there, for a client, or to be stopped."""
    return innermost(frame for frame, _ in reversed(frames_of_task(task))) in SERVER


def sleeps(task: asyncio.Task) -> bool:
    """Whether a task waits in `asyncio.sleep()`: its timer says until when."""
    frame, _ = (frames_of_task(task) or [(None, 0)])[-1]
    return frame is not None and frame.f_code is asyncio.sleep.__code__


def belongs_to_server(timer: asyncio.TimerHandle, tasks: set[asyncio.Task]) -> bool:
    """Whether a timer is the server's, or one of its tasks sleeps until then."""
    owner = getattr(timer._callback, "__self__", None)
    sleeping = [task._fut_waiter for task in tasks]
    return (
        package(type(owner)) in SERVER
        or package(timer._callback) in SERVER
        or any(it is waiter for it in timer._args for waiter in sleeping)
    )


def is_a_clients(reader: asyncio.Handle | None, writer: asyncio.Handle | None) -> bool:
    """Whether a socket, which has these callbacks, is the loop's own or a client's, whom nothing is on its way to."""
    owner = getattr(reader and reader._callback, "__self__", None)
    protocol = owner.get_protocol() if isinstance(owner, asyncio.Transport) else None
    return writer is None and (isinstance(owner, asyncio.AbstractEventLoop) or package(type(protocol)) in SERVER)


def has_nothing_to_do(frame: FrameType) -> bool:
    """Whether a thread, which is there now, is a worker of asyncio's or anyio's that waits for work."""
    module = frame.f_globals.get("__name__", "")
    if module == "concurrent.futures.thread":
        return frame.f_code.co_name == "_worker"
    return module == "threading" and innermost(frame for frame, _ in traceback.walk_stack(frame)) == "anyio"
