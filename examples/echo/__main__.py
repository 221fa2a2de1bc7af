"""Start the echo server: `python -m examples.echo [--host HOST] [--port PORT]`."""

import argparse
import socket
import sys

import uvicorn

from examples.echo.app import app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.echo", description="A WebSocket echo server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", default=8000, type=int, help="port to listen on (default: %(default)s; 0: any free one)"
    )
    parser.error = lambda problem: sys.exit(f"{problem}. See python -m examples.echo --help")  # one line, no usage
    options = parser.parse_args()

    listener = socket.socket()
    if sys.platform != "win32":  # there, it would share the port with another program
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        listener.listen()  # from now on connections are kept until the server takes them, so the next line is true
    except (OSError, OverflowError) as error:
        sys.exit(f"Cannot listen on {options.host}:{options.port}: {error}. Choose another with --host and --port.")

    place = f"{options.host}:{listener.getsockname()[1]}"
    print(f"Page: http://{place}   WebSocket: ws://{place}/ws   End with Ctrl-C.", flush=True)
    # Without a limit, one endpoint that does not end would keep Ctrl-C from working.
    config = uvicorn.Config(app, timeout_graceful_shutdown=1)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
