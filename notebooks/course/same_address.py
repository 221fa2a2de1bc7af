"""What stood in memory where something new stands now: id() says of both the same."""

import contextlib
import gc
import sys
import weakref
from collections.abc import Iterator

import fastapi.routing
from fastapi import WebSocket

NOBODY = 2  # references to the last one, of the list here and of the call that counts them


@contextlib.contextmanager
def each_stands_where_the_last_one_stood() -> Iterator[None]:
    """Meanwhile, FastAPI makes each WebSocket where the one before it was, if nobody holds on to that any more.

    Python does that by itself, once in ten or twenty times.
    """
    last: list[WebSocket] = []

    def make(*arguments, **options) -> WebSocket:
        gc.collect()
        # Nobody may be told of its end either, as a WeakKeyDictionary is: it would not come.
        free = bool(last) and sys.getrefcount(last[0]) <= NOBODY and not weakref.getweakrefcount(last[0])
        websocket = last[0] if free else WebSocket.__new__(WebSocket)
        last[:] = [websocket]
        vars(websocket).clear()
        websocket.__init__(*arguments, **options)
        return websocket

    fastapi.routing.WebSocket = make
    try:
        yield
    finally:
        fastapi.routing.WebSocket = WebSocket
