"""Answers to the exercise of text-bytes-and-json."""

HEAD = """
import json

app = FastAPI()

@app.websocket("/measure")
async def measure(websocket: WebSocket):
    await websocket.accept()
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "text only",
        """
        try:
            while True:
                text = await websocket.receive_text()
                await websocket.send_json({"kind": "text", "length": len(text)})
        except WebSocketDisconnect:
            pass
        """,
        """the client sent b'good day' and expected {"kind": "bytes", "length": 8}, but the connection ended first, """
        "with code 1006, cut off without close(). On the server, the endpoint raised KeyError: 'text'.",
    ),
    (
        "the length of a text as JavaScript counts it",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                text = message.get("text")
                if text is not None:
                    await websocket.send_json({"kind": "text", "length": len(text.encode("utf-16-le")) // 2})
                else:
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
        except WebSocketDisconnect:
            pass
        """,
        """but got {"kind":"text","length":12}. The length of a text is its number of characters.""",
    ),
    (
        "receives again after the error",
        """
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
        "no answer came within 2 seconds. Does every call of `websocket` have its `await`? If so, is it still waiting? "
        "A message that a method has refused is gone, and the next receive_...() waits for the next message.",
    ),
    (
        "no loop",
        """
        text = await websocket.receive_text()
        await websocket.send_json({"kind": "text", "length": len(text)})
        """,
        "but the connection ended first, with code 1006, cut off without close(). Is the loop there",
    ),
    (
        "takes an empty text for none",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                if message.get("text"):
                    await websocket.send_json({"kind": "text", "length": len(message["text"])})
                else:
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
        except WebSocketDisconnect:
            pass
        """,
        "An empty text is a text, too. On the server, the endpoint raised KeyError: 'bytes'.",
    ),
    (
        "answers no empty bytes",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                if message.get("text") is not None:
                    await websocket.send_json({"kind": "text", "length": len(message["text"])})
                elif message.get("bytes"):
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
        except WebSocketDisconnect:
            pass
        """,
        """the client sent b'' and expected {"kind": "bytes", "length": 0}, but no answer came within 2 seconds. """
        "Empty bytes are bytes, too.",
    ),
    (
        "looks up a key that may not be there",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                if message["text"] is not None:
                    await websocket.send_json({"kind": "text", "length": len(message["text"])})
                else:
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
        except WebSocketDisconnect:
            pass
        """,
        "the client sent b'good day' and expected",
    ),
    (
        "does not see the disconnect",
        """
        try:
            while True:
                message = await websocket.receive()
                text = message.get("text")
                if text is not None:
                    await websocket.send_json({"kind": "text", "length": len(text)})
                else:
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
        except WebSocketDisconnect:
            pass
        """,
        "something went wrong when the client left. If it is receive() that receives: it then returns a dictionary of "
        "type 'websocket.disconnect', with neither text nor bytes. On the server, the endpoint raised KeyError: 'byte",
    ),
    (
        "measures the disconnect",
        """
        try:
            while True:
                message = await websocket.receive()
                if "text" in message:
                    await websocket.send_json({"kind": "text", "length": len(message["text"])})
                else:
                    await websocket.send_json({"kind": "bytes", "length": len(message.get("bytes", b""))})
        except WebSocketDisconnect:
            pass
        """,
        "the answers are right, but it tried to send one more when the client left.",
    ),
    (
        "waits for an exception that receive() does not raise",
        """
        try:
            while True:
                message = await websocket.receive()
                if "text" in message:
                    await websocket.send_json({"kind": "text", "length": len(message["text"])})
                elif "bytes" in message:
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
        except WebSocketDisconnect:
            pass
        """,
        "when a client left, the endpoint went on. Does it stay in its loop? "
        'On the server, the endpoint raised WebSocketDisconnected: Cannot call "receive" once',
    ),
    (
        "raises the disconnect and does not catch it",
        """
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            if "text" in message:
                await websocket.send_json({"kind": "text", "length": len(message["text"])})
            else:
                await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
        """,
        "when a client left, the endpoint raised WebSocketDisconnect(1000). Catch WebSocketDisconnect around the loop.",
    ),
    (
        "sends to a client that has gone",
        """
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                break
            if "text" in message:
                await websocket.send_json({"kind": "text", "length": len(message["text"])})
            else:
                await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
        """,
        "when a client left, before it had its answers, the endpoint raised WebSocketDisconnect(1006). "
        "Catch WebSocketDisconnect around the loop.",
    ),
    (
        "counts a text's bytes",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                text = message.get("text")
                kind, data = ("bytes", message["bytes"]) if text is None else ("text", text.encode())
                await websocket.send_json({"kind": kind, "length": len(data)})
        except WebSocketDisconnect:
            pass
        """,
        'but got {"kind":"text","length":18}. The length of a text is its number of characters.',
    ),
    (
        "spaces and line breaks at the ends are not counted",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                kind = "text" if "text" in message else "bytes"
                await websocket.send_json({"kind": kind, "length": len(message[kind].strip())})
        except WebSocketDisconnect:
            pass
        """,
        """the client sent ' hello\\r\\n' and expected {"kind": "text", "length": 8}, but got """
        """{"kind":"text","length":5}. Spaces and line breaks count, too.""",
    ),
    (
        "takes all bytes for text",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                text = message.get("text")
                kind, data = ("bytes", message["bytes"].decode()) if text is None else ("text", text)
                await websocket.send_json({"kind": kind, "length": len(data)})
        except WebSocketDisconnect:
            pass
        """,
        'but got {"kind":"bytes","length":9}. The length of bytes is their number, whatever they mean.',
    ),
    (
        "the names of Python's types",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                data = message["text"] if "text" in message else message["bytes"]
                await websocket.send_json({"kind": type(data).__name__, "length": len(data)})
        except WebSocketDisconnect:
            pass
        """,
        """expected {"kind": "text", "length": 5}, but got {"kind":"str","length":5}.""",
    ),
    (
        "the length as a text",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                kind = "text" if "text" in message else "bytes"
                await websocket.send_text(json.dumps({"kind": kind, "length": str(len(message[kind]))}))
        except WebSocketDisconnect:
            pass
        """,
        """expected {"kind": "text", "length": 5}, but got {"kind": "text", "length": "5"}.""",
    ),
    (
        "str() instead of JSON",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                kind = "text" if "text" in message else "bytes"
                await websocket.send_text(str({"kind": kind, "length": len(message[kind])}))
        except WebSocketDisconnect:
            pass
        """,
        "which is not JSON. send_json() writes JSON.",
    ),
    (
        "a dictionary to send_text()",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                kind = "text" if "text" in message else "bytes"
                await websocket.send_text({"kind": kind, "length": len(message[kind])})
        except WebSocketDisconnect:
            pass
        """,
        "the endpoint raised AttributeError: 'dict' object has no attribute 'encode' (a dictionary belongs into "
        "`send_json()`).",
    ),
    (
        "JSON as binary",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                kind = "text" if "text" in message else "bytes"
                await websocket.send_json({"kind": kind, "length": len(message[kind])}, mode="binary")
        except WebSocketDisconnect:
            pass
        """,
        'got bytes, b\'{"kind":"text","length":5}\'. Answer with text: send_json() sends it, without mode.',
    ),
    (
        "everything swallowed",
        """
        while True:
            try:
                text = await websocket.receive_text()
                await websocket.send_json({"kind": "text", "length": len(text)})
            except Exception:
                continue
        """,
        "no answer came within 2 seconds.",
    ),
    (
        "every error swallowed inside the loop",
        """
        while True:
            try:
                message = await websocket.receive()
                kind = "text" if "text" in message else "bytes"
                await websocket.send_json({"kind": kind, "length": len(message[kind])})
            except Exception:
                pass
        """,
        "when a client left, the endpoint's loop went on for ever without waiting for anything. Leave the loop when "
        "the client has gone. On the server, the event loop is blocked",
    ),
    (
        "no await where it sends",
        """
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                kind = "text" if "text" in message else "bytes"
                websocket.send_json({"kind": kind, "length": len(message[kind])})
        except WebSocketDisconnect:
            pass
        """,
        """the client sent 'hello' and expected {"kind": "text", "length": 5}, but no answer came within 2 seconds. """
        "Does every call of `websocket` have its `await`?",
    ),
    (
        "no await",
        """
        while True:
            message = websocket.receive()
            kind = "text" if "text" in message else "bytes"
            await websocket.send_json({"kind": kind, "length": len(message[kind])})
        """,
        "the endpoint raised TypeError: argument of type 'coroutine' is not",
    ),
    (
        "receives before the loop, and does not look for the disconnect there",
        """
        try:
            message = await websocket.receive()
            while True:
                text = message.get("text")
                if text is not None:
                    await websocket.send_json({"kind": "text", "length": len(text)})
                else:
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
        except WebSocketDisconnect:
            pass
        """,
        "when a client left without having sent anything, the endpoint raised KeyError: 'bytes'. If it is receive() "
        "that receives: it then returns a dictionary of type 'websocket.disconnect', with neither text nor bytes.",
    ),
    (
        "one loop for texts and another for bytes, side by side",
        """
        async def texts():
            async for text in websocket.iter_text():
                await websocket.send_json({"kind": "text", "length": len(text)})

        async def data():
            async for data in websocket.iter_bytes():
                await websocket.send_json({"kind": "bytes", "length": len(data)})

        try:
            await asyncio.gather(texts(), data())
        except WebSocketDisconnect:
            pass
        """,
        "but the connection ended first, with code 1006, cut off without close(). On the server, the endpoint raised "
        "KeyError: 'bytes'.",
    ),
    (
        "the first receive stands outside of the try",
        """
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        try:
            while True:
                text = message.get("text")
                if text is not None:
                    await websocket.send_json({"kind": "text", "length": len(text)})
                else:
                    await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
        except WebSocketDisconnect:
            pass
        """,
        "when a client left without having sent anything, the endpoint raised WebSocketDisconnect(1000). Catch "
        "WebSocketDisconnect around the first receive, too.",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
import json

app = FastAPI()

@app.websocket("/measure")
async def measure(websocket: WebSocket):
    await websocket.accept()
    while (message := await websocket.receive())["type"] == "websocket.receive":
        kind = "text" if "text" in message else "bytes"
        answer = json.dumps({"length": len(message[kind]), "kind": kind}, indent=2)
        try:
            await websocket.send_text(answer)
        except WebSocketDisconnect:
            break
"""
