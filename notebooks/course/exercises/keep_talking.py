"""The check under the exercise of keep-talking."""

from course.client import ENDLESS_LOOP, visit
from course.judging import Verdict, check_up, judge
from wslab.server import Server

__all__ = ["counting_echo"]


async def counting_echo(app) -> Verdict:
    """`/count` answers every text with `N: text`, N counting that client's messages from 1."""
    texts = ["one", "two", "two", "", "  spaces  ", *(f"message {n}" for n in range(6, 21))]

    async def counts(server: Server) -> str:
        async with visit(server, "/count") as client:
            for number, text in enumerate(texts, 1):
                await client.ask(text, f"{number}: {text}", closed=ENDLESS_LOOP)
            await client.expect_silence()
        return f"{len(texts)} messages on one connection are numbered from 1 to {len(texts)}"

    async def counts_for_each_client(server: Server) -> str:
        hint = "Each client has a count of its own: keep it in a variable of the endpoint."
        async with visit(server, "/count") as ann, visit(server, "/count") as ben:
            await ann.ask("hi", "1: hi", wrong=hint)
            await ben.ask("hello", "1: hello", wrong=hint)
            await ann.ask("bye", "2: bye", wrong=hint)
        return "two clients at once are counted apart"

    verdict = await judge(app, counts, counts_for_each_client)
    return await check_up(
        verdict,
        app,
        "/count",
        "goes away",
        "drops while idle",
        "drops before the answer",
        good="clients that go away or lose their connection do it no harm",
    )
