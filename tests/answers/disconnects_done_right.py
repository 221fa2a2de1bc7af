"""Answers to the exercise of disconnects-done-right."""

HEAD = """
IDLE = 5
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}

app = FastAPI()
at_work = set()
running = None


async def work(text: str) -> str:
    at_work.add(text)
    try:
        if text in BUGS:
            raise BUGS[text](text)
        if text.startswith("slow"):
            await asyncio.Event().wait()
        return text.upper()
    finally:
        at_work.discard(text)


async def until_it_leaves(websocket: WebSocket):
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"], message.get("reason"))


async def the_text(websocket: WebSocket):
    try:
        async with asyncio.timeout(IDLE):
            return await websocket.receive_text()
    except TimeoutError:
        await websocket.close(4000, "idle")
    except KeyError:
        await websocket.close(1003)


@app.websocket("/job")
async def job(websocket: WebSocket):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "text is expected, and nothing else",
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "the connection of a client that sent bytes ended with code 1006, cut off without close(), not with 1003. "
        "On the server, the endpoint raised KeyError: 'text'.",
    ),
    (
        "no time limit",
        """
        await websocket.accept()
        try:
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003)
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client that sent nothing was still connected after 7.5 seconds. Close it after `IDLE` seconds, with 4000 "
        "and the reason 'idle'.",
    ),
    (
        "three times the time limit",
        """
        await websocket.accept()
        try:
            try:
                async with asyncio.timeout(IDLE * 3):
                    text = await websocket.receive_text()
            except TimeoutError:
                await websocket.close(4000, "idle")
                return
            except KeyError:
                await websocket.close(1003)
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client that sent nothing was still connected after 7.5 seconds. Close it after `IDLE` seconds",
    ),
    (
        "a tenth of the time limit",
        """
        await websocket.accept()
        try:
            try:
                async with asyncio.timeout(IDLE / 10):
                    text = await websocket.receive_text()
            except TimeoutError:
                await websocket.close(4000, "idle")
                return
            except KeyError:
                await websocket.close(1003)
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "the connection of a client that sent nothing ended with code 4000 after 2.5 seconds. It has `IDLE` seconds",
    ),
    (
        "a generous time limit for the work",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.timeout(600), asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* TimeoutError:
            pass
        except* WebSocketDisconnect:
            pass
        """,
        "while a client waited for its answer, its connection ended with code 1006, cut off without close(). "
        "The time limit is for the text alone, not for the work.",
    ),
    (
        "whoever is to be closed is expected to be there",
        """
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
        except WebSocketDisconnect:
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client sent bytes and left at once, and the endpoint raised WebSocketDisconnect(1006). Whoever is to be "
        "closed may be gone: let close() stand where WebSocketDisconnect is expected. (FastAPI, closing for an "
        "exception, does not expect it.)",
    ),
    (
        "FastAPI closes",
        """
        await websocket.accept()
        try:
            try:
                async with asyncio.timeout(IDLE):
                    text = await websocket.receive_text()
            except TimeoutError:
                raise WebSocketException(4000, "idle") from None
            except KeyError:
                raise WebSocketException(1003, "text, please") from None
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client sent bytes and left at once, and the endpoint raised WebSocketDisconnect(1006).",
    ),
    (
        "an empty text is taken for none",
        """
        await websocket.accept()
        try:
            if not (text := await the_text(websocket)):
                await websocket.close(4000, "idle")
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "the client sent '' and expected '', but the connection ended first, with code 4000.",
    ),
    (
        "some errors of the work are taken for the client's",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* (WebSocketDisconnect, RuntimeError, TimeoutError):
            pass
        """,
        "a client sent 'bug 2', at which work() raises a RuntimeError, and the log has no error about it.",
    ),
    (
        "the listener is left behind by a bug",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
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
        except WebSocketDisconnect:
            pass
        """,
        "a client sent 'bug 1', at which work() raises a KeyError, and a task was left behind: 'Task exception was "
        "never retrieved', with WebSocketDisconnect. Stop in a `finally` what the endpoint has started.",
    ),
    (
        "a client put out without a reason",
        """
        await websocket.accept()
        try:
            try:
                async with asyncio.timeout(IDLE):
                    text = await websocket.receive_text()
            except TimeoutError:
                await websocket.close(4000)
                return
            except KeyError:
                await websocket.close(1003)
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "that sent nothing ended with code 4000, not with 4000 and the reason 'idle'.",
    ),
    (
        "a return instead of a close",
        """
        await websocket.accept()
        try:
            try:
                async with asyncio.timeout(IDLE):
                    text = await websocket.receive_text()
            except TimeoutError:
                return
            except KeyError:
                await websocket.close(1003)
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "that sent nothing ended with code 1006, cut off without close(), not with 4000 and the reason 'idle'.",
    ),
    (
        "the time limit includes the work",
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
        "while a client waited for its answer, its connection ended with code 4000. "
        "The time limit is for the text alone, not for the work.",
    ),
    (
        "nobody receives during the work",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            await websocket.send_text(await work(text))
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "a client left with 1000 during its work, and its endpoint did not notice. Somebody must go on receiving",
    ),
    (
        "client_state is asked in a loop",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            task = asyncio.create_task(work(text))
            while not task.done():
                await asyncio.sleep(0.01)
                if websocket.client_state.name == "DISCONNECTED":
                    task.cancel()
                    return
            await websocket.send_text(task.result())
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "a client left with 1000 during its work, and its endpoint did not notice. Somebody must go on receiving",
    ),
    (
        "the work is left behind",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            task = asyncio.create_task(work(text))
            watcher = asyncio.create_task(until_it_leaves(websocket))
            done, _ = await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if watcher in done:
                watcher.result()
            watcher.cancel()
            await websocket.send_text(task.result())
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "a client left with 1000 during its work, and its work went on without it. Cancel what the endpoint has",
    ),
    (
        "an except without its star",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "the endpoint raised ExceptionGroup with WebSocketDisconnect(1000). A TaskGroup raises a group of errors: "
        "catch it with `except*`.",
    ),
    (
        "an except without its star, which only shows when a client leaves",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                watcher = tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                watcher.cancel()
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "a client left with 1000 during its work, and the endpoint raised ExceptionGroup with "
        "WebSocketDisconnect(1000). A TaskGroup raises a group of errors: catch it with `except*`.",
    ),
    (
        "the close waits for the listener, and the listener for the close",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
            await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "after the answer the connection was still open 2 seconds later. End with close(). A TaskGroup waits for all "
        "its tasks, also for the one that listens: answer and close inside its block.",
    ),
    (
        "the work is a task, and the answer waits for the group",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                worker = tasks.create_task(work(text))
            await websocket.send_text(worker.result())
            await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "the client sent 'hello' and expected 'HELLO', but no answer came within 2 seconds. Does every call of "
        "`websocket` have its `await`, and does the endpoint answer before it ends? A TaskGroup waits for all its "
        "tasks, also for the one that listens: answer and close inside its block.",
    ),
    (
        "a single receive() beside the work",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(websocket.receive())
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client left with 1000 during its work, and its endpoint did not notice. Somebody must go on receiving while "
        "the work goes on: one `receive()` is used up by what the client says, and gives back a disconnect as a "
        "message, without an error.",
    ),
    (
        "a client that leaves is logged as an error",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            logging.getLogger("uvicorn.error").exception("left")
        """,
        "what a client may do is logged as an error: 'left', with ExceptionGroup. Only a bug in the work is one.",
    ),
    (
        "a KeyError is taken for bytes, wherever it comes from",
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
            await websocket.close(1003)
        except* WebSocketDisconnect:
            pass
        """,
        "a client sent 'bug 1', at which work() raises a KeyError, and the log has no error about it. What is caught "
        "around the work must be WebSocketDisconnect alone, or be logged as an error.",
    ),
    (
        "a close in a function of its own, and no return where it is called",
        """
        await websocket.accept()
        try:
            text = await the_text(websocket)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "There was no text to work for. Does each close() of the first part have its `return`?",
    ),
    (
        "any message is taken for the end",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            task = asyncio.create_task(work(text))
            watcher = asyncio.create_task(websocket.receive())
            await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                return
            watcher.cancel()
            await websocket.send_text(task.result())
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "a client said something more during its work, a text and bytes, and the work was stopped.",
    ),
    (
        "receive_text() beside the work, which may close first",
        """
        async def listen():
            while True:
                await websocket.receive_text()

        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen())
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "Something is received or sent after close()",
    ),
    (
        "only texts are ignored during the work",
        """
        async def listen():
            while "text" in await websocket.receive():
                pass
            raise WebSocketDisconnect(1000)

        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen())
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client said something more during its work, a text and bytes, and the work was stopped.",
    ),
    (
        "one task for all",
        """
        global running
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            task = asyncio.create_task(work(text))
            everybody = running = [*(running or []), task]
            watcher = asyncio.create_task(until_it_leaves(websocket))
            done, _ = await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if watcher in done:
                for task in running:
                    task.cancel()
                watcher.result()
            watcher.cancel()
            await websocket.send_text(await task)
            await websocket.close()
        except (WebSocketDisconnect, asyncio.CancelledError):
            pass
        """,
        "a client left, and not only its own work was stopped, but another client's, too.",
    ),
    (
        "the cancelled work is awaited",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
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
        except WebSocketDisconnect:
            pass
        """,
        "a client left with 1000 during its work, and the endpoint was cancelled.",
    ),
    (
        "the work is not done at all",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            await websocket.send_text(text.upper())
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'slow and steady', but `await work('slow and steady')` is not running.",
    ),
    (
        "who leaves without a word is not expected",
        """
        await websocket.accept()
        if (text := await the_text(websocket)) is None:
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client left before it had said anything, and the endpoint raised WebSocketDisconnect(1005).",
    ),
    (
        "whatever goes wrong with the text is answered with 1003",
        """
        await websocket.accept()
        try:
            async with asyncio.timeout(IDLE):
                text = await websocket.receive_text()
        except TimeoutError:
            await websocket.close(4000, "idle")
            return
        except Exception:
            await websocket.close(1003)
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client left before it had said anything, and the endpoint raised WebSocketDisconnect(1006). "
        "Expect WebSocketDisconnect in the first part, too, and do not close() then.",
    ),
    (
        "every error of the work is hidden",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* Exception:
            pass
        """,
        "a client sent 'bug 1', at which work() raises a KeyError, and the log has no error about it.",
    ),
    (
        "the work is taken off the list, and goes on",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            task = asyncio.create_task(work(text))
            watcher = asyncio.create_task(until_it_leaves(websocket))
            done, _ = await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if watcher in done:
                at_work.discard(text)
                watcher.result()
            watcher.cancel()
            await websocket.send_text(task.result())
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "all clients had left, and tasks of their endpoints still went on. Cancel what the endpoint has started",
    ),
    (
        "a close without its return",
        """
        await websocket.accept()
        try:
            try:
                async with asyncio.timeout(IDLE):
                    text = await websocket.receive_text()
            except TimeoutError:
                await websocket.close(4000, "idle")
            except KeyError:
                await websocket.close(1003)
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "Does each close() of the first part have its `return`?",
    ),
    (
        "receive_text() as the listener, after which bytes come",
        """
        async def listen():
            while True:
                await websocket.receive_text()

        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                listener = tasks.create_task(listen())
                await websocket.send_text(await work(text))
                listener.cancel()
            await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "and the work was stopped.",
    ),
    (
        "the time limit is around everything, and nobody listens",
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
        "The time limit is for the text alone, not for the work.",
    ),
    (
        "a cancellation is logged as a bug, and goes no further",
        """
        await websocket.accept()
        try:
            text = await the_text(websocket)
            if text is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        except* BaseException:
            logging.getLogger("uvicorn.error").exception("a bug")
        """,
        "it catches even CancelledError.",
    ),
    (
        "a send that fails is logged as a bug",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
        except WebSocketDisconnect:
            return
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
            logging.getLogger("uvicorn.error").exception("/job failed")
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1011)
        finally:
            listener.cancel()
            worker.cancel()
        """,
        "a client that leaves before its answer is logged as an error: '/job failed', with WebSocketDisconnect. Expect "
        "WebSocketDisconnect from the send, too.",
    ),
    (
        "what it says during the work is answered",
        """
        async def listen():
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message["code"])
                with suppress(WebSocketDisconnect, RuntimeError):
                    await websocket.send_text("busy")

        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen())
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client said something more during its work, a text and bytes, and was answered 'busy'. What it says during "
        "the work is ignored.",
    ),
    (
        "the text is stripped",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text.strip()))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "the client sent ' hi ' and expected ' HI ', but got 'HI'. The answer is what work(text) returns, for the text "
        "as it came.",
    ),
    (
        "a listener that nobody waits for",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            listener = asyncio.create_task(until_it_leaves(websocket))
            try:
                await websocket.send_text(await work(text))
                await websocket.close()
            finally:
                listener.cancel()
        except WebSocketDisconnect:
            pass
        """,
        "its endpoint did not notice. Somebody must go on receiving while the work goes on: one `receive()` is used up "
        "by what the client says, and gives back a disconnect as a message, without an error. If somebody does: the "
        "error of a task stops nothing else, unless that task is awaited, as in a TaskGroup.",
    ),
    (
        "bytes during the work are refused",
        """
        async def listen():
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message["code"])
                if message.get("bytes") is not None:
                    await websocket.close(1003)

        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen())
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "and the work was stopped. The connection ended with code 1003. Only a message of the type "
        "`websocket.disconnect` says that it has left.",
    ),
    (
        "the listener and the work in gather(), and the answer below it",
        """
        await websocket.accept()
        try:
            if (text := await the_text(websocket)) is None:
                return
            _, answer = await asyncio.gather(until_it_leaves(websocket), work(text))
            await websocket.send_text(answer)
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "answer and close inside its block. (gather() waits for all, too: answer and close in one of its functions.)",
    ),
    (
        "another clock than that of the event loop",
        """
        import time
        await websocket.accept()
        receiving = asyncio.create_task(websocket.receive())
        try:
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
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(until_it_leaves(websocket))
                await websocket.send_text(await work(text))
                await websocket.close()
        except* WebSocketDisconnect:
            pass
        """,
        "a client that sent nothing was still connected after 7.5 seconds. Close it after `IDLE` seconds, with 4000 "
        "and the reason 'idle'. (The check sets the event loop's clock forward: asyncio.timeout() goes by it, "
        "time.monotonic() does not.)",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
IDLE = 5
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}

app = FastAPI()
at_work = set()


async def work(text: str) -> str:
    at_work.add(text)
    try:
        if text in BUGS:
            raise BUGS[text](text)
        if text.startswith("slow"):
            await asyncio.Event().wait()
        return text.upper()
    finally:
        at_work.discard(text)


async def close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect):
        await websocket.close(code, reason)


async def left(websocket: WebSocket):
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


@app.websocket("/job")
async def job(websocket: WebSocket):
    await websocket.accept()
    try:
        message = await asyncio.wait_for(websocket.receive(), IDLE)
    except TimeoutError:
        await close(websocket, 4000, "idle")
        return
    if message["type"] == "websocket.disconnect":
        return
    if message.get("text") is None:
        await close(websocket, 1003)
        return
    worker = asyncio.create_task(work(message["text"]))
    watcher = asyncio.create_task(left(websocket))
    try:
        done, _ = await asyncio.wait({worker, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if watcher not in done:
            await websocket.send_text(worker.result())
            await websocket.close()
    except WebSocketDisconnect:
        pass
    finally:
        for task in (worker, watcher):
            task.cancel()
        await asyncio.gather(worker, watcher, return_exceptions=True)
"""

SLICES_OF_TIME = RIGHT_IN_ANOTHER_WAY.replace(
    "message = await asyncio.wait_for(websocket.receive(), IDLE)",
    """receiving = asyncio.create_task(websocket.receive())
        for _ in range(IDLE):
            if not receiving.done():
                await asyncio.wait({receiving}, timeout=1)
        if not receiving.done():
            receiving.cancel()
            raise TimeoutError
        message = receiving.result()""",
)
