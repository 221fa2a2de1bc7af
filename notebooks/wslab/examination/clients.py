"""Clients that misbehave, each as somebody meets them in production.

A client is a short coroutine. It takes a `Target`, does what its docstring says, and returns what it saw as `Seen`.
Most are made with the `websockets` library; where that is too polite, the bytes are written by hand. All waits end:
with the server's answer, with the connection, or after `WAIT` seconds.

`@client` makes it a client of the check-up, under its name, with its docstring in the reports; `@visitor` does, if it
comes once, and gives it the connection. They come in the order in which they stand here. Whatever is special about one
stands with it, as an argument: see `Registered`.
"""

import asyncio
import contextlib
import functools
import itertools
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import urlsplit

from websockets import ClientConnection, ClientProtocol, ConnectionClosed, InvalidStatus, State, connect
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from wslab.loop import go_round

WAIT = 2.0  # seconds for a handshake, an answer, a close
BRIEF = 0.1  # seconds for what was said before the end, and may still be on its way
CROWD = 50
ENOUGH = 0.5  # seconds to wait where others have waited in vain
VISITS = 100
SOME_VISITS = 10  # of these, after which what is kept is looked at
FLOOD = 1000
LONG = 40_000  # bytes, of a message that the server's limit lets pass
SOME_TEXT = 5_000  # characters, of a value
SOME_FIELDS = 6  # of a message, that are tried
UNEXPECTED = '{"unexpected": {"deep": [1, 2, 3]}}'
HALF = "\ud800"  # half a character: JSON can say it (RFC 8259, section 8.2), UTF-8 cannot
ROOM = 10  # that leave a room while somebody talks, and as many that stay
TALK = 30  # messages of that talk
TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88  # first byte of a whole frame (RFC 6455, section 5.2)
MASKED = 0x80  # bit of the second byte
NORMAL = (1000).to_bytes(2, "big")  # a close frame's payload: its code (RFC 6455, section 5.5.1)


async def nothing(*_) -> None:
    """Nothing happens, and nothing is known."""


def never(*_) -> bool:
    """It is not so."""
    return False


@dataclass(frozen=True)
class Target:
    """Where a client goes and what it says there."""

    url: str
    say: tuple[str | bytes, ...]  # messages that suit the endpoint
    headers: Mapping[str, str] = field(default_factory=dict)
    origin: str | None = None
    answered: tuple[bool, ...] = ()  # for each message, whether the endpoint answers it; empty: it answers each
    # What each client says first, and whether that is answered. None: it says nothing, and waits for a greeting.
    prologue: tuple[tuple[str | bytes | None, bool], ...] = ()
    max_size: int = 2**24  # the server's limit for a message, in bytes
    meanwhile: Callable[[], Awaitable[object]] = nothing  # what happens while the client keeps still
    linger: float = 0.0  # seconds to stay and listen
    patience: float = WAIT  # seconds to wait for a handshake, an answer, a close
    farewell: float | None = None  # seconds to wait for the answer to a close frame; None: as for all else
    late: Callable[[], bool] = never  # whether it is time for a client that does much to come to an end
    # Whether the server waits for its clients, and in so many seconds for nothing else
    idle: Callable[[float], Awaitable[bool | None]] = nothing
    heard: Callable[[str | bytes], object] = never  # told of each answer
    # What fills all buffers for a client that does not read, at once, or empties them again
    stall: Callable[[ClientConnection, bool], Awaitable[object]] = nothing
    kept: Callable[[ClientConnection], Awaitable[str | None]] = nothing  # what of the app's own holds on to it
    on_loop: Callable[[Callable], Awaitable[object]] = nothing  # runs something while the server can do nothing
    trigger: Callable[[int], Awaitable[object]] | None = None  # what makes the endpoint speak to the client of a number
    hangs: Callable[[], bool] = never  # whether the server's event loop is blocked for good
    numbers: Iterator[int] | None = None  # each client is `{n}`, a number of its own; None: they are all 0

    @property
    def replies(self) -> bool:
        """Whether the endpoint answers the first message, the one that most clients say."""
        return self.answered[0] if self.answered else True

    @property
    def replies_by_itself(self) -> bool:
        """The same, and whether nothing else must happen for that."""
        return self.replies and not self.trigger


def named(text: str | bytes | None, number: int):
    """What a client says or is called, with its own number where `{n}` stands."""
    return text.replace("{n}", str(number)) if isinstance(text, str) else text


@dataclass(frozen=True)
class Seen:
    """What a client saw."""

    refused: int | None = None  # HTTP status, where the handshake was refused; 0: no answer to it
    answers: int = 0
    missed: int = 0  # answers that did not come in time
    code: int | None = None  # close code, 1006 where the server cut the connection; None: the client cut it
    unheard: bool = False  # the client's close frame was not answered in time
    answered: tuple[bool, ...] = ()  # of a first visit: for each message, whether it was answered
    greetings: int = 0  # of a first visit: messages that came before it had said anything
    pushes: bool = False  # of a first visit: what came was no answer, since the endpoint had received nothing
    unchosen: bool = False  # subprotocols were offered, and none was chosen
    by_server: bool | None = False  # the server has ended the connection; None: not known
    no_word: bool = False  # something that the endpoint does not know was answered by nothing
    forgotten: str = ""  # what has let go of a connection that is still open, when another of that name has ended


Client = Callable[[Target], Awaitable[Seen]]


@dataclass(frozen=True)
class Registered:
    """A client of the check-up, what it needs of an endpoint, and what is special about its visit."""

    client: Client
    # "json": its messages are JSON. "room": a message goes to everybody. "origins": it does not accept all.
    # "headers": it is given some, or a query. "names": each client has its own, by `{n}`. Or nothing.
    needs: str | None = None
    meanwhile: str | None = None  # what `Visit` does while the client keeps still: the name of its method
    pings: tuple[float | None, float | None] = (None, None)  # the server's, and its patience for their answers, seconds
    narrow: bool = False  # the system buffers little for it
    ordinary: bool = False  # leaves as everybody may: no error belongs into the log
    answered: bool = False  # is always answered, if anybody is
    many: bool = False  # comes with so many others that a limit may refuse it
    by_server: bool = False  # what it does never reaches the endpoint: uvicorn closes, in its own way
    free: bool = False  # sent away, or served, as the endpoint likes
    visits: bool = False  # comes so often that what is kept of each visit shows
    stands_for_first: bool = False  # does what the very first one did, and speaks for it
    foreign: bool = False  # must not be served
    tries: int = 1  # so often it comes, where what comes of it is a matter of luck
    talk: bool = False  # is many, and what some miss of a talk is held against those who leave it
    browser: bool = False  # is a browser, with a browser's rules
    meaning: str = ""  # what an error means that only this client brings about
    lesson: str = "catching-too-much"  # the course's lesson about that, by its slug
    content: bool = False  # what is wrong about it is what it says
    wrong_kind: bool = False  # or of which kind that is

    @property
    def wrong(self) -> bool:
        """Whether it says what nobody can want to hear."""
        return self.content or self.wrong_kind


CLIENTS: dict[str, Registered] = {}  # by their names, in their order


def client(function: Client | None = None, **special):
    """Make this a client of the check-up: `@client`, or with what is special about it, `@client(needs="json")`."""

    def register(function: Client) -> Client:
        CLIENTS[function.__name__.replace("_", " ")] = Registered(function, **special)
        return function

    return register(function) if function else register


def visitor(function=None, *, drops: bool = False, connect: Mapping = MappingProxyType({}), **special):
    """Make this a client of one visit: it gets the connection, and returns how many answers came, and how many did not.

    drops: it cuts the connection itself, so that no close code says anything. connect: options for that connection.
    special: as for `client`.
    """

    def register(function):
        @functools.wraps(function)
        async def come(target: Target) -> Seen:
            seen = await tell(target, lambda ws: function(ws, target), **connect)
            return replace(seen, code=None) if drops else seen

        return client(**special)(come)

    return register(function) if function else register


@contextlib.asynccontextmanager
async def knock(target: Target, **options) -> AsyncIterator[ClientConnection]:
    """Connect and say the prologue; leave with 1000 at the end, if still connected. No keepalive of its own."""
    number = next(target.numbers or iter([0]))
    headers = {name.title(): named(value, number) for name, value in target.headers.items()}
    subprotocols = headers.pop("Sec-Websocket-Protocol", None)
    settings = {
        "additional_headers": headers,
        "subprotocols": subprotocols and [name.strip() for name in subprotocols.split(",")],
        "origin": target.origin,
        "open_timeout": target.patience,
        "close_timeout": target.patience if target.farewell is None else target.farewell,
        "ping_interval": None,
        "max_size": None,
        "max_queue": None,  # read on, whatever comes: a client that does not read is one of the others
        "proxy": None,
    }
    url = named(target.url, number)
    if "Host" in headers:  # goes into the address, and the connection to the server all the same
        url = urlsplit(url)._replace(netloc=headers.pop("Host")).geturl()
        if "sock" not in options:
            settings |= dict(zip(("host", "port"), address(target), strict=True))
    ws = await connect(url, **(settings | options))
    ws.number = number
    try:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            for message, answered in target.prologue:
                await say(ws, message, answered, target)
        yield ws
    finally:
        if target.hangs():
            ws.transport.abort()
        await ws.close()


async def exchange(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """Say each message and wait for its answer. Returns how many answers came, and how many did not."""
    answers = 0
    for message, answered in zip(target.say, target.answered or [True] * len(target.say), strict=True):
        try:
            answers += await say(ws, message, answered, target)
        except TimeoutError:
            return answers, 1
    return answers, 0


async def say(ws: ClientConnection, message: str | bytes | None, answered: bool, target: Target) -> bool:
    """Say a message, if any, and wait for an answer, if it is answered. Raises TimeoutError if none comes.

    Where a trigger makes the endpoint speak, it is pulled, too.
    """
    if message is not None:
        await ws.send(named(message, ws.number))
        if target.trigger:
            async with asyncio.timeout(target.patience):
                await target.trigger(ws.number)
    if answered:
        target.heard(await answer(ws, target))
    return answered


async def answer(ws: ClientConnection, target: Target, *others: ClientConnection) -> str | bytes:
    """What comes next. Raises TimeoutError if nothing does in time, or nothing can come any more.

    others: connections on which something was said that may make it come.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BRIEF):
            return await ws.recv()
    receiving = asyncio.create_task(ws.recv())
    watching = asyncio.create_task(nothing_comes(target, *others, ws))
    try:
        await asyncio.wait({receiving, watching}, timeout=target.patience, return_when=asyncio.FIRST_COMPLETED)
        if not receiving.done():
            raise TimeoutError
        return receiving.result()
    finally:
        receiving.cancel()
        watching.cancel()
        await asyncio.gather(receiving, watching, return_exceptions=True)


async def nothing_comes(target: Target, *connections: ClientConnection) -> None:
    """Wait until nothing can come any more: the server waits for its clients, and for nothing else.

    By the first pong it has read what was said before, by the second what it has sent meanwhile has come.
    """
    await are_read(*connections)
    while not await target.idle(target.patience):
        await asyncio.sleep(BRIEF)
        await are_read(*connections)
    await are_read(*connections)
    await go_round()  # so that whoever waits for it takes it


async def are_read(*connections: ClientConnection) -> None:
    """Wait until the server has read what was said on these connections, or they have ended."""
    for ws in connections:
        with contextlib.suppress(ConnectionClosed):
            await (await ws.ping())


async def has_read(ws: ClientConnection, target: Target) -> bool:
    """Whether the server reads in time what was said. What it has sent before that has come then."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(target.patience):
            await are_read(ws)
            return True
    return False


async def hear(ws: ClientConnection, target: Target, most: int) -> int:
    """Read answers, until so many have come, or no more come, or it is late. Returns how many came."""
    heard = 0
    with contextlib.suppress(TimeoutError):
        while heard < most and not (heard and target.late()):
            await answer(ws, target)
            heard += 1
    return heard


async def tell(target: Target, visit: Callable[[ClientConnection], Awaitable[tuple[int, int]]], **options) -> Seen:
    """Connect, with these options, do `visit`, and put together what was seen, however it ended."""
    answers = missed = 0
    try:
        async with knock(target, **options) as ws:
            with contextlib.suppress(ConnectionClosed):
                answers, missed = await visit(ws)
            said_goodbye = ws.state is State.OPEN
    except InvalidStatus as refusal:
        return Seen(refused=refusal.response.status_code)
    except (TimeoutError, OSError, EOFError):
        return Seen(refused=0)
    unchosen = ws.subprotocol is None and any(name.title() == "Sec-Websocket-Protocol" for name in target.headers)
    if said_goodbye and ws.close_code == 1006:  # and waited in vain for an answer to its close frame
        return Seen(answers=answers, missed=missed, unheard=True, unchosen=unchosen)
    return Seen(answers=answers, missed=missed, code=ws.close_code, unchosen=unchosen, by_server=not said_goodbye)


@visitor(ordinary=True, answered=True, stands_for_first=True)
async def polite(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """says its messages, waits for the answers, and closes with 1000"""
    try:
        return await exchange(ws, target)
    except ConnectionClosed:  # whoever speaks first, and closes, may be done before this client has said a word
        return len([message async for message in ws]), 0


async def first_visit(target: Target) -> Seen:
    """says its messages, and waits after each for an answer, to see which are answered"""
    greetings, answered, known = 0, [], True

    async def visit(ws):
        nonlocal greetings, known
        try:
            greetings = await heard_so_far(ws, target)
            for number, message in enumerate(target.say):
                if number:
                    await heard_so_far(ws, target)  # what else comes is no answer to the next one
                with contextlib.suppress(TimeoutError):
                    answered.append(False)
                    answered[-1] = await say(ws, message, True, target)
            known = await has_read(ws, target)  # whoever says something, and closes, has closed by then
        except ConnectionClosed:  # see polite
            said = greetings + sum(answered) + len([target.heard(message) async for message in ws])
            greetings = 0
            return said, 0
        return sum(answered), 0

    seen = await tell(target, visit)
    by_server = seen.by_server if known else None
    return replace(seen, answered=tuple(answered), greetings=greetings, by_server=by_server)


async def heard_so_far(ws: ClientConnection, target: Target) -> int:
    """Read what has come unasked, until the pong to a ping. Returns how many messages that were."""
    heard = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(target.patience):
            await (await ws.ping())  # what was sent before the pong has come before it
        while True:
            async with asyncio.timeout(0):
                await ws.recv()
            heard += 1
    return heard


@client(ordinary=True)
async def silent(target: Target) -> Seen:
    """connects, says nothing, and closes with 1000: a page that is opened and closed"""

    async def visit(ws):
        return 0, 0

    greetings = tuple((message, answered) for message, answered in target.prologue if message is None)
    return await tell(replace(target, prologue=greetings), visit)


@visitor(ordinary=True)
async def goes_away(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """closes with 1001, as a browser does whose page is left"""
    done = await exchange(ws, target)
    await ws.close(1001, "page left")
    return done


@visitor(ordinary=True, drops=True)
async def drops_while_idle(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """loses its TCP connection while nothing is said: a laptop that is closed"""
    done = await exchange(ws, target)
    await drop(ws)
    return done


@visitor(ordinary=True, drops=True)
async def drops_before_the_answer(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """asks, and loses its TCP connection while the server is about to answer"""
    await ws.send(named(target.say[0], ws.number))
    await drop(ws)
    return 0, 0


@visitor(ordinary=True)
async def does_not_wait(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """asks three times and closes with 1000 in one breath, without waiting for an answer"""
    await in_one_breath(ws, [target.say[0]] * 3, then_close=True)
    await ws.wait_closed()
    return 0, 0


@visitor(drops=True)
async def drops_inside_a_message(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """loses its TCP connection in the middle of a message"""
    await write(ws, frame(TEXT, b"x" * 100)[:20])
    await drop(ws)
    return 0, 0


@visitor(wrong_kind=True)
async def wrong_kind(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """sends bytes where text is due, or text where bytes are"""
    await ws.send(b"\x00\xff" if isinstance(target.say[0], str) else "text")
    return await and_then(ws, target)


@visitor(wrong_kind=True)
async def changes_its_kind(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """sends twenty messages and then one of the wrong kind, all in one breath"""
    wrong = b"\x00\xff" if isinstance(target.say[0], str) else "text"
    await in_one_breath(ws, [target.say[0]] * 20 + [wrong])
    answers = await hear(ws, target, 20 * target.replies_by_itself)
    return answers, int(target.replies_by_itself and not answers)


@client(needs="json", content=True, meaning="It breaks when something comes that is not JSON.")
async def not_json(target: Target) -> Seen:
    """sends text that is not JSON"""
    return await each(target, ["this is {not JSON"])


SHAPE = "It trusts the shape of what comes. Check that first: a Pydantic model does."


@client(needs="json", content=True, meaning=SHAPE)
async def wrong_shape(target: Target) -> Seen:
    """sends JSON that is well-formed, and nothing that the endpoint expects; and its own, with a field missing"""
    seen = await each(target, ("null", "[]", '"x"', UNEXPECTED))
    await each_in_place(target, without_a_field)
    return replace(seen, no_word=await gets_no_word(target))


async def gets_no_word(target: Target) -> bool:
    """Whether what the endpoint does not know is answered by nothing, where all else is answered, one by one."""
    if not target.replies_by_itself:
        return False
    whole = as_object(target.say[0])
    word = next((key for key, value in whole.items() if isinstance(value, str)), None)  # the type, most likely

    async def visit(ws):
        await heard_so_far(ws, target)
        await ws.send(json.dumps({**whole, word: "unexpected"}) if word else UNEXPECTED)
        with contextlib.suppress(TimeoutError):  # what comes next might end what is being done for this one
            await answer(ws, target)
            return 0, 0
        answers, missed = await exchange(ws, replace(target, say=target.say[:1], answered=(True,)))
        return answers + await hear(ws, target, 1), missed

    seen = await tell(target, visit)
    return seen.answers == 1 and not seen.missed and not seen.by_server


@client(needs="json", content=True, meaning=SHAPE, browser=True)
async def wrong_values(target: Target) -> Seen:
    """sends its own JSON with other values: none, a huge number, not a number, a list, half a character, a long text"""
    seen = await each(target, with_another_value(target.say[0]) or ["null"])
    await each_in_place(target, with_another_value, but=target.say[0])
    return seen


@client(content=True, meaning="It trusts what comes.")
async def wrong_content(target: Target) -> Seen:
    """sends what is of the right kind, and no sense: nothing, 5,000 digits, very much, bytes that are no picture"""
    if isinstance(target.say[0], bytes):
        return await each(target, (b"", b"\x00", b"\xff" * 100, b"\xff" * LONG))
    return await each(target, ("", "\x00", "a" + "é" * 700, "9" * 5000, "x" + "é\n" * (LONG // 3)))


async def each(target: Target, messages: Iterable[str | bytes]) -> Seen:
    """A connection for each of the messages. What was seen of the worst.

    Where a prologue is due, the first of them takes its place, too. What is answered to that is the endpoint's choice.
    """
    visits = []
    for number, message in enumerate(messages):

        async def visit(ws, message=message, target=target):
            await ws.send(message)
            return await and_then(ws, target)

        if target.prologue and number == 0:
            await tell(replace(target, prologue=()), visit)
        visits.append(await tell(target, visit))
        if visits[-1].missed:  # that is known now
            target = replace(target, patience=min(target.patience, ENOUGH))
        if target.late() or sum(seen.missed for seen in visits) > 1:
            break
    return worst(visits)


async def each_in_place(target: Target, others: Callable[[dict], Iterable[str]], but: str | None = None) -> None:
    """A connection for each of the others that can take the place of one of its own messages, `but` of this one.

    What is answered to them is the endpoint's choice.
    """
    said = [*target.prologue, *((message, False) for message in target.say)]
    for number, (message, _) in enumerate(said):
        before = replace(target, prologue=tuple(said[:number]))
        for other in others(message) if message not in (None, but) else ():

            async def visit(ws, other=other):
                await ws.send(named(other, ws.number))
                await has_read(ws, target)
                return 0, 0

            await tell(before, visit)
            if target.late():
                return


def as_object(message: str | bytes) -> dict:
    """The object that a JSON message is; an empty one, if it is none."""
    try:
        whole = json.loads(message)
    except ValueError:
        return {}
    return whole if isinstance(whole, dict) else {}


def fields(whole: dict) -> Iterator[tuple[dict, str]]:
    """The fields of an object, and then of those in it, each with the object that has it."""
    objects = [whole]
    for it in objects:
        yield from ((it, key) for key in it)
        objects += [value for value in it.values() if isinstance(value, dict)]


def without_a_field(message: str | bytes) -> list[str]:
    """JSON messages like this one, in each of which a field is missing."""
    whole, without = as_object(message), []
    for it, key in list(itertools.islice(fields(whole), SOME_FIELDS)):
        kept = dict(it)
        del it[key]
        without.append(json.dumps(whole))
        it |= kept
    return without


def with_another_value(message: str | bytes) -> list[str]:
    """JSON messages like this one, in each of which one value is another."""
    whole, others = as_object(message), []
    for it, key in list(itertools.islice(fields(whole), SOME_FIELDS)):
        kept = it[key]
        for it[key] in (None, 10**400, float("nan"), "", [], "x" * SOME_TEXT, HALF):
            others.append(json.dumps(whole))
        it[key] = kept
    return others


@visitor(by_server=True)
async def not_utf8(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """sends a text message that is not UTF-8"""
    await write(ws, frame(TEXT, b"\xff\xfe"))
    return await is_closed(ws, target)


@client(meanwhile="flooded", narrow=True)
async def floods(target: Target) -> Seen:
    """sends a thousand messages without reading one, then reads what has come, and leaves"""

    async def visit(ws):
        nonlocal dropped
        ws.transport.pause_reading()
        await in_one_breath(ws, [target.say[n % len(target.say)] for n in range(FLOOD)])
        await target.meanwhile()
        ws.transport.resume_reading()
        expected = sum(target.answered[n % len(target.say)] if target.answered else 1 for n in range(FLOOD))
        expected *= not target.trigger
        answers = await hear(ws, target, expected)
        if answers < expected or not expected:  # it may have more to do than this client can wait for
            dropped = True
            await drop(ws)
        return answers, int(expected and not answers)

    dropped = False
    with small_socket(target) as sock:
        seen = await tell(target, visit, sock=sock, compression=None)
    return replace(seen, code=None) if dropped else seen


@visitor(meanwhile="talk", many=True, drops=True)
async def stalls(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """stops reading while others talk: a page whose tab sleeps"""
    ws.transport.pause_reading()
    await target.stall(ws, True)  # before it is answered
    await ws.send(named(target.say[0], ws.number))
    await target.on_loop(lambda: None)  # the server has read it
    await target.meanwhile()
    await drop(ws)
    return 0, 0


@client(needs="room", many=True, talk=True, tries=5)
async def leaves_a_talk(target: Target) -> Seen:
    """leaves a room together with nine others, one after the other, while somebody talks there to ten more"""

    async def leave(ws, number):
        for _ in range(2 * number):
            await answer(ws, target)
        await ws.close()

    async def listen(ws, heard, most=TALK):
        while len(heard) < most:
            heard.append(await answer(ws, target, speaker))

    def listening(*most):
        return [asyncio.create_task(listen(ws, messages, *most)) for ws, messages in zip(staying, heard, strict=True)]

    heard = [[] for _ in range(ROOM)]
    try:
        async with contextlib.AsyncExitStack() as stack:
            leaving = [await stack.enter_async_context(knock(target)) for _ in range(ROOM)]
            staying = [await stack.enter_async_context(knock(target)) for _ in range(ROOM)]
            speaker = await stack.enter_async_context(knock(target))
            others = [asyncio.create_task(leave(ws, number)) for number, ws in enumerate(leaving)]
            with contextlib.suppress(ConnectionClosed):
                for n in range(TALK):
                    await speaker.send(named(target.say[n % len(target.say)], speaker.number))
            # Not before all is said: else one might find that nothing comes any more.
            await while_open(speaker, others + listening(), target.patience)
            most = max(map(len, heard))
            await while_open(speaker, listening(most), target.patience)  # a slow room tells some later than others
            code = next((ws.close_code for ws in [*staying, speaker] if ws.close_code), 1000)
    except InvalidStatus as refusal:  # a room for fewer
        return Seen(refused=refusal.response.status_code)
    except (TimeoutError, OSError, EOFError):
        return Seen(refused=0)
    # Each that leaves may cost a message. Who hears still less is not told all, as where two and two are put together.
    missed = sum(most - ROOM <= len(messages) < most for messages in heard) if most > TALK / 2 else 0
    return Seen(answers=most, missed=missed, code=code)


@client(needs="room", many=True, talk=True, tries=2)
async def joins_and_leaves(target: Target) -> Seen:
    """leaves a room, and then joins it, while somebody's talk there is held up by one who does not read"""
    heard = missed = 0
    try:
        async with contextlib.AsyncExitStack() as stack:
            leaver, stalled, listener, speaker = [await stack.enter_async_context(knock(target)) for _ in range(4)]
            with contextlib.suppress(ConnectionClosed):
                await speaker.send(named(target.say[0], speaker.number))
                if not await hears(speaker, listener, target):  # who hears nothing anyway, misses nothing
                    return Seen(code=1000)
                for change in (leaver.close, lambda: stack.enter_async_context(knock(target))):
                    await heard_so_far(listener, target)
                    await target.stall(stalled, True)
                    await speaker.send(named(target.say[0], speaker.number))
                    await heard_so_far(speaker, target)
                    await change()
                    await target.stall(stalled, False)
                    missed += not await hears(speaker, listener, target)
                    heard += not missed
            code = listener.close_code or speaker.close_code or 1000
    except InvalidStatus as refusal:  # a room for fewer
        return Seen(refused=refusal.response.status_code)
    except (TimeoutError, OSError, EOFError):
        return Seen(refused=0)
    return Seen(answers=heard, missed=missed, code=code)


async def hears(speaker: ClientConnection, listener: ClientConnection, target: Target) -> bool:
    """Whether one hears what another says, before that one's connection ends."""
    message = asyncio.create_task(answer(listener, target, speaker))
    await while_open(speaker, [message], target.patience)
    return not message.cancelled() and message.exception() is None


@client(meanwhile="begun")
async def gives_up(target: Target) -> Seen:
    """asks for a handshake, and is gone before it is accepted: a page that is reloaded at once"""

    async def ask():
        async with knock(replace(target, prologue=())) as ws:
            await drop(ws)  # it was accepted at once

    asking = asyncio.create_task(ask())
    await target.meanwhile()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await target.on_loop(lambda: reset_at_once(target))
    await target.meanwhile()
    return Seen()


def reset_at_once(target: Target) -> None:
    """Ask for a handshake, and be gone before the server has asked who it is."""
    with small_socket(target) as sock:
        sock.sendall(handshake(target))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset


@client(needs="headers", free=True, meaning="It trusts that the headers and the query are there, and right.")
async def without_papers(target: Target) -> Seen:
    """comes without the given headers and query, and then with garbled headers"""
    bare = replace(target, headers={}, url=target.url.partition("?")[0])
    garbled = {name: value if name.title() == "Host" else "garbled" for name, value in target.headers.items()}
    return worst([await polite(bare), await polite(replace(target, headers=garbled))])


@client(needs="names", meaning="It takes the old connection of a name for the new one.", lesson="many-clients")
async def comes_back(target: Target) -> Seen:
    """loses its connection, and comes back under the same name before the server has noticed"""
    number = next(target.numbers or iter([0]))
    seen = await come_twice(replace(target, numbers=itertools.repeat(number)))
    # Where that comes of another name, too, two are put together, and it is no matter of names.
    if seen.forgotten and (await come_twice(target)).forgotten:
        return replace(seen, forgotten="")
    return seen


async def come_twice(target: Target) -> Seen:
    """Two connections, of which the first one is lost when the second one is there."""
    forgotten = ""

    async def visit(ws):
        await exchange(ws, target)
        refused = False

        async def again(new):
            nonlocal refused, forgotten
            with contextlib.suppress(ConnectionClosed):
                await heard_so_far(new, target)
            refused = new.state is not State.OPEN and ws.state is State.OPEN  # the first one stays: that is a choice
            kept = await target.kept(new)
            await drop(ws)
            await heard_so_far(new, target)
            if new.state is State.OPEN and not await target.kept(new):
                forgotten = kept or ""
            return await exchange(new, target)

        after = await tell(target, again)
        put_out = target.replies_by_itself and after.by_server and not after.answers
        return after.answers, after.missed or int(put_out and not refused)

    seen = await tell(target, visit)
    return replace(seen, code=None, forgotten=forgotten)


@client(needs="origins", foreign=True)
async def foreign_origin(target: Target) -> Seen:
    """comes from a page of another site, with that site in its Origin header"""
    return await polite(replace(target, origin="https://foreign.example"))


@visitor(meanwhile="cancel", drops=True)
async def is_cancelled(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """is connected when its endpoint is cancelled, as by a server that waits no longer"""
    done = await exchange(ws, target)
    await target.meanwhile()
    await drop(ws)
    return done


@visitor(meanwhile="given_up", pings=(0.05, 0.3), drops=True, connect={"compression": None})
async def half_open(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """neither reads nor answers pings any more, and does not say so: a phone that has lost its network"""
    done = await exchange(ws, target)
    ws.transport.pause_reading()
    await target.meanwhile()
    await drop(ws)
    return done


class HearsPings(ClientConnection):
    """A connection that also says when pings come. It answers them as always."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.pings = asyncio.Semaphore(0)  # each ping releases it once

    def process_event(self, event) -> None:
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings.release()
        super().process_event(event)


@visitor(pings=(0.05, 1.0), connect={"create_connection": HearsPings})
async def listens(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """speaks once and then only listens, and answers the server's pings"""
    answers = 0

    async def listen():
        nonlocal answers
        async for _ in ws:
            answers += 1

    async def three_pings():
        # The server sends a ping once it has read the pong of the one before. The first pong after the message
        # may come in one breath with it, and tells nothing of a server that stops reading at a message. The
        # second one does; that the server has read it, the third ping tells.
        for _ in range(3):
            await ws.pings.acquire()

    await ws.send(named(target.say[0], ws.number))
    ws.pings = asyncio.Semaphore(0)  # forget those that came before
    tasks = [asyncio.create_task(listen()), asyncio.create_task(three_pings())]
    await asyncio.wait(tasks, timeout=target.linger, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return answers, 0


@visitor(by_server=True)
async def too_big(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """sends a message over the server's size limit"""
    kind = "x" if isinstance(target.say[0], str) else b"x"
    await ws.send(kind * (target.max_size + 1))
    return await is_closed(ws, target)


@client
async def handshake_stops(target: Target) -> Seen:
    """asks for a handshake and never finishes its request"""
    _, writer = await asyncio.open_connection(*address(target))
    writer.write(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n")
    await writer.drain()
    await target.meanwhile()
    writer.transport.abort()
    return Seen()


@client(browser=True)
async def as_a_browser(target: Target) -> Seen:
    """goes by browsers' rules: of subprotocols that are offered one must be chosen, JSON be what JSON.parse takes"""
    return await polite(target)


@client(many=True, answered=True)
async def crowd(target: Target) -> Seen:
    """comes fifty times at once"""
    target = replace(target, patience=4 * target.patience)  # who comes in a crowd has to wait longer
    visits = await asyncio.gather(*(polite(target) for _ in range(CROWD)))
    seen = worst(visits)
    return seen if is_bad(seen) else replace(seen, answers=sum(seen.answers for seen in visits))


@client(visits=True, answered=True, meanwhile="look_at_memory")
async def comes_and_goes(target: Target) -> Seen:
    """comes and goes again and again: a hundred times, if there is time"""
    visits: list[Seen] = []
    while not visits or (len(visits) < VISITS and not target.late()):
        visits.append(await polite(target))
        if len(visits) % SOME_VISITS == 0:
            await target.meanwhile()
    # One of them: how many there were says something about the machine, and nothing about the endpoint.
    return worst(visits)


@visitor(meanwhile="end", ordinary=True)
async def stays(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """is still connected when the server shuts down"""
    done = await exchange(ws, target)
    await target.meanwhile()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(target.patience):
            await ws.wait_closed()
    return done


async def and_then(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """After a mistake: is the connection still good for a right message? That, or a close, is what a client needs."""
    try:
        if await say(ws, target.say[0], target.replies, target):
            return 1, 0
        async with asyncio.timeout(target.patience):
            for _ in range(2):  # by the first pong uvicorn has read it, by the second the endpoint, too
                await (await ws.ping())
    except TimeoutError:
        return 0, 1
    return 0, 0


async def is_closed(ws: ClientConnection, target: Target) -> tuple[int, int]:
    """After what uvicorn does not take: wait until it has closed, as it must."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(target.patience):
            async for _ in ws:
                pass
            return 0, 0
    return 0, 1


async def write(ws: ClientConnection, data: bytes) -> None:
    """Send these bytes as they are. Raises ConnectionClosed, as `send()` does, if the server was faster and closed."""
    if ws.state is not State.OPEN:
        await ws.close()
        raise ws.protocol.close_exc
    ws.transport.write(data)


async def in_one_breath(ws: ClientConnection, messages: list[str | bytes], then_close: bool = False) -> None:
    """Send messages in one write, so that they arrive together if they are short, and then perhaps close with 1000.

    Raises ConnectionClosed if the server has closed before.
    """
    messages = [named(message, getattr(ws, "number", 0)) for message in messages]
    frames = [frame(TEXT, m.encode()) if isinstance(m, str) else frame(BINARY, m) for m in messages]
    await write(ws, b"".join(frames) + frame(CLOSE, NORMAL) * then_close)


async def while_open(speaker: ClientConnection, tasks: list[asyncio.Task], seconds: float) -> None:
    """Wait until these tasks are done, or the speaker's connection has ended; so long at most. Ends them all."""
    gone = asyncio.create_task(speaker.wait_closed())
    done = asyncio.gather(*tasks, return_exceptions=True)
    try:
        await asyncio.wait({done, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({done}, timeout=BRIEF)
    finally:
        for task in (gone, *tasks):
            task.cancel()
        await asyncio.gather(gone, done, return_exceptions=True)


async def drop(ws: ClientConnection) -> None:
    """Cut the TCP connection, without a close frame, and wait until it is cut."""
    ws.transport.abort()
    await ws.wait_closed()


def handshake(target: Target) -> bytes:
    """The bytes that ask for a handshake."""
    number = next(target.numbers or iter([0]))
    request = ClientProtocol(parse_uri(named(target.url, number)), origin=target.origin).connect()
    for name, value in target.headers.items():
        request.headers.pop(name, None)
        request.headers[name] = named(value, number)
    return request.serialize()


@contextlib.contextmanager
def small_socket(target: Target) -> Iterator[socket.socket]:
    """A socket that is connected to the target, and is soon full if nobody reads."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(address(target))
        yield sock


def address(target: Target) -> tuple[str, int]:
    """Host and port of the target's URL."""
    url = urlsplit(target.url)
    return url.hostname, url.port


def frame(first_byte: int, payload: bytes) -> bytes:
    """A frame with a payload of less than 64 KiB, and a mask of zeros (RFC 6455, section 5.2)."""
    length = len(payload)
    head = bytes([MASKED | length]) if length < 126 else bytes([MASKED | 126]) + length.to_bytes(2, "big")
    return bytes([first_byte]) + head + bytes(4) + payload


BAD = (lambda seen: seen.refused is not None, lambda seen: seen.code == 1006, lambda seen: seen.missed)


def is_bad(seen: Seen) -> bool:
    """Whether the client was refused, cut off, or left without an answer."""
    return any(bad(seen) for bad in BAD)


def worst(visits: list[Seen]) -> Seen:
    """Of many visits the one to talk about: refused, cut off, without an answer; or the last."""
    return next((seen for bad in BAD for seen in visits if bad(seen)), visits[-1])
