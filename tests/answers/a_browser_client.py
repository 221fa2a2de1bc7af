"""Answers to the exercise of a-browser-client."""

import textwrap

from tests.answers import after, before, changed, whole

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
TALKS = """
sending = asyncio.create_task(send_all(ws, outbox, unsent))
try:
    async for text in ws:
        failures = 0
        hear(text)
except ConnectionClosed:
    pass
finally:
    sending.cancel()
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

CALLS_ITSELF = (
    HEAD
    + """

async def send_all(ws, outbox, unsent):
    with suppress(ConnectionClosed):
        while True:
            if not unsent:
                unsent.append(await outbox.get())
            await ws.send(unsent[0])
            unsent.pop(0)


async def stay_connected(url, outbox, hear, wait, unsent=None, failures=0):
    unsent = [] if unsent is None else unsent
    try:
        async with connect(url) as ws:
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
    except Exception as error:
        if process_exception(error):
            raise
    await wait(jitter(failures))
    return await stay_connected(url, outbox, hear, wait, unsent, failures + 1)
"""
)

ONE_LOOP = (
    HEAD
    + """

async def stay_connected(url, outbox, hear, wait):
    failures, texts, getting = 0, [], None
    try:
        while True:
            try:
                ws = await connect(url)
                receiving = asyncio.create_task(ws.recv())
                try:
                    while True:
                        while texts:
                            await ws.send(texts[0])
                            del texts[0]
                        if getting is None:
                            getting = asyncio.create_task(outbox.get())
                        await asyncio.wait([receiving, getting], return_when=asyncio.FIRST_COMPLETED)
                        if getting.done():
                            texts.append(getting.result())
                            getting = None
                        if receiving.done():
                            hear(receiving.result())
                            failures = 0
                            receiving = asyncio.create_task(ws.recv())
                finally:
                    receiving.cancel()
                    await asyncio.gather(receiving, return_exceptions=True)
                    await ws.close()
            except ConnectionClosed:
                if is_final(ws.close_code):
                    return ws.close_code
            except Exception as error:
                if process_exception(error):
                    raise
            await wait(jitter(failures))
            failures += 1
    finally:
        if getting:
            getting.cancel()
"""
)

OWN_BACKOFF = (
    HEAD
    + """

async def stay_connected(url, outbox, hear, wait):
    failures, kept = 0, None

    async def pump(ws):
        nonlocal kept
        with suppress(ConnectionClosed):
            while True:
                kept = kept if kept is not None else await outbox.get()
                await ws.send(kept)
                kept = None

    async def pause():
        nonlocal failures
        await wait(jitter(failures))
        failures += 1

    while True:
        try:
            async for ws in connect(url, process_exception=lambda error: error):
                async with ws:
                    pumping = asyncio.create_task(pump(ws))
                    try:
                        with suppress(ConnectionClosed):
                            async for text in ws:
                                failures = 0
                                hear(text)
                    finally:
                        pumping.cancel()
                        await asyncio.wait([pumping])
                if is_final(ws.close_code):
                    return ws.close_code
                await pause()
        except Exception as error:
            if process_exception(error) is error:
                raise
            await pause()
"""
)

TASK_GROUP = (
    HEAD
    + """
from websockets import InvalidMessage


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
        except (OSError, InvalidMessage):
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
        (ENDS, "if is_final(ws.close_code) and ws.close_code != 1008:\n    return ws.close_code"),
        says="the server closed with 1008, and it came again. After this code it must not.",
    ),
    "a list of its own of the codes that are final": changed(
        (ENDS, "if ws.close_code in (1000, 1003, 1008) or ws.close_code >= 3000:\n    return ws.close_code"),
        says="the server closed with 1002, and it came again. After this code it must not.",
    ),
    "1005 is the end, too": changed(
        (ENDS, "if ws.close_code == 1005 or is_final(ws.close_code):\n    return ws.close_code"),
        says="the server closed without a code, and then it did not `await wait(...)`: it returned <CloseCode.NO",
    ),
    "a list of its own of the codes to come back after": changed(
        (ENDS, "if ws.close_code not in (1001, 1006, 1011, 1012, 1013):\n    return ws.close_code"),
        says="the server closed without a code, and then it did not `await wait(...)`: it returned",
    ),
    "after the loop's end, it waits for its sender": changed(
        (
            TALKS,
            """
            async def read():
                nonlocal failures
                async for text in ws:
                    failures = 0
                    hear(text)

            try:
                await asyncio.gather(read(), send_all(ws, outbox, unsent))
            except ConnectionClosed:
                pass
            """,
        ),
        says="it did not return. After this code, `async for text in ws` ends without an error. Does it wait for its",
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
        says="nobody listened there, and then it did not `await wait(...)`: it raised ConnectionRefusedError: ",
    ),
    "nobody listens, and it tries at once": changed(
        (
            FAILS,
            """
            except OSError:
                continue
            except Exception as error:
                if process_exception(error):
                    raise
            """,
        ),
        says="nobody listened there, and then it did not `await wait(...)`. It has to, each time before it comes back.",
    ),
    "nobody listens, and its pause is its own": changed(
        (
            FAILS,
            """
            except OSError:
                await asyncio.sleep(1)
                continue
            except Exception as error:
                if process_exception(error):
                    raise
            """,
        ),
        says="nobody listened there, and then it did not `await wait(...)`. It has to, each time before it comes back.",
    ),
    "a handshake may fail in two ways": changed(
        (
            FAILS,
            """
            except InvalidStatus as error:
                if process_exception(error):
                    raise
            except (OSError, TimeoutError):
                pass
            """,
        ),
        says="the server hung up in the middle of the handshake, and then it did not `await wait(...)`: it raised Inv",
    ),
    "a handshake may fail in two ways, in a group": changed(
        ("(OSError, InvalidMessage)", "OSError"),
        of=TASK_GROUP,
        says="the server hung up in the middle of the handshake, and then it did not `await wait(...)`: it raised Inv",
    ),
    "comes back after the refusals that it does not know": changed(
        (
            FAILS,
            """
            except InvalidStatus as refusal:
                if refusal.response.status_code in (401, 403):
                    raise
            except (OSError, InvalidHandshake):
                pass
            """,
        ),
        before("BASE,", "from websockets import InvalidHandshake\n\n"),
        says="it was refused with HTTP 404, and came again. It would be refused again: let InvalidStatus out.",
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
    "counts no handshake that fails": changed(
        after("if process_exception(error):\n    raise", "await wait(jitter(0))\ncontinue"),
        says="now and then let in without a word; none of its waits was longer than 1 second. A handshake that fails",
    ),
    "an empty text is nothing heard": changed(
        ("failures = 0\nhear(text)", "if text:\n    failures = 0\nhear(text)"),
        says="the server said an empty text and closed, 60 times; its wait number",
    ),
    "calls itself": whole(
        CALLS_ITSELF, says="it came back 120 times. Each time it calls itself, ever deeper: in the end, that is a"
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
        says="two texts were in the outbox, and did not come in order.",
    ),
    "does not hear": changed(
        ("hear(text)", "pass"),
        says="the server said 'hello', and it was not heard.",
    ),
    "does not hear an empty text": changed(
        ("hear(text)", "if text:\n    hear(text)"),
        says="the server said an empty text, and it was not heard. An empty text is one, too.",
    ),
    "the newest text first": changed(
        (
            SENDS,
            """
            if not unsent:
                unsent.append(await outbox.get())
            while not outbox.empty():
                unsent.append(outbox.get_nowait())
            await ws.send(unsent[-1])
            unsent.pop()
            """,
        ),
        says="two texts were in the outbox, and did not come in order.",
    ),
    "what it hears is stripped": changed(
        ("hear(text)", "hear(text.strip())"),
        says="the server said ' news\\n', twice, and that was not heard so, twice. A text is passed on as it is",
    ),
    "what it says is stripped": changed(
        (SENDS, SENDS.replace("ws.send(unsent[0])", "ws.send(unsent[0].strip())")),
        says="' news\\n' was in the outbox, twice, and did not come so, twice. A text is passed on as it is",
    ),
    "the same text is sent once": changed(
        (
            SENDS,
            """
            if not unsent:
                unsent.append(await outbox.get())
            if unsent[0] not in sent:
                await ws.send(unsent[0])
            sent.add(unsent.pop(0))
            """,
        ),
        ("async def send_all(ws, outbox, unsent):", "async def send_all(ws, outbox, unsent, sent):"),
        ("send_all(ws, outbox, unsent))", "send_all(ws, outbox, unsent, sent))"),
        ("unsent, failures = [], 0", "unsent, sent, failures = [], set(), 0"),
        says="twice, and did not come so, twice. A text is passed on as it is, with its spaces, and as often",
    ),
    "an empty text ends its sender": changed(
        (
            SENDS,
            """
            text = unsent[0] if unsent else await outbox.get()
            if not text:
                break
            unsent[:] = [text]
            await ws.send(text)
            unsent.clear()
            """,
        ),
        says="an empty text and 'three' were in the outbox, and did not come. An empty text is one, too.",
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
        says="two texts were in the outbox, and did not come in order.",
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
    "loses it when it fails again": changed(
        (
            f"while True:\n{textwrap.indent(textwrap.dedent(SENDS).strip(), '    ')}",
            """
            while unsent:
                await ws.send(unsent.pop(0))
            while True:
                text = await outbox.get()
                try:
                    await ws.send(text)
                except BaseException:
                    unsent.append(text)
                    raise
            """,
        ),
        says="send() failed over the first connection and over the second: the server got 'two'. What was taken out",
    ),
    "what it could not send comes first, and may fail again": changed(
        before("sending =", "while unsent:\n    await ws.send(unsent[0])\n    unsent.pop(0)"),
        says="the server got none of them: it raised ConnectionClosedError: ",
    ),
    "loses an empty text": changed(
        (
            SENDS,
            """
            if not unsent.get("text"):
                unsent["text"] = await outbox.get()
            await ws.send(unsent["text"])
            unsent["text"] = None
            """,
        ),
        ("unsent, failures = [], 0", "unsent, failures = {}, 0"),
        says="'' and 'two' were in the outbox, and send() failed over the first connection and over the second",
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
    "leaves its sender behind while it waits": changed(
        ("finally:\n    sending.cancel()", "except asyncio.CancelledError:\n    sending.cancel()\n    raise"),
        ("unsent, failures = [], 0", "unsent, failures, sending = [], 0, None"),
        after(WAITS, "if sending:\n    sending.cancel()  # the next connection has its own"),
        says="it was cancelled in its wait, and a task of it goes on, `send_all()`. Stop in a `finally`",
    ),
    "catches its cancellation while it connects": changed(
        (
            FAILS,
            """
            except BaseException as error:
                if isinstance(error, Exception) and process_exception(error):
                    raise
            """,
        ),
        says="it was cancelled while it connected, and did not end by that",
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
    "counts anew when something has been sent": changed(
        ("async def send_all(ws, outbox, unsent):", "async def send_all(ws, outbox, unsent, failures):"),
        after("unsent.pop(0)  # only now: if the send fails, it is still there", "failures.clear()"),
        ("unsent, failures = [], 0", "unsent, failures = [], []"),
        ("send_all(ws, outbox, unsent))", "send_all(ws, outbox, unsent, failures))"),
        ("failures = 0", "failures.clear()"),
        (WAITS, "await wait(jitter(len(failures)))"),
        ("failures += 1", "failures.append(1)"),
        says="the server took a text, said nothing for an hour, and closed with 1013, 8 times; none of the waits was "
        "longer than 1 second. The failures count anew when something has been heard, and at nothing else.",
    ),
    "counts anew after a minute": changed(
        before("sending = asyncio", "since = asyncio.get_running_loop().time()"),
        before("if is_final(ws", "if asyncio.get_running_loop().time() - since > 60:\n    failures = 0"),
        says="The failures count anew when something has been heard, and at nothing else.",
    ),
    "what is below 500 is final": changed(
        (
            FAILS,
            """
            except InvalidStatus as refusal:
                if refusal.response.status_code < 500:
                    raise
            except Exception:
                pass
            """,
        ),
        says="it was refused with HTTP 501, and came again. It would be refused again: let InvalidStatus out.",
    ),
    "waits, and then looks at the code": changed(
        (ENDS, ""),
        before("async with ws:", "code = None"),
        (WAITS, f"{WAITS}\nif ws and is_final(ws.close_code):\n    return ws.close_code"),
        before("try:\n    ws = await", "ws = None"),
        ("code = None\n", ""),
        says="the server closed with 1000, and it waited before it returned that.",
    ),
    "speaks when it has been spoken to": changed(
        (
            TALKS,
            """
            sending = None
            try:
                async for text in ws:
                    failures = 0
                    hear(text)
                    if not sending:
                        sending = asyncio.create_task(send_all(ws, outbox, unsent))
            except ConnectionClosed:
                pass
            finally:
                if sending:
                    sending.cancel()
            """,
        ),
        says="a text was in the outbox, and did not come; the server had let it in, and said nothing. What is put into "
        "`outbox` is sent, whether the server has spoken or not.",
    ),
    "what is not sent is in the module": changed(
        ("unsent, failures = [], 0", "failures = 0"),
        before("async def send_all", "unsent = []\n\n"),
        says="they got nothing and 'one', 'two'. Is something of a call kept in the module, where all calls share it?",
    ),
    "the failures are in the module": changed(
        before("async def stay_connected", "failures = 0\n\n"),
        ("unsent, failures = [], 0", "global failures\nunsent = []"),
        says="Is something of a call kept in the module, where all calls share it? Keep it in the function.",
    ),
    "heard in a thread": changed(
        ("hear(text)", "asyncio.get_running_loop().run_in_executor(None, hear, text)"),
        says="`hear(text)` was called in another thread, and chance decides the order. Call it where you receive.",
    ),
    "a limit that is never reached": changed(
        ("failures += 1", "failures = min(failures + 1, 4)"),
        says="Full jitter is 0 to 100. Once it is 30 seconds, the limit stays so, until something has been heard.",
    ),
    "a minute without a word, and it ends": changed(
        (
            "async for text in ws:\n",
            "while True:\n    text = await asyncio.wait_for(ws.recv(), 60)\n",
        ),
        says="the server took a text, and said nothing for an hour: it raised TimeoutError: . Nothing says how long",
    ),
    "awaits its sender, which it has cancelled": changed(
        after("sending.cancel()", "await sending"),
        says="it raised CancelledError. Nobody has cancelled it: awaiting a task that one has cancelled oneself",
    ),
    "its first handshake must succeed": changed(
        ("unsent, failures = [], 0", "unsent, failures, was_there = [], 0, False"),
        ("if process_exception(error):", "if not was_there or process_exception(error):"),
        before("async with ws:", "was_there = True"),
        says="HTTP 500. `process_exception(error)` returns None for it: so come back, though it be the first",
    ),
    "takes None of process_exception() for final": changed(
        ("if process_exception(error):", "if process_exception(error) is None:"),
        says="HTTP 500. `process_exception(error)` returns None for it: so come back",
    ),
    "a None in the outbox ends its sender": changed(
        (
            "unsent.append(await outbox.get())",
            """
            text = await outbox.get()
            if text is None:
                return
            unsent.append(text)
            """,
        ),
        ("sending.cancel()", "outbox.put_nowait(None)"),
        says="was not sent. Is something put into the outbox that ends a sender?",
    ),
    "has heard something once": changed(
        ("unsent, failures = [], 0", "unsent, failures, heard = [], 0, False"),
        ("    failures = 0\n", "    heard = True\n"),
        before(WAITS, "if heard:\n    failures = 0"),
        says="When it had not spoken; none of its waits was longer than 1 second. It has heard something, and",
    ),
    "one failure less for what is heard": changed(
        ("    failures = 0\n", "    failures = max(0, failures - 1)\n"),
        says="seconds. The failures count anew when something has been heard, and at nothing else.",
    ),
    "comes back with what it has not sent": changed(
        ("if is_final(ws.close_code):", "if is_final(ws.close_code) and not unsent:"),
        says="could not be sent, and the server closed with 4001, and it came again. After this code it must not. What",
    ),
    "asks again and again whether there is something to send": changed(
        (
            "unsent.append(await outbox.get())",
            "while outbox.empty():\n    await asyncio.sleep(0)\nunsent.append(outbox.get_nowait())",
        ),
        says="while the server says nothing, and the outbox is empty, the event loop never comes to rest.",
    ),
}

RIGHT = {
    "a task group": whole(TASK_GROUP),
    "one loop that waits for what comes first": whole(ONE_LOOP),
    "the loop of connect(), which is told to raise all failures": whole(OWN_BACKOFF),
    "cancels and waits": changed(
        ("sending.cancel()", "sending.cancel()\nawait asyncio.gather(sending, return_exceptions=True)"),
    ),
    "a limit that is looked up": changed(
        (WAITS, "await wait(random.random() * ([1, 2, 4, 8, 16] + [30] * 100)[failures])"),
    ),
    "one sender for all connections": whole(
        HEAD
        + """
async def stay_connected(url, outbox, hear, wait):
    failures, current = 0, None
    there = asyncio.Event()

    async def speak():
        while True:
            text = await outbox.get()
            while True:
                await there.wait()
                try:
                    await current.send(text)
                    break
                except ConnectionClosed:
                    there.clear()

    speaking = asyncio.create_task(speak())
    try:
        while True:
            try:
                current = await connect(url)
            except Exception as error:
                if process_exception(error):
                    raise
            else:
                there.set()
                async with current:
                    with suppress(ConnectionClosed):
                        async for text in current:
                            failures = 0
                            hear(text)
                    there.clear()
                if is_final(current.close_code):
                    return current.close_code
            await wait(jitter(failures))
            failures += 1
    finally:
        speaking.cancel()
"""
    ),
}
