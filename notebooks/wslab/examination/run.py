"""The check-up: all clients, one after the other, against an app that is started once.

Where a client has killed the app, or left something behind in it that hurts whoever comes next, the others go on with
the same app in a fresh process, if it can be imported there.
"""

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from websockets import InvalidHandshake, InvalidURI

from wslab import stopping
from wslab.arguments import check_app
from wslab.examination import clients, process, refusals
from wslab.examination.bystanders import SOME_TIME, Bystanders
from wslab.examination.clients import BRIEF, Seen, Target
from wslab.examination.evidence import frames_of, holder
from wslab.examination.findings import IN_ITS_LIST, Kind, sign
from wslab.examination.patient import MAX_SIZE, SECONDS, Patient, Plan
from wslab.examination.report import Report, report
from wslab.examination.visit import Outcome, Visit
from wslab.server import ServeError

TRIES = 3  # for a visit that proved nothing
AGAIN = 16  # times that two come to a room, to see whether one always hears the other
NOT_ANY_MORE = 6  # times that it does not
UNSERVED = 2  # clients of whom none was served: the others are not asked


async def checkup(
    app,
    path: str = "/ws",
    *,
    say="hello",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    room: bool = False,
    origins: Sequence[str] | None = None,
    trigger: str = "",
    exclude: Sequence[str] = (),
    only: Sequence[str] | None = None,
    patience: float = clients.WAIT,
    seconds: float = SECONDS,
    ws: str = "auto",
    progress: Callable[[str], None] = lambda name: None,
) -> Report:
    """Run the clients against the endpoint of `app` at `path`.

    The app is started once. What a client leaves behind there, the next ones would find: then they go on with the app
    in a fresh process, where it can be imported. A polite client comes first, and finds out whether the endpoint
    greets, and which messages it answers. `{n}` in the path, the query, a header or a message is a number of each
    client's own.

    say: a message that suits the endpoint, or a list of them: `str`, `bytes`, or what `json.dumps` takes. Those before
        the first one that is answered, a token perhaps, are what every client begins with.
    headers: sent with each handshake, such as a token, a cookie, a subprotocol or the host.
    query: parameters of the query string, for an endpoint that needs some.
    room: whether a message goes to everybody who is connected. Of several messages, the last one that others hear is
        then what is said there, and those before it are what every client begins with.
    origins: the origins that the endpoint accepts; others must then be refused.
    trigger: an HTTP request that makes the endpoint speak to its client, such as "POST /push/{n}".
    exclude, only: names of clients to leave out, or of those to run alone.
    patience: seconds that a client waits for an answer; half of them, but at least one, for an endpoint to end.
    seconds: after so many, if something was found, nobody comes any more but who sees the server shut down. Where
        the machine is busy with something else, they last longer.
    ws: uvicorn's WebSocket implementation: "auto", "websockets-sansio" or "wsproto".
    progress: called with what is done next.

    Raises ServeError if `app` is not an app, does not start, or does not let a polite client in.
    """
    if not isinstance(app, process.Importable):
        check_app(app)
    for option, value in (("origins", origins), ("only", only), ("exclude", exclude)):
        if isinstance(value, str):
            raise ServeError(f"`{option}` is a list: [{value!r}].")
    if only is not None and not only:
        raise ServeError("`only` is empty: leave it out, and all clients come.")
    if not path.startswith("/"):
        raise ServeError(f"a path begins with a slash: /{path}")
    if "#" in path or " " in path:
        raise ServeError(f"{path!r}: in the path of an address, # is written %23, and a space %20.")
    if not 0 < patience < 3600:
        raise ServeError(f"patience is a number of seconds, such as 2, and not {patience}.")
    if not seconds > 0:
        raise ServeError(f"seconds is a number of them, such as 60, and not {seconds}.")
    if trigger and not (len(trigger.split()) == 2 and trigger.split()[1].startswith("/")):
        raise ServeError(f"{trigger!r} is not of the form 'POST /path'.")
    if query:
        path += ("&" if "?" in path else "?") + urlencode(query, safe="{}")
    messages, as_json = as_messages(say)
    named = any(
        "{n}" in text for text in (path, *(headers or {}).values(), *(m for m in messages if isinstance(m, str)))
    )
    has = {
        "json": as_json,
        "room": room,
        "origins": bool(origins),
        "headers": bool(headers) or "?" in path,
        "names": named,
    }
    names = tuple(choose(exclude=exclude, only=only, **has))
    origin = origins[0] if origins else None
    target = Target("", messages, dict(headers or {}), origin, max_size=MAX_SIZE, patience=patience)
    importable = app if isinstance(app, process.Importable) else process.importable(app)
    plan = Plan(path, target, names, room, ws, trigger, bool(importable), seconds=seconds)
    return await everywhere(app, importable, plan, progress)


async def everywhere(app, importable, plan: Plan, progress) -> Report:
    """The check-up, in this process, and in fresh ones as long as that is needed."""
    outcomes: list[Outcome] = []
    why_not = ""
    fresh = app is importable
    with contextlib.closing(process.Nursery()) as nursery:
        while plan.names and not why_not:
            steps = nursery.steps(importable, plan) if fresh else here(app, plan)
            try:
                async with contextlib.aclosing(steps):
                    doing = ""
                    async for step in steps:
                        if isinstance(step, str):
                            progress(doing := step)
                        elif isinstance(step, Plan):
                            plan = step
                        else:
                            plan = note(step if isinstance(step, Outcome) else died(doing, step), plan, outcomes)
                why_not = why_it_ends(plan, outcomes, importable)
            except ServeError as problem:
                if not outcomes:
                    raise
                why_not = str(problem).rstrip(".")  # what was found must not be lost
            fresh = True
    return report(outcomes, plan.names, why_not, plan.unanswered, plan.answers, plan.steady, plan.no_room)


def note(outcome: Outcome, plan: Plan, outcomes: list[Outcome]) -> Plan:
    """Add what came of a client. Returns what is still to do."""
    if outcomes and outcomes[-1].client == outcome.client:  # the end of the server belongs to it
        outcomes.pop()
    outcomes.append(outcome)
    names = tuple(name for name in plan.names if name != outcome.client)
    known = plan.known + (() if outcome.doubtful else tuple(outcome.signs))
    return replace(plan, names=names, known=known, spent=max(plan.spent, outcome.spent))


def died(name: str, ended: process.Ended) -> Outcome:
    """What came of a client in whose visit the process has died."""
    if name not in clients.CLIENTS:
        what = f"the app ended its process, with status {ended.status}, when it was imported or started."
        raise ServeError(what)
    broken = sign(Kind.BROKEN, f"the process ended, with status {ended.status}")
    return Outcome(name, Seen(), [broken], blocked=True)


def why_it_ends(plan: Plan, outcomes: list[Outcome], importable) -> str:
    """Why the clients that are left are not asked, if that is so."""
    if plan.time_is_over and not any(map(sees_the_end, plan.names)):
        return f"something was found, and {plan.seconds:g} seconds have passed (`seconds`)"
    last = outcomes[-1] if outcomes else None
    if last and last.why_not:
        return last.why_not
    if last and (last.poisons or last.blocked):
        return "" if importable else "the event loop was blocked for good"
    return "the check-up came to an end before"


async def here(app, plan: Plan) -> AsyncIterator[Plan | Outcome | str]:
    """Let the clients in, in this process: what was learned, and what came of each, as it comes."""
    async with Patient(app, plan) as patient:
        yield "the app starts"
        await patient.start()
        if plan.trigger:
            patient.target = replace(patient.target, trigger=pulled(patient.server, plan.trigger))
        if plan.first is None:
            yield "a first look"
            plan = await first_look(app, patient, plan)
            yield plan
        patient.learn(plan)
        async for step in visits(patient, plan):
            yield step


async def visits(patient: Patient, plan: Plan) -> AsyncIterator[Outcome | str]:
    """All clients, one after the other."""
    unserved, over = 0, plan.time_is_over
    for number, name in enumerate(plan.names, 1):
        if over and not sees_the_end(name):
            continue
        yield name
        outcome = await one_visit(patient, name)
        # Who sends to what is left in a list of one client's fails there, and what others do to it is not seen.
        outcome.poisons |= plan.can_go_on and any(sign.meaning == IN_ITS_LIST for sign in outcome.signs)
        patient.known += [] if outcome.doubtful else outcome.signs
        patient.ticks &= all(sign.kind is not Kind.SILENCED for sign in outcome.signs)  # the next has no part in that
        unserved += serves_nobody(patient.first, outcome)
        outcome.spent = plan.spent + patient.clock.passed
        over = replace(plan, spent=outcome.spent, known=tuple(patient.known)).time_is_over
        rest = len(plan.names) > number
        if (
            rest
            and not outcome.blocked
            and unserved == number
            and (unserved == UNSERVED or patient.first.refused is not None)
        ):
            outcome.why_not = "nobody was served"
        yield outcome
        if outcome.poisons:
            patient.after = name
        if outcome.blocked or outcome.why_not or (outcome.poisons and plan.can_go_on and rest):
            return
    if patient.server.running and (trouble := await patient.end()):
        last = sign(Kind.SHUTDOWN, trouble.partition(",")[0].partition(".")[0])
        yield Outcome(name, outcome.seen, [*outcome.signs, last], outcome.after)


async def one_visit(patient: Patient, name: str) -> Outcome:
    """A client's visit; another one where it proved nothing. Whatever breaks it is what came of it."""
    for attempt in range(TRIES):
        visit = Visit(patient, name, calm=2**attempt)
        try:
            outcome = await visit.outcome()
        except Exception as error:  # a fault of the check-up's own, or the server's end: nothing found may be lost
            *_, (frame, line) = frames_of(error)
            where = f"{Path(frame.f_code.co_filename).name}:{line}"
            broken = sign(Kind.BROKEN, f"{type(error).__name__}: {error} ({where})")
            return Outcome(name, visit.seen, [*visit.signs, broken], patient.after, blocked=not patient.server.running)
        outcome.doubtful = visit.in_doubt
        if not outcome.doubtful or outcome.blocked or not patient.server.running:
            break
    return outcome


def sees_the_end(name: str) -> bool:
    """Whether this client stops the server."""
    return clients.CLIENTS[name].meanwhile == "end"


def serves_nobody(first: Seen, outcome: Outcome) -> bool:
    """Whether neither the first client nor this one got anything, and it is known why."""
    ends = {Kind.NEVER_RECEIVES, Kind.NO_HANDSHAKE, Kind.ACCEPTS_LATE, Kind.RAISED, Kind.NO_ACCEPT}
    if any(sign.kind is Kind.BLOCKED for sign in outcome.signs):
        return True
    nothing_came = not (first.answers or first.pushes)
    unserved = first.refused is not None or (nothing_came and (first.code == 1006 or first.unheard))
    return unserved and any(sign.kind in ends and not sign.leave for sign in outcome.signs)


async def first_look(app, patient: Patient, plan: Plan) -> Plan:
    """What a polite client sees. Whoever does not let it in cannot be checked, and is told what to pass."""
    seen = await very_first(patient, plan.path)
    if seen.code == 1006 and not (seen.answers or patient.was_blocked):  # perhaps it came too early
        raised, *_ = patient.watch.take()
        with contextlib.suppress(ServeError):
            await patient.server.let_time_pass(SOME_TIME)
        if (again := await very_first(patient, plan.path)).code != 1006:
            seen, patient.raised_early = again, raised
    connection = patient.server.tape.last
    gc.collect()  # what is garbage holds on to nobody
    left = [mark for mark in list(patient.server.visits) if mark.connection is connection]
    tidies = connection.over and not holder(left)
    # Who says something and is done may be waited for; who goes on saying things, whatever one says, answers nobody.
    if any(seen.answered) and not (connection.heard or connection.over or plan.trigger):
        seen = replace(seen, answers=0, answered=(), pushes=True)
    if seen.refused:
        (raised, *_) = patient.watch.raised[:1] or [""]
        if problem := refusals.explain(app, plan.path, seen.refused, connection, str(raised and raised.text)):
            raise problem
    given = plan.target
    target, unanswered = learned(given, seen, plan.room)
    if not any(target.answered):  # what answered its prologue is not looked at any more
        seen = replace(seen, answers=0)
    plan = replace(plan, target=target, first=seen, tidies=tidies)
    if seen.refused is None:
        patient.learn(plan)
        about = await two_at_once(patient)
        steady = not plan.room or patient.was_blocked or await is_steady(patient, about["room"])
        about["room"] |= not steady  # it was bad luck that nobody heard anything at first
        if plan.room and not about["room"]:
            about |= await with_another_message(patient, plan, given)
        plan = replace(plan, **about, steady=steady)
        if not plan.alone and connection.over and not plan.trigger and not patient.was_blocked:
            with contextlib.suppress(ServeError):  # if something blocks the event loop, the clients will see it
                plan = replace(plan, **await comes_by_itself(patient, plan))
    if plan.room and unanswered:
        unanswered.pop()  # others have heard it
    patient.watch.take()  # a polite client comes once more, and is asked about it
    patient.watch.unseen()
    patient.watch.never_awaited()
    return replace(plan, unanswered=tuple(unanswered))


async def very_first(patient: Patient, path: str) -> Seen:
    """The visit of a polite client, and the end of its endpoint."""
    try:
        seen = await clients.first_visit(patient.target)
    except (ValueError, InvalidHandshake, InvalidURI) as error:  # in what the reader has passed
        raise ServeError(f"no handshake is possible for {path}: {type(error).__name__}: {error}.") from None
    patient.server.settle_timeout = BRIEF
    try:
        await patient.server.conversation()
    except ServeError:  # something blocks the event loop
        patient.was_blocked = True
        await asyncio.to_thread(stopping.free, patient.server.thread)
    return seen


async def two_at_once(patient: Patient) -> dict[str, bool]:
    """What comes of it: `room`, `alone` and `taken`, as in `Plan`."""
    two = Bystanders(patient, patient.target)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await two.one_more(stack)
            await two.one_more(stack)
        except clients.InvalidStatus:
            return {"room": patient.room, "alone": True}
        except (OSError, EOFError):
            return {"room": patient.room}
        await two.forget_what_was_heard()
        if not patient.room:
            return {"room": False, "taken": patient.target.replies and await two.last_takes_all()}
        kind, _ = await two.exchange()
        return {"room": kind is None, "alone": await is_full(patient)}


async def comes_by_itself(patient: Patient, plan: Plan) -> dict[str, bool]:
    """Whether something comes to each client by itself, or only to who came last: `ticks` and `taken`, as in `Plan`."""
    two = Bystanders(patient, patient.target)
    async with contextlib.AsyncExitStack() as stack:
        with contextlib.suppress(clients.InvalidStatus, clients.ConnectionClosed, OSError, EOFError):
            await two.one_more(stack)
            if await two.hear_by_themselves() != [True]:
                return {}
            await two.one_more(stack)
            looks = [await two.hear_by_themselves() for _ in range(2)]
            taken = looks == [[False, True]] * 2
            return {"ticks": taken or looks == [[True, True]] * 2, "taken": plan.taken or taken}
    return {}


async def with_another_message(patient: Patient, plan: Plan, given: Target) -> dict:
    """Of the messages before the last, the last one that others hear: that is what one says in this room.

    Returns what is to be changed in the plan. Where none is heard, it is no room.
    """
    for end in range(len(given.say) - 1, 0, -1):
        shorter, first = replace(given, say=given.say[:end]), replace(plan.first, answered=plan.first.answered[:end])
        target, _ = learned(shorter, first, room=True)
        patient.learn(replace(plan, target=target))
        about = await two_at_once(patient)
        if about["room"]:
            return {"target": target, **about}
    patient.learn(plan)
    names = tuple(name for name in plan.names if clients.CLIENTS[name].needs != "room")
    return {"names": names, "no_room": True}


async def is_steady(patient: Patient, heard: bool) -> bool:
    """Whether in a room others hear what one says each time. It may depend on luck, as with roles in a game.

    Whoever was not heard once, and then is, was not heard by luck. If nobody is heard any more, that is another matter.

    heard: whether the first one was who said something there.
    """
    unheard = int(not heard)
    brief = replace(patient.target, patience=min(patient.target.patience, clients.ENOUGH))
    for _ in range(AGAIN):
        two = Bystanders(patient, brief if unheard else patient.target)
        async with contextlib.AsyncExitStack() as stack:
            await two.come(stack)
            heard = len(two) > 1 and (await two.exchange())[0] is None
            if len(two) > 1 and not heard:
                await two.forget_what_was_heard()
                two.target = brief
                two.connections.reverse()  # the role may go by who came first
                if (await two.exchange())[0] is None:
                    return False
        if heard and unheard:
            return False
        unheard += not heard
        if unheard == NOT_ANY_MORE:
            break
    return True


async def is_full(patient: Patient) -> bool:
    """Whether a room for two has no place for a third."""
    with contextlib.suppress(clients.InvalidStatus, clients.ConnectionClosed, OSError, EOFError):
        async with clients.knock(patient.target) as third:
            await clients.heard_so_far(third, patient.target)
            await (await third.ping())
            return False
    return True


def pulled(server, trigger: str):
    """What makes the endpoint speak: an HTTP request to the app itself."""
    method, path = trigger.split()

    async def pull(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            head = f"{method} {clients.named(path, number)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            writer.write(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await reader.read()
        finally:
            writer.close()

    return pull


def learned(target: Target, first: Seen, room: bool) -> tuple[Target, list[str | bytes]]:
    """What the first visit has shown of the target: which messages are answered. Also those that are not.

    Each client waits for the greeting, if there is one. What comes before the first message that is answered, a token
    perhaps, it says then. In a room, that is all but the last message: whatever lets somebody in.
    """
    answered = first.answered + (False,) * (len(target.say) - len(first.answered))
    if first.answers and not any(answered):  # whoever speaks first, and closes
        answered = (True,) * len(target.say)
    start = len(target.say) - 1 if room else answered.index(True) if any(answered) else 0
    prologue = ((None, True),) * first.greetings + tuple(zip(target.say[:start], answered[:start], strict=True))
    unanswered = [m for m, was_answered in zip(target.say, answered, strict=True) if not was_answered]
    farewell = BRIEF if first.unheard else None
    about = {"say": target.say[start:], "answered": answered[start:], "prologue": prologue, "farewell": farewell}
    return replace(target, **about), unanswered


def choose(*, exclude: Sequence[str], only: Sequence[str] | None, **has: bool) -> dict[str, clients.Registered]:
    """The clients that apply to an endpoint, by name. has: what it has of that which a client may need."""
    named = {name: about for name, about in clients.CLIENTS.items() if not about.needs or has.get(about.needs)}
    unknown = {*exclude} - set(clients.CLIENTS) | {*(only or [])} - set(named)
    if unknown:
        raise ServeError(f"no client is called {', '.join(sorted(unknown))}. There are: {', '.join(named)}.")
    left = {name: about for name, about in named.items() if name not in exclude and (not only or name in only)}
    if not left:
        raise ServeError("no client is left: all that `only` names are excluded.")
    return left


def as_messages(say) -> tuple[tuple[str | bytes, ...], bool]:
    """What to say, as text or bytes, and whether it is JSON."""
    several = list(say) if isinstance(say, list | tuple) else [say]
    if not several or "" in several or b"" in several:
        raise ServeError("`say` is empty: give a message that suits the endpoint.")
    as_json = not all(isinstance(message, str | bytes) for message in several)
    messages = tuple(m if isinstance(m, str | bytes) else json.dumps(m) for m in several)
    if any(len(m if isinstance(m, bytes) else m.encode()) >= MAX_SIZE for m in messages):
        raise ServeError(f"a message of `say` is too long: during the check-up the limit is {MAX_SIZE:,} bytes.")
    return messages, as_json
