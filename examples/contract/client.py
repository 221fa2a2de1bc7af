"""Ask several things at once, and find each answer by its id: `python -m examples.contract.client [URL]`."""

import asyncio
import itertools
import json
import sys

from websockets import ClientConnection, connect


class Heating:
    """A heating at the other end of a connection."""

    def __init__(self, ws: ClientConnection):
        self.ws = ws
        self.numbers = itertools.count(1)
        self.asked: dict[int, asyncio.Future[dict]] = {}  # what has no answer yet, by its id

    async def ask(self, **request) -> dict:
        """Send a request, and return its answer."""
        number = next(self.numbers)
        self.asked[number] = asyncio.get_running_loop().create_future()
        try:
            await self.ws.send(json.dumps({**request, "id": number}))
            return await self.asked[number]
        finally:
            del self.asked[number]

    async def listen(self) -> None:
        """Hand each answer to whoever waits for it, until the connection ends."""
        async for text in self.ws:
            reply = json.loads(text)
            answer = self.asked.get(reply["id"])
            if answer and not answer.done():  # done is one for which nobody waits any more, since a moment ago
                answer.set_result(reply)
        raise ConnectionError("the server has closed the connection")


async def talk(url: str) -> None:
    async with asyncio.timeout(30), connect(url, subprotocols=["heating.v1"]) as ws, asyncio.TaskGroup() as tasks:
        heating = Heating(ws)
        listening = tasks.create_task(heating.listen())
        answers = await asyncio.gather(
            heating.ask(type="set", room="kitchen", celsius=21),
            heating.ask(type="set", room="kitchen", celsius=50),
            heating.ask(type="read", room="kitchen"),
        )
        for answer in answers:
            print(answer)
        listening.cancel()


if __name__ == "__main__":
    asyncio.run(talk(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/heating"))
