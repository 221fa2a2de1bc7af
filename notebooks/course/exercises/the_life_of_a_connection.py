"""The check under the exercise of the-life-of-a-connection."""

from functools import partial

from fastapi import FastAPI, WebSocketDisconnect, WebSocketException

from course.client import COMMANDS, MISSING_AWAIT, WAIT, Client, NotYet, describe_end, quote, visit
from course.closing import closes_when_nobody_is_there
from course.judging import (
    Verdict,
    check_up,
    judge,
    lets_clients_leave,
    look_further,
    no_error,
    takes_many,
    waits_for_the_silent,
)
from course.troubles import ITS_LINE, UNEXPECTED, lets_bugs_show
from wslab.server import ServeError, Server

__all__ = ["age_gate"]

PATH = "/age"
GONE = "Whoever is to be closed may be gone: let each close() stand in the `try` that expects WebSocketDisconnect."
SURE = 20  # characters of the text that a reason must quote

# what a client sends, and the words for it
SHORT = [
    (text, repr(text))
    for text in ("ten", "", " ten ", "Ten\nyears", "12 monkeys", "<b>5</b> & 6", "forty-two and a half", *COMMANDS)
]
LONG = [
    # Each the shortest of its kind that does not fit whole, then longer ones.
    *(
        (letter * n, f"{n} times {letter!r}")
        for letter, n in [("x", 110), ("é", 55), ("🙂", 28), ("x", 500), ("é", 200), ("x", 50_000)]
    ),
    # Whoever cuts bytes cuts through a character of at least one of these.
    *(("a" * n + "🙂" * 100, f"{'a' * n!r} and 100 times '🙂'") for n in range(4)),
    # An accent of its own, which belongs to the letter before it, and what nobody sees.
    ("cafe\u0301\0", ascii("cafe\u0301\0")),
]
# Who cuts off one character after the other, and counts the bytes of all the others each time, takes a minute for this.
LONGEST = "x" * 2_000_000
HELD_UP = (
    "Meanwhile nobody else is served. Is something done again and again with the whole text? Cut it once first, as "
    "`text[:123]` does, and count the bytes of what is left."
)
PARTS = ("\ufffd", "\\x")  # what the error handlers "replace" and "backslashreplace" put for a part of a character
NOT_QUOTED = (
    "What stands at its end is no character of the text: bytes have been cut in the middle of one. When you decode "
    'them, `errors="ignore"` leaves out what is left of it.'
)
# what int() does not take, although it looks like a number
STRANGE = [(text, repr(text)) for text in ("4.5", "²", "4.0", "1e3", "0x10", "1,000", "1 000", "_1", "1__0")]
# what int() takes, although one may not expect it, and the next number
TAKEN = [
    ("-5", "-4"),
    ("+5", "6"),
    ("0", "1"),
    ("007", "8"),
    ("-1", "0"),
    (" 42 ", "43"),
    ("1_000", "1001"),
    ("12345678901234567890", "12345678901234567891"),
    ("1" * 1000, "1" * 999 + "2"),
    ("٤٢", "43"),
    ("４２", "43"),
]


async def age_gate(app) -> Verdict:
    """`/age` answers a number and closes with 1000; else it closes with 4000 and `not a number: TEXT`."""
    asks = partial(Client.ask, message="42", answer="In a year you will be 43.")
    verdict = await judge(
        app,
        partial(answers, numbers=[("42", "43"), ("7", "8")], good="a number is answered with the next one"),
        partial(refuses, texts=SHORT, good="texts that are no numbers are quoted in the reason, with code 4000"),
        partial(refuses, texts=LONG, good="long ones too, in any alphabet"),
        partial(refuses, texts=STRANGE, good="what int() does not take is refused"),
        partial(answers, numbers=TAKEN, good="whatever int() takes is answered"),
        partial(waits_for_the_silent, path=PATH, asks=[asks]),
        partial(lets_bugs_show, path=PATH, errors=UNEXPECTED, hint=ITS_LINE, says=["42"], goes_on=False),
        partial(lets_clients_leave, path=PATH, message="42"),
        answers_many,
        refuses_the_longest,
        ws_ping_interval=None,
    )
    verdict = await look_further(verdict, partial(closes_when_nobody_is_there, but_for_fastapi(app), PATH, "ten", GONE))
    good = "clients that leave early, or come fifty at once, do it no harm"
    return await check_up(verdict, app, PATH, "silent", "drops before the answer", "crowd", say="42", good=good)


def but_for_fastapi(app):
    """The app. But that FastAPI, closing for a WebSocketException, finds nobody there, is no fault of the endpoint's.

    What to do about it is a matter of catching-too-much.
    """

    async def lenient_app(scope, receive, send):
        try:
            await app(scope, receive, send)
        except WebSocketDisconnect as left:
            error: BaseException | None = left
            while error and not isinstance(error, WebSocketException):
                error = error.__context__  # what was being handled when it was raised
            if not error:
                raise

    return lenient_app if isinstance(app, FastAPI) else app


async def answers(server: Server, numbers: list[tuple[str, str]], good: str) -> str:
    for text, next_number in numbers:
        async with visit(server, PATH) as client:
            closed = MISSING_AWAIT if text == "42" else f"int() takes {quote(text)}."
            await client.ask(text, f"In a year you will be {next_number}.", closed=closed)
            await client.expect_close()
        await no_error(server)
    return good


async def answers_many(server: Server) -> str:
    async def asks(client: Client, number: int) -> None:
        await client.ask(str(number), f"In a year you will be {number + 1}.")

    return await takes_many(server, PATH, asks)


async def refuses(server: Server, texts: list[tuple[str, str]], good: str) -> str:
    for text, words in texts:
        async with visit(server, PATH) as client:
            await client.say(text)
            reason = await reason_for_closing(client, words)
        await no_error(server)
        expected = f"not a number: {text}"
        if len(text) <= SURE and reason != expected:
            raise NotYet(f"the client sent {words}, and the reason was {reason!a} instead of {expected!a}.")
        if not reason.startswith(expected[: len("not a number: ") + SURE]):
            raise NotYet(
                f"the client sent {words}, and the reason was {reason!r}. It should begin with `not a number: ` "
                f"and the first {SURE} characters of the text."
            )
        if any(part in reason for part in PARTS):
            raise NotYet(f"the client sent {words}, and the reason was {reason!r}. {NOT_QUOTED}")
    return good


async def refuses_the_longest(server: Server) -> str:
    words = f"a text of {len(LONGEST):,} characters"
    try:
        return await refuses(server, [(LONGEST, words)], f"{words} keeps nobody waiting")
    except NotYet as problem:
        try:
            await server.on_loop(lambda: None)
        except ServeError as blocked:  # that is the reason to give
            reason = str(blocked).removeprefix("the server's ").rstrip(".")
            raise NotYet(f"the client sent {words}, and the {reason}. {HELD_UP}") from None
        raise problem


async def reason_for_closing(client: Client, words: str) -> str:
    """The reason with which the server closes. The code must be 4000, and no message may come before."""
    sent = f"the client sent {words} and expected to be closed with 4000, but"
    extra = await client.message_or_end(f"{sent} the connection was still open {WAIT:g} seconds later.", MISSING_AWAIT)
    if extra is None:
        if client.ws.close_code != 4000:
            hint = MISSING_AWAIT if client.ws.close_code == 1006 else ""
            raise NotYet(f"{sent} the connection ended with {describe_end(client.ws)}.", hint)
        return client.ws.close_reason
    if str(extra).startswith("In a year"):
        raise NotYet(f"{sent} got an answer, {quote(extra)}. Let int() decide about the text as it came.")
    raise NotYet(f"{sent} got a message, {quote(extra)}. The reason is an argument of close().")
