"""Answers to the exercise of your-first-endpoint."""

import sys

# What Python says of `await None`: another text since 3.14.
NOT_AWAITABLE = (
    "'NoneType' object can't be awaited"
    if sys.version_info >= (3, 14)
    else "object NoneType can't be used in 'await' expression"
)

HEAD = """
app = FastAPI()

@app.websocket("/greet")
async def greet(websocket: WebSocket):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "no accept",
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
        """
        app = FastAPI()

        @app.websocket("/great")
        async def greet(websocket: WebSocket):
            await websocket.accept()
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
            await websocket.close()
        """,
        'HTTP 403. Is there an endpoint for that path, with `@app.websocket("/greet")` and the one',
    ),
    (
        "no close",
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
        """
        app = FastAPI()

        @app.get("/greet")
        async def greet(websocket: WebSocket):
            return "Hello"
        """,
        'HTTP 403. Is there an endpoint for that path, with `@app.websocket("/greet")` and the one',
    ),
    (
        "no annotation",
        """
        app = FastAPI()

        @app.websocket("/greet")
        async def greet(websocket):
            await websocket.accept()
        """,
        "and the one parameter `websocket: WebSocket`?",
    ),
    (
        "not async",
        """
        app = FastAPI()

        @app.websocket("/greet")
        def greet(websocket: WebSocket):
            websocket.accept()
        """,
        f"the endpoint raised TypeError: {NOT_AWAITABLE} (is it `async def`?).",
    ),
    (
        "another code",
        """
        await websocket.accept()
        name = await websocket.receive_text()
        await websocket.send_text(f"Hello, {name}!")
        await websocket.close(code=1001)
        """,
        "after the answer the connection ended with code 1001, not with 1000.",
    ),
    (
        "blocks all others",
        """
        import time

        await websocket.accept()
        text = await websocket.receive_text()
        time.sleep(0.1)
        await websocket.send_text(f"Hello, {text}!")
        await websocket.close()
        """,
        "a client comes fifty times at once. What came of it: the event loop stood still.",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
app = FastAPI()

@app.websocket("/greet")
async def greet(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text("Hello, " + await websocket.receive_text() + "!")
    await websocket.close(code=1000, reason="bye")
"""
