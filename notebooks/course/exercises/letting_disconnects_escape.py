"""The check under the exercise of letting-disconnects-escape."""

import contextlib
import re
from collections.abc import AsyncIterator
from functools import partial

from course.client import (
    COMMANDS,
    ENDLESS_LOOP,
    NO_COMMAND,
    ODD,
    VERY_LONG,
    Client,
    NotYet,
    quote,
    some_more_turns,
    visit,
)
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import (
    ANY_CODE,
    DISCONNECT,
    DISCONNECTED,
    HAS_LEFT,
    Verdict,
    check_up,
    hint_for,
    judge,
    takes_many,
    waits_for_the_silent,
    what_the_endpoint_did,
)
from course.troubles import CANCEL, UNEXPECTED, lets_bugs_show, time_stands_still
from wslab.server import Server

__all__ = ["who_is_online"]

PATH = "/online"
WHO = "who is there?"
NORMALLY = "closed with 1000"
ONLY_ITS_OWN = "Does the endpoint take out only what it has put in?"
HINTS = {  # parts of what an endpoint did when its client left, and what to do about it
    **HAS_LEFT,
    **dict.fromkeys(["UnboundLocalError", "NameError", "ValueError", "KeyError", "IndexError"], ONLY_ITS_OWN),
}
A_BUG = "a bug of the check's: Bug"
MET_A_BUG = "met a bug in its endpoint, an error that nobody expects,"
CANCELLED = "was there as its endpoint was cancelled, as at a shutdown,"
HIDDEN = (
    "Is the error caught, and hidden? Expect WebSocketDisconnect alone: what stands in a `finally` is done after any "
    "error."
)
ALWAYS = "What must always be done stands in a `finally`: it is done whatever ends the endpoint."
FORM = 'Answer with a text: the names, with ", " between them.'
ITS_OWN = f"Its own name is in it, from the first answer on. {FORM}"
EVERYBODY = (
    'The answer has everybody who is online, by whatever connection they came, sorted by name, with ", " between them.'
)
ONLY_THE_FIRST = "Only the first text of a client is its name; a later one asks who is there."
AS_IT_CAME = "The first text of a client is its name, as it came, and an empty one is a name, too."
LONGER = "Rene\u0301e <{Wolfeschlegelsteinhausenbergerdorff}> & \u5f20\u4f1f"  # long, and what HTML would change
AT_ONCE = (
    "Ben has left before that. Take the name out first, before anything is waited for. (Here the clock of the server's "
    "event loop stands still: whoever sleeps does not wake up.)"
)
NOT_TAKEN_OUT = (
    "A client called Fay left before its answer, and is still in the answers. Is the name taken out when the *send* "
    "fails, too?"
)
NAMESAKES = "However many clients are called Ben, the name is there once."
ONE_LEFT = "One of several clients called Ben has left, and another is still there."
IN_ORDER = "The names are there, in another order. `sorted()` puts capital letters first: leave it without a `key`."
MUCH = "x" * 1_000_000  # more than the buffers hold
A_LOCK = "Max does not read what he is sent, which is long. Nobody else waits for that: is there a lock?"
NO_NAME_YET = (
    "A client whose name is '' is there, and another one has left before it had said a name: that is not the same. "
    "Take out only what has been put in."
)
LEFT_OVER = "Are the others left over from an earlier check? Run your endpoint's cell again, to begin anew."


async def who_is_online(app) -> Verdict:
    """`/online` answers each text with the sorted names of those that are online, the first text of each."""
    steps = [
        answers,
        partial(lets_go, name="Ben", how=NORMALLY, leave=Client.leave),
        partial(
            lets_go, name="Cleo", how="closed with 1001", leave=partial(Client.leave, code=1001, reason="page left")
        ),
        partial(lets_go, name="Dan", how="lost its connection", leave=Client.drop),
        *(
            partial(lets_go, name="Cleo", how=f"closed with {code}", leave=partial(Client.leave, code=code))
            for code in ANY_CODE
        ),
        partial(
            lets_go, name="Eve", how="sent bytes", leave=partial(say_and_leave, message=b"\x00\xff"), may_fail=True
        ),
        lets_go_at_once,
        lets_nobody_go,
        lets_go_without_an_answer,
        counts_namesakes,
        keeps_those_who_stay,
        partial(lets_go, name="Ida", how=MET_A_BUG, leave=partial(say_and_leave, message=A_BUG), may_fail=True),
        partial(lets_go, name="Jon", how=CANCELLED, leave=partial(say_and_leave, message=CANCEL), may_fail=True),
        takes_any_name,
        keeps_nobody_waiting,
    ]
    with errors_in_the_log() as log:
        bugs = partial(lets_bugs_show, path=PATH, errors=UNEXPECTED, says=["Ann"])
        asks = [partial(Client.ask, message=text, answer="Ann") for text in ["Ann", WHO]]
        many = partial(takes_many, path=PATH, ask=lambda client, _: client.ask("Ann", "Ann"))
        silent = partial(waits_for_the_silent, path=PATH, asks=asks)
        steps = [*(partial(step, log=log) for step in steps), silent, bugs, many]
        verdict = await judge(app, *steps, ws_ping_interval=None)
    clients = ["goes away", "drops before the answer", "does not wait", "drops inside a message"]
    good = "clients that do not wait for the answer, or lose their connection, do it no harm"
    return await check_up(verdict, app, PATH, *clients, say="Ann", good=good)


async def answers(server: Server, log: ErrorLog) -> str:
    async with guest(server, log) as zoe, visit(server, PATH) as ann:
        await says(zoe, "Zoe", "Zoe", ITS_OWN, LEFT_OVER)
        await says(ann, "Ann", "Ann, Zoe", EVERYBODY)
        await zoe.expect_silence()
        await says(ann, "Max", "Ann, Zoe", ONLY_THE_FIRST)
        await says(zoe, WHO, "Ann, Zoe", "Each answer has who is online then: make it anew.")
        await ann.expect_silence()
    return "Zoe comes, then Ann: each text of theirs is answered with 'Ann, Zoe'"


async def lets_go(server: Server, log: ErrorLog, name: str, how: str, leave, may_fail: bool = False) -> str:
    async with guest(server, log) as client:
        await says(client, name, name, more="Is somebody in the answer who has left?")
        async with visit(server, PATH) as zoe:
            await says(zoe, "Zoe", f"{name}, Zoe")
            await leave(client)
            await has_left(server, log, how, may_fail)
            hint = ALWAYS if may_fail else "Zoe is still there."
            await says(zoe, WHO, "Zoe", f"{name} {how} before that, and has to be taken out. {hint}")
    return f"{name} {how.removesuffix(',')}, and is not in the answers any more"


async def lets_go_at_once(server: Server, log: ErrorLog) -> str:
    async with guest(server, log) as zoe:
        await says(zoe, "Zoe", "Zoe")
        async with visit(server, PATH) as ben:
            await says(ben, "Ben", "Ben, Zoe")
            async with time_stands_still(server):
                await ben.leave()
                await some_more_turns(server, lambda: False)
                await zoe.say(WHO)
                await zoe.caught_up()
                await some_more_turns(server, lambda: False)
            # Time goes on: the answer may have waited for that, and no harm is done.
            await zoe.expect("Zoe", wrong=AT_ONCE, closed=ENDLESS_LOOP)
        await has_left(server, log)
    return "nothing is waited for before a name is taken out"


async def lets_nobody_go(server: Server, log: ErrorLog) -> str:
    how = "left without having said a name"
    async with guest(server, log) as zoe:
        await says(zoe, "Zoe", "Zoe")
        async with visit(server, PATH):
            await says(zoe, WHO, "Zoe", "A client that has not said its name is not online.")
        await has_left(server, log, how)
        await says(zoe, WHO, "Zoe")
    return f"a client {how}, and nothing broke"


async def lets_go_without_an_answer(server: Server, log: ErrorLog) -> str:
    how = "left before its answer"
    async with guest(server, log) as zoe:
        await says(zoe, "Zoe", "Zoe")
        for answered in (False, True):
            async with visit(server, PATH) as fay:
                if answered:
                    await says(fay, "Fay", "Fay, Zoe")
                await fay.say_and_leave("Fay")  # so the endpoint gets the text when it cannot answer
            await has_left(server, log, how)
            await says(zoe, WHO, "Zoe", more=NOT_TAKEN_OUT)
    return f"a client {how}, the first or the second one, and is not in the answers"


async def counts_namesakes(server: Server, log: ErrorLog) -> str:
    async with (
        guest(server, log) as zoe,
        visit(server, PATH) as one,
        visit(server, PATH) as two,
        visit(server, PATH) as three,
    ):
        await says(zoe, "Zoe", "Zoe")
        for ben in (one, two, three):
            await ben.ask("Ben", "Ben, Zoe", wrong=NAMESAKES, closed=NAMESAKES)
        for ben, there in [(three, "Ben, Zoe"), (one, "Ben, Zoe"), (two, "Zoe")]:
            await ben.leave()
            await has_left(server, log)
            await says(zoe, WHO, there, ONE_LEFT if "Ben" in there else "All clients called Ben have left.")
    return "of three clients called Ben one leaves after the other: the name is there until the last has left"


async def keeps_those_who_stay(server: Server, log: ErrorLog) -> str:
    async with guest(server, log) as ben:
        async with guest(server, log) as ann:
            await says(ann, "Ann", "Ann")
            await says(ben, "Ben", "Ann, Ben")
        async with visit(server, PATH) as cleo:
            ann_left = "Ann has left before. Ben, who came after her, is still there."
            await says(cleo, "Cleo", "Ben, Cleo", ann_left)
            await ben.leave()
            await has_left(server, log)
            await says(cleo, WHO, "Cleo", "Ben has left before. Cleo, who came after him, is still there.")
    return "whoever comes after another has left takes nobody's place"


async def takes_any_name(server: Server, log: ErrorLog) -> str:
    for name in [" Ann lee ", "Lee, Ann", LONGER, ODD, VERY_LONG, ""]:
        async with guest(server, log) as client:
            for text in [name, WHO]:
                await client.ask(text, name, wrong=AS_IT_CAME, closed=AS_IT_CAME)
            for text in COMMANDS:
                await client.ask(text, name, wrong=NO_COMMAND, silent=NO_COMMAND, closed=NO_COMMAND)
    async with guest(server, log) as zoe:
        await zoe.ask("Zoe", "Zoe", wrong="A client whose name was '' has left, and has to be taken out.")
        async with guest(server, log) as nameless:
            await nameless.ask("", ", Zoe", wrong=AS_IT_CAME)
            async with guest(server, log):
                pass
            await zoe.ask(WHO, ", Zoe", wrong=NO_NAME_YET)
        async with guest(server, log) as other:
            await other.say("zoe")
            got = await other.hear("'Zoe, zoe'")
            if sorted(got.split(", ")) != ["Zoe", "zoe"]:
                raise NotYet(f"Zoe was there when a client called 'zoe' came. It got {quote(got)}. {AS_IT_CAME}")
    return "a name is the first text as it came, with spaces or empty"


async def keeps_nobody_waiting(server: Server, log: ErrorLog) -> str:
    """Max does not read, and a long name in the answers fills all buffers on the way to him."""
    server.shrink_buffers()
    async with guest(server, log) as zoe, visit(server, PATH, compression=None) as stuck:
        await says(zoe, "Zoe", "Zoe")
        await says(stuck, "Max", "Max, Zoe")
        stuck.ws.transport.pause_reading()
        async with guest(server, log) as long:
            answer = f"Max, Zoe, {MUCH}"
            await long.ask(MUCH, answer, wrong=partial(hint_for_the_order, answer=answer))
            for _ in range(2):  # uvicorn takes an answer that is too much, and lets the next one wait
                await stuck.say(WHO)
            await some_more_turns(server, lambda: False)
            await zoe.ask(WHO, answer, silent=A_LOCK, closed=A_LOCK)
            stuck.ws.transport.abort()
    return "nobody waits for one that does not read"


@contextlib.asynccontextmanager
async def guest(server: Server, log: ErrorLog) -> AsyncIterator[Client]:
    """A client that leaves with 1000 in the end; then its endpoint is looked at."""
    async with visit(server, PATH) as client:
        yield client
    await has_left(server, log)


async def says(client: Client, text: str, answer: str, wrong: str = "", more: str = "") -> None:
    """`wrong` is the hint if the answer is another one, `more` if it has names that do not belong there."""

    def hint(got: str) -> str:
        names, wanted = (re.findall(r"\w+", names) for names in (got, answer))  # whatever stands between them
        if names == wanted:
            return FORM
        return more if more and set(names) > set(wanted) else wrong

    await client.ask(text, answer, wrong=hint, closed=ENDLESS_LOOP)


def hint_for_the_order(got: str, answer: str) -> str:
    """The hint if the names are those of the answer, in another order; the message shows the start of each alone."""
    return IN_ORDER if sorted(got.split(", ")) == sorted(answer.split(", ")) else ""


async def say_and_leave(client: Client, message: str | bytes) -> None:
    await client.say(message)
    await client.caught_up()  # the endpoint has it before the connection is closed
    await client.leave()


async def has_left(server: Server, log: ErrorLog, how: str = NORMALLY, may_fail: bool = False) -> None:
    """Wait until the endpoint of a client that has left is done, and look at what it did.

    If it `may_fail`, it may end with an error of its own that shows: one that escapes, or is in the log.
    """
    error, logged = await what_the_endpoint_did(server), log.take()
    how = how.removesuffix(",")
    silently = may_fail and "returned without close()" in error
    if may_fail and error.startswith("endpoint raised ") and not error.startswith((DISCONNECT, DISCONNECTED)):
        return
    if silently and logged:
        return
    if error:
        raise NotYet(f"when a client {how}, the {error}. {HIDDEN if silently else hint_for(error, HINTS)}".rstrip())
    if logged and not may_fail:
        raise NotYet(
            f"when a client {how}, an error was logged: {logged}. Expect WebSocketDisconnect before other errors: "
            "one that leaves must not cause any."
        )
