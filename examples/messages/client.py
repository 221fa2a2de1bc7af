"""Send messages of each kind to each endpoint, and print what comes back.

python examples/messages/client.py [URL OF THE SERVER]
"""

import asyncio
import sys

from websockets import ConnectionClosed, connect

MESSAGES = ["hello", "", b"\x00\xff", '{"item": "tea"', '{"item": "tea"}']


async def talk(server: str) -> None:
    for path in ["/echo", "/text", "/order"]:
        print(path)
        for message in MESSAGES:
            async with asyncio.timeout(5), connect(server + path) as ws:
                await ws.send(message)
                try:
                    print(f"    {message!r:18} {await ws.recv()!r}")
                except ConnectionClosed:
                    print(f"    {message!r:18} closed: {ws.close_code} {ws.close_reason}")


if __name__ == "__main__":
    asyncio.run(talk(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000"))
