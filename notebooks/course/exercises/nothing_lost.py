"""The check under the exercise of nothing-lost."""

import asyncio
import gc
import itertools
import json
import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial

from fastapi import FastAPI

from course.client import WAIT as PATIENCE
from course.client import NotYet, news, quote, until
from course.closing import closes_when_nobody_is_there, expect_code, logs_bugs
from course.cut_off import AGAIN, KEEP, NUMBERS, TALK, TUNNEL, TWINS, Till, Tunnel, amounts, numbers
from course.error_log import ErrorLog, errors_in_the_log
from course.judging import (
    AN_HOUR,
    HAS_LEFT,
    SILENT,
    Verdict,
    check_up,
    hint_for,
    judge,
    lets_clients_leave,
    look_further,
    passes,
    what_the_endpoint_did,
)
from course.newcomers import scope
from course.troubles import ends_when_cancelled, expect_rest, lets_bugs_show, time_stands_still
from wslab.examination.clients import in_one_breath
from wslab.server import Server, serve

__all__ = ["cashbook"]

PATH = "/cashbook?till=Eve"
SLOW = 5  # seconds, as in the exercise
COME_AND_GO = 50  # connections, after which what is there in memory is counted
MANY_LATER = 130  # entries: a cache that has a limit, as `lru_cache()` has 128, has forgotten an id then

OUTLIVE = "What has been stored must be known again over another connection of that till."
OWN = "Each till counts its ids for itself."
LATER = "An id is known again, however many entries others have made since, and however many tills there are."
AT_ONCE = (
    "Its id came over another connection at the same time. Between the look whether it is known, and the note that it "
    "is, nobody else may come in: where you await something in between, take a lock."
)
ONCE = "An entry that was stored already is not stored again, but its id is acknowledged."
ABOVE = "Whoever comes hears the entries with a number above `after`, and no others."
ANEW = "If some above `after` are gone, or no entry has had that number yet, the first message says from where on."
AFTER_ANEW = "From then on, what counts is the number in `anew`, and no longer that in `after`."
SEAM = "It was still being sent the entries above `after` when others came. Let one loop send both, from one list."
CLOCK = "(The check sets the event loop's clock forward: asyncio.timeout() goes by it, time.monotonic() does not.)"
IN_TIME = f"A till did not read for {SLOW / 2:g} seconds, and then again: each send has {SLOW} seconds."
EACH = f"Each of three messages took {SLOW / 2:g} seconds. That is in time: each send has {SLOW} seconds of its own."
READS = (
    "It has read all the time. Let an event wake its loop, and `await asyncio.sleep(0)` give that a turn, before the "
    "next text of another till is read."
)
ITS_ACK = "What waited was an acknowledgement: whatever is sent needs the limit."
NOTED = (
    "Its acknowledgement did not get through, and the connection was given up. The id is known from when it is stored."
)
BEHIND = f"While it did not read, {KEEP + 2} entries came. It must hear them all, or that it must begin anew."
WAIT = "The connection of another till does not read. Nobody else waits for that."
STORE_FIRST = "First store(), then all the rest: when it fails, nothing has happened, and the till sends it again."
GIVEN_BACK = "(A lock has to be given back then, too, as `async with` does.)"

EMPTY = "An empty text is a text: look for `None`, and not whether something is in it."
NESTED = "Of a text with so many brackets in each other, json.loads() raises RecursionError, which is no ValueError."
ITS_OWN_ACK = "Over that connection, nothing had been entered: what is acknowledged there is taken for its own."
BOTH = "A till may have several connections at the same time, and each of them hears each entry."
STAYS = (
    "Is something made for a connection, and put where all are, that stays when the connection has ended? Take it away "
    "in a `finally`."
)


async def cashbook(app, stored: Sequence[int]) -> Verdict:
    """`/cashbook` stores and tells each entry once, wherever a connection is cut. `stored`: what store() has stored."""
    tunnel = Tunnel(app)
    steps = [tells, loses_nothing, goes_on_from, begins_anew, knows_again]
    steps += [partial(step, tunnel=tunnel) for step in (knows_at_once, has_no_seam, puts_out)]
    steps += [waits_for_the_silent, refuses, leaves, keeps_an_ack_apart, refuses_odd_texts]
    steps = [partial(step, stored=stored) for step in steps]
    with errors_in_the_log() as log:
        verdict = await judge(tunnel if isinstance(app, FastAPI) else app, *steps, ws_ping_interval=None)
    looks = [
        partial(expect_nothing_in, log),
        partial(passes, app, partial(bears_a_full_disk, stored=stored)),
        partial(logs_a_full_disk, app, stored=stored),
        partial(closes_when_nobody_is_there, app, PATH),
        partial(passes, app, partial(lets_bugs_show, path=PATH), partial(ends_when_cancelled, path=PATH)),
        partial(forgets_who_has_left, app, stored),
    ]
    verdict = await look_further(verdict, *looks)
    clients = ["silent", "goes away", "drops before the answer", "not json", "wrong shape", "floods", "stalls", "crowd"]
    path = f"/cashbook?till=a{next(numbers)}-{{n}}"
    good = "a crowd does it no harm, nor do clients that leave, do not read, or send nonsense"
    return await check_up(verdict, app, path, *clients, say=[{"id": 1, "cents": 250}], good=good, ws="wsproto")


async def tells(server: Server, stored: Sequence[int]) -> str:
    last = len(stored)
    kept = max(0, last - KEEP)
    async with Till(server, stored, last + 1).connected() as ahead, Till(server, stored, last).connected() as ann:
        not_told = None
        try:
            await ahead.hear("where it begins anew", f"The last entry was {last}. {ANEW}", anew=kept)
        except NotYet as problem:  # is told at the end: what most get wrong comes first
            not_told = problem
        await ann.enter_one(1, *amounts(stored, 1), hint=TALK)
        async with Till(server, stored, last).connected() as ben:
            await ben.hear_all(stored[last:], ABOVE)
            for id, till, other in [(1, ben, ann), (2, ann, ben)]:
                await till.enter_one(id, *amounts(stored, 1), hint=TALK)
                await other.hear_all(stored[last:], TALK)
        if ahead.after == kept:
            anew = json.dumps({"anew": kept})
            ahead.before = f"a till with after={last + 1} heard {anew}, since there were {last} entries; then "
            await ahead.hear_all(stored[kept:], AFTER_ANEW)
        if not_told:
            raise not_told
    return "entries are stored, acknowledged, and told to all, and to who comes later"


async def waits_for_the_silent(server: Server, stored: Sequence[int]) -> str:
    async with Till(server, stored, len(stored)).connected() as till:
        await server.let_time_pass(AN_HOUR)
        till.before = "a till had been silent for an hour; then "
        await till.enter_one(1, *amounts(stored, 1), hint=SILENT)
    return "a till may be silent for an hour, by the clock of the server's event loop"


async def loses_nothing(server: Server, stored: Sequence[int]) -> str:
    for cut in itertools.count(1):
        before, entered = len(stored), amounts(stored, 3)
        till = Till(server, stored, before, cut=cut)
        await till.enter(*entered, hint=f"{AGAIN} {OUTLIVE}")
        if list(stored[before:]) != entered:
            raise NotYet(f"{till.before}{stored[before:]} cents were stored; entered were {entered}. {OUTLIVE}")
        if till.left > 0:
            return f"a till that is cut off at each of its {cut - till.left} messages in turn loses nothing"


async def goes_on_from(server: Server, stored: Sequence[int]) -> str:
    await fill(server, stored)
    for behind in [0, 1, 2, KEEP - 1, KEEP]:
        last = len(stored)
        async with Till(server, stored, last - behind).connected() as till:
            await till.hear_all(stored[last - behind :], f"The last entry was {last}. {ABOVE}")
            await till.enter_one(1, *amounts(stored, 1), ABOVE)
    return "who comes back hears what it has missed, from the right place on"


async def begins_anew(server: Server, stored: Sequence[int]) -> str:
    last = len(stored)
    for after in [last - KEEP - 1, 0, last + 1, 10 * last]:
        async with Till(server, stored, after).connected() as till:
            hint = f"The last entry is {last}, and {KEEP} are kept. {ANEW}"
            await till.hear(json.dumps({"anew": last - KEEP}), hint, anew=last - KEEP)
            await till.hear_all(stored[last - KEEP :], hint)
    return "who cannot go on is told to begin anew"


async def knows_again(server: Server, stored: Sequence[int]) -> str:
    await takes_the_same_amount_again(server, stored)
    last, (first, second, third, others) = len(stored), amounts(stored, 4)
    async with Till(server, stored, last).connected() as old:
        for id, cents in [(1, first), (2, second), (3, third)]:
            await old.enter_one(id, cents)
        async with Till(server, stored, last + 3, old.name).connected() as new:
            for till, id, cents in [(old, 3, third), (new, 3, third), (new, 2, second), (old, 2, second)]:
                await is_known(till, id, cents, ONCE)
        async with Till(server, stored, last + 3).connected() as another:
            await another.enter_one(1, others, hint=OWN)
    for cents in amounts(stored, KEEP + 2):
        await Till(server, stored, len(stored)).enter(cents)
    await Till(server, stored, len(stored)).enter(*amounts(stored, MANY_LATER))
    async with Till(server, stored, len(stored), old.name).connected() as new:
        for id, cents in [(3, third), (2, second)]:
            await is_known(new, id, cents, LATER)
        await new.enter_one(4, *amounts(stored, 1), hint=LATER)
    return "ids are known again, for each till"


async def takes_the_same_amount_again(server: Server, stored: Sequence[int]) -> None:
    """Two entries of a till may have the same amount: they are told apart by their ids."""
    last, (cents,) = len(stored), amounts(stored, 1)
    async with Till(server, stored, last).connected() as till:
        await till.enter_one(1, cents)
        await till.say(2, cents)
        silent = f"a till entered {cents} cents with id 1, and again with id 2, which is another entry. It"
        expected = [{"ack": 2}, {"number": last + 2, "cents": cents}]
        for _ in range(2):
            text = await till.client.message_or_end(f"{silent} expected {json.dumps(expected)}, and heard nothing.")
            if text is None or json.loads(text) not in expected:
                raise NotYet(f"{silent} expected {json.dumps(expected)}, and heard {quote(text or 'nothing')}.")


async def is_known(till: Till, id: int, cents: int, hint: str) -> None:
    """The till sends again what was stored. It must be acknowledged, and nothing else happen."""
    before = len(till.stored)
    await till.say(id, cents)
    while await till.hear(f"the acknowledgement of id {id}", hint) != {"ack": id}:
        pass
    if len(till.stored) > before:
        raise NotYet(f"a till sent id {id} again, and it was stored again. {hint}")


async def tells_both(server: Server, stored: Sequence[int]) -> None:
    """A till has two connections."""
    last, (cents,) = len(stored), amounts(stored, 1)
    async with Till(server, stored, last).connected() as one, Till(server, stored, last, one.name).connected() as other:
        await one.enter_one(1, cents, hint=BOTH)
        one.before = other.before = "a till had two connections, and entered something over one of them; then "
        await other.hear_all([cents], BOTH)
        await other.enter_one(2, *amounts(stored, 1), hint=BOTH)
        await one.hear_all(stored[last:], BOTH)


async def knows_at_once(server: Server, stored: Sequence[int], tunnel: Tunnel) -> str:
    await tells_both(server, stored)
    last, (cents,) = len(stored), amounts(stored, 1)
    name = f"{TWINS}{next(numbers)}"
    one, other = Till(server, stored, last, name), Till(server, stored, last, name)
    async with tunnel.closed(server) as opened, one.connected(), other.connected():
        for till in one, other:
            await till.say(1, cents)
        await until(lambda: len(tunnel.waiting) == 2)
        await server.on_loop(opened.set)
        for till in one, other:
            await till.hear_of(1, cents, AT_ONCE)
    if list(stored[last:]) != [cents]:
        raise NotYet(f"an entry of {cents} cents is stored {stored.count(cents)} times. {AT_ONCE}")
    return "an id that comes over two connections at once is stored once"


async def has_no_seam(server: Server, stored: Sequence[int], tunnel: Tunnel) -> str:
    for entered, seconds, hint in [(2, 0, SEAM), (1, SLOW / 2, IN_TIME), (KEEP + 2, 0, BEHIND)]:
        last = len(stored)
        tom = Till(server, stored, last - 3, f"{TUNNEL}{next(numbers)}")
        tom.may_fall_behind = entered > KEEP
        async with tunnel.closed(server) as opened, tom.connected():
            await until(lambda: tunnel.waiting)
            await Till(server, stored, last).enter(*amounts(stored, entered), hint=WAIT)
            await server.let_time_pass(seconds)
            await server.on_loop(opened.set)
            while tom.after < len(stored):
                await tom.hear(f"entry {tom.after + 1}", hint)
            await tom.hear_all(stored[-len(tom.heard) :], hint)
            await tom.enter_one(1, *amounts(stored, 1), hint=hint)
    await bears_the_slow(server, stored, tunnel)
    await lets_others_read(server, stored)
    return "nobody waits for who does not read, and that one misses nothing"


async def bears_the_slow(server: Server, stored: Sequence[int], tunnel: Tunnel) -> None:
    """Three messages take their time, and each of them is in time."""
    tom = Till(server, stored, len(stored) - 3, f"{TUNNEL}{next(numbers)}")
    async with tunnel.closed(server), tom.connected():
        for _ in range(3):
            await until(lambda: tunnel.waiting)
            await server.let_time_pass(SLOW / 2)
            await tunnel.let_through(server)
        await tom.hear_all(stored[-3:], EACH)


async def lets_others_read(server: Server, stored: Sequence[int]) -> None:
    """A till sends many entries at once. Who reads hears each of them."""
    last, entered = len(stored), amounts(stored, KEEP + 2)
    async with Till(server, stored, last).connected() as reader, Till(server, stored, last).connected() as writer:
        texts = [json.dumps({"id": id, "cents": cents}) for id, cents in enumerate(entered, 1)]
        async with time_stands_still(server):  # so many come before the next tick of any clock
            await in_one_breath(writer.client.ws, texts)
            await until(lambda: len(stored) == last + len(texts))
        reader.before = f"another till sent {len(texts)} entries at once; then "
        await reader.hear_all(entered, READS)


async def puts_out(server: Server, stored: Sequence[int], tunnel: Tunnel) -> str:
    async with tunnel.closed(server), Till(server, stored, len(stored) - 3, TUNNEL).connected():
        await until(lambda: tunnel.waiting)
        await Till(server, stored, len(stored)).enter(*amounts(stored, 5 * KEEP), hint=WAIT)
        await is_put_out(server, CLOCK)
    await puts_out_before_an_ack(server, stored, tunnel)
    return "who does not read for too long is given up"


async def puts_out_before_an_ack(server: Server, stored: Sequence[int], tunnel: Tunnel) -> None:
    """What is held up is the acknowledgement of an id that is known, and then that of a new one."""
    first, second = amounts(stored, 2)
    tom = Till(server, stored, len(stored), f"{TUNNEL}{next(numbers)}")
    async with tom.connected():
        await tom.enter_one(1, first)
        async with tunnel.closed(server):
            await tom.say(1, first)
            await until(lambda: tunnel.waiting)
            await is_put_out(server, f"{ITS_ACK} {CLOCK}")
    async with tom.connected(), tunnel.closed(server):
        await tom.say(2, second)
        await until(lambda: tunnel.waiting)
        await is_put_out(server, CLOCK)
    if second not in stored:  # it was acknowledged first, which is looked at where store() fails
        return
    async with tom.connected():
        await is_known(tom, 2, second, NOTED)


async def is_put_out(server: Server, hint: str) -> None:
    """A till does not read. Let time pass: its endpoint, the last one, must end."""
    await server.let_time_pass(2 * SLOW)
    if not await until(lambda: not server.endpoints):
        raise NotYet(f"a till did not read for {2 * SLOW} seconds, and its endpoint is still there. {hint}")
    did = await what_the_endpoint_did(server)
    if did and "returned without close()" not in did:  # there is no use in it
        raise NotYet(f"a till did not read for {2 * SLOW} seconds, and the {did}. {hint_for(did, HAS_LEFT)}".rstrip())


async def refuses(server: Server, stored: Sequence[int]) -> str:
    of_wrong_types = ['{"id": null, "cents": 1}', '{"id": 1, "cents": "two"}']
    texts = ["tea", "[]", '{"id": 1}', '{"cents": 1}', *of_wrong_types]
    for message, code in [(b"\0", 1003), (b"", 1003), *((text, 1008) for text in texts)]:
        async with Till(server, stored, len(stored)).connected() as till:
            await till.client.say(message)
            await expect_code(till.client, code, None, f"that sent {quote(message)}")
    return "what is no entry is refused"


async def refuses_odd_texts(server: Server, stored: Sequence[int]) -> str:
    for text, hint in [("", EMPTY), ("[" * 100_000, NESTED)]:
        async with Till(server, stored, len(stored)).connected() as till:
            await till.client.say(text)
            try:
                await expect_code(till.client, 1008, None, f"that sent {quote(text)}")
            except NotYet as problem:
                raise NotYet(f"{problem} {hint}") from None
    return "an empty text is none, nor are brackets without an end"


async def keeps_an_ack_apart(server: Server, stored: Sequence[int]) -> str:
    """Two entries are made: what comes with the first is there when the second is heard."""
    last = len(stored)
    async with Till(server, stored, last).connected() as ann, Till(server, stored, last).connected() as ben:
        for id, cents in enumerate(amounts(stored, 2), 1):
            await ann.enter_one(id, cents, hint=TALK)
        while len(ben.heard) < 2:
            heard = await ben.hear(f"entry {ben.after + 1}", TALK)
            if "ack" in heard:
                raise NotYet(f"a till that had said nothing heard {json.dumps(heard)}. {ITS_OWN_ACK}")
        await expect_rest(server, "while two tills are connected and say nothing")
    return "an acknowledgement is for the connection that it answers"


async def leaves(server: Server, stored: Sequence[int]) -> str:
    (cents,) = amounts(stored, 1)
    path = f"/cashbook?till=till{next(numbers)}"
    return await lets_clients_leave(server, path, json.dumps({"id": 1, "cents": cents}))


async def bears_a_full_disk(server: Server, stored: Sequence[int]) -> str:
    last, (cents,) = len(stored), amounts(stored, 1, end=13)
    async with Till(server, stored, last).connected() as other:
        till = Till(server, stored, last)
        async with till.connected():
            await till.say(1, cents)
            try:
                await expect_code(till.client, 1011, None, f"for whom store() failed, at {cents} cents,")
            except NotYet as problem:
                raise NotYet(f"{problem} {STORE_FIRST}") from None
        await other.client.caught_up()
        if (told := await other.client.unread()) is not None:
            raise NotYet(f"store() failed at {cents} cents, and another till heard {quote(told)}. {STORE_FIRST}")
        till.before = f"store() failed at {cents} cents, and the till came back and sent them again; then "
        async with till.connected():
            await till.enter_one(1, cents, f"{STORE_FIRST} {GIVEN_BACK}")
            await till.enter_one(2, *amounts(stored, 1), hint=STORE_FIRST)
        await other.hear_all(stored[last:], STORE_FIRST)
    await news(server)
    return "what could not be stored can come again"


async def logs_a_full_disk(app, stored: Sequence[int]) -> None:
    taken = json.dumps({"id": 1, "cents": amounts(stored, 1, end=13)[0]})
    await logs_bugs(app, f"/cashbook?till=till{next(numbers)}&after={len(stored)}", {taken: OSError}, "store")


async def forgets_who_has_left(app, stored: Sequence[int]) -> None:
    """A look: connections come, hear something, and leave, again and again. Nothing of them may stay.

    They have no network, of which a server would keep a record; and what is logged may be kept, too.
    """

    async def counted() -> Counter:
        for _ in range(COME_AND_GO):
            await comes_and_goes(app)
        entry = {"id": next(numbers), "cents": amounts(stored, 1)[0]}  # at the next one, some tidy up
        await comes_and_goes(app, {"type": "websocket.receive", "text": json.dumps(entry)})
        gc.collect()
        return Counter(type(thing) for thing in gc.get_objects())

    with serve(app, name="exercise") as server:
        logging.disable()
        try:
            first, second, third = [await server.thread.run(counted(), 5 * PATIENCE) for _ in range(3)]
        finally:
            logging.disable(logging.NOTSET)
    stays = [kind for kind in third if min(third[kind] - second[kind], second[kind] - first[kind]) >= COME_AND_GO]
    if stays:
        telling = [kind for kind in stays if kind.__module__ not in ("builtins", "collections")] or stays
        names = ", ".join(f"`{name}`" for name in sorted({kind.__name__ for kind in telling}))
        what = f"{COME_AND_GO} connections came, one after the other, and left, and of each, something stays in memory"
        raise NotYet(f"{what}: {names}. {STAYS}")


async def comes_and_goes(app, *says: dict) -> None:
    """A client connects, says something, if it `says` something, and leaves when it has heard something."""
    has_heard, comes = asyncio.Event(), [*says, {"type": "websocket.connect"}]

    async def receive():
        if comes:
            return comes.pop()
        await has_heard.wait()
        return {"type": "websocket.disconnect", "code": 1000, "reason": ""}

    async def send(message):
        if message["type"] == "websocket.send":
            has_heard.set()

    whose = {**scope("/cashbook"), "query_string": b"till=Eve&after=0"}
    await asyncio.wait([asyncio.create_task(app(whose, receive, send))], timeout=PATIENCE)


async def fill(server: Server, stored: Sequence[int]) -> None:
    """More entries than are kept."""
    await Till(server, stored, len(stored)).enter(*amounts(stored, KEEP + 2), hint=NUMBERS)


async def expect_nothing_in(log: ErrorLog) -> None:
    log.expect_nothing("what a client may do", "Only what store() raises is one, or a bug.")
