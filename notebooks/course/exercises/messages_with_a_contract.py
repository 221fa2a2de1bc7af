"""The check under the exercise of messages-with-a-contract."""

import json
from functools import partial

from pydantic import ValidationError

from course.client import WAIT, Client, NotYet, quote, visit
from course.closing import closes_when_nobody_is_there, expect_code, logs_bugs
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import Verdict, check_up, judge, lets_clients_leave, look_further, passes
from course.newcomers import LEFT_OVER, ONE_BY_ONE, first_answers
from course.troubles import ends_when_cancelled, lets_bugs_show
from wslab.server import Server

__all__ = ["till"]

PATH = "/till"
BURST, PACE = 5, 60  # messages, and seconds, as in the exercise
TOTAL = {"type": "total", "id": 1}
ADD = {"type": "add", "id": 7, "item": "tea", "count": 2}
BUGS = {"bug 1": KeyError, "bug 2": ValidationError}  # by the item at which price() raises it

GOES_ON = "The conversation goes on, whatever comes as text."
NUMBER = "It is no number: nothing is converted."
ITEM, COUNT = "`item` has 1 to 20 characters.", "`count` is a whole number from 1 to 10."
ANY_OTHER = "Any whole number is an `id`, and each character counts in an `item`, also a line break, and alone."
AS_IT_IS = "An `item` goes to price() as it is, with its spaces."
AT_ONCE = f"On each connection, {BURST} messages may come at once."
ASKED_AGAIN = "A total takes nothing away: who asks again is told the same."
TOLD = f"Who is too fast is told to wait, {BURST} times in a row."
ITS_ROW = f"Another client had been told so, {BURST} times, and this one not yet: each connection has a row of its own."
TOO_LONG = "Its last message was long: if its text is in the reason of the close, that has room for 123 bytes."
TWICE = "It has added the same twice: both count."
BELONGS = "What does not belong there is wrong, too, so that a misspelt field is noticed."
ALL_AT_ONCE = "Each field that is wrong is named, whatever else is wrong."
ASKED = "price() is asked about right requests alone: whatever it does, this one is a mistake."
ID = "The `id` is the request's, or null if it has none that is a whole number."
ZERO = "0 is a whole number, though Python takes it for false: look for `None`."
NO_ID = "An `id` that is no whole number is wrong."
NAMES = "The answer has the names of the fields that are wrong, as the client writes them, and nothing else."
ITS_OWN = "Each connection has a total and a pace of its own."
MISTAKES_END_IT = "A mistake that had its turn ends a row, as any message does."
TYPE = "It is the type that is wrong; the `id` can be read all the same."
NO_OBJECT = "It is no JSON, or no object: no field is to blame, and there is no `id`."
NONE = "Empty bytes are bytes, too: look for `None`, and not whether something is in them."
TOO_FAST = [  # what is sent, and the id of the answer, which is a `wait`
    *(({**TOTAL, "id": id}, id) for id in [1, 0]),
    *(({**TOTAL, "id": id}, None) for id in ["7", True]),
    ("[]", None),
]
SEVEN = ["a", "b", "c", "count", "d", "id", "item"]
MISTAKES = [  # what is sent, the id and the fields of the answer, and what to think of
    ({**ADD, "count": "2"}, 7, ["count"], NUMBER),
    ({**ADD, "count": True}, 7, ["count"], NUMBER),
    *(({**ADD, "count": count}, 7, ["count"], COUNT) for count in [2.0, 2.5, 0, 11]),
    *(({**ADD, "item": item}, 7, ["item"], ITEM) for item in ["", "t" * 21, None]),
    ({"type": "add", "id": 7, "item": "tea"}, 7, ["count"], "What is missing is wrong, too."),
    ({**ADD, "itme": "tee"}, 7, ["itme"], BELONGS),
    *(({**TOTAL, name: "tea"}, 1, [name], BELONGS) for name in ["item", "total"]),
    ({**ADD, "item": "", "count": 0}, 7, ["count", "item"], "Both fields are wrong."),
    ({"type": "total"}, None, ["id"], "An `id` that is missing is wrong."),
    *(({"type": "total", "id": id}, None, ["id"], NO_ID) for id in ["7", True, 2.0, 1.5, None]),
    ({**ADD, "id": 0, "count": 11}, 0, ["count"], ZERO),
    ({**ADD, "id": "7", "item": "", "count": 0}, None, ["count", "id", "item"], ALL_AT_ONCE),
    ({"type": "add", "id": 7, "itme": "tea", "count": 0}, 7, ["count", "item", "itme"], ALL_AT_ONCE),
    ({"type": "add", "id": "7", "item": "", "count": 0, **dict.fromkeys("abcd", 1)}, None, SEVEN, ALL_AT_ONCE),
    ({**ADD, "item": "bug 1", "count": 0}, 7, ["count"], ASKED),
    ({**ADD, "type": "pay"}, 7, ["type"], TYPE),
    ({**ADD, "type": ["add"]}, 7, ["type"], TYPE),
    ({**ADD, "type": "Add"}, 7, ["type"], TYPE),
    ({"id": 7, "item": "tea", "count": 2}, 7, ["type"], TYPE),
    ({"type": "pay", "id": "7"}, None, ["type"], "Of an unknown type, nobody knows what its fields must be."),
    *((text, None, [], NO_OBJECT) for text in ["null", "[]", '"add"', "5", "add tea", "", '{"id": 7', "[" * 100_000]),
    ("9" * 5000, None, [], f"{NO_OBJECT} (Of so long a number, json.loads() raises a plain ValueError.)"),
]


async def till(app) -> Verdict:
    """`/till` takes what is in its contract, and says of all else, by its id, which fields are wrong."""
    steps = [says_what_is_wrong, adds_up, partial(begins_with_nothing, app=app), refuses_bytes, keeps_the_pace, leaves]
    steps.append(counts_each_row)
    with errors_in_the_log() as log:
        verdict = await judge(app, *steps, ws_ping_interval=None)
    if not verdict.passed and log.records and "code 1011" in verdict.problem:
        return Verdict(verdict.good, f"{verdict.problem} The log has an error: {log.first()}.")
    bugs = {json.dumps({**ADD, "item": item}): error for item, error in BUGS.items()}
    looks = [
        partial(expect_nothing_in, log),
        partial(closes_when_nobody_is_there, app, PATH),
        partial(logs_bugs, app, PATH, bugs, "price", behind=[json.dumps(TOTAL)]),
        partial(passes, app, partial(lets_bugs_show, path=PATH), partial(ends_when_cancelled, path=PATH)),
    ]
    verdict = await look_further(verdict, *looks)
    clients = ["silent", "goes away", "drops before the answer", "not json", "wrong shape", "wrong values", "floods"]
    good = "clients that go away, lose their connection, or send nonsense do it no harm"
    return await check_up(verdict, app, PATH, *clients, say=[ADD], good=good, ws="wsproto")


async def says_what_is_wrong(server: Server) -> str:
    for mistake, id, fields, hint in MISTAKES:
        async with visit(server, PATH) as client:
            await ask(client, mistake, error(id, fields), hint)
            before = f"Before, it had sent {quote(as_text(mistake))}, which is a mistake, and nothing else. {ITS_OWN}"
            await ask(client, TOTAL, {**TOTAL, "cents": 0}, before)
    async with visit(server, PATH) as client:
        nan = {**ADD, "count": float("nan")}  # no JSON, by RFC 8259; json and pydantic take it
        await ask(client, nan, error(7, ["count"]), f"{COUNT} And JSON has no `NaN`.", or_else=error(None, []))
    async with visit(server, PATH) as client:
        await client.say(r'{"type": "total", "id": 1, "\ud800": 1}')
        half = r"\ud800 is half a character: JSON can name it, and no text can hold it, so do not send it back."
        await client.hear("an error", silent=half, closed=half)
    return f"{len(MISTAKES)} mistakes are answered by their id and fields, and the conversation goes on"


async def adds_up(server: Server) -> str:
    async with visit(server, PATH) as hasty:
        for _ in range(BURST):
            await ask(hasty, TOTAL, {**TOTAL, "cents": 0}, AT_ONCE)
    async with visit(server, PATH) as ann, visit(server, PATH) as ben:
        await ask(ann, ADD, {"type": "added", "id": 7})
        await ask(ann, {**ADD, "id": -8, "item": " café ", "count": 10}, {"type": "added", "id": -8})
        await ask(ann, {**ADD, "id": 0, "item": 20 * "\U0001f375", "count": 1}, {"type": "added", "id": 0}, ITEM)
        await ask(ann, {**ADD, "id": 10**20, "item": "\n", "count": 1}, {"type": "added", "id": 10**20}, ANY_OTHER)
        await ask(ann, TOTAL, {**TOTAL, "cents": 2 * 300 + 10 * 600 + 2000 + 100}, AS_IT_IS)
        await ask(ben, TOTAL, {**TOTAL, "cents": 0}, "Another client has added something. Each has its own total.")
        for _ in range(2):
            await ask(ben, ADD, {"type": "added", "id": 7})
        await ask(ben, TOTAL, {**TOTAL, "cents": 2 * 600}, TWICE)
        await ask(ben, TOTAL, {**TOTAL, "cents": 2 * 600}, ASKED_AGAIN)
    return "requests are answered by their id, and each client has its own total"


async def begins_with_nothing(server: Server, app) -> str:
    """Clients come one after the other, and add up the same."""
    texts = [json.dumps(request) for request in (ADD, TOTAL)]
    answers = await server.thread.run(first_answers(app, PATH, *texts), 5 * WAIT)
    for text in answers[1::2]:  # those to the second request
        if as_json(text) != {**TOTAL, "cents": 600}:
            raise NotYet(f"{ONE_BY_ONE} Each added 600 cents, and one of them got {quote(text)}. {LEFT_OVER}")
    return "whoever comes after others have left begins with nothing"


async def refuses_bytes(server: Server) -> str:
    async with visit(server, PATH) as client:
        await client.say(json.dumps(TOTAL).encode())
        await expect_code(client, 1003, None, "that sent bytes")
    async with visit(server, PATH) as client:
        await client.say(b"")
        try:
            await expect_code(client, 1003, None, "that sent empty bytes")
        except NotYet as problem:
            raise NotYet(f"{problem} {NONE}") from None
    return "bytes are refused with 1003"


async def keeps_the_pace(server: Server) -> str:
    total, told = {**TOTAL, "cents": 0}, TOLD
    more = f"By `asyncio.get_running_loop().time()`, one more comes every {PACE} seconds, and"
    async with visit(server, PATH) as client, visit(server, PATH) as other:
        await server.let_time_pass(10 * BURST * PACE)
        await server.let_time_pass(0.8 * PACE)  # so that a beat of its own would come soon after the burst
        await ask(client, TOTAL, total)
        for _ in range(BURST - 1):
            await ask(client, "tea", error(None, []), f"{BURST} messages may come at once.")
        hint = f"It was one more than {BURST} at once. Mistakes count, too, and no more than {BURST} can be saved up."
        await ask(client, ADD, {"type": "wait", "id": 7}, hint, told)
        await ask(client, "tea", {"type": "wait", "id": None}, hint, told)
        await ask(other, TOTAL, total, "Another client was too fast: each connection has a pace of its own.")
        for passed in [0.4, 0.8]:
            await server.let_time_pass(PACE * 0.4)
            hint = f"{more} {PACE * passed:g} have passed. What is refused meanwhile does not count them again."
            hint += " (The first of them begin when the bucket was full, and at no beat of a clock.)"
            await ask(client, TOTAL, {"type": "wait", "id": 1}, hint, told)
        await server.let_time_pass(PACE * 0.45)
        await ask(client, TOTAL, total, f"{more} {PACE * 5 / 4:g} have passed. What was too fast is not added.")
        for request, id in TOO_FAST:
            await ask(client, request, {"type": "wait", "id": id}, f"{more} one has come: a new row begins.", told)
        await server.let_time_pass(PACE * 2)
        for _ in range(2):
            await ask(client, "tea", error(None, []), f"{more} two have come.")
        for _ in range(BURST):
            await ask(client, TOTAL, {"type": "wait", "id": 1}, MISTAKES_END_IT, told)
        await client.say(json.dumps(TOTAL))
        await expect_code(client, 1008, None, f"that was told to wait {BURST} times in a row, and sent one more,")
    return "who is too fast is told so, and then put out"


async def counts_each_row(server: Server) -> str:
    """Two are too fast, one after the other. What puts the first out is a long message."""
    async with visit(server, PATH) as one, visit(server, PATH) as other:
        for client in one, other:
            for _ in range(BURST):
                await ask(client, TOTAL, {**TOTAL, "cents": 0}, AT_ONCE)
        for client, hint in (one, TOLD), (other, ITS_ROW):
            for _ in range(BURST):
                await ask(client, TOTAL, {"type": "wait", "id": 1}, hint, closed="")
        await one.say(200 * "x")
        try:
            await expect_code(one, 1008, None, f"that was told to wait {BURST} times in a row, and sent one more,")
        except NotYet as problem:
            raise NotYet(f"{problem} {TOO_LONG}" if one.ws.close_code != 1008 else str(problem)) from None
    return "of two who are too fast, each has a row of its own"


async def leaves(server: Server) -> str:
    return await lets_clients_leave(server, PATH, json.dumps(ADD))


async def expect_nothing_in(log: ErrorLog) -> None:
    log.expect_nothing("what a client may do", "Only a bug in price() is one.")


async def ask(
    client: Client,
    request: object,
    answer: dict,
    hint: str = "",
    closed: str = GOES_ON,
    or_else: dict | None = None,
) -> None:
    """Send a request, or any text, and expect the answer. `closed` is a hint for when the connection ends instead.

    `or_else` is another answer that is as good.
    """
    await client.say(as_text(request))
    text = await client.hear(
        json.dumps(answer), silent=f"Whatever comes as text is answered. {hint}", closed=f"{closed} {hint}".strip()
    )
    got = as_json(text)
    if json.dumps(got, sort_keys=True) in [json.dumps(good, sort_keys=True) for good in (answer, or_else)]:
        return
    said, why = quote(client.said), hint_for_another(got, answer, hint)
    raise NotYet(f"the client sent {said} and expected {json.dumps(answer)}, but got {quote(text)}. {why}".rstrip())


def hint_for_another(got: object, answer: dict, hint: str) -> str:
    """What to think of another answer than was expected, of which `hint` says why it was."""
    if not isinstance(got, dict) or got.get("type") != answer["type"]:
        return hint
    if got.get("id") != answer["id"] or type(got.get("id")) is not type(answer["id"]):
        return ID
    if more := sorted(set(got) - set(answer)):
        return f"{quote(more[0])} does not belong there: each kind of answer has its own fields."
    return f"{NAMES} {hint}" if answer["type"] == "error" else hint


def error(id: int | None, fields: list[str]) -> dict:
    return {"type": "error", "id": id, "fields": fields}


def as_text(request: object) -> str:
    return request if isinstance(request, str) else json.dumps(request)


def as_json(text: str) -> object:
    """What a text says as JSON, with names of fields in order; the text itself if it says nothing."""
    try:
        answer = json.loads(text)
        if isinstance(answer, dict) and isinstance(answer.get("fields"), list):
            answer["fields"].sort(key=str)
        return answer
    except ValueError:
        return text
