"""Trouble that no client can make, and that the checks want an endpoint to bear: bugs, a cancellation, time.

`with_troubles()` stands between the server and the app. It passes everything on, and makes trouble at some texts.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

from course.client import NotYet, news, until, visit
from course.error_log import errors_in_the_log
from wslab.server import Server


class Bug(Exception):
    """Stands for any error of the endpoint's own: nobody can have foreseen this one."""


class Cancelled(Exception):
    """Says that an endpoint has ended as it was told to, by a cancellation."""


BUGS = {f"a bug of the check's: {error.__name__}": error for error in (Bug, RuntimeError, KeyError, ValueError)}
CANCEL = "a cancellation of the check's"
BOTH_KEYS = "?keys=both"  # behind the path of an endpoint
HIDDEN = (
    "What is caught where a client leaves is `WebSocketDisconnect` alone: `except:`, `except Exception` and others "
    "beside it hide your own errors, too, unless they are logged or raised again. So does a `return` in a `finally`."
)

UNSEEN = "A task's error is seen by nobody, unless somebody awaits that task."
SWALLOWED = ""
if sys.version_info < (3, 12):  # https://github.com/python/cpython/issues/86296
    SWALLOWED = " (And `wait_for()` may swallow a cancellation there, on Python 3.11; `timeout()` does not.)"
    UNSEEN += SWALLOWED


def with_troubles(app):
    """The app. But where an endpoint receives a text of `BUGS`, that error is raised; at `CANCEL` it is cancelled.

    With `BOTH_KEYS` in its address, messages have both `text` and `bytes`, one of them None, which ASGI permits
    (https://asgi.readthedocs.io/en/stable/specs/www.html#websocket).
    """

    async def troubled_app(scope, receive, send):
        endpoint = asyncio.current_task()
        is_cancelled = False

        async def receive_trouble():
            nonlocal is_cancelled
            message = await receive()
            text = message.get("text")
            if message["type"] == "websocket.receive" and scope["query_string"] == BOTH_KEYS[1:].encode():
                message = {"text": None, "bytes": None, **message}
            if text in BUGS:
                raise BUGS[text]("a bug")
            if text == CANCEL:
                is_cancelled = endpoint.cancel()
                await asyncio.sleep(0)  # here it is cancelled, unless another task receives for it
            return message

        try:
            await app(scope, receive_trouble, send)
        except asyncio.CancelledError:
            if not is_cancelled:
                raise
            raise Cancelled from None

    return troubled_app


async def lets_bugs_show(server: Server, path: str, errors=(Bug, RuntimeError), hint: str = HIDDEN) -> str:
    """A step: `errors` of the endpoint's own must be raised, so that uvicorn logs them, or be logged."""
    for text, error in BUGS.items():
        if error not in errors:
            continue
        with errors_in_the_log() as log:
            async with visit(server, path) as client:
                await client.say(text)
                await until(lambda: log.records or client.ws.close_code is not None, server=server)
            events = await news(server)  # its endpoint has ended, or should have
        if not log.records:
            name = "an error" if error is Bug else f"a {error.__name__}"
            goes_on = any(event.text.startswith("endpoint is still running") for event in events)
            raise NotYet(
                f"the check let {name} happen where the endpoint receives, as a bug would, and it showed nowhere: it "
                f"was neither raised nor logged. {f'Something of the endpoint goes on. {UNSEEN}' if goes_on else hint}"
            )
    return "an error of its own shows"


async def ends_when_cancelled(server: Server, path: str) -> str:
    """A step: an endpoint that is cancelled while it receives must end as cancelled."""
    async with visit(server, path) as client:
        await client.say(CANCEL)
        await client.caught_up()  # it has what was sent
    if "endpoint raised Cancelled" not in [event.text for event in await news(server)]:
        raise NotYet(
            "when it is cancelled, as by a timeout, the endpoint does not stop: it catches even CancelledError. Is "
            "there an `except` wider than `except Exception`? Or a `return` in a `finally`?"
        )
    return "it ends when it is cancelled"


@contextlib.asynccontextmanager
async def time_stands_still(server: Server) -> AsyncIterator[None]:
    """Meanwhile, the clock of the server's event loop does not go on: whoever sleeps there does not wake up."""

    def stop():
        loop = asyncio.get_running_loop()
        now, clock = loop.time(), loop.time
        loop.time = lambda: now
        return lambda: setattr(loop, "time", clock)

    go_on = await server.on_loop(stop)
    try:
        yield
    finally:
        await server.on_loop(go_on)
