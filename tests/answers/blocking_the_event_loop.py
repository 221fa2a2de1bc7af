"""Answers to the exercise of blocking-the-event-loop."""

HEAD = """
app = FastAPI()

@app.websocket("/report")
async def report(websocket: WebSocket):
"""


def loop(body: str) -> str:
    """The body of an endpoint that treats every name in this way."""
    lines = "\n            ".join(body.strip().splitlines())
    return f"""
    await websocket.accept()
    try:
        while True:
            name = await websocket.receive_text()
            {lines}
    except WebSocketDisconnect:
        pass
    """


# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "async def around it, and an await",
        """
        async def make(name):
            return exercises.slow_report(name)

        await websocket.accept()
        try:
            while True:
                name = await websocket.receive_text()
                await websocket.send_text(await make(name))
        except WebSocketDisconnect:
            pass
        """,
        "while slow_report('Ann') was at work, nobody else could be served: it ran on the thread of the event loop, "
        "called in make(), line 8 of its cell. Hand it to a thread",
    ),
    (
        "called first, and its result given to to_thread()",
        loop("await websocket.send_text(await asyncio.to_thread(exercises.slow_report(name)))"),
        "called in report(), line 11 of its cell. Hand it to a thread: asyncio.to_thread() takes the function and its "
        "arguments, and calls it there. On the server, the endpoint raised TypeError: 'str' object is not callable.",
    ),
    (
        "awaited, although it is a plain function",
        loop("await websocket.send_text(await exercises.slow_report(name))"),
        "(a plain function, with an `await` that does not belong there?)",
    ),
    (
        "waits, and never calls it",
        loop("await asyncio.Event().wait()"),
        "slow_report('Ann') was not called within 2 seconds. (The check sees the threads of this process only.)",
    ),
    (
        "called on the loop, its result passed through a thread",
        loop("await websocket.send_text(await asyncio.to_thread(str, exercises.slow_report(name)))"),
        "nobody else could be served: it ran on the thread of the event loop, called in report(), line ",
    ),
    (
        "to_thread() without await",
        loop("await websocket.send_text(asyncio.to_thread(exercises.slow_report, name))"),
        "object has no attribute 'encode' (an `await` is missing).",
    ),
    (
        "to_thread() without await, as text",
        loop('await websocket.send_text(f"{asyncio.to_thread(exercises.slow_report, name)}")'),
        "'Ann' was answered with the text of a coroutine. Its `await` is missing.",
    ),
    (
        "asyncio.sleep() instead of the library",
        loop('await asyncio.sleep(0.3)\nawait websocket.send_text(f"report for {name}")'),
        "'Ann' was answered 'report for Ann', and slow_report('Ann') had not been called.",
    ),
    (
        "started, and not waited for",
        loop(
            "asyncio.create_task(asyncio.to_thread(exercises.slow_report, name))\n"
            'await asyncio.sleep(0.1)\nawait websocket.send_text(f"report for {name}")'
        ),
        "'Ann' was answered 'report for Ann' before slow_report('Ann') had returned. Await its result.",
    ),
    (
        "a task for each message",
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
        "a client asked for 'one', then for 'two', and was answered 'report for two' while the report for 'one' was",
    ),
    (
        "sleep(0) before the call",
        loop("await asyncio.sleep(0)\nawait websocket.send_text(exercises.slow_report(name))"),
        "nobody else could be served: it ran on the thread of the event loop, called in report(), line ",
    ),
    (
        "a thread, and join()",
        """
        import threading

        await websocket.accept()
        try:
            while True:
                name = await websocket.receive_text()
                got = []
                thread = threading.Thread(target=lambda: got.append(exercises.slow_report(name)))
                thread.start()
                thread.join()
                await websocket.send_text(got[0])
        except WebSocketDisconnect:
            pass
        """,
        "while Ann's report was being made, Ben got no answer: the event loop is blocked in report(), line ",
    ),
    (
        "a pool, and result()",
        """
        from concurrent.futures import ThreadPoolExecutor

        await websocket.accept()
        with ThreadPoolExecutor() as pool:
            try:
                while True:
                    name = await websocket.receive_text()
                    await websocket.send_text(pool.submit(exercises.slow_report, name).result())
            except WebSocketDisconnect:
                pass
        """,
        "Ben got no answer: the event loop is blocked in report(), line ",
    ),
    (
        "a pool of one thread",
        """
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(max_workers=1)
        app = FastAPI()

        @app.websocket("/report")
        async def report(websocket: WebSocket):
            await websocket.accept()
            try:
                while True:
                    name = await websocket.receive_text()
                    loop = asyncio.get_running_loop()
                    await websocket.send_text(await loop.run_in_executor(pool, exercises.slow_report, name))
            except WebSocketDisconnect:
                pass
        """,
        "but no answer came within 2 seconds. A report waits for another one to be done. Is there a lock, or a pool",
    ),
    (
        "two reports at a time",
        """
        app = FastAPI()
        two = asyncio.Semaphore(2)

        @app.websocket("/report")
        async def report(websocket: WebSocket):
            await websocket.accept()
            try:
                while True:
                    name = await websocket.receive_text()
                    async with two:
                        text = await asyncio.to_thread(exercises.slow_report, name)
                    await websocket.send_text(text)
            except WebSocketDisconnect:
                pass
        """,
        "three clients asked at the same time, and slow_report() was called for 2 of them",
    ),
    (
        "def instead of async def",
        """
        app = FastAPI()

        @app.websocket("/report")
        def report(websocket: WebSocket):
            websocket.accept()
        """,
        "(is it `async def`?)",
    ),
    (
        "def instead of async def, and no await anywhere",
        """
        app = FastAPI()

        @app.websocket("/report")
        def report(websocket: WebSocket):
            websocket.accept()
            while True:
                name = websocket.receive_text()
                websocket.send_text(exercises.slow_report(name))
        """,
        "the event loop is blocked in report(), line 9 of its cell or file. An endpoint must be `async def`, and each "
        "of its waits an `await`.",
    ),
    (
        "sent from the thread, on an event loop of its own",
        loop(
            "def answer():\n"
            "    asyncio.run(websocket.send_text(exercises.slow_report(name)))\n"
            "await asyncio.to_thread(answer)"
        ),
        "a report was sent from another thread, and the websocket is not made for that. Let the thread return the "
        "report, and send it in the endpoint.",
    ),
    (
        "the name is shared by all",
        """
        app = FastAPI()
        asked = {}

        @app.websocket("/report")
        async def report(websocket: WebSocket):
            await websocket.accept()
            try:
                while True:
                    asked["name"] = await websocket.receive_text()
                    await asyncio.to_thread(exercises.slow_report, asked["name"])
                    await websocket.send_text("report for " + asked["name"])
            except WebSocketDisconnect:
                pass
        """,
        "expected 'report for Ann', but got 'report for Ben'. Each client gets the report that they asked for.",
    ),
    (
        "one report, and no loop",
        """
        await websocket.accept()
        name = await websocket.receive_text()
        await websocket.send_text(await asyncio.to_thread(exercises.slow_report, name))
        await websocket.receive()
        """,
        "the client sent 'two' and expected 'report for two', but",
    ),
    (
        "a client may leave only between its reports",
        """
        await websocket.accept()
        async for name in websocket.iter_text():
            await websocket.send_text(await asyncio.to_thread(exercises.slow_report, name))
        """,
        "a client asks three times and closes with 1000 in one breath, without waiting for an answer. "
        "What came of it: raised WebSocketDisconnect(1006).",
    ),
    (
        "the report in a variable that all share",
        """
app = FastAPI()
result = None

def make(name):
    global result
    result = exercises.slow_report(name)

@app.websocket("/report")
async def report(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            name = await websocket.receive_text()
            await asyncio.to_thread(make, name)
            await websocket.send_text(result)
    except WebSocketDisconnect:
        pass
""",
        "the client sent 'Fay' and expected 'report for Fay', but got 'report for Hal'. Three were done at the same "
        "time. Each client gets the report that they asked for.",
    ),
    (
        "the first report is kept for everybody",
        """
app = FastAPI()
kept = None

@app.websocket("/report")
async def report(websocket: WebSocket):
    global kept
    await websocket.accept()
    try:
        while True:
            name = await websocket.receive_text()
            kept = kept or await asyncio.to_thread(exercises.slow_report, name)
            await websocket.send_text(kept)
    except WebSocketDisconnect:
        pass
""",
        "'Cleo' was answered 'report for Ann', and slow_report('Cleo') was not called. Each client gets the report "
        "that they asked for.",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
app = FastAPI()

@app.websocket("/report")
async def report(websocket: WebSocket):
    await websocket.accept()
    loop = asyncio.get_running_loop()
    try:
        async for name in websocket.iter_text():
            await websocket.send_text(await loop.run_in_executor(None, exercises.slow_report, name))
    except WebSocketDisconnect:
        pass
"""
