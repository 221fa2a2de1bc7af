"""Threads, for a Python that has none: what an operating system gives `threading`.

Python in a page (Pyodide) is one WebAssembly program, and no second thread can be started in it. `serve()` needs one:
uvicorn runs beside the reader's cells. But a browser can put a call into WebAssembly aside while it waits, with its
whole stack, and make another call meanwhile (JavaScript Promise Integration, JSPI). So a thread is such a call here,
and the threads take turns: each runs until it waits, for a lock, in `time.sleep()`, for a socket; or until a loop in a
cell has had its share of time. All waiting is done in one place, `Waiter.wait()`. `threading`, `queue`, asyncio and
all that is built on them are Python's own.

`install()` puts all of this in place. It uses names of Pyodide and CPython that are not public, so it belongs to the
version of Pyodide that package.json names; `tests/test_in_a_page_emulation.py` says whether it still fits.
"""

import asyncio
import contextlib
import ctypes
import faulthandler
import gc
import itertools
import json
import os
import queue
import sys
import threading
import time
import types
from _threading_local import local

from pyodide.ffi import can_run_sync, create_once_callable, run_sync
from pyodide_js import _module
from pyodide_js._api import scheduleCallback

PAGE = asyncio.get_running_loop()  # Pyodide's own event loop, which is the page's: here it only wakes who waits
MAIN = threading.get_ident()

STACK = 96 * 1024  # bytes that C code may use of a stack: deeper, and the browser's own, a megabyte in all, would burst
TURN = 0.005  # seconds that a loop in a cell may run before it lets the others go on: `sys.getswitchinterval()`
TOOL = sys.monitoring.OPTIMIZER_ID - 1  # a number of `sys.monitoring` that nobody else uses

_api = ctypes.pythonapi
_api.PyThreadState_Get.restype = ctypes.c_void_p
_api.PyUnstable_ThreadState_SetStackProtection.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
_api.PyUnstable_ThreadState_ResetStackProtection.argtypes = [ctypes.c_void_p]

_now = MAIN  # the thread that runs
_since = time.monotonic()  # when it went on
_spent: dict[int, float] = {}  # seconds that each of the others has run
_waiters: dict[int, "Waiter"] = {}  # of each of the others: what it waits in
_errors: dict[int, BaseException] = {}  # to be raised in a thread when it goes on
_idents = itertools.count(MAIN + 1)


# --- waiting, and going on ---


class Waiter:
    """One wait of one thread."""

    def __init__(self):
        self._woken = PAGE.create_future()
        self.frame: Frame | None = None  # where the thread waits

    def wake(self) -> None:
        """Let the thread go on, soon."""
        if not self._woken.done():
            self._woken.set_result(None)

    def wait(self, seconds: float | None = None) -> None:
        """Put this thread aside until `wake()` is called, or for so many seconds. The others go on meanwhile."""
        global _now, _since
        me = _now
        timer = None if seconds is None else PAGE.call_later(max(seconds, 0), self.wake)
        self.frame = Frame.stack(sys._getframe(1))
        _spent[me] = thread_time()
        _waiters[me] = self
        try:
            run_sync(self._woken)
        finally:
            _now, _since = me, time.monotonic()
            del _waiters[me]
            if timer:
                timer.cancel()
        if me in _errors:
            raise _errors.pop(me)


def sleep(seconds: float) -> None:
    """time.sleep()"""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    Waiter().wait(seconds)


def call(function, ident: int = MAIN) -> None:
    """Have it called soon, as the thread with this number: on a stack of its own."""

    def run():
        global _now, _since
        _now, _since = ident, time.monotonic()
        asyncio._set_running_loop(None)
        state = _api.PyThreadState_Get()
        _api.PyUnstable_ThreadState_SetStackProtection(state, _module.stackSave() - STACK, STACK)
        try:
            function()
        finally:
            _api.PyUnstable_ThreadState_ResetStackProtection(_api.PyThreadState_Get())
            asyncio._set_running_loop(PAGE)
            _spent.pop(ident, None)
            _errors.pop(ident, None)
            _now = MAIN

    scheduleCallback(create_once_callable(run, _may_syncify=True), 0)


def share_the_time(code: types.CodeType) -> None:
    """From now on, let the other threads have their turns while loops run in this code and the functions in it."""
    sys.monitoring.set_local_events(TOOL, code, sys.monitoring.events.JUMP)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            share_the_time(constant)


def _jumped(code, offset, destination) -> None:
    if time.monotonic() - _since > TURN and can_run_sync():
        sleep(0)


# --- what `threading` is made of ---


class Lock:
    """threading.Lock"""

    def __init__(self):
        self._locked = False
        self._waiting: list[Waiter] = []

    def acquire(self, blocking=True, timeout=-1):
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        end = None if timeout == -1 else time.monotonic() + timeout
        while self._locked:
            left = None if end is None else end - time.monotonic()
            if not blocking or (left is not None and left <= 0):
                return False
            waiter = Waiter()
            self._waiting.append(waiter)
            try:
                waiter.wait(left)
            finally:
                self._waiting.remove(waiter)
        self._locked = True
        return True

    def release(self):
        if not self._locked:
            raise RuntimeError("release unlocked lock")
        self._locked = False
        for waiter in self._waiting:  # the first one takes it, the others wait on
            waiter.wake()

    def locked(self):
        return self._locked

    def _at_fork_reinit(self):
        self.__init__()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *exc_info):
        self.release()


class Handle:
    """What `threading.Thread` knows of its thread: its number, and whether it is over."""

    def __init__(self):
        self.ident = None
        self._running = Lock()
        self._running.acquire()

    def is_done(self):
        return not self._running.locked()

    def _set_done(self):
        if not self.is_done():
            self._running.release()

    def join(self, timeout=None):
        if self._running.acquire(timeout=-1 if timeout is None else max(timeout, 0)):
            self._running.release()


def start(function, handle=None, daemon=True) -> Handle:
    """_thread.start_joinable_thread()"""
    handle = handle or Handle()
    handle.ident = next(_idents)

    def run():
        try:
            function()
        finally:
            handle._set_done()

    call(run, handle.ident)
    return handle


# --- looking at other threads, and breaking them off ---


class Frame:
    """What tracebacks need of a frame. A real one leads nowhere while its stack is put aside."""

    def __init__(self, frame):
        self.f_code, self.f_lineno, self.f_globals, self.f_locals = frame.f_code, frame.f_lineno, frame.f_globals, {}
        self.f_back = None

    @classmethod
    def stack(cls, frame) -> "Frame":
        """A copy of this frame and of those below it."""
        top = last = cls(frame)
        while frame := frame.f_back:
            last.f_back = last = cls(frame)
        return top


def current_frames() -> dict:
    """sys._current_frames()"""
    return {ident: waiter.frame for ident, waiter in _waiters.items()} | {_now: sys._getframe(1)}


def thread_time() -> float:
    """time.thread_time()"""
    return _spent.get(_now, 0.0) + time.monotonic() - _since


def set_async_exc(ident, exception) -> int:
    """PyThreadState_SetAsyncExc(): to be raised in a thread once it goes on. As in CPython, this wakes nobody."""
    if ident.value not in _waiters:
        return 0
    _errors[ident.value] = exception.value
    return 1


def interrupt(ident: int) -> None:
    """What a signal does: raise KeyboardInterrupt in a thread that waits, at once."""
    if ident in _waiters:
        _errors[ident] = KeyboardInterrupt()
        _waiters[ident].wake()


class Watchdog:
    """`faulthandler.dump_traceback_later()`: some time later, it writes down where all the threads are that wait."""

    timer = None

    def later(self, timeout, repeat=False, file=sys.stderr, exit=False):
        self.cancel()
        self.timer = PAGE.call_later(timeout, self.dump, file)

    def cancel(self):
        if self.timer:
            self.timer.cancel()

    def dump(self, file):
        lines = []
        for ident, waiter in _waiters.items():
            lines.append(f"Thread {ident:#x} (most recent call first):")
            frame = waiter.frame
            while frame:
                lines.append(f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}')
                frame = frame.f_back
        with contextlib.suppress(OSError, ValueError):  # the file is closed by now
            os.write(file if isinstance(file, int) else file.fileno(), "\n".join(lines).encode() + b"\n")


# --- all of it ---


class EventLoops(asyncio.events._BaseDefaultEventLoopPolicy):
    """Each thread has event loops of its own, as everywhere. Pyodide has one for all, the page's."""

    _loop_factory = asyncio.SelectorEventLoop

    class Local(local):
        _loop = None

    def __init__(self):
        self._local = self.Local()


def install() -> None:
    """Put these in the place of Python's own. First of all: who has one of Python's locks keeps it."""
    # Garbage is collected when somebody asks for it, and then all of it. What Python 3.14 does by itself, now and then,
    # follows the frames of all threads; these lead through stacks that are put aside, and Pyodide 314.0.7 crashes.
    gc.disable()
    collect = gc.collect
    gc.collect = lambda generation=2: collect()

    threading._allocate_lock = threading.Lock = threading._LockType = Lock
    threading._CRLock = None
    threading.RLock = threading._PyRLock
    threading.get_ident = threading.get_native_id = lambda: _now
    threading._start_joinable_thread = start
    threading._ThreadHandle = Handle
    threading.local = local
    queue.SimpleQueue = queue._PySimpleQueue
    time.sleep, time.thread_time = sleep, thread_time
    asyncio.events._event_loop_policy = EventLoops()

    sys.monitoring.use_tool_id(TOOL, "threads")
    sys.monitoring.register_callback(TOOL, sys.monitoring.events.JUMP, _jumped)
    sys._current_frames = current_frames
    watchdog = Watchdog()
    faulthandler.dump_traceback_later, faulthandler.cancel_dump_traceback_later = watchdog.later, watchdog.cancel
    _api.PyThreadState_SetAsyncExc = set_async_exc

    # The one in C calls itself as deep as the text is nested, and bursts the stack before STACK is used up.
    json._default_decoder.scan_once = json.scanner.py_make_scanner(json._default_decoder)
