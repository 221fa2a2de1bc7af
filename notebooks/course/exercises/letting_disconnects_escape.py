"""The check under the exercise of letting-disconnects-escape."""

import asyncio
import contextlib
import re

from websockets import ConnectionClosed

from course.exercises.catching_too_much import errors_in_the_log
from course.judging import (
    DISCONNECT,
    DISCONNECTED,
    GOES_ON,
    WAIT,
    Client,
    NotYet,
    Verdict,
    check_up,
    judge,
    visit,
    what_the_endpoint_did,
)
from wslab.clients import drop
from wslab.server import Server

__all__ = ["who_is_online"]

FORM = 'Answer with a text: the names, with ", " between them.'
NOT_TAKEN_OUT = (
    "A client called Fay left before its answer, and is still in the answers. Is the name taken out when the *send* "
    "fails, too?"
)
AS_IT_CAME = "The first text of a client is its name, as it came, and an empty one is a name, too."
LEFT_OVER = "Are the others left over from an earlier check? Run your endpoint's cell again, to begin anew."


async def who_is_online(app) -> Verdict:
    """`/online` answers each text with the sorted names of those that are online, the first text of each."""

    async def asks(client: Client, answer: str, wrong: str = "", more: str = "", text: str = "who is there?") -> None:
        """`wrong` is the hint if the answer is another one, `more` if it has names that do not belong there."""

        def hint(got: str) -> str:
            if names_in(got) == names_in(answer):
                return FORM
            return more if more and set(names_in(got)) > set(names_in(answer)) else wrong

        await client.say(text)
        await client.expect(answer, wrong=hint, closed="Is the loop there, with no end of its own?")

    async def comes(client: Client, name: str, answer: str, wrong: str = "", more: str = "") -> None:
        await asks(client, answer, wrong, more, text=name)

    async def has_left(server: Server, how: str, may_fail: bool = False) -> None:
        """Wait until the endpoint of a client that has left is done, and look at what it did.

        If it `may_fail`, it may end with an error of its own that shows: one that escapes, or is in the log.
        """
        error = await what_the_endpoint_did(server)
        logged = log.first() if log.records else ""
        log.clear()
        if may_fail and (is_its_own(error) or (logged and "returned without close()" in error)):
            return
        if error:
            hint = ""
            if error.startswith(DISCONNECT):
                hint = " Expect WebSocketDisconnect wherever the endpoint receives or sends."
            elif error.startswith(DISCONNECTED):
                hint = f" {GOES_ON}"
            elif "UnboundLocalError" in error or "NameError" in error or "ValueError" in error:
                hint = " Does the endpoint take out only what it has put in?"
            elif "returned without close()" in error and may_fail:
                hint = (
                    " Is the error that the bytes cause caught, and hidden? Expect WebSocketDisconnect alone: "
                    "what stands in a `finally` is done after any error."
                )
            raise NotYet(f"when a client {how}, the {error}.{hint}")
        if logged and not may_fail:
            raise NotYet(
                f"when a client {how}, an error was logged: {logged}. Expect WebSocketDisconnect before other errors: "
                "one that leaves must not cause any."
            )

    async def answers(server: Server) -> str:
        async with visit(server, "/online") as zoe, visit(server, "/online") as ann:
            await comes(zoe, "Zoe", "Zoe", FORM, LEFT_OVER)
            wrong = "The answer has everybody who is online, by whatever connection they came, sorted by name"
            await comes(ann, "Ann", "Ann, Zoe", f'{wrong}, with ", " between them.')
            await zoe.expect_silence()
            later = "Only the first text of a client is its name; a later one asks who is there."
            await asks(ann, "Ann, Zoe", later, text="Max")
            await asks(zoe, "Ann, Zoe")
            await ann.expect_silence()
        await has_left(server, "closed with 1000")
        return "Zoe comes, then Ann: each text of theirs is answered with 'Ann, Zoe'"

    async def lets_go(server: Server, name: str, how: str, leave, may_fail: bool) -> str:
        async with visit(server, "/online") as client:
            await comes(client, name, name, more="Is somebody in the answer who has left?")
            async with visit(server, "/online") as zoe:
                await comes(zoe, "Zoe", f"{name}, Zoe")
                await leave(client)
                await has_left(server, how, may_fail)
                await asks(zoe, "Zoe", f"{name} {how} before that, and has to be taken out. Zoe is still there.")
        await has_left(server, "closed with 1000")
        return f"{name} {how}, and is not in the answers any more"

    async def lets_nobody_go(server: Server) -> str:
        how = "left without having said a name"
        async with visit(server, "/online") as zoe:
            await comes(zoe, "Zoe", "Zoe")
            async with visit(server, "/online"):
                await asks(zoe, "Zoe", "A client that has not said its name is not online.")
            await has_left(server, how)
            await asks(zoe, "Zoe")
        await has_left(server, "closed with 1000")
        return f"a client {how}, and nothing broke"

    async def lets_go_without_an_answer(server: Server) -> str:
        how = "left before its answer"
        async with visit(server, "/online") as zoe:
            await comes(zoe, "Zoe", "Zoe")
            for answers in (0, 1):
                async with visit(server, "/online") as fay:
                    if answers:
                        await comes(fay, "Fay", "Fay, Zoe")
                    await without_waiting(fay)
                await has_left(server, how)
                await asks(zoe, "Zoe", more=NOT_TAKEN_OUT)
        await has_left(server, "closed with 1000")
        return f"a client {how}, the first or the second one, and is not in the answers"

    async def counts_namesakes(server: Server) -> str:
        async with contextlib.AsyncExitStack() as stack:
            zoe, *bens = [await stack.enter_async_context(visit(server, "/online")) for _ in range(4)]
            await comes(zoe, "Zoe", "Zoe")
            for ben in bens:
                await comes(ben, "Ben", "Ben, Zoe", "However many clients are called Ben, the name is there once.")
            first, second, third = bens
            for ben, there in [(third, "Ben, Zoe"), (first, "Ben, Zoe"), (second, "Zoe")]:
                await with_1000(ben)
                await has_left(server, "closed with 1000")
                wrong = "One of several clients called Ben has left, and another is still there."
                await asks(zoe, there, "All clients called Ben have left." if ben is second else wrong)
        await has_left(server, "closed with 1000")
        return "of three clients called Ben one leaves after the other: the name is there until the last has left"

    async def keeps_those_who_stay(server: Server) -> str:
        async with visit(server, "/online") as ben:
            async with visit(server, "/online") as ann:
                await comes(ann, "Ann", "Ann")
                await comes(ben, "Ben", "Ann, Ben")
            await has_left(server, "closed with 1000")
            async with visit(server, "/online") as cleo:
                await comes(cleo, "Cleo", "Ben, Cleo", "Ann has left before. Ben, who came after her, is still there.")
                await with_1000(ben)
                await has_left(server, "closed with 1000")
                await asks(cleo, "Cleo", "Ben has left before. Cleo, who came after him, is still there.")
        await has_left(server, "closed with 1000")
        return "whoever comes after another has left takes nobody's place"

    async def takes_any_name(server: Server) -> str:
        for name in [" Ann lee ", ""]:
            async with visit(server, "/online") as client:
                for text in [name, "who is there?"]:
                    await client.say(text)
                    await client.expect(name, wrong=AS_IT_CAME, closed=AS_IT_CAME)
            await has_left(server, "closed with 1000")
        async with visit(server, "/online") as zoe:
            await zoe.say("Zoe")
            await zoe.expect("Zoe", wrong="A client whose name was '' has left, and has to be taken out.")
        await has_left(server, "closed with 1000")
        return "a name is the first text as it came, with spaces or empty"

    async def with_1000(client: Client) -> None:
        await client.ws.close()

    async def with_1001(client: Client) -> None:
        await client.ws.close(1001, "page left")

    async def cut(client: Client) -> None:
        await drop(client.ws)

    async def without_waiting(client: Client) -> None:
        await client.say_and_leave("Fay")  # so the endpoint gets the text when it cannot answer

    async def with_bytes(client: Client) -> None:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(WAIT):
                await client.ws.send(b"\x00\xff")
                await (await client.ws.ping())  # the endpoint has them before the connection is closed
        await client.ws.close()

    def lets(name: str, how: str, leave, may_fail: bool = False):
        async def step(server: Server) -> str:
            return await lets_go(server, name, how, leave, may_fail)

        return step

    with errors_in_the_log() as log:
        verdict = await judge(
            app,
            answers,
            lets("Ben", "closed with 1000", with_1000),
            lets("Cleo", "closed with 1001", with_1001),
            lets("Dan", "lost its connection", cut),
            lets("Eve", "sent bytes", with_bytes, may_fail=True),
            lets_nobody_go,
            lets_go_without_an_answer,
            counts_namesakes,
            keeps_those_who_stay,
            takes_any_name,
        )
    return await check_up(
        verdict,
        app,
        "/online",
        "goes away",
        "drops before the answer",
        "does not wait",
        "drops inside a message",
        say="Ann",
        good="clients that do not wait for the answer, or lose their connection, do it no harm",
    )


def is_its_own(error: str) -> bool:
    """Whether the endpoint raised an error that does not come from the client's leaving."""
    return error.startswith("endpoint raised ") and not error.startswith((DISCONNECT, DISCONNECTED))


def names_in(text: str) -> list[str]:
    """The words of an answer, whatever stands between them and around them."""
    return re.findall(r"\w+", text)
