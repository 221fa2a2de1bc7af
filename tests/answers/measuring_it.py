"""Answers to the exercise of measuring-it."""

from tests.answers import after, before, changed, whole

PERCENTILE = """
def percentile(values, percent):
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]

"""
CLOSED = (
    PERCENTILE
    + """
async def measure(clients, every, number, patience):
    loop = asyncio.get_running_loop()
    start, took, late = loop.time(), [], [0]

    async def talk(ws):
        for n in range(number):
            due = start + n * every
            await asyncio.sleep(due - loop.time())
            late.append(loop.time() - due)
            await ws.send("hello")
            await ws.recv()
            took.append(loop.time() - due)

    await asyncio.gather(*(talk(ws) for ws in clients))
    return {"p50": percentile(took, 50), "p99": percentile(took, 99), "unanswered": 0, "late": max(late)}
"""
)
EACH_SEND = (
    PERCENTILE.replace("{", "{{")
    + """
async def measure(clients, every, number, patience):
    loop = asyncio.get_running_loop()
    start = loop.time()
    took = {{(n, i): math.inf for n in range(number) for i in range(len(clients))}}
    late = [0.0]
    sends = []

    async def ask(ws, n):
        late.append(loop.time() - start - n * every)
        await ws.send("hello")

    async def listen(i, ws):
        for n in range(number):
            await ws.recv()
            took[n, i] = loop.time() - start - n * every

    listeners = [asyncio.create_task(listen(i, ws)) for i, ws in enumerate(clients)]
    for n in range(number):
        await asyncio.sleep(start + n * every - loop.time())
        for ws in clients:
            {counted}
            sends.append(asyncio.create_task({ask}))
    await asyncio.wait(listeners, timeout={timeout})
    for task in [*listeners, *sends]:
        task.cancel()
    await asyncio.gather(*listeners, *sends, return_exceptions=True)
    values = list(took.values())
    return {{
        "p50": percentile(values, 50),
        "p99": percentile(values, 99),
        "unanswered": values.count(math.inf),
        "late": max(late),
    }}
"""
)
FROM_THE_PLAN = "start + (number - 1) * every + patience - loop.time()"
BY_TEXTS = (
    PERCENTILE
    + """
async def measure(clients, every, number, patience):
    loop = asyncio.get_running_loop()
    start = loop.time()
    due = [start + n * every for n in range(number)]
    times = {(i, n): math.inf for i in range(len(clients)) for n in range(number)}
    worst = 0.0

    async def sender(i, ws):
        nonlocal worst
        for n, at in enumerate(due):
            if (wait := at - loop.time()) > 0:
                await asyncio.sleep(wait)
            worst = max(worst, loop.time() - at)
            try:
                await ws.send(f"{n}")
            except ConnectionClosed:
                return

    async def receiver(i, ws):
        with suppress(ConnectionClosed):
            async for answer in ws:
                n = int(answer)
                times[i, n] = loop.time() - due[n]

    jobs = [asyncio.create_task(job(i, ws)) for i, ws in enumerate(clients) for job in (sender, receiver)]
    await asyncio.wait(jobs, timeout=(number - 1) * every + patience)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    for ws in clients:
        await ws.close()
    values = list(times.values())
    p50, p99 = percentile(values, 50), percentile(values, 99)
    return {"p50": p50, "p99": p99, "unanswered": values.count(math.inf), "late": worst}
"""
)
REPORTS = (
    'return {"p50": percentile(took, 50), "p99": percentile(took, 99), "unanswered": unanswered, "late": max(late)}'
)
PADS = "took += [math.inf] * unanswered"
TAKES = "took.append(loop.time() - (start + n * every))"
SENDS = 'await ws.send(f"message {n}")'
LATE = "late.append(loop.time() - due)"
LIMIT = "async with asyncio.timeout_at(start + (number - 1) * every + patience), asyncio.TaskGroup() as tasks:"
A_GROUP_FOR_EACH = (
    PERCENTILE
    + """
async def measure(clients, every, number, patience):
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def one(ws):
        waits, late = [], [0.0]

        async def talk():
            with suppress(ConnectionClosed):
                for n in range(number):
                    await asyncio.sleep(start + n * every - loop.time())
                    late.append(loop.time() - start - n * every)
                    await ws.send("hello")

        async def listen():
            with suppress(ConnectionClosed):
                for n in range(number):
                    await ws.recv()
                    waits.append(loop.time() - start - n * every)

        with suppress(TimeoutError):
            async with asyncio.timeout_at(start + (number - 1) * every + patience), asyncio.TaskGroup() as group:
                group.create_task(talk())
                group.create_task(listen())
        return waits + [math.inf] * (number - len(waits)), max(late)

    results = await asyncio.gather(*map(one, clients))
    everything = sum((waits for waits, _ in results), [])
    return {
        "p50": percentile(everything, 50),
        "p99": percentile(everything, 99),
        "unanswered": sum(math.isinf(wait) for wait in everything),
        "late": max(late for _, late in results),
    }
"""
)
CALLBACKS = (
    PERCENTILE
    + """
async def measure(clients, every, number, patience):
    loop = asyncio.get_running_loop()
    start, over = loop.time(), loop.create_future()
    answers, worst, jobs = [[] for _ in clients], [0], []

    async def listen(ws, mine):
        with suppress(ConnectionClosed):
            while len(mine) < number:
                await ws.recv()
                mine.append(loop.time() - start - len(mine) * every)

    async def drain(ws, outbox):
        with suppress(ConnectionClosed):
            for _ in range(number):
                due = await outbox.get()
                worst.append(loop.time() - due)
                await ws.send(b"hello")

    for ws, mine in zip(clients, answers):
        outbox = asyncio.Queue()
        jobs += [asyncio.create_task(listen(ws, mine)), asyncio.create_task(drain(ws, outbox))]
        for n in range(number):
            loop.call_at(start + n * every, outbox.put_nowait, start + n * every)
    loop.call_at(start + (number - 1) * every + patience, over.set_result, None)
    finished = asyncio.gather(*jobs, return_exceptions=True)
    await asyncio.wait([finished, over], return_when=asyncio.FIRST_COMPLETED)
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)
    values = sum(answers, [])
    missing = number * len(clients) - len(values)
    values += [math.inf] * missing
    return {"p50": percentile(values, 50), "p99": percentile(values, 99), "unanswered": missing, "late": max(worst)}
"""
)
FOR_EACH = (
    ("took, late = [], []", "took, late = {ws: [] for ws in clients}, []"),
    (TAKES, "took[ws].append(loop.time() - (start + n * every))"),
    (
        "unanswered = number * len(clients) - len(took)",
        "unanswered = number * len(clients) - sum(map(len, took.values()))",
    ),
    (PADS, "each = [one + [math.inf] * (number - len(one)) for one in took.values()]"),
)

WRONG = {
    "one client after the other": whole(
        PERCENTILE
        + """
async def measure(clients, every, number, patience):
    loop = asyncio.get_running_loop()
    took = []
    for ws in clients:
        start = loop.time()
        for n in range(number):
            await asyncio.sleep(start + n * every - loop.time())
            await ws.send("hello")
            await ws.recv()
            took.append(loop.time() - start - n * every)
    return {"p50": percentile(took, 50), "p99": percentile(took, 99), "unanswered": 0, "late": 0}
""",
        says="all clients start at the same time",
    ),
    "waits for the answer, and then goes on with the plan": changed(of=CLOSED, says="It waited for an answer first"),
    "waits for the answer, and then for as long again": changed(
        ("await asyncio.sleep(due - loop.time())", ""),
        after("took.append(loop.time() - due)", "await asyncio.sleep(every)"),
        of=CLOSED,
        says="It waited for an answer first",
    ),
    "from when it was sent": changed(
        ("took, late = [], []", "took, late, sent = [], [], {ws: [] for ws in clients}"),
        before(SENDS, "sent[ws].append(loop.time())"),
        (TAKES, "took.append(loop.time() - sent[ws][n])"),
        says="That is from when they were sent. This generator was late",
    ),
    "from when the send has returned": changed(
        ("took, late = [], []", "took, late, sent = [], [], {ws: [] for ws in clients}"),
        after(SENDS, "sent[ws].append(loop.time())"),
        (TAKES, "took.append(loop.time() - sent[ws][n])"),
        says="p99 should be",
    ),
    "sleeps from one to the next": changed(
        ("await asyncio.sleep(due - loop.time())", "await asyncio.sleep(every if n else 0)"),
        says="The n-th is due at start + n * every",
    ),
    "leaves out what was not answered": changed((PADS, ""), says="That leaves out what was never answered"),
    "leaves it out, and does not count it": changed(
        (PADS, ""),
        ('"unanswered": unanswered', '"unanswered": 0'),
        says="6 messages were not answered in time, and it says 0",
    ),
    "what was not answered took as long as its patience": changed(
        (PADS, "took += [patience] * unanswered"), says="p99 should be inf, and it says 1.00"
    ),
    "the mean of the clients' percentiles": changed(
        *FOR_EACH,
        (
            REPORTS,
            """
            p50, p99 = [sum(percentile(one, percent) for one in each) / len(each) for percent in (50, 99)]
            return {"p50": p50, "p99": p99, "unanswered": unanswered, "late": max(late)}
            """,
        ),
        says="That is the mean of the clients' percentiles",
    ),
    "the worst of the clients' percentiles": changed(
        *FOR_EACH,
        (
            REPORTS,
            """
            p50, p99 = [max(percentile(one, percent) for one in each) for percent in (50, 99)]
            return {"p50": p50, "p99": p99, "unanswered": unanswered, "late": max(late)}
            """,
        ),
        says="p50 should be 0.01, and it says 0.30",
    ),
    "p50 of what was answered": changed(
        (PADS, f"p50 = percentile(took, 50)\n{PADS}"),
        ('"p50": percentile(took, 50)', '"p50": p50'),
        says="p50 should be inf, and it says 0.01. That leaves out what was never answered",
    ),
    "the percentiles of what was answered, if anything was": changed(
        (PADS, "if not took:\n    took = [0.0]"),
        says="That leaves out what was never answered",
    ),
    "two decimals": changed(
        ('"p50": percentile(took, 50)', '"p50": round(percentile(took, 50), 2)'),
        says="p50 should be 0.014, and it says 0.010. Do not round it",
    ),
    "the first message of each is a warm-up": changed(
        (
            "took.append(loop.time() - (start + n * every))",
            "(took if n else warm_up).append(loop.time() - (start + n * every))",
        ),
        ("took, late = [], []", "took, late, warm_up = [], [], []"),
        ("number * len(clients) - len(took)", "number * len(clients) - len(took) - len(warm_up)"),
        says="p99 should be 1.96, and it says 2.06. That is the longest. (Or are some left out of the list",
    ),
    "the mean": changed(
        ('"p50": percentile(took, 50)', '"p50": sum(took) / len(took)'),
        says="p50 should be 0.01, and it says 0.11. That is the mean.",
    ),
    "the longest": changed(('"p99": percentile(took, 99)', '"p99": max(took)'), says="That is the longest."),
    "does not say that it was late": changed(("max(late)", "0"), says="late should be 0.95, and it says 0.00"),
    "late on the mean": changed(("max(late)", "sum(late) / len(late)"), says="late should be 0.95, and it says 0.0"),
    "late when the send has returned": changed(
        (LATE, ""), after(SENDS, LATE), says="It is the longest time by which a send() began after it was due"
    ),
    "skips what it is late for": changed(
        (LATE, f"if loop.time() - due > 0.05:\n    continue\n{LATE}"),
        says="It has left out some, for which it was late.",
    ),
    "no limit": changed(
        (LIMIT, "async with asyncio.TaskGroup() as tasks:"), says="it still waits, a minute after the last answer"
    ),
    "a limit for each answer": changed(
        ("with suppress(TimeoutError):", "if True:"),
        (LIMIT, "async with asyncio.TaskGroup() as tasks:"),
        ("await ws.recv()", "async with asyncio.timeout(patience):\n    await ws.recv()"),
        says="a TimeoutError came out of `measure`",
    ),
    "ends when one answer is late": changed(
        (LIMIT, "async with asyncio.TaskGroup() as tasks:"),
        ("await ws.recv()", "async with asyncio.timeout(patience):\n    await ws.recv()"),
        ("with suppress(TimeoutError):", "with suppress(TimeoutError, ExceptionGroup):"),
        says="before the plan's end",
    ),
    "gives up a client after an answer that is late": changed(
        (LIMIT, "async with asyncio.TaskGroup() as tasks:"),
        (
            "await ws.recv()",
            """
            try:
                async with asyncio.timeout(patience):
                    await ws.recv()
            except TimeoutError:
                return
            """,
        ),
        says="0 messages were not answered in time, and it says 40",
    ),
    "ends with the first connection": changed(
        (
            """
            with suppress(ConnectionClosed):
                for n in range(number):
                    await ws.recv()
                    took.append(loop.time() - (start + n * every))
            """,
            """
            for n in range(number):
                await ws.recv()
                took.append(loop.time() - (start + n * every))
            """,
        ),
        says="a connection ended, and its error came out of `measure`",
    ),
    "a connection may end with an error, and not with 1000": changed(
        before("async def measure", "from websockets import ConnectionClosedError\n\n"),
        (
            """
            with suppress(ConnectionClosed):
                for n in range(number):
                    await ws.recv()
            """,
            """
            with suppress(ConnectionClosedError):
                for n in range(number):
                    await ws.recv()
            """,
        ),
        says="its error came out of `measure`, ConnectionClosedOK. Where that client is served, catch",
    ),
    "by the answers' texts": whole(BY_TEXTS, says="and it says 40. The n-th answer is that of message n, whatever it"),
    "by the number in the answer": changed(
        (
            """
            for n in range(number):
                await ws.recv()
                took""",
            """
            for _ in range(number):
                n = int((await ws.recv()).split()[-1])
                took""",
        ),
        says="it raised ValueError: invalid literal for int() with base 10: 'noted'. The n-th answer is that of",
    ),
    "one task sends for all": changed(
        ("async def send(ws):", "async def send():"),
        (
            """
            with suppress(ConnectionClosed):
                for n in range(number):
                    due = start + n * every
                    await asyncio.sleep(due - loop.time())
                    late.append(loop.time() - due)
                    await ws.send(f"message {n}")
            """,
            """
            for n in range(number):
                due = start + n * every
                await asyncio.sleep(due - loop.time())
                for ws in clients:
                    late.append(loop.time() - due)
                    with suppress(ConnectionClosed):
                        await ws.send(f"message {n}")
            """,
        ),
        before("for ws in clients:\n    tasks.create_task(send(ws))", "tasks.create_task(send())"),
        ("tasks.create_task(send(ws))", ""),
        says="Each needs a task of its own",
    ),
    "a task for each message": changed(
        (
            """
            for ws in clients:
                tasks.create_task(send(ws))
                tasks.create_task(listen(ws))
            """,
            """
            for ws in clients:
                for n in range(number):
                    tasks.create_task(ask(ws, n))
            """,
        ),
        before(
            "with suppress(TimeoutError):",
            """
            async def ask(ws, n):
                due = start + n * every
                await asyncio.sleep(due - loop.time())
                late.append(loop.time() - due)
                await ws.send("hello")
                await ws.recv()
                took.append(loop.time() - due)


            """,
        ),
        says="two tasks call recv() of one client at the same time",
    ),
    "late when its task is created": whole(
        EACH_SEND.format(
            ask='ws.send("hello")',
            counted="late.append(loop.time() - start - n * every)",
            timeout=FROM_THE_PLAN,
        ),
        says="late should be 0.25, and it says 0.00",
    ),
    "late before it has slept": changed(
        (LATE, ""),
        before("await asyncio.sleep(due - loop.time())", LATE),
        says="late should be 0.25, and it says 0.00",
    ),
    "a percentile, rounded down": changed(
        ("math.ceil(len(values) * percent / 100) - 1", "int(len(values) * percent / 100) - 1"),
        says="p99 should be 0.40, and it says 0.30.",
    ),
    "the first is due after a while": changed(
        ("due = start + n * every", "due = start + (n + 1) * every"),
        says="n begins with 0",
    ),
    "sends all at once": changed(
        ("await asyncio.sleep(due - loop.time())", ""), says="too early: sleep until start + n * every"
    ),
    "sleeps until a time, as if for so long": changed(
        ("await asyncio.sleep(due - loop.time())", "await asyncio.sleep(due)"),
        says="It has not sent anything.",
    ),
    "no patience": changed((" + patience", ""), says="the last message is due at 1.9, and then there is `patience`"),
    "patience one message too long": changed(
        ("(number - 1) * every", "number * every"),
        says="6 messages were not answered in time, and it says 5. Patience begins when the last message is due",
    ),
    "patience from when all is sent": changed(
        (
            f"""
            {LIMIT}
                for ws in clients:
                    tasks.create_task(send(ws))
                    tasks.create_task(listen(ws))
            """,
            """
            listening = asyncio.gather(*map(listen, clients))
            await asyncio.gather(*map(send, clients))
            await asyncio.wait_for(listening, patience)
            """,
        ),
        says="it still waits, a minute after",
    ),
    "patience from when the last is sent, which may be late": whole(
        EACH_SEND.format(ask="ask(ws, n)", counted="", timeout="patience"),
        says="1 message was not answered in time, and it says 0. Patience begins when the last message is due",
    ),
    "patience moves on with the last that is sent": changed(
        (
            f"""
            with suppress(TimeoutError):
                {LIMIT}
                    for ws in clients:
                        tasks.create_task(send(ws))
                        tasks.create_task(listen(ws))
            """,
            """
            async def all_listen():
                await asyncio.gather(*map(listen, clients))

            last = start + (number - 1) * every
            with suppress(TimeoutError):
                async with asyncio.timeout_at(last + patience) as limit, asyncio.TaskGroup() as tasks:
                    tasks.create_task(all_listen())
                    await asyncio.gather(*map(send, clients))
                    limit.reschedule(max(loop.time(), last) + patience)
            """,
        ),
        says="1 message was not answered in time, and it says 0. Patience begins when the last message is due",
    ),
    "cancels its tasks, and does not await them": changed(
        (
            f"""
            with suppress(TimeoutError):
                {LIMIT}
                    for ws in clients:
                        tasks.create_task(send(ws))
                        tasks.create_task(listen(ws))
            """,
            """
            tasks = [asyncio.create_task(job(ws)) for ws in clients for job in (send, listen)]
            await asyncio.wait(tasks, timeout=(number - 1) * every + patience)
            for task in tasks:
                task.cancel()
            """,
        ),
        says="it has returned, and left tasks behind: listen",
    ),
    "leaves its tasks behind": changed(
        (
            f"""
            with suppress(TimeoutError):
                {LIMIT}
                    for ws in clients:
                        tasks.create_task(send(ws))
                        tasks.create_task(listen(ws))
            """,
            """
            tasks = [asyncio.create_task(job(ws)) for ws in clients for job in (send, listen)]
            await asyncio.wait(tasks, timeout=(number - 1) * every + patience)
            """,
        ),
        says="it has returned, and left tasks behind: listen",
    ),
    "what was sent and not answered": changed(
        ("took, late = [], []", "took, late, sent = [], [], []"),
        after(SENDS, "sent.append(n)"),
        ("number * len(clients) - len(took)", "len(sent) - len(took)"),
        says="16 messages were not answered in time, and it says 0",
    ),
    "late at the end": changed(("max(late)", "late[-1]"), says="late should be 0.95, and it says 0.00"),
    "nothing for what was not answered": changed(
        (PADS, "took += [None] * unanswered"), says="it raised TypeError: '<' not supported"
    ),
    "another clock": changed(
        ("loop = asyncio.get_running_loop()", "import time\nclock = time.perf_counter"),
        ("start = loop.time()", "start = clock()"),
        ("await asyncio.sleep(due - loop.time())", "await asyncio.sleep(due - clock())"),
        (LATE, "late.append(clock() - due)"),
        (TAKES, "took.append(clock() - (start + n * every))"),
        ("asyncio.timeout_at(start + (number - 1) * every + patience)", "asyncio.timeout(number * every + patience)"),
        says="a client's message 2 was due 0.2 s after the start",
    ),
    "blocks": changed(
        ("await asyncio.sleep(due - loop.time())", "while loop.time() < due:\n    pass"),
        says="keeps its event loop busy, or blocks it",
    ),
    "returns nothing": changed((REPORTS, ""), says="it returned None. Return a dict"),
    "without await": changed((SENDS, 'ws.send(f"message {n}")'), says="a client was to send 20 messages, and sent 0"),
    "late since the one before": changed(
        ("for n in range(number):\n    due =", "before = start - every\nfor n in range(number):\n    due ="),
        ("late.append(loop.time() - due)", "late.append(loop.time() - before - every)\nbefore = loop.time()"),
        says="where a client's first eight sends take 0.15 s each, late should be 0.40, and it says 0.05.",
    ),
    "late is noted when it has been sent": changed(
        ("late.append(loop.time() - due)", "began = loop.time()"),
        after('await ws.send(f"message {n}")', "late.append(began - due)"),
        says="the send after that never returns, late should be 0.65, and it says 0.00.",
    ),
    "milliseconds": changed(
        ("took.append(loop.time() - (start + n * every))", "took.append(1000 * (loop.time() - (start + n * every)))"),
        says="p50 should be 0.01, and it says 14.04. That is in milliseconds.",
    ),
    "one list of what is open for all clients": changed(
        ("took, late = [], []", "took, late, open_since = [], [], []"),
        after("late.append(loop.time() - due)", "open_since.append(due)"),
        ("took.append(loop.time() - (start + n * every))", "took.append(loop.time() - open_since.pop(0))"),
        says="p50 should be 0.01, and it says 0.11. An answer of one client's is taken for one of another's.",
    ),
    "it reads when all has been sent": changed(
        after('await ws.send(f"message {n}")', "if n == number - 1:\n    await listen(ws)"),
        ("tasks.create_task(listen(ws))\n", ""),
        says="p50 should be 0.01, and it says 0.90. Answers are read when all has been sent",
    ),
    "what could not be sent has no share in the percentiles": changed(
        ("took += [math.inf] * unanswered", "took += [math.inf] * (len(late) - len(took))"),
        says="one ends after 0.45 s, and one after 0.55, p50 should be inf, and it says 0.01. That",
    ),
    "0.99 for 99 percent": changed(
        ("percentile(took, 50)", "percentile(took, 0.5)"),
        ("percentile(took, 99)", "percentile(took, 0.99)"),
        says="p99 should be 0.40, and it says 0.01. 99 percent are 99, and not 0.99.",
    ),
    "its limit does not count from the start": changed(
        ("timeout_at(start + (number - 1) * every + patience)", "timeout_at((number - 1) * every + patience)"),
        says="It has not sent anything. (By loop.time(), a limit is so many seconds after the start.)",
    ),
    "an empty answer is none": changed(
        (
            "for n in range(number):\n    await ws.recv()\n",
            "for n in range(number):\n    if not await ws.recv():\n        break\n",
        ),
        says="0 messages were not answered in time, and it says 20. An empty text is an answer, too",
    ),
    "it reads while there are answers": changed(
        (
            "for n in range(number):\n    await ws.recv()\n    took.append(loop.time() - (start + n * every))",
            """
            n = 0
            while n < number and await ws.recv():
                took.append(loop.time() - (start + n * every))
                n += 1
            """,
        ),
        says="0 messages were not answered in time, and it says 20. An empty text is an answer, too",
    ),
    "it catches its own cancellation": changed(
        ("with suppress(TimeoutError):", "with suppress(TimeoutError, asyncio.CancelledError):"),
        says="it was cancelled while it measured, and it returned. Let CancelledError out",
    ),
    "it catches all that ends the group": changed(
        ("with suppress(TimeoutError):", "with suppress(BaseException):"),
        says="it was cancelled while it measured, and it returned. Let CancelledError out",
    ),
}

RIGHT = {
    "gather, and an iterator": changed(
        (
            """
            with suppress(ConnectionClosed):
                for n in range(number):
                    await ws.recv()
                    took.append(loop.time() - (start + n * every))
            """,
            """
            n = 0
            with suppress(ConnectionClosed):
                async for answer in ws:
                    took.append(loop.time() - (start + n * every))
                    n += 1
                    if n == number:
                        break
            """,
        ),
        (
            """
            for ws in clients:
                tasks.create_task(send(ws))
                tasks.create_task(listen(ws))
            """,
            "await asyncio.gather(*map(send, clients), *map(listen, clients))",
        ),
        (LIMIT, LIMIT.replace(", asyncio.TaskGroup() as tasks", "")),
    ),
    "a task for each send": whole(EACH_SEND.format(ask="ask(ws, n)", counted="", timeout=FROM_THE_PLAN)),
    "a dictionary of times, and it closes the clients": changed(
        (
            """
            async for answer in ws:
                n = int(answer)
                times[i, n] = loop.time() - due[n]
            """,
            """
            for n in range(number):
                await ws.recv()
                times[i, n] = loop.time() - due[n]
            """,
        ),
        of=BY_TEXTS,
    ),
    "a task group for each client": whole(A_GROUP_FOR_EACH),
    "timers, callbacks, and a future that ends it": whole(CALLBACKS),
    "what it could not send is late, too": changed(
        ("took, late = [], []", "took, late, begun = [], [], {ws: 0 for ws in clients}"),
        (
            """
            with suppress(ConnectionClosed):
                for n in range(number):
                    due = start + n * every
                    await asyncio.sleep(due - loop.time())
                    late.append(loop.time() - due)
                    await ws.send(f"message {n}")
            """,
            """
            with suppress(ConnectionClosed):
                for n in range(number):
                    due = start + n * every
                    await asyncio.sleep(due - loop.time())
                    late.append(loop.time() - due)
                    begun[ws] += 1
                    await ws.send(f"message {n}")
            begun[ws] = number
            """,
        ),
        before(PADS, "late += [loop.time() - start - n * every for n in begun.values() if n < number]"),
    ),
    "timers, a queue, and gather": whole(
        """
async def measure(clients, every, number, patience):
    loop = asyncio.get_running_loop()
    start = loop.time()
    took, late = [], []

    async def send(ws):
        queue = asyncio.Queue()
        for n in range(number):
            loop.call_at(start + n * every, queue.put_nowait, n)
        for _ in range(number):
            n = await queue.get()
            late.append(max(0, loop.time() - start - n * every))
            await ws.send("hello")

    async def listen(ws):
        n = 0
        while n < number:
            await ws.recv()
            took.append(loop.time() - start - n * every)
            n += 1

    jobs = [job(ws) for ws in clients for job in (send, listen)]
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), (number - 1) * every + patience)
    total = len(clients) * number
    times = sorted(took) + [math.inf] * (total - len(took))
    p50, p99 = times[math.ceil(total * 0.5) - 1], times[math.ceil(total * 0.99) - 1]
    return {"p50": p50, "p99": p99, "unanswered": total - len(took), "late": max(late)}
"""
    ),
}
