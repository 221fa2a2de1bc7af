"""Answers to the exercise of closing-too-early."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

LAST_WORDS = 'await websocket.send_text(f"total: {total}")'
CLOSES = 'await websocket.close(1000, "done")'
ADDS = "total += int(text)"
ONLY_DIGITS = """
await websocket.accept()
total = 0
try:
    while (text := await websocket.receive_text()) != "done":
        if text.isdigit():
            total += int(text)
            await websocket.send_text(str(total))
        else:
            await websocket.send_text("not a number")
    await websocket.send_text(f"total: {total}")
    await websocket.close(1000, "done")
except WebSocketDisconnect:
    pass
"""
IT_LEAVES = "except WebSocketDisconnect:\n    pass  # the client has left, and nothing is owed"
BY_ID = (
    after("app = FastAPI()", "sums = {}"),
    ("total = 0", "key = id(websocket)\nsums.setdefault(key, 0)"),
    (ADDS, "sums[key] += int(text)"),
    ("str(total)", "str(sums[key])"),
    ("{total}", "{sums[key]}"),
)

WRONG = {
    "closes after the first answer": whole(
        """
        await websocket.accept()
        total = int(await websocket.receive_text())
        await websocket.send_text(str(total))
        await websocket.close(1000, "done")
        """,
        says="the client sent '40' and expected '42', but the connection ended first, with code 1000. Is the loop "
        "there, and does only `done` end it?",
    ),
    "done, or nearly": changed(
        ('text == "done"', 'text.strip().lower() == "done"'),
        says="the client sent 'DONE' and expected 'not a number', but got 'total: 23'. The end is exactly `done`.",
    ),
    "numbers as Python writes them": changed(
        ("int(text)", "int(text, 0)"), says="the client sent '0x10' and expected 'not a number', but got '29'."
    ),
    "close() inside the loop": changed(
        after("await websocket.send_text(str(total))", CLOSES),
        says="but the connection ended first, with code 1000. On the server, the endpoint raised "
        'WebSocketDisconnected: WebSocket is not connected. Need to call "accept" first.',
    ),
    "returns without close": changed(
        (CLOSES, ""),
        says="after the answer the connection ended with code 1006, cut off without close(), not with 1000.",
    ),
    "closes before the last words": changed(
        (f"{LAST_WORDS}\n{CLOSES}", f"{CLOSES}\n{LAST_WORDS}"),
        says="the client sent 'done' and expected 'total: -8', but the connection ended first, with code 1000. On the "
        'server, the endpoint raised WebSocketDisconnected: Cannot call "send" once a close message has been sent.',
    ),
    "the last words are the reason": changed(
        (LAST_WORDS, ""),
        ('1000, "done"', '1000, f"total: {total}"'),
        says="expected 'total: -8', but the connection ended first, with code 1000. The last words come before "
        "close().",
    ),
    "goes on after close()": changed(
        ("break", f"{LAST_WORDS}\n{CLOSES}\ncontinue"),
        says='the endpoint raised WebSocketDisconnected: WebSocket is not connected. Need to call "accept" first. '
        "Something goes on after the connection has ended: is a `return` missing, or is it still in a loop?",
    ),
    "adds up `done`, too": changed(
        ('if text == "done":\n    break', ""),
        after("else:\n    await websocket.send_text(str(total))", 'if text == "done":\n    break'),
        says="the client sent 'done' and expected 'total: -8', but got 'not a number'.",
    ),
    "closes on a bad number": changed(
        after('await websocket.send_text("not a number")', 'await websocket.close(1003, "not a number")\nreturn'),
        says="the client sent '' and expected 'not a number', but the connection ended first, with code 1003. Is the "
        "loop there, and does only `done` end it?",
    ),
    "breaks on a bad number": whole(
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                total += int(text)
                await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        says="the client sent 'seven' and expected 'not a number', but the connection ended first, with code 1006, "
        "cut off without close(). On the server, the endpoint raised ValueError: invalid literal for int()",
    ),
    "only digits are numbers": whole(
        ONLY_DIGITS, says="the client sent '-50' and expected '-8', but got 'not a number'."
    ),
    "a bad number sets the sum back": changed(
        before('await websocket.send_text("not a number")', "total = 0"),
        says="the client sent '1' and expected '8', but got '1'.",
    ),
    "one sum for all": changed(
        ("total = 0", "global total"),
        after("app = FastAPI()", "total = 0"),
        before(CLOSES, "total = 0"),
        says="the client sent '10' and expected '10', but got '11'. Each client has a sum of its own",
    ),
    "one sum, set back when somebody comes": changed(
        ("total = 0", "global total\ntotal = 0"),
        says="the client sent '10' and expected '10', but got '11'. Each client has a sum of its own",
    ),
    "no reason": changed(
        ('1000, "done"', "1000"), says="after the total the connection was closed with the reason '', not with 'done'."
    ),
    "another code": changed(
        ('1000, "done"', '4000, "done"'),
        says="after the answer the connection ended with code 4000, not with 1000. End with `await "
        'websocket.close(1000, "done")`.',
    ),
    "waits for the client to close": changed(
        ("break", f"{LAST_WORDS}\ncontinue"),
        says="after the answer the connection was still open 2 seconds later. End with `await websocket.close(1000, "
        '"done")`.',
    ),
    "the disconnect is not caught": whole(
        """
        await websocket.accept()
        total = 0
        while (text := await websocket.receive_text()) != "done":
            try:
                total += int(text)
                await websocket.send_text(str(total))
            except ValueError:
                await websocket.send_text("not a number")
        await websocket.send_text(f"total: {total}")
        await websocket.close(1000, "done")
        """,
        says="when a client left, the endpoint raised WebSocketDisconnect(1000). Catch WebSocketDisconnect around the "
        "loop.",
    ),
    "the last words stand outside of the try": changed(
        (f"{LAST_WORDS}\n{CLOSES}", ""),
        ("except WebSocketDisconnect:\n    pass", f"except WebSocketDisconnect:\n    return\n{LAST_WORDS}\n{CLOSES}"),
        says="when a client said 'done' and left at once, the endpoint raised WebSocketDisconnect(1006). The last "
        "words can fail: do they stand in the `try`, too?",
    ),
    "says goodbye to a client that has left": whole(
        """
        await websocket.accept()
        total = 0
        async for text in websocket.iter_text():
            if text == "done":
                break
            try:
                total += int(text)
                await websocket.send_text(str(total))
            except ValueError:
                await websocket.send_text("not a number")
        await websocket.send_text(f"total: {total}")
        await websocket.close(1000, "done")
        """,
        says="when a client left, the endpoint raised WebSocketDisconnect(1006). This code comes from a send, "
        "which can fail, too, also below the loop",
    ),
    "a minus sign in front of digits, as often as you like": changed(
        ("text.isdigit()", 'text.lstrip("-").isdigit()'),
        of=ONLY_DIGITS,
        says="the client sent '--5' and expected 'not a number', but the connection ended first, with code 1006",
    ),
    "what Unicode calls a digit": changed(
        ("text.isdigit()", 'text.removeprefix("-").isdigit()'),
        of=ONLY_DIGITS,
        says="the client sent '²' and expected 'not a number', but the connection ended first, with code 1006",
    ),
    "an optional minus sign, and no plus": changed(
        before("app =", "import re"),
        ("text.isdigit()", 're.fullmatch("-?[0-9]+", text)'),
        of=ONLY_DIGITS,
        says="the client sent '+5' and expected '13', but got 'not a number'. int() decides what is a whole number",
    ),
    "closes once more below the except": changed(
        after("except WebSocketDisconnect:\n    pass", "await websocket.close()"),
        says="is it still in a loop? Or does a send or close() stand in or below the `except`, or in a `finally`?",
    ),
    "an optional sign and digits": changed(
        before("app =", "import re"),
        before(ADDS, 'if not re.fullmatch(r"[+-]?[0-9]+", text):\n    raise ValueError'),
        says="the client sent ' 42 ' and expected '42', but got 'not a number'. int() decides what is a whole number",
    ),
    "a whole number as float() reads it": changed(
        (ADDS, "if not float(text).is_integer():\n    raise ValueError\ntotal += int(float(text))"),
        says="the client sent 1000 times '1' and expected the same number, but got 'not a number'.",
    ),
    "a whole number as float() reads it, if it is short": changed(
        (
            ADDS,
            "short = len(text) < 20 and float(text).is_integer()\ntotal += int(float(text)) if short else int(text)",
        ),
        says="the client sent '4.0' and expected 'not a number', but got",
    ),
    "commas are left out": changed(
        ("int(text)", 'int(text.replace(",", ""))'), says="the client sent '1,000' and expected 'not a number', but got"
    ),
    "long texts are no numbers": changed(
        before(ADDS, "if len(text) > 18:\n    raise ValueError"),
        says="the client sent 1000 times '1' and expected the same number, but got 'not a number'. Numbers may have "
        "1,000 digits.",
    ),
    "numbers of 64 bits": changed(
        before("app =", "import ctypes"),
        (ADDS, "total = ctypes.c_longlong(total + int(text)).value"),
        says="the client sent 1000 times '1' and expected the same number, but got",
    ),
    "too big is no number": changed(
        before(ADDS, "if abs(int(text)) > 2**63 - 1:\n    raise ValueError"),
        says="the client sent 1000 times '1' and expected the same number, but got 'not a number'.",
    ),
    "sleeps before close()": changed(
        before(CLOSES, "await asyncio.sleep(1)"),
        says="after the answer the connection was still open 2 seconds later. Wait for nothing: close() loses nothing "
        "of what was sent before.",
    ),
    "a ValueError is the client's, wherever it comes from": whole(
        """
        await websocket.accept()
        total = 0
        try:
            while True:
                try:
                    text = await websocket.receive_text()
                    if text == "done":
                        break
                    total += int(text)
                    await websocket.send_text(str(total))
                except ValueError:
                    await websocket.send_text("not a number")
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        says="the check let a ValueError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "a bare except around all": changed(
        ("except WebSocketDisconnect:", "except:"),
        says="the check let an error happen where the endpoint receives, as a bug would, and it showed nowhere: it was "
        "neither raised nor logged.",
    ),
    "except Exception around all": changed(
        ("except WebSocketDisconnect:", "except Exception:"), says="it was neither raised nor logged."
    ),
    "close() in the except": changed(
        ("pass", "await websocket.close()"),
        says="when a client lost its connection, the endpoint raised WebSocketDisconnect(1006) (its close() found "
        "nobody there). When the client has gone, there is nothing to close",
    ),
    "close() in the finally": changed(
        (CLOSES, ""),
        after(
            "except WebSocketDisconnect:\n    pass  # the client has left, and nothing is owed",
            f"finally:\n    {CLOSES}",
        ),
        says="(its close() found nobody there). When the client has gone, there is nothing to close",
    ),
    "a sum that every client adds to": changed(
        ("total = 0", "global total"),
        after("app = FastAPI()", "total = 0"),
        says="the client sent 'done' and expected 'total: 0', but got 'total: -8'. Each client has a sum of its own",
    ),
    "digits of ASCII alone": changed(
        before("app =", "import re"),
        before(ADDS, r"""if not re.fullmatch(r"\s*[+-]?[0-9]+(_[0-9]+)*\s*", text):""" + "\n    raise ValueError"),
        says="and expected '1084', but got 'not a number'. int() decides what is a whole number",
    ),
    "a hundred numbers at most": changed(
        ("while True:\n    text", "for _ in range(100):\n    text"),
        says="the client sent '0' and expected '-8', but got 'total: -8'. Is the loop there, and does only `done` end "
        "it?",
    ),
    # By `id(websocket)` it is the same mistake, and a matter of luck who gets the place in memory of one before.
    "sums by the client's address, which stay": changed(
        *BY_ID,
        ("id(websocket)", "websocket.client"),
        says="What is kept for a client outside of the endpoint, by `id(websocket)` or by its address",
    ),
    "sums by the websocket, which stay": changed(
        *BY_ID,
        ("id(websocket)", "websocket"),
        says="of its visits still remembered. The app keeps what it should let go: take it out in a `finally`.",
    ),
    "time.sleep() before close()": changed(
        before("app =", "import time"),
        before(CLOSES, "time.sleep(0.2)"),
        says="before the close, time.sleep() was called in the endpoint, and kept everybody waiting. Leave it out.",
    ),
    "time.sleep() in a thread before close()": changed(
        before("app =", "import time"),
        before(CLOSES, "await asyncio.to_thread(time.sleep, 0.5)"),
        says="after the answer the connection was still open 2 seconds later. Wait for nothing: close() loses nothing "
        "of what was sent before.",
    ),
    "the answer to a mistake stands outside of the try": whole(
        """
        await websocket.accept()
        total = 0
        async for text in websocket.iter_text():
            if text == "done":
                try:
                    await websocket.send_text(f"total: {total}")
                    await websocket.close(1000, "done")
                except WebSocketDisconnect:
                    pass
                return
            try:
                total += int(text)
            except ValueError:
                await websocket.send_text("not a number")
                continue
            try:
                await websocket.send_text(str(total))
            except WebSocketDisconnect:
                return
        """,
        says="when a client said 'seven' and left at once, the endpoint raised WebSocketDisconnect(1006). The answer "
        "to a mistake can fail, too: does it stand in the `try`?",
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
    "what begins with done": changed(
        ('text == "done"', 'text.startswith("done")'),
        says="the client sent 'done ' and expected 'not a number', but got 'total: 23'. The end is exactly `done`.",
    ),
    "done, and a line break": changed(
        ('text == "done"', 'text.rstrip("\\n") == "done"'),
        says="the client sent 'done\\n' and expected 'not a number', but got 'total: 23'. The end is exactly `done`.",
    ),
    "a task sends, and nobody asks how it ended": whole(
        """
        async def send_all():
            while (answer := await answers.get()) is not None:
                await websocket.send_text(answer)
            await websocket.close(1000, "done")

        await websocket.accept()
        answers, total = asyncio.Queue(), 0
        sender = asyncio.create_task(send_all())
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    total += int(text)
                    answers.put_nowait(str(total))
                except ValueError:
                    answers.put_nowait("not a number")
            answers.put_nowait(f"total: {total}")
            answers.put_nowait(None)
            await sender
        except WebSocketDisconnect:
            sender.cancel()
        """,
        says="Or is it a task's? A task's error is seen by nobody, unless somebody awaits that task.",
    ),
    "exit ends it, too": changed(
        (
            'if text == "done":\n    break',
            'if text == "done":\n    break\nif text == "exit":\n    await websocket.close()\n    return',
        ),
        says="the client sent 'exit' and expected 'not a number', but the connection ended first, with code "
        "1000. The end "
        "is exactly `done`.",
    ),
    "five minutes for the next number": changed(
        before("app =", "import asyncio"),
        ("await websocket.receive_text()", "await asyncio.wait_for(websocket.receive_text(), 300)"),
        before("except WebSocketDisconnect:", 'except TimeoutError:\n    await websocket.close(1001, "idle")'),
        says="a client had been silent for an hour. Then the client sent '1' and expected '1', but the "
        "connection ended "
        "first, with code 1001. Nothing says how long a client may take",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not served: the handshake for /tally was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "calls itself": whole(
        """
        async def go_on(total):
            text = await websocket.receive_text()
            if text == "done":
                return total
            try:
                total += int(text)
            except ValueError:
                await websocket.send_text("not a number")
            else:
                await websocket.send_text(str(total))
            return await go_on(total)

        await websocket.accept()
        try:
            total = await go_on(0)
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        says="On the server, the endpoint raised RecursionError",
    ),
    "spaces in a number are left out": changed(
        ("int(text)", 'int(text.replace(" ", ""))'),
        says="the client sent '1 000' and expected 'not a number', but got '2084'. int() decides what",
    ),
    "a sign behind the number": changed(
        ("int(text)", 'int(text.rstrip("+"))'),
        says="the client sent '5+' and expected 'not a number', but got '1089'. int() decides what",
    ),
    "any minus": changed(
        ("int(text)", 'int(text.replace("\u2212", "-"))'),
        says="expected 'not a number', but got '1079'. int() decides what is a whole number",
    ),
    "the last number is taken back": changed(
        after("total = 0", "last = 0"),
        before("try:\n    total +=", 'if text == "undo":\n    total -= last\n    text = "0"'),
        ("total += int(text)", "total += (last := int(text))"),
        says="the client sent 'undo' and expected 'not a number', but got '",
    ),
    "the sum, whenever it is asked for": changed(
        before(
            'if text == "done"', 'if text == "total":\n    await websocket.send_text(f"total: {total}")\n    continue'
        ),
        says="the client sent 'total' and expected 'not a number', but got 'total: 23'. The end is exactly `done`.",
    ),
    "a set of numbers": changed(
        ("total = 0", "numbers = set()"),
        ("total += int(text)", "numbers.add(int(text))"),
        ("str(total)", "str(sum(numbers))"),
        ("{total}", "{sum(numbers)}"),
        says="the client sent '2' and expected '-6', but got '-8'. Each number counts, also one that was said before.",
    ),
    "no sum before the first number": changed(
        ("total = 0", "total = None"),
        ("total += int(text)", "total = int(text) + (total or 0)"),
        says="the client sent 'done' and expected 'total: 0', but got 'total: None'. This client has sent no number, "
        "and the sum of none is 0.",
    ),
    "an empty text is passed over": changed(
        before("try:\n    total += int", "if not text:\n    continue"),
        says="the client sent '' and expected 'not a number', but no answer came within 2 seconds. An empty text is a "
        "text, too, and is answered.",
    ),
    "a task that reads on when the send has failed": whole(
        """
        await websocket.accept()
        texts = asyncio.Queue(maxsize=1)

        async def read():
            while True:
                text = await websocket.receive_text()
                await texts.put(text)
                if text == "done":
                    return

        async def add_up():
            total = 0
            while (text := await texts.get()) != "done":
                try:
                    total += int(text)
                    answer = str(total)
                except ValueError:
                    answer = "not a number"
                await websocket.send_text(answer)
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(read())
                tasks.create_task(add_up())
        except* WebSocketDisconnect:
            pass
        """,
        says="One of its tasks has met the end of the connection, perhaps by a send that found nobody there. After "
        "that, another one has used `websocket`, which is a RuntimeError.",
    ),
}

RIGHT = {
    "iter_text(), and the end inside the loop": whole("""
        await websocket.accept()
        total = 0
        try:
            async for text in websocket.iter_text():
                if text == "done":
                    await websocket.send_text(f"total: {total}")
                    return await websocket.close(reason="done")
                try:
                    number = int(text)
                except ValueError:
                    await websocket.send_text("not a number")
                    continue
                total += number
                await websocket.send_text(f"{total}")
        except WebSocketDisconnect:
            return
        """),
    "sums by the id() of the websocket, taken out at the end": changed(
        *BY_ID, (IT_LEAVES, f"{IT_LEAVES}\nfinally:\n    del sums[key]")
    ),
    "sums by the websocket, as long as it lives": changed(
        *BY_ID,
        ("id(websocket)", "websocket"),
        before("app =", "from weakref import WeakKeyDictionary"),
        ("sums = {}", "sums = WeakKeyDictionary()"),
    ),
    "a WebSocketException closes": changed(
        before("app =", "from fastapi import WebSocketException"),
        (CLOSES, ""),
        (IT_LEAVES, 'except WebSocketDisconnect:\n    return\nraise WebSocketException(1000, "done")'),
    ),
    "int() in a thread": changed(
        before("app =", "import asyncio"), (ADDS, "total += await asyncio.to_thread(int, text)")
    ),
    "a context variable": whole("""
        from contextvars import ContextVar

        app = FastAPI()
        total = ContextVar("total", default=0)

        @app.websocket("/tally")
        async def tally(websocket: WebSocket):
            await websocket.accept()
            try:
                while (text := await websocket.receive_text()) != "done":
                    try:
                        total.set(total.get() + int(text))
                    except ValueError:
                        await websocket.send_text("not a number")
                    else:
                        await websocket.send_text(str(total.get()))
                await websocket.send_text(f"total: {total.get()}")
                await websocket.close(1000, "done")
            except WebSocketDisconnect:
                pass
        """),
    "a generator that adds": whole("""
        app = FastAPI()

        def adder():
            total, answer = 0, None
            while (text := (yield answer)) != "done":
                try:
                    total += int(text)
                    answer = str(total)
                except ValueError:
                    answer = "not a number"
            yield f"total: {total}"

        @app.websocket("/tally")
        async def tally(websocket: WebSocket):
            await websocket.accept()
            sums = adder()
            next(sums)
            try:
                while True:
                    text = await websocket.receive_text()
                    await websocket.send_text(sums.send(text))
                    if text == "done":
                        await websocket.close(1000, "done")
                        return
            except WebSocketDisconnect:
                pass
        """),
    "a pause before each answer": changed(before("try:\n    total += int", "await asyncio.sleep(0.05)")),
}
