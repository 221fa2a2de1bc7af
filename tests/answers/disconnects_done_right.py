"""Answers to the exercise of disconnects-done-right."""

from tests.answers import Edit, after, before, changed, whole

# Parts of the solution
LISTENS = """
while True:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
"""
IT_LEAVES = """
if message["type"] == "websocket.disconnect":
    raise WebSocketDisconnect(message["code"], message.get("reason"))
"""
GETS_THE_TEXT = """
try:
    async with asyncio.timeout(IDLE):
        message = await websocket.receive()
except TimeoutError:
    await websocket.close(4000, "idle")
    return
if message["type"] == "websocket.disconnect":
    return
text = message.get("text")
if text is None:  # it sent bytes
    await websocket.close(1003, "text, please")
    return
"""
A_BUG = """
except* Exception:
    logger.exception("/job failed")
    with suppress(WebSocketDisconnect, RuntimeError):  # it may be over already
        await websocket.close(1011)
"""
PUTS_IT_OUT = 'await websocket.close(4000, "idle")\nreturn'
WORKS = """
async with asyncio.TaskGroup() as tasks:
    tasks.create_task(until_it_leaves(websocket))
    await websocket.send_text(await work(text))
    await websocket.close()
"""

# Other designs
LEFT_BEHIND = """
task = asyncio.create_task(work(text))
watcher = asyncio.create_task(until_it_leaves(websocket))
done, _ = await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
if watcher in done:
    watcher.result()
watcher.cancel()
await websocket.send_text(await task)
await websocket.close()
"""
TEXT_OUTSIDE_OF_THE_TRY = """
await websocket.accept()
try:
    async with asyncio.timeout(IDLE):
        text = await websocket.receive_text()
except TimeoutError:
    await websocket.close(4000, "idle")
    return
except KeyError:
    await websocket.close(1003)
    return
try:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(until_it_leaves(websocket))
        await websocket.send_text(await work(text))
        await websocket.close()
except* WebSocketDisconnect:
    pass
"""
WITHOUT_A_GROUP = """
async def close(code: int, reason: str = ""):
    with suppress(WebSocketDisconnect):
        await websocket.close(code, reason)

async def left():
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass

await websocket.accept()
try:
    message = await asyncio.wait_for(websocket.receive(), IDLE)
except TimeoutError:
    await close(4000, "idle")
    return
if message["type"] == "websocket.disconnect":
    return
if message.get("text") is None:
    await close(1003)
    return
worker = asyncio.create_task(work(message["text"]))
watcher = asyncio.create_task(left())
try:
    done, _ = await asyncio.wait({worker, watcher}, return_when=asyncio.FIRST_COMPLETED)
    if watcher not in done:
        await websocket.send_text(worker.result())
        await websocket.close()
except WebSocketDisconnect:
    pass
except Exception as bug:
    logger.error("/job failed", exc_info=bug)
    await close(1011)
finally:
    for task in (worker, watcher):
        task.cancel()
    await asyncio.gather(worker, watcher, return_exceptions=True)
"""


WITHOUT_STARS = [
    ("except* WebSocketDisconnect:", "except WebSocketDisconnect:"),
    ("except* Exception:", "except Exception:"),
]


def works_by(lines: str) -> Edit:
    """The edit that puts other lines where the solution has its group of tasks."""
    return WORKS, lines


def without_a_group(lines: str) -> list[Edit]:
    """The edits for lines of which no group of errors comes."""
    return [works_by(lines), *WITHOUT_STARS]


WRONG = {
    "text is expected, and nothing else": changed(
        (GETS_THE_TEXT, "text = await websocket.receive_text()"),
        says="the connection of a client that sent bytes ended with code 1011, not with 1003.",
    ),
    "no time limit": changed(
        ("asyncio.timeout(IDLE)", "asyncio.timeout(None)"),
        says="a client that sent nothing was still connected after 7.5 seconds. Close it after `IDLE` seconds, with "
        "4000 and the reason 'idle'.",
    ),
    "three times the time limit": changed(
        ("asyncio.timeout(IDLE)", "asyncio.timeout(IDLE * 3)"),
        says="a client that sent nothing was still connected after 7.5 seconds. Close it after `IDLE` seconds",
    ),
    "a tenth of the time limit": changed(
        ("asyncio.timeout(IDLE)", "asyncio.timeout(IDLE / 10)"),
        says="the connection of a client that sent nothing ended with code 4000 after 2.5 seconds. It has `IDLE` "
        "seconds",
    ),
    "a generous time limit for the work": changed(
        ("async with asyncio.TaskGroup()", "async with asyncio.timeout(600), asyncio.TaskGroup()"),
        before("except* WebSocketDisconnect:", "except* TimeoutError:\n    pass"),
        says="while a client waited for its answer, its connection ended with code 1006, cut off without close(). The "
        "time limit is for the text alone, not for the work.",
    ),
    "whoever is to be closed is expected to be there": changed(
        before("try:\n    async with asyncio.TaskGroup()", "except WebSocketDisconnect:\n    return"),
        of=TEXT_OUTSIDE_OF_THE_TRY,
        says="a client sent bytes and left at once, and the endpoint raised WebSocketDisconnect(1006) (its close() "
        "found nobody there). Whoever is to be closed may be gone: let close() stand where WebSocketDisconnect is "
        "expected. (FastAPI, closing for an exception, does not expect it.)",
    ),
    "FastAPI closes": changed(
        (A_BUG, ""),
        (PUTS_IT_OUT, 'raise WebSocketException(4000, "idle") from None'),
        (
            'await websocket.close(1003, "text, please")\nreturn',
            'raise WebSocketException(1003, "text, please") from None',
        ),
        says="a client sent bytes and left at once, and the endpoint raised WebSocketDisconnect(1006) (its close() "
        "found nobody there). Whoever is to be closed may be gone",
    ),
    "an empty text is taken for none": changed(
        before("async with asyncio.TaskGroup()", 'if not text:\n    await websocket.close(4000, "idle")\n    return'),
        says="the client sent '' and expected '', but the connection ended first, with code 4000.",
    ),
    "some errors of the work are taken for the client's": changed(
        ("except* WebSocketDisconnect:", "except* (WebSocketDisconnect, RuntimeError, TimeoutError):"),
        says="a client sent 'bug 2', at which work() raises a RuntimeError, and the log has no error about it.",
    ),
    "the listener is left behind by a bug": changed(
        *without_a_group("""
            worker = asyncio.create_task(work(text))
            listener = asyncio.create_task(until_it_leaves(websocket))
            await asyncio.wait({worker, listener}, return_when=asyncio.FIRST_COMPLETED)
            if listener.done():
                worker.cancel()
                listener.result()
            answer = worker.result()
            listener.cancel()
            await websocket.send_text(answer)
            await websocket.close()
        """),
        says="a client sent 'bug 1', at which work() raises a KeyError, and a task was left behind: 'Task exception "
        "was never retrieved', with WebSocketDisconnect. Stop in a `finally` what the endpoint has started.",
    ),
    "a client put out without a reason": changed(
        ('4000, "idle"', "4000"), says="that sent nothing ended with code 4000, not with 4000 and the reason 'idle'."
    ),
    "a return instead of a close": changed(
        (PUTS_IT_OUT, "return"),
        says="that sent nothing ended with code 1006, cut off without close(), not with 4000 and the reason 'idle'.",
    ),
    "the time limit includes the work": whole(
        """
        await websocket.accept()
        try:
            try:
                async with asyncio.timeout(IDLE), asyncio.TaskGroup() as tasks:
                    text = await websocket.receive_text()
                    tasks.create_task(until_it_leaves(websocket))
                    await websocket.send_text(await work(text))
                    await websocket.close()
            except* TimeoutError:
                await websocket.close(4000, "idle")
            except* KeyError:
                await websocket.close(1003)
        except* WebSocketDisconnect:
            pass
        """,
        says="while a client waited for its answer, its connection ended with code 4000. The time limit is for the "
        "text alone, not for the work.",
    ),
    "nobody receives during the work": changed(
        ("tasks.create_task(until_it_leaves(websocket))", ""),
        says="a client left with 1000 during its work, and its endpoint did not notice. Somebody must go on receiving",
    ),
    "client_state is asked in a loop": changed(
        *without_a_group("""
            task = asyncio.create_task(work(text))
            while not task.done():
                await asyncio.sleep(0.01)
                if websocket.client_state.name == "DISCONNECTED":
                    task.cancel()
                    return
            await websocket.send_text(task.result())
            await websocket.close()
        """),
        says="a client left with 1000 during its work, and its endpoint did not notice. Somebody must go on receiving",
    ),
    "the work is left behind": changed(
        *without_a_group(LEFT_BEHIND),
        says="a client left with 1000 during its work, and its work went on without it. Cancel what the endpoint has",
    ),
    "an except without its star": changed(
        *WITHOUT_STARS,
        (A_BUG.replace("except*", "except"), ""),
        says="the endpoint raised ExceptionGroup with WebSocketDisconnect(1000). A TaskGroup raises a group of "
        "errors: catch it with `except*`.",
    ),
    "an except without its star, which only shows when a client leaves": changed(
        *without_a_group("""
            async with asyncio.TaskGroup() as tasks:
                watcher = tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                watcher.cancel()
            await websocket.close()
        """),
        says="what a client may do is logged as an error: '/job failed', with ExceptionGroup. Only a bug in the work "
        "is one. (A TaskGroup raises a group of errors: `except*` looks inside, and a plain `except` does not.",
    ),
    "the close waits for the listener, and the listener for the close": changed(
        works_by("""
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
            await websocket.close()
        """),
        says="after the answer the connection was still open 2 seconds later. End with close(). A TaskGroup waits for "
        "all its tasks, also for the one that listens: answer and close inside its block.",
    ),
    "the work is a task, and the answer waits for the group": changed(
        works_by("""
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                worker = tasks.create_task(work(text))
            await websocket.send_text(worker.result())
            await websocket.close()
        """),
        says="the client sent 'hello' and expected 'HELLO', but no answer came within 2 seconds. Does every call of "
        "`websocket` have its `await`, and does the endpoint answer before it ends? A TaskGroup waits for all its "
        "tasks, also for the one that listens: answer and close inside its block.",
    ),
    "a single receive() beside the work": changed(
        ("create_task(until_it_leaves(websocket))", "create_task(websocket.receive())"),
        says="a client left with 1000 during its work, and its endpoint did not notice. Somebody must go on receiving "
        "while the work goes on: one `receive()` is used up by what the client says, and gives back a disconnect as a "
        "message, without an error.",
    ),
    "a client that leaves is logged as an error": changed(
        ("pass", 'logger.exception("left")'),
        says="what a client may do is logged as an error: 'left', with ExceptionGroup. Only a bug in the work is one.",
    ),
    "a KeyError is taken for bytes, wherever it comes from": whole(
        """
        await websocket.accept()
        try:
            async with asyncio.timeout(IDLE) as limit:
                text = await websocket.receive_text()
                limit.reschedule(None)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(until_it_leaves(websocket))
                    await websocket.send_text(await work(text))
                    await websocket.close()
        except* TimeoutError:
            await websocket.close(4000, "idle")
        except* KeyError:
            with suppress(WebSocketDisconnect):
                await websocket.close(1003)
        except* WebSocketDisconnect:
            pass
        """,
        says="a client sent 'bug 1', at which work() raises a KeyError, and the log has no error about it. What is "
        "caught around the work must be WebSocketDisconnect alone, or be logged as an error.",
    ),
    "a close in a function of its own, and no return where it is called": changed(
        (GETS_THE_TEXT, "text = await the_text(websocket)"),
        before(
            "@app.websocket",
            """
            async def the_text(websocket: WebSocket):
                try:
                    async with asyncio.timeout(IDLE):
                        return await websocket.receive_text()
                except TimeoutError:
                    await websocket.close(4000, "idle")
                except KeyError:
                    await websocket.close(1003)
            """,
        ),
        says="'/job failed', with ExceptionGroup. Only a bug in the work is one. (A TaskGroup raises",
    ),
    "any message is taken for the end": changed(
        *without_a_group("""
            task = asyncio.create_task(work(text))
            watcher = asyncio.create_task(websocket.receive())
            await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                return
            watcher.cancel()
            await websocket.send_text(task.result())
            await websocket.close()
        """),
        says="a client said something more during its work, a text and bytes, and the work was stopped.",
    ),
    "receive_text() beside the work, which may close first": changed(
        (LISTENS, "while True:\n    await websocket.receive_text()"),
        says="and the work was stopped. The connection ended with code 1011. Only a message of the type",
    ),
    "only texts are ignored during the work": changed(
        (LISTENS, 'while "text" in await websocket.receive():\n    pass\nraise WebSocketDisconnect(1000)'),
        says="a client said something more during its work, a text and bytes, and the work was stopped.",
    ),
    "one task for all": changed(
        after("at_work = set()", "running = []"),
        *without_a_group(LEFT_BEHIND),
        after("task = asyncio.create_task(work(text))", "running.append(task)"),
        before("watcher.result()", "for task in running:\n    task.cancel()"),
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, asyncio.CancelledError):"),
        says="a client left, and not only its own work was stopped, but another client's, too.",
    ),
    "the cancelled work is awaited": changed(
        *without_a_group("""
            task = asyncio.create_task(work(text))

            async def watch():
                try:
                    await until_it_leaves(websocket)
                except WebSocketDisconnect:
                    task.cancel()

            watcher = asyncio.create_task(watch())
            await websocket.send_text(await task)
            await websocket.close()
            await watcher
        """),
        says="a client left with 1000 during its work, and the endpoint was cancelled.",
    ),
    "the work is not done at all": changed(
        ("await work(text)", "text.upper()"),
        says="the client sent 'slow and steady', but `await work('slow and steady')` is not running.",
    ),
    "who leaves without a word is not expected": whole(
        TEXT_OUTSIDE_OF_THE_TRY,
        says="a client left before it had said anything, and the endpoint raised WebSocketDisconnect(1005).",
    ),
    "whatever goes wrong with the text is answered with 1003": changed(
        ("except KeyError:", "except Exception:"),
        of=TEXT_OUTSIDE_OF_THE_TRY,
        says="a client left before it had said anything, and the endpoint raised WebSocketDisconnect(1006) (its "
        "close() found nobody there). When the client has gone, there is nothing to close",
    ),
    "every error of the work is hidden": changed(
        ("except* WebSocketDisconnect:", "except* Exception:"),
        says="a client sent 'bug 1', at which work() raises a KeyError, and the log has no error about it.",
    ),
    "the work is taken off the list, and goes on": changed(
        *without_a_group(LEFT_BEHIND),
        before("watcher.result()", "at_work.discard(text)"),
        says="all clients had left, and tasks of their endpoints still went on. Cancel what the endpoint has started",
    ),
    "a close without its return": changed(
        (PUTS_IT_OUT, 'await websocket.close(4000, "idle")'),
        says="And: does each close() of the first part have its `return`?",
    ),
    "receive_text() as the listener, after which bytes come": changed(
        (LISTENS, "while True:\n    await websocket.receive_text()"),
        works_by("""
            async with asyncio.TaskGroup() as tasks:
                listener = tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                listener.cancel()
            await websocket.close()
        """),
        says="and the work was stopped.",
    ),
    "the time limit is around everything, and nobody listens": whole(
        """
        await websocket.accept()
        try:
            async with asyncio.timeout(IDLE):
                text = await websocket.receive_text()
                await websocket.send_text(await work(text))
                await websocket.close()
        except TimeoutError:
            await websocket.close(4000, "idle")
        except KeyError:
            await websocket.close(1003)
        except WebSocketDisconnect:
            pass
        """,
        says="The time limit is for the text alone, not for the work.",
    ),
    "a cancellation is logged as a bug, and goes no further": changed(
        after("except* WebSocketDisconnect:\n    pass", 'except* BaseException:\n    logger.exception("a bug")'),
        says="it catches even CancelledError.",
    ),
    "a send that fails is logged as a bug": changed(
        *without_a_group("""
            worker = asyncio.create_task(work(text))

            async def listen():
                with suppress(WebSocketDisconnect):
                    await until_it_leaves(websocket)
                worker.cancel()

            listener = asyncio.create_task(listen())
            try:
                await asyncio.wait({worker})
                if not worker.cancelled():
                    await websocket.send_text(worker.result())
                    await websocket.close()
            except Exception:
                logger.exception("/job failed")
                with suppress(WebSocketDisconnect, RuntimeError):
                    await websocket.close(1011)
            finally:
                listener.cancel()
                worker.cancel()
        """),
        says="a client that leaves before its answer is logged as an error: '/job failed', with WebSocketDisconnect. "
        "Expect WebSocketDisconnect from the send, too.",
    ),
    "what it says during the work is answered": changed(
        before(
            IT_LEAVES,
            """
            if message["type"] == "websocket.receive":
                with suppress(WebSocketDisconnect, RuntimeError):
                    await websocket.send_text("busy")
            """,
        ),
        says="a client said something more during its work, a text and bytes, and was answered 'busy'. What it says "
        "during the work is ignored.",
    ),
    "the text is stripped": changed(
        ("await work(text)", "await work(text.strip())"),
        says="the client sent ' hi ' and expected ' HI ', but got 'HI'. The answer is what work(text) returns, for "
        "the text as it came.",
    ),
    "a listener that nobody waits for": changed(
        *without_a_group("""
            listener = asyncio.create_task(until_it_leaves(websocket))
            try:
                await websocket.send_text(await work(text))
                await websocket.close()
            finally:
                listener.cancel()
        """),
        says="its endpoint did not notice. Somebody must go on receiving while the work goes on: one `receive()` is "
        "used up by what the client says, and gives back a disconnect as a message, without an error. If somebody "
        "does: the error of a task stops nothing else, unless that task is awaited, as in a TaskGroup.",
    ),
    "bytes during the work are refused": changed(
        before(IT_LEAVES, 'if message.get("bytes") is not None:\n    await websocket.close(1003)'),
        says="and the work was stopped. The connection ended with code 1003. Only a message of the type "
        "`websocket.disconnect` says that it has left.",
    ),
    "the listener and the work in gather(), and the answer below it": changed(
        *without_a_group("""
            _, answer = await asyncio.gather(until_it_leaves(websocket), work(text))
            await websocket.send_text(answer)
            await websocket.close()
        """),
        says="answer and close inside its block. (gather() waits for all, too: answer and close in one of its "
        "functions.)",
    ),
    "another clock than that of the event loop": changed(
        before("IDLE =", "import time"),
        (
            GETS_THE_TEXT,
            """
            receiving = asyncio.create_task(websocket.receive())
            start = time.monotonic()
            while not receiving.done():
                await asyncio.wait({receiving}, timeout=0.1)
                if not receiving.done() and time.monotonic() - start > IDLE:
                    receiving.cancel()
                    await websocket.close(4000, "idle")
                    return
            message = receiving.result()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                await websocket.close(1003)
                return
            """,
        ),
        says="a client that sent nothing was still connected after 7.5 seconds. Close it after `IDLE` seconds, with "
        "4000 and the reason 'idle'. (The check sets the event loop's clock forward: asyncio.timeout() goes by it, "
        "time.monotonic() does not.)",
    ),
    "a bug is left to uvicorn, which cuts the connection": changed(
        (A_BUG, ""),
        says="a client sent 'bug 1', at which work() raises a KeyError, and its connection ended with code 1006, "
        "cut off without close(), not with 1011.",
    ),
    "close() in the except": changed(
        ("pass", "await websocket.close()"),
        says='WebSocketDisconnected: Cannot call "send" once a close message has been sent. Something goes on after '
        "the connection has ended: is a `return` missing, or is it still in a loop? Or does a send or close()",
    ),
    "close() in the finally": changed(
        after(A_BUG, "finally:\n    await websocket.close()"),
        says="Or does a send or close() stand in or below the `except`, or in a `finally`?",
    ),
    "any error of a receive is taken for bytes": changed(
        ("except TimeoutError:", "except RuntimeError:\n    return\nexcept TimeoutError:"),
        says="the check let a RuntimeError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
}

RIGHT = {
    "tasks, and no group": whole(WITHOUT_A_GROUP),
    "a time limit in slices": changed(
        (
            "message = await asyncio.wait_for(websocket.receive(), IDLE)",
            """
            receiving = asyncio.create_task(websocket.receive())
            for _ in range(IDLE):
                if not receiving.done():
                    await asyncio.wait({receiving}, timeout=1)
            if not receiving.done():
                receiving.cancel()
                raise TimeoutError
            message = receiving.result()
            """,
        ),
        of=WITHOUT_A_GROUP,
    ),
}
