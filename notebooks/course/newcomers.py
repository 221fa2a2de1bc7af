"""Clients that come one after the other, without a network: so each gets the place in memory that the last one had."""

import asyncio

from course.client import WAIT, NotYet
from wslab.conversation import describe_error
from wslab.server import Server

MANY = 200
ONE_BY_ONE = "clients came one after the other, each when the last one had left."
LEFT_OVER = (
    "That is left over from another. What is kept for a client outside of the endpoint, by `id(websocket)` or by its "
    "address, waits there for whoever gets the same one next: keep it in a variable of the endpoint."
)


async def begins_anew(server: Server, app, path: str, text: str, answer: str) -> str:
    """A step: whoever comes after others have left says `text` and gets `answer`, as they did."""
    for got in await server.thread.run(first_answers(app, path, text), 5 * WAIT):
        if got != answer:
            raise NotYet(
                f"{ONE_BY_ONE} One of them sent {text!r} and expected {answer!r}, but got {got!r}. {LEFT_OVER}"
            )
    return "whoever comes after others have left begins anew"


async def first_answers(app, path: str, *texts: str) -> list[str | None]:
    """What the clients are answered, of whom each says these texts. When it has an answer to each, it leaves."""
    answers = []
    for _ in range(MANY):
        said, sent = asyncio.Queue(), []
        said.put_nowait({"type": "websocket.connect"})
        for text in texts:
            said.put_nowait({"type": "websocket.receive", "text": text})

        async def send(message, said=said, sent=sent):
            if message["type"] == "websocket.send":
                sent.append(message.get("text"))
            if len(sent) == len(texts):
                said.put_nowait({"type": "websocket.disconnect", "code": 1000, "reason": ""})

        try:
            await asyncio.create_task(app(scope(path), said.get, send))  # a context of its own, as with a server
        except Exception as error:
            raise NotYet(f"{ONE_BY_ONE} The endpoint of one of them raised {describe_error(error)}.") from None
        answers += sent
    return answers


def scope(path: str) -> dict:
    """What a server tells an app of a client that comes, each time from the same address."""
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8000),
        "subprotocols": [],
        "extensions": {},
        "state": {},
    }
