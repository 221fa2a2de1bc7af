"""Say lines in the room, and lose none of them: `python -m examples.resume.client [URL]`.

Each line of standard input is said until it is acknowledged, and what the room hears is printed, also after the
connection was lost: stop the server, type on, and start it again.
"""

import asyncio
import json
import random
import secrets
import sys
import threading
from urllib.parse import urlencode

from websockets import ClientConnection, ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, connect

PAUSE = 2  # seconds at most before it connects again
LONGEST = 1000  # characters that the server takes


def is_final(error: Exception) -> bool:
    """Whether the server would say the same again: it has refused the connection, or what was said."""
    if isinstance(error, InvalidStatus):
        return error.response.status_code < 500
    return isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code in (1008, 1009)


class Member:
    """It keeps what is not acknowledged, and knows how far it has heard."""

    def __init__(self):
        self.name = secrets.token_urlsafe(8)  # made together with the ids, which it counts
        self.id, self.outbox = 0, {}
        self.history, self.number = "", 0
        self.typed = asyncio.Event()

    def say(self, text: str) -> None:
        if len(text) > LONGEST:  # the server would refuse it, and this client
            print(f"(not said: longer than {LONGEST} characters)", flush=True)
            return
        if any("\ud800" <= character <= "\udfff" for character in text):  # so it would for this
            print("(not said: there is half a character in it, or a byte that is no UTF-8)", flush=True)
            return
        self.id += 1
        self.outbox[self.id] = text
        self.typed.set()

    async def stay(self, url: str) -> None:
        """Connect, and again whenever the connection is lost."""
        while True:
            query = urlencode({"client": self.name, "history": self.history, "number": self.number})
            try:
                async with connect(f"{url}?{query}", proxy=None) as ws, asyncio.TaskGroup() as tasks:
                    tasks.create_task(self.speak(ws))
                    await self.listen(ws)
            except* (OSError, ConnectionClosed, InvalidHandshake) as lost:  # not there, or gone
                if any(map(is_final, lost.exceptions)):
                    raise
                print("(away)", flush=True)
            await asyncio.sleep(random.uniform(0, PAUSE))

    async def speak(self, ws: ClientConnection) -> None:
        """Say what is not acknowledged, and then what is typed."""
        said = 0
        while True:
            self.typed.clear()
            for id, text in list(self.outbox.items()):
                if id > said:
                    await ws.send(json.dumps({"id": id, "text": text}))
                    said = id
            await self.typed.wait()

    async def listen(self, ws: ClientConnection) -> None:
        while True:
            match json.loads(await ws.recv()):
                case {"ack": id}:
                    self.outbox.pop(id, None)
                case {"anew": history, "number": number}:
                    self.history, self.number = history, number
                    print("(from the first line that is kept)", flush=True)
                case {"number": number, "text": text}:
                    self.number = number
                    print(f"{number}: {text}", flush=True)


async def main(url: str) -> None:
    sys.stdin.reconfigure(errors="surrogateescape")  # else a byte that is no UTF-8 would end the reading
    member, loop = Member(), asyncio.get_running_loop()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(member.say, line.rstrip("\n"))

    threading.Thread(target=read, daemon=True).start()  # it ends with the program
    await member.stay(url)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/room"))
    except* KeyboardInterrupt:
        pass
    except* (InvalidStatus, InvalidURI, ConnectionClosed) as final:
        sys.exit(f"Given up: {final.exceptions[0]}")
