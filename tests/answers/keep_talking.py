"""Answers to the exercise of keep-talking."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

LEAVES = "except WebSocketDisconnect:\n    pass  # the client has left, and there is nothing to clean up"
ANSWER = 'await websocket.send_text(f"{number}: {text}")'

WRONG = {
    "receive_text() without await": changed(
        ("await websocket.receive_text", "websocket.receive_text"),
        says="got the text of a coroutine. Does every call of `websocket` have its `await`, and does the endpoint "
        "answer before it ends?",  # its sends let the loop go round now and then
    ),
    "no await at all": changed(
        ("await websocket.receive_text", "websocket.receive_text"),
        ("await websocket.send_text", "websocket.send_text"),
        says="no answer came within 2 seconds. On the server, the event loop is blocked in count(), line ",
    ),
    "an error swallowed again and again": whole(
        """
        await websocket.accept()
        number = 0
        while True:
            try:
                text = await websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
            except Exception:
                continue
        """,
        says="when a client had left, the event loop is blocked in count(), line ",
    ),
    "one message too many at the end": changed(
        after(ANSWER, 'if number == 7:\n    await websocket.send_text("done")'),
        says="(100,000 characters) came one more message, 'done'.",
    ),
    "only the clean close is expected": changed(
        ("except WebSocketDisconnect:", "except WebSocketDisconnect as disconnect:"),
        ("pass", "if disconnect.code != 1000:\n    raise"),
        says="when a client closed with 1001, as a browser does, the endpoint raised WebSocketDisconnect(1001). Expect "
        "WebSocketDisconnect wherever the endpoint receives or sends, whatever its code.",
    ),
    "accept() in the loop": changed(
        ("await websocket.accept()", ""),
        before("text =", "await websocket.accept()"),
        says="but got 'websocket.accept' (is accept() called twice?).",
    ),
    "a loop with an end": changed(
        ("number = 0", ""),
        ("while True", "for number in range(1, 11)"),
        ("number += 1", ""),
        says="the client sent 'message 11' and expected '11: message 11', but the connection ended first",
    ),
    "an empty text is no text": changed(
        before(
            "number += 1",
            """
            if not text:
                continue
            """,
        ),
        says="expected '4: ', but no answer came within 2 seconds. A text is in its answer as it came, whatever it is.",
    ),
    "looked up instead of counted": changed(
        ("number = 0", "seen = []"),
        ("number += 1", "seen.append(text)"),
        ("{number}", "{seen.index(text) + 1}"),
        says="the client sent 'two' and expected '3: two', but got '2: two'.",
    ),
    "an error of its own at the end": changed(
        ("pass", "print(nobody)"),
        says="the clients got what they should, but the endpoint raised NameError: name 'nobody' is not defined.",
    ),
    "one count for all": changed(
        ("number = 0", "global number"),
        after("app = FastAPI()", "number = 0"),
        says="got '8: hi'. Each client has a count of its own: keep it in a variable of the endpoint.",
    ),
    "no loop": whole(
        """
        await websocket.accept()
        text = await websocket.receive_text()
        await websocket.send_text(f"1: {text}")
        """,
        says="the client sent 'two' and expected '2: two', but the connection ended first, with code 1006, cut off "
        "without close(). Is the loop there, with no end of its own?",
    ),
    "from zero": changed(
        ("number += 1", ""),
        after(ANSWER, "number += 1"),
        says="the client sent 'one' and expected '1: one', but got '0: one'.",
    ),
    "set back in the loop": changed(
        ("number += 1", "number = 1"), says="the client sent 'two' and expected '2: two', but got '1: two'."
    ),
    "the disconnect is not caught": whole(
        """
        await websocket.accept()
        number = 0
        while True:
            text = await websocket.receive_text()
            number += 1
            await websocket.send_text(f"{number}: {text}")
        """,
        says="when a client left, the endpoint raised WebSocketDisconnect(1000). Catch WebSocketDisconnect around the "
        "loop.",
    ),
    "caught inside the loop": whole(
        """
        await websocket.accept()
        number = 0
        while True:
            try:
                text = await websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
            except WebSocketDisconnect:
                pass
        """,
        says='endpoint raised WebSocketDisconnected: Cannot call "receive" once a disconnect message has been '
        "received. Something goes on after the connection has ended: is a `return` missing, or is it still in a loop?",
    ),
    "close() in the finally, and nothing is caught": changed(
        ("except WebSocketDisconnect:", "finally:"),
        ("pass", "await websocket.close()"),
        says="when a client left, the endpoint raised",
    ),
    "close() in the finally": changed(
        after(LEAVES, "finally:\n    await websocket.close()"),
        says="when a client lost its connection, the endpoint raised WebSocketDisconnect(1006) (its close() found "
        "nobody there). When the client has gone, there is nothing to close",
    ),
    "close() in the except": changed(
        ("pass", "await websocket.close()"), says="When the client has gone, there is nothing to close: let no close()"
    ),
    "iter_text() without try": whole(
        """
        await websocket.accept()
        number = 0
        async for text in websocket.iter_text():
            number += 1
            await websocket.send_text(f"{number}: {text}")
        """,
        says="when a client left without waiting for its answer, the endpoint raised WebSocketDisconnect(1006). This "
        "one comes from a send, which finds nobody there: it belongs in the `try`, too.",
    ),
    "the send stands outside of the try": whole(
        """
        await websocket.accept()
        number = 0
        while True:
            try:
                text = await websocket.receive_text()
            except WebSocketDisconnect:
                break
            number += 1
            await websocket.send_text(f"{number}: {text}")
        """,
        says="This one comes from a send, which finds nobody there: it belongs in the `try`, too.",
    ),
    "a bare except": changed(
        ("except WebSocketDisconnect:", "except:"),
        says="the check let an error happen where the endpoint receives, as a bug would, and it showed nowhere: it was "
        "neither raised nor logged. What is caught where a client leaves is `WebSocketDisconnect` alone",
    ),
    "except Exception around all": changed(
        ("except WebSocketDisconnect:", "except Exception:"), says="it was neither raised nor logged."
    ),
    "RuntimeError is caught beside it": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, RuntimeError):"),
        says="the check let a RuntimeError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "a bare except that logs": changed(
        after(LEAVES, 'except:\n    logging.exception("a bug")'), says="it catches even CancelledError."
    ),
    "a hundred messages": changed(
        ("number = 0", ""),
        ("while True", "for number in range(1, 100)"),
        ("number += 1", ""),
        says="the client sent 'message 100' and expected '100: message 100', but the connection ended first",
    ),
    "a task for each answer": changed(
        (ANSWER, "asyncio.create_task(answer(number, text))"),
        after("number = 0", f"\nasync def answer(number, text):\n    {ANSWER}\n"),
        says="a client that leaves is logged as an error: 'Task exception was never retrieved', with "
        "WebSocketDisconnect. It is none. And a task must be awaited, or nobody sees its errors.",
    ),
    "a client that leaves is logged as an error": changed(
        ("pass", 'logging.error("the client left")'), says="is logged as an error: 'the client left'. It is none."
    ),
    "a return in the finally": changed(
        (LEAVES, "finally:\n    return"), says="neither raised nor logged. What is caught where a client leaves"
    ),
    "KeyError is caught beside it": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, KeyError):"),
        says="the check let a KeyError happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "ValueError and OSError are caught beside it": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, OSError, ValueError):"),
        says="the check let a ValueError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "TypeError is caught beside it, from the second text on": whole(
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            await websocket.send_text(f"1: {text}")
        except WebSocketDisconnect:
            return
        number = 1
        while True:
            try:
                text = await websocket.receive_text()
            except (WebSocketDisconnect, TypeError):
                return
            number += 1
            try:
                await websocket.send_text(f"{number}: {text}")
            except WebSocketDisconnect:
                return
        """,
        says="the check let a TypeError happen where the endpoint receives once more, as a bug would, and it showed",
    ),
    "any error of the send is the end": changed(
        (ANSWER, f"try:\n    {ANSWER}\nexcept Exception:\n    break"),
        says="the check let an error happen where the endpoint sends, as a bug would, and it showed nowhere: it was "
        "neither raised nor logged.",
    ),
    "other errors are logged as warnings": changed(
        after(LEAVES, 'except Exception:\n    logging.warning("a bug", exc_info=True)'),
        says="as a bug would, and it did not show as an error: it was logged as a warning.",
    ),
    "whoever is silent is put out": changed(
        (
            "text = await websocket.receive_text()",
            "async with asyncio.timeout(30):\n    text = await websocket.receive_text()",
        ),
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, TimeoutError):"),
        says="a client had been silent for an hour. Then the client sent 'one' and expected '1: one', but the "
        "connection ended first, with code 1006, cut off without close(). Nothing says how long a client may take",
    ),
    # By `id(websocket)` it is the same mistake, and a matter of luck who gets the place in memory of one before.
    "counts kept by the client's address": changed(
        after("app = FastAPI()", "from collections import defaultdict\ncounts = defaultdict(int)"),
        ("number = 0", ""),
        ("number += 1", "counts[websocket.client] += 1"),
        ("{number}", "{counts[websocket.client]}"),
        says="What is kept for a client outside of the endpoint, by `id(websocket)` or by its address",
    ),
    "escaped as for HTML": changed(
        before("app =", "import html"), ("{text}", "{html.escape(text)}"), says="but got '5:   &lt;b&gt;déjà vu&lt;"
    ),
    "ASCII alone": changed(
        ("{text}", "{text.encode('ascii', 'replace').decode()}"), says="but got '5:   <b>d?j? vu</b>  '."
    ),
    "goes on after a send that has failed": whole(
        """
        from contextlib import suppress
        from starlette.endpoints import WebSocketEndpoint

        app = FastAPI()

        class Count(WebSocketEndpoint):
            encoding = "text"
            number = 0

            async def on_receive(self, websocket, data):
                self.number += 1
                with suppress(WebSocketDisconnect):
                    await websocket.send_text(f"{self.number}: {data}")

        app.router.add_websocket_route("/count", Count)
        """,
        says="when a client left without waiting for its answer, the endpoint raised WebSocketDisconnected: Cannot "
        'call "send" once a close message has been sent. Something goes on after the connection has ended',
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
    "a loop that ends by StopAsyncIteration": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, StopAsyncIteration):"),
        says="the check let an error that is an AttributeError and more happen where the endpoint sends, as a bug "
        "would",
    ),
    "without a line break at the end": changed(
        ("await websocket.receive_text()", '(await websocket.receive_text()).rstrip("\\r\\n")'),
        says="A text is in its answer as it came, whatever it is.",
    ),
    "a text that is formatted": changed(
        (ANSWER, 'await websocket.send_text(("{number}: " + text).format(number=number))'),
        says="On the server, the endpoint raised IndexError: Replacement index 0 out of range",
    ),
    "long texts are cut": changed(
        ("{text}", "{text[:500]}"), says="(503 characters). A text is in its answer as it came"
    ),
    "an answer that is late is left out": changed(
        before("app =", "import asyncio"),
        (ANSWER, f"try:\n    async with asyncio.timeout(0.001):\n        {ANSWER}\nexcept TimeoutError:\n    pass"),
        says="reads its answers a second later than it could: is there a limit for a text, or for a send?",
    ),
    "exit is the end": changed(
        after("text = await websocket.receive_text()", 'if text == "exit":\n    break'),
        says="the client sent 'exit' and expected '1203: exit', but the connection ended first, with code 1006, cut "
        "off without close(). No text is a command, unless the task says so.",
    ),
    "a ping now and then": changed(
        before("app =", "import asyncio"),
        before(
            "@app.websocket",
            """
            async def beat(websocket: WebSocket):
                while True:
                    await asyncio.sleep(30)
                    await websocket.send_text("ping")
            """,
        ),
        ("number = 0", "number, heart = 0, asyncio.create_task(beat(websocket))"),
        after(LEAVES, "finally:\n    heart.cancel()"),
        says="a client had been silent for an hour, and was told 'ping'. It had not asked for anything: is "
        "there a time "
        "limit, or a task that sends now and then?",
    ),
    "answered to everybody": changed(
        after("app = FastAPI()", "connections = []"),
        ("number = 0", "number = 0\nconnections.append(websocket)"),
        (ANSWER, f"for other in connections:\n    {ANSWER.replace('websocket', 'other')}"),
        ("pass", "connections.remove(websocket)"),
        says="but got '1: hi'. Each client has a count of its own: keep it in a variable of the endpoint. And "
        "each answer "
        "goes to whoever asked, and to nobody else.",
    ),
    "receive() without a look at what it returns": changed(
        ("await websocket.receive_text()", '(await websocket.receive())["text"]'),
        says="the endpoint raised KeyError: 'text'. If it is receive() that receives: when the client has left, "
        "it returns "
        "a dictionary of type 'websocket.disconnect', with neither text nor bytes.",
    ),
    "very long texts are refused": changed(
        after(
            "text = await websocket.receive_text()",
            "if len(text) > 65536:\n    await websocket.close(1009)\n    return",
        ),
        says="(100,003 characters), but the connection ended first, with code 1009. A text is in its answer as it came",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not served: the handshake for /count was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "a heartbeat in JSON": changed(
        before(
            "number += 1",
            """
            if text == '{"type": "ping"}':
                await websocket.send_text('{"type": "pong"}')
                continue
            """,
        ),
        says='but got \'{"type": "pong"}\'. No text is a command, unless the task says so.',
    ),
    "said twice, answered once": changed(
        after("number = 0", "last = None"),
        after(ANSWER, "last = text"),
        before("number += 1", "if text == last:\n    continue"),
        says="the client sent 'two' and expected '3: two', but no answer came within 2 seconds. Each text is "
        "answered, and "
        "counts, also one that was said before.",
    ),
    "the send() of websockets": changed(
        ("websocket.send_text(", "websocket.send("),
        says="(a text is no dictionary: `send()` takes one, and `send_text()` a text).",
    ),
    "goodbye to whoever says bye": changed(
        before("number += 1", 'if text == "bye":\n    await websocket.close()\n    return'),
        says="but the connection ended first, with code 1000. No text is a command, unless the task says so.",
    ),
}

RIGHT = {
    "iter_text() in a try": changed(
        ("while True:\n    text = await websocket.receive_text()", "async for text in websocket.iter_text():")
    ),
    "other errors are logged": changed(
        after(LEAVES, 'except Exception:\n    logging.exception("a bug")\n    await websocket.close(1011)')
    ),
    "a task that reads, and one that answers": whole("""
        await websocket.accept()
        texts = asyncio.Queue()

        async def read():
            while True:
                texts.put_nowait(await websocket.receive_text())

        async def answer():
            number = 0
            while True:
                text = await texts.get()
                number += 1
                await websocket.send_text(f"{number}: {text}")

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(read())
                tasks.create_task(answer())
        except* WebSocketDisconnect:
            pass
        """),
    "counts kept by the websocket's id, as long as it is there": changed(
        after("app = FastAPI()", "counts = {}"),
        ("number = 0", "counts[id(websocket)] = 0"),
        ("number += 1", "counts[id(websocket)] += 1"),
        ("{number}", "{counts[id(websocket)]}"),
        after(LEAVES, "finally:\n    del counts[id(websocket)]"),
    ),
    "whoever sends bytes is closed with 1003": changed(
        (
            "text = await websocket.receive_text()",
            """
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003, "text, please")
                break
            """,
        )
    ),
    "an async generator that counts": whole("""
        from itertools import count as numbers

        app = FastAPI()


        async def texts(websocket):
            for number in numbers(1):
                yield number, await websocket.receive_text()


        @app.websocket("/count")
        async def count(websocket: WebSocket):
            await websocket.accept()
            try:
                async for number, text in texts(websocket):
                    await websocket.send_text("%d: %s" % (number, text))
            except WebSocketDisconnect:
                pass
        """),
    "a router, and a context variable": whole("""
        from contextvars import ContextVar

        from fastapi import APIRouter

        router = APIRouter()
        number: ContextVar[int] = ContextVar("number", default=0)

        @router.websocket("/count")
        async def count(websocket: WebSocket):
            await websocket.accept()
            try:
                while True:
                    text = await websocket.receive_text()
                    number.set(number.get() + 1)
                    await websocket.send_text(f"{number.get()}: {text}")
            except WebSocketDisconnect:
                return

        app = FastAPI()
        app.include_router(router)
        """),
    "receive(), and match": whole("""
        await websocket.accept()
        number = 0
        while True:
            match await websocket.receive():
                case {"type": "websocket.disconnect"}:
                    return
                case {"text": str(text)}:
                    number += 1
                    try:
                        await websocket.send_text(f"{number}: {text}")
                    except WebSocketDisconnect:
                        return
                case _:
                    await websocket.close(1003)
                    return
        """),
    "a pause before each answer, in a thread": changed(
        after("number += 1", "await asyncio.to_thread(time.sleep, 0.1)"),
        before("app =", "import asyncio\nimport time"),
    ),
}
