"""The check under the exercise of keep-talking."""

from functools import partial

from course import newcomers
from course.client import COMMANDS, ENDLESS_LOOP, MISSING_AWAIT, NO_COMMAND, ODD, VERY_LONG, Client, visit
from course.judging import Verdict, check_up, judge, lets_clients_leave, takes_many, waits_for_the_silent
from course.troubles import UNEXPECTED, ends_when_cancelled, how_many, lets_bugs_show
from wslab.examination.clients import in_one_breath
from wslab.server import Server

__all__ = ["counting_echo"]

PATH = "/count"
TEXTS = ["one", "two", "two", "", "  <b>déjà vu</b>  ", ODD, VERY_LONG]
AS_IT_CAME = "A text is in its answer as it came, whatever it is."
AGAIN = "Each text is answered, and counts, also one that was said before."
FULL = "x" * 1_000_000  # more than the buffers hold
LATER = 1  # seconds, by the clock of the server's event loop
READS_LATER = (
    "This client has sent a million characters, and reads its answers a second later than it could: is there a limit "
    "for a text, or for a send?"
)
NO_LIMIT = "A text may be long: this one has a million characters."
MANY = 1200  # messages of one client


async def counting_echo(app) -> Verdict:
    """`/count` answers every text with `N: text`, N counting that client's messages from 1."""
    verdict = await judge(
        app,
        counts,
        counts_for_each_client,
        # Before the others, of whom one might by chance get the place of another, which the remark would not say.
        partial(counts_anew, app=app),
        partial(lets_clients_leave, path=PATH, message="hello"),
        counts_for_the_silent,  # before the bugs, of which one is the TimeoutError of a limit
        partial(lets_bugs_show, path=PATH, errors=UNEXPECTED, says=["hello"]),
        partial(ends_when_cancelled, path=PATH),
        counts_on,
        counts_for_the_slow,
        partial(takes_many, path=PATH, ask=asks),
        ws_ping_interval=None,
    )
    good = "clients that lose their connection or do not wait for their answers do it no harm"
    return await check_up(verdict, app, PATH, "drops before the answer", "does not wait", good=good)


async def counts(server: Server) -> str:
    async with visit(server, PATH) as client:
        for number, text in enumerate(TEXTS, 1):
            is_plain = text not in ("", ODD, VERY_LONG)
            await client.ask(
                text,
                f"{number}: {text}",
                wrong="" if is_plain else AS_IT_CAME,
                silent=AGAIN if text in TEXTS[: number - 1] else MISSING_AWAIT if is_plain else AS_IT_CAME,
                closed=ENDLESS_LOOP if is_plain else AS_IT_CAME,
            )
        await client.expect_silence()
    return f"{len(TEXTS)} messages on one connection are numbered from 1 to {len(TEXTS)}"


async def counts_for_each_client(server: Server) -> str:
    hint = (
        "Each client has a count of its own: keep it in a variable of the endpoint. And each answer goes to whoever "
        "asked, and to nobody else."
    )
    async with visit(server, PATH) as ann, visit(server, PATH) as ben:
        await ann.ask("hi", "1: hi", wrong=hint, closed=ENDLESS_LOOP)
        await ben.ask("hello", "1: hello", wrong=hint, closed=ENDLESS_LOOP)
        await ann.ask("hello", "2: hello", wrong=hint, closed=ENDLESS_LOOP)
    return "two clients at once are counted apart"


async def asks(client: Client, _: int) -> None:
    await client.ask("hello", "1: hello")


async def counts_for_the_silent(server: Server) -> str:
    asked = [partial(Client.ask, message=text, answer=f"{number}: {text}") for number, text in enumerate(TEXTS[:2], 1)]
    return await waits_for_the_silent(server, PATH, asked)


async def at_most(server: Server, many: int) -> int:
    """So many messages, or a few, if each answer takes its time."""
    async with visit(server, PATH) as client:
        return await how_many(server, client, "hello", "1: hello", many)


async def counts_anew(server: Server, app) -> str:
    return await newcomers.begins_anew(server, app, PATH, "hello", "1: hello", await at_most(server, newcomers.MANY))


async def counts_on(server: Server) -> str:
    many = await at_most(server, MANY)
    async with visit(server, PATH) as client:
        texts = [f"message {number}" for number in range(1, many + 1)]
        await in_one_breath(client.ws, texts)
        for number, text in enumerate(texts, 1):
            client.said = text
            await client.expect(f"{number}: {text}", closed=ENDLESS_LOOP)
        for number, text in enumerate(COMMANDS, many + 1):
            await client.ask(text, f"{number}: {text}", wrong=NO_COMMAND, silent=NO_COMMAND, closed=NO_COMMAND)
        await client.expect_silence()
    return f"and one client's messages up to {many:,}"


async def counts_for_the_slow(server: Server) -> str:
    """The first answer fills all buffers on the way to a client that does not read yet."""
    server.shrink_buffers()
    async with visit(server, PATH, compression=None) as client:
        client.ws.transport.pause_reading()
        texts = [FULL, *TEXTS]
        for text in texts:
            await client.say(text)
        await server.let_time_pass(LATER)
        client.ws.transport.resume_reading()
        for number, text in enumerate(texts, 1):
            client.said = text
            await client.expect(f"{number}: {text}", wrong=READS_LATER, silent=READS_LATER, closed=READS_LATER)
    return "nor is anything lost if it reads its answers later"
