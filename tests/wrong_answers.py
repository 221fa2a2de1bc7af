"""Plausible wrong answers to the exercises, each with what the check must say about it.

An answer is the body of the stub's endpoint: what stands below its `async def` line.
"""

SHOUT = """
app = FastAPI()

@app.websocket("/ws")
async def shout(websocket: WebSocket):
"""

GREETER = """
app = FastAPI()

@app.websocket("/greet")
async def greet(websocket: WebSocket):
"""

COUNT = """
app = FastAPI()
total = 0

@app.websocket("/count")
async def count(websocket: WebSocket):
"""

# exercise -> (name of the mistake, the stub's head, the body, a part of what the check says)
WRONG_ANSWERS = {
    "00": [
        (
            "the prefix is shouted, too",
            SHOUT,
            """
            await websocket.accept()
            text = await websocket.receive_text()
            await websocket.send_text(f"You wrote: {text}".upper())
            await websocket.close()
            """,
            "the client sent 'hello' and expected 'HELLO', but got 'YOU WROTE: HELLO'.",
        ),
        (
            "only the first letter",
            SHOUT,
            """
            await websocket.accept()
            text = await websocket.receive_text()
            await websocket.send_text(text.capitalize())
            await websocket.close()
            """,
            "the client sent 'hello' and expected 'HELLO', but got 'Hello'.",
        ),
        (
            "made for the one example",
            SHOUT,
            """
            await websocket.accept()
            await websocket.receive_text()
            await websocket.send_text("HELLO")
            await websocket.close()
            """,
            "the client sent 'Good morning' and expected 'GOOD MORNING', but got 'HELLO'.",
        ),
        (
            "send_text() without await",
            SHOUT,
            """
            await websocket.accept()
            text = await websocket.receive_text()
            websocket.send_text(text.upper())
            await websocket.close()
            """,
            "but the connection ended first, with code 1000. Does every call of `websocket` have its `await`",
        ),
    ],
    "01": [
        (
            "no accept",
            GREETER,
            """
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            await websocket.close()
            """,
            "the handshake for /greet failed with HTTP 500. On the server, the endpoint raised WebSocketDisconnected: "
            'WebSocket is not connected. Need to call "accept" first.',
        ),
        (
            "another path",
            GREETER.replace("/greet", "/great"),
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            await websocket.close()
            """,
            'HTTP 403. Is there an endpoint for that path, with `@app.websocket("/greet")` and the one',
        ),
        (
            "no close",
            GREETER,
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            """,
            "after the answer the connection ended with code 1006, cut off without close(), not with 1000. "
            "End with `await websocket.close()`.",
        ),
        (
            "waits for more instead of closing",
            GREETER,
            """
            await websocket.accept()
            while True:
                name = await websocket.receive_text()
                await websocket.send_text(f"Hello, {name}!")
            """,
            "after the answer the connection was still open 2 seconds later. End with close().",
        ),
        (
            "a name of its own",
            GREETER,
            """
            await websocket.accept()
            await websocket.receive_text()
            await websocket.send_text("Hello, NAME!")
            await websocket.close()
            """,
            "the client sent 'Ada' and expected 'Hello, Ada!', but got 'Hello, NAME!'.",
        ),
        (
            "a misspelt variable",
            GREETER,
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {nmae}!")
            await websocket.close()
            """,
            "On the server, the endpoint raised NameError: name 'nmae' is not defined.",
        ),
        (
            "speaks before it listens",
            GREETER,
            """
            await websocket.accept()
            await websocket.send_text("What is your name?")
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            await websocket.close()
            """,
            "the client sent 'Ada' and expected 'Hello, Ada!', but got 'What is your name?'.",
        ),
        (
            "bytes",
            GREETER,
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_bytes(f"Hello, {name}!".encode())
            await websocket.close()
            """,
            "got bytes, b'Hello, Ada!'. send_text() sends text.",
        ),
        (
            "one message too many",
            GREETER,
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            await websocket.send_text("Bye")
            await websocket.close()
            """,
            "after the answer came one more message, 'Bye'. One answer is enough.",
        ),
        (
            "an error after the close",
            GREETER,
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            await websocket.close()
            raise ValueError("after")
            """,
            "the clients got what they should, but the endpoint raised ValueError: after.",
        ),
        (
            "closed twice",
            GREETER,
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            await websocket.close()
            await websocket.close()
            """,
            "the endpoint raised WebSocketDisconnected: ",
        ),
        (
            "the name is changed",
            GREETER,
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name.title()}!")
            await websocket.close()
            """,
            "the client sent 'bell hooks' and expected 'Hello, bell hooks!', but got 'Hello, Bell Hooks!'.",
        ),
        (
            "a route instead of a WebSocket endpoint",
            GREETER.replace("@app.websocket", "@app.get"),
            """
            return "Hello"
            """,
            'HTTP 403. Is there an endpoint for that path, with `@app.websocket("/greet")` and the one',
        ),
        (
            "no annotation",
            GREETER.replace(": WebSocket", ""),
            """
            await websocket.accept()
            """,
            "and the one parameter `websocket: WebSocket`?",
        ),
        (
            "not async",
            GREETER.replace("async def", "def"),
            """
            websocket.accept()
            """,
            "can't be used in 'await' expression (is it `async def`?).",
        ),
        (
            "another code",
            GREETER,
            """
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            await websocket.close(code=1001)
            """,
            "after the answer the connection ended with code 1001, not with 1000.",
        ),
    ],
    "02": [
        (
            "receive_text() without await",
            COUNT,
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
            COUNT,
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
            COUNT,
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
            COUNT,
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
            COUNT,
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
            "a client closes with 1001 and a reason, as a browser does whose page is left: "
            "the endpoint raised WebSocketDisconnect(1001). It does not expect its client to leave",
        ),
        (
            "accept() in the loop",
            COUNT,
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
            COUNT,
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
            COUNT,
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
            COUNT,
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
            COUNT,
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
            COUNT,
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
            COUNT,
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
            COUNT,
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
            COUNT,
            """
            await websocket.accept()
            number = 0
            while True:
                text = await websocket.receive_text()
                number += 1
                await websocket.send_text(f"{number}: {text}")
            """,
            "when a client left, the endpoint raised WebSocketDisconnect(1000). "
            "Catch WebSocketDisconnect around the loop.",
        ),
        (
            "caught inside the loop",
            COUNT,
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
            "Something goes on after the connection has ended: is it still in a loop?",
        ),
        (
            "closes a connection that is closed",
            COUNT,
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
    ],
}
