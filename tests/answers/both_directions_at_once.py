"""Answers to the exercise of both-directions-at-once."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

# Parts of the solution
CANCELS = """
telling.cancel()
telling = None  # until it has had its turn, it is not done
"""
STOPS = """
if is_telling:
    telling.cancel()
    telling = None  # until it has had its turn, it is not done
    await send(websocket, "(stopped)")
"""
IS_BUSY = """
elif is_telling:
    await send(websocket, "(busy)")
"""
LOGS = """
except* Exception as bugs:
    logger.error("/story failed", exc_info=bugs)
    await try_to_close(websocket, 1011)
"""

TELLS = """
async for piece in compose(question):
    await send(websocket, piece)
await send(websocket, "(end)")
"""

# Other designs
LOGS_WHERE_IT_TELLS = """
try:
    async for piece in compose(question):
        await send(websocket, piece)
    await send(websocket, "(end)")
except WebSocketDisconnect:
    pass
except Exception:
    logger.exception("/story failed")
"""
NOBODY_LISTENS = """
await websocket.accept()
try:
    while True:
        question = await websocket.receive_text()
        async for piece in compose(question):
            await websocket.send_text(piece)
        await websocket.send_text("(end)")
except WebSocketDisconnect:
    pass
"""
WITHOUT_A_GROUP = """
await websocket.accept()
telling = None
try:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            break
        text = message.get("text")
        if text is None:
            await try_to_close(websocket, 1003)
            break
        is_telling = telling and not telling.done()
        if text == "stop" and is_telling:
            telling.cancel()
            telling = None
            await send(websocket, "(stopped)")
        elif is_telling:
            await send(websocket, "(busy)")
        elif text != "stop":
            telling = asyncio.create_task(tell_and_report(websocket, text))
except WebSocketDisconnect:
    pass
finally:
    if telling:
        telling.cancel()
"""
LEFT_WITH_AN_ERROR = """
if message["type"] == "websocket.disconnect":
    raise WebSocketDisconnect
"""
REPORTS = """
async def tell_and_report(websocket, question):
    try:
        await tell(websocket, question)
    except WebSocketDisconnect:
        pass
    except Exception:
        logger.exception("/story failed")
        await try_to_close(websocket, 1011)
"""
A_WRITER = """
async def write():
    while True:
        await send(websocket, await outbox.get())

async def tell_the_writer(question):
    async for piece in compose(question):
        outbox.put_nowait(piece)
    outbox.put_nowait("(end)")

async def hear():
    telling = None
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        match message.get("text"):
            case None:
                await try_to_close(websocket, 1003)
                return
            case "stop":
                if telling and not telling.done():
                    telling.cancel()
                    telling = None
                    outbox.put_nowait("(stopped)")
            case _ if telling and not telling.done():
                outbox.put_nowait("(busy)")
            case question:
                telling = asyncio.create_task(tell_the_writer(question))
                tasks.add(telling)
                telling.add_done_callback(look)

def look(task):
    if not task.cancelled() and task.exception():
        went_wrong.set_exception(task.exception())

await websocket.accept()
outbox, went_wrong = asyncio.Queue(), asyncio.get_running_loop().create_future()
tasks = {asyncio.create_task(write()), asyncio.create_task(hear())}
try:
    done, _ = await asyncio.wait({*tasks, went_wrong}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
except WebSocketDisconnect:
    pass
except Exception:
    logger.exception("/story failed")
    await try_to_close(websocket, 1011)
finally:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
"""
TWO_LONG_TASKS = """
await websocket.accept()
receiving, telling = asyncio.create_task(websocket.receive()), None
try:
    while True:
        await asyncio.wait([task for task in (receiving, telling) if task], return_when=asyncio.FIRST_COMPLETED)
        if telling and telling.done():
            telling.result()  # raises what it has raised
            telling = None
        if not receiving.done():
            continue
        message = receiving.result()
        if message["type"] == "websocket.disconnect":
            break
        receiving = asyncio.create_task(websocket.receive())
        text = message.get("text")
        if text is None:
            await try_to_close(websocket, 1003)
            break
        if text == "stop" and telling:
            telling.cancel()
            await asyncio.wait({telling})
            telling = None
            await send(websocket, "(stopped)")
        elif telling:
            await send(websocket, "(busy)")
        elif text != "stop":
            telling = asyncio.create_task(tell(websocket, text))
except WebSocketDisconnect:
    pass
except Exception:
    logger.exception("/story failed")
    await try_to_close(websocket, 1011)
finally:
    tasks = [task for task in (receiving, telling) if task]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
"""
STORYTELLER = """
class Storyteller:
    def __init__(self, websocket):
        self.websocket = websocket
        self.task = None

    async def __aenter__(self):
        await self.websocket.accept()
        return self

    async def __aexit__(self, *exc_info):
        await self.stop()

    async def stop(self):
        if self.task and not self.task.done():
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task
            return True
        return False

    async def tell(self, question):
        try:
            await tell(self.websocket, question)
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/story failed")
            await try_to_close(self.websocket, 1011)

    async def hear(self, text):
        if text == "stop":
            if await self.stop():
                await send(self.websocket, "(stopped)")
        elif self.task and not self.task.done():
            await send(self.websocket, "(busy)")
        else:
            self.task = asyncio.create_task(self.tell(text))

async with Storyteller(websocket) as teller:
    with suppress(WebSocketDisconnect):
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            if message.get("text") is None:
                await websocket.close(1003)
                return
            await teller.hear(message["text"])
"""
ACCEPTED = """
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}

app = FastAPI()
at_work = set()


async def compose(question: str) -> AsyncIterator[str]:  # leave this as it is
    at_work.add(question)
    try:
        yield "Once upon a time:"
        await asyncio.sleep(0)
        if question in BUGS:
            raise BUGS[question](question)
        if question.startswith("slow"):
            await asyncio.Event().wait()  # for ever
        yield question.upper()
    finally:
        at_work.discard(question)


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(10):
            await websocket.close(code, reason)


def first(group: ExceptionGroup) -> Exception:
    error = group.exceptions[0]
    return first(error) if isinstance(error, ExceptionGroup) else error


@asynccontextmanager
async def accepted(websocket: WebSocket) -> AsyncIterator[None]:
    await websocket.accept()
    try:
        yield
    except* WebSocketDisconnect as left:
        logger.info("left with %d %r", first(left).code, first(left).reason)
    except* WebSocketException as put_out:
        await try_to_close(websocket, first(put_out).code, first(put_out).reason)
    except* Exception as bugs:
        for bug in bugs.exceptions:
            logger.error("%s failed", websocket.url.path, exc_info=bug)
        await try_to_close(websocket, 1011)


async def next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    if message.get("text") is None:
        raise WebSocketException(1003, "text, please")
    return message["text"]


async def send(websocket: WebSocket, text: str, seconds: float = 10):
    try:
        async with asyncio.timeout(seconds):
            await websocket.send_text(text)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None
    except RuntimeError:
        if websocket.application_state == WebSocketState.CONNECTING:
            raise
        raise WebSocketDisconnect(1006, "gone") from None


async def tell(websocket: WebSocket, question: str):
    async with aclosing(compose(question)) as pieces:
        async for piece in pieces:
            await send(websocket, piece)
    await send(websocket, "(end)")


@app.websocket("/story")
async def story(websocket: WebSocket):
    async with accepted(websocket), asyncio.TaskGroup() as tasks:
        telling = None
        while True:
            text = await next_text(websocket)
            is_telling = telling and not telling.done()
            if text == "stop" and is_telling:
                telling.cancel()
                await asyncio.wait({telling})
                await send(websocket, "(stopped)")
            elif is_telling:
                await send(websocket, "(busy)")
            elif text != "stop":
                telling = tasks.create_task(tell(websocket, text))
"""
WITH_A_CALLBACK = """
def forget(task):
    nonlocal telling
    if task is telling:
        telling = None

await websocket.accept()
telling = None
try:
    async with asyncio.TaskGroup() as tasks:
        while True:
            match await websocket.receive():
                case {"type": "websocket.disconnect", "code": code}:
                    raise WebSocketDisconnect(code)
                case {"text": "stop"}:
                    if telling:
                        telling.cancel()
                        telling = None
                        await send(websocket, "(stopped)")
                case {"text": str()} if telling:
                    await send(websocket, "(busy)")
                case {"text": str(question)}:
                    telling = tasks.create_task(tell(websocket, question))
                    telling.add_done_callback(forget)
                case _:
                    raise WebSocketException(1003)
except* WebSocketDisconnect:
    pass
except* WebSocketException:
    await try_to_close(websocket, 1003)
except* Exception as bugs:
    logger.error("/story failed", exc_info=bugs)
    await try_to_close(websocket, 1011)
"""
IN_THE_ENDPOINT = """
await websocket.accept()
try:
    async with asyncio.TaskGroup() as tasks:
        telling = None
        while True:
            text = await websocket.receive_text()
            is_telling = telling and not telling.done()
            if text == "stop" and is_telling:
                telling.cancel()
                telling = None
                await send(websocket, "(stopped)")
            elif is_telling:
                await send(websocket, "(busy)")
            elif text != "stop":
                telling = tasks.create_task(tell(websocket, text))
except* WebSocketDisconnect:
    pass
except* KeyError:
    await try_to_close(websocket, 1003)
except* Exception as bugs:
    logger.error("/story failed", exc_info=bugs)
    await try_to_close(websocket, 1011)
"""

WRONG = {
    "nobody listens": whole(
        NOBODY_LISTENS,
        says="the client sent 'stop' and expected '(stopped)', but no answer came within 2 seconds. While a story "
        "is told, somebody must go on receiving: let one task listen, and tell the story in another one.",
    ),
    "(stopped) is said, and nothing is stopped": changed(
        (CANCELS, "telling = None"),
        says="a story was stopped, and `compose()` went on with it. Cancel the task that tells it.",
    ),
    "(stopped) is said in any case": changed(
        (
            STOPS,
            """
            if is_telling:
                telling.cancel()
            telling = None
            await websocket.send_text("(stopped)")
            """,
        ),
        says="the client sent 'a hen' and expected 'Once upon a time:', but got '(stopped)'. It had sent 'stop' "
        "before, when no story was being told: that is ignored.",
    ),
    "a task that is told to stop counts as one that is told": changed(
        (CANCELS, "telling.cancel()"),
        says="the client sent 'a fox' and expected 'Once upon a time:', but got '(stopped)'. It had sent 'stop', "
        "'stop' and this question, without a wait in between. `cancel()` only asks: until the task has had its "
        "turn, `done()` is False.",
    ),
    "what cancel() returns is asked, and done()": changed(
        (
            STOPS,
            """
            if telling and telling.cancel():
                await websocket.send_text("(stopped)")
            """,
        ),
        says="the client sent 'a fox' and expected 'Once upon a time:', but got '(stopped)'. It had sent 'stop', "
        "'stop' and this question, without a wait in between. `cancel()` only asks: until the task has had its "
        "turn, `done()` is False.",
    ),
    "a task that was not cancelled counts as one that is told": changed(
        ("telling and not telling.done()", "telling and not telling.cancelled()"),
        says="the client sent '' and expected 'Once upon a time:', but got '(busy)'. The story before has ended. "
        "Whether one is still being told says `done()`, of its task.",
    ),
    "whoever listens must say something": changed(
        (
            "message = await websocket.receive()",
            "async with asyncio.timeout(60):\n    message = await websocket.receive()",
        ),
        says="a client had been silent for an hour, and its story was over. Who listens to a story may be silent for "
        "as long as it likes.",
    ),
    "the connection ends with the story": changed(
        (CANCELS, "return"),
        says="the client sent 'stop' and expected '(stopped)', but no answer came within 2 seconds. On the server, "
        "the endpoint is still running although its client has gone.",
    ),
    "stop ends the connection, politely": changed(
        after(CANCELS, "await websocket.close()"),
        says="the client sent 'stop' and expected '(stopped)', but the connection ended first, with code 1000. "
        "`stop` ends the story, not the connection.",
    ),
    "a flag that is looked at between the pieces": changed(
        before("await send(websocket, piece)", "if websocket.state.stop:\n    return"),
        before("is_telling =", 'websocket.state.stop = text == "stop"'),
        (CANCELS, "telling = None"),
        says="a story was stopped, and `compose()` went on with it. Cancel the task that tells it.",
    ),
    "the task that is cancelled is awaited": changed(
        (CANCELS, "telling.cancel()\nawait telling"),
        says="the client sent 'stop' and expected '(stopped)', but the connection ended first, with code 1006, cut "
        "off without close(). On the server, the endpoint was cancelled.",
    ),
    "a question ends the story before it": changed(
        (IS_BUSY, "elif is_telling:\n    telling.cancel()\n    telling = tasks.create_task(tell(websocket, text))"),
        says="the client sent 'another' and expected '(busy)', but got 'Once upon a time:'. Each question during a "
        "story is answered with (busy), and forgotten. It neither stops the story nor is told.",
    ),
    "a question is told beside the story before it": changed(
        (IS_BUSY, ""),
        says="the client sent 'another' and expected '(busy)', but got 'Once upon a time:'. Each question during a "
        "story is answered with (busy), and forgotten. It neither stops the story nor is told.",
    ),
    "a question during a story is kept for later": changed(
        (
            IS_BUSY,
            """
            elif is_telling:
                await websocket.send_text("(busy)")
                tasks.create_task(tell_after(telling, websocket, text))
            """,
        ),
        before(
            "async def listen",
            """
            async def tell_after(task, websocket, question):
                await asyncio.wait({task})
                await tell(websocket, question)
            """,
        ),
        says="the client sent 'a fox' and expected 'A FOX', but got 'Once upon a time:'. Each question during a "
        "story is answered with (busy), and forgotten. It neither stops the story nor is told.",
    ),
    "a question during a story is ignored without a word": changed(
        (IS_BUSY, "elif is_telling:\n    pass"),
        says="the client sent 'another' and expected '(busy)', but no answer came within 2 seconds. Each question "
        "during a story is answered with (busy), and forgotten. It neither stops the story nor is told.",
    ),
    "bytes are ignored": changed(
        ('raise WebSocketException(1003, "text, please")', "continue"),
        says="a client that sent bytes was still connected 2 seconds later. Close it with 1003.",
    ),
    "bytes are a bug": changed(
        ('raise WebSocketException(1003, "text, please")', 'raise KeyError("text")'),
        says="the connection of a client that sent bytes ended with code 1011, not with 1003. A TaskGroup raises a "
        "group of errors, and `except*` looks inside; a plain `except` takes it for a bug.",
    ),
    "bytes end the connection without a code": changed(
        ('raise WebSocketException(1003, "text, please")', "return"),
        says="the connection of a client that sent bytes ended with code 1006, cut off without close(), not with 1003.",
    ),
    "an empty question is taken for bytes": changed(
        ("if text is None:", "if not text:"),
        says="the client sent '' and expected 'Once upon a time:', but the connection ended first, with code 1003. "
        "Each text is a question, as it came, unless it is 'stop', letter by letter.",
    ),
    "stop in any spelling": changed(
        ('if text == "stop":', 'if text.strip().lower() == "stop":'),
        says="the client sent ' Stop ' and expected 'Once upon a time:', but no answer came within 2 seconds. Each "
        "text is a question, as it came, unless it is 'stop', letter by letter.",
    ),
    "a KeyError is taken for bytes, wherever it comes from": whole(
        IN_THE_ENDPOINT,
        says="a client sent 'bug 1', at which compose() raises a KeyError, and the log has no error about it. What "
        "is caught around compose() must be what a client may do, and nothing else, or be logged as an error.",
    ),
    "an except without its star": changed(
        ("except* WebSocketDisconnect", "except WebSocketDisconnect"),
        ("except* WebSocketException", "except WebSocketException"),
        ("except* Exception as bugs", "except Exception as bugs"),
        says="the connection of a client that sent bytes ended with code 1011, not with 1003. A TaskGroup raises a "
        "group of errors, and `except*` looks inside; a plain `except` takes it for a bug.",
    ),
    "no except for a client that leaves": changed(
        ("except* WebSocketDisconnect:\n    pass\n", ""),
        says="what a client may do is logged as an error: '/story failed', with ExceptionGroup of "
        "WebSocketDisconnect. Only a bug in compose() is one.",
    ),
    "only the listener's disconnect is expected": changed(
        ("await listen(websocket, tasks)", "with suppress(WebSocketDisconnect):\n    await listen(websocket, tasks)"),
        ("except* WebSocketDisconnect:\n    pass\n", ""),
        says="a client left with 1000 during its story, and its endpoint did not end. Its story goes on: stop it. A "
        "TaskGroup waits for its tasks, unless an error leaves it.",
    ),
    "whoever leaves is a return out of the group": changed(
        ('raise WebSocketDisconnect(message["code"], message.get("reason"))', "return"),
        says="a client left with 1000 during its story, and its endpoint did not end. Its story goes on: stop it. A "
        "TaskGroup waits for its tasks, unless an error leaves it.",
    ),
    "a task without a group": changed(
        ("tasks.create_task(tell(websocket, text))", "asyncio.create_task(tell(websocket, text))"),
        says="a client sent bytes during its story, and its story went on without it. Cancel what the endpoint has "
        "started.",
    ),
    "a task without a group, cancelled in the end": changed(
        ("asyncio.create_task(tell_and_report(websocket, text))", "asyncio.create_task(tell(websocket, text))"),
        of=WITHOUT_A_GROUP,
        says="a client sent 'bug 1', at which compose() raises a KeyError, and the log has no error about it. What "
        "is caught around compose() must be what a client may do, and nothing else, or be logged as an error.",
    ),
    "whoever leaves stops all stories": changed(
        before("async def listen", "everything = set()\n\n"),
        after("telling = tasks.create_task(tell(websocket, text))", "everything.add(telling)"),
        (
            "except* WebSocketDisconnect:\n    pass",
            "except* WebSocketDisconnect:\n    for task in everything:\n        task.cancel()",
        ),
        says="a client left, and not only its own story was stopped, but another client's, too.",
    ),
    "one task for all clients": changed(
        before("async def listen", "telling = None\n\n"),
        ("    telling = None\n    while", "    global telling\n    while"),
        says="the client sent 'a fox' and expected 'Once upon a time:', but got '(busy)'. Another client is just "
        "being told a story. That is no reason: each has its own.",
    ),
    "a bug is hidden": changed(
        (LOGS, "except* Exception:\n    await try_to_close(websocket, 1011)"),
        says="a client sent 'bug 1', at which compose() raises a KeyError, and the log has no error about it. What "
        "is caught around compose() must be what a client may do, and nothing else, or be logged as an error.",
    ),
    "any RuntimeError is taken for a client that is given up": changed(
        ("except* WebSocketDisconnect:", "except* (WebSocketDisconnect, RuntimeError):"),
        says="a client sent 'bug 2', at which compose() raises a RuntimeError, and the log has no error about it.",
    ),
    "nobody asks what became of the listener": changed(
        ("done, _ = await asyncio.wait({*tasks, went_wrong}, return_when=asyncio.FIRST_COMPLETED)", "await went_wrong"),
        ("for task in done:\n    task.result()\n", ""),
        (
            'if message["type"] == "websocket.disconnect":\n    return',
            'if message["type"] == "websocket.disconnect":\n    went_wrong.set_exception(WebSocketDisconnect(1000))',
        ),
        after("await try_to_close(websocket, 1003)", "went_wrong.set_exception(WebSocketDisconnect(1003))"),
        of=A_WRITER,
        says="it was neither raised nor logged. Something of the endpoint goes on. A task's error is seen by nobody, "
        "unless somebody awaits that task.",
    ),
    "a bug is logged, and raised": changed(
        after("await try_to_close(websocket, 1011)", "raise"),
        says="a client sent 'bug 1', at which compose() raises a KeyError, and it was logged 2 times: once is "
        "enough. Raised out of the endpoint, it is logged by uvicorn, too.",
    ),
    "a bug is left to uvicorn": changed(
        (LOGS, ""),
        says="a client sent 'bug 1', at which compose() raises a KeyError, and its connection ended with code 1006, "
        "cut off without close(), not with 1011.",
    ),
    "a bug is closed with 1000": changed(
        ("await try_to_close(websocket, 1011)", "await try_to_close(websocket, 1000)"),
        says="a client sent 'bug 1', at which compose() raises a KeyError, and its connection ended with code 1000, "
        "not with 1011.",
    ),
    "a bug is logged, and its client waits": changed(
        (TELLS, LOGS_WHERE_IT_TELLS),
        says="a client sent 'bug 1', at which compose() raises a KeyError, and was still connected 2 seconds later. "
        "Close it with 1011.",
    ),
    "a send that fails is logged as a bug": changed(
        (TELLS, LOGS_WHERE_IT_TELLS),
        ("except WebSocketDisconnect:\n    pass\nexcept Exception:\n    logger", "except Exception:\n    logger"),
        after('logger.exception("/story failed")', "await try_to_close(websocket, 1011)"),
        says="a client that was gone when something was sent to it is logged as an error: '/story failed', with "
        "WebSocketDisconnect. Where a story is told, too, a send raises WebSocketDisconnect: that is no bug,",
    ),
    "a client that is given up is a bug": changed(
        (
            TELLS,
            """
            async for piece in compose(question):
                await websocket.send_text(piece)
            await websocket.send_text("(end)")
            """,
        ),
        says="a client that had been given up when something was sent to it is logged as an error: '/story failed', "
        "with ExceptionGroup of RuntimeError. Where uvicorn itself has closed, a send raises RuntimeError, while the "
        "endpoint's own side is still open: the client is gone, and that is no bug.",
    ),
    "a client that is given up when it hears that somebody is busy": changed(
        ('await send(websocket, "(busy)")', 'await websocket.send_text("(busy)")'),
        says="a client that had been given up when something was sent to it is logged as an error: '/story failed', "
        "with ExceptionGroup of RuntimeError. Where uvicorn itself has closed, a send raises RuntimeError",
    ),
    "a client that is given up when its story has been stopped": changed(
        ('await send(websocket, "(stopped)")', 'await websocket.send_text("(stopped)")'),
        says="a client that had been given up when something was sent to it is logged as an error: '/story failed', "
        "with ExceptionGroup of RuntimeError. Where uvicorn itself has closed, a send raises RuntimeError",
    ),
    "a client that leaves is logged as an error": changed(
        ("except* WebSocketDisconnect:\n    pass", 'except* WebSocketDisconnect:\n    logger.exception("left")'),
        says="what a client may do is logged as an error: 'left', with ExceptionGroup of "
        "WebSocketDisconnect. Only a bug in compose() is one.",
    ),
    "the end is said in a finally": changed(
        (
            TELLS,
            """
            try:
                async for piece in compose(question):
                    await send(websocket, piece)
            finally:
                await send(websocket, "(end)")
            """,
        ),
        says="the client sent 'a fox' and expected 'Once upon a time:', but got '(end)'. The story before was "
        "stopped: nothing more of it comes, and one (stopped).",
    ),
    "a story that is shielded": changed(
        ("tasks.create_task(tell(websocket, text))", "tasks.create_task(shielded(websocket, text))"),
        before(
            "async def listen",
            "async def shielded(websocket, text):\n    await asyncio.shield(tell(websocket, text))\n\n",
        ),
        says="a story was stopped, and `compose()` went on with it. Cancel the task that tells it.",
    ),
    "both are begun anew in each turn": whole(
        """
        await websocket.accept()
        pieces = None
        try:
            while True:
                receiving = asyncio.create_task(websocket.receive_text())
                waiting = {receiving}
                if pieces:
                    piece = asyncio.create_task(anext(pieces, "(end)"))
                    waiting.add(piece)
                done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                if pieces and piece in done:
                    await websocket.send_text(piece.result())
                    if piece.result() == "(end)":
                        pieces = None
                if receiving in done:
                    text = receiving.result()
                    if text == "stop" and pieces:
                        pieces = None
                        await websocket.send_text("(stopped)")
                    elif pieces:
                        await websocket.send_text("(busy)")
                    elif text != "stop":
                        pieces = compose(text)
        except WebSocketDisconnect:
            pass
        """,
        says="the client sent 'bug 1' and expected '(busy)', but got '(end)'.",  # and perhaps more
    ),
    "any story is a reason to be busy": changed(
        ("is_telling = telling and not telling.done()", "is_telling = telling and at_work"),
        says="but got '(busy)'. Another client is just being told a story. That is no reason: each has its own.",
    ),
    "a story is stopped where an end is expected": changed(
        before("await websocket.accept()", REPORTS),
        ('if message["type"] == "websocket.disconnect":\n    break', LEFT_WITH_AN_ERROR),
        (
            "await try_to_close(websocket, 1003)\nbreak",
            "await try_to_close(websocket, 1003)\nraise WebSocketDisconnect",
        ),
        ("except WebSocketDisconnect:\n    pass\nfinally:", "except WebSocketDisconnect:"),
        of=WITHOUT_A_GROUP,
        says="a bug happened where the endpoint listens during a story, and the story went on without it.",
    ),
    "the story itself says (stopped)": changed(
        (
            TELLS,
            """
            try:
                async for piece in compose(question):
                    await send(websocket, piece)
                await send(websocket, "(end)")
            except asyncio.CancelledError as cancelled:
                if cancelled.args:
                    await send(websocket, "(stopped)")
                raise
            """,
        ),
        (
            'telling = None  # until it has had its turn, it is not done\nawait send(websocket, "(stopped)")',
            "telling = None",
        ),
        ("telling.cancel()", 'telling.cancel("stop")'),
        says="but got 'A HEN'. Its question, 'stop' and another question had come without a wait in between. From "
        "`create_task()` on, a story can be stopped",
    ),
    "a listener that asks again and again": changed(
        (
            "message = await websocket.receive()",
            """
            hearing = asyncio.create_task(websocket.receive())
            while not hearing.done():
                await asyncio.sleep(0)
            message = hearing.result()
            """,
        ),
        says="the event loop never comes to rest. Something asks again and again",
    ),
    "stop in capitals": changed(
        ('if text == "stop":', 'if text.lower() == "stop":'),
        says="the client sent 'Stop' and expected 'Once upon a time:', but no answer came within 2 seconds. Each text "
        "is a question, as it came, unless it is 'stop', letter by letter.",
    ),
    "what begins with stop": changed(
        ('if text == "stop":', 'if text.startswith("stop"):'),
        says="the client sent 'stop it' and expected 'Once upon a time:', but no answer came within 2 seconds.",
    ),
    "empty bytes are no bytes": changed(
        ("if text is None:", 'if message.get("bytes"):'),
        says="a client that sent b'', which are bytes, too, got the answer 'Once upon a time:', instead of a close "
        "with 1003.",
    ),
    "a send without a limit": changed(
        ("async with asyncio.timeout(SLOW):\n    await websocket.send_text(text)", "await websocket.send_text(text)"),
        says="a client did not read for two hours, and then got the end of its story. A send had waited for it",
    ),
    "any error of a send is a client that has gone": changed(
        (
            "except RuntimeError:\n    if websocket.application_state == WebSocketState.CONNECTING:\n        raise",
            "except Exception:\n    if False:\n        raise",
        ),
        says="the check let an error happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "the group's own text is logged": changed(
        ('logger.error("/story failed", exc_info=bugs)', 'logger.error("/story failed: %s", bugs)'),
        says="the log says '/story failed: unhandled errors in a TaskGroup (1 sub-exception)': that is the group's",
    ),
    "the send() of disconnects-done-right": changed(
        ("== WebSocketState.CONNECTING", "!= WebSocketState.CONNECTED"),
        says="more was heard that this one had said, and that is logged as an error: '/story failed'",
    ),
    "a task for each question, whoever has asked": changed(
        ("at_work = set()", "at_work = set()\ntold: dict[str, asyncio.Task] = {}"),
        ("telling = None\nwhile True:", 'question = ""\nwhile True:'),
        ("telling and not telling.done()", "question in told and not told[question].done()"),
        (
            "telling.cancel()\ntelling = None  # until it has had its turn, it is not done",
            "told.pop(question).cancel()",
        ),
        (
            "telling = tasks.create_task(tell(websocket, text))",
            "question, told[text] = text, tasks.create_task(tell(websocket, text))",
        ),
        says="the client sent 'a fox' and expected '(busy)', but got 'Once upon a time:'. Two clients had asked "
        "the same "
        "question, and one of them said stop: each has a story of its own",
    ),
    "a question that somebody else has asked": changed(
        ("elif is_telling:", "elif is_telling or text in at_work:"),
        says="the client sent 'slow' and expected 'Once upon a time:', but got '(busy)'. Another client is just "
        "being told "
        "a story.",
    ),
    "exit ends it": changed(
        before('if text == "stop":', 'if text == "exit":\n    raise WebSocketException(1000)'),
        says="Each text is a question, as it came, unless it is 'stop', letter by letter.",
    ),
    "without the spaces around it": changed(
        ("create_task(tell(websocket, text))", "create_task(tell(websocket, text.strip()))"),
        says="expected ' STOP ', but got 'STOP'. Each text is a question, as it came, unless it is 'stop'",
    ),
    "sent without await": changed(
        ("await websocket.send_text(text)", "websocket.send_text(text)"),
        says="but no answer came within 2 seconds. Does every call of `websocket` have its `await`",
    ),
    "a slip": changed(
        ("await websocket.receive()", "await websocket.recieve()"),
        says="with code 1011. The log has an error: AttributeError: 'WebSocket' object has no attribute 'recieve', in "
        "listen(), line ",
    ),
    "no except for a client that leaves, but one for that of websockets": changed(
        before("BUGS =", "from websockets import ConnectionClosed"),
        ("except* WebSocketDisconnect:", "except* ConnectionClosed:"),
        says="with ExceptionGroup of WebSocketDisconnect. Only a bug in compose() is one. Expect "
        "WebSocketDisconnect before "
        "other errors.",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not served: the handshake for /story was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "64 KiB are enough": changed(
        before("is_telling =", "if len(text) > 65536:\n    raise WebSocketException(1009)"),
        says="the connection ended first, with code 1003. Each text is a question, as it came",
    ),
    "a story that is stopped is logged": changed(
        (
            "async for piece in compose(question):\n    await send(websocket, piece)",
            """
            try:
                async for piece in compose(question):
                    await send(websocket, piece)
            except BaseException as error:
                logger.error("cut off: %r", error)
                raise
            """,
        ),
        says="is logged as an error: 'cut off: CancelledError()'. Only a bug in compose() is one. Expect "
        "WebSocketDisconnect before other errors. (And a story that is stopped ends with CancelledError.)",
    ),
    "(stopped) is said first, and then it is stopped": changed(
        (
            STOPS,
            """
            if is_telling:
                await send(websocket, "(stopped)")
                telling.cancel()
                telling = None
            """,
        ),
        says="said 'stop', and after '(stopped)', it heard 'A FOX'. Cancel the story first",
    ),
}

RIGHT = {
    "a callback that forgets the task, and match": whole(WITH_A_CALLBACK),
    "any RuntimeError of a send is a client that is given up": changed(
        ("if websocket.application_state == WebSocketState.CONNECTING:\n    raise  # not accepted yet: a bug\n", "")
    ),
    "the listener in the group, too": changed(
        ("await listen(websocket, tasks)", "tasks.create_task(listen(websocket, tasks))")
    ),
    "the lesson's accepted(), next_text() and send()": whole(ACCEPTED),
    "a task that reports what became of it": changed(before("await websocket.accept()", REPORTS), of=WITHOUT_A_GROUP),
    "an outbox, and one task that writes": whole(A_WRITER),
    "a class": whole(STORYTELLER),
    "two long tasks, and asyncio.wait()": whole(TWO_LONG_TASKS),
}
