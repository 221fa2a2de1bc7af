"""A client that comes back: it says again what is not acknowledged, and asks for what it has missed.

    python -m examples.workers.client Ann ws://127.0.0.1:8000 ws://127.0.0.1:8001

Write lines. When its worker is gone, it goes on at the next address.
"""

import asyncio
import itertools
import json
import sys
import uuid
from contextlib import suppress
from urllib.parse import quote

from websockets import ConnectionClosed, InvalidHandshake, InvalidURI, connect
from websockets.uri import parse_uri

LONGEST = 1000  # characters that the server takes
PAUSE = 0.5  # seconds before it tries the next address


class Talker:
    def __init__(self, name: str):
        self.name, self.key = name, uuid.uuid4().hex
        self.last = "0-0"
        self.seq = itertools.count(1)
        self.unsure: dict[int, str] = {}  # said, and not acknowledged
        self.ws = None

    async def say(self, text: str):
        if len(text) > LONGEST:  # it would be refused as often as it is said
            print(f"(not said: longer than {LONGEST} characters)", flush=True)
            return
        if any("\ud800" <= character <= "\udfff" for character in text):  # so would this
            print("(not said: there is half a character in it, or a byte that is no UTF-8)", flush=True)
            return
        seq = next(self.seq)
        self.unsure[seq] = json.dumps({"seq": seq, "text": text})
        if self.ws:
            try:
                await self.ws.send(self.unsure[seq])
            except ConnectionClosed:
                pass  # it is said again

    async def listen(self, urls: list[str]):
        for url in itertools.cycle(urls):
            try:
                async with connect(f"{url}/ws/{quote(self.name, safe='')}?key={self.key}&last={self.last}") as ws:
                    said = 0
                    while said < max(self.unsure, default=0):  # meanwhile, more may be said
                        for seq, message in list(self.unsure.items()):
                            if seq > said:
                                await ws.send(message)
                                said = seq
                    self.ws = ws
                    async for message in ws:
                        self.hear(json.loads(message))
            except (OSError, ConnectionClosed, InvalidHandshake):
                pass
            self.ws = None
            print(f"({url} is gone; trying the next one)", flush=True)
            await asyncio.sleep(PAUSE)

    def hear(self, message: dict):
        match message:
            case {"seq": seq}:
                self.unsure.pop(seq, None)
            case {"id": entry_id, "name": name, "text": text}:
                self.last = entry_id
                print(f"{name}: {text}", flush=True)
            case {"gap": True}:
                print("(something may be missing here)", flush=True)


async def main():
    if len(sys.argv) < 3:
        sys.exit("Say your name, and at least one address: python -m examples.workers.client Ann ws://127.0.0.1:8000")
    try:
        for url in sys.argv[2:]:
            parse_uri(url)
    except InvalidURI as error:
        sys.exit(f"{error}. An address begins with ws://")
    sys.stdin.reconfigure(errors="surrogateescape")  # else a byte that is no UTF-8 would end all
    talker = Talker(sys.argv[1])
    listening = asyncio.create_task(talker.listen(sys.argv[2:]))
    while line := await asyncio.to_thread(sys.stdin.readline):
        await talker.say(line.rstrip("\n"))
    while talker.unsure and not listening.done():
        await asyncio.sleep(0.05)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening  # an error of its own shows


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
