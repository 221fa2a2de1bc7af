"""Talk to the echo server from a terminal: `python -m examples.echo.client [URL]`.

Each line of standard input is sent, and the answer to it printed, until the input ends. A program that waits for its
user's next line has nothing else to do meanwhile, so this one uses the synchronous client of `websockets`.
"""

import sys
from collections.abc import Iterator

from websockets import ConnectionClosed, InvalidStatus, InvalidURI
from websockets.sync.client import connect

PATIENCE = 10  # seconds to wait for an answer


def lines() -> Iterator[str]:
    """What the user types at a prompt, or the lines of a file or a pipe."""
    prompt = "> " if sys.stdin.isatty() else ""
    if prompt:
        print("Connected. Write a line and press Enter; end with Ctrl-C.")
    while True:
        try:
            yield input(prompt)
        except (EOFError, KeyboardInterrupt):
            return


def main() -> None:
    sys.stdin.reconfigure(errors="replace")  # a byte that is no UTF-8 could not be sent
    url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ws"
    try:
        with connect(url, proxy=None) as ws:  # the server is near: no proxy in between
            for line in lines():
                ws.send(line)
                print(ws.recv(timeout=PATIENCE))
    except InvalidURI:
        sys.exit(f"{url!r} is not a WebSocket address, such as ws://127.0.0.1:8000/ws")
    except InvalidStatus as refusal:
        sys.exit(f"{url} refused the connection: HTTP {refusal.response.status_code}")
    except ConnectionClosed as closed:
        sys.exit(f"The connection to {url} was lost (code {closed.rcvd.code if closed.rcvd else 1006}).")
    except TimeoutError:
        sys.exit(f"{url} did not answer within {PATIENCE} seconds.")
    except ConnectionRefusedError:
        sys.exit(f"Nobody listens at {url}. Is the server running?  python -m examples.echo")
    except OSError as error:
        sys.exit(f"No connection to {url}: {error}")


if __name__ == "__main__":
    main()
