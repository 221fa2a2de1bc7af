"""Run the clients that misbehave against an app, and say what broke.

Each client gets a fresh server. Beside it a bystander is connected, who wants an ordinary answer afterwards. What is
looked at: what the client saw, what its endpoint did, what is left when all have gone, how long the event loop stood
still, and whether the server could be shut down.
"""

import asyncio
import atexit
import contextlib
import gc
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from urllib.parse import urlencode

from websockets import InvalidHandshake, InvalidURI

from wslab import clients
from wslab.arguments import check_app
from wslab.clients import Client, Seen, Target
from wslab.server import ServeError, Server

STALL = 0.5  # seconds for which the event loop may stand still
SETTLE = 1.0  # seconds for endpoints to end after their clients have left; half of the patience, if that is more
LIMIT = 4.0  # seconds for one client, all in all, and some more for its patience
BUSY_LIMIT = 10  # times as long it may take where the machine is busy
BEAT = 0.02  # seconds between two looks at whether an event loop goes round
START = 10.0  # seconds for the app's start-up, with each client anew
MAX_SIZE = 64 * 1024  # bytes: the limit for a message during the check-up
PING = (0.05, 0.3)  # seconds between pings, and for their answers, where a client does not answer them
LISTEN_PING = (0.05, 1.0)  # the same, where a client answers and the endpoint may not read
LINGER = 3.0  # seconds that this client listens at most
BUSY = 0.05  # seconds: where the clients' own event loop comes round later than that, what is late proves nothing
TRIES = 3  # for a visit that proved nothing
TALK = 150_000  # bytes to talk to a client that does not read: more than asyncio (64 KiB) and the sockets buffer
LONG = 1000  # bytes of each of these messages, where that is possible
KEPT = 10  # of the clients that came and went, so many may still be remembered


@dataclass(frozen=True)
class Problem:
    """Something that went wrong: what was seen, what it means, and the lesson that explains it, if there is one."""

    seen: str
    meaning: str
    lesson: str  # of the course, by its slug


@dataclass(frozen=True)
class Row:
    """What one client did and what came of it."""

    client: str
    did: str
    seen: str
    problem: Problem | None

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.problem is None


class CheckupFailed(AssertionError):
    """Raised by `Report.raise_for_failures()`; its message is the failed rows."""


class Report:
    """A table, one row a client: drawn in a notebook, text elsewhere."""

    def __init__(
        self,
        rows: Sequence[Row],
        not_run: Sequence[str] = (),
        unanswered: Sequence[str | bytes] = (),
        answers: bool = True,
    ):
        self.rows = tuple(rows)
        self.unanswered = tuple(unanswered)  # messages that the endpoint does not answer
        self.answers = answers  # whether it answers any; else no client expected an answer
        self.not_run = tuple(not_run)  # names of clients that were left out, since the event loop was blocked for good

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows of the clients that something went wrong with."""
        return tuple(row for row in self.rows if not row.ok)

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong with any client."""
        return not self.failed

    def raise_for_failures(self) -> None:
        """For tests: raise `CheckupFailed` if anything went wrong."""
        if self.failed:
            raise CheckupFailed("\n" + text(self.failed))

    def as_json(self) -> str:
        """The rows for machines."""
        rows = [
            {
                "client": row.client,
                "ok": row.ok,
                "did": row.did,
                "seen": row.seen,
                "meaning": row.problem.meaning if row.problem else "",
                "lesson": row.problem.lesson if row.problem else "",
            }
            for row in self.rows
        ]
        unanswered = [repr(message) if isinstance(message, bytes) else message for message in self.unanswered]
        report = {
            "ok": self.ok,
            "rows": rows,
            "not_run": self.not_run,
            "unanswered": unanswered,
            "proves_little": not self.answers,
        }
        return json.dumps(report, indent=2)

    def __str__(self) -> str:
        return text(self.rows) + "\n" + self._summary()

    def _summary(self) -> str:
        well = f"{len(self.rows) - len(self.failed)} of {len(self.rows)} clients were served well."
        if self.not_run:
            well += f" Not run, since the event loop was blocked for good: {', '.join(self.not_run)}."
        if self.unanswered:
            well += f" Not answered: {', '.join(map(repr, self.unanswered))}."
        if not self.answers:
            well += " So this proves little, unless that is meant: see `say` and `patience`."
        if len(self.failed) > 1:
            well += " Begin with the first failure: what a client leaves behind in the app, the next ones find."
        return well

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        def line(tag: str, *cells: str) -> str:
            return "<tr>" + "".join(f'<{tag} style="text-align: left">{cell}</{tag}>' for cell in cells) + "</tr>"

        def cells(row: Row) -> list[str]:
            client = f"<b>{escape(row.client)}</b><br>{escape(row.did)}"
            all_cells = ["ok" if row.ok else "<b>FAIL</b>", client, escape(row.seen), escape(meaning(row))]
            return all_cells if self.failed else all_cells[:-1]

        head = ["", "the client", "seen", *(["what it means"] if self.failed else [])]
        table = f"<table>{line('th', *head)}{''.join(line('td', *cells(row)) for row in self.rows)}</table>"
        return {"text/html": f"{table}<p>{self._summary()}</p>", "text/plain": str(self)}


def text(rows: Sequence[Row]) -> str:
    """The rows as lines of text; what a failed one means stands below it."""
    width = max((len(row.client) for row in rows), default=0)
    lines = []
    for row in rows:
        lines.append(f"{'ok  ' if row.ok else 'FAIL'}  {row.client:<{width}}  {row.seen}")
        if not row.ok:
            lines.append(f"{'':6}{'':{width}}  {meaning(row)}")
    return "\n".join(lines)


def meaning(row: Row) -> str:
    """What a failed row means, and where it is explained."""
    if not row.problem:
        return ""
    return f"{row.problem.meaning} (lesson {row.problem.lesson})" if row.problem.lesson else row.problem.meaning


def choose(*, as_json: bool, room: bool, origins, exclude, only) -> dict[str, Client]:
    """The clients that apply to an endpoint, by name."""
    has = {None: True, "json": as_json, "room": room, "origins": bool(origins)}
    named = {name: client for name, (client, needs) in clients.CLIENTS.items() if has[needs]}
    unknown = {*exclude, *(only or [])} - set(named)
    if unknown:
        raise ServeError(f"no client is called {', '.join(sorted(unknown))}. There are: {', '.join(named)}.")
    left = {name: client for name, client in named.items() if name not in exclude and (not only or name in only)}
    if not left:
        raise ServeError("no client is left: all that `only` names are excluded.")
    return left


async def checkup(
    app,
    path: str = "/ws",
    *,
    say="hello",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    room: bool = False,
    origins: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    only: Sequence[str] | None = None,
    patience: float = clients.WAIT,
    ws: str = "auto",
    progress: Callable[[str], None] = lambda name: None,
) -> Report:
    """Run the clients against the endpoint of `app` at `path`.

    Each client comes to a fresh server, but to the same `app`: what one leaves behind there, the next ones find.
    A polite client comes first, and finds out whether the endpoint greets, and which messages it answers.

    say: a message that suits the endpoint, or a list of them: `str`, `bytes`, or what `json.dumps` takes. Those before
        the first one that is answered, a token perhaps, are what every client begins with.
    headers: sent with each handshake, such as a token, a cookie, a subprotocol or the host.
    query: parameters of the query string, for an endpoint that needs some.
    room: whether a message goes to everybody who is connected. Of several messages, all but the last are then what
        every client begins with.
    origins: the origins that the endpoint accepts; others must then be refused.
    exclude, only: names of clients to leave out, or of those to run alone.
    patience: seconds that a client waits for an answer; half of them, but at least one, for an endpoint to end.
    ws: uvicorn's WebSocket implementation: "auto", "websockets-sansio" or "wsproto".
    progress: called with the name of each client before it starts.

    Raises ServeError if `app` is not an app, does not start, or does not let a polite client in.
    """
    check_app(app)
    if not path.startswith("/"):
        raise ServeError(f"a path begins with a slash: /{path}")
    if "#" in path or " " in path:
        raise ServeError(f"{path!r}: in the path of an address, # is written %23, and a space %20.")
    if not 0 < patience < 3600:
        raise ServeError(f"patience is a number of seconds, such as 2, and not {patience}.")
    if query:
        path += ("&" if "?" in path else "?") + urlencode(query)
    messages, as_json = as_messages(say)
    chosen = choose(as_json=as_json, room=room, origins=origins, exclude=exclude, only=only)
    origin = origins[0] if origins else None
    target = Target("", messages, dict(headers or {}), origin, max_size=MAX_SIZE, patience=patience)
    # Python's garbage collector looks at all that the process holds, and nothing else runs meanwhile. In a process that
    # holds much, that may last as long as what an endpoint is to be accused of: let it look at what is new only.
    gc.freeze()
    loop = _loops.pop() if _loops else asyncio.new_event_loop()
    try:
        first = await first_look(app, path, target, ws, loop)
        target, unanswered = learned(target, first, room)
        answers = any(target.answered)
        rows = []
        names = list(chosen)
        for number, name in enumerate(names, 1):
            progress(name)
            for _ in range(TRIES):
                visit = Visit(app, path, target, name, chosen[name], ws, loop, room, first)
                row = await visit.row()
                if not visit.in_doubt:
                    break
            rows.append(row)
            if visit.blocked or loop.is_running():
                return Report(rows, not_run=names[number:])
        return Report(rows, unanswered=unanswered, answers=answers)
    finally:
        if asyncio.all_tasks(loop):  # something of the app's goes on, and might be in the way of the next app
            with contextlib.suppress(RuntimeError):  # it even keeps the loop running
                loop.close()
        else:
            _loops.append(loop)
        gc.unfreeze()


# Event loops for the servers, each of one check-up at a time. All servers of a check-up, and all check-ups of a test
# suite, go on with the same one: what an app has made on it, such as a lock, works with no other.
_loops: list[asyncio.AbstractEventLoop] = []


@atexit.register
def close_loops() -> None:
    """Close them when Python ends."""
    for loop in _loops:
        loop.close()


def learned(target: Target, first: Seen, room: bool) -> tuple[Target, list[str | bytes]]:
    """The target with what the first visit has shown: which messages are answered. Also those that are not.

    Each client waits for the greeting, if there is one. What comes before the first message that is answered, a token
    perhaps, it says then. In a room, that is all but the last message: whatever lets somebody in.
    """
    answered = first.answered + (False,) * (len(target.say) - len(first.answered))
    if first.answers and not any(answered):  # whoever speaks first, and closes
        answered = (True,) * len(target.say)
    start = len(target.say) - 1 if room else answered.index(True) if any(answered) else 0
    prologue = ((None, True),) * first.greetings + tuple(zip(target.say[:start], answered[:start], strict=True))
    unanswered = [m for m, was_answered in zip(target.say, answered, strict=True) if not was_answered]
    return replace(target, say=target.say[start:], answered=answered[start:], prologue=prologue), unanswered


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


async def first_look(app, path: str, target: Target, ws: str, loop: asyncio.AbstractEventLoop) -> Seen:
    """What a polite client sees. Whoever does not let it in cannot be checked, and is told what to pass."""
    server = Server(app, port=0, loop=loop, ws=ws, ws_max_size=MAX_SIZE)
    server.start_timeout = START
    await asyncio.to_thread(server.start)
    try:
        seen = await clients.first_visit(replace(target, url=server.url(path)))
    except (ValueError, InvalidHandshake, InvalidURI) as error:  # in what the reader has passed
        raise ServeError(f"no handshake is possible for {path}: {type(error).__name__}: {error}.") from None
    finally:
        await asyncio.to_thread(server.end)
    if seen.refused is None:
        return seen
    if seen.refused == 403:
        raise ServeError(
            f"the handshake for {path} was refused with HTTP 403. Is there an endpoint for that path? "
            "If it wants a header, a query parameter or an origin, pass headers=, query= or origins= "
            "(in a terminal --header, --query, --origin)."
        )
    if seen.refused in (401, 400, 404, 407, 426, 429):
        raise ServeError(
            f"the handshake for {path} was refused with HTTP {seen.refused}. Pass what it needs in headers= or query=."
        )
    return seen


class Visit:
    """One client's visit to a fresh server, and what came of it."""

    def __init__(
        self,
        app,
        path: str,
        target: Target,
        name: str,
        client: Client,
        ws: str,
        loop: asyncio.AbstractEventLoop,
        room: bool,
        first: Seen,
    ):
        self.first = first
        pings = {clients.half_open: PING, clients.listens: LISTEN_PING}.get(client, (None, None))
        self.server = Server(
            app, port=0, loop=loop, ws=ws, ws_max_size=MAX_SIZE, ws_ping_interval=pings[0], ws_ping_timeout=pings[1]
        )
        self.server.start_timeout = START
        self.server.settle_timeout = self.settle = max(SETTLE, target.patience / 2)
        self.target = replace(
            target, url=self.server.url(path), meanwhile=self.meanwhile(client), linger=LINGER, late=self.late
        )
        if room and client is clients.floods:  # a room may put out whoever does not read
            self.target = replace(self.target, answered=(False,) * len(self.target.say))
        if client in (clients.floods, clients.stalls):
            self.server.shrink_buffers()
        self.name, self.client = name, client
        self.limit = LIMIT + 4 * target.patience  # seconds for the visit
        self.bystander = None
        self.blocked = False  # the event loop does not go round any more
        self.pulse = Pulse()  # of the server's event loop
        self.own = Pulse()  # of this one: where the machine is busy, both slow down
        self.seen = Seen()
        self.problems: list[Problem] = []

    def meanwhile(self, client: Client) -> Callable[[], Awaitable[object]] | None:
        """What happens while the client keeps still, and waits for it."""
        return {
            clients.half_open: self.given_up,
            clients.floods: self.ask,
            clients.stalls: self.talk,
            clients.stays: self.end,
        }.get(client)

    def late(self) -> bool:
        """Whether half of the time for the visit is over."""
        return self.own.left < self.limit / 2

    async def row(self) -> Row:
        """Let the client in, look at everything, stop the server."""
        await asyncio.to_thread(self.server.start)
        try:
            async with asyncio.timeout(BUSY_LIMIT * self.limit) as timeout:
                before = await self.server.on_loop(self.pulse.start)
                self.own.start()
                self.own.end_after(self.limit, timeout)
                await self.with_a_bystander()
                await self.look_at_endpoints()
                if self.server.running:
                    await self.server.on_loop(self.pulse.stop)
                    left, endpoints = await self.what_is_left(before)
                    if endpoints:
                        self.found("its endpoint did not end", DEAF, "disconnects-done-right")
                    elif left:
                        self.found(
                            f"{left} task(s) left over",
                            "What an endpoint starts, it must also end.",
                            "letting-disconnects-escape",
                        )
                self.look_for_what_is_kept()
        except TimeoutError:
            self.found(
                "came to no end",
                "It keeps clients waiting for longer than `patience` allows.",
                "disconnects-done-right",
            )
        except ServeError as blocked:
            self.blocked = True
            self.found(
                str(blocked).partition(".")[0].removeprefix("the server's "),
                BLOCKS,
                "blocking-the-event-loop",
                first=True,
            )
        finally:
            self.own.stop()
            await self.end()
            self.pulse.stop()
        if stood_still(self.pulse, self.own) and not self.blocked:
            self.found("the event loop stood still", BLOCKS, "blocking-the-event-loop", first=True)
        return Row(self.name, self.client.__doc__, self.what_was_seen(), self.problem())

    async def what_is_left(self, before: set[asyncio.Task]) -> tuple[int, int]:
        """The same as `tasks_besides`, once they have had some time: a task may have something to save."""
        for _ in range(int(self.settle / BEAT)):
            left, endpoints = await self.server.on_loop(lambda: self.tasks_besides(before))
            if not (left or endpoints):
                break
            await asyncio.sleep(BEAT)
        return left, endpoints

    def tasks_besides(self, before: set[asyncio.Task]) -> tuple[int, int]:
        """How many tasks have come to the server's loop and stayed, and how many endpoints are among them."""
        endpoints = self.server.endpoints
        return len(asyncio.all_tasks() - before - {asyncio.current_task()}) - endpoints, endpoints

    @property
    def in_doubt(self) -> bool:
        """Whether something came late, or not at all, and the machine was too busy to tell why."""
        problem = self.problem()
        late = problem.seen.startswith(LATE) if problem else self.pulse.longest > STALL
        return late and self.own.longest > BUSY

    async def with_a_bystander(self) -> None:
        """The client's visit, while somebody else is connected, who wants an ordinary answer afterwards."""
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(OSError, EOFError, clients.InvalidStatus):  # the client will find that out, too
                self.bystander = await stack.enter_async_context(clients.knock(self.target))
            await self.forget_what_the_bystander_heard()
            self.seen = await self.client(self.target)
            if self.server.running:
                await self.ask()

    async def ask(self, message: str | bytes | None = None) -> bool:
        """The bystander's message and answer. Says whether it may go on."""
        if self.bystander is None:
            return False
        if message is None:
            await self.forget_what_the_bystander_heard()
        asked = replace(self.target, say=(message or self.target.say[0],), answered=(self.target.replies,))
        try:
            _, missed = await clients.exchange(self.bystander, asked)
        except clients.ConnectionClosed:
            if self.bystander.close_code == 1006:
                self.found("the bystander was cut off", "What one client does breaks the connection of another.")
            return False
        if missed:
            self.found("the bystander got no answer", "What one client does keeps others waiting.")
        return not missed

    async def forget_what_the_bystander_heard(self) -> None:
        """A greeting, or what others said in a room, is no answer."""
        if self.bystander is None:
            return
        with contextlib.suppress(clients.ConnectionClosed):
            await clients.heard_so_far(self.bystander, self.target)

    async def talk(self) -> None:
        """The bystander talks until whoever does not read has had more than all buffers hold."""
        message = self.target.say[0]
        if message[:1] not in ("{", "["):  # JSON cannot be made longer by repeating it
            message *= LONG // len(message) + 1
        for _ in range(TALK // len(message)):
            if not await self.ask(message):
                return

    async def look_at_endpoints(self) -> None:
        """What the client saw, and what the tape says of the endpoints."""
        conversation = await self.server.conversation()
        for event in conversation.events:
            if not event.message and event.text.startswith("endpoint "):
                seen = event.text.removeprefix("endpoint ")
                if event.client == 1 and self.bystander and seen.startswith("is still running"):
                    seen = f"the bystander's endpoint {seen}"
                if self.client is clients.stalls and seen == "returned without close()":
                    continue  # a close frame would not get through to who does not read
                self.found(seen, *explain(event.text))
        seen = self.seen
        if self.client is clients.foreign_origin:
            sent_away = seen.code not in (None, 1000, 1006) and not seen.answers
            if seen.refused is None and not sent_away:
                self.found("served", "A page of any site can come with your user's cookies: check the Origin.")
        elif seen.refused == 0:
            self.found(
                "no answer to its handshake",
                "It does something else before accept().",
                "forgetting-to-accept",
                first=True,
            )
        elif seen.refused is not None:
            one_address = (
                " Is there a limit for each address? Exclude this client." if self.client is clients.crowd else ""
            )
            self.found(
                f"refused: HTTP {seen.refused}",
                f"A client that should be let in is refused.{one_address}",
                "forgetting-to-accept",
            )
        elif self.client is clients.listens and (2 if self.bystander else 1) in self.server.given_up:
            self.found(TAKEN_FOR_DEAD, DEAF, "disconnects-done-right")
        elif seen.code == 1006 and self.client not in ANSWERED_BY_UVICORN:
            self.found(
                "closed without a close frame (1006)",
                "The client cannot know why the connection ended.",
                "the-life-of-a-connection",
            )
        elif self.first.answers and self.client in ANSWERED and seen.code and not seen.answers and not seen.missed:
            self.found(f"closed with {seen.code}, without an answer", NOT_ANY_MORE, "letting-disconnects-escape")
        elif seen.unheard:
            self.found("no answer to its close frame", DEAF, "disconnects-done-right")
        elif self.client is clients.polite and self.first.code in SENT_AWAY:
            self.found(
                f"closed with {self.first.code}", "A client that did nothing wrong is sent away.", "closing-too-early"
            )
        elif seen.missed and self.client is clients.leaves_a_talk:
            self.found("some who stayed missed messages", "Others leave while it walks through its list.")
        elif seen.missed:
            self.found("no answer", "The endpoint answers others, but not this client.", "disconnects-done-right")

    def look_for_what_is_kept(self) -> None:
        """After many visits: what the app has not let go."""
        if self.client is clients.comes_and_goes:
            gc.collect()
            kept = len(self.server.visits)
            if kept > KEPT:
                self.found(f"{kept} of its visits still remembered", "The app keeps what it should let go.")

    async def given_up(self) -> None:
        """Wait until only the bystander's endpoint is left."""
        for _ in range(int(6 * sum(PING) / BEAT)):
            if await self.server.on_loop(lambda: self.server.endpoints) < 2:
                return
            await asyncio.sleep(BEAT)
        self.found("its endpoint did not end", "It does not notice that its client has gone.", "disconnects-done-right")

    async def end(self) -> None:
        """Stop the server, once, and keep what it has to say about that."""
        if self.server.running:
            trouble = await asyncio.to_thread(self.server.end)
            if trouble:
                self.found(
                    trouble.partition(",")[0].partition(".")[0],
                    "The server cannot shut down in time.",
                    "disconnects-done-right",
                )

    def found(self, seen: str, meaning: str, lesson: str = "", first: bool = False) -> None:
        """Note a problem."""
        self.problems.insert(0 if first else len(self.problems), Problem(seen, meaning, lesson))

    def problem(self) -> Problem | None:
        """The problem that is most likely the cause of the others.

        The keepalive; else an endpoint's own error, the most common one; else the use of a connection after
        its end; else the first found.
        """
        for problem in self.problems:
            if problem.seen == TAKEN_FOR_DEAD:  # what it raised came of that
                return problem
        errors = [problem for problem in self.problems if problem.seen.startswith("raised ")]
        own = [problem for problem in errors if not problem.seen.startswith("raised WebSocketDisconnect")]
        after_the_end = [problem for problem in errors if problem.seen.startswith("raised WebSocketDisconnected")]
        for kind in (own, after_the_end):
            if kind:
                return max(kind, key=kind.count)
        return self.problems[0] if self.problems else None

    def what_was_seen(self) -> str:
        """The problem, or what the client saw."""
        if problem := self.problem():
            return problem.seen
        seen = self.seen
        if seen.refused is not None:
            return f"refused: HTTP {seen.refused}" if seen.refused else "no answer to its handshake"
        parts = [f"{seen.answers:,} answer{'s' if seen.answers > 1 else ''}"] if seen.answers else []
        parts.append("gone" if seen.code is None else f"closed with {seen.code}")
        return ", ".join(parts)


TAKEN_FOR_DEAD = "closed with 1011: keepalive ping timeout"

# How problems begin that are only known by the clock.
LATE = (
    "the event loop stood still",
    "came to no end",
    "no answer",
    "the bystander got no answer",
    "the bystander was cut off",  # it may have been by the keepalive
    "its endpoint did not end",
    "is still running",
    "the bystander's endpoint",
    TAKEN_FOR_DEAD,
    "some who stayed",
)
SENT_AWAY = (1002, 1003, 1007, 1008, 1009, 1011, 1013)  # RFC 6455, section 7.4.1, and IANA's registry of close codes
# These messages never reach the endpoint. Whether there is a close frame depends on uvicorn's implementation.
ANSWERED_BY_UVICORN = (clients.not_utf8, clients.too_big)
ANSWERED = (clients.polite, clients.crowd, clients.comes_and_goes)  # who is always answered, if anybody is
NOT_ANY_MORE = (
    "The very first client was answered. Is there a place for one only, or have others left something behind?"
)
DEAF = "It never receives. So the pongs stay unread, too, and its client is taken for dead."
BLOCKS = "Something blocks the event loop, and with it every client."


def explain(note: str) -> tuple[str, str]:
    """What a note of the tape means, and the lesson about it."""
    for start, sentence, lesson in NOTES:
        if note.startswith(f"endpoint {start}"):
            return sentence, lesson
    return "An error in the endpoint cuts its client off.", "catching-too-much"


NOTES = [
    (
        "raised WebSocketDisconnect(1006)",
        "It sends to a client that has gone: expect WebSocketDisconnect.",
        "disconnects-done-right",
    ),
    (
        "raised WebSocketDisconnect(",
        "It does not expect its client to leave: catch WebSocketDisconnect.",
        "letting-disconnects-escape",
    ),
    (
        'raised WebSocketDisconnected: WebSocket is not connected. Need to call "accept"',
        "accept() comes first.",
        "forgetting-to-accept",
    ),
    (
        'raised WebSocketDisconnected: Cannot call "send"',
        "It sends on a connection that has ended.",
        "closing-too-early",
    ),
    ("raised WebSocketDisconnected", "It uses the connection after its end.", "catching-too-much"),
    (
        "raised ExceptionGroup with WebSocketDisconnect",
        "A TaskGroup wraps what its tasks raise: use `except*`.",
        "disconnects-done-right",
    ),
    ("raised RuntimeError: Set changed size", "It walks through a set that others change meanwhile.", ""),
    ("raised KeyError: 'text'", "It takes text, and breaks when bytes come.", "text-bytes-and-json"),
    ("raised KeyError: 'bytes'", "It takes bytes, and breaks when text comes.", "text-bytes-and-json"),
    ("raised JSONDecodeError", "It breaks when something comes that is not JSON.", "text-bytes-and-json"),
    (
        "raised RuntimeError: Expected text",
        "Starlette closes with 1003, and raises: the log has a traceback.",
        "text-bytes-and-json",
    ),
    (
        "raised RuntimeError: Expected bytes",
        "Starlette closes with 1003, and raises: the log has a traceback.",
        "text-bytes-and-json",
    ),
    ("returned without accept()", "It ends before it has accepted its client.", "forgetting-to-accept"),
    ("returned without close()", "It ends without a goodbye, and its client is cut off.", "closing-too-early"),
    (
        "is still running",
        "Does it notice that its client has gone? If it only tidies up, pass more `patience`.",
        "disconnects-done-right",
    ),
    ("was cancelled", "It had to be cut off.", "disconnects-done-right"),
]


def stood_still(pulse: "Pulse", own: "Pulse") -> bool:
    """Whether something kept the server's event loop: by computing, or by waiting while others could run.

    What the server's thread had to wait for a CPU does not count, where the system tells it. On a busy machine,
    where the loop computed for a part of the time that it was late, it may just have had to share.
    And what it computed may be no more than its share of a crowd's or a flood's work, at which the clients' loop
    computed as well.
    """
    shared = own.longest > BUSY and pulse.busy > pulse.longest / 10
    return pulse.busy > max(STALL, 4 * own.busy) or (pulse.still > max(STALL, 4 * own.longest) and not shared)


def waited_for_a_cpu() -> float:
    """Seconds for which this thread could have run so far, and had to wait for a CPU; 0 where the system does not tell.

    Linux does: https://docs.kernel.org/scheduler/sched-stats.html
    """
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


class Pulse:
    """A heartbeat on the server's event loop, which notes the longest pause between two beats."""

    def __init__(self):
        self.longest = 0.0  # seconds
        self.still = 0.0  # the same, without what this thread had to wait for a CPU
        self.busy = 0.0  # seconds for which this thread computed, in the pause in which it computed most
        self._last = 0.0
        self._computed = 0.0
        self._waited = 0.0
        self._next: asyncio.TimerHandle | None = None
        self._timeout: asyncio.Timeout | None = None
        self.left = 0.0  # seconds until that ends

    def start(self) -> set[asyncio.Task]:
        """Begin to beat, on the running loop. Returns the tasks that run there already."""
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._computed = time.thread_time()
        self._waited = waited_for_a_cpu()
        self._beat()
        return asyncio.all_tasks()

    def end_after(self, seconds: float, timeout: asyncio.Timeout) -> None:
        """End `timeout` after that many seconds of this loop. A machine that is busy elsewhere gives it more time.

        Of a pause between two beats, no more counts than twice what it should be.
        """
        self._timeout, self.left = timeout, seconds

    def _beat(self) -> None:
        now = self._loop.time()
        computed = time.thread_time()
        waited = waited_for_a_cpu()
        self.longest = max(self.longest, now - self._last)
        self.still = max(self.still, now - self._last - (waited - self._waited))
        self.busy = max(self.busy, computed - self._computed)
        if self._timeout:
            self.left -= min(now - self._last, 2 * BEAT)
            if self.left < 0:
                self._timeout.reschedule(now)
                self._timeout = None
        self._last, self._computed, self._waited = now, computed, waited
        self._next = self._loop.call_later(BEAT, self._beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._next:
            self._next.cancel()
