"""Answers to the exercise of keep-talking."""

from tests.answers import after, before, changed, whole

ANSWER = 'await websocket.send_text(f"{number}: {text}")'

WRONG = {
    "receive_text() without await": changed(
        ("await websocket.receive_text", "websocket.receive_text"),
        says="got the text of a coroutine. Does every call of `websocket` have its `await`, and does the endpoint "
        "answer before it ends? On the server, the event loop is blocked in count(), line ",
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
        says="did not accept the connection within 2 seconds. On the server, the event loop is blocked in count(), ",
    ),
    "one message too many at the end": changed(
        after(ANSWER, 'if number == 20:\n    await websocket.send_text("done")'),
        says="after the answer to 'message 20' came one more message, 'done'.",
    ),
    "only the clean close is expected": changed(
        ("except WebSocketDisconnect:", "except WebSocketDisconnect as disconnect:"),
        ("pass", "if disconnect.code != 1000:\n    raise"),
        says="a client closes with 1001 and a reason, as a browser does whose page is left. What came of it: raised "
        "WebSocketDisconnect(1001). It does not expect its client to leave",
    ),
    "accept() in the loop": changed(
        ("await websocket.accept()", ""),
        before("text =", "await websocket.accept()"),
        says="but got 'websocket.accept'.",
    ),
    "a loop with an end": changed(
        ("number = 0", ""),
        ("while True", "for number in range(1, 11)"),
        ("number += 1", ""),
        says="the client sent 'message 11' and expected '11: message 11', but the connection ended first",
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
        says="got '21: hi'. Each client has a count of its own: keep it in a variable of the endpoint.",
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
    "closes a connection that is closed": changed(
        ("except WebSocketDisconnect:", "finally:"),
        ("pass", "await websocket.close()"),
        says="when a client left, the endpoint raised",
    ),
}

RIGHT = {
    "iter_text()": whole("""
        await websocket.accept()
        number = 0
        async for text in websocket.iter_text():
            number += 1
            await websocket.send_text(f"{number}: {text}")
        """),
}
