"""Answers to the exercise of text-bytes-and-json."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

SHORTER = """
await websocket.accept()
try:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            break
        kind = "bytes" if message.get("text") is None else "text"
        await websocket.send_json({"kind": kind, "length": len(message[kind])})
except WebSocketDisconnect:
    pass
"""
NOTHING_CAUGHT = """
await websocket.accept()
while True:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        break
    kind = "text" if "text" in message else "bytes"
    await websocket.send_json({"kind": kind, "length": len(message[kind])})
"""
SENDS = 'await websocket.send_json({"kind": kind, "length": len(message[kind])})'
TO_BYTES = 'await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})'
BREAKS = 'if message["type"] == "websocket.disconnect":\n    break'
RAISES = """
if message["type"] == "websocket.disconnect":
    raise WebSocketDisconnect(message["code"], message.get("reason"))
"""

WRONG = {
    "text only": whole(
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                await websocket.send_json({"kind": "text", "length": len(text)})
        except WebSocketDisconnect:
            pass
        """,
        says="""the client sent b'good day' and expected {"kind": "bytes", "length": 8}, but the connection ended """
        "first, with code 1006, cut off without close(). On the server, the endpoint raised KeyError: 'text'.",
    ),
    "the length of a text as JavaScript counts it": changed(
        ("len(text)", 'len(text.encode("utf-16-le")) // 2'),
        says='but got {"kind":"text","length":12}. The length of a text is its number of characters.',
    ),
    "receives again after the error": whole(
        """
        await websocket.accept()
        try:
            while True:
                try:
                    text = await websocket.receive_text()
                    await websocket.send_json({"kind": "text", "length": len(text)})
                except KeyError:
                    data = await websocket.receive_bytes()
                    await websocket.send_json({"kind": "bytes", "length": len(data)})
        except WebSocketDisconnect:
            pass
        """,
        says="no answer came within 2 seconds. Does every call of `websocket` have its `await`? If so, is it still "
        "waiting? A message that a method has refused is gone, and the next receive_...() waits for the next message.",
    ),
    "no loop": whole(
        """
        await websocket.accept()
        text = await websocket.receive_text()
        await websocket.send_json({"kind": "text", "length": len(text)})
        """,
        says="but the connection ended first, with code 1006, cut off without close(). Is the loop there",
    ),
    "takes an empty text for none": changed(
        ("if text is not None:", "if text:"),
        says="An empty text is a text, too. On the server, the endpoint raised KeyError: 'bytes'.",
    ),
    "answers no empty bytes": changed(
        ("else:", 'elif message.get("bytes"):'),
        says="""the client sent b'' and expected {"kind": "bytes", "length": 0}, but no answer came within 2 """
        "seconds. Empty bytes are bytes, too.",
    ),
    "looks up a key that may not be there": changed(
        ('message.get("text")', 'message["text"]'), says="the client sent b'good day' and expected"
    ),
    "does not see the disconnect": changed(
        (RAISES, ""),
        says="the answers are right, but when the client left, the endpoint raised KeyError: 'bytes'. If it is "
        "receive() that receives: when the client has left, it returns a dictionary of type 'websocket.disconnect', "
        "with neither text nor bytes.",
    ),
    "measures the disconnect": changed(
        (BREAKS, ""),
        ("message[kind]", 'message.get(kind, b"")'),
        of=SHORTER,
        says="the answers are right, but when the client left, it tried to send one more.",
    ),
    "waits for an exception that receive() does not raise": changed(
        (RAISES, ""),
        ("else:", 'elif "bytes" in message:'),
        says='when a client left, the endpoint raised WebSocketDisconnected: Cannot call "receive" once a disconnect '
        "message has been received. Does it stay in its loop?",
    ),
    "raises the disconnect and does not catch it": changed(
        ("break", 'raise WebSocketDisconnect(message["code"])'),
        of=NOTHING_CAUGHT,
        says="when a client left, the endpoint raised WebSocketDisconnect(1000). Catch WebSocketDisconnect around the "
        "loop.",
    ),
    "sends to a client that has gone": whole(
        NOTHING_CAUGHT,
        says="when a client left without waiting for its answers, the endpoint raised WebSocketDisconnect(1006). This "
        "one comes from a send",
    ),
    "counts a text's bytes": changed(
        ("len(text)", "len(text.encode())"),
        says='but got {"kind":"text","length":18}. The length of a text is its number of characters.',
    ),
    "spaces and line breaks at the ends are not counted": changed(
        ("message[kind]", "message[kind].strip()"),
        of=SHORTER,
        says="""the client sent ' hello\\r\\n' and expected {"kind": "text", "length": 8}, but got """
        '{"kind":"text","length":5}. Spaces and line breaks count, too.',
    ),
    "takes all bytes for text": changed(
        ('len(message["bytes"])', 'len(message["bytes"].decode())'),
        says='but got {"kind":"bytes","length":9}. The length of bytes is their number, whatever they mean.',
    ),
    "the names of Python's types": changed(
        ('"kind": kind', '"kind": type(message[kind]).__name__'),
        of=SHORTER,
        says='expected {"kind": "text", "length": 5}, but got {"kind":"str","length":5}.',
    ),
    "the length as a text": changed(
        (
            'send_json({"kind": kind, "length": len(message[kind])})',
            'send_text(json.dumps({"kind": kind, "length": str(len(message[kind]))}))',
        ),
        before("app =", "import json"),
        of=SHORTER,
        says='expected {"kind": "text", "length": 5}, but got {"kind": "text", "length": "5"}.',
    ),
    "str() instead of JSON": changed(
        (
            'send_json({"kind": kind, "length": len(message[kind])})',
            'send_text(str({"kind": kind, "length": len(message[kind])}))',
        ),
        of=SHORTER,
        says="which is not JSON. send_json() writes JSON.",
    ),
    "a dictionary to send_text()": changed(
        ("send_json", "send_text"),
        of=SHORTER,
        says="the endpoint raised AttributeError: 'dict' object has no attribute 'encode' (a dictionary goes into "
        "`send_json()`).",
    ),
    "JSON as binary": changed(
        ("len(message[kind])}", 'len(message[kind])}, mode="binary"'),
        of=SHORTER,
        says="""got bytes, b'{"kind":"text","length":5}'. Answer with text: send_json() sends it, without mode.""",
    ),
    "everything swallowed": whole(
        """
        await websocket.accept()
        while True:
            try:
                text = await websocket.receive_text()
                await websocket.send_json({"kind": "text", "length": len(text)})
            except Exception:
                continue
        """,
        says="no answer came within 2 seconds.",
    ),
    "every error swallowed inside the loop": whole(
        """
        await websocket.accept()
        while True:
            try:
                message = await websocket.receive()
                kind = "text" if "text" in message else "bytes"
                await websocket.send_json({"kind": kind, "length": len(message[kind])})
            except Exception:
                pass
        """,
        says="when a client left, the event loop is blocked in measure(), line ",
    ),
    "no await where it sends": changed(
        ("await websocket.send_json", "websocket.send_json"),
        of=SHORTER,
        says="""the client sent 'hello' and expected {"kind": "text", "length": 5}, but no answer came within 2 """
        "seconds. Does every call of `websocket` have its `await`?",
    ),
    "no await": changed(
        (BREAKS, ""),
        ("await websocket.receive", "websocket.receive"),
        of=NOTHING_CAUGHT,
        says="the endpoint raised TypeError: argument of type 'coroutine' is not",
    ),
    "receives before the loop, and does not look for the disconnect there": whole(
        """
        await websocket.accept()
        try:
            message = await websocket.receive()
            while True:
                kind = "text" if "text" in message else "bytes"
                await websocket.send_json({"kind": kind, "length": len(message[kind])})
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
        except WebSocketDisconnect:
            pass
        """,
        says="when a client left without having sent anything, the endpoint raised KeyError: 'bytes'. If it is "
        "receive() that receives: when the client has left, it returns a dictionary of type 'websocket.disconnect', "
        "with neither text nor bytes.",
    ),
    "one loop for texts and another for bytes, side by side": whole(
        """
        async def texts():
            async for text in websocket.iter_text():
                await websocket.send_json({"kind": "text", "length": len(text)})

        async def data():
            async for data in websocket.iter_bytes():
                await websocket.send_json({"kind": "bytes", "length": len(data)})

        await websocket.accept()
        try:
            await asyncio.gather(texts(), data())
        except WebSocketDisconnect:
            pass
        """,
        says="but the connection ended first, with code 1006, cut off without close(). On the server, the endpoint "
        "raised KeyError: 'bytes'.",
    ),
    "the first receive stands outside of the try": whole(
        """
        await websocket.accept()
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        try:
            while True:
                kind = "text" if "text" in message else "bytes"
                await websocket.send_json({"kind": kind, "length": len(message[kind])})
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
        except WebSocketDisconnect:
            pass
        """,
        says="when a client left without having sent anything, the endpoint raised WebSocketDisconnect(1000). Catch "
        "WebSocketDisconnect around the first receive, too.",
    ),
    "whether the key is there": changed(
        ('message.get("text")', 'message["text"] if "text" in message else None'),
        ("text is not None", '"text" in message'),
        says='expected {"kind": "bytes", "length": 8}, but the connection ended first',
    ),
    "whether the key is there, and the kind after it": changed(
        ("break", "return"),
        ('"bytes" if message.get("text") is None else "text"', '"text" if "text" in message else "bytes"'),
        of=SHORTER,
        says='one of them with None. So `"text" in message` does not tell a text from bytes',
    ),
    "a KeyError is taken for the end": changed(
        (RAISES, ""),
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, KeyError):"),
        says="the check let a KeyError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "a KeyError in the loop is taken for the end": whole(
        """
        await websocket.accept()
        while True:
            try:
                message = await websocket.receive()
                text = message.get("text")
                if text is not None:
                    await websocket.send_json({"kind": "text", "length": len(text)})
                else:
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
            except (KeyError, WebSocketDisconnect):
                break
        """,
        says="the check let a KeyError happen where the endpoint receives",
    ),
    "a bare except around all": changed(
        ("except WebSocketDisconnect:", "except:"), says="it was neither raised nor logged."
    ),
    "a TypeError is taken for the end": changed(
        (RAISES, ""),
        ('len(message["bytes"])', 'len(message.get("bytes"))'),
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, TypeError):"),
        says="the check let a TypeError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "ValueError is caught beside it": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, ValueError):"),
        says="the check let a ValueError happen where the endpoint receives",
    ),
    "any error of the answer is the end": changed(
        (SENDS, f"try:\n    {SENDS}\nexcept Exception:\n    return"),
        of=SHORTER,
        says="the check let an error happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "any error of the answer to bytes is the end": changed(
        (TO_BYTES, f"try:\n    {TO_BYTES}\nexcept Exception:\n    return"),
        says="the check let an error happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "only the answer to a text may find nobody": whole(
        """
        await websocket.accept()
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
                continue
            try:
                await websocket.send_json({"kind": "text", "length": len(text)})
            except WebSocketDisconnect:
                return
        """,
        says="when a client left without waiting for its answers, the endpoint raised WebSocketDisconnect(1006). This "
        "one comes from a send",
    ),
    "every error is logged in the loop, that of a client that has left, too": whole(
        """
        await websocket.accept()
        while True:
            try:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                kind = "bytes" if message.get("text") is None else "text"
                await websocket.send_json({"kind": kind, "length": len(message[kind])})
            except Exception:
                logger.exception("/measure failed")
        """,
        says="a client that leaves is logged as an error: '/measure failed', with WebSocketDisconnect. It is none.",
    ),
    "a task for each answer": changed(
        (SENDS, SENDS.replace("await ", "asyncio.create_task(") + ")"),
        of=SHORTER,
        says="a client that leaves is logged as an error: 'Task exception was never retrieved', with "
        "WebSocketDisconnect. It is none. And a task must be awaited, or nobody sees its errors.",
    ),
    "an accent of its own is not counted": changed(
        before("app =", "import unicodedata"),
        ("len(text)", 'len(unicodedata.normalize("NFC", text))'),
        says='expected {"kind": "text", "length": 6}, but got {"kind":"text","length":5}. The length of a text is that '
        "which len() tells, whatever one sees of it.",
    ),
    "a byte order mark is not counted": changed(
        ("len(text)", r'len(text.removeprefix("\ufeff"))'), says="The length of a text is that which len() tells"
    ),
    "long texts are too big": changed(
        after(
            'text = message.get("text")', "if text and len(text) > 10_000:\n    await websocket.close(1009)\n    return"
        ),
        says="but the connection ended first, with code 1009. Messages may be long.",
    ),
    "whoever is silent is put out": changed(
        ("await websocket.receive()", "await asyncio.wait_for(websocket.receive(), 60)"),
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, TimeoutError):"),
        says="a client had been silent for an hour. Then the client sent 'hello' and expected",
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
    "AttributeError and IndexError are caught beside it": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, AttributeError, IndexError):"),
        says="the check let an error that is an AttributeError and more happen where the endpoint sends, as a bug "
        "would",
    ),
    "ping is answered with pong": changed(
        after('text = message.get("text")', 'if text == "ping":\n    await websocket.send_text("pong")\n    continue'),
        says='the client sent \'ping\' and expected {"kind": "text", "length": 4}, but got \'pong\', which is '
        "not JSON. "
        "send_json() writes JSON. No text is a command, unless the task says so.",
    ),
    "no accept": changed(
        ("await websocket.accept()", ""),
        says="the handshake for /measure failed with HTTP 500: nothing has accepted it. On the server, the "
        "endpoint raised "
        "KeyError: 'bytes'.",
    ),
    "behind except stands no class": changed(
        ("except WebSocketDisconnect:", "except WebSocketDisconnect():"),
        says="TypeError: catching classes that do not inherit from BaseException is not allowed (behind "
        "`except` stands a "
        "class, without parentheses).",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not served: the handshake for /measure was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "64 KiB are enough": changed(
        before("if text is not None:", 'if len(text or b"") > 65536:\n    await websocket.close(1009)\n    return'),
        says="the connection ended first, with code 1009. Messages may be long.",
    ),
    "bytes without the blanks at their ends": changed(
        ('len(message["bytes"])', 'len(message["bytes"].strip())'),
        says="The length of bytes is their number, and those at the ends count, too.",
    ),
    "bytes without the zeros at their end": changed(
        ('len(message["bytes"])', r'len(message["bytes"].rstrip(b"\0"))'),
        says="The length of bytes is their number, and those at the ends count, too.",
    ),
}

RIGHT = {
    "a loop with a condition, and json.dumps()": whole("""
        import json

        await websocket.accept()
        while (message := await websocket.receive())["type"] == "websocket.receive":
            kind = "text" if message.get("text") is not None else "bytes"
            answer = json.dumps({"length": len(message[kind]), "kind": kind}, indent=2)
            try:
                await websocket.send_text(answer)
            except WebSocketDisconnect:
                break
        """),
    "match": whole("""
        await websocket.accept()
        try:
            while True:
                match await websocket.receive():
                    case {"type": "websocket.disconnect"}:
                        return
                    case {"text": str(text)}:
                        answer = {"kind": "text", "length": len(text)}
                    case {"bytes": bytes(data)}:
                        answer = {"kind": "bytes", "length": len(data)}
                await websocket.send_json(answer)
        except WebSocketDisconnect:
            return
        """),
    "a model of pydantic's, and an async generator": whole("""
        from pydantic import BaseModel

        app = FastAPI()

        class Measured(BaseModel):
            kind: str
            length: int

        async def messages(websocket: WebSocket):
            while (message := await websocket.receive())["type"] == "websocket.receive":
                yield message["bytes"] if message.get("text") is None else message["text"]

        @app.websocket("/measure")
        async def measure(websocket: WebSocket):
            await websocket.accept()
            try:
                async for data in messages(websocket):
                    measured = Measured(kind="text" if isinstance(data, str) else "bytes", length=len(data))
                    await websocket.send_text(measured.model_dump_json())
            except WebSocketDisconnect:
                pass
        """),
}
