"""Answers to the exercise of a-browser-client."""

from tests.answers import after, changed, whole

# Parts of the solution
SENDS = """
            if not unsent:
                unsent.append(await outbox.get())
            await ws.send(unsent[0])
            unsent.pop(0)  # only now: if the send fails, it is still there
"""
FAILS = """
        except Exception as error:
            if process_exception(error):
                raise
"""
ENDS = """
            if is_final(ws.close_code):
                return ws.close_code
"""
WAITS = "await wait(jitter(failures))"

HEAD = """
BASE, CAP = 1, 30  # seconds


def is_final(code: int) -> bool:
    return code in {1000, 1002, 1003, 1007, 1008, 1009, 1010} or code >= 3000


def jitter(failures: int) -> float:
    return random.uniform(0, min(CAP, BASE * 2**failures))
"""

WITH_THE_LOOP = (
    HEAD
    + """

async def send_all(ws, outbox, unsent):
    with suppress(ConnectionClosed):
        while True:
            if not unsent:
                unsent.append(await outbox.get())
            await ws.send(unsent[0])
            unsent.pop(0)


async def stay_connected(url, outbox, hear, wait):
    unsent, failures = [], 0
    async for ws in connect(url):
        sending = asyncio.create_task(send_all(ws, outbox, unsent))
        try:
            async for text in ws:
                failures = 0
                hear(text)
        except ConnectionClosed:
            pass
        finally:
            sending.cancel()
        if is_final(ws.close_code):
            return ws.close_code
        await wait(jitter(failures))
        failures += 1
"""
)

TASK_GROUP = (
    HEAD
    + """

class Client:
    def __init__(self, outbox, hear):
        self.outbox, self.hear = outbox, hear
        self.taken = None  # out of the outbox, and not sent yet
        self.failures = 0

    async def speak(self, ws):
        while True:
            if self.taken is None:
                self.taken = await self.outbox.get()
            await ws.send(self.taken)
            self.taken = None

    async def listen(self, ws):
        while True:
            text = await ws.recv()
            self.failures = 0
            self.hear(text)

    async def talk(self, ws):
        try:
            async with ws, asyncio.TaskGroup() as tasks:
                tasks.create_task(self.speak(ws))
                tasks.create_task(self.listen(ws))
        except* ConnectionClosed:
            pass
        return ws.close_code


async def stay_connected(url, outbox, hear, wait):
    client = Client(outbox, hear)
    while True:
        try:
            code = await client.talk(await connect(url))
            if is_final(code):
                return code
        except OSError:
            pass
        except InvalidStatus as refusal:
            if refusal.response.status_code not in (500, 502, 503, 504):
                raise
        limit = min(30, 2**client.failures)
        client.failures += 1
        await wait(limit * random.random())
"""
)

WRONG = {
    # where to come back
    "whatever the code was": changed(
        (ENDS, "ws.close_code"),
        says="the server closed with 1000, and it came again. After this code it must not.",
    ),
    "stays away after 4001, and comes back after 1008": changed(
        (ENDS, "if ws.close_code in (1000, 1003) or ws.close_code >= 3000:\n    return ws.close_code"),
        says="the server closed with 1008, and it came again. After this code it must not.",
    ),
    "returns nothing": changed(
        (ENDS, "if is_final(ws.close_code):\n    return"),
        says="the server closed with 1000, and the function should return that: it returned None.",
    ),
    "the end of the loop is the end": changed(
        ("except ConnectionClosed:\n    pass", "except ConnectionClosed:\n    pass\nelse:\n    return ws.close_code"),
        says="the server closed with 1001, and then it did not `await wait(...)`: it returned 1001.",
    ),
    "comes back after whatever refusal": changed(
        (FAILS, "except Exception:\n    pass"),
        says="it was refused with HTTP 401, and came again. It would be refused again: let InvalidStatus out.",
    ),
    "a refusal is the end": changed(
        (FAILS, "except OSError:\n    pass"),
        says="it was refused with HTTP 500, and then it did not `await wait(...)`: it raised InvalidStatus: server",
    ),
    "nobody listens, and that is the end": changed(
        (FAILS, "except InvalidStatus as error:\n    if process_exception(error):\n        raise"),
        says="nobody listened there, and it did not try again: it raised ConnectionRefusedError: ",
    ),
    "a refusal is returned": changed(
        (FAILS, "except InvalidStatus as error:\n    return error.response.status_code\nexcept OSError:\n    pass"),
        says="it was refused with HTTP 500, and then it did not `await wait(...)`: it returned 500.",
    ),
    "looks for a code where there may be none": changed(
        (
            "except ConnectionClosed:\n    pass",
            "except ConnectionClosed as closed:\n    if is_final(closed.rcvd.code):\n        return closed.rcvd.code",
        ),
        says="the connection was cut off, and then it did not `await wait(...)`: it raised AttributeError: 'NoneType'",
    ),
    # when to come back
    "at once": changed(
        (WAITS, "await asyncio.sleep(0)"),
        says="the server closed with 1001, and then it did not `await wait(...)`. It has to, each time before it comes",
    ),
    "waits by itself": changed(
        (WAITS, "await asyncio.sleep(jitter(failures) / 1000)"),
        says="the server closed with 1001, and then it did not `await wait(...)`.",
    ),
    "waits before it comes for the first time": changed(
        ("while True:\n    try:\n        ws =", "await wait(0)\nwhile True:\n    try:\n        ws ="),
        says="and it came back after 2 waits. One for each time is due, and no other.",
    ),
    "gives up": changed(
        ("while True:\n    try:\n        ws =", "for _ in range(10):\n    try:\n        ws ="),
        says="it did not come back: it returned None.",
    ),
    "the loop of connect() waits, too": whole(
        WITH_THE_LOOP, says="it was refused with HTTP 500, and then it did not `await wait(...)`. It has to"
    ),
    "no jitter": changed(
        (WAITS, "await wait(min(CAP, BASE * 2**failures))"),
        says="its waits were 100 to 100 percent of what they may be. Full jitter is 0 to 100.",
    ),
    "half a jitter": changed(
        (WAITS, "await wait((min(CAP, BASE * 2**failures) + jitter(failures)) / 2)"),
        says="percent of what they may be. Full jitter is 0 to 100.",
    ),
    "a random second": changed(
        (WAITS, "await wait(random.random())"),
        says="the server let it in and closed without a word, 60 times; none of its waits was longer than 1 second.",
    ),
    "counts anew when it is let in": changed(
        ("failures = 0\nhear(text)", "hear(text)"),
        ("async with ws:", "failures = 0\nasync with ws:"),
        says="none of its waits was longer than 1 second. To be let in says nothing yet.",
    ),
    "never counts anew": changed(
        ("failures = 0\nhear(text)", "hear(text)"),
        says="the server spoke and closed, 60 times; its wait number",
    ),
    "counts too early": changed(
        (f"{WAITS}\nfailures += 1", f"failures += 1\n{WAITS}"),
        says="and should be from 0 to 1 seconds.",
    ),
    "no limit": changed(
        (WAITS, "await wait(random.uniform(0, BASE * 2**failures))"),
        says="and should be from 0 to 30 seconds.",
    ),
    # what was not sent
    "does not speak": changed(
        (SENDS, "await asyncio.Event().wait()"),
        says="two texts were in the outbox, and did not come.",
    ),
    "does not hear": changed(
        ("hear(text)", "pass"),
        says="the server said 'hello', and it was not heard.",
    ),
    "does not hear while it speaks": changed(
        ("async for text in ws:", "async for text in ws:\n    await asyncio.wait([sending])"),
        says="the server closed with 1000, and it did not return.",
    ),
    "takes out what it cannot send": changed(
        (SENDS, "await ws.send(await outbox.get())"),
        says="two texts came into the outbox when the server had just closed, so that send() fails: the server got "
        "and more. What was taken out of the outbox must be kept until its send() has returned, and then goes first.",
    ),
    "puts back what it cannot send, behind the others": changed(
        (
            SENDS,
            """
            text = await outbox.get()
            outbox.put_nowait(text)
            await ws.send(text)
            """,
        ),
        says="two texts were in the outbox, and did not come.",
    ),
    "what it cannot send goes to the end": changed(
        (
            SENDS,
            """
            text = await outbox.get()
            try:
                await ws.send(text)
            except ConnectionClosed:
                outbox.put_nowait(text)
                raise
            """,
        ),
        says="so that send() fails: the server got and more.",
    ),
    "the sender of the connection before takes it": changed(
        (SENDS, "await ws.send(await outbox.get())"),
        ("sending.cancel()", "pass"),
        says="three came into the outbox while it waited: the server got one, ",
    ),
    "forgets what came while it waited": changed(
        after("failures += 1", "while not outbox.empty():\n    outbox.get_nowait()"),
        says="three came into the outbox while it waited: the server got one. Has something taken it",
    ),
    "sends it twice": changed(
        ("unsent.pop(0)  # only now: if the send fails, it is still there", "sent.append(unsent.pop(0))"),
        ("unsent, failures = [], 0", "unsent, failures = [], 0\nsent.clear()"),
        after("failures += 1", "unsent[:0] = sent"),
        ("async def stay_connected", "sent = []\n\n\nasync def stay_connected"),
        says="three came into the outbox while it waited: the server got one, one, two, three, four.",
    ),
    "leaves its sender behind": changed(
        ("sending.cancel()", "pass"),
        says="it was cancelled, and a task of it goes on, `send_all()`. Stop in a `finally` what has been started.",
    ),
    "leaves its connection open": changed(
        ("async with ws:", "if True:"),
        says="it was cancelled, and a task of it goes on, `keepalive()`. It is the connection's own: close that, too",
    ),
    "catches its cancellation": changed(
        ("except ConnectionClosed:\n    pass", "except BaseException:\n    pass"),
        says="it was cancelled, and did not end by that: it returned 1000. Let CancelledError out.",
    ),
    "no coroutine": whole(
        "def stay_connected(url, outbox, hear, wait):\n    pass",
        says="`stay_connected` must be a function, made with `async def`.",
    ),
}

RIGHT = {
    "a task group": whole(TASK_GROUP),
    "cancels and waits": changed(
        ("sending.cancel()", "sending.cancel()\nawait asyncio.gather(sending, return_exceptions=True)"),
    ),
    "a limit that is looked up": changed(
        (WAITS, "await wait(random.random() * ([1, 2, 4, 8, 16] + [30] * 100)[failures])"),
    ),
}
