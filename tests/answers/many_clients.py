"""Answers to the exercise of many-clients."""

import textwrap

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

# Parts of the solution
TELLS_WHO = "tell_who_is_here(queues.values() if names[name] == 1 else [queue])"
SAYS = 'tell(f"{name}: {text}", queues.values())'
LEAVES = """
names[name] -= 1
if not names[name]:
    del names[name]
    tell_who_is_here(queues.values())
"""
WRITES = """
try:
    async with asyncio.timeout(SLOW):
        await websocket.send_text(text)
except TimeoutError:
    raise WebSocketDisconnect(1006, "it does not read") from None
except RuntimeError:
    raise WebSocketDisconnect(1006, "gone") from None
"""
RECEIVES = """
message = await websocket.receive()
if message["type"] == "websocket.disconnect":
    raise WebSocketDisconnect(message["code"], message.get("reason"))
if message.get("text") is None:  # it sent bytes
    raise WebSocketException(1003, "text, please")
return message["text"]
"""
LAST = """
except* Exception as bugs:
    logger.error("/room failed", exc_info=bugs)
    await try_to_close(websocket, 1011)
"""

# Other designs
A_LOOP = """
app = FastAPI()
people: list[tuple[str, WebSocket]] = []


def who() -> str:
    return "here: " + ", ".join(sorted({name for name, _ in people}))


async def tell(text):
    for _, websocket in list(people):
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.send_text(text)


@app.websocket("/room/{name}")
async def enter(websocket: WebSocket, name: str):
    await websocket.accept()
    is_new = name not in [other for other, _ in people]
    people.append((name, websocket))
    try:
        if is_new:
            await tell(who())
        else:
            await websocket.send_text(who())
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                break
            if message.get("text") is None:
                await websocket.close(1003)
                break
            await tell(f"{name}: {message['text']}")
    except WebSocketDisconnect:
        pass
    finally:
        people.remove((name, websocket))
        if name not in [other for other, _ in people]:
            await tell(who())
"""
ONE_SEND = """
with suppress(WebSocketDisconnect, RuntimeError):
    await websocket.send_text(text)
"""
THE_LOOP = """
for _, websocket in list(people):
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_text(text)
"""
ROOM = """
from collections import Counter

SLOW = 5

app = FastAPI()
names: Counter[str] = Counter()
members: dict = {}


@dataclass(eq=False)
class Member:
    websocket: WebSocket
    stay: asyncio.Timeout
    backlog: deque[dict] = field(default_factory=deque)
    writer: asyncio.Task | None = None
    reason: str = ""


@asynccontextmanager
async def join(websocket: WebSocket) -> AsyncIterator[Member]:
    try:
        async with asyncio.timeout(None) as stay:
            member = members[websocket] = Member(websocket, stay)
            try:
                yield member
            finally:
                members.pop(websocket, None)
                member.backlog.clear()
                if member.writer:
                    member.writer.cancel()
    except TimeoutError:
        if not stay.expired():
            raise
        raise WebSocketDisconnect(1006, member.reason) from None


def put_out(member: Member, reason: str):
    if members.pop(member.websocket, None):
        member.reason = reason
        member.backlog = deque(maxlen=0)
        member.stay.reschedule(0)


def say(text: str, to: Iterable[Member] | None = None):
    due = deque(members.values() if to is None else to)
    message = {"type": "websocket.send", "text": text}
    for member in due:
        member.backlog.append(message)
    start_round(due)


def start_round(due: deque[Member]):
    loop = asyncio.get_running_loop()
    loop.call_soon(look_after, loop.create_task(round_of(due)), due)


async def round_of(due: deque[Member]):
    while due:
        member = due.popleft()
        if member.writer:
            continue
        member.writer = asyncio.current_task()
        try:
            while member.backlog:
                await member.websocket.send(member.backlog.popleft())
        except (WebSocketDisconnect, RuntimeError):
            put_out(member, "gone")
        except asyncio.CancelledError:
            put_out(member, "too slow")
            raise
        finally:
            member.writer = None


def look_after(task: asyncio.Task, due: deque[Member]):
    if due:
        start_round(due.copy())
        due.clear()
    if not task.done():
        timer = asyncio.get_running_loop().call_later(SLOW, task.cancel)
        task.add_done_callback(lambda _: timer.cancel())


async def next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    if message.get("text") is None:
        raise WebSocketException(1003, "text, please")
    return message["text"]


@asynccontextmanager
async def accepted(websocket: WebSocket):
    await websocket.accept()
    try:
        yield
    except* WebSocketDisconnect:
        logger.info("left")
    except* WebSocketException:
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(SLOW):
                await websocket.close(1003)
    except* Exception as bugs:
        logger.error("failed", exc_info=bugs)
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(SLOW):
                await websocket.close(1011)


def tell_who_is_here(to=None):
    say("here: " + ", ".join(sorted(names)), to)


@app.websocket("/room/{name}")
async def enter(websocket: WebSocket, name: str):
    async with accepted(websocket), join(websocket) as member:
        names[name] += 1
        tell_who_is_here(None if names[name] == 1 else [member])
        try:
            while True:
                say(f"{name}: {await next_text(websocket)}")
                await asyncio.sleep(0)
        finally:
            names[name] -= 1
            if not names[name]:
                del names[name]
                tell_who_is_here()
"""
PEOPLE = """
app = FastAPI()


class Person:
    def __init__(self, name, websocket):
        self.name, self.websocket = name, websocket
        self.outbox = deque()
        self.something_to_send = asyncio.Event()

    def tell(self, text):
        self.outbox.append(text)
        self.something_to_send.set()

    async def write(self):
        while True:
            await self.something_to_send.wait()
            self.something_to_send.clear()
            while self.outbox:
                async with asyncio.timeout(5):  # wait_for() of Python 3.11 can swallow a cancellation
                    await self.websocket.send_text(self.outbox.popleft())

    async def listen(self):
        while (message := await self.websocket.receive())["type"] != "websocket.disconnect":
            if message.get("text") is None:
                with suppress(RuntimeError):
                    await self.websocket.close(1003)
                return
            for person in people:
                person.tell(f"{self.name}: {message['text']}")


people: list[Person] = []


def tell_who_is_here(*to):
    for person in to:
        person.tell("here: " + ", ".join(sorted({person.name for person in people})))


@app.websocket("/room/{name}")
async def enter(websocket: WebSocket, name: str):
    await websocket.accept()
    me = Person(name, websocket)
    is_new = all(person.name != name for person in people)
    people.append(me)
    tell_who_is_here(*(people if is_new else [me]))
    tasks = [asyncio.create_task(me.write()), asyncio.create_task(me.listen())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except (WebSocketDisconnect, TimeoutError):
        pass
    finally:
        people.remove(me)
        if all(person.name != name for person in people):
            tell_who_is_here(*people)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
"""
A_TASK_EACH = """
app = FastAPI()
locks: dict[WebSocket, asyncio.Lock] = {}
out: dict[WebSocket, asyncio.Event] = {}
names: dict[str, set] = {}
sends: set[asyncio.Task] = set()


async def send(websocket, text):
    try:
        async with locks[websocket], asyncio.timeout(5):
            await websocket.send_text(text)
    except (WebSocketDisconnect, RuntimeError, TimeoutError, KeyError):
        if websocket in out:
            out[websocket].set()


def tell(text, to):
    for websocket in to:
        task = asyncio.create_task(send(websocket, text))
        sends.add(task)
        task.add_done_callback(sends.discard)


async def stay(websocket):
    await out[websocket].wait()
    raise WebSocketDisconnect(1006)


async def listen(websocket, name):
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(1005)
        if message.get("text") is None:
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1003)
            raise WebSocketDisconnect(1003)
        tell(f"{name}: {message['text']}", locks)


@app.websocket("/room/{name}")
async def enter(websocket: WebSocket, name: str):
    await websocket.accept()
    locks[websocket], out[websocket] = asyncio.Lock(), asyncio.Event()
    names.setdefault(name, set()).add(websocket)
    tell("here: " + ", ".join(sorted(names)), locks if len(names[name]) == 1 else [websocket])
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stay(websocket))
            await listen(websocket, name)
    except* WebSocketDisconnect:
        pass
    finally:
        del locks[websocket], out[websocket]
        names[name].discard(websocket)
        if not names[name]:
            del names[name]
            tell("here: " + ", ".join(sorted(names)), locks)
"""

WRONG = {
    "a loop, repaired": whole(A_LOOP, says="Somebody does not read. Nobody else waits for that"),
    "gather()": changed(
        (
            THE_LOOP,
            "await asyncio.gather(*(websocket.send_text(text) for _, websocket in people), return_exceptions=True)",
        ),
        of=A_LOOP,
        says="no answer came within 2 seconds. Somebody does not read. Nobody else waits for that",
    ),
    "a timeout around each send of the loop": changed(
        (
            ONE_SEND,
            """
            with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                async with asyncio.timeout(5):
                    await websocket.send_text(text)
            """,
        ),
        of=A_LOOP,
        says="Somebody does not read. Nobody else waits for that",
    ),
    "queues of one text, and whoever speaks waits": changed(
        ("def tell(text", "async def tell(text"),
        ("queue.put_nowait(text)", "await queue.put(text)"),
        ("def tell_who", "async def tell_who"),
        ('tell("here: "', 'await tell("here: "'),
        ("@contextmanager\ndef present", "@asynccontextmanager\nasync def present"),
        (TELLS_WHO, f"await {TELLS_WHO}"),
        ("del names[name]\ntell_who_is_here(", "del names[name]\nawait tell_who_is_here("),
        ("with present(", "async with present("),
        ('tell(f"{name}', 'await tell(f"{name}'),
        ("asyncio.Queue()", "asyncio.Queue(1)"),
        says="Somebody does not read. Nobody else waits for that",
    ),
    "a full queue throws the speaker out": changed(
        ("asyncio.Queue()", "asyncio.Queue(1)"),
        says="Somebody does not read. Nobody else waits for that",
    ),
    "a full queue of thirty throws the speaker out": changed(
        ("asyncio.Queue()", "asyncio.Queue(30)"),
        says="ended first, with code 1011. Somebody does not read, while others say 1,100 texts.",
    ),
    "a full queue of a thousand throws the speaker out": changed(
        ("asyncio.Queue()", "asyncio.Queue(1000)"),
        says="ended first, with code 1011. Somebody does not read, while others say 1,100 texts.",
    ),
    "full queues miss what comes": changed(
        ("asyncio.Queue()", "asyncio.Queue(1)"),
        ("queue.put_nowait(text)", "with suppress(asyncio.QueueFull):\n    queue.put_nowait(text)"),
        says="Sam reads again in time, and hears all of it, in order.",
    ),
    "who falls behind misses what is oldest": changed(
        before("queue.put_nowait(text)", "if queue.qsize() > 10:\n    queue.get_nowait()"),
        says="Sam reads again in time, and hears all of it, in order.",
    ),
    "nobody is put out": changed(
        (WRITES, "await websocket.send_text(text)"),
        says="Whoever has not read for longer than `SLOW` is put out, and no longer here.",
    ),
    "nobody asks what became of the writer": changed(
        ("async with asyncio.TaskGroup() as tasks:", "if True:"),
        ("tasks.create_task(write(websocket, queue))", "writer = asyncio.create_task(write(websocket, queue))"),
        after("del queues[websocket]", "writer.cancel()"),
        says="Or does nobody see that the limit has run out?",
    ),
    "put out much too soon": changed(
        ("SLOW = 5", "SLOW = 1"),
        says="Ann expected 'Ann: one', but heard 'here: Ann, Ben'.",
    ),
    "put out, but not from the list": changed(
        ('raise WebSocketDisconnect(1006, "it does not read") from None', "return"),
        says="Whoever has not read for longer than `SLOW` is put out, and no longer here.",
    ),
    "put out, with a close that is stuck": changed(
        (
            'raise WebSocketDisconnect(1006, "it does not read") from None',
            "await websocket.close(1008)\nreturn",
        ),
        says="Whoever has not read for longer than `SLOW` is put out, and no longer here.",
    ),
    "put out, and then closed, which is stuck": changed(
        ('raise WebSocketDisconnect(1006, "it does not read") from None', "raise WebSocketException(1008) from None"),
        (
            "async with asyncio.timeout(SLOW):\n    await websocket.close(code, reason)",
            "await websocket.close(code, reason)",
        ),
        says="Sam was put out, and 15 seconds later his endpoint has not ended. What is sent to him is stuck, and a "
        "close() is, too: it needs a limit, as a send does.",
    ),
    "that somebody is put out is logged as an error": changed(
        before('raise WebSocketDisconnect(1006, "it does not read")', 'logger.error("it does not read")'),
        says="what clients may do is logged as an error: 'it does not read'",
    ),
    "one connection for each name": changed(
        ("queues: dict[WebSocket,", "queues: dict[str,"),
        ("queues[websocket] =", "queues[name] ="),
        ("del queues[websocket]", "queues.pop(name, None)"),
        says="Both of Ann's connections hear what is said.",
    ),
    "the new connection puts the old one out": changed(
        ("names: Counter[str] = Counter()", "names: Counter[str] = Counter()\nlast: dict[str, WebSocket] = {}"),
        before(
            "queue = queues[websocket]",
            "old, last[name] = last.get(name), websocket\nif old in queues:\n    await try_to_close(old, 4000)",
        ),
        says="Both of Ann's connections hear what is said.",
    ),
    "the old connection takes the name away": changed(
        (LEAVES, "if names.pop(name, None):\n    tell_who_is_here(queues.values())"),
        says="Ben expected 'Ben: still here?', but heard 'here: Ben'. Ann's old connection has ended, and she has "
        "another one",
    ),
    "the old connection deletes what is not there any more": changed(
        (LEAVES, "del names[name]\ntell_who_is_here(queues.values())"),
        says="Ben expected 'Ben: still here?', but heard 'here: Ben'. Ann's old connection has ended",
    ),
    "told with every connection": changed(
        (TELLS_WHO, "tell_who_is_here(queues.values())"),
        says="Ben expected 'Ben: both?', but heard 'here: Ann, Ben'. Both of Ann's connections hear what is said. And "
        "no name has come or gone: only the new one is told who is here.",
    ),
    "told only when a name is new": changed(
        (TELLS_WHO, "if names[name] == 1:\n    tell_who_is_here(queues.values())"),
        says="no name has come or gone: only the new one is told who is here.",
    ),
    "told as often as somebody leaves": changed(
        (LEAVES, "names[name] -= 1\nif not names[name]:\n    del names[name]\ntell_who_is_here(queues.values())"),
        says="Ben expected 'Ben: still here?', but heard 'here: Ann, Ben'.",
    ),
    "nobody is told that somebody has gone": changed(
        (LEAVES, "names[name] -= 1\nif not names[name]:\n    del names[name]"),
        says="the client expected 'here: Ben', as Ben, but no answer came within 2 seconds.",
    ),
    "in the order of coming": changed(
        ("sorted(names)", "names"),
        says="expected 'here: Ann, Ben', but heard 'here: Ben, Ann'. Whoever comes hears first who is here, sorted",
    ),
    "a name for each connection": changed(
        ("sorted(names)", "sorted(names.elements())"),
        says="Ann expected 'here: Ann, Ben', but heard 'here: Ann, Ann, Ben'.",
    ),
    "the speaker does not hear it": changed(
        (
            'tell(f"{name}: {text}", queues.values())',
            'tell(f"{name}: {text}", [other for other in queues.values() if other is not queue])',
        ),
        says="the client expected 'Ann: hello', as Ann, but no answer came within 2 seconds. A text goes to everybody",
    ),
    "without the speaker's name": changed(
        ('f"{name}: {text}"', "text"), says="Ben expected 'Ann: hello', but heard 'hello'. A text goes to everybody"
    ),
    "only what is received is expected to fail": changed(
        (
            LAST,
            """
            except* Exception:
                await try_to_close(websocket, 1011)
            """,
        ),
        says="the check let an error happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "receive_text(), and bytes are a bug": changed(
        ("text = await next_text(websocket)", "text = await websocket.receive_text()"),
        says="the connection of a client that sent bytes ended with code 1011, not with 1003",
    ),
    "empty bytes are no bytes": changed(
        ('if message.get("text") is None:', 'if message.get("bytes"):'),
        says="the connection of a client that sent b'', which are bytes, too, ended with code 1011, not with 1003.",
    ),
    "a writer that asks again and again": changed(
        ("text = await queue.get()", "while queue.empty():\n    await asyncio.sleep(0)\ntext = queue.get_nowait()"),
        says="while nobody says anything, the event loop never comes to rest. Something asks again and again",
    ),
    "the name in the reason": changed(
        (
            'await try_to_close(websocket, 1003, "text, please")',
            'await websocket.close(1003, f"{name}, send text, please")',
        ),
        says="the connection of a client that sent bytes, and has a long name, ended with code 1006",
    ),
    "another path": changed(
        ('@app.websocket("/room/{name}")', '@app.websocket("/rooms/{name}")'),
        says="the handshake for /room/Ben was refused with HTTP 403. Is there an endpoint with "
        '`@app.websocket("/room/{name}")`, with the parameters',
    ),
    "no await at the send": changed(
        ("await websocket.send_text(text)", "websocket.send_text(text)"),
        says="no answer came within 2 seconds. Whoever comes hears first who is here, sorted; the others hear it when "
        "a name has come or gone, once. Does every call of `websocket` have its `await`",
    ),
    "twice as long": changed(
        (
            "asyncio.timeout(SLOW):\n    await websocket.send_text(text)",
            "asyncio.timeout(2 * SLOW):\n    await websocket.send_text(text)",
        ),
        says="after his `SLOW` that he is no longer here. Is a limit longer?",
    ),
    "the name stays after a bug": changed(
        (
            f"finally:{textwrap.indent(LEAVES, '    ')}",
            "except (WebSocketDisconnect, WebSocketException, asyncio.CancelledError):"
            f"{textwrap.indent(LEAVES, '    ')}    raise",
        ),
        says="Eve's endpoint has ended with a bug, and she is no longer here.",
    ),
    "any error of a send is a client that has gone": changed(
        ("except RuntimeError:", "except Exception:"),
        says="the check let an error happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "an OSError is a client that has gone": changed(
        ("except* WebSocketDisconnect:", "except* (WebSocketDisconnect, OSError):"),
        says="the check let a FileNotFoundError happen where the endpoint receives, as a bug would, and it showed",
    ),
    "the group's own text is logged": changed(
        ('logger.error("/room failed", exc_info=bugs)', 'logger.error("/room failed: %s", bugs)'),
        says="the log says '/room failed: unhandled errors in a TaskGroup (1 sub-exception)': that is the group's text",
    ),
    "a close without a limit": changed(
        (
            "async with asyncio.timeout(SLOW):\n    await websocket.close(code, reason)",
            "await websocket.close(code, reason)",
        ),
        says="Sam did not read, and sent bytes; 15 seconds later his endpoint has not ended.",
    ),
    "who is far behind stays, and hears no more": changed(
        ("del queues[websocket]", "queues.pop(websocket, None)"),
        (
            "queue.put_nowait(text)",
            """
            if queue.qsize() > 500:
                for websocket in [other for other, its in queues.items() if its is queue]:
                    del queues[websocket]
            queue.put_nowait(text)
            """,
        ),
        ("for queue in to:", "for queue in list(to):"),
        says="and was still connected. Whoever is too far behind is put out",
    ),
    "the name stays when somebody sends bytes": changed(
        (
            f"finally:{textwrap.indent(LEAVES, '    ')}",
            f"except WebSocketDisconnect:{textwrap.indent(LEAVES, '    ')}    raise",
        ),
        says="Eve sent bytes, and is gone. Whoever comes hears first who is here",
    ),
    "receive_text() beside a writer": changed(
        (
            RECEIVES,
            """
            try:
                return await websocket.receive_text()
            except KeyError:
                raise WebSocketException(1003, "text, please") from None
            """,
        ),
        says="is logged as an error: '/room failed', with ExceptionGroup of WebSocketDisconnected. That somebody "
        "leaves, or is put out, is none. Expect WebSocketDisconnect before other errors. WebSocketDisconnected "
        "says that "
        "a connection was used after its end. A send "
        "that found the client gone is its end, too, in whichever task: `receive_text()` and other sends raise it "
        "then, `receive()` does not.",
    ),
    "the writers have no turn": changed(
        ("await asyncio.sleep(0)  # the writers have their turn before the next text", ""),
        says="Ben said 1,100 texts in one breath, and Ann has read all the time.",
    ),
    "whoever speaks hears it at once": changed(
        (
            'tell(f"{name}: {text}", queues.values())',
            """
            tell(f"{name}: {text}", [other for other in queues.values() if other is not queue])
            async with asyncio.timeout(SLOW):
                await websocket.send_text(f"{name}: {text}")
            """,
        ),
        says="she heard ['Ann: me first', 'Ben: me first'], and he ['Ben: me first', 'Ann: me first'].",
    ),
    "here before accept()": changed(
        ("await websocket.accept()\n", "names[name] += 1\nawait websocket.accept()\n"),
        ("names[name] += 1\ntell_who", "tell_who"),
        says="Eve gave up before she was accepted: she has never been here.",
    ),
    "the limit is for the silence, too": changed(
        (
            """
            text = await queue.get()
            if queue.qsize() > BACKLOG:  # it takes each in time, but others say more
                raise WebSocketDisconnect(1006, "too far behind")
            try:
                async with asyncio.timeout(SLOW):
                    await websocket.send_text(text)
            """,
            """
            try:
                async with asyncio.timeout(SLOW):
                    text = await queue.get()
                    if queue.qsize() > BACKLOG:  # it takes each in time, but others say more
                        raise WebSocketDisconnect(1006, "too far behind")
                    await websocket.send_text(text)
            """,
        ),
        says="nobody said anything for 10 seconds, and somebody who reads was put out.",
    ),
    "closed first, and put out then": changed(
        (
            'raise WebSocketDisconnect(1006, "it does not read") from None',
            """
            await try_to_close(websocket, 1013, "it does not read")
            raise WebSocketDisconnect(1006, "it does not read") from None
            """,
        ),
        says="5 seconds after his `SLOW` that he is no longer here. Is a limit longer? Or take him out first",
    ),
    "escaped as for HTML": changed(
        before("app =", "import html"),
        ('f"{name}: {text}"', 'f"{name}: {html.escape(text)}"'),
        says="&lt;/b&gt; &amp; 张伟 \\r\\n'. A text is said as it came, and so is a name.",
    ),
    "a command that is not said": changed(
        (
            'tell(f"{name}: {text}", queues.values())',
            'text.startswith("/") or tell(f"{name}: {text}", queues.values())',
        ),
        says="expected 'Ben: /help', as Ben, but no answer came within 2 seconds. A text is said as it came",
    ),
    "names with capital letters": changed(
        ("with present(name, queue):", "name = name.strip().title()\nwith present(name, queue):"),
        says="x'. Nobody else is there. A text is said as it came, and so is a name.",
    ),
    "whoever is silent is put out": changed(
        (
            "message = await websocket.receive()",
            "async with asyncio.timeout(60):\n    message = await websocket.receive()",
        ),
        ("except* WebSocketDisconnect:", "except* (WebSocketDisconnect, TimeoutError):"),
        says="Nobody had said anything for an hour: nobody is put out for that",
    ),
    "a ping now and then": changed(
        before(
            "async def next_text",
            "async def beat(queue):\n    while True:\n        await asyncio.sleep(30)\n        "
            'queue.put_nowait("ping")\n\n\n',
        ),
        after("tasks.create_task(write(websocket, queue))", "tasks.create_task(beat(queue))"),
        says="Ann expected 'Ben: still here?', but heard 'ping'. Nobody had said anything for an hour",
    ),
    "a slip": changed(
        ("await websocket.receive()", "await websocket.recieve()"),
        says="The log has an error: AttributeError: 'WebSocket' object has no attribute 'recieve', in "
        "next_text(), line ",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 in the room, number 11 was not served: the handshake for /room/Guest11 was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "said twice, heard once": changed(
        before("while True:\n    text = await next_text", "last = None"),
        (SAYS, f"if text != last:\n    {SAYS}\nlast = text"),
        says="the client expected 'Ben:  Hi ', as Ben, but no answer came within 2 seconds. A text goes to everybody "
        "who is",
    ),
    "a text for one alone": changed(
        (
            SAYS,
            """
            whom = [name, text[1:].partition(" ")[0]] if text.startswith("@") else names
            tell(f"{name}: {text}", [q for other, q in queues.items() if other.path_params["name"] in whom])
            """,
        ),
        says="the client expected 'Ben: @Cleo hello', as Ann, but no answer came within 2 seconds. A text goes to "
        "everybody who is here",
    ),
    "an action instead of a text": changed(
        (
            SAYS,
            'me = text.startswith("/me ")\ntell(f"* {name} {text[4:]}" if me else f"{name}: {text}", queues.values())',
        ),
        says="Ben expected 'Ben: /me waves', but heard '* Ben waves'. A text is said as it came",
    ),
    "names are cut": changed(
        before("await websocket.accept()", "name = name[:20]"),
        says="A text is said as it came, and so is a name.",
    ),
}

RIGHT = {
    "the round of the lesson": whole(ROOM),
    "a class, an event, and two tasks": whole(PEOPLE),
    "a task for each send, one after the other by a lock": whole(A_TASK_EACH),
    "whose queue is full is put out at once": changed(
        ("asyncio.Queue()", "asyncio.Queue(100)"),
        (
            "queue.put_nowait(text)",
            """
            try:
                queue.put_nowait(text)
            except asyncio.QueueFull:
                if stay := stays.pop(queue, None):
                    stay.reschedule(0)
            """,
        ),
        after("names: Counter[str] = Counter()  # how many connections each name has", "stays: dict = {}"),
        ("async with asyncio.TaskGroup()", "async with asyncio.timeout(None) as stay, asyncio.TaskGroup()"),
        before("tasks.create_task", "stays[queue] = stay"),
        after("del queues[websocket]", "stays.pop(queue, None)"),
        ("except* WebSocketDisconnect:", "except* (WebSocketDisconnect, TimeoutError):"),
    ),
    "a queue that puts out who is too far behind, too": changed(
        (
            "queue.put_nowait(text)",
            """
            if queue.qsize() > 1000:
                far_behind.add(queue)
            queue.put_nowait(text)
            """,
        ),
        after("names: Counter[str] = Counter()  # how many connections each name has", "far_behind: set = set()"),
        after("text = await queue.get()", "if queue in far_behind:\n    raise WebSocketDisconnect(1006)"),
    ),
    "names, and the set of their connections": changed(
        ("names: Counter[str] = Counter()", "names: dict[str, set[int]] = {}"),
        ("names[name] += 1", "names.setdefault(name, set()).add(id(queue))"),
        ("if names[name] == 1 else", "if len(names[name]) == 1 else"),
        ("names[name] -= 1", "names[name].discard(id(queue))"),
    ),
}
