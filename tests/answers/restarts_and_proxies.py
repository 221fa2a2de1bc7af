"""Answers to the exercise of restarts-and-proxies."""

import textwrap

from tests.answers import after, before, changed, whole

LISTENS = """
async with accepted(websocket), asyncio.TaskGroup() as tasks:
    news = asyncio.Queue()
    watchers.add(news)
    try:
        tasks.create_task(tell(websocket, news))
        while True:
            await next_text(websocket)
    finally:
        watchers.discard(news)
"""
TELLS_ALONE = """
async with accepted(websocket):
    news = asyncio.Queue()
    watchers.add(news)
    try:
        await tell(websocket, news)
    finally:
        watchers.discard(news)
"""
ONE_TEXT = """
async with accepted(websocket), asyncio.TaskGroup() as tasks:
    news = asyncio.Queue()
    watchers.add(news)
    try:
        tasks.create_task(tell(websocket, news))
        await next_text(websocket)
    finally:
        watchers.discard(news)
"""
LISTEN = """
async def listen(websocket):
    while True:
        await next_text(websocket)
"""
WAITS = """
try:
    async with asyncio.timeout(5):
        await pending.join()
except TimeoutError:
    logger.error("the disk does not answer: %d notes are lost", pending.qsize() + 1)
saving.cancel()
"""
SAVES = """
await exercises.save(note)
for news in watchers:
    news.put_nowait(note)
"""
NOTED = """
websocket.app.state.pending.put_nowait(await next_text(websocket))
await websocket.send_text("noted")
"""

SAVER_TELLS = (
    (
        "for news in watchers:\n    news.put_nowait(note)\n",
        "for websocket in list(watchers):\n    await websocket.send_text(note)\n",
    ),
    (
        LISTENS,
        """
        async with accepted(websocket):
            watchers.add(websocket)
            try:
                while True:
                    await next_text(websocket)
            finally:
                watchers.discard(websocket)
        """,
    ),
)
CONDITION = """
log = logging.getLogger("notes")
watchers = []


class Notebook:
    def __init__(self):
        self.open = []
        self.changed = asyncio.Condition()

    async def note(self, text):
        async with self.changed:
            self.open.append(text)
            self.changed.notify_all()

    async def work(self):
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: self.open)
            await exercises.save(self.open[0])
            for mailbox in watchers:
                mailbox.put_nowait(self.open[0])
            async with self.changed:
                self.open.pop(0)
                self.changed.notify_all()

    async def done(self):
        async with self.changed:
            await self.changed.wait_for(lambda: not self.open)


@asynccontextmanager
async def lifespan(app):
    app.state.book = book = Notebook()
    worker = asyncio.create_task(book.work())
    try:
        yield
        await asyncio.wait_for(book.done(), timeout=5)
    except TimeoutError:
        log.critical("lost: %s", book.open)
    finally:
        worker.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/notes")
async def take_notes(websocket: WebSocket):
    async with accepted(websocket):
        while True:
            await app.state.book.note(await next_text(websocket))
            await websocket.send_text("noted")


@app.websocket("/watch")
async def watch(websocket: WebSocket):
    async with accepted(websocket):
        mailbox = asyncio.Queue()
        watchers.append(mailbox)

        async def post():
            while True:
                await websocket.send_text(await mailbox.get())

        async def listen():
            while True:
                await next_text(websocket)

        jobs = [asyncio.create_task(post()), asyncio.create_task(listen())]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                job.result()
        finally:
            watchers.remove(mailbox)
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
"""

WRONG = {
    "nobody listens": changed((LISTENS, TELLS_ALONE), says="who watched has left, and is still in `watchers`."),
    "it looks up from time to time whether somebody is there": changed(
        (
            LISTENS,
            """
            async with accepted(websocket):
                news = asyncio.Queue()
                watchers.add(news)
                try:
                    while websocket.client_state.name == "CONNECTED":
                        try:
                            async with asyncio.timeout(0.1):
                                await websocket.send_text(await news.get())
                        except TimeoutError:
                            pass
                finally:
                    watchers.discard(news)
            """,
        ),
        says="who watched has left, and is still in `watchers`.",
    ),
    "it asks with a text whether somebody is there": changed(
        (
            LISTENS,
            """
            async with accepted(websocket):
                news = asyncio.Queue()
                watchers.add(news)
                try:
                    while True:
                        try:
                            async with asyncio.timeout(0.05):
                                note = await news.get()
                        except TimeoutError:
                            note = ""
                        await websocket.send_text(note)
                finally:
                    watchers.discard(news)
            """,
        ),
        says="expected 'one', but got ''. Tell notes, and nothing else.",
    ),
    "it listens, and stays in `watchers`": changed(
        ("finally:\n    watchers.discard(news)", "finally:\n    pass"), says="and is still in `watchers`."
    ),
    "it listens in turns": changed(
        (
            "tasks.create_task(tell(websocket, news))\nwhile True:\n    await next_text(websocket)",
            "while True:\n    await next_text(websocket)\n    await websocket.send_text(await news.get())",
        ),
        says="the client expected 'one', but no answer came within 2 seconds. Who watches is told each note",
    ),
    "a task that is left behind": changed(
        (
            LISTENS,
            """
            async with accepted(websocket):
                news = asyncio.Queue()
                watchers.add(news)
                try:
                    asyncio.create_task(tell(websocket, news))
                    while True:
                        await next_text(websocket)
                finally:
                    watchers.discard(news)
            """,
        ),
        says="and a task goes on that has begun since: `tell()`. If it is their endpoint's, end it, too.",
    ),
    "a group, and nobody who looks into it": changed(
        (
            "async with accepted(websocket), asyncio.TaskGroup()",
            "await websocket.accept()\nasync with asyncio.TaskGroup()",
        ),
        says="ExceptionGroup with WebSocketDisconnect(1000). `accepted()` around the group takes",
    ),
    "the first text ends it": changed((LISTENS, ONE_TEXT), says="whatever they say, if anything."),
    "a minute without a word ends it": changed(
        (
            LISTENS,
            LISTENS.replace(
                "            await next", "            async with asyncio.timeout(60):\n                await next"
            ),
        ),
        says="On the server, an error is logged: '/watch failed', with TimeoutError. Who watches is told each note",
    ),
    "the one who leaves is caught inside the group": changed(
        (
            "async with accepted(websocket), asyncio.TaskGroup() as tasks:",
            "async with asyncio.TaskGroup() as tasks, accepted(websocket):",
        ),
        says="the endpoint is still running although its client has gone. A group waits for its tasks, unless an error",
    ),
    "a lifespan that is not the app's": changed(
        ("app = FastAPI(lifespan=lifespan)", "app = FastAPI()"),
        says="is logged: '/notes failed', with AttributeError: 'State' object has no attribute 'pending'.",
    ),
    "a limit from the start": changed(
        (
            """
            yield
            try:
                async with asyncio.timeout(5):
                    await pending.join()
            """,
            """
            try:
                async with asyncio.timeout(5):
                    yield
                    await pending.join()
            """,
        ),
        says="expected 'one', but no answer came within 2 seconds. The lifespan has ended, and the server has not",
    ),
    "a queue for all servers": changed(
        before("watchers: set", "pending: asyncio.Queue = asyncio.Queue()"),
        ("pending = app.state.pending = asyncio.Queue()\n", ""),
        ("websocket.app.state.pending.put_nowait", "pending.put_nowait"),
        says="it works with one server, and not with the next one, which has an event loop of its own.",
    ),
    "a last note that is saved, too": changed(
        after("await exercises.save(note)", "if note is None:\n    return"),
        ("await pending.join()", "pending.put_nowait(None)\nawait saving"),
        says="saved was None, which is no text of a client's. Save notes, and nothing else.",
    ),
    "notes with their time": changed(
        ("put_nowait(await next_text(websocket))", "put_nowait((time.time(), await next_text(websocket)))"),
        ("news.put_nowait(note)", "news.put_nowait(note[1])"),
        before("logger =", "import time\n\n"),
        says="'one'), which is no text of a client's. Save notes, and nothing else.",
    ),
    "an empty note ends the saver": changed(
        ("while True:\n    note = await pending.get()\n", "while note := await pending.get():\n"),
        says="expected '', but no answer came within 2 seconds. Each text is a note: an empty one",
    ),
    "what is in the queue is not put in again": changed(
        after("pending = app.state.pending = asyncio.Queue()", "app.state.open = set()"),
        (
            "websocket.app.state.pending.put_nowait(await next_text(websocket))",
            """
            note = await next_text(websocket)
            if note not in websocket.app.state.open:
                websocket.app.state.open.add(note)
                websocket.app.state.pending.put_nowait(note)
            """,
        ),
        after("await exercises.save(note)", "app.state.open.discard(note)"),
        says="Saved are, in this order: '', four. Each text is a note: an empty one, and one that is like another one",
    ),
    "a queue that is full, and it waits": changed(
        ("asyncio.Queue()\nsaving", "asyncio.Queue(10)\nsaving"),
        (
            "websocket.app.state.pending.put_nowait(await next_text(websocket))",
            "await websocket.app.state.pending.put(await next_text(websocket))",
        ),
        says="expected 'noted', but no answer came within 2 seconds. The disk was slow. Answer at once",
    ),
    "a queue that is full, and it fails": changed(
        ("asyncio.Queue()\nsaving", "asyncio.Queue(100)\nsaving"),
        says="is logged: '/notes failed', with QueueFull. However many notes wait for the disk, each is answered at",
    ),
    "who does not read has a queue that is full": changed(
        ("news = asyncio.Queue()", "news = asyncio.Queue(10)"),
        says="at /watch, but no answer came within 2 seconds. Somebody else who watches did not read meanwhile:",
    ),
    "the saver tells, and waits for who does not read": changed(
        *SAVER_TELLS,
        (
            "await websocket.send_text(note)\n",
            "with suppress(Exception):  # it has left\n    await websocket.send_text(note)\n",
        ),
        before("logger =", "from contextlib import suppress\n\n"),
        says="at /watch, but no answer came within 2 seconds. Somebody else who watches did not read meanwhile:",
    ),
    "the saver tells, and ends when one has left": changed(
        *SAVER_TELLS,
        says="at /watch, but no answer came within 2 seconds. Somebody else who watches did not read meanwhile:",
    ),
    "noted when it is saved": changed(
        before('await websocket.send_text("noted")', "await websocket.app.state.pending.join()"),
        says="The disk was slow. Answer at once, and let the task save.",
    ),
    "saved by the endpoint": changed(
        (NOTED, 'await exercises.save(await next_text(websocket))\nawait websocket.send_text("noted")'),
        says="Who watches is told each note, when it is saved",
    ),
    "cancelled at once": changed((WAITS, "saving.cancel()"), says="Saved are, in this order: none."),
    "cancelled, and awaited": changed(
        (WAITS, "saving.cancel()\nawait asyncio.wait([saving])"), says="Saved are, in this order: none."
    ),
    "nothing after the yield": changed((WAITS, "pass"), says="Saved are"),
    "what is left in the queue, and not what is in hand": changed(
        (
            WAITS,
            """
            saving.cancel()
            while not pending.empty():
                await exercises.save(pending.get_nowait())
            """,
        ),
        says="Saved are, in this order: two, three.",
    ),
    "it waits until the queue is empty": changed(
        (WAITS, "while not pending.empty():\n    await asyncio.sleep(0.001)\nsaving.cancel()"),
        says="Saved are, in this order: one, two.",
    ),
    "two that save": changed(
        (WAITS, "while not pending.empty():\n    await exercises.save(pending.get_nowait())\nsaving.cancel()"),
        says="Saved are, in this order:",
    ),
    "no task_done()": changed(
        ("pending.task_done()\n", ""), says="(`join()` waits for a `task_done()` after each `get()`.)"
    ),
    "task_done() before it is saved": changed(
        ("pending.task_done()\n", ""),
        after("note = await pending.get()", "pending.task_done()"),
        says="Saved are, in this order: one, two.",
    ),
    "without a limit": changed((WAITS, "await pending.join()\nsaving.cancel()"), says="and the disk did not answer:"),
    "a limit that is too long": changed(("asyncio.timeout(5)", "asyncio.timeout(50)"), says="did not answer:"),
    "half of the time": changed(
        ("asyncio.timeout(5)", "asyncio.timeout(2.5)"), says="2 notes are lost. The disk took 4.2 seconds for them."
    ),
    "three seconds": changed(
        ("asyncio.timeout(5)", "asyncio.timeout(3)"),
        says="The disk took 4.2 seconds for them. Is there a limit of less",
    ),
    "a second for each save, and then once more": changed(
        (
            "await exercises.save(note)",
            """
            while True:
                try:
                    async with asyncio.timeout(1):
                        await exercises.save(note)
                    break
                except TimeoutError:
                    logger.warning("the disk is slow, once more: %s", note)
            """,
        ),
        says="Saved are, in this order: none. And an error is logged: the disk does not answer: 3 notes are lost.",
    ),
    "five seconds by another clock": changed(
        (
            WAITS,
            """
            deadline = time.monotonic() + 5
            while pending._unfinished_tasks and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
            if pending._unfinished_tasks:
                logger.error("%d notes are lost", pending._unfinished_tasks)
            saving.cancel()
            """,
        ),
        before("logger =", "import time\n\n"),
        says="sets the event loop's clock forward: `asyncio.timeout()` goes by it, `time.monotonic()` does not.)",
    ),
    "a limit for each note": changed(
        (
            WAITS,
            """
            while pending._unfinished_tasks:
                try:
                    async with asyncio.timeout(5):
                        await pending.join()
                except TimeoutError:
                    logger.error("still waiting")
            """,
        ),
        says="did not answer:",
    ),
    "a limit, and not a word": changed(
        ('logger.error("the disk does not answer: %d notes are lost", pending.qsize() + 1)', "pass"),
        says="the log has no error about it.",
    ),
    "what is in hand is not lost": changed(
        (
            WAITS,
            """
            try:
                async with asyncio.timeout(5):
                    await pending.join()
            except TimeoutError:
                if not pending.empty():
                    logger.error("%d notes are lost", pending.qsize())
            saving.cancel()
            """,
        ),
        says="the disk did not answer, the one note that was to be saved was lost, and the log has no error about it.",
    ),
    "it only informs": changed(("logger.error(", "logger.info("), says="the log has no error about it."),
    "the endpoint waits until all is saved": changed(
        (
            """
            async with accepted(websocket):
                while True:
                    websocket.app.state.pending.put_nowait(await next_text(websocket))
                    await websocket.send_text("noted")
            """,
            """
            async with accepted(websocket):
                try:
                    while True:
                        websocket.app.state.pending.put_nowait(await next_text(websocket))
                        await websocket.send_text("noted")
                finally:
                    await websocket.app.state.pending.join()
            """,
        ),
        says="were cancelled: /notes. The endpoints have ended when the lifespan goes on",
    ),
    "told, and then saved": changed(
        (SAVES, "for news in watchers:\n    news.put_nowait(note)\nawait exercises.save(note)"),
        says="who watches was told 'one' before anything was saved.",
    ),
    "a task for each note": changed(
        (
            """
            async def save_all(pending: asyncio.Queue):
                while True:
                    note = await pending.get()
                    await exercises.save(note)
                    for news in watchers:
                        news.put_nowait(note)
                    pending.task_done()
            """,
            f"async def save_one(note):\n{textwrap.indent(SAVES, '    ')}",
        ),
        (
            "pending = app.state.pending = asyncio.Queue()\nsaving = asyncio.create_task(save_all(pending))",
            "pending = app.state.pending = set()",
        ),
        (
            NOTED,
            """
            saving = asyncio.create_task(save_one(await next_text(websocket)))
            websocket.app.state.pending.add(saving)
            saving.add_done_callback(websocket.app.state.pending.discard)
            await websocket.send_text("noted")
            """,
        ),
        (
            WAITS,
            """
            if pending:
                _, late = await asyncio.wait(pending, timeout=5)
                if late:
                    logger.error("%d notes are lost", len(late))
            """,
        ),
        says="Saved are, in this order: three, two, one.",
    ),
    "a second one that saves, and both are awaited": changed(
        (
            "await pending.join()",
            """
            while not pending.empty():
                await exercises.save(pending.get_nowait())
                pending.task_done()
            await pending.join()
            """,
        ),
        says="Saved are, in this order: two, one, three.",
    ),
    "it waits for the task, which never ends": changed(
        (
            WAITS,
            """
            try:
                await asyncio.wait_for(saving, 5)
            except TimeoutError:
                logger.error("the disk does not answer")
            """,
        ),
        says="All was saved by then: what does it still wait for?",
    ),
    "an error in any case": changed(
        (
            WAITS,
            """
            async with asyncio.timeout(5):
                try:
                    await pending.join()
                finally:
                    logger.error("what is not saved by now is lost")
            """,
        ),
        says="the end of the server is logged as an error: 'what is not saved by now is lost'.",
    ),
    "five seconds for each save": changed(
        (
            "await exercises.save(note)",
            """
            try:
                async with asyncio.timeout(5):
                    await exercises.save(note)
            except TimeoutError:
                logger.error("lost: %s", note)
            """,
        ),
        (WAITS, "await pending.join()\nsaving.cancel()"),
        says="did not answer:",
    ),
    "a method that the queue does not have": changed(
        ("await pending.join()", "await pending.wait_until_done()"),
        says="And an error is logged: AttributeError: 'Queue' object has no attribute 'wait_until_done'.",
    ),
    "an empty note ends who tells": changed(
        (
            "while True:\n    await websocket.send_text(await news.get())",
            "while note := await news.get():\n    await websocket.send_text(note)",
        ),
        says="expected '', but no answer came within 2 seconds. Each text is a note: an empty one",
    ),
    "who watches is told no note twice": changed(
        (
            "while True:\n    await websocket.send_text(await news.get())",
            """
            told = None
            while True:
                note = await news.get()
                if note != told:
                    await websocket.send_text(note)
                told = note
            """,
        ),
        says="expected 'four', but no answer came within 2 seconds. Each text is a note",
    ),
    "nobody is taken out until the server ends": changed(
        (
            LISTENS,
            """
            async with accepted(websocket), asyncio.TaskGroup() as tasks:
                news = asyncio.Queue()
                watchers.add(news)
                tasks.create_task(tell(websocket, news))
                while True:
                    await next_text(websocket)
            """,
        ),
        ("saving.cancel()", "saving.cancel()\nwatchers.clear()"),
        says="still in `watchers`. Its endpoint has ended, and has not taken its queue out: let a `finally` do that.",
    ),
    "only who has disconnected is taken out": changed(
        before("logger =", "from fastapi import WebSocketDisconnect"),
        (
            LISTENS,
            """
            async with accepted(websocket), asyncio.TaskGroup() as tasks:
                news = asyncio.Queue()
                watchers.add(news)
                tasks.create_task(tell(websocket, news))
                try:
                    while True:
                        await next_text(websocket)
                except WebSocketDisconnect:
                    watchers.discard(news)
                    raise
            """,
        ),
        says="who watched has sent bytes, and left, and is still in `watchers`.",
    ),
    "five seconds for each note": changed(
        (
            WAITS,
            """
            while left := pending._unfinished_tasks:
                try:
                    async with asyncio.timeout(5):
                        while pending._unfinished_tasks == left:
                            await asyncio.sleep(0.05)
                except TimeoutError:
                    logger.error("the disk does not answer: %d notes are lost", left)
                    break
            saving.cancel()
            """,
        ),
        says="5 seconds are the limit for all notes together, and not for each, or since the last one.",
    ),
    "a batch is gathered": changed(
        (
            """
            note = await pending.get()
            await exercises.save(note)
            for news in watchers:
                news.put_nowait(note)
            pending.task_done()
            """,
            """
            batch = [await pending.get()]
            while not pending.empty():
                batch.append(pending.get_nowait())
            await asyncio.gather(*(exercises.save(note) for note in batch))
            for note in batch:
                for news in watchers:
                    news.put_nowait(note)
                pending.task_done()
            """,
        ),
        says="All are saved, and in another order: begin to save a note when the one before is saved.",
    ),
    "a batch is saved as one": changed(
        (
            """
            note = await pending.get()
            await exercises.save(note)
            for news in watchers:
                news.put_nowait(note)
            pending.task_done()
            """,
            """
            batch = [await pending.get()]
            while not pending.empty():
                batch.append(pending.get_nowait())
            await exercises.save("\\n".join(batch))
            for note in batch:
                for news in watchers:
                    news.put_nowait(note)
                pending.task_done()
            """,
        ),
        says="is none of them: save each note by itself, as it came.",
    ),
    "the cancelled saver is awaited": changed(
        ("saving.cancel()", "saving.cancel()\nawait saving"),
        says="Whoever awaits a task that it has cancelled gets that from there",
    ),
    "who watches is told the latest note": changed(
        (
            "await websocket.send_text(await news.get())",
            """
            note = await news.get()
            while not news.empty():
                note = news.get_nowait()
            await websocket.send_text(note)
            """,
        ),
        says="the client expected 'note 1', at /watch, when it read again, but got 'note 20'. Who reads late is told",
    ),
    "taken out where a disconnect is received": changed(
        (
            """
            try:
                tasks.create_task(tell(websocket, news))
                while True:
                    await next_text(websocket)
            finally:
                watchers.discard(news)
            """,
            """
            tasks.create_task(tell(websocket, news))
            while True:
                try:
                    await next_text(websocket)
                except WebSocketException:
                    pass  # it has sent bytes
                except WebSocketDisconnect:
                    watchers.discard(news)
                    raise
            """,
        ),
        before("logger =", "from fastapi import WebSocketDisconnect, WebSocketException\n\n"),
        says="a send found that who watched was gone, and its queue is still in `watchers`. A group whose task has",
    ),
    "an empty text is the end of what is said": changed(
        ("while True:\n    await next_text(websocket)\n", "while await next_text(websocket):\n    pass\n"),
        says="sent '' and expected 'one', but no answer came within 2 seconds. What is said there is ignored, also an",
    ),
    "an empty text ends the endpoint": changed(
        (
            LISTENS,
            """
            async with accepted(websocket):
                news = asyncio.Queue()
                watchers.add(news)
                telling = asyncio.create_task(tell(websocket, news))
                try:
                    while True:
                        if await next_text(websocket) == "":
                            break
                finally:
                    watchers.discard(news)
                    telling.cancel()
            """,
        ),
        says="without close(). What is said there is ignored, also an empty text, which is false in a `while` or an",
    ),
    "nobody listens behind an empty text": changed(
        (
            LISTENS,
            """
            async with accepted(websocket):
                news = asyncio.Queue()
                watchers.add(news)
                telling = asyncio.create_task(tell(websocket, news))
                try:
                    while await next_text(websocket):
                        pass
                    await telling
                finally:
                    watchers.discard(news)
                    telling.cancel()
            """,
        ),
        says="who watched has said an empty text, and left, and is still in `watchers`. What is said there is ignored",
    ),
    "in `watchers` before it is accepted": changed(
        (
            """
            async with accepted(websocket), asyncio.TaskGroup() as tasks:
                news = asyncio.Queue()
                watchers.add(news)
            """,
            """
            news = asyncio.Queue()
            watchers.add(news)
            async with accepted(websocket), asyncio.TaskGroup() as tasks:
            """,
        ),
        says="a client gave up before it was accepted, and its queue is in `watchers`. Put it in when the client is",
    ),
    "who tells asks again and again": changed(
        (
            "await websocket.send_text(await news.get())",
            """
            while news.empty():
                await asyncio.sleep(0)
            await websocket.send_text(news.get_nowait())
            """,
        ),
        says="while somebody watched, and nothing was noted, the event loop never comes to rest. Something asks again",
    ),
    "the saver asks again and again": changed(
        (
            "note = await pending.get()",
            "while pending.empty():\n    await asyncio.sleep(0)\nnote = pending.get_nowait()",
        ),
        says="while somebody watched, and nothing was noted, the event loop never comes to rest. Something asks again",
    ),
    "a save that nobody awaits": changed(
        ("await exercises.save(note)", "saving = asyncio.create_task(exercises.save(note))"),
        says="has begun since: `save()`. If it is their endpoint's, end it, too. If it saves a note, await that",
    ),
}

RIGHT = {
    "a list and a condition": whole(CONDITION),
    "a group in the lifespan, whose limit is set at its end": changed(
        ("while True:\n    note = await pending.get()\n", "while (note := await pending.get()) is not None:\n"),
        ("pending.task_done()\n", ""),
        (
            "saving = asyncio.create_task(save_all(pending))\nyield",
            """
            try:
                async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as tasks:
                    tasks.create_task(save_all(pending))
                    yield
                    pending.put_nowait(None)
                    limit.reschedule(asyncio.get_running_loop().time() + 5)
            except TimeoutError:
                logger.exception("the disk does not answer")
            """,
        ),
        (WAITS, ""),
    ),
    "five seconds by the loop's clock": changed(
        (
            WAITS,
            """
            loop = asyncio.get_running_loop()
            deadline = loop.time() + 5
            while pending._unfinished_tasks and loop.time() < deadline:
                await asyncio.sleep(0.05)
            if pending._unfinished_tasks:
                logger.error("%d notes are lost", pending._unfinished_tasks)
            saving.cancel()
            """,
        )
    ),
    "a last note that ends the task": changed(
        after("note = await pending.get()", "if note is None:\n    return"),
        ("pending.task_done()\n", ""),
        (
            WAITS,
            """
            pending.put_nowait(None)
            await asyncio.wait([saving], timeout=5)
            if not saving.done():
                logger.critical("notes are lost")
                saving.cancel()
            """,
        ),
    ),
    "what came first of two": changed(
        (
            LISTENS,
            """
            async with accepted(websocket):
                news = asyncio.Queue()
                watchers.add(news)
                listening = asyncio.create_task(listen(websocket))
                telling = asyncio.create_task(tell(websocket, news))
                try:
                    await asyncio.wait([listening, telling], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    watchers.discard(news)
                    telling.cancel()
                    listening.cancel()
                    await asyncio.gather(telling, return_exceptions=True)
                await listening
            """,
        ),
        before(
            '@app.websocket("/watch")',
            "async def listen(websocket):\n    while True:\n        await next_text(websocket)\n\n",
        ),
    ),
    "a listener in the group, and nothing but the news in the body": changed(
        (
            "tasks.create_task(tell(websocket, news))\nwhile True:\n    await next_text(websocket)",
            "tasks.create_task(listen(websocket))\nawait tell(websocket, news)",
        ),
        before(
            '@app.websocket("/watch")',
            "async def listen(websocket):\n    while True:\n        await next_text(websocket)\n\n",
        ),
    ),
    "wait_for()": changed(
        ("async with asyncio.timeout(5):\n    await pending.join()", "await asyncio.wait_for(pending.join(), 5)"),
        (
            'logger.error("the disk does not answer: %d notes are lost", pending.qsize() + 1)',
            'logger.exception("the disk does not answer")',
        ),
    ),
    "it returns when the client leaves": changed(
        (
            LISTENS,
            """
            await websocket.accept()
            news = asyncio.Queue()
            watchers.add(news)
            telling = asyncio.create_task(tell(websocket, news))
            try:
                while (await websocket.receive())["type"] != "websocket.disconnect":
                    pass
            finally:
                watchers.discard(news)
                telling.cancel()
            """,
        )
    ),
    "wait(), and what is late": changed(
        (
            WAITS,
            """
            _, late = await asyncio.wait([asyncio.create_task(pending.join())], timeout=5)
            if late:
                logger.error("the disk does not answer")
            saving.cancel()
            """,
        )
    ),
    "except*": changed(
        (
            LISTENS,
            """
            await websocket.accept()
            news = asyncio.Queue()
            watchers.add(news)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(tell(websocket, news))
                    while True:
                        await websocket.receive_text()
            except* WebSocketDisconnect:
                pass
            finally:
                watchers.discard(news)
            """,
        ),
        before("logger =", "from fastapi import WebSocketDisconnect"),
    ),
}
