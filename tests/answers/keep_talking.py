"""Answers to the exercise of keep-talking."""

HEAD = """
app = FastAPI()
total = 0

@app.websocket("/count")
async def count(websocket: WebSocket):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "receive_text() without await",
        """
        await websocket.accept()
        number = 0
        try:
            while True:
                text = websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
        except WebSocketDisconnect:
            pass
        """,
        "got the text of a coroutine. Does every call of `websocket` have its `await`, and does the endpoint "
        "answer before it ends? On the server, the event loop is blocked in count(), line ",
    ),
    (
        "no await at all",
        """
        await websocket.accept()
        number = 0
        try:
            while True:
                text = websocket.receive_text()
                number += 1
                websocket.send_text(f"{number}: {text}")
        except WebSocketDisconnect:
            pass
        """,
        "no answer came within 2 seconds. On the server, the event loop is blocked in count(), line ",
    ),
    (
        "an error swallowed again and again",
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
        "did not accept the connection within 2 seconds. On the server, the event loop is blocked in count(), ",
    ),
    (
        "one message too many at the end",
        """
        await websocket.accept()
        number = 0
        try:
            while True:
                text = await websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
                if number == 20:
                    await websocket.send_text("done")
        except WebSocketDisconnect:
            pass
        """,
        "after the answer to 'message 20' came one more message, 'done'.",
    ),
    (
        "only the clean close is expected",
        """
        await websocket.accept()
        number = 0
        try:
            while True:
                text = await websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
        except WebSocketDisconnect as disconnect:
            if disconnect.code != 1000:
                raise
        """,
        "a client closes with 1001 and a reason, as a browser does whose page is left. "
        "What came of it: raised WebSocketDisconnect(1001). It does not expect its client to leave",
    ),
    (
        "accept() in the loop",
        """
        number = 0
        try:
            while True:
                await websocket.accept()
                text = await websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
        except WebSocketDisconnect:
            pass
        """,
        "but got 'websocket.accept'.",
    ),
    (
        "a loop with an end",
        """
        await websocket.accept()
        try:
            for number in range(1, 11):
                text = await websocket.receive_text()
                await websocket.send_text(f"{number}: {text}")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'message 11' and expected '11: message 11', but the connection ended first",
    ),
    (
        "looked up instead of counted",
        """
        await websocket.accept()
        seen = []
        try:
            while True:
                text = await websocket.receive_text()
                seen.append(text)
                await websocket.send_text(f"{seen.index(text) + 1}: {text}")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'two' and expected '3: two', but got '2: two'.",
    ),
    (
        "an error of its own at the end",
        """
        await websocket.accept()
        number = 0
        try:
            while True:
                text = await websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
        except WebSocketDisconnect:
            print(nobody)
        """,
        "the clients got what they should, but the endpoint raised NameError: name 'nobody' is not defined.",
    ),
    (
        "one count for all",
        """
        global total
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                total += 1
                await websocket.send_text(f"{total}: {text}")
        except WebSocketDisconnect:
            pass
        """,
        "got '21: hi'. Each client has a count of its own: keep it in a variable of the endpoint.",
    ),
    (
        "no loop",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        await websocket.send_text(f"1: {text}")
        """,
        "the client sent 'two' and expected '2: two', but the connection ended first, "
        "with code 1006, cut off without close(). Is the loop there, with no end of its own?",
    ),
    (
        "from zero",
        """
        await websocket.accept()
        number = 0
        try:
            while True:
                text = await websocket.receive_text()
                await websocket.send_text(f"{number}: {text}")
                number += 1
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'one' and expected '1: one', but got '0: one'.",
    ),
    (
        "set back in the loop",
        """
        await websocket.accept()
        try:
            while True:
                number = 1
                text = await websocket.receive_text()
                await websocket.send_text(f"{number}: {text}")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'two' and expected '2: two', but got '1: two'.",
    ),
    (
        "the disconnect is not caught",
        """
        await websocket.accept()
        number = 0
        while True:
            text = await websocket.receive_text()
            number += 1
            await websocket.send_text(f"{number}: {text}")
        """,
        "when a client left, the endpoint raised WebSocketDisconnect(1000). Catch WebSocketDisconnect around the loop.",
    ),
    (
        "caught inside the loop",
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
        'endpoint raised WebSocketDisconnected: Cannot call "receive" once a disconnect message has been received. '
        "Something goes on after the connection has ended: is a `return` missing, or is it still in a loop?",
    ),
    (
        "closes a connection that is closed",
        """
        await websocket.accept()
        number = 0
        try:
            while True:
                text = await websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
        finally:
            await websocket.close()
        """,
        "when a client left, the endpoint raised",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
app = FastAPI()

@app.websocket("/count")
async def count(websocket: WebSocket):
    await websocket.accept()
    number = 0
    async for text in websocket.iter_text():
        number += 1
        await websocket.send_text(f"{number}: {text}")
"""
