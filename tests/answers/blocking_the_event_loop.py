"""Answers to the exercise of blocking-the-event-loop."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

MAKES = "text = await asyncio.to_thread(exercises.slow_report, name)"
WORKERS = """
from contextlib import asynccontextmanager


async def work():
    while True:
        name, future = await jobs.get()
        try:
            text = await asyncio.to_thread(exercises.slow_report, name)
            future.done() or future.set_result(text)
        except Exception as error:
            future.done() or future.set_exception(error)


@asynccontextmanager
async def lifespan(app):
    global jobs
    jobs = asyncio.Queue()
    workers = [asyncio.create_task(work()) for _ in range(8)]
    yield
    for task in workers:
        task.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/report")
async def report(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            future = asyncio.get_running_loop().create_future()
            jobs.put_nowait((await websocket.receive_text(), future))
            await websocket.send_text(await future)
    except WebSocketDisconnect:
        pass
"""

WRONG = {
    "async def around it, and an await": changed(
        before("@app.websocket", "async def make(name):\n    return exercises.slow_report(name)"),
        (MAKES, "text = await make(name)"),
        says="while slow_report('Ann') was at work, nobody else could be served: it ran on the thread of the event "
        "loop, called in make(), line 5 of its cell. Hand it to a thread",
    ),
    "called first, and its result given to to_thread()": changed(
        ("exercises.slow_report, name", "exercises.slow_report(name)"),
        says="called in report(), line 10 of its cell. Hand it to a thread: asyncio.to_thread() takes the function "
        "and its arguments, and calls it there. On the server, the endpoint raised TypeError: 'str' object is not "
        "callable.",
    ),
    "awaited, although it is a plain function": changed(
        (MAKES, "text = await exercises.slow_report(name)"),
        says="(a plain function, with an `await` that does not belong there?)",
    ),
    "waits, and never calls it": changed(
        before(MAKES, "await asyncio.Event().wait()"),
        says="slow_report('Ann') was not called within 2 seconds. (The check sees the threads of this process only.)",
    ),
    "called on the loop, its result passed through a thread": changed(
        ("exercises.slow_report, name", "str, exercises.slow_report(name)"),
        says="nobody else could be served: it ran on the thread of the event loop, called in report(), line ",
    ),
    "to_thread() without await": changed(
        ("await asyncio.to_thread", "asyncio.to_thread"),
        says="object has no attribute 'encode' (an `await` is missing).",
    ),
    "to_thread() without await, as text": changed(
        ("await asyncio.to_thread", "asyncio.to_thread"),
        ("send_text(text)", "send_text(str(text))"),
        says="'Ann' was answered with the text of a coroutine. Its `await` is missing.",
    ),
    "asyncio.sleep() instead of the library": changed(
        (MAKES, 'await asyncio.sleep(0.3)\ntext = f"report for {name}"'),
        says="'Ann' was answered 'report for Ann', and slow_report('Ann') had not been called.",
    ),
    "started, and not waited for": changed(
        (
            MAKES,
            """
            asyncio.create_task(asyncio.to_thread(exercises.slow_report, name))
            await asyncio.sleep(0.1)
            text = f"report for {name}"
            """,
        ),
        says="'Ann' was answered 'report for Ann' before slow_report('Ann') had returned. Await its result.",
    ),
    "a task for each message": whole(
        """
        tasks = []

        async def answer(name):
            await websocket.send_text(await asyncio.to_thread(exercises.slow_report, name))

        await websocket.accept()
        try:
            while True:
                tasks.append(asyncio.create_task(answer(await websocket.receive_text())))
        except WebSocketDisconnect:
            pass
        """,
        says="a client asked for 'one', then for 'two', and was answered 'report for two' while the report for 'one' "
        "was",
    ),
    "sleep(0) before the call": changed(
        (MAKES, "await asyncio.sleep(0)\ntext = exercises.slow_report(name)"),
        says="nobody else could be served: it ran on the thread of the event loop, called in report(), line ",
    ),
    "a thread, and join()": changed(
        before("app =", "import threading"),
        (
            MAKES,
            """
            got = []
            thread = threading.Thread(target=lambda: got.append(exercises.slow_report(name)))
            thread.start()
            thread.join()
            text = got[0]
            """,
        ),
        says="while Ann's report was being made, Ben got no answer: the event loop is blocked in report(), line ",
    ),
    "a pool, and result()": changed(
        after("app = FastAPI()", "from concurrent.futures import ThreadPoolExecutor\n\npool = ThreadPoolExecutor()"),
        (MAKES, "text = pool.submit(exercises.slow_report, name).result()"),
        says="Ben got no answer: the event loop is blocked in report(), line ",
    ),
    "a pool of one thread": changed(
        after(
            "app = FastAPI()",
            "from concurrent.futures import ThreadPoolExecutor\n\npool = ThreadPoolExecutor(max_workers=1)",
        ),
        (MAKES, "text = await asyncio.get_running_loop().run_in_executor(pool, exercises.slow_report, name)"),
        says="but no answer came within 2 seconds. A report waits for another one to be done. Is there a lock, or a "
        "pool",
    ),
    "two reports at a time": changed(
        after("app = FastAPI()", "two = asyncio.Semaphore(2)"),
        (MAKES, f"async with two:\n    {MAKES}"),
        says="three clients asked at the same time, 'Cleo', 'Dan', 'Eve', and slow_report() was called for 2 of them",
    ),
    "def instead of async def": whole(
        """
        app = FastAPI()

        @app.websocket("/report")
        def report(websocket: WebSocket):
            websocket.accept()
        """,
        says="(is it `async def`?)",
    ),
    "def instead of async def, and no await anywhere": whole(
        """
        app = FastAPI()

        @app.websocket("/report")
        def report(websocket: WebSocket):
            websocket.accept()
            while True:
                name = websocket.receive_text()
                websocket.send_text(exercises.slow_report(name))
        """,
        says="the event loop is blocked in report(), line 9 of its cell or file. An endpoint must be `async def`, and "
        "each of its waits an `await`.",
    ),
    "sent from the thread, on an event loop of its own": changed(
        (MAKES, "def answer():\n    asyncio.run(websocket.send_text(exercises.slow_report(name)))"),
        ("await websocket.send_text(text)", "await asyncio.to_thread(answer)"),
        says="a report was sent from another thread, and the websocket is not made for that. Let the thread return "
        "the report, and send it in the endpoint.",
    ),
    "the name is shared by all": changed(
        after("app = FastAPI()", "asked = {}"),
        ("name = await", 'asked["name"] = await'),
        (MAKES, 'await asyncio.to_thread(exercises.slow_report, asked["name"])'),
        ("send_text(text)", 'send_text("report for " + asked["name"])'),
        says="expected 'report for Ann', but got 'report for Ben'. Each client gets the report that they asked for.",
    ),
    "one report, and no loop": whole(
        """
        await websocket.accept()
        name = await websocket.receive_text()
        await websocket.send_text(await asyncio.to_thread(exercises.slow_report, name))
        await websocket.receive()
        """,
        says="the client sent 'two' and expected 'report for two', but",
    ),
    "a client may leave only between its reports": whole(
        """
        await websocket.accept()
        async for name in websocket.iter_text():
            await websocket.send_text(await asyncio.to_thread(exercises.slow_report, name))
        """,
        says="when a client left without waiting for its answer, the endpoint raised WebSocketDisconnect(1006). This "
        "one comes from a send",
    ),
    "the report in a variable that all share": changed(
        before(
            "@app.websocket",
            """
            def make(name):
                global result
                result = exercises.slow_report(name)
            """,
        ),
        (MAKES, "await asyncio.to_thread(make, name)"),
        ("send_text(text)", "send_text(result)"),
        says="the client sent 'Fay' and expected 'report for Fay', but got 'report for Hal'. Three were done at the "
        "same time. Each client gets the report that they asked for.",
    ),
    "the first report is kept for everybody": changed(
        after("app = FastAPI()", "kept = None"),
        (MAKES, "global kept\ntext = kept = kept or await asyncio.to_thread(exercises.slow_report, name)"),
        says="'Cleo' was answered 'report for Ann', and slow_report('Cleo') was not called. Each client gets the "
        "report that they asked for.",
    ),
    "the first name is taken for every client": changed(
        after("app = FastAPI()", "asked = {}"),
        (MAKES, 'text = await asyncio.to_thread(exercises.slow_report, asked.setdefault("name", name))'),
        says="but no answer came within 2 seconds. slow_report() was called for 'Ann'. Is the name in a variable that "
        "all calls share?",
    ),
    "a name that all calls share, and that is read too late": changed(
        after("app = FastAPI()", "asked = {}\nthree = asyncio.Barrier(3)"),
        ("name = await websocket.receive_text()", 'asked["name"] = name = await websocket.receive_text()'),
        before(MAKES, 'if name in ("Cleo", "Dan", "Eve"):\n    await three.wait()'),
        ("exercises.slow_report, name", 'exercises.slow_report, asked["name"]'),
        says="three clients asked at the same time, 'Cleo', 'Dan', 'Eve', and slow_report() was called for 'Eve', "
        "'Eve', 'Eve'. Is the name in a variable that all calls share?",
    ),
    "except Exception around all": changed(
        ("except WebSocketDisconnect:", "except Exception:"), says="it was neither raised nor logged."
    ),
    "close() in the except": changed(
        ("pass", "await websocket.close()"), says="When the client has gone, there is nothing to close"
    ),
    "a report that fails is hidden": changed(
        (MAKES, f'try:\n    {MAKES}\nexcept Exception:\n    text = "no report"'),
        says="the check let slow_report() raise an OSError, as a bug in it would, and it showed nowhere: it was "
        "neither raised nor logged. Let it pass where you call slow_report(), or log it",
    ),
    "a lock for each name": changed(
        after("app = FastAPI()", "locks = {}"),
        (MAKES, f"async with locks.setdefault(name, asyncio.Lock()):\n    {MAKES}"),
        says="two clients asked at the same time, both for 'Ida', and slow_report() was called for the second one when "
        "the first was done. A report waits for another one to be done.",
    ),
    "a future set from a thread": changed(
        before("app =", "import threading"),
        (
            MAKES,
            """
            future = asyncio.get_running_loop().create_future()
            threading.Thread(target=lambda: future.set_result(exercises.slow_report(name))).start()
            text = await future
            """,
        ),
        says="another thread did with the event loop what is not safe there, as the set_result() of an asyncio.Future",
    ),
    "a thread that receives, too": whole(
        """
        def work(loop):
            while True:
                name = asyncio.run_coroutine_threadsafe(websocket.receive_text(), loop).result()
                text = exercises.slow_report(name)
                asyncio.run_coroutine_threadsafe(websocket.send_text(text), loop).result()

        await websocket.accept()
        try:
            await asyncio.to_thread(work, asyncio.get_running_loop())
        except WebSocketDisconnect:
            pass
        """,
        says="36 clients had come, and were silent: the client sent 'Joe' and expected 'report for Joe', but no answer "
        "came within 2 seconds. Does each of them keep one of the few threads",
    ),
    "five names wait at most": whole(
        """
        await websocket.accept()
        waiting = asyncio.Queue(maxsize=5)

        async def listen():
            while True:
                waiting.put_nowait(await websocket.receive_text())

        async def answer():
            while True:
                await websocket.send_text(await asyncio.to_thread(exercises.slow_report, await waiting.get()))

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(listen())
                group.create_task(answer())
        except* WebSocketDisconnect:
            pass
        """,
        says="On the server, the endpoint raised ExceptionGroup with QueueFull.",
    ),
    "threads that one server ends": changed(
        before(
            "app =",
            """
            from concurrent.futures import ThreadPoolExecutor
            from contextlib import asynccontextmanager

            pool = ThreadPoolExecutor()


            @asynccontextmanager
            async def lifespan(app):
                yield
                pool.shutdown()
            """,
        ),
        ("FastAPI()", "FastAPI(lifespan=lifespan)"),
        (MAKES, "text = await asyncio.get_running_loop().run_in_executor(pool, exercises.slow_report, name)"),
        says="it works with one server, and not with the next: the client sent 'Lea' and expected 'report for Lea', "
        "but the connection ended first, with code 1006, cut off without close(). On the server, the endpoint raised "
        "RuntimeError: cannot schedule new futures after shutdown.",
    ),
    "a queue that serves one event loop": changed(
        ("global jobs\njobs = asyncio.Queue()\nworkers =", "workers ="),
        before("async def work", "jobs = asyncio.Queue()"),
        of=WORKERS,
        says="it works with one server. The check starts another one, with an event loop of its own, and there, "
        "RuntimeError says that something belongs to a different event loop.",
    ),
    "the codes of a good client": changed(
        ("except WebSocketDisconnect:", "except WebSocketDisconnect as left:"),
        ("pass", "if left.code not in (1000, 1001, 1005, 1006, 1012):\n    raise"),
        says="when a client closed with 1011, as `websockets` does when an error ends its `async with`, the endpoint "
        "raised WebSocketDisconnect(1011). Expect WebSocketDisconnect wherever the endpoint receives or sends, "
        "whatever its code.",
    ),
    "OSError is caught beside it": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, OSError):"),
        says="the check let an error that is an OSError and more happen where the endpoint receives, as a bug would, "
        "and it showed nowhere: it was neither raised nor logged.",
    ),
    "an empty name ends it": changed(
        ("while True:\n    name = await websocket.receive_text()", "while name := await websocket.receive_text():"),
        says="the client sent '' and expected 'report for ', but the connection ended first, with code 1006, cut off "
        "without close(). Each message is a name, as it came: with its spaces, and an empty one, too.",
    ),
    "an empty name is passed over": changed(
        before(MAKES, "if not name:\n    continue"),
        says="the client sent '' and expected 'report for ', but no answer came within 2 seconds. Each message is a "
        "name",
    ),
    "the name is stripped": changed(
        ("slow_report, name", "slow_report, name.strip()"),
        says="but got 'report for Ann lee'. Each message is a name, as it came",
    ),
    "a report that fails is a warning": changed(
        before("app =", "import logging"),
        (
            MAKES,
            f"""
            try:
                {MAKES}
            except Exception:
                logging.warning("no report for %r", name, exc_info=True)
                return
            """,
        ),
        says="as a bug in it would, and it did not show as an error: it was logged as a warning.",
    ),
    "a report may take five seconds": changed(
        (
            MAKES,
            f"""
            try:
                async with asyncio.timeout(5):
                    {MAKES}
            except TimeoutError:
                text = "it takes too long"
            """,
        ),
        says="'Ann' was answered 'it takes too long' before slow_report('Ann') had returned. Await its result. It "
        "may take as long as it likes (the check sets the clock forward)",
    ),
    "a KeyError is a name that has no report": changed(
        (MAKES, f'try:\n    {MAKES}\nexcept KeyError:\n    text = "no such report"'),
        says="the check let slow_report() raise a KeyError, as a bug in it would, and it showed nowhere",
    ),
    "tried three times": changed(
        (
            MAKES,
            f"""
            for _ in range(3):
                try:
                    {MAKES}
                    break
                except ConnectionError:
                    text = "no report"
            """,
        ),
        says="the check let slow_report() raise an error that is an OSError and more, as a bug in it would, and "
        "it showed",
    ),
    "exit ends it": changed(
        after("name = await websocket.receive_text()", 'if name == "exit":\n    await websocket.close()\n    return'),
        says="the client sent 'exit' and expected 'report for exit', but the connection ended first, with code "
        "1000. Each "
        "message is a name, as it came",
    ),
    "a minute for the next name": changed(
        ("await websocket.receive_text()", "await asyncio.wait_for(websocket.receive_text(), 60)"),
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, TimeoutError):"),
        says="a client had been silent for an hour. Then the client sent 'Ann' and expected 'report for Ann', but the "
        "connection ended first, with code 1006, cut off without close(). Nothing says how long a client may take",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="36 clients had come, and were silent: the handshake for /report was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "word of it while it is made": changed(
        (
            MAKES,
            """
            making = asyncio.create_task(asyncio.to_thread(exercises.slow_report, name))
            while not (await asyncio.wait([making], timeout=0.5))[0]:
                await websocket.send_text("still working")
            text = making.result()
            """,
        ),
        says="'Ann' was answered 'still working' before slow_report('Ann') had returned. Await its result. It may "
        "take as long as it likes (the check sets the clock forward), and is the only answer.",
    ),
    "each report is made once, also one that fails": changed(
        after("app = FastAPI()", "made = {}"),
        (
            MAKES,
            """
            if name not in made:
                made[name] = asyncio.create_task(asyncio.to_thread(exercises.slow_report, name))
            text = await asyncio.shield(made[name])
            """,
        ),
        says="the report for 'Kim' had failed for others before, and would not for the next one: the client sent 'Kim' "
        "and expected 'report for Kim', but the connection ended first, with code 1006, cut off without close(). Has "
        "its error been kept?",
    ),
}

RIGHT = {
    "run_in_executor()": whole("""
        await websocket.accept()
        loop = asyncio.get_running_loop()
        try:
            async for name in websocket.iter_text():
                await websocket.send_text(await loop.run_in_executor(None, exercises.slow_report, name))
        except WebSocketDisconnect:
            pass
        """),
    "a listener, and reports that begin at once": whole(
        """
        await websocket.accept()
        waiting = asyncio.Queue()

        async def listen():
            while True:
                name = await websocket.receive_text()
                waiting.put_nowait(asyncio.create_task(asyncio.to_thread(exercises.slow_report, name)))

        async def answer():
            while True:
                await websocket.send_text(await (await waiting.get()))

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(listen())
                group.create_task(answer())
        except* WebSocketDisconnect:
            pass
        """
    ),
    "a queue of the lifespan": whole(WORKERS),
    "a report for all who ask for it": changed(
        after("app = FastAPI()", "being_made = {}"),
        (
            MAKES,
            """
            if name not in being_made:
                being_made[name] = asyncio.create_task(asyncio.to_thread(exercises.slow_report, name))
                being_made[name].add_done_callback(lambda _, name=name: being_made.pop(name))
            text = await asyncio.shield(being_made[name])
            """,
        ),
    ),
    "a report that fails is logged, and answered": changed(
        before("app =", "import logging"),
        (
            MAKES,
            f"""
            try:
                {MAKES}
            except Exception:
                logging.exception("no report for %r", name)
                text = "no report"
            """,
        ),
    ),
    "sent from the thread, by way of anyio": changed(
        before("app =", "import anyio"),
        (
            MAKES,
            """
            def make():
                anyio.from_thread.run(websocket.send_text, exercises.slow_report(name))

            await anyio.to_thread.run_sync(make)
            """,
        ),
        ("await websocket.send_text(text)", ""),
    ),
    "asked whether it is done": changed(
        before("app =", "from concurrent.futures import ThreadPoolExecutor\n\npool = ThreadPoolExecutor()"),
        (
            MAKES,
            """
            future = pool.submit(exercises.slow_report, name)
            while not future.done():
                await asyncio.sleep(0.01)
            text = future.result()
            """,
        ),
    ),
    "a decorator, and a task group": whole("""
        import functools

        app = FastAPI()

        def in_a_thread(function):
            @functools.wraps(function)
            async def wrapper(*args):
                return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *args))

            return wrapper

        make_report = in_a_thread(exercises.slow_report)

        @app.websocket("/report")
        async def report(websocket: WebSocket):
            await websocket.accept()
            try:
                async for name in websocket.iter_text():
                    async with asyncio.TaskGroup() as group:
                        task = group.create_task(make_report(name))
                    await websocket.send_text(task.result())
            except WebSocketDisconnect:
                return
        """),
}
