"""Answers to the exercise of disconnects-done-right."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

# Parts of the solution
RECEIVES = """
try:
    async with asyncio.timeout(IDLE):
        message = await websocket.receive()
except TimeoutError:
    raise WebSocketException(4000, "idle") from None
"""
SENDS = "async with asyncio.timeout(SLOW):\n    await websocket.send_text(text)"
GIVES_UP = """
except RuntimeError:
    if websocket.application_state != WebSocketState.CONNECTED:
        raise  # closed already: a bug
    raise WebSocketDisconnect(1006, "given up") from None  # uvicorn has closed
"""
REFUSES_BYTES = """
if message.get("text") is None:  # it sent bytes
    raise WebSocketException(1003, "text, please")
"""
SERVES = """
dish = await serve_dish(text)
await send(websocket, dish)
"""
SITS = """
try:
    while True:
        text = await next_text(websocket)
        dish = await serve_dish(text)
        await send(websocket, dish)
finally:
    seated.discard(name)
"""
LEAVES_ITS_SEAT = "finally:\n    seated.discard(name)"
PUTS_OUT = """
except WebSocketException as put_out:
    await try_to_close(websocket, put_out.code, put_out.reason)
"""
HANDLES_BUGS = """
except Exception:
    logger.exception("/table failed")
    await try_to_close(websocket, 1011)
"""
LETS_GO = "except WebSocketDisconnect:\n    pass"

# Other designs
IN_ONE_FUNCTION = """
await websocket.accept()
name = None
try:
    while True:
        try:
            message = await asyncio.wait_for(websocket.receive(), IDLE)
        except TimeoutError:
            await try_to_close(websocket, 4000, "idle")
            return
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            await try_to_close(websocket, 1003)
            return
        if name is None:
            name = text
            seated.add(name)
            continue
        dish = await serve_dish(text)
        try:
            await asyncio.wait_for(websocket.send_text(dish), SLOW)
        except (TimeoutError, RuntimeError):  # it does not read, or is given up
            return
except WebSocketDisconnect:
    pass
except Exception:
    logger.exception("/table failed")
    await try_to_close(websocket, 1011)
finally:
    seated.discard(name)
"""
A_SEAT = """
@contextmanager
def seat(name):
    seated.add(name)
    try:
        yield
    finally:
        seated.discard(name)
"""

WATCHED = """
await websocket.accept()
name, cooking = None, False
clock = asyncio.get_running_loop().time
last = clock()


async def watch():
    while True:
        await asyncio.sleep(0.5)
        if not cooking and clock() - last >= IDLE:
            raise WebSocketException(4000, "idle")


async def serve_guest():
    nonlocal name, cooking, last
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        if (text := message.get("text")) is None:
            raise WebSocketException(1003)
        if name is None:
            name = text
            seated.add(name)
        else:
            cooking = True
            await send(websocket, await serve_dish(text))
            cooking = False
        last = clock()


try:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        tasks.create_task(serve_guest())
except* WebSocketDisconnect:
    pass
except* WebSocketException as group:
    await try_to_close(websocket, group.exceptions[0].code, group.exceptions[0].reason)
except* Exception:
    logger.exception("/table failed")
    await try_to_close(websocket, 1011)
finally:
    seated.discard(name)
"""

WRONG = {
    "text is expected, and nothing else": changed(
        (
            """
            try:
                async with asyncio.timeout(IDLE):
                    message = await websocket.receive()
            except TimeoutError:
                raise WebSocketException(4000, "idle") from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"], message.get("reason"))
            if message.get("text") is None:  # it sent bytes
                raise WebSocketException(1003, "text, please")
            return message["text"]
            """,
            """
            try:
                async with asyncio.timeout(IDLE):
                    return await websocket.receive_text()
            except TimeoutError:
                raise WebSocketException(4000, "idle") from None
            """,
        ),
        says="the connection of a client that sent bytes instead of its name ended with code 1011, not with 1003. "
        "The log has an error: KeyError: 'text', in ",
    ),
    "no time limit": changed(
        ("asyncio.timeout(IDLE)", "asyncio.timeout(None)"),
        says="a client that had not said its name was still connected after 6.5 seconds. Close it after `IDLE` "
        "seconds, with 4000 and the reason 'idle'.",
    ),
    "three times the time limit": changed(
        ("asyncio.timeout(IDLE)", "asyncio.timeout(IDLE * 3)"),
        says="a client that had not said its name was still connected after 6.5 seconds. Close it after `IDLE` "
        "seconds, with 4000 and the reason 'idle'.",
    ),
    "a tenth of the time limit": changed(
        ("asyncio.timeout(IDLE)", "asyncio.timeout(IDLE / 10)"),
        says="the connection of a guest that had said nothing for 4 seconds ended with code 4000. It has `IDLE` "
        "seconds for each text, which are 5.",
    ),
    "a time limit for the name alone": changed(
        ("async def next_text(websocket: WebSocket)", "async def next_text(websocket: WebSocket, seconds=None)"),
        ("asyncio.timeout(IDLE)", "asyncio.timeout(seconds)"),
        ("name = await next_text(websocket)", "name = await next_text(websocket, IDLE)"),
        says="a client that ordered nothing more was still connected after 6.5 seconds. Close it after `IDLE` "
        "seconds, with 4000 and the reason 'idle'.",
    ),
    "a time limit for all dishes together": changed(
        ("asyncio.timeout(IDLE)", "asyncio.timeout(None if seated else IDLE)"),
        (
            SITS,
            """
            try:
                async with asyncio.timeout(IDLE):
                    while True:
                        text = await next_text(websocket)
                        dish = await serve_dish(text)
                        await send(websocket, dish)
            except TimeoutError:
                raise WebSocketException(4000, "idle") from None
            finally:
                seated.discard(name)
            """,
        ),
        says="the connection of a guest that had said nothing for 4 seconds ended with code 4000. It has `IDLE` "
        "seconds for each text, which are 5.",
    ),
    "the kitchen has a time limit, too": changed(
        (SERVES, "async with asyncio.timeout(SLOW):\n    await send(websocket, await serve_dish(text))"),
        says="with code 1011. The log has an error: TimeoutError, in table(), line 56 of its cell. The limits are for "
        "receive() and for a send, not for serve_dish(): its dish has come after an hour.",
    ),
    "the kitchen's time is the guest's": changed(
        (
            SITS,
            """
            try:
                while True:
                    async with asyncio.timeout(IDLE + SLOW):
                        text = await next_text(websocket)
                        await send(websocket, await serve_dish(text))
            except TimeoutError:
                raise WebSocketException(4000, "idle") from None
            finally:
                seated.discard(name)
        """,
        ),
        says="the client sent 'slow' and expected 'your slow', but the connection ended first, with code 4000. The "
        "limits are for receive() and for a send, not for serve_dish(): its dish has come after an hour.",
    ),
    "a guest put out without a reason": changed(
        ('(4000, "idle")', "(4000)"),
        says="the connection of a client that had not said its name ended with code 4000, not with 4000 and the "
        "reason 'idle'.",
    ),
    "a return instead of a close": changed(
        ('raise WebSocketException(4000, "idle") from None', "raise WebSocketDisconnect(1006) from None"),
        says="the connection of a client that had not said its name ended with code 1006, cut off without close(), "
        "not with 4000 and the reason 'idle'.",
    ),
    "a send without a limit": changed(
        (SENDS, "async with asyncio.timeout(None):\n    await websocket.send_text(text)"),
        says="a guest ordered a banquet twice, read nothing, and after 4 seconds its name was still in `seated`. "
        "A send may take `SLOW` seconds; then give it up, and do not wait for a close() either.",
    ),
    "a send with the limit of a receive": changed(
        (SENDS, "async with asyncio.timeout(IDLE * 2):\n    await websocket.send_text(text)"),
        says="a guest ordered a banquet twice, read nothing, and after 4 seconds its name was still in `seated`. "
        "A send may take `SLOW` seconds; then give it up, and do not wait for a close() either.",
    ),
    "a tenth of the limit for a send": changed(
        (SENDS, "async with asyncio.timeout(SLOW / 10):\n    await websocket.send_text(text)"),
        says="a guest ordered a banquet twice, read nothing, and was given up after 2.5 seconds. A send may take "
        "`SLOW`: 3.",
    ),
    "who does not read is closed, which waits for ever": changed(
        (
            "except (TimeoutError, RuntimeError):  # it does not read, or is given up\n    return",
            "except TimeoutError:\n    await websocket.close(1008)\n    return",
        ),
        of=IN_ONE_FUNCTION,
        says="a guest ordered a banquet twice, read nothing, and after 4 seconds its name was still in `seated`. "
        "A send may take `SLOW` seconds; then give it up, and do not wait for a close() either.",
    ),
    "two seconds for a send": changed(
        (SENDS, "async with asyncio.timeout(2):\n    await websocket.send_text(text)"),
        says="a guest ordered a banquet twice, read nothing, and was given up after 2.5 seconds. A send may take "
        "`SLOW`: 3.",
    ),
    "the name is taken out where a client leaves": changed(
        (LEAVES_ITS_SEAT, "except WebSocketDisconnect:\n    seated.discard(name)\n    raise"),
        says="a guest sent bytes instead of a dish, and its name is still in `seated`. What must be done whatever "
        "ends the endpoint stands in a `finally`, before anything that is awaited there.",
    ),
    "the name is taken out below the loop": changed(
        (LEAVES_ITS_SEAT, "except WebSocketDisconnect:\n    pass\nseated.discard(name)"),
        says="a guest sent bytes instead of a dish, and its name is still in `seated`. What must be done whatever "
        "ends the endpoint stands in a `finally`, before anything that is awaited there.",
    ),
    "something is awaited before the name is taken out": changed(
        (LEAVES_ITS_SEAT, "finally:\n    await asyncio.sleep(0.05)\n    seated.discard(name)"),
        says="a guest was there when the server stopped, and its name is still in `seated`. What must be done "
        "whatever ends the endpoint stands in a `finally`, before anything that is awaited there.",
    ),
    "the name is taken out after all exceptions": changed(
        (LEAVES_ITS_SEAT, "except Exception:\n    seated.discard(name)\n    raise"),
        says="a guest was there when the server stopped, and its name is still in `seated`. What must be done "
        "whatever ends the endpoint stands in a `finally`, before anything that is awaited there.",
    ),
    "everybody is taken out": changed(
        ("seated.discard(name)", "seated.clear()"),
        says="another guest has left, and not only its own name was taken out of `seated`.",
    ),
    "a name that may not be there is taken out": changed(
        ("name = None\ntry:", "try:"),
        of=IN_ONE_FUNCTION,
        says="a guest said its name, 'Ann', and its connection ended with code 1011, before it was in `seated`, as it "
        "came. On the server, the endpoint raised UnboundLocalError: cannot access local variable 'name'",
    ),
    "the name is answered": changed(
        ("seated.add(name)\ntry:", 'seated.add(name)\nawait send(websocket, f"welcome, {name}")\ntry:'),
        says="the client sent 'soup' and expected 'your soup', but got 'welcome, Ann'. The answer is what "
        "serve_dish(text) returns, for the text as it came, also for an empty one.",
    ),
    "an empty text is taken for bytes": changed(
        ('if message.get("text") is None:', 'if not message.get("text"):'),
        says="the client sent '' and expected 'your ', but the connection ended first, with code 1003. The answer "
        "is what serve_dish(text) returns, for the text as it came, also for an empty one.",
    ),
    "a text is stripped": changed(
        ('return message["text"]', 'return message["text"].strip()'),
        says="a guest said its name, ' Ben ', and 2 seconds later it was not in `seated`, as it came.",
    ),
    "a KeyError is taken for bytes, wherever it comes from": changed(
        (REFUSES_BYTES, ""),
        before("except Exception:", "except KeyError:\n    await try_to_close(websocket, 1003)"),
        says="a client sent 'bug 1', at which serve_dish() raises a KeyError, and the log has no error about it. "
        "What is caught around serve_dish() must be what a client may do, and nothing else, or be logged as an "
        "error.",
    ),
    "a TimeoutError is taken for the guest's, wherever it comes from": changed(
        before("except Exception:", "except TimeoutError:\n    pass"),
        says="a client sent 'bug 3', at which serve_dish() raises a TimeoutError, and the log has no error about "
        "it. What is caught around serve_dish() must be what a client may do, and nothing else, or be logged "
        "as an error.",
    ),
    "a guest that leaves is logged as an error": changed(
        (LETS_GO, 'except WebSocketDisconnect:\n    logger.exception("left")'),
        says="what a guest may do is logged as an error: 'left', with WebSocketDisconnect. Only a bug in "
        "serve_dish() is one. Expect WebSocketDisconnect from the send, too, and before other errors.",
    ),
    "a guest that leaves is taken for a bug": changed(
        (LETS_GO + "\n", ""),
        says="what a guest may do is logged as an error: '/table failed', with WebSocketDisconnect. Only a bug in "
        "serve_dish() is one. Expect WebSocketDisconnect from the send, too, and before other errors.",
    ),
    "a guest that uvicorn has given up is taken for a bug": changed(
        (GIVES_UP, ""),
        says="a client that had been given up when something was sent to it is logged as an error: '/table failed', "
        "with RuntimeError. Where uvicorn itself has closed, a send raises RuntimeError",
    ),
    "a guest is expected to wait for its dish": changed(
        ("except WebSocketDisconnect:\n    pass\nexcept Exception", "except Exception"),
        of=IN_ONE_FUNCTION,
        says="what a guest may do is logged as an error: '/table failed', with WebSocketDisconnect. Only a bug in "
        "serve_dish() is one. Expect WebSocketDisconnect from the send, too, and before other errors.",
    ),
    "a bug is hidden": changed(
        (HANDLES_BUGS, "except Exception:\n    await try_to_close(websocket, 1011)"),
        says="a client sent 'bug 1', at which serve_dish() raises a KeyError, and the log has no error about it. "
        "What is caught around serve_dish() must be what a client may do, and nothing else, or be logged as an "
        "error.",
    ),
    "a bug is logged, and raised": changed(
        after("await try_to_close(websocket, 1011)", "raise"),
        says="a client sent 'bug 1', at which serve_dish() raises a KeyError, and it was logged 2 times: once is "
        "enough. Raised out of the endpoint, it is logged by uvicorn, too.",
    ),
    "a bug is left to uvicorn": changed(
        (HANDLES_BUGS, ""),
        says="a client sent 'bug 1', at which serve_dish() raises a KeyError, and its connection ended with code "
        "1006, cut off without close(), not with 1011.",
    ),
    "a bug is closed with 1000": changed(
        ("await try_to_close(websocket, 1011)", "await try_to_close(websocket, 1000)"),
        says="a client sent 'bug 1', at which serve_dish() raises a KeyError, and its connection ended with code "
        "1000, not with 1011.",
    ),
    "FastAPI closes": changed(
        (PUTS_OUT, "except WebSocketException:\n    raise"),
        says="a client sent bytes and left at once, and the endpoint raised WebSocketDisconnect(1006) (its close() "
        "found nobody there). Whoever is to be closed may be gone: let close() stand where WebSocketDisconnect "
        "is expected.",
    ),
    "whoever is to be closed is expected to be there": changed(
        (
            "await try_to_close(websocket, put_out.code, put_out.reason)",
            "await websocket.close(put_out.code, put_out.reason)",
        ),
        says="a client sent bytes and left at once, and the endpoint raised WebSocketDisconnect(1006) (its close() "
        "found nobody there). Whoever is to be closed may be gone: let close() stand where WebSocketDisconnect "
        "is expected.",
    ),
    "a cancellation is logged as a bug, and goes no further": changed(
        ("except Exception:", "except BaseException:"),
        says="when it is cancelled, as by a timeout, the endpoint does not stop: it catches even CancelledError. Is "
        "there an `except` wider than `except Exception`? Or a `return` in a `finally`?",
    ),
    "another clock than that of the event loop": changed(
        before("IDLE,", "import time"),
        (
            RECEIVES,
            """
            receiving, start = asyncio.create_task(websocket.receive()), time.monotonic()
            while not receiving.done():
                await asyncio.wait({receiving}, timeout=0.1)
                if not receiving.done() and time.monotonic() - start > IDLE:
                    receiving.cancel()
                    raise WebSocketException(4000, "idle")
            message = receiving.result()
            """,
        ),
        says="a client that had not said its name was still connected after 6.5 seconds. Close it after `IDLE` "
        "seconds, with 4000 and the reason 'idle'.",
    ),
    "a slip at the dish": changed(
        ("await send(websocket, dish)", "await send(websocket, dsh)"),
        says="the client sent 'soup' and expected 'your soup', but the connection ended first, with code 1011. The log "
        "has an error: NameError: name 'dsh' is not defined, in table(), line 57 of its cell.",
    ),
    "a slip at the seat": changed(
        ("seated: set[str] = set()", "seated: list[str] = []"),
        says="a guest said its name, 'Ann', and its connection ended with code 1011, before it was in `seated`, as it "
        "came. The log has an error: AttributeError: 'list' object has no attribute 'add', in table(), line 52 of ",
    ),
    "the dish is not awaited": changed(
        ("dish = await serve_dish(text)", "dish = serve_dish(text)"),
        says="with code 1011. The log has an error: AttributeError: 'coroutine' object has no attribute 'encode', in "
        "send(), line 32 of its cell (an `await` is missing).",
    ),
    "a disconnect is expected to have a reason": changed(
        ('message.get("reason")', 'message["reason"]'),
        says="what a guest may do is logged as an error: KeyError: 'reason', in next_text(), line 23 of its cell. Only "
        "a bug in serve_dish() is one, and this is an error of what stands around it.",
    ),
    "the limit of a send for a receive": changed(
        ("asyncio.timeout(IDLE)", "asyncio.timeout(SLOW)"),
        says="the connection of a guest that had said nothing for 4 seconds ended with code 4000. It has `IDLE` "
        "seconds for each text, which are 5.",
    ),
    "the kitchen's time counts once the dish has come": changed(
        ("async def next_text(websocket: WebSocket)", "async def next_text(websocket: WebSocket, since: float)"),
        ("asyncio.timeout(IDLE)", "asyncio.timeout_at(since + IDLE)"),
        (
            "name = await next_text(websocket)",
            "clock = asyncio.get_running_loop().time\nname = await next_text(websocket, clock())\nsince = clock()",
        ),
        ("text = await next_text(websocket)", "text = await next_text(websocket, since)\nsince = clock()"),
        says="It has `IDLE` seconds for each text, which are 5. The time that its dish has taken does not count.",
    ),
    "empty bytes are taken for a text": changed(
        (REFUSES_BYTES, 'if message.get("bytes"):\n    raise WebSocketException(1003, "text, please")'),
        says="the connection of a client that sent b'', which are bytes, too, instead of its name ended with code "
        "1011, not with 1003.",
    ),
    "an empty name is taken for none": changed(
        ("name = None", 'name = ""'),
        ("if name is None:", "if not name:"),
        of=IN_ONE_FUNCTION,
        says="the client sent 'soup' and expected 'your soup', but no answer came within 2 seconds. Any text is a "
        "name, as it came, also an empty one.",
    ),
    "a close without a limit": changed(
        (
            "async with asyncio.timeout(SLOW):\n    await websocket.close(code, reason)",
            "await websocket.close(code, reason)",
        ),
        says="to be closed, and does not read that either: after `SLOW` more, its endpoint was still running. A "
        "close() waits as a send does: give it a limit, too.",
    ),
    "a close without a limit, and the name is taken out after it": changed(
        ('await try_to_close(websocket, 4000, "idle")', 'await websocket.close(4000, "idle")'),
        of=IN_ONE_FUNCTION,
        says="after `SLOW` more, its name was still in `seated`. A close() waits as a send does: give it a limit, too.",
    ),
    "a close expects that the guest has left, and not that uvicorn has closed": changed(
        ("suppress(WebSocketDisconnect, RuntimeError, TimeoutError)", "suppress(WebSocketDisconnect, TimeoutError)"),
        says="a client had been given up when it was to be closed, and the endpoint raised RuntimeError: Unexpected "
        "ASGI message 'websocket.close', after sending 'websocket.close'. Where uvicorn itself has closed, a close() "
        "raises RuntimeError: it is over already, and that is no bug.",
    ),
    "at a bug, the guest is expected to be there": changed(
        ("await try_to_close(websocket, 1011)", "await websocket.close(1011)"),
        says="a client sent 'bug 1' and left at once, and the endpoint raised WebSocketDisconnect(1006) (its close() "
        "found nobody there). The guest may be gone when a bug strikes",
    ),
    "the codes of a good client": changed(
        ("except WebSocketDisconnect:\n    pass", "except WebSocketDisconnect as left:\n    log_odd(left.code)"),
        before(
            '@app.websocket("/table")',
            """
            def log_odd(code: int):
                if code not in (1000, 1001, 1005, 1006, 1012):
                    logger.error("left with %d", code)
            """,
        ),
        says="what a guest may do is logged as an error: 'left with 1011'. Only a bug in serve_dish() is one.",
    ),
    "a dish that is not taken is logged as an error": changed(
        before('raise WebSocketDisconnect(1006, "it does not read") from None', 'logger.error("it does not read")'),
        says="a guest that does not read, and is given up, is logged as an error: 'it does not read'. Only a bug in",
    ),
    "a send that goes on as a task": changed(
        (
            SENDS,
            """
            sending = asyncio.create_task(websocket.send_text(text))
            done, _ = await asyncio.wait({sending}, timeout=SLOW)
            if not done:
                raise TimeoutError
            sending.result()
            """,
        ),
        says="a guest that does not read, and is given up, is logged as an error: 'Task exception was never "
        "retrieved', with WebSocketDisconnect. Only a bug in serve_dish() is one. And what is given up ends: no task "
        "of "
        "it goes on.",
    ),
    "little is sent without a limit": changed(
        (
            "asyncio.timeout(SLOW):\n    await websocket.send_text",
            "asyncio.timeout(SLOW if len(text) > 65536 else None):\n    await websocket.send_text",
        ),
        says="a guest ordered a banquet and then tea, read nothing, and after 4 seconds its name was still in "
        "`seated`.",
    ),
    "one kitchen for all": changed(
        after("seated: set[str] = set()", "kitchen = asyncio.Lock()"),
        ("dish = await serve_dish(text)", "async with kitchen:\n    dish = await serve_dish(text)"),
        says="a dish was being made for a guest, which takes an hour; the client sent 'tea' and expected 'your tea', "
        "but no answer came within 2 seconds. Nobody waits for another's dish: is there a lock?",
    ),
    "looked every IDLE seconds": whole(
        WATCHED.replace("asyncio.sleep(0.5)", "asyncio.sleep(IDLE)"),
        says="a client that ordered nothing more was still connected after 6.5 seconds. Close it after `IDLE` seconds",
    ),
    "closed by another task, and still received": whole(
        WATCHED.replace('raise WebSocketException(4000, "idle")', 'return await try_to_close(websocket, 4000, "idle")'),
        says="after `SLOW` more, its name was still in `seated`. Its close() was given up, and something of the "
        "endpoint goes on, perhaps a receive().",
    ),
    "the bug's text is the reason": changed(
        (
            HANDLES_BUGS,
            """
            except Exception as bug:
                logger.exception("/table failed")
                await try_to_close(websocket, 1011, str(bug))
            """,
        ),
        says="with a long text, and the close() for it raised one more error: a reason has room for 123 bytes.",
    ),
    "each kind of bug is logged once": changed(
        after("seated: set[str] = set()", "known: set[type] = set()"),
        (
            HANDLES_BUGS,
            """
            except Exception as bug:
                if type(bug) not in known:
                    known.add(type(bug))
                    logger.exception("/table failed")
                await try_to_close(websocket, 1011)
            """,
        ),
        says="a client sent 'bug 1', as another had before, at which serve_dish() raises a KeyError, and the log has "
        "no "
        "error about it. The first one was logged, and a second one is not.",
    ),
    "the name on the app's state": changed(
        ("name = await next_text(websocket)", "app.state.name = await next_text(websocket)"),
        ("seated.add(name)", "seated.add(app.state.name)"),
        ("seated.discard(name)", "seated.discard(app.state.name)"),
        says="a guest left with 1000, and its name is still in `seated`. Another one came after it, and has left "
        "properly. Is the name in a variable that all share?",
    ),
    "another set each time": changed(
        before("await websocket.accept()", "global seated"),
        ("seated.add(name)", "seated = seated | {name}"),
        ("seated.discard(name)", "seated = seated - {name}"),
        says="it was not in `seated`, as it came. (The check looks at the set that `seated` was at first: "
        "`seated.add(name)`.)",
    ),
    "exit ends it": changed(
        before("dish = await", 'if text == "exit":\n    await try_to_close(websocket, 1000)\n    return'),
        says="the client sent 'exit' and expected 'your exit', but the connection ended first, with code 1000. "
        "The answer "
        "is what serve_dish(text) returns",
    ),
    "names are cut": changed(
        ("name = await next_text(websocket)", "name = (await next_text(websocket))[:30]"),
        says="2 seconds later it was not in `seated`, as it came.",
    ),
    "escaped as for HTML": changed(
        before("app =", "import html"),
        ("await serve_dish(text)", "await serve_dish(html.escape(text))"),
        says="but got 'your  {} {0} {x} %s \\\\1 \\\\g&lt;0&gt; &lt;b&gt;",
    ),
    "a receive in a task that goes on": changed(
        (
            RECEIVES,
            """
            task = asyncio.create_task(websocket.receive_text())
            if not (await asyncio.wait({task}, timeout=IDLE))[0]:
                raise WebSocketException(4000, "idle")
            try:
                return task.result()
            except KeyError:
                raise WebSocketException(1003, "text, please") from None
            """,
        ),
        says="what a guest may do is logged as an error: 'Task exception was never retrieved', with "
        "WebSocketDisconnect. "
        "Only a bug in serve_dish() is one. Expect WebSocketDisconnect from the send, too, and before other "
        "errors. And a "
        "task must be awaited, or nobody sees its errors. Whoever gives one up cancels it.",
    ),
    "a close for bytes has no limit": changed(
        (
            "await try_to_close(websocket, put_out.code, put_out.reason)",
            """
            if put_out.code == 4000:
                await try_to_close(websocket, put_out.code, put_out.reason)
            else:
                with suppress(WebSocketDisconnect, RuntimeError):
                    await websocket.close(put_out.code, put_out.reason)
            """,
        ),
        says="did not read it, and sent bytes. Then it is to be closed, and does not read that either: after "
        "`SLOW` more, "
        "its endpoint was still running. A close() waits as a send does: give it a limit, too.",
    ),
    "a close for a bug has no limit": changed(
        (
            "await try_to_close(websocket, 1011)",
            "with suppress(WebSocketDisconnect, RuntimeError):\n    await websocket.close(1011)",
        ),
        says="did not read it, and sent 'bug 1'. Then it is to be closed, and does not read that either: after "
        "`SLOW` more, "
        "its endpoint was still running. A close() waits as a send does: give it a limit, too.",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not served: the handshake for /table was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "64 KiB are enough": changed(
        before('return message["text"]', 'if len(message["text"]) > 65536:\n    raise WebSocketException(1009)'),
        says="(100,005 characters), but the connection ended first, with code 1009. The answer is what "
        "serve_dish(text)",
    ),
    "empty bytes are taken for no bytes": changed(
        ('if message.get("text") is None:', 'if message.get("bytes"):'),
        says="sent b'', which are bytes, too, instead of its name ended with code 1011, not with 1003. The log has an "
        "error: KeyError: 'text', in next_text(), line ",
    ),
    "a name that is not bound yet is taken out": changed(
        (
            """
            name = await next_text(websocket)
            seated.add(name)
            try:
                while True:
                    text = await next_text(websocket)
                    dish = await serve_dish(text)
                    await send(websocket, dish)
            finally:
                seated.discard(name)
            """,
            """
            try:
                name = await next_text(websocket)
                seated.add(name)
                while True:
                    text = await next_text(websocket)
                    dish = await serve_dish(text)
                    await send(websocket, dish)
            finally:
                seated.discard(name)
            """,
        ),
        says="ended with code 1011, not with 1003. The log has an error: UnboundLocalError: ",
    ),
    "a later text is taken out": changed(
        ("text = await next_text(websocket)", "name = await next_text(websocket)"),
        ("dish = await serve_dish(text)", "dish = await serve_dish(name)"),
        says="And what is taken out there is the name, and no later text.",
    ),
    "a pause before each dish, whose clock stands still": changed(
        before("await send(websocket, dish)", "await asyncio.sleep(0.1)"),
        says="(Here the check sets the clock of the server's event loop by hand: whoever sleeps before an answer does "
        "not wake up.)",
    ),
}

RIGHT = {
    "all in one function": whole(IN_ONE_FUNCTION),
    "a name that is there is removed": changed(("seated.discard(name)", "seated.remove(name)")),
    "a seat is a context": changed(
        before("IDLE,", "from contextlib import contextmanager"),
        before("async def next_text", A_SEAT),
        (
            "seated.add(name)\n" + SITS.lstrip(),
            """
            with seat(name):
                while True:
                    await send(websocket, await serve_dish(await next_text(websocket)))
        """,
        ),
    ),
    "a time limit in slices": changed(
        (
            RECEIVES,
            """
            receiving = asyncio.create_task(websocket.receive())
            for _ in range(IDLE):
                if not receiving.done():
                    await asyncio.wait({receiving}, timeout=1)
            if not receiving.done():
                receiving.cancel()
                raise WebSocketException(4000, "idle")
            message = receiving.result()
            """,
        ),
    ),
    "a listener beside the kitchen": whole(
        """
        await websocket.accept()
        name, texts = None, asyncio.Queue()

        async def listen():
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                texts.put_nowait(message)
            raise WebSocketDisconnect(message["code"])

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen())
                while True:
                    try:
                        async with asyncio.timeout(IDLE):
                            message = await texts.get()
                    except TimeoutError:
                        raise WebSocketException(4000, "idle") from None
                    if message.get("text") is None:
                        raise WebSocketException(1003)
                    if name is None:
                        name = message["text"]
                        seated.add(name)
                    else:
                        await send(websocket, await serve_dish(message["text"]))
        except* WebSocketDisconnect:
            pass
        except* WebSocketException as group:
            await try_to_close(websocket, group.exceptions[0].code, group.exceptions[0].reason)
        except* Exception:
            logger.exception("/table failed")
            await try_to_close(websocket, 1011)
        finally:
            seated.discard(name)
        """
    ),
    "receive_text(), whose KeyError is taken for bytes": changed(
        (
            """
            try:
                async with asyncio.timeout(IDLE):
                    message = await websocket.receive()
            except TimeoutError:
                raise WebSocketException(4000, "idle") from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"], message.get("reason"))
            if message.get("text") is None:  # it sent bytes
                raise WebSocketException(1003, "text, please")
            return message["text"]
            """,
            """
            try:
                return await asyncio.wait_for(websocket.receive_text(), IDLE)
            except TimeoutError:
                raise WebSocketException(4000, "idle") from None
            except KeyError:
                raise WebSocketException(1003) from None
            """,
        ),
    ),
    "a watchdog that sleeps": changed(
        (
            RECEIVES,
            """
            receiving = asyncio.create_task(websocket.receive())
            watchdog = asyncio.create_task(asyncio.sleep(IDLE))
            try:
                await asyncio.wait({receiving, watchdog}, return_when=asyncio.FIRST_COMPLETED)
                if not receiving.done():
                    raise WebSocketException(4000, "idle")
                message = await receiving
            finally:
                receiving.cancel()
                watchdog.cancel()
            """,
        ),
    ),
    "looked twice a second": whole(WATCHED),
    "one time limit, set anew": whole("""
        await websocket.accept()
        name = None
        try:
            async with asyncio.timeout(IDLE) as limit:
                while True:
                    message = await websocket.receive()
                    limit.reschedule(None)
                    if message["type"] == "websocket.disconnect":
                        return
                    if (text := message.get("text")) is None:
                        await try_to_close(websocket, 1003)
                        return
                    if name is None:
                        name = text
                        seated.add(name)
                    else:
                        try:
                            dish = await serve_dish(text)
                        except Exception:
                            logger.exception("no dish for %r", text)
                            await try_to_close(websocket, 1011)
                            return
                        await send(websocket, dish)
                    limit.reschedule(asyncio.get_running_loop().time() + IDLE)
        except TimeoutError:
            await try_to_close(websocket, 4000, "idle")
        except WebSocketDisconnect:
            pass
        finally:
            seated.discard(name)
        """),
    "an ExitStack": changed(
        before("app =", "from contextlib import ExitStack"),
        (
            f"seated.add(name){SITS}",
            """
            with ExitStack() as stack:
                seated.add(name)
                stack.callback(seated.discard, name)
                while True:
                    await send(websocket, await serve_dish(await next_text(websocket)))
            """,
        ),
    ),
}
