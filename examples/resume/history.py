"""The last lines of a room, for whoever was away: what is missing, or the answer that this cannot be said."""

import asyncio
from collections import deque


class History:
    """The last lines of a room, each with its number, and who waits for the next one."""

    def __init__(self, name: str, keep: int = 1000):
        self.name = name  # of another history, the same numbers are other lines
        self.lines: deque[dict] = deque(maxlen=keep)
        self.last = 0
        self.followers: set[asyncio.Event] = set()

    def add(self, text: str):
        self.last += 1
        self.lines.append({"number": self.last, "text": text})
        for news in self.followers:
            news.set()

    def since(self, name: str, number: int) -> list[dict]:
        """What is missing to who has heard up to this number; or, if that cannot be said, `anew` and all there is."""
        missing = self.last - number
        if name == self.name and 0 <= missing <= len(self.lines):
            return [self.lines[n] for n in range(-missing, 0)]
        return [{"anew": self.name, "number": self.last - len(self.lines)}, *self.lines]
