"""The check under the exercise of your-first-endpoint."""

from functools import partial

from course.client import MISSING_AWAIT, ODD, VERY_LONG, Client, NotYet, quote, visit
from course.judging import Verdict, check_up, judge, waits_for_the_silent
from wslab.server import Server

__all__ = ["greeter"]

PATH = "/greet"
LONGER = " Ren\u00e9e <{Wolfeschlegelsteinhausenbergerdorff}> & \u5f20\u4f1f "  # than most
AS_IT_CAME = "The name is in the answer as it came, whatever it is."
AT_ONCE = "Three clients are there at once: is something of theirs in a variable that all share?"
NO_WAIT = "Two clients are there that have not said their names yet. Nobody waits for another: is there a lock?"


async def greeter(app) -> Verdict:
    """`/greet` receives a name, answers `Hello, NAME!` and closes with 1000."""

    async def greets(server: Server, name: str) -> str:
        async with visit(server, PATH) as client:
            hint = "" if name == "Ada" else AS_IT_CAME
            await client.ask(name, f"Hello, {name}!", wrong=hint, closed=hint or MISSING_AWAIT)
            await client.expect_close()
        return f"{quote(name)} is greeted with {quote(f'Hello, {name}!')}, then the connection is closed with 1000"

    async def greets_the_second_first(server: Server) -> str:
        async with (
            visit(server, PATH) as first,
            visit(server, PATH) as second,
            visit(server, PATH) as third,
        ):
            await third.ask("Cy", "Hello, Cy!", silent=NO_WAIT)
            await second.say("Ben")
            await first.say("Ada")
            for client, name in [(second, "Ben"), (first, "Ada")]:
                try:
                    await client.expect(f"Hello, {name}!")
                except NotYet as problem:  # the hint is worth more than what the endpoint did
                    raise NotYet(f"{problem} {AT_ONCE}") from None
        return "clients that come at once are each greeted with their own name"

    names = ["Ada", "bell hooks", LONGER, "", ODD, VERY_LONG]
    silent = partial(waits_for_the_silent, path=PATH, asks=[partial(Client.ask, message="Ada", answer="Hello, Ada!")])
    steps = [*(partial(greets, name=name) for name in names), greets_the_second_first, silent]
    verdict = await judge(app, *steps, ws_ping_interval=None)
    return await check_up(verdict, app, PATH, "crowd", good="fifty clients at once are all answered")
