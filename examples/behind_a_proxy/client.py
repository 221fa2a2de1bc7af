"""A reader of the board who comes back: `python -m examples.behind_a_proxy.client`, in a terminal of its own."""

import asyncio
import random
import ssl
import sys

from websockets import ConnectionClosed, connect


async def read(url: str):
    options = {}
    if len(sys.argv) > 2:  # the authority to trust, for wss
        try:
            options["ssl"] = ssl.create_default_context(cafile=sys.argv[2])
        except OSError as error:  # no such file, or no certificate in it
            sys.exit(f"{sys.argv[2]} is not the authority's certificate: {error}")
    async for ws in connect(f"{url}/board", **options):  # tries again after a 502, too
        print("(connected)", flush=True)
        try:
            async for text in ws:
                print(text, flush=True)
        except ConnectionClosed:
            pass
        print(f"(closed with {ws.close_code})", flush=True)
        await asyncio.sleep(random.random())  # not with everybody else


if __name__ == "__main__":
    try:
        asyncio.run(read(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000"))
    except KeyboardInterrupt:
        pass
