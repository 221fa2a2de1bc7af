"""The check under the exercise of messages-with-a-contract."""

import json
from functools import partial

from pydantic import ValidationError

from course.client import Client, NotYet, quote, visit
from course.closing import closes_when_nobody_is_there, expect_code, logs_bugs
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import Verdict, check_up, judge, lets_clients_leave, look_further, passes
from course.troubles import ends_when_cancelled, lets_bugs_show
from wslab.server import Server

__all__ = ["till"]

PATH = "/till"
BURST, PACE = 5, 60  # messages, and seconds, as in the exercise
TOTAL = {"type": "total", "id": 1}
ADD = {"type": "add", "id": 7, "item": "tea", "count": 2}
BUGS = {"bug 1": KeyError, "bug 2": ValidationError}  # by the item at which price() raises it

BELONGS = "What does not belong there is wrong, too, so that a misspelt field is noticed."
NO_ID = "An `id` that is no whole number is wrong, and the answer has null instead."
NO_OBJECT = "It is no object: no field is to blame, and there is no `id`."
NO_JSON = "It is no JSON: no field is to blame, and there is no `id`."
TYPE = "It is the type that is not known; the `id` can be read all the same."
MISTAKES = [  # what is sent, the id and the fields of the answer, and what to think of
    ({**ADD, "count": "2"}, 7, ["count"], "A text is no number: nothing is converted."),
    ({**ADD, "count": True}, 7, ["count"], "true is no number: nothing is converted."),
    ({**ADD, "count": 2.5}, 7, ["count"], "It is no whole number."),
    ({**ADD, "count": float("nan")}, 7, ["count"], "It is no whole number."),
    ({**ADD, "count": 0}, 7, ["count"], "`count` is 1 to 10."),
    ({**ADD, "count": 11}, 7, ["count"], "`count` is 1 to 10."),
    ({**ADD, "item": ""}, 7, ["item"], "`item` has 1 to 20 characters."),
    ({**ADD, "item": "t" * 21}, 7, ["item"], "`item` has 1 to 20 characters."),
    ({**ADD, "item": None}, 7, ["item"], "null is no text."),
    ({"type": "add", "id": 7, "item": "tea"}, 7, ["count"], "A field that is missing is wrong."),
    ({**ADD, "itme": "tee"}, 7, ["itme"], BELONGS),
    ({**TOTAL, "item": "tea"}, 1, ["item"], BELONGS),
    ({**ADD, "item": "", "count": 0}, 7, ["count", "item"], "Both fields are wrong."),
    ({"type": "total"}, None, ["id"], NO_ID),
    ({"type": "total", "id": "7"}, None, ["id"], NO_ID),
    ({**ADD, "type": "pay"}, 7, ["type"], TYPE),
    ({**ADD, "type": ["add"]}, 7, ["type"], TYPE),
    ({"id": 7, "item": "tea", "count": 2}, 7, ["type"], TYPE),
    *((text, None, [], NO_OBJECT) for text in ["null", "[]", '"add"', "5"]),
    *((text, None, [], NO_JSON) for text in ["add tea", "", '{"type": "total", "id": 7', "[" * 100_000]),
]


async def till(app) -> Verdict:
    """`/till` takes what is in its contract, and says of all else, by its id, which fields are wrong."""
    with errors_in_the_log() as log:
        verdict = await judge(
            app, adds_up, says_what_is_wrong, refuses_bytes, keeps_the_pace, leaves, ws_ping_interval=None
        )
    bugs = {json.dumps({**ADD, "item": item}): error for item, error in BUGS.items()}
    looks = [
        partial(closes_when_nobody_is_there, app, PATH),
        partial(logs_bugs, app, PATH, bugs, "price"),
        partial(passes, app, partial(lets_bugs_show, path=PATH), partial(ends_when_cancelled, path=PATH)),
    ]
    verdict = await look_further(verdict, partial(expect_nothing_in, log), *looks)
    clients = ["silent", "goes away", "drops before the answer", "not json", "wrong shape", "wrong values", "floods"]
    good = "clients that go away, lose their connection, or send nonsense do it no harm"
    return await check_up(verdict, app, PATH, *clients, say=[ADD], good=good, ws="wsproto")


async def adds_up(server: Server) -> str:
    async with visit(server, PATH) as ann, visit(server, PATH) as ben:
        await ask(ann, ADD, {"type": "added", "id": 7})
        await ask(ann, {**ADD, "id": -8, "item": "coffee", "count": 10}, {"type": "added", "id": -8})
        await ask(ann, TOTAL, {**TOTAL, "cents": 2 * 300 + 10 * 600})
        await ask(ben, TOTAL, {**TOTAL, "cents": 0}, "Another client has added something. Each has its own total.")
    return "requests are answered by their id, and each client has its own total"


async def says_what_is_wrong(server: Server) -> str:
    for mistake, id, fields, hint in MISTAKES:
        async with visit(server, PATH) as client:
            await ask(client, mistake, {"type": "error", "id": id, "fields": fields}, hint)
            await ask(
                client,
                TOTAL,
                {**TOTAL, "cents": 0},
                f"Before, it had sent {quote(as_text(mistake))}, which is a mistake.",
            )
    return f"{len(MISTAKES)} mistakes are answered by their id and fields, and the conversation goes on"


async def refuses_bytes(server: Server) -> str:
    async with visit(server, PATH) as client:
        await client.say(json.dumps(TOTAL).encode())
        await expect_code(client, 1003, None, "that sent bytes")
    return "bytes are refused with 1003"


async def keeps_the_pace(server: Server) -> str:
    total = {**TOTAL, "cents": 0}
    one = f"The clock of the check is `asyncio.get_running_loop().time()`: one more comes every {PACE} seconds, and"
    async with visit(server, PATH) as client, visit(server, PATH) as other:
        await server.let_time_pass(10 * BURST * PACE)
        await ask(client, "tea", {"type": "error", "id": None, "fields": []})
        for _ in range(BURST - 1):
            await ask(client, TOTAL, total, f"{BURST} messages may come at once.")
        hint = f"It was one more than {BURST} at once. Mistakes count, too, and no more than {BURST} can be saved up."
        await ask(client, ADD, {"type": "wait", "id": 7}, hint)
        await ask(client, "tea", {"type": "wait", "id": None}, hint)
        await ask(other, TOTAL, total, "Another client was too fast: each connection has a pace of its own.")
        await server.let_time_pass(1.5 * PACE)
        await ask(client, TOTAL, total, f"{one} {1.5 * PACE:g} have passed. What was too fast is not added.")
        for _ in range(BURST):
            await ask(client, TOTAL, {"type": "wait", "id": 1}, f"{one} one has come; and this row begins anew.")
        await client.say(json.dumps(TOTAL))
        await expect_code(client, 1008, None, f"that was told to wait {BURST} times in a row, and sent one more,")
    return "who is too fast is told so, and then put out"


async def leaves(server: Server) -> str:
    return await lets_clients_leave(server, PATH, json.dumps(ADD))


async def ask(client: Client, request: object, answer: dict, hint: str = "") -> None:
    """Send a request, or any text, and expect the answer, with its fields in any order."""
    await client.say(as_text(request))
    wanted = json.dumps(answer)
    silent = f"Whatever comes as text is answered. {hint}"
    text = await client.hear(wanted, silent=silent, closed=f"The conversation goes on, whatever comes as text. {hint}")
    if canonical(text) != canonical(wanted):
        raise NotYet(
            f"the client sent {quote(client.said)} and expected {wanted}, but got {quote(text)}. {hint}".rstrip()
        )


def as_text(request: object) -> str:
    return request if isinstance(request, str) else json.dumps(request)


def canonical(text: str) -> str:
    """JSON, with names in order, those in `fields` too; what is no JSON stays as it is."""
    try:
        answer = json.loads(text)
        if isinstance(answer, dict) and "fields" in answer:
            answer["fields"] = sorted(answer["fields"])
        return json.dumps(answer, sort_keys=True)
    except (TypeError, ValueError):
        return text


async def expect_nothing_in(log: ErrorLog) -> None:
    log.expect_nothing("what a client may do", "Only a bug in price() is one.")
