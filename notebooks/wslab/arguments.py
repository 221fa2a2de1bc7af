"""What `serve` is given: whether it can be an app, whether the options can be, and whether the port is free.

All that is wrong with it is a `ServeError` whose message says what to do about it.
"""

import inspect
import socket
import sys

from wslab.errors import ServeError


def check_app(app) -> None:
    """Raise ServeError, with what to do about it, unless `app` can be called as an ASGI app."""
    if isinstance(app, str):
        raise ServeError(f"got the text {app!r}. Import the app, and pass the app itself instead of its name.")
    if inspect.isclass(app):
        raise ServeError(f"got the class {app.__name__}. Pass an app that is made from it: {app.__name__}()")
    if not callable(app):
        raise ServeError(f"got a {type(app).__name__}, which is not an app. Pass your FastAPI app.")
    try:
        inspect.signature(app).bind("scope", "receive", "send")
    except TypeError:
        called = getattr(app, "__name__", type(app).__name__)
        raise ServeError(
            f"got {called}(), which does not take an ASGI app's three arguments (scope, receive, send). "
            "Pass the FastAPI app, not the endpoint."
        ) from None


def check_options(port: int, uvicorn_options: dict) -> None:
    """Raise ServeError, with what to do about it, for a port that cannot be, or a `host`."""
    if "host" in uvicorn_options:
        raise ServeError("leave out `host`: a notebook's server listens on 127.0.0.1 and nowhere else.")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise ServeError(f"port must be a whole number from 0 to 65535, not {port!r}")


def listen(port: int) -> socket.socket:
    """A socket that listens on `port` of 127.0.0.1 (0: any free one). Raises ServeError if it can't."""
    # With TCP's number, asyncio sets TCP_NODELAY, as it does where uvicorn makes its socket by itself.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform == "win32":  # there, SO_REUSEADDR would share the port with another program
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        sock.close()
        raise ServeError(
            f"port {port} cannot be used ({error.strerror}). Leave `port` out, and the system picks a free one."
        ) from None
    return sock
