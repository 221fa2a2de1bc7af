"""The contract: what a client may send, and what it is sent. A text that is empty asks for one, as connection.js does.

A client comes to `/ws?room=ROOM&client=KEY&history=HISTORY&number=NUMBER`, with its session's cookie. KEY is a text
that it has made up for itself, the other two say how far it has heard; whoever is new leaves them out.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AT_ONCE = 50  # lines: in JSON, a text of 1,000 characters may have 12,000, and many clients take a MiB at most


class Say(BaseModel):
    """Sent again until it is acknowledged, in the order of `seq`, which counts up.

    (Without a `seq`, too; but then nobody knows whether it is a repetition, and it is not acknowledged.)
    """

    model_config = ConfigDict(strict=True, extra="forbid")
    type: Literal["say"]
    seq: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    text: Annotated[str, Field(min_length=1, max_length=1000)]


def acknowledged(seq: int) -> str:
    """It is in the log."""
    return json.dumps({"type": "ack", "seq": seq})


def line(number: int, name: str, text: str) -> dict:
    """Something that was said. The numbers of a room are 1, 2, 3, and so on."""
    return {"number": number, "name": name, "text": text}


def lines(several: Iterable[dict]) -> str:
    """What was said, in order."""
    return json.dumps({"type": "lines", "lines": list(several)})


def in_parts(many: list[dict]) -> list[str]:
    """The same, in as many messages as it takes."""
    return [lines(many[first : first + AT_ONCE]) for first in range(0, len(many), AT_ONCE)]


def anew(history: str, number: int) -> str:
    """The client cannot go on from where it was, or is new: what follows are the lines above `number`."""
    return json.dumps({"type": "anew", "history": history, "number": number})


def here(names: Iterable[str]) -> str:
    """Who is in the room."""
    return json.dumps({"type": "here", "names": sorted(names)})


def wrong(problem: str) -> str:
    """The last message was not taken."""
    return json.dumps({"type": "wrong", "problem": problem})
