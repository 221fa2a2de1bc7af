"""What `python -m examples.NAME` does: take its options, listen, say where, and serve until Ctrl-C."""

import argparse
import socket
import sys
from collections.abc import Callable

import uvicorn

TAKES_NOTHING = 30  # seconds, for a client


def start(
    app, name: str, places: str, listens_at: Callable[[str], object] = lambda place: None, **uvicorn_options
) -> None:
    """Serve `app`, the program `python -m examples.NAME`. `places` says where to go, with {} for host and port.

    `listens_at` is called with these before anybody is served; uvicorn's own options may follow. What can be wrong with
    the program's options ends it with one line.
    """
    command = f"python -m examples.{name}"
    parser = argparse.ArgumentParser(prog=command, description=f"The program examples/{name}: a WebSocket server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", default=8000, type=int, help="port to listen on (default: %(default)s; 0: any free one)"
    )
    parser.error = lambda problem: sys.exit(f"{problem}. See {command} --help")  # one line, no usage
    options = parser.parse_args()

    # With TCP's number, asyncio sets TCP_NODELAY: small messages are sent at once.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there, it would share the port with another program
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux cuts off whoever takes nothing for so long, which ASGI cannot
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * TAKES_NOTHING)
    try:
        listener.bind((options.host, options.port))
        listener.listen()  # from now on connections are kept until the server takes them, so the next line is true
    except (OSError, OverflowError) as error:
        problem = str(error).rstrip(".")  # some end with one
        sys.exit(f"Cannot listen on {options.host}:{options.port}: {problem}. Choose another with --host and --port.")

    place = f"{options.host}:{listener.getsockname()[1]}"
    listens_at(place)
    print(f"{places.replace('{}', place)}   End with Ctrl-C.", flush=True)
    # Without a limit, one endpoint that does not end would keep Ctrl-C from working.
    config = uvicorn.Config(app, timeout_graceful_shutdown=1, **uvicorn_options)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
