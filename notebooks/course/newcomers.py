"""Clients that come one after the other, without a network: so each gets the place in memory that the last one had."""

import asyncio

from course.client import WAIT, NotYet
from wslab.conversation import describe_error
from wslab.server import ServeError, Server

MANY = 200
ONE_BY_ONE = "clients came one after the other, each when the last one had left."
LEFT_OVER = (
    "That is left over from another. What is kept for a client outside of the endpoint, by `id(websocket)` or by its "
    "address, waits there for whoever gets the same one next: keep it in a variable of the endpoint."
)


async def begins_anew(server: Server, app, path: str, text: str, answer: str, many: int = MANY) -> str:
    """A step: whoever comes after others have left says `text` and gets `answer`, as they did."""
    try:
        answers = await server.thread.run(first_answers(app, path, text, many=many), 5 * WAIT)
    except ServeError as blocked:
        if "blocked in " in str(blocked):  # there
            raise
        await server.on_loop(lambda: None)  # raises it again, if the loop is blocked
        raise NotYet(
            f"{ONE_BY_ONE} {5 * WAIT:g} seconds later, not all {many} had been answered. Something waits before an "
            "answer, perhaps with no end."
        ) from None
    for got in answers:
        if got != answer:
            raise NotYet(
                f"{ONE_BY_ONE} One of them sent {text!r} and expected {answer!r}, but got {got!r}. {LEFT_OVER}"
            )
    return "whoever comes after others have left begins anew"


async def first_answers(app, path: str, *texts: str, many: int = MANY) -> list[str | None]:
    """What the clients are answered, of whom each says these texts. When it has an answer to each, it leaves."""
    answers = []
    for _ in range(many):
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
