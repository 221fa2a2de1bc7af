"""The check under the exercise of start-here."""

from functools import partial

from course.client import visit
from course.judging import Verdict, check_up, judge
from wslab.server import Server

__all__ = ["shout"]


async def shout(app) -> Verdict:
    """`/ws` answers a text with the same text in capital letters, and closes."""

    async def answers(server: Server, text: str) -> str:
        async with visit(server, "/ws") as client:
            await client.ask(text, text.upper())
            await client.expect_close()
        return f"{text!r} is answered with {text.upper()!r}"

    texts = ["hello", "Good morning", "déjà vu"]
    verdict = await judge(app, *(partial(answers, text=text) for text in texts))
    return await check_up(verdict, app, "/ws", "crowd", good="fifty clients at once are all answered")
