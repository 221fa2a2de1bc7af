"""The check under the exercise of your-first-endpoint."""

from functools import partial

from course.client import visit
from course.judging import Verdict, check_up, judge
from wslab.server import Server

__all__ = ["greeter"]

# Longer than most, with letters that are not ASCII, and what HTML, str.format() or strip() would change.
ODD = " Ren\u00e9e <{Wolfeschlegelsteinhausenbergerdorff}> & \u5f20\u4f1f "
NO_WAIT = "Two clients are there that have not said their names yet. Nobody waits for another: is there a lock?"


async def greeter(app) -> Verdict:
    """`/greet` receives a name, answers `Hello, NAME!` and closes with 1000."""

    async def greets(server: Server, name: str) -> str:
        async with visit(server, "/greet") as client:
            await client.ask(name, f"Hello, {name}!")
            await client.expect_close()
        return f"{name!r} is greeted with {f'Hello, {name}!'!r}, then the connection is closed with 1000"

    async def greets_the_second_first(server: Server) -> str:
        async with (
            visit(server, "/greet") as first,
            visit(server, "/greet") as second,
            visit(server, "/greet") as third,
        ):
            await third.ask("Cy", "Hello, Cy!", silent=NO_WAIT)
            await second.say("Ben")
            await first.say("Ada")
            await second.expect("Hello, Ben!")
            await first.expect("Hello, Ada!")
        return "clients that come at once are each greeted with their own name"

    names = ["Ada", "bell hooks", ODD, ""]
    verdict = await judge(app, *(partial(greets, name=name) for name in names), greets_the_second_first)
    return await check_up(verdict, app, "/greet", "crowd", good="fifty clients at once are all answered")
