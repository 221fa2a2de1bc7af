"""A crowd for `make chaos`: clients of examples/service who all speak, and count what they hear.

It is a process of its own, started by `tools/chaos.py`. It says how far it is in lines such as `50 %`, and in the end
what it has counted, as JSON. No client takes anything out of what it hears: a line that comes twice is counted twice.
"""

import asyncio
import itertools
import json
import random
import ssl
import sys
import time
from collections import Counter, deque
from urllib.parse import urlencode

from websockets import ConnectionClosed, InvalidHandshake, InvalidMessage, connect

QUIET = 15  # seconds without a message, after all was said, until a client hears no more
PACE = 0.05  # seconds that a client rests at least between two texts


class Crowd:
    """All clients, and what they have to say."""

    def __init__(self, origin: str, authority: str, clients: int, room_size: int, texts: int):
        self.url, self.origin = origin.replace("http", "ws") + "/ws?", origin
        self.ssl = ssl.create_default_context(cafile=authority)
        self.texts, self.connects, self.acknowledged, self.longest = texts, 0, 0, 0.0
        self.clients = [Client(self, n, f"room{n // room_size}") for n in range(clients)]
        self.size = Counter(client.room for client in self.clients)
        self.all_here = asyncio.Event()
        self._here = 0

    @property
    def all_said(self) -> bool:
        return self.acknowledged == len(self.clients) * self.texts

    def one_more_is_here(self) -> None:
        self._here += 1
        if self._here == len(self.clients):
            print("0 %", flush=True)
            self.all_here.set()

    def acknowledge(self, waited: float) -> None:
        """A text was acknowledged, so many seconds after it was said first."""
        self.longest = max(self.longest, waited)
        self.acknowledged += 1
        before, now = (100 * n // (len(self.clients) * self.texts) for n in (self.acknowledged - 1, self.acknowledged))
        if now > before:
            print(f"{now} %", flush=True)

    async def run(self, limit: float) -> dict:
        """Let all speak. Those who have not heard all after `limit` seconds are given up."""
        tasks = [asyncio.create_task(client.live()) for client in self.clients]
        began = time.monotonic()
        _, late = await asyncio.wait(tasks, timeout=limit)
        for task in late:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()  # a mistake of the crowd's own
        return self.counted() | {"given up": len(late), "seconds": round(time.monotonic() - began, 1)}

    def counted(self) -> dict:
        """What was lost, came twice, or in another order than to the others of its room."""
        lost = doubled = disordered = deliveries = 0
        for _, members in itertools.groupby(self.clients, lambda client: client.room):
            members = list(members)
            said = {text for client in members for text in client.said}
            place = {text: n for n, text in enumerate(max((client.heard for client in members), key=len))}
            for client in members:
                times = Counter(client.heard)
                deliveries += len(client.heard)
                lost += len(said - set(times))
                doubled += sum(times.values()) - len(times)
                places = [place[text] for text in times if text in place]
                disordered += sum(a > b for a, b in itertools.pairwise(places))
        waited = {"longest wait": round(self.longest, 2)}
        counts = {"lost": lost, "doubled": doubled, "out of order": disordered}
        return {"said": self.acknowledged, "deliveries": deliveries, "connects": self.connects} | counts | waited


class Client:
    """Says its texts one after the other, each until it is acknowledged, and comes back whenever it is cut off."""

    def __init__(self, crowd: Crowd, number: int, room: str):
        self.crowd, self.room, self.key = crowd, room, f"client{number}"
        self.said: list[str] = []
        self.heard: list[str] = []
        self.unsure: deque[tuple[int, str, float]] = deque()  # seq, text, and when it was said first
        self.history, self.number = "", 0
        self.is_counted = False  # among those who are here

    @property
    def is_done(self) -> bool:
        return self.crowd.all_said and len(self.heard) >= self.crowd.size[self.room] * self.crowd.texts

    async def live(self) -> None:
        for failures in itertools.count():
            with_it = {"room": self.room, "client": self.key, "history": self.history, "number": self.number}
            url = self.crowd.url + urlencode(with_it)
            options = {"ssl": self.crowd.ssl, "origin": self.crowd.origin, "compression": None, "open_timeout": 30}
            try:
                async with connect(url, additional_headers={"Cookie": f"session={self.key}"}, **options) as ws:
                    self.crowd.connects += 1
                    await self.talk(ws)
                    return
            except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidMessage):
                pass
            await asyncio.sleep(random.uniform(0, min(5, 0.2 * 2**failures)))

    async def talk(self, ws) -> None:
        for seq, text, _ in list(self.unsure):
            await ws.send(json.dumps({"type": "say", "seq": seq, "text": text}))
        speaking = asyncio.create_task(self.speak(ws))
        try:
            while not self.is_done:
                try:
                    async with asyncio.timeout(QUIET):
                        message = await ws.recv()
                except TimeoutError:
                    if self.crowd.all_said:
                        return  # nothing more comes: what it has not heard is lost
                    continue
                self.hear(json.loads(message))
                if self.history and not self.is_counted:
                    self.is_counted = True
                    self.crowd.one_more_is_here()
        finally:
            speaking.cancel()
            await asyncio.wait([speaking])

    async def speak(self, ws) -> None:
        await self.crowd.all_here.wait()
        while len(self.said) < self.crowd.texts:
            await asyncio.sleep(PACE * random.uniform(1, 3))
            while self.unsure:  # one at a time: how long it takes is what is measured
                await asyncio.sleep(PACE)
            seq = len(self.said) + 1
            text = f"{self.key} {seq}"
            self.said.append(text)
            self.unsure.append((seq, text, time.monotonic()))
            try:
                await ws.send(json.dumps({"type": "say", "seq": seq, "text": text}))
            except ConnectionClosed:
                return  # it is said again over the next connection

    def hear(self, message: dict) -> None:
        match message:
            case {"type": "ack", "seq": seq}:
                while self.unsure and self.unsure[0][0] <= seq:
                    self.crowd.acknowledge(time.monotonic() - self.unsure.popleft()[2])
            case {"type": "lines", "lines": lines}:
                self.heard += [line["text"] for line in lines]
                self.number = lines[-1]["number"]
            case {"type": "anew", "history": history, "number": number}:
                self.history, self.number = history, number


async def main() -> None:
    origin, authority, *numbers = sys.argv[1:]
    clients, room_size, texts, limit = map(int, numbers)
    print(json.dumps(await Crowd(origin, authority, clients, room_size, texts).run(limit)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
