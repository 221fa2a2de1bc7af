"""Answers to the exercise of more-than-one-worker."""

from tests.answers import after, before, changed, whole

READ = "streams = await db.xread({stream: last}, count=100, block=1000)"
TELLS = "tell(entry_id, fields)\nlast = entry_id"

PUBSUB = """
async def follow(db, stream, last, tell):
    async with db.pubsub() as subscription:
        await subscription.subscribe(stream)
        async for message in subscription.listen():
            if message["type"] == "message":
                tell(message["id"], message)
"""
ONE_BY_ONE = """
async def follow(db, stream, last, tell):
    while True:
        try:
            entries = await db.xrange(stream, f"({last}", "+", count=1)
            if not entries:
                streams = await db.xread({stream: last}, count=1, block=2000)
                entries = streams[0][1] if streams else []
        except RedisError:
            await asyncio.sleep(0.1)
        else:
            for entry_id, fields in entries:
                last = entry_id
                tell(entry_id, fields)
        if asyncio.current_task().cancelling():
            return
"""
A_GENERATOR = """
async def entries_of(db, stream, last):
    while not asyncio.current_task().cancelling():
        with suppress(RedisError):
            for _, entries in await db.xread({stream: last}, block=4000):
                for last, fields in entries:
                    yield last, fields
            continue
        await asyncio.sleep(0.1)


async def follow(db, stream, last, tell):
    from contextlib import aclosing

    async with aclosing(entries_of(db, stream, last)) as entries:
        async for entry_id, fields in entries:
            tell(entry_id, fields)
"""

WRONG = {
    "pub/sub": whole(PUBSUB, says="pub/sub has no position"),
    "the end of the stream, each time": changed(
        ("{stream: last}", '{stream: "$"}'), says="`$` is the end of the stream"
    ),
    "the end of the stream, at the start": changed(
        (READ, 'streams = await db.xread({stream: last if moved else "$"}, block=1000)'),
        ("me = asyncio.current_task()", "me, moved = asyncio.current_task(), False"),
        after("last = entry_id", "moved = True"),
        says="`$` is the end of the stream",
    ),
    "from the start of the stream": changed(
        ("me = asyncio.current_task()", 'me, last = asyncio.current_task(), "0-0"'),
        says="it was to begin after 8-0, and fetched 7-0",
    ),
    "all that was ever said, and what is new of it": changed(
        ("me = asyncio.current_task()", "me, told = asyncio.current_task(), set()"),
        (READ, "streams = [(stream, await db.xrange(stream))]"),
        (TELLS, "if entry_id not in told:\n    tell(entry_id, fields)\n    told.add(entry_id)"),
        says="it was to begin after 8-0, and fetched 7-0",
    ),
    "the same position each time, and what is new of it": changed(
        ("me = asyncio.current_task()", "me, told = asyncio.current_task(), set()"),
        (TELLS, "if entry_id not in told:\n    tell(entry_id, fields)\n    told.add(entry_id)"),
        says="it fetched 9-0 3 times. Ask for what comes after the last one that it has told.",
    ),
    "off by one: with the last one": changed(
        (READ, "streams = [(stream, await db.xrange(stream, last))]"),
        says="after 8-0, it should have told 9-0, and told 8-0. Ask for what comes after the last",
    ),
    "off by one: without the first of each reply": changed(
        ("for entry_id, fields in entries:", "for entry_id, fields in entries[1:]:"),
        says="after 8-0, it should have told 9-0, and told 10-0.",
    ),
    "ids compared as texts": changed(
        (TELLS, "if entry_id > last:\n    tell(entry_id, fields)\n    last = entry_id"),
        says="as texts, '9-0' > '10-0'",
    ),
    "the greatest id, as a text": changed(
        ("last = entry_id", "last = max(last, entry_id)"),
        says="after 13-0, it should have told 14-0, and told 10-0.",
    ),
    "it waits for ever": changed(("block=1000", "block=0"), says="`block=0`, for ever. After 5,000 ms of silence"),
    "it waits for longer than redis-py": changed(("block=1000", "block=30_000"), says="`block=30000`. After 5,000 ms"),
    "it asks again and again": changed((", block=1000", ""), says="it asks again and again without `block`"),
    "it asks every hundredth of a second": changed(
        (READ, "await asyncio.sleep(0.01)\nstreams = await db.xread({stream: last})"),
        says="it asks again and again without `block`",
    ),
    "it lets the broker wait for a hundredth of a second": changed(
        ("block=1000", "block=10"), says="it asks again after 10 ms of silence: that is polling."
    ),
    "a broken connection is its end": changed(
        ("except RedisError:", "except ZeroDivisionError:"),
        says="it should have told 3-0, and it ended with ConnectionError: Connection closed by server",
    ),
    "it returns when the connection breaks": changed(
        ("await asyncio.sleep(0.1)\ncontinue", "return"),
        says="it should have told 3-0, and it returned. A connection broke",
    ),
    "Python's own ConnectionError": changed(
        ("except RedisError:", "except ConnectionError:"), says="it ended with Conn"
    ),
    "after a break, from the end": changed(
        ("me = asyncio.current_task()", "me, at = asyncio.current_task(), last"),
        ("{stream: last}", "{stream: at}"),
        ("await asyncio.sleep(0.1)\ncontinue", 'at = "$"\nawait asyncio.sleep(0.1)\ncontinue'),
        ("last = entry_id", "at = entry_id"),
        says="`$` is the end of the stream",
    ),
    "after a break, from the beginning": changed(
        ("me = asyncio.current_task()", "me, start = asyncio.current_task(), last"),
        ("await asyncio.sleep(0.1)\ncontinue", "last = start\nawait asyncio.sleep(0.1)\ncontinue"),
        says="after 2-0, it should have told 3-0, and told 2-0.",
    ),
    "it tries again without a pause": changed(
        ("await asyncio.sleep(0.1)\n", ""), says="was asked again before 0.1 seconds had gone by."
    ),
    "it tries again after a fiftieth of a second": changed(
        ("asyncio.sleep(0.1)", "asyncio.sleep(0.02)"), says="was asked again before 0.1 seconds had gone by."
    ),
    "it tries again after two seconds": changed(
        ("asyncio.sleep(0.1)", "asyncio.sleep(2)"),
        says="It waits for more than 1 second after a break of a connection",
    ),
    "its pause blocks the event loop": changed(
        before("async def follow", "import time"),
        ("await asyncio.sleep(0.1)", "time.sleep(0.1)"),
        says="nobody else could run until it was asked again.",
    ),
    "it calls itself": changed(
        ("continue", "return await follow(db, stream, last, tell)"), says="That ends with a RecursionError"
    ),
    "redis's ConnectionError alone": changed(
        before("async def follow", "import redis.exceptions"),
        ("except RedisError:", "except redis.exceptions.ConnectionError:"),
        says="it ended with TimeoutError: Timeout reading from the broker (by the check). A connection broke",
    ),
    "any error of the read": changed(
        ("except RedisError:", "except Exception:"), says="the read raised an error that is no RedisError"
    ),
    "a cancellation is caught": changed(
        ("while not me.cancelling():", "while True:"),
        ("except RedisError:", "except BaseException:"),
        says="it was cancelled, and went on. `except RedisError` lets CancelledError through",
    ),
    "a cancellation in the pause is caught": changed(
        ("while not me.cancelling():", "while True:"),
        ("await asyncio.sleep(0.1)", "try:\n    await asyncio.sleep(0.1)\nexcept asyncio.CancelledError:\n    pass"),
        says="it was cancelled, and went on.",
    ),
    "a cancellation that gets lost": changed(
        ("while not me.cancelling():", "while True:"), says="And where it gets lost inside redis-py"
    ),
    "every error is the broker's": changed(
        (
            """
            except RedisError:
                await asyncio.sleep(0.1)
                continue
            for _, entries in streams:
                for entry_id, fields in entries:
                    tell(entry_id, fields)
                    last = entry_id
            """,
            """
                for _, entries in streams:
                    for entry_id, fields in entries:
                        tell(entry_id, fields)
                        last = entry_id
            except Exception:
                await asyncio.sleep(0.1)
            """,
        ),
        says="`tell` raised an error, and it did not come out of `follow`.",
    ),
    "tell is called in a thread": changed(
        ("tell(entry_id, fields)", "asyncio.create_task(asyncio.to_thread(tell, entry_id, fields))"),
        says="nother task, a thread or a callback",  # told in another order, or at the end
    ),
    "the try around all, and RedisError alone": changed(
        (
            """
            except RedisError:
                await asyncio.sleep(0.1)
                continue
            for _, entries in streams:
                for entry_id, fields in entries:
                    tell(entry_id, fields)
                    last = entry_id
            """,
            """
                for _, entries in streams:
                    for entry_id, fields in entries:
                        tell(entry_id, fields)
                        last = entry_id
            except RedisError:
                await asyncio.sleep(0.1)
            """,
        ),
        says="`tell` raised a RedisError of its own, and it did not come out",
    ),
    "one further than the last one told": changed(
        ("last = entry_id", 'first, _, second = entry_id.partition("-")\nlast = f"{first}-{int(second) + 1}"'),
        says="after 16-0, it should have told 16-1, and told 16-9. Entries of the same millisecond",
    ),
    "silence is its end": changed(
        after(READ, "if not streams:\n    return"),
        says="its reply was empty; then it should have told 18-0, and it returned. That is no end",
    ),
    "one stream in each reply": changed(
        (READ, "[(_, entries)] = await db.xread({stream: last}, count=100, block=1000)"),
        (
            """
            for _, entries in streams:
                for entry_id, fields in entries:
                    tell(entry_id, fields)
                    last = entry_id
            """,
            """
            for entry_id, fields in entries:
                tell(entry_id, fields)
                last = entry_id
            """,
        ),
        says="its reply was empty; then it should have told 18-0, and it ended with ValueError",
    ),
    "the text alone": changed(
        ("tell(entry_id, fields)", 'tell(entry_id, fields["text"])'),
        says="it told 9-0 with 'text 4-0', and its fields are {'text': 'text 4-0'}: pass them on as they are.",
    ),
    "what says the same as the one before is left out": changed(
        ("me = asyncio.current_task()", "me, before = asyncio.current_task(), None"),
        ("tell(entry_id, fields)", "if fields != before:\n    tell(entry_id, fields)\nbefore = fields"),
        says="after 10-0, it should have told 11-0, and told 12-0. (They say the same, and are two: entries are told",
    ),
    "tell is called within a task group": whole(
        """
        async def fetch(db, stream, last, queue):
            while not asyncio.current_task().cancelling():
                try:
                    streams = await db.xread({stream: last}, block=1000)
                except RedisError:
                    await asyncio.sleep(0.1)
                    continue
                for _, entries in streams:
                    for entry in entries:
                        await queue.put(entry)
                        last = entry[0]


        async def follow(db: Redis, stream: str, last: str, tell: Callable[[str, dict], None]):
            queue = asyncio.Queue(100)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fetch(db, stream, last, queue))
                while True:
                    tell(*await queue.get())
        """,
        says="did not come out of `follow`. What came out is an ExceptionGroup, as of a TaskGroup, with the error",
    ),
    "what is told is deleted": changed(
        after("last = entry_id", "await db.xdel(stream, entry_id)"), says="it has deleted something (XDEL)."
    ),
    "it gives up after ten tries": changed(
        ("me = asyncio.current_task()", "me, tries = asyncio.current_task(), 0"),
        after(READ, "tries = 0"),
        ("await asyncio.sleep(0.1)", "tries += 1\nif tries > 10:\n    raise\nawait asyncio.sleep(0.1)"),
        says="the broker was away for a minute, and after 11 tries, it ended with ConnectionError",
    ),
    "a consumer group": changed(
        ("while not me", 'await db.xgroup_create(stream, "archive", id=last, mkstream=True)\nwhile not me'),
        ("db.xread({stream: last}", 'db.xreadgroup("archive", "me", {stream: ">"}'),
        says="a group shares entries out, and one whose reply got lost is not sent again.",
    ),
    "tell is awaited": changed(
        ("tell(entry_id, fields)", "await tell(entry_id, fields)"),
        says="it should have told 10-0, and it ended with TypeError:",
    ),
    "two arguments": whole("async def follow(db, stream):\n    pass", says="`follow` takes four arguments"),
    "no coroutine": whole("def follow(db, stream, last, tell):\n    pass", says="`follow` must be an `async def`."),
    "one reply, and the end": changed(
        ("while not me.cancelling():", "for _ in range(2):"), says="and then asked the broker for nothing more."
    ),
    "it waits for longer each time, until it has heard something": changed(
        ("me = asyncio.current_task()", "me, pause = asyncio.current_task(), 0.1"),
        ("await asyncio.sleep(0.1)\n", "await asyncio.sleep(pause)\npause = min(2 * pause, 10)\n"),
        ("for _, entries in streams:", "pause = 0.1\nfor _, entries in streams:"),
        says="the broker was away for a minute, and was at last left alone for 10.0 seconds.",
    ),
    "redis's ConnectionError and TimeoutError": changed(
        ("except RedisError:", "except (NoConnection, NoAnswer):"),
        before(
            "async def follow",
            "from redis.exceptions import ConnectionError as NoConnection, TimeoutError as NoAnswer\n\n\n",
        ),
        says="it ended with MasterDownError: MASTERDOWN Link with MASTER is down (by the check). A connection broke",
    ),
    "cancelling without its parentheses": changed(
        ("me.cancelling()", "me.cancelling"),
        says="and it returned. It has asked the broker for nothing, and nobody has cancelled it",
    ),
    "no continue behind the pause": changed(
        before("while", "streams = []"),
        ("            await asyncio.sleep(0.1)\n            continue", "            await asyncio.sleep(0.1)"),
        says="and told 2-0. Nothing had been read since the connection broke: is a `continue` missing",
    ),
    "positions of all streams": changed(
        before("async def follow", "positions = {}\n\n"),
        after("me = asyncio.current_task()", "positions.setdefault(stream, last)"),
        ("{stream: last}", "{stream: positions[stream]}"),
        ("last = entry_id", "positions[stream] = entry_id"),
        says="should have told 9-0, and nothing more came. (A follower before it, which had begun after 8-0, too, had",
    ),
    "what any of them has told": changed(
        before("async def follow", "told = set()\n\n"),
        ("tell(entry_id, fields)", "if entry_id not in told:\n    told.add(entry_id)\n    tell(entry_id, fields)"),
        says="should have told 9-0, and nothing more came. (A follower before it, which had begun after 8-0, too, had",
    ),
    "a limit around the read": changed(
        (READ, f"async with asyncio.timeout(1.5):\n    {READ}"),
        says="the broker did not answer for a while, and it ended with TimeoutError. A limit of asyncio's raises",
    ),
}

RIGHT = {
    "one by one, and with XRANGE for what is there": whole(ONE_BY_ONE),
    "a generator of entries": whole("from contextlib import suppress\n" + A_GENERATOR),
    "a limit around the read, and what it raises": changed(
        (READ, f"async with asyncio.timeout(1.5):\n    {READ}"),
        ("except RedisError:", "except (RedisError, TimeoutError):"),
    ),
    "the position moves before the entry is told": changed((TELLS, "last = entry_id\ntell(entry_id, fields)")),
}
