"""The check under the exercise of the-life-of-a-connection."""

from functools import partial

from course.client import MISSING_AWAIT, WAIT, Client, NotYet, describe_end, quote, visit
from course.judging import Verdict, check_up, judge
from wslab.server import Server

__all__ = ["age_gate"]

PATH = "/age"
SURE = 20  # characters of the text that a reason must quote

# what a client sends, and the words for it
SHORT = [(text, repr(text)) for text in ("ten", "", " ten ", "Ten\nyears", "12 monkeys", "forty-two and a half")]
LONG = [
    # Each the shortest of its kind that does not fit whole, then longer ones.
    *(
        (letter * n, f"{n} times {letter!r}")
        for letter, n in [("x", 110), ("é", 55), ("🙂", 28), ("x", 500), ("é", 200)]
    ),
    # Whoever cuts bytes cuts through a character of at least one of these.
    *(("a" * n + "🙂" * 100, f"{'a' * n!r} and 100 times '🙂'") for n in range(4)),
]
# what int() does not take, although it looks like a number
STRANGE = [(text, repr(text)) for text in ("4.5", "²", "4.0", "1e3", "0x10", "1,000")]
# what int() takes, although one may not expect it, and the next number
TAKEN = [("+5", "6"), (" 42 ", "43"), ("1_000", "1001"), ("12345678901234567890", "12345678901234567891")]
LONG_NUMBERS = [200, 4300]  # digits
# what int() takes, but the next number has a digit more than Python writes
HUGE = [("9" * 4300, "4300 times '9'")]
LIMIT = (
    "Leave Python's limit as it is, and close with 4000 where it refuses to write the answer. (If you have changed it, "
    "restart the kernel.)"
)


async def age_gate(app) -> Verdict:
    """`/age` answers a number and closes with 1000; else it closes with 4000 and `not a number: TEXT`."""
    verdict = await judge(
        app,
        *(partial(answers, text=text) for text in ("42", "7")),
        partial(refuses, texts=SHORT, good="texts that are no numbers are quoted in the reason, with code 4000"),
        partial(refuses, texts=LONG, good="long ones too, in any alphabet"),
        partial(answers, text="-5"),
        partial(refuses, texts=STRANGE, good="what int() does not take is refused"),
        partial(refuses, texts=HUGE, good="what Python does not write, too", answered=LIMIT),
        takes_what_int_takes,
    )
    good = "clients that leave early, or come fifty at once, do it no harm"
    return await check_up(verdict, app, PATH, "silent", "drops before the answer", "crowd", say="42", good=good)


async def answers(server: Server, text: str) -> str:
    answer = f"In a year you will be {int(text) + 1}."
    async with visit(server, PATH) as client:
        await client.ask(text, answer, closed=MISSING_AWAIT if text == "42" else f"int() takes {text!r}.")
        await client.expect_close()
    return f"{text!r} is answered with {answer!r}, then the connection is closed with 1000"


async def refuses(
    server: Server,
    texts: list[tuple[str, str]],
    good: str,
    answered: str = "Let int() decide about the text as it came.",
) -> str:
    for text, words in texts:
        async with visit(server, PATH) as client:
            await client.say(text)
            reason = await reason_for_closing(client, words, answered)
        expected = f"not a number: {text}"
        if len(text) <= SURE and reason != expected:
            raise NotYet(f"the client sent {words}, and the reason was {reason!r} instead of {expected!r}.")
        if not reason.startswith(expected[: len("not a number: ") + SURE]):
            raise NotYet(
                f"the client sent {words}, and the reason was {reason!r}. It should begin with `not a number: ` "
                f"and the first {SURE} characters of the text."
            )
    return good


async def takes_what_int_takes(server: Server) -> str:
    for text, next_number in TAKEN:
        async with visit(server, PATH) as client:
            await client.ask(text, f"In a year you will be {next_number}.", closed=f"int() takes {text!r}.")
            await client.expect_close()
    for digits in LONG_NUMBERS:
        async with visit(server, PATH) as client:
            await client.say("1" * digits)
            got = await client.hear(
                "the next number", closed=f"int() takes {digits} digits, and the answer has no more."
            )
            if got != f"In a year you will be {'1' * (digits - 1)}2.":
                raise NotYet(f"the client sent {digits} times '1' and expected the next number, but got {quote(got)}.")
    return "whatever int() takes is answered, with a sign, spaces, an underscore or many digits"


async def reason_for_closing(client: Client, words: str, answered: str) -> str:
    """The reason with which the server closes. The code must be 4000, and no message may come before.

    `answered` is the hint if there is an answer instead.
    """
    sent = f"the client sent {words} and expected to be closed with 4000, but"
    extra = await client.message_or_end(f"{sent} the connection was still open {WAIT:g} seconds later.", MISSING_AWAIT)
    if extra is None:
        if client.ws.close_code != 4000:
            hint = MISSING_AWAIT if client.ws.close_code == 1006 else ""
            raise NotYet(f"{sent} the connection ended with {describe_end(client.ws)}.", hint)
        return client.ws.close_reason
    if str(extra).startswith("In a year"):
        raise NotYet(f"{sent} got an answer, {quote(extra)}. {answered}")
    raise NotYet(f"{sent} got a message, {quote(extra)}. The reason is an argument of close().")
