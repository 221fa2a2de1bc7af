"""Raise an error in another thread, wherever it is, since it cannot be stopped otherwise.

It ends code that runs in circles. A call that blocks outside of Python, such as `time.sleep()`, goes on.
(https://docs.python.org/3/c-api/threads.html#c.PyThreadState_SetAsyncExc)
"""

import asyncio
import contextlib
import ctypes
import sys
import threading
import warnings

_one_at_a_time = threading.Lock()


class BrokenOff(asyncio.CancelledError):
    """Raised in a server's thread that cannot be stopped otherwise."""


def raise_in_thread(thread_id: int) -> None:
    """Have `BrokenOff` raised in the thread with this number, before its next line of Python code.

    thread_id: as `threading.get_ident()` gives it. Where no such thread runs any more, nothing happens.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(BrokenOff))


@contextlib.contextmanager
def nothing_in_the_way():
    """Let `BrokenOff` reach an endpoint that forgets its `await`s and so leaves coroutines behind in every turn.

    Python warns as it removes each of them, by a function that is written in Python (`Lib/warnings.py`). An error that
    is raised in there is reported and forgotten. So for the time being that function is one without Python code in
    it, and the report is left out. One thread after the other: each puts back what it has found.
    """
    with _one_at_a_time:
        warn, report = warnings._warn_unawaited_coroutine, sys.unraisablehook
        warnings._warn_unawaited_coroutine = id
        sys.unraisablehook = lambda unraisable: unraisable.exc_type is BrokenOff or report(unraisable)
        try:
            yield
        finally:
            warnings._warn_unawaited_coroutine, sys.unraisablehook = warn, report
