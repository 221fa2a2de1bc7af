"""The way of one message through the parts of a service: what the wires between them have carried, as a picture."""

import json
import re

from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from course import parts
from course.wire import Wire
from wslab import picture

LANES = ["Ann", "Caddy", "A", "Redis", "B", "Ben"]  # Ann is connected to the worker A, and Ben to B
LONGEST = 8192  # bytes of a header


class Way:
    """What has passed, in order. Whoever talks over the wires makes it longer; so do the clients, by `told()`."""

    def __init__(self):
        self._rows: list[tuple[str, str, str]] = []  # from where, to where, and what

    def clear(self) -> None:
        """Forget what has passed."""
        self._rows.clear()

    def told(self, source: str, target: str, message: str) -> None:
        """This JSON of the service has gone from here to there."""
        match json.loads(message):
            case {"type": "say", "seq": seq, "text": text}:
                self._rows.append((source, target, f"say {seq}: {text}"))
            case {"type": "ack", "seq": seq}:
                self._rows.append((source, target, f"ack {seq}"))
            case {"type": "lines", "lines": lines}:
                self._rows += [(source, target, f"line {line['number']}: {line['text']}") for line in lines]

    def to_worker(self, worker: parts.Worker) -> Wire:
        """A wire between the proxy and this worker."""
        frames: dict = {}

        def note(connection: object, data: bytes, is_reply: bool) -> None:
            heard = frames.setdefault((connection, is_reply), Frames(is_masked=not is_reply))
            source, target = (worker.name, "Caddy") if is_reply else ("Caddy", worker.name)
            for text in heard.feed(data):
                self.told(source, target, text)

        return parts.wire(worker, f"to {worker.name}", note=note)

    def to_redis(self, broker: parts.Broker, worker: str) -> Wire:
        """A wire between this worker and Redis."""
        asked = set()  # connections over which an APPEND has gone, and not its reply

        def note(connection: object, data: bytes, is_reply: bool) -> None:
            words = re.sub(r"^[*$%:]\d+\r\n", "", data.decode(errors="replace"), flags=re.MULTILINE).split("\r\n")
            if words[0] == "EVALSHA" and "service:numbers" in words:
                asked.add(connection)
                seq, _, _, text = words[words.index("service:numbers") + 2 :][:4]
                self._rows.append((worker, "Redis", f"APPEND {seq}: {text}"))
            elif is_reply and connection in asked:
                asked.discard(connection)
                self._rows.append(("Redis", worker, data.decode().strip(":\r\n")))
            elif is_reply and "service:log" in words and "number" in words:
                number, text = words[words.index("number") + 1], words[words.index("text") + 1]
                self._rows.append(("Redis", worker, f"line {number}: {text}"))

        return parts.wire(broker, f"{worker} to Redis", note=note)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        # What Redis tells A, in two answers, and B begins at the same moment: one after the other, it can be read.
        rows = sorted(self._rows, key=branch)
        drawn = [picture.Row(LANES.index(source), LANES.index(target), text) for source, target, text in rows]
        said = "\n".join(f"{source} -> {target}: {text}" for source, target, text in rows)
        return {"text/html": picture.image(LANES, drawn), "text/plain": said}


def branch(row: tuple[str, str, str]) -> int:
    """On which part of the way it is: to Redis, or on one of the three back."""
    source, target, text = row
    if text.startswith(("say", "APPEND")):
        return 0
    if not text.startswith("line"):
        return 1
    return 3 if {"B", "Ben"} & {source, target} else 2


class Frames:
    """What one side says on a connection: HTTP, until a handshake is done, and then frames."""

    def __init__(self, is_masked: bool):
        self._bytes, self._is_masked, self._texts = StreamReader(), is_masked, []
        self._parser = self._parse()

    def _parse(self):
        while b"upgrade: websocket" not in (head := (yield from self._head())):
            length = re.search(rb"content-length: (\d+)", head)
            yield from self._bytes.read_exact(int(length[1]) if length else 0)
        while True:
            frame = yield from Frame.parse(self._bytes.read_exact, mask=self._is_masked)
            if frame.opcode is Opcode.TEXT:
                self._texts.append(bytes(frame.data).decode())

    def _head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += yield from self._bytes.read_line(LONGEST)
        return head.lower()

    def feed(self, data: bytes) -> list[str]:
        """The texts that are complete with these bytes."""
        self._bytes.feed_data(data)
        next(self._parser)
        texts, self._texts = self._texts, []
        return texts
