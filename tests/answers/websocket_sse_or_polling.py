"""Answers to the exercise of websocket-sse-or-polling."""

from tests.answers import before, changed, whole

# Parts of the solution
ROUTE = '@app.get("/news", response_class=EventSourceResponse)'
FROM = "seen = number_of(last_event_id) if last_event_id else gone"
HEADER = 'async def news(last_event_id: Annotated[str, Header()] = "") -> AsyncIterator[ServerSentEvent]:'
TURN = """
    while True:
        gone = ticker.last - len(ticker.entries)
        if seen is None or not gone <= seen <= ticker.last:
            yield ServerSentEvent(event="reset", data={})
            seen = gone
        elif seen == ticker.last:
            await ticker.after(seen)  # and look again: more may have come at once than is kept
        else:
            for number, text in await ticker.after(seen):
                yield ServerSentEvent(data=text, id=str(number))
                seen = number
"""
BEFORE_THE_LOOP = """
    if seen is None or not gone <= seen <= ticker.last:
        yield ServerSentEvent(event="reset", data={})
        seen = gone
    while True:
        for number, text in await ticker.after(seen):
            yield ServerSentEvent(data=text, id=str(number))
            seen = number
"""
LOOKS = "await ticker.after(seen)  # and look again: more may have come at once than is kept"
YIELDS = "yield ServerSentEvent(data=text, id=str(number))"
RESETS = 'yield ServerSentEvent(event="reset", data={})'
IS_LOST = "seen is None or not gone <= seen <= ticker.last"
STARTS_ANEW = f"if {IS_LOST}:\n    {RESETS}\n    seen = gone"
WAITS = """
for number, text in await ticker.after(seen):
    yield ServerSentEvent(data=text, id=str(number))
    seen = number
"""
WAITS_IN_A_TASK = """
waiting = asyncio.create_task(ticker.after(seen))
try:
    while not waiting.done():
        await asyncio.wait([waiting], timeout=15)
finally:
    waiting.cancel()
"""

# Other designs
FEED = """
class Feed:
    def __init__(self, keep: int):
        self.entries: deque[tuple[int, str]] = deque(maxlen=keep)
        self.last = 0
        self.more = asyncio.Event()

    def publish(self, text: str):
        self.last += 1
        self.entries.append((self.last, text))
        self.more.set()
        self.more = asyncio.Event()

    async def after(self, number: int) -> list[tuple[int, str]]:
        while not (new := [entry for entry in self.entries if entry[0] > number]):
            await self.more.wait()
        return new


app = FastAPI()
ticker = Feed(keep=5)
"""
STILL_A_WEBSOCKET = f"""{FEED}

@app.websocket("/news")
async def news(websocket: WebSocket, after: int = 0):
    await websocket.accept()
    while True:
        for number, text in await ticker.after(after):
            await websocket.send_json([number, text])
            after = number
"""
BY_HAND = f"""{FEED}
from fastapi.responses import StreamingResponse


def oldest():
    return ticker.entries[0][0] if ticker.entries else ticker.last + 1


async def stream(seen: int | None):
    while True:
        if seen is None or seen < oldest() - 1 or seen > ticker.last:
            yield "event: reset\\ndata: begin anew\\n\\n"
            seen = oldest() - 1
        if seen == ticker.last:
            await ticker.after(seen)
            continue
        for number, text in await ticker.after(seen):
            yield f"id: {{number}}\\ndata: {{json.dumps(text)}}\\n\\n"
            seen = number


@app.get("/news")
async def news(request: Request):
    last = request.headers.get("last-event-id", str(oldest() - 1))
    seen = int(last) if last.isdecimal() and last.isascii() else None
    return StreamingResponse(stream(seen), media_type="text/event-stream")
"""
QUEUES = f"""{FEED}
queues: set[asyncio.Queue] = set()
publish = ticker.publish


def publish_to_all(text: str):
    publish(text)
    for queue in list(queues):
        if queue.full():
            queues.discard(queue)  # it has to come back
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)
        else:
            queue.put_nowait(ticker.entries[-1])


ticker.publish = publish_to_all


@asynccontextmanager
async def entries():
    queue = asyncio.Queue(maxsize=5)
    queues.add(queue)
    try:
        yield queue
    finally:
        queues.discard(queue)


@app.get("/news", response_class=EventSourceResponse)
async def news(last_event_id: Annotated[str | None, Header()] = None):
    gone = ticker.last - len(ticker.entries)
    is_known = last_event_id is None or (last_event_id.isdecimal() and gone <= int(last_event_id) <= ticker.last)
    seen = int(last_event_id or gone) if is_known else gone
    while True:
        async with entries() as queue:
            if not is_known:
                yield ServerSentEvent(event="reset", raw_data="-")
            for number, text in [entry for entry in ticker.entries if entry[0] > seen]:
                yield ServerSentEvent(data=text, id=str(number))
                seen = number
            while entry := await queue.get():
                number, text = entry
                if number > seen:
                    yield ServerSentEvent(data=text, id=str(number))
                    seen = number
            seen, is_known = ticker.last - len(ticker.entries), False
"""
A_READER = f"""{FEED}

class Reader:
    def __init__(self, last_event_id: Annotated[str | None, Header()] = None):
        self.position = None
        if not last_event_id:
            self.position = self.oldest - 1
        elif last_event_id.isdecimal():
            self.position = int(last_event_id)

    @property
    def oldest(self):
        return ticker.entries[0][0] if ticker.entries else ticker.last + 1

    async def follow(self):
        while True:
            if self.position is None or not self.oldest - 1 <= self.position <= ticker.last:
                self.position = self.oldest - 1
                yield "reset", None
            entries = await ticker.after(self.position)
            if entries[0][0] != self.position + 1:
                self.position = None
                continue
            for self.position, text in entries:
                yield "message", text


@app.get("/news", response_class=EventSourceResponse)
async def news(reader: Annotated[Reader, Depends()]) -> AsyncIterator[ServerSentEvent]:
    async for kind, text in reader.follow():
        if kind == "reset":
            yield ServerSentEvent(event="reset", data="anew")
        else:
            yield ServerSentEvent(data=text, id=str(reader.position))
"""

WRONG = {
    "still a WebSocket": changed(of=STILL_A_WEBSOCKET, says='got HTTP 404. Is there a `@app.get("/news", ...)`?'),
    "JSON lines": changed((ROUTE, '@app.get("/news")'), says="got 'application/jsonl', and not 'text/event-stream'."),
    "events in a plain response": changed(
        ('yield "event: reset\\ndata: begin anew\\n\\n"', 'yield ServerSentEvent(event="reset", data={})'),
        ('yield f"id: {number}\\ndata: {json.dumps(text)}\\n\\n"', YIELDS),
        ('StreamingResponse(stream(seen), media_type="text/event-stream")', "EventSourceResponse(stream(seen))"),
        of=BY_HAND,
        says="the endpoint itself is the generator",
    ),
    "hears from now on": changed((FROM, FROM.replace("gone", "ticker.last")), says="a client came, and expected"),
    "no id": changed((YIELDS, "yield ServerSentEvent(data=text)"), says="with no id."),
    "a text that says the same is left out": changed(
        ("    while True:\n        gone", "    before = None\n    while True:\n        gone"),
        (
            "yield ServerSentEvent(data=text, id=str(number))",
            "if text != before:\n    yield ServerSentEvent(data=text, id=str(number))\nbefore = text",
        ),
        says="nothing twice. (The one before it says the same, and is another: they are told apart by their numbers.)",
    ),
    "plain text": changed((YIELDS, YIELDS.replace("data=", "raw_data=")), says="writes the text as JSON"),
    "line feeds by hand": changed(("json.dumps(text)", "text"), of=BY_HAND, says="writes the text as JSON"),
    "the header is not read": changed((FROM, "seen = gone"), says="came with the Last-Event-ID"),
    "the header has another name": changed(
        (HEADER, HEADER.replace("last_event_id:", "last_id:")),
        (FROM, FROM.replace("last_event_id", "last_id")),
        says="came with the Last-Event-ID",
    ),
    "what is no number gets a 422": changed(
        (HEADER, HEADER.replace('Annotated[str, Header()] = ""', "Annotated[int | None, Header()] = None")),
        (FROM, "seen = gone if last_event_id is None else last_event_id"),
        says="got HTTP 422, at which a browser gives up for good.",
    ),
    "what is no number raises": changed(
        ("return None", "raise"), says="but the response ended. The log has ValueError: invalid literal"
    ),
    "what is no number is a newcomer": changed(
        ("return None", "return ticker.last - len(ticker.entries)"),
        says="abc, which is none of this feed, and expected a `reset`, but got",
    ),
    "one too early": changed(("not gone <= seen", "not gone < seen"), says="needs no `reset`"),
    "one too late": changed(
        ("not gone <= seen", "not gone - 1 <= seen"), says="after which something is no longer kept"
    ),
    "waits for what is never to come": changed(
        ("not gone <= seen <= ticker.last", "seen < gone"),
        says="as after a restart, and expected a `reset`, but nothing came.",
    ),
    "a reset without data": changed((", data={}", ""), says="Without `data`, a browser tells its page nothing of it"),
    "a reset, and then from now on": changed(
        ("            seen = gone", "            seen = ticker.last"), says="got its `reset`. Then it expected"
    ),
    "looks once": changed((TURN, BEFORE_THE_LOOP), says="falls behind while the generator stands at its `yield`"),
    "looks, and then waits": changed(
        (f"elif seen == ticker.last:\n    {LOOKS}\nelse:", "else:"),
        says="more came in one moment than is kept, while a client waited. It expected number",
    ),
    "who falls behind is told the newest alone": changed(
        before("while True:", "begun = False"),
        (STARTS_ANEW, STARTS_ANEW.replace("= gone", "= ticker.last - 1 if begun else gone")),
        before(YIELDS, "begun = True"),
        says="got a `reset`, and expected all that is kept, from number",
    ),
    "what is kept, and then from the end": changed(
        before(
            "while True:",
            f"{STARTS_ANEW}\nfor number, text in [entry for entry in ticker.entries if entry[0] > seen]:\n"
            f"    {YIELDS}\nseen = ticker.last",
        ),
        says="nothing came. What comes while a client is told what is kept comes after that",
    ),
    "one above the last": changed(("<= ticker.last", "<= ticker.last + 1"), says="which this feed has not given yet"),
    "an older reset only if it is above zero": changed(
        ("not gone <= seen <= ticker.last", "0 <= seen < gone or seen > ticker.last"),
        says="a client came with the Last-Event-ID -5, which is none of this feed, and expected a `reset`, but got",
    ),
    "a digit that is no number": changed(
        (
            "try:\n    return int(event_id)\nexcept ValueError:\n    return None",
            "return int(event_id) if event_id.isdigit() else None",
        ),
        says="the response ended. The log has ValueError: invalid literal for int() with base 10: '\u00b2'.",
    ),
    "the reset waits for news": changed(
        before("while True:", "is_lost = False"),
        (STARTS_ANEW, f"if {IS_LOST}:\n    is_lost, seen = True, gone"),
        (YIELDS, f"if is_lost:\n    {RESETS}\n    is_lost = False\n{YIELDS}"),
        says="while nothing is kept, and expected a `reset`, but nothing came. A `reset` does not wait for news",
    ),
    "the reset has the newest id": changed(
        (RESETS, RESETS.replace("data={}", "data={}, id=str(ticker.last)")),
        says="It came back with that, and expected number",
    ),
    "a task that waits, and stays": changed(
        (LOOKS, WAITS_IN_A_TASK.replace("waiting.cancel()", "pass")), says="3 tasks still run: `Feed.after`."
    ),
    "a shield around the waiting": changed(
        (LOOKS, LOOKS.replace("ticker.after(seen)", "asyncio.shield(ticker.after(seen))")),
        says="FastAPI cancels the generator, and no task that this has begun",
    ),
    "a task for each that goes on": changed(
        before(
            "while True:",
            """
            async def tick():
                while True:
                    await asyncio.sleep(10)
                    logger.info("still there, at %s", seen)


            ticking = asyncio.create_task(tick())
            """,
        ),
        says="3 clients have left, and 3 tasks still run: `news.<locals>.tick`.",
    ),
    "a queue of twenty for each": changed(
        ("maxsize=5", "maxsize=20"), of=QUEUES, says="and 20 texts were kept for it, instead of five"
    ),
    "queues without a limit": changed(("maxsize=5", ""), of=QUEUES, says="were kept for it, instead of five"),
    "queues that stay": changed(
        ("    finally:\n        queues.discard(queue)", "    finally:\n        pass"),
        of=QUEUES,
        says="queues are still there",
    ),
    "a limit of a minute": changed(
        (
            "await ticker.after(seen)  # and look again: more may have come at once than is kept",
            "async with asyncio.timeout(60):\n    await ticker.after(seen)",
        ),
        says="a client was there, and nothing came for 75 seconds. Then it expected 'after a silence'",
    ),
    "whoever comes begins before the oldest entry": changed(
        ("if last_event_id else gone", "if last_event_id else ticker.entries[0][0] - 1"),
        says="a client came when nothing was kept, and",
    ),
    "entries have a type of their own": changed(
        ("ServerSentEvent(data=text,", 'ServerSentEvent(event="news", data=text,'),
        says="but got an event of the type 'news'. `event` is for the `reset` alone",
    ),
    "a reset for each client, and no second one": changed(
        (RESETS, f"if not told:\n    {RESETS}\ntold = True"),
        (FROM, f"{FROM}\ntold = False"),
        says="a client, which had got a `reset` when it came, did not read for a while, and then expected number",
    ),
    "the id is a number": changed(
        ("id=str(number)", "id=number"),
        says="but the response ended. The log has ValidationError: 1 validation error for ServerSentEvent",
    ),
    "escaped as for HTML": changed(
        ("data=text, id", "data=html.escape(text), id"),
        before("app = FastAPI()", "import html\n"),
        says="""expected "<b> & 'c'" with the id""",
    ),
    "each client counts the ids for itself": changed(
        before("while True:", "own = 0"),
        (YIELDS, "own += 1\nyield ServerSentEvent(data=text, id=str(own))"),
        says="with the id 1. The `id` of an entry is its number, whoever hears it",
    ),
    "what is no number is 0": changed(
        ("return None", "return 0"),
        says="abc, which is none of this feed, of which nothing is gone yet, and expected a `reset`, but got the data",
    ),
    "without a sign": changed(
        ("return int(event_id)", "return abs(int(event_id))"),
        says="-2, which is none of this feed, of which nothing is gone yet, and expected a `reset`, but got the data",
    ),
    "none that was given, unless none was": changed(
        ("not gone <= seen <= ticker.last", "seen < gone or (ticker.last and seen > ticker.last)"),
        says="40, after a restart, when nothing had been published yet, and expected a `reset`, but nothing came.",
    ),
    "a position for all": changed(
        before("gone = ticker.last - len(ticker.entries)  # the last", "global seen"),
        says=". How far each client is, its own generator must know, and no other",
    ),
    "it asks again and again": changed(
        (LOOKS, "await asyncio.sleep(0)"),
        says="while a client was there that had heard all, the event loop never comes to rest. Something asks again",
    ),
}

RIGHT = {
    "it looks whether the client is there, and sends comments": changed(
        ("(last_event_id:", "(request: Request, last_event_id:"),
        ("while True:\n    gone", "while not await request.is_disconnected():\n    gone"),
        (
            LOOKS,
            """
            with suppress(TimeoutError):
                async with asyncio.timeout(15):
                    await ticker.after(seen)
                    continue
            yield ServerSentEvent(comment="still here")
            """,
        ),
    ),
    "by hand": whole(BY_HAND),
    "a queue for each": whole(QUEUES),
    "a class for who reads": whole(A_READER),
    "a task that waits, and is cancelled": changed((LOOKS, WAITS_IN_A_TASK)),
    "one at a time": changed(
        (
            WAITS,
            """
            number, text = (await ticker.after(seen))[0]
            if number == seen + 1:
                yield ServerSentEvent(data=text, id=str(number), retry=1000)
                seen = number
            """,
        ),
    ),
    "a reset with the id before what is kept": changed((RESETS, RESETS.replace("data={}", "data={}, id=str(gone)"))),
}
