"""Send one message to a WebSocket endpoint and print its answer.

python examples/first_message/client.py [URL]
"""

import asyncio
import sys

from websockets import connect


async def talk(url: str) -> None:
    async with asyncio.timeout(5), connect(url) as ws:
        await ws.send("hello from a script")
        print(await ws.recv())


if __name__ == "__main__":
    asyncio.run(talk(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ws"))
