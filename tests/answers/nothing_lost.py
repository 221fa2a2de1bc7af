"""Answers to the exercise of nothing-lost."""

from tests.answers import before, changed, whole

KNOWN = "if taken.id <= done.get(till, 0):"
STORES = "store(taken.cents)  # if this fails, nothing has happened"
REMEMBERS = "done[till] = taken.id"
KEEPS = 'entries.append({"number": last_number() + 1, "cents": taken.cents})'
SINCE = "if 0 <= missing <= len(entries):"
ANEW = 'return [{"anew": last_number() - len(entries)}, *entries]'
TELLS = "for news in followers:\n    news.set()"
LISTENS = """
enter(till, taken)
await send(websocket, {"ack": taken.id})
"""
AWAITED = (
    ("def enter(till: str, taken: Taken):", "async def enter(till: str, taken: Taken):"),
    (LISTENS, LISTENS.replace("enter(till", "await enter(till")),
)
IN_A_THREAD = (*AWAITED, (STORES, "await asyncio.to_thread(store, taken.cents)"))
FOLLOWS = """
tasks.create_task(follow(websocket, after))
await listen(websocket, till)
"""

QUEUES = """
KEEP, SLOW = 20, 5
app = FastAPI()
stored: list[int] = []
failed: set[int] = set()


def store(cents: int):
    if cents % 100 == 13 and cents not in failed:
        failed.add(cents)
        raise OSError("no space left on the disk")
    stored.append(cents)


book: list[dict] = []
had: set[tuple[str, int]] = set()
queues: dict[WebSocket, asyncio.Queue] = {}


def history(after):
    first = max(0, len(book) - KEEP)
    if first <= after <= len(book):
        return book[after:]
    return [{"anew": first}, *book[first:]]


async def write(websocket, queue):
    while True:
        message = await queue.get()
        try:
            async with asyncio.timeout(SLOW):
                await websocket.send_json(message)
        except (TimeoutError, RuntimeError):
            raise WebSocketDisconnect(1006) from None


async def read(websocket, till, queue):
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        if message.get("text") is None:
            raise WebSocketException(1003)
        try:
            match json.loads(message["text"]):
                case {"id": int(id), "cents": int(cents)}:
                    pass
                case _:
                    raise WebSocketException(1008)
        except (ValueError, RecursionError):
            raise WebSocketException(1008) from None
        if (till, id) not in had:
            store(cents)
            had.add((till, id))
            book.append({"number": len(book) + 1, "cents": cents})
            for other in queues.values():
                other.put_nowait(book[-1])
        queue.put_nowait({"ack": id})


@app.websocket("/cashbook")
async def cashbook(websocket: WebSocket, till: str, after: int = 0):
    await websocket.accept()
    queue = asyncio.Queue()
    for message in history(after):
        queue.put_nowait(message)
    queues[websocket] = queue
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write(websocket, queue))
            await read(websocket, till, queue)
    except* WebSocketDisconnect:
        pass
    except* WebSocketException as refused:
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(refused.exceptions[0].code)
    except* Exception as bugs:
        logger.error("a bug", exc_info=bugs.exceptions[0])
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(1011)
    finally:
        del queues[websocket]
"""
JOINS = """
queue = asyncio.Queue()
for message in history(after):
    queue.put_nowait(message)
queues[websocket] = queue
"""

HISTORY_FIRST = """
queue = asyncio.Queue()
for message in history(after):
    await websocket.send_json(message)
queues[websocket] = queue
"""
ROOM_FIRST = """
queue = queues[websocket] = asyncio.Queue()
first = max(0, len(book) - KEEP)
if not first <= after <= len(book):
    await websocket.send_json({"anew": first})
    after = first
while after < len(book):
    await websocket.send_json(book[after])
    after += 1
"""

# One task for each connection, which waits for a message or for news; the ids are kept with the entries, on the disk.
ONE_TASK = """
KEEP, SLOW = 20, 5
app = FastAPI()
stored: list[int] = []
failed: set[int] = set()


def store(cents: int):
    if cents % 100 == 13 and cents not in failed:
        failed.add(cents)
        raise OSError("no space left on the disk")
    stored.append(cents)


ids: dict[str, list[int]] = {}
waiting: list[asyncio.Future] = []


def enter(text, till):
    message = json.loads(text)
    id, cents = int(message["id"]), message["cents"]
    if id not in ids.setdefault(till, []):
        store(cents)
        ids[till].append(id)
        for future in waiting:
            if not future.done():
                future.set_result(None)
        waiting.clear()
    return id


async def send(websocket, message):
    async with asyncio.timeout(SLOW):
        await websocket.send_json(message)


async def serve_till(websocket, till, number):
    receiving = asyncio.create_task(websocket.receive())
    try:
        while True:
            news = asyncio.get_running_loop().create_future()
            waiting.append(news)
            kept = max(0, len(stored) - KEEP)
            if not kept <= number <= len(stored):
                number = kept
                await send(websocket, {"anew": kept})
            while number < len(stored):
                number += 1
                await send(websocket, {"number": number, "cents": stored[number - 1]})
            await asyncio.wait([news, receiving], return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                message = receiving.result()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("text") is None:
                    return await websocket.close(1003)
                try:
                    id = enter(message["text"], till)
                except (ValueError, RecursionError, KeyError, TypeError):
                    return await websocket.close(1008)
                await send(websocket, {"ack": id})
                receiving = asyncio.create_task(websocket.receive())
    finally:
        receiving.cancel()


@app.websocket("/cashbook")
async def cashbook(websocket: WebSocket, till: str, after: int = 0):
    await websocket.accept()
    try:
        await serve_till(websocket, till, after)
    except (WebSocketDisconnect, TimeoutError):
        pass
    except Exception:
        logger.exception("failed")
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(1011)
"""

WRONG = {
    "ids are known for as long as a connection lives": changed(
        ("def enter(till: str, taken: Taken):", "def enter(till: str, taken: Taken, done: dict):"),
        (
            "async def listen(websocket: WebSocket, till: str):",
            "async def listen(websocket: WebSocket, till: str):\n    done: dict[str, int] = {}",
        ),
        ("enter(till, taken)", "enter(till, taken, done)"),
        says="What has been stored must be known again over another connection of that till.",
    ),
    "ids are forgotten when the till leaves": changed(
        (
            "await listen(websocket, till)",
            """
            try:
                await listen(websocket, till)
            finally:
                done.pop(till, None)
            """,
        ),
        says="What has been stored must be known again over another connection of that till.",
    ),
    "ids are forgotten with their entries": changed(
        (KNOWN, 'if (till, taken.id) in [entry["by"] for entry in entries]:'),
        ('"cents": taken.cents}', '"cents": taken.cents, "by": (till, taken.id)}'),
        (
            "await websocket.send_json(message)",
            'await websocket.send_json({**message, "by": 0} if 0 else {k: v for k, v in message.items() if k != "by"})',
        ),
        says="An id is known again, however many entries others have made since, and however many tills there are.",
    ),
    "ids of all tills in one": changed(
        (KNOWN, "if taken.id in done.values():"),
        says="Each till counts its ids for itself.",
    ),
    "the last id alone is known again": changed(
        ("taken.id <= done", "taken.id == done"),
        says="a till sent id 2 again, and it was stored again.",
    ),
    "what is known is not acknowledged": changed(
        (KNOWN, "if taken.id <= done.get(till, 0):\n    raise WebSocketException(1008)"),
        says="acknowledge it each time",
    ),
    "remembered before it is stored": changed(
        (f"{STORES}\n{REMEMBERS}", "done[till] = taken.id\nstore(taken.cents)"),
        says="store() failed at",
    ),
    "acknowledged before it is stored": changed(
        (LISTENS, 'await send(websocket, {"ack": taken.id})\nenter(till, taken)'),
        says="for whom store() failed",
    ),
    "a disk that is full is overlooked": changed(
        (STORES, "with suppress(OSError):\n    store(taken.cents)"),
        says="for whom store() failed",
    ),
    "told before it is stored": changed(
        before(STORES, KEEPS),
        (f"\n{REMEMBERS}\n{KEEPS}", f"\n{REMEMBERS}"),
        says="First store(), then all the rest",
    ),
    "told to all before it is stored": changed(
        (f"{STORES}\n", ""),
        (TELLS, f"{TELLS}\n{STORES}"),
        says="and another till heard",
    ),
    "stored once more before the look": changed(
        before(KNOWN, "store(taken.cents)"),
        (f"{STORES}\n", ""),
        says="What has been stored must be known again",  # a till may hear of it first, or see it in what is stored
    ),
    "one too many": changed(
        ("range(-missing, 0)", "range(max(-missing - 1, -len(entries)), 0)"),
        says="It has heard that one before, as its `after` says.",
    ),
    "one too few": changed(
        ("range(-missing, 0)", "range(1 - missing, 0)"), says="expected the entry of 150 cents, and heard nothing"
    ),
    "what is gone is left out": changed(
        (SINCE, "if 0 <= missing:"),
        ("range(-missing, 0)", "range(-min(missing, len(entries)), 0)"),
        says="If some above `after` are gone",
    ),
    "a number that nobody has had is believed": changed(
        (SINCE, "if missing <= len(entries):"), says="or no entry has had that number yet"
    ),
    "begins anew one too early": changed((SINCE, "if 0 <= missing < len(entries):"), says="no reason to begin anew"),
    "begins anew one too late": changed(
        (SINCE, "if 0 <= missing <= len(entries) + 1:"),
        ("range(-missing, 0)", "range(-min(missing, len(entries)), 0)"),
        says="If some above `after` are gone",
    ),
    "begins anew each time": changed((SINCE, "if missing == 0:"), says="no reason to begin anew"),
    "begins anew, and goes on from the number that was wrong": changed(
        ('number = message.get("number", message.get("anew"))', 'number = message.get("number", number)'),
        says='a till with after=1 heard {"anew": 0}, since there were 0 entries; then a till with after=0',
    ),
    "begins anew at the end": changed(
        (ANEW, 'return [{"anew": last_number()}, *entries]'), says="but heard '{\"anew\":60}'"
    ),
    "numbers are places in what is kept": changed(
        (KEEPS, 'entries.append({"number": len(entries) + 1, "cents": taken.cents})'),
        says="Entries are numbered 1, 2, and so on, though only the last 20 are kept.",
    ),
    "one condition for all, which belongs to one event loop": changed(
        ("followers: set[asyncio.Event] = set()", "changed = asyncio.Condition()"),
        ("def enter(till: str, taken: Taken):", "async def enter(till: str, taken: Taken):"),
        ("enter(till, taken)\nawait send", "await enter(till, taken)\nawait send"),
        (TELLS, "async with changed:\n    changed.notify_all()"),
        ("news = asyncio.Event()\nfollowers.add(news)", ""),
        ("news.clear()", ""),
        ("await news.wait()", "async with changed:\n    if last_number() == number:\n        await changed.wait()"),
        ("followers.discard(news)", "pass"),
        says="that something belongs to a different event loop",
    ),
    "the history first, and then the room": changed(
        (JOINS, HISTORY_FIRST),
        of=QUEUES,
        says="Let one loop send both, from one list.",
    ),
    "first the room, and then the history": changed(
        (JOINS, ROOM_FIRST),
        of=QUEUES,
        says="Let one loop send both, from one list.",
    ),
    "whoever enters sends to all": changed(
        (
            "other.put_nowait(book[-1])",
            """
            with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                async with asyncio.timeout(SLOW):
                    await other.send_json(book[-1])
            """,
        ),
        ("in queues.values()", "in list(queues)"),
        of=QUEUES,
        says="The connection of another till does not read. Nobody else waits for that.",
    ),
    "whoever enters waits for a place in the queues": changed(
        ("other.put_nowait(book[-1])", "await other.put(book[-1])"),
        ("queue = asyncio.Queue()", "queue = asyncio.Queue(50)"),
        of=QUEUES,
        says="The connection of another till does not read. Nobody else waits for that.",
    ),
    "an event for all, made for one event loop": changed(
        ("followers: set[asyncio.Event] = set()", "latest = [asyncio.Event()]"),
        ("for news in followers:\n    news.set()", "latest[0].set()\nlatest[0] = asyncio.Event()"),
        ("news = asyncio.Event()\nfollowers.add(news)\n", ""),
        ("news.clear()", "news = latest[0]"),
        ("followers.discard(news)", "pass"),
        says="belongs to a different event loop",
    ),
    "news is forgotten that comes during a send": changed(
        ("news.clear()\n", ""),
        before("await news.wait()", "news.clear()"),
        says="Let one loop send both, from one list.",
    ),
    "nobody is given up": changed(
        (
            "async with asyncio.timeout(SLOW):\n    await websocket.send_json(message)",
            "await websocket.send_json(message)",
        ),
        says="its endpoint is still there",
    ),
    "bytes are a bug": changed(
        ("text = await next_text(websocket)", "text = await websocket.receive_text()"),
        says="that sent b'\\x00' ended with code 1011, not with 1003",
    ),
    "what has been stored is known by its amount": changed(
        (KNOWN, "if taken.cents in stored:"),
        says="cents with id 1, and again with id 2, which is another entry. It expected",
    ),
    "nothing can be gone yet": changed(
        (ANEW, f"if len(entries) < KEEP:\n    return [*entries]\n{ANEW}"),
        says="expected where it begins anew, and heard nothing. The last entry was 0. If some above `after` are gone",
    ),
    "empty bytes are none": changed(
        ('message.get("text") is None', 'message.get("bytes")'),
        ('return message["text"]', 'return message.get("text") or ""'),
        says="that sent b'' ended with code 1008 and the reason 'an id and cents, please', not with 1003.",
    ),
    "a cache knows the ids": changed(
        before("def enter(till", "from functools import lru_cache\n\n\n@lru_cache"),
        ("def enter(till: str, taken: Taken):", "def enter(till: str, id: int, cents: int):"),
        (f"{KNOWN}\n    return  # it has come before", "taken = Taken(id=id, cents=cents)"),
        (REMEMBERS, ""),
        ("enter(till, taken)", "enter(till, taken.id, taken.cents)"),
        says="a till sent id 3 again, and it was stored again. An id is known again, however many entries",
    ),
    "nonsense is a bug": changed(
        ("except ValidationError:", "except KeyError:"), says="that sent 'tea' ended with code 1011, not with 1008"
    ),
    "a full disk is logged twice": changed(
        (STORES, "try:\n    store(taken.cents)\nexcept OSError:\n    logger.exception('full')\n    raise"),
        says="it was logged 2 times",
    ),
    "stored in a thread, between the look and the note": changed(
        *IN_A_THREAD, says=" stored 2 times. Its id came over another connection at the same time."
    ),
    "given up after half a second": changed(
        ("KEEP, SLOW = 20, 5", "KEEP, SLOW = 20, 0.5"),
        says="A till did not read for 2.5 seconds, and then again: each send has 5 seconds.",
    ),
    "who has fallen behind is not told so": changed(
        ("def since(number: int)", "def since(number: int, goes_on: bool)"),
        (SINCE, SINCE.replace(":", " or goes_on:")),
        ("range(-missing, 0)", "range(-min(missing, len(entries)), 0)"),
        ("news = asyncio.Event()", "news, goes_on = asyncio.Event(), False"),
        ("for message in since(number):", "for message in since(number, goes_on):"),
        before("await news.wait()", "goes_on = True"),
        says="It must hear them all, or that it must begin anew.",
    ),
    "types are not looked at": changed(
        ("id: int\ncents: int", "id: object\ncents: object"),
        says='that sent \'{"id": null, "cents": 1}\' ended with code 1011, not with 1008',
    ),
    "the type of the cents is not looked at": changed(
        ("id: int\ncents: int", "id: int\ncents: object"),
        says='that sent \'{"id": 1, "cents": "two"}\' ended with code 1011, not with 1008',
    ),
    "an acknowledgement that says more": changed(
        ('{"ack": taken.id}', '{"ack": taken.id, "number": last_number()}'),
        says='but heard \'{"ack":1,"number":1}\'. `{"ack": 1}` has no more keys.',
    ),
    "a future for all, made for one event loop": changed(
        ("followers: set[asyncio.Event] = set()", "latest: list[asyncio.Future] = []"),
        (TELLS, "for news in latest:\n    news.set_result(None)\nlatest.clear()"),
        ("news = asyncio.Event()\nfollowers.add(news)\n", ""),
        ("news.clear()\n", ""),
        (
            "await news.wait()",
            """
            if not latest:
                latest.append(asyncio.get_running_loop().create_future())
            if last_number() == number:
                await asyncio.shield(latest[0])
            """,
        ),
        ("followers.discard(news)", "pass"),
        says="and a Future the one that made it",
    ),
    "the till does not hear its own entries": changed(
        ("for other in queues.values():", "for other in set(queues.values()) - {queue}:"),
        of=QUEUES,
        says="all tills hear it",
    ),
    "an acknowledgement waits for ever": changed(
        ('await send(websocket, {"ack": taken.id})', 'await websocket.send_json({"ack": taken.id})'),
        says="its endpoint is still there. What waited was an acknowledgement",
    ),
    "an id is noted when its acknowledgement is out": changed(
        (REMEMBERS, "pass"),
        (
            'await send(websocket, {"ack": taken.id})',
            'await send(websocket, {"ack": taken.id})\ndone[till] = max(taken.id, done.get(till, 0))',
        ),
        says="The id is known from when it is stored.",
    ),
    "it remembers as many tills as entries": changed(
        (
            REMEMBERS,
            """
            done.pop(till, None)
            done[till] = taken.id
            if len(done) > KEEP:
                del done[next(iter(done))]
            """,
        ),
        says="it was stored again. An id is known again",
    ),
    "a limit for all that is missed": changed(
        (
            "async with asyncio.timeout(SLOW):\n    await websocket.send_json(message)",
            "await websocket.send_json(message)",
        ),
        (
            """
            for message in since(number):
                await send(websocket, message)
                number = message.get("number", message.get("anew"))
            """,
            """
            try:
                async with asyncio.timeout(SLOW):
                    for message in since(number):
                        await send(websocket, message)
                        number = message.get("number", message.get("anew"))
            except TimeoutError:
                raise WebSocketDisconnect(1006, "it does not read") from None
            """,
        ),
        says="Each of three messages took 2.5 seconds.",
    ),
    "whoever reads has no turn": changed(
        ("await asyncio.sleep(0)  # whoever follows has its turn before the next one is read", ""),
        says="another till sent 22 entries at once; then",
    ),
    "a look at the entries now and then": changed(
        ("await news.wait()", "await asyncio.sleep(0.01)"), says="It has read all the time. Let an event wake"
    ),
    "a minute of silence ends it": changed(
        (
            "text = await next_text(websocket)",
            """
            try:
                text = await asyncio.wait_for(next_text(websocket), 60)
            except TimeoutError:
                raise WebSocketException(1001, "silent") from None
            """,
        ),
        says="a till had been silent for an hour; then a till with after=",
    ),
    "a lock that a full disk leaves locked": changed(
        *AWAITED,
        before("def last_number", "lock = asyncio.Lock()\n\n\n"),
        (KNOWN, f"await lock.acquire()\n{KNOWN}\n    lock.release()"),
        (TELLS, f"{TELLS}\nlock.release()"),
        says="(A lock has to be given back then, too, as `async with` does.)",
    ),
    "a lock for all, made for one event loop": changed(
        *AWAITED,
        before("def last_number", "lock = asyncio.Lock()\n\n\n"),
        ("await enter(till, taken)", "async with lock:\n    await enter(till, taken)\n    await asyncio.sleep(0.02)"),
        says="it works with one server. The check starts another one, with an event loop of its own",
    ),
    "brackets in each other are a bug": changed(
        ("except (ValueError, RecursionError):", "except ValueError:"),
        of=QUEUES,
        says="ended with code 1011, not with 1008. Of a text with so many brackets in each other",
    ),
    "an empty text is taken for bytes": changed(
        ('if message.get("text") is None:', 'if not message.get("text"):'),
        says="not with 1008. An empty text is a text",
    ),
    "all are told what is acknowledged": changed(
        ('queue.put_nowait({"ack": id})', 'for other in queues.values():\n    other.put_nowait({"ack": id})'),
        of=QUEUES,
        says='a till that had said nothing heard {"ack": 1}. Over that connection, nothing had been entered',
    ),
    "who follows stays": changed(
        ("followers.discard(news)", "pass"),
        says="of each, something stays in memory: `Event`. Is something made for a connection, and put where all are",
    ),
    "asks again and again whether there is news": changed(
        ("await news.wait()", "while not news.is_set():\n    await asyncio.sleep(0)"),
        says="while two tills are connected and say nothing, the event loop never comes to rest.",
    ),
    "a till has one connection, the last": changed(
        (
            "queues[websocket] = queue",
            """
            for other in list(queues):
                if other.query_params["till"] == till:
                    queues.pop(other)
            queues[websocket] = queue
            """,
        ),
        ("del queues[websocket]", "queues.pop(websocket, None)"),
        of=QUEUES,
        says="A till may have several connections at the same time, and each of them hears each entry.",
    ),
}

RIGHT = {
    "stored in a thread, one after the other": changed(
        *IN_A_THREAD,
        # Whoever is cancelled meanwhile must not leave it stored, and not noted.
        ("await enter(till, taken)", "await asyncio.shield(one_by_one(till, taken))"),
        before(
            "def last_number",
            """
            locks: dict[str, asyncio.Lock] = {}


            async def one_by_one(till, taken):
                async with locks.setdefault(till, asyncio.Lock()):
                    await enter(till, taken)


            """,
        ),
    ),
    "ids without a gap": changed((KNOWN, "if taken.id != done.get(till, 0) + 1:")),
    "queues, joined in one step with the history": whole(QUEUES),
    "one task for each connection": whole(ONE_TASK),
    "all ids of each till": changed(
        (KNOWN, "if taken.id in done.setdefault(till, set()):"),
        (REMEMBERS, "done[till].add(taken.id)"),
        ("done: dict[str, int] = {}", "done: dict[str, set] = {}"),
    ),
}
