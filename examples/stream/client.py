"""Ask, say *stop* in the middle of the answer, and ask again: `python -m examples.stream.client [URL]`.

To talk yourself, in both directions at once: `python -m websockets ws://127.0.0.1:8000/ask`
"""

import asyncio
import sys

from websockets import connect


async def talk(url: str) -> None:
    async with asyncio.timeout(30), connect(url) as ws:

        async def hear(end: str) -> None:
            """Print what comes, up to the text `end`."""
            while (text := await ws.recv()) != end:
                print(text)
            print(text)

        await ws.send("Who was Ada?")
        await hear("like")
        print("> stop")
        await ws.send("stop")
        await hear("(stopped)")
        print("> And Grace?")
        await ws.send("And Grace?")
        await hear("(end)")


if __name__ == "__main__":
    asyncio.run(talk(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ask"))
