"""Talk to the echo server from a terminal: `python -m examples.echo.client [URL]`."""

import asyncio
import sys

from websockets import ConnectionClosed, InvalidStatus, InvalidURI, connect


async def talk(url: str) -> None:
    """Send each line of standard input, and print the answer to each, until the input ends."""
    async with connect(url) as ws:
        prompt = "> " if sys.stdin.isatty() else ""
        if prompt:
            print("Connected. Write a line and press Enter; end with Ctrl-D (Windows: Ctrl-Z, Enter).")
        while True:
            try:
                line = await asyncio.to_thread(input, prompt)
            except EOFError:
                return
            await ws.send(line)
            async with asyncio.timeout(10):
                print(await ws.recv())


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ws"
    try:
        asyncio.run(talk(url))
    except KeyboardInterrupt:
        pass
    except InvalidURI:
        sys.exit(f"{url!r} is not a WebSocket address, such as ws://127.0.0.1:8000/ws")
    except InvalidStatus as refusal:
        sys.exit(f"{url} refused the connection: HTTP {refusal.response.status_code}")
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else 1006
        sys.exit(f"The connection to {url} was lost (code {code}).")
    except TimeoutError:
        sys.exit(f"{url} did not answer within 10 seconds.")
    except OSError:
        sys.exit(f"Nobody listens at {url}. Is the server running?  python -m examples.echo")


if __name__ == "__main__":
    main()
