"""What it means: each thing that can be seen of an endpoint, and the cause that it is put down to.

A visit gives signs. A sign is of a kind, and what there is to say about it stands here, as data. The signs of all
visits that have one cause are one finding.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from wslab.examination.clients import CLIENTS, Registered
from wslab.examination.evidence import NOWHERE, Fault, Spot


class Lesson(enum.StrEnum):
    """The lessons of the course that a finding may name, by their slugs."""

    NONE = ""
    ACCEPT = "forgetting-to-accept"
    ESCAPE = "letting-disconnects-escape"
    BLOCKS = "blocking-the-event-loop"
    CLOSE = "closing-too-early"
    CATCH = "catching-too-much"
    DONE_RIGHT = "disconnects-done-right"
    BOTH_WAYS = "both-directions-at-once"
    KINDS = "text-bytes-and-json"
    LIFE = "the-life-of-a-connection"
    MANY = "many-clients"
    CONTRACT = "messages-with-a-contract"
    CALLER = "who-is-calling"
    RESTARTS = "restarts-and-proxies"


class Harm(enum.IntEnum):
    """Who suffers, the worst first; with the title above such a finding."""

    OTHERS = 1, "Others are hurt"
    CLIENT = 2, "The client is not served"
    STAYS = 3, "Something stays behind"
    LOG = 4, "The log has an error"
    NOTE = 5, "Note"  # no fault

    def __new__(cls, number: int, title: str):
        harm = int.__new__(cls, number)
        harm._value_, harm.title = number, title
        return harm


class Kind(enum.Enum):
    """What a sign is. Each with its harm, its meaning and its lesson; those of a fault are in `MEANINGS`.

    The number is there since members of an Enum with equal values would be one and the same.
    """

    def __init__(self, number: int, harm: Harm, meaning: str = "", lesson: Lesson = Lesson.NONE):
        self.harm, self.meaning, self.lesson = harm, meaning, lesson

    # faults
    RAISED = 1, Harm.CLIENT
    UNSEEN = 2, Harm.CLIENT
    LOGGED = 3, Harm.LOG
    # what else is a cause
    BLOCKED = 10, Harm.OTHERS, "Something blocks the event loop, and with it every client.", Lesson.BLOCKS
    STOOD_STILL = 11, Harm.OTHERS, "Something blocks the event loop, and with it every client.", Lesson.BLOCKS
    NO_ACCEPT = 12, Harm.CLIENT, "It ends before it has accepted its client.", Lesson.ACCEPT
    NO_CLOSE = 13, Harm.CLIENT, "It ends without a goodbye, and its client is cut off.", Lesson.CLOSE
    NEVER_RECEIVES = (
        14,
        Harm.STAYS,
        "It never receives. So it does not notice that its client has gone, and takes no answer to a ping.",
        Lesson.BOTH_WAYS,
    )
    BUSY = 15, Harm.STAYS, "It does not receive while it works, so it does not notice what comes.", Lesson.BOTH_WAYS
    NOTICES_LATE = (
        16,
        Harm.STAYS,
        "It does not receive, so it notices only at its next send that its client has gone.",
        Lesson.BOTH_WAYS,
    )
    GOES_ON = (
        17,
        Harm.STAYS,
        "It goes on although it has been told that its client has gone. If it only tidies up, pass more `patience`.",
        Lesson.DONE_RIGHT,
    )
    STUBBORN = 18, Harm.STAYS, "It swallows its cancellation: let CancelledError pass.", Lesson.CATCH
    TASKS = 19, Harm.STAYS, "What an endpoint starts, it must also end.", Lesson.ESCAPE
    HELD = 20, Harm.STAYS, "The app keeps what it should let go: take it out in a `finally`."
    KEPT = (
        65,
        Harm.STAYS,
        "Who falls out stays in its list until somebody speaks, and takes up a place: take it out in a `finally`.",
    )
    PILES_UP = (
        66,
        Harm.STAYS,
        "Each message starts a task, and a hundred are not too many. Without a limit, they may fill the memory.",
        Lesson.BOTH_WAYS,
    )
    LEAVES = 63, Harm.STAYS, "What an endpoint opens or starts, it must also close or end."
    GROWS = (
        21,
        Harm.STAYS,
        "It grows with each visit. Let it go with the client, or give it a limit, if it need not be kept.",
    )
    FOREIGN = 22, Harm.CLIENT, "A page of any site can come with your user's cookies: check the Origin.", Lesson.CALLER
    NOT_JSON = 23, Harm.CLIENT, "Its answer is no JSON for a browser, where JSON.parse() throws.", Lesson.CONTRACT
    UNCHOSEN = (
        24,
        Harm.CLIENT,
        "Chromium cannot open it: subprotocols were offered, and none was chosen. accept(subprotocol=...)",
        Lesson.CONTRACT,
    )
    MISLED = (
        25,
        Harm.OTHERS,
        "It sends to another, who has left, takes that for its own client's leaving, and ends.",
        Lesson.MANY,
    )
    FORGOTTEN = (
        67,
        Harm.CLIENT,
        "Who leaves takes out whoever has its name by now: take out only what is your own.",
        Lesson.MANY,
    )
    TAKEN = (
        62,
        Harm.OTHERS,
        "It knows of one client only: who comes later takes the place of who is there.",
        Lesson.MANY,
    )
    SIGNALS = (
        64,
        Harm.NOTE,
        "uvicorn does not hear that signal any more: unless the handler tells it, the server does not end.",
        Lesson.RESTARTS,
    )
    SHUTDOWN = 26, Harm.STAYS, "The server cannot shut down in time.", Lesson.DONE_RIGHT
    UNAWAITED = 61, Harm.CLIENT, "An `await` is missing: what it should do is never done.", Lesson.ACCEPT
    DEAD = 27, Harm.CLIENT, "Its pongs stay unread, and it is taken for dead.", Lesson.BOTH_WAYS
    STALLED = (
        50,
        Harm.OTHERS,
        "It waits for one client that does not read, and everybody else waits with it.",
        Lesson.MANY,
    )
    ACCEPTS_LATE = 28, Harm.CLIENT, "It does something else before accept().", Lesson.ACCEPT
    SEND_WAITS = (
        60,
        Harm.STAYS,
        "A send waits for its client to read, for as long as that takes: give it a limit.",
        Lesson.DONE_RIGHT,
    )
    BROKEN = 29, Harm.CLIENT, "The check-up itself came to grief here, or the app took it along."
    # what is only seen from outside, and is put down to a cause where there is one
    HURT = 30, Harm.OTHERS, "What one client does keeps others waiting."
    CUT = 31, Harm.OTHERS, "What one client does breaks the connection of another."
    POISONED = 32, Harm.OTHERS, "It leaves something behind: whoever comes afterwards is not served any more."
    SILENCED = 42, Harm.OTHERS, "What came to others by itself comes no more: who leaves ends it.", Lesson.MANY
    MISSED = 33, Harm.OTHERS, "Others leave while it walks through its list.", Lesson.MANY
    REFUSED = 34, Harm.CLIENT, "A client that should be let in is refused.", Lesson.ACCEPT
    NO_HANDSHAKE = 35, Harm.CLIENT, "It does something else before accept(), for too long.", Lesson.ACCEPT
    CUT_OFF = 36, Harm.CLIENT, "The client cannot know why the connection ended.", Lesson.LIFE
    NOT_ANY_MORE = (
        37,
        Harm.CLIENT,
        "The very first client was answered. Is there a place for one only, or have others left something behind?",
        Lesson.ESCAPE,
    )
    UNHEARD = 38, Harm.STAYS, "It does not receive while it works, so it does not notice what comes.", Lesson.BOTH_WAYS
    SENT_AWAY = 39, Harm.CLIENT, "A client that did nothing wrong is sent away.", Lesson.CLOSE
    NO_ANSWER = 40, Harm.CLIENT, "The endpoint answers others, but not this client.", Lesson.DONE_RIGHT
    TOO_LONG = 41, Harm.CLIENT, "It keeps clients waiting for longer than `patience` allows.", Lesson.DONE_RIGHT
    # notes
    LIMIT = 51, Harm.NOTE, "A limit is no fault. Who is refused at it learns so."
    OWN_FAULT = (
        53,
        Harm.NOTE,
        "It takes a message that it cannot read for an error of its own. 1003, 1007 or 1008 say whose it is.",
        Lesson.CONTRACT,
    )
    AS_IF_WELL = (
        54,
        Harm.NOTE,
        "It closes with 1000 on what it cannot read, as if all were well: 1003, 1007 or 1008 say what is wrong.",
        Lesson.CONTRACT,
    )
    SHOWS_ERRORS = (
        55,
        Harm.NOTE,
        "It tells its client what Python says of an error: nobody needs that there, and some may use it.",
        Lesson.CONTRACT,
    )
    NO_WORD = 52, Harm.NOTE, "Whoever sends what it does not know hears nothing, and may wait.", Lesson.CONTRACT


OTHERS = "sends to others"  # begins the keys of signs that have that in common
ANOTHERS = "another's"  # endpoint: that of a client who was there beside the one that visits
SEEN_FROM_OUTSIDE = {
    Kind.HURT, Kind.CUT, Kind.POISONED, Kind.MISSED, Kind.REFUSED, Kind.NO_HANDSHAKE, Kind.CUT_OFF, Kind.NOT_ANY_MORE,
    Kind.UNHEARD, Kind.SENT_AWAY, Kind.NO_ANSWER, Kind.TOO_LONG, Kind.SILENCED,
}  # fmt: skip
TO_OTHERS = {Kind.HURT, Kind.CUT, Kind.POISONED, Kind.MISSED, Kind.SILENCED}
# Something did not end. Where that was known by the clock only, it proves nothing on a busy machine.
STILL_THERE = {
    Kind.NEVER_RECEIVES, Kind.BUSY, Kind.NOTICES_LATE, Kind.GOES_ON, Kind.STUBBORN, Kind.TASKS, Kind.SEND_WAITS,
    Kind.ACCEPTS_LATE,
}  # fmt: skip
# What proves nothing there
LATE = STILL_THERE | {Kind.STOOD_STILL, Kind.DEAD, Kind.STALLED, Kind.NO_WORD}
LATE |= SEEN_FROM_OUTSIDE - {Kind.REFUSED, Kind.CUT_OFF, Kind.SENT_AWAY}


@dataclass(frozen=True)
class Meaning:
    """What a fault means: the first in `MEANINGS` whose conditions hold. What is None, or empty, is no condition."""

    says: str
    lesson: Lesson = Lesson.NONE
    name: str = ""  # of the error's type or one of its bases
    text: str = ""  # a pattern of what the error says
    call: str = ""  # on the connection, some of: accept receive send close
    state: str = ""  # of the connection that this was called on, some of: new open left failed closed refused
    accepted: bool | None = None  # that connection
    other: bool | None = None  # it is another client's connection
    over: bool | None = None  # whose endpoint has ended
    grouped: bool | None = None
    middleware: bool | None = None
    unseen: bool | None = None  # in a task that nobody awaits
    logged: bool | None = None
    leave: bool = False  # a client that leaves is not expected: one cause for the whole function
    harm: Harm | None = None

    def fits(self, fault: Fault, kind: Kind) -> bool:
        """Whether all conditions hold."""
        spot = fault.spot
        other = bool(spot.call) and spot.number != fault.number
        return (
            (not self.name or self.name in fault.names)
            and (not self.text or re.search(self.text, fault.text) is not None)
            and (not self.call or spot.call in self.call.split())
            and (not self.state or (spot.state or fault.state) in self.state.split())
            and self.accepted in (None, spot.accepted)
            and self.other in (None, other)
            and self.over in (None, spot.over)
            and self.grouped in (None, fault.grouped)
            and self.middleware in (None, spot.middleware)
            and self.unseen in (None, kind is Kind.UNSEEN)
            and self.logged in (None, kind is Kind.LOGGED)
        )


# Meanings that more than one fault has, or that are asked for by name
NOT_JSON = "It breaks when something comes that is not JSON."
TAKES_TEXT = "It takes text, and breaks when bytes come."
TAKES_BYTES = "It takes bytes, and breaks when text comes."
HALF_A_CHARACTER = (
    'It passes on half a character, "\\ud800", which JSON lets in, and no text can hold. '
    "`model_validate_json()` refuses it."
)
NO_FIT = "What comes does not fit its model, and the endpoint does not expect that: catch ValidationError."
IN_ITS_LIST = "A client that has gone is still in its list: take it out in a `finally`."
JUST_LEFT = "It sends to another client, who has just left: expect that, too."
UNEXPECTED = "It does not expect its client to leave: catch WebSocketDisconnect."
SENDS_TO_GONE = "It sends to a client that has gone: expect WebSocketDisconnect."
SENDS_ALTHOUGH_TOLD = "It sends although it has been told that its client has gone."
CLOSES_THE_CLOSED = "It closes a connection that has ended: close() raises then, too."
TASK_GOES_ON = "A task goes on when its client has left, fails, and nobody looks at it."
NO_ERROR = "A client that leaves is no error: catch WebSocketDisconnect, and log it as what it is."
ONLY_CANCELLED = (
    "It lets its clients go, however they leave, but not where its task is cancelled, as in a shutdown that takes too "
    "long: a `finally` does."
)
GOES_ON = "It goes on to receive after {}. Is a `break` or a `return` missing?"
AFTER_A_SEND = (
    "It goes on after a send that has failed, and receives: whoever catches that error must also end the loop."
)
LOST = "Once a send of another's to its client has failed, its own receive raises RuntimeError: expect that, too."
AFTER_A_REFUSAL = "It goes on after it has refused its client. Is a `return` missing?"
BY_STARLETTE = "Starlette closes with 1003, and raises: the log has a traceback."
CHANGED = "It walks through a set or a dict that others change meanwhile: walk through a copy."
TWICE = "It takes out what is not there any more: two places do that, or others come under the same name."
NO_ADDRESS = "Whoever gives up at once may leave no address: then `websocket.client` is None."
ONLY_HTTP = 'The scope of a WebSocket lacks what only HTTP has, such as the method: let "websocket" pass.'

# Who looks at what comes before it is used is spared all of these.
NOT_EXPECTED = (NOT_JSON, TAKES_TEXT, TAKES_BYTES, NO_FIT)

GONE = "left failed lost closed"  # states of a connection that has ended
LEFT = {"name": "WebSocketDisconnect", "harm": Harm.LOG}
USED = {"name": "RuntimeError", "harm": Harm.LOG}  # WebSocketDisconnected is one
ANY = "receive send close"
CLOSED_BY_UVICORN = "'websocket.send', after sending 'websocket.close'"  # who was given up, or has broken the protocol
MEANINGS = [
    # what another client's connection has to do with it
    Meaning(IN_ITS_LIST, Lesson.MANY, call="send close", other=True, over=True, harm=Harm.OTHERS),
    Meaning(JUST_LEFT, Lesson.MANY, call="send close", other=True, state=GONE, harm=Harm.OTHERS),
    Meaning(JUST_LEFT, Lesson.MANY, "RuntimeError", CLOSED_BY_UVICORN, call="send", other=True, harm=Harm.OTHERS),
    # a client leaves
    Meaning("A TaskGroup wraps what its tasks raise: use `except*`.", Lesson.BOTH_WAYS, **LEFT, grouped=True),
    Meaning(TASK_GOES_ON, Lesson.ESCAPE, **LEFT, call=ANY, state=GONE, unseen=True, leave=True),
    Meaning(TASK_GOES_ON, Lesson.ESCAPE, **USED, call=ANY, state=GONE, unseen=True, leave=True),
    Meaning(NO_ERROR, Lesson.CATCH, **LEFT, logged=True),
    Meaning(UNEXPECTED, Lesson.ESCAPE, **LEFT, call="receive", leave=True),
    Meaning(SENDS_TO_GONE, Lesson.DONE_RIGHT, **LEFT, call="send", state="failed lost", leave=True),
    Meaning(SENDS_ALTHOUGH_TOLD, Lesson.DONE_RIGHT, **LEFT, call="send"),
    Meaning(CLOSES_THE_CLOSED, Lesson.DONE_RIGHT, **LEFT, call="close"),
    Meaning(UNEXPECTED, Lesson.ESCAPE, **LEFT, leave=True),
    # a connection is used that is not open, or not any more
    Meaning("accept() comes first.", Lesson.ACCEPT, "RuntimeError", call=ANY, accepted=False, state="new"),
    Meaning(AFTER_A_REFUSAL, Lesson.ACCEPT, **USED, call=f"accept {ANY}", state="refused"),
    Meaning(CLOSES_THE_CLOSED, Lesson.DONE_RIGHT, **USED, text="'websocket.close', after sending", call="close"),
    Meaning(SENDS_TO_GONE, Lesson.DONE_RIGHT, **USED, text=CLOSED_BY_UVICORN, call="send", state="open", leave=True),
    Meaning("It accepts twice.", Lesson.ACCEPT, "RuntimeError", call="accept"),
    Meaning(LOST, Lesson.CATCH, **USED, call="receive", state="lost"),
    Meaning(AFTER_A_SEND, Lesson.CATCH, **USED, call="receive", state="failed"),
    Meaning(GOES_ON.format("its client has left"), Lesson.CATCH, **USED, call="receive", state="left"),
    Meaning(GOES_ON.format("its own close()"), Lesson.CLOSE, **USED, call="receive", state="closed"),
    Meaning("It closes twice.", Lesson.CLOSE, **USED, call="close", state="closed"),
    Meaning(CLOSES_THE_CLOSED, Lesson.DONE_RIGHT, **USED, call="close", state=GONE),
    Meaning("It sends after its own close().", Lesson.CLOSE, **USED, call="send", state="closed"),
    Meaning(SENDS_TO_GONE, Lesson.DONE_RIGHT, **USED, call="send", state="failed lost", leave=True),
    Meaning(SENDS_ALTHOUGH_TOLD, Lesson.CATCH, **USED, call="send", state=GONE),
    # what comes is not what was expected
    Meaning(BY_STARLETTE, Lesson.KINDS, "RuntimeError", r"Expected (text|bytes)", harm=Harm.NOTE),
    Meaning(HALF_A_CHARACTER, Lesson.CONTRACT, "UnicodeEncodeError", "surrogates not allowed"),
    Meaning(TAKES_TEXT, Lesson.KINDS, "KeyError", r"KeyError: 'text'"),
    Meaning(TAKES_BYTES, Lesson.KINDS, "KeyError", r"KeyError: 'bytes'"),
    Meaning(NOT_JSON, Lesson.KINDS, "JSONDecodeError"),
    Meaning(NO_FIT, Lesson.CONTRACT, "ValidationError"),
    # others
    Meaning(NO_ADDRESS, Lesson.LIFE, "AttributeError", r"'NoneType' object has no attribute '(host|port)'"),
    Meaning(CHANGED, Lesson.MANY, "RuntimeError", "changed size during iteration", harm=Harm.OTHERS),
    Meaning(TWICE, Lesson.MANY, "ValueError", "not in list"),
    Meaning(ONLY_HTTP, name="KeyError", middleware=True),
]
IN_A_MIDDLEWARE = Meaning("An error in a middleware: the endpoint is not reached.")
NOBODY_LOOKS = Meaning(
    "A task failed that nobody awaits. Its client waits for an answer that never comes.", Lesson.BOTH_WAYS
)
LOGGED_AS_ERROR = Meaning("An ordinary leave is logged as an error.", Lesson.CATCH)
LOGGED_AT_WORK = Meaning("It logs an error while it serves somebody who does nothing wrong.", Lesson.CATCH)
FAILED_REQUEST = Meaning("The request that makes it speak fails, with HTTP 500.")
AN_ERROR = Meaning("An error in the endpoint cuts its client off.", Lesson.CATCH)
FAILS_AFTERWARDS = Meaning("It fails when its client has already left.", Lesson.DONE_RIGHT, harm=Harm.LOG)


def meaning_of(fault: Fault, kind: Kind, about: Registered, whose: str = "") -> Meaning:
    """What a fault means, in the visit of this client. whose: endpoint it was, if not the client's own."""
    for meaning in MEANINGS:
        of_a_field = meaning.says in (TAKES_TEXT, TAKES_BYTES) and about.content and not fault.spot.call
        if meaning.fits(fault, kind) and not of_a_field:  # a JSON message may have a field of that name
            return meaning
    if fault.spot.middleware:
        return IN_A_MIDDLEWARE
    if kind is Kind.UNSEEN:
        return NOBODY_LOOKS
    if not fault.number:
        return FAILED_REQUEST
    if kind is Kind.LOGGED:
        return LOGGED_AT_WORK if fault.state == "open" else LOGGED_AS_ERROR
    if about.meaning and not whose:
        return Meaning(about.meaning, Lesson(about.lesson))
    return FAILS_AFTERWARDS if fault.state in ("left", "failed", "lost") else AN_ERROR


@dataclass(frozen=True)
class Sign:
    """One thing that was seen in a visit."""

    kind: Kind
    seen: str
    spot: Spot = NOWHERE
    fault: Fault | None = None
    whose: str = ""  # endpoint it was, if not the client's own
    meaning: str = ""  # where the kind does not say it
    lesson: str = ""
    harm: Harm = Harm.NOTE
    leave: bool = False  # see `Meaning.leave`
    tries: tuple[int, int] = (1, 1)  # in how many of how many tries it was seen, of a client who depends on a race
    shape: bool = False  # it is about what this client says, and nothing else is known of it

    @property
    def key(self) -> tuple:
        """What is the same for all signs of one cause."""
        if self.kind in (Kind.BLOCKED, Kind.STOOD_STILL):
            return ("blocks", self.spot.outer)
        if self.leave:
            return ("leave", self.kind is Kind.UNSEEN, self.spot.file, self.spot.function)
        if self.shape or self.meaning in NOT_EXPECTED:
            return ("content", self.spot.outer or self.spot.file)
        if self.meaning in (JUST_LEFT, Kind.MISLED.meaning):
            return (OTHERS, self.spot.file)
        if self.meaning in (IN_ITS_LIST, CHANGED):
            return (self.meaning, self.spot.file)
        if self.kind in STAYING:
            return ("staying", self.spot.file, self.spot.function)
        if self.kind is Kind.TASKS:
            return (self.meaning, self.spot.file, self.spot.function)
        return (self.meaning, self.spot.file, self.spot.line, self.spot.function)


def sign(kind: Kind, seen: str, spot: Spot = NOWHERE) -> Sign:
    """A sign of a kind that is no fault."""
    return Sign(kind, seen, spot, meaning=kind.meaning, lesson=kind.lesson, harm=kind.harm)


def sign_of(fault: Fault, kind: Kind, about: Registered, whose: str = "") -> Sign:
    """The sign that a fault is, in the visit of this client."""
    found = meaning_of(fault, kind, about, whose)
    verb = {Kind.RAISED: "raised ", Kind.UNSEEN: "a task raised ", Kind.LOGGED: "logged "}[kind]
    harm = found.harm or kind.harm
    if whose == ANOTHERS and fault.state in ("new", "open"):
        harm = Harm.OTHERS
    elif kind is Kind.RAISED and not found.harm and fault.state == "closed":
        harm = Harm.LOG
    return Sign(
        kind, verb + fault.text, fault.spot, fault, whose, found.says, found.lesson, harm, found.leave,
        shape=about.content and found not in MEANINGS,
    )  # fmt: skip


@dataclass
class Finding:
    """A cause: what was seen, where, what it means, the lesson about it, and the clients that met it."""

    kind: Kind
    seen: str
    meaning: str
    lesson: str  # of the course, by its slug
    harm: Harm
    place: str = ""  # the app's own innermost line
    whose: str = ""  # endpoint it was, if not the client's own
    clients: list[str] = field(default_factory=list)
    tries: dict[str, tuple[int, int]] = field(default_factory=dict)  # for such clients: see `Sign.tries`
    hurts: list[str] = field(default_factory=list)  # what became of others, in words
    also: list[str] = field(default_factory=list)  # other places
    likewise: list["Finding"] = field(default_factory=list)  # of one cause, but with a meaning, and places, of its own
    after: str = ""  # the client that had left something behind, where all that met it came later
    key: tuple = ()

    @classmethod
    def of(cls, cause: Sign, after: str = "") -> "Finding":
        """The finding of a cause that is not known yet."""
        about = (cause.kind, cause.seen, cause.meaning, cause.lesson, cause.harm, str(cause.spot), cause.whose)
        return cls(*about, after=after, key=cause.key)

    def with_meaning(self, cause: Sign) -> "Finding":
        """This one, or that under it which says what the cause means; or, for a line that is known, which it is."""
        known = [self, *self.likewise]
        if cause.key[0] != "content":
            return self
        same = next((f for f in known if f.meaning == cause.meaning), None)
        if same is None and cause.shape:  # it comes to nothing else than what is known of that line
            same = next((f for f in known if str(cause.spot) in (f.place, *f.also)), None)
        if same is None:
            same = Finding.of(cause)
            self.likewise.append(same)
        return same

    def only_if_cancelled(self) -> None:
        """Make it a note, if it says that a client is kept whose endpoint was cancelled, and no other is."""
        if self.kind in (Kind.HELD, Kind.KEPT) and all(CLIENTS[c].meanwhile == "cancel" for c in self.clients):
            self.harm, self.meaning, self.lesson = Harm.NOTE, ONLY_CANCELLED, Lesson.DONE_RIGHT

    @property
    def is_note(self) -> bool:
        """Whether it is no fault."""
        return self.harm is Harm.NOTE


def why(signs: Iterable[Sign]) -> tuple[list[Sign], dict[int, list[str]]]:
    """The causes among the signs of one visit; and, by their number, what was seen from outside and comes of each."""
    signs = list(signs)
    causes = [s for s in signs if s.kind not in SEEN_FROM_OUTSIDE]
    if any(s.meaning == IN_ITS_LIST or s.kind is Kind.UNAWAITED for s in causes):  # that may be what lets them go
        causes = [s for s in causes if s.kind not in (Kind.HELD, Kind.KEPT)]
    if any(s.kind is Kind.STALLED for s in causes):  # whoever waits in a send waits for that one
        waiting = STAYING | {Kind.GOES_ON}
        causes = [s for s in causes if not (s.kind in waiting and s.spot.call == "send")]
    if any(s.kind in LEFT_OVER for s in causes):  # they hold on to what they have
        causes = [s for s in causes if s.kind not in (Kind.GROWS, Kind.LEAVES)]
    if any(s.key[0] == OTHERS for s in causes):  # who sends to others without care brings that about, too
        causes = [s for s in causes if s.meaning != LOST]
    came_of: dict[int, list[str]] = {}
    for outside in (s for s in signs if s.kind in SEEN_FROM_OUTSIDE):
        to_others = [c for c in causes if c.kind in TO_OTHERS and outside.kind in TO_OTHERS]
        cause = explains(outside, causes) or next(iter(to_others), None)
        if cause is None:
            causes.append(outside)
        elif outside.kind in TO_OTHERS:
            came_of.setdefault(causes.index(cause), []).append(outside.seen)
    return causes, came_of


def explains(outside: Sign, causes: list[Sign]) -> Sign | None:
    """The cause of what was seen from outside, if it is among these."""
    blocks = [c for c in causes if c.kind in (Kind.BLOCKED, Kind.STOOD_STILL)]
    raised = [c for c in causes if c.kind in (Kind.RAISED, Kind.UNSEEN) and c.harm is not Harm.NOTE]
    if outside.kind in TO_OTHERS:
        theirs = [c for c in raised if c.whose or c.harm is Harm.OTHERS]
        theirs = [c for c in causes if c.kind is Kind.STALLED] + theirs
        theirs += [c for c in causes if c.kind is Kind.MISLED]
        own = [c for c in raised if not c.whose and not c.leave]
        return next(iter(blocks + theirs + own), None)
    ends = [c for c in causes if (c.kind in ENDS and not c.whose) or c.kind is Kind.MISLED]
    own = [c for c in raised if not c.whose and c.kind is Kind.RAISED]
    tasks = [c for c in raised if not c.whose and c.kind is Kind.UNSEEN and not c.leave]
    return next(iter(blocks + own + tasks + ends), None)


# An endpoint that does not receive: where it was found waiting may differ each time.
STAYING = {Kind.NEVER_RECEIVES, Kind.BUSY, Kind.NOTICES_LATE, Kind.SEND_WAITS, Kind.UNHEARD}

# Something of the endpoint's own that goes on, or waits.
LEFT_OVER = STAYING | {Kind.TASKS, Kind.GOES_ON, Kind.STUBBORN}

# What leaves a client without an answer, or cut off.
ENDS = {
    Kind.NO_ACCEPT, Kind.NO_CLOSE, Kind.NEVER_RECEIVES, Kind.BUSY, Kind.NOTICES_LATE, Kind.GOES_ON, Kind.STUBBORN,
    Kind.DEAD, Kind.UNCHOSEN, Kind.ACCEPTS_LATE, Kind.SEND_WAITS, Kind.UNAWAITED,
}  # fmt: skip


class Findings:
    """The findings of all visits, each cause once."""

    def __init__(self):
        self._by_key: dict[tuple, Finding] = {}

    def __iter__(self):
        found = sorted(self._by_key.values(), key=lambda finding: finding.harm)
        if any(f.kind is Kind.HELD or f.meaning == IN_ITS_LIST for f in found):
            found = [f for f in found if f.kind is not Kind.KEPT]  # that is known by another name
        return iter(found)

    def sends_there(self, cause: Sign) -> Finding | None:
        """The finding that a line sends to others without care. Sending to its own client, too, is no other cause.

        Where that was seen before, it was not known yet that it sends to others.
        """
        place = str(cause.spot)
        others = self._by_key.get((OTHERS, cause.spot.file))
        if cause.key[0] != OTHERS:
            sends = cause.fault is not None and cause.spot.call == "send" and cause.meaning != IN_ITS_LIST
            known = (others, self._by_key.get((IN_ITS_LIST, cause.spot.file)))
            return next((f for f in known if sends and f and place in (f.place, *f.also)), None)
        before = next((f for f in self if f.meaning == SENDS_TO_GONE and place in (f.place, *f.also)), None)
        if before is None:
            return others
        del self._by_key[before.key]
        others = others or self._by_key.setdefault(cause.key, Finding.of(cause))
        others.clients += [client for client in before.clients if client not in others.clients]
        return others

    def comes_of(self, cause: Sign) -> Finding | None:
        """The finding that something goes on, or does not receive, where this is only what comes of it."""
        kinds = {Kind.SHUTDOWN: LEFT_OVER, Kind.DEAD: STAYING}.get(cause.kind, ())
        finding = next((f for f in self if f.kind in kinds), None)
        seen = "the server could not shut down in time" if cause.kind is Kind.SHUTDOWN else cause.seen
        if finding and seen not in finding.hurts:
            finding.hurts.append(seen)
        return finding

    def add(self, client: str, signs: Iterable[Sign], after: str = "") -> None:
        """Add what was seen in a client's visit."""
        causes, came_of = why(signs)
        for number, cause in enumerate(causes):
            finding = self.sends_there(cause) or self.comes_of(cause) or self._by_key.get(cause.key)
            if finding is None:
                finding = self._by_key[cause.key] = Finding.of(cause, after)
            if not after:
                finding.after = ""
            place, about = str(cause.spot), finding.with_meaning(cause)
            if place and place not in (about.place, *about.also):
                about.also.append(place)
            if came_of.get(number):
                finding.harm = Harm.OTHERS
                finding.hurts += [text for text in came_of[number] if text not in finding.hurts]
            finding.harm = min(finding.harm, cause.harm)
            if client not in finding.clients:
                finding.clients.append(client)
            if cause.tries[1] > 1:
                finding.tries[client] = cause.tries
