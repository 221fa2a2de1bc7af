"""Answers to the exercise of your-first-endpoint."""

import sys

from tests.answers import after, before, changed, whole, worn_out

# What Python says of `await None`: another text since 3.14.
NOT_AWAITABLE = (
    "'NoneType' object can't be awaited"
    if sys.version_info >= (3, 14)
    else "object NoneType can't be used in 'await' expression"
)

WRONG = {
    "no accept": changed(
        ("await websocket.accept()", ""),
        says="the handshake for /greet failed with HTTP 500: nothing has accepted it. On the server, the "
        "endpoint raised "
        'WebSocketDisconnected: WebSocket is not connected. Need to call "accept" first.',
    ),
    "another path": changed(
        ('"/greet"', '"/great"'),
        says='HTTP 403. Is there an endpoint for that path, with `@app.websocket("/greet")` and the one',
    ),
    "no close": changed(
        ("await websocket.close()", ""),
        says="after the answer the connection ended with code 1006, cut off without close(), not with 1000. End with "
        "`await websocket.close()`.",
    ),
    "waits for more instead of closing": whole(
        """
        await websocket.accept()
        while True:
            name = await websocket.receive_text()
            await websocket.send_text(f"Hello, {name}!")
        """,
        says="after the answer the connection was still open 2 seconds later. End with close().",
    ),
    "a name of its own": changed(
        ("{name}", "NAME"), says="the client sent 'Ada' and expected 'Hello, Ada!', but got 'Hello, NAME!'."
    ),
    "a misspelt variable": changed(
        ("{name}", "{nmae}"), says="On the server, the endpoint raised NameError: name 'nmae' is not defined."
    ),
    "speaks before it listens": changed(
        after("await websocket.accept()", 'await websocket.send_text("What is your name?")'),
        says="the client sent 'Ada' and expected 'Hello, Ada!', but got 'What is your name?'.",
    ),
    "bytes": changed(
        ('send_text(f"Hello, {name}!")', 'send_bytes(f"Hello, {name}!".encode())'),
        says="got bytes, b'Hello, Ada!'. send_text() sends text.",
    ),
    "one message too many": changed(
        before("await websocket.close()", 'await websocket.send_text("Bye")'),
        says="after the answer came one more message, 'Bye'. One answer is enough.",
    ),
    "an error after the close": changed(
        after("await websocket.close()", 'raise ValueError("after")'),
        says="the clients got what they should, but the endpoint raised ValueError: after (it had closed before",
    ),
    "closed twice": changed(
        after("await websocket.close()", "await websocket.close()"), says="the endpoint raised WebSocketDisconnected: "
    ),
    "the name is changed": changed(
        ("{name}", "{name.title()}"),
        says="the client sent 'bell hooks' and expected 'Hello, bell hooks!', but got 'Hello, Bell Hooks!'.",
    ),
    "a route instead of a WebSocket endpoint": changed(
        ("@app.websocket", "@app.get"),
        says='HTTP 403. Is there an endpoint for that path, with `@app.websocket("/greet")` and the one',
    ),
    "no annotation": changed(
        ("websocket: WebSocket", "websocket"), says="and the one parameter `websocket: WebSocket`?"
    ),
    "not async": whole(
        """
        app = FastAPI()

        @app.websocket("/greet")
        def greet(websocket: WebSocket):
            websocket.accept()
        """,
        says=f"the endpoint raised TypeError: {NOT_AWAITABLE} (is it `async def`?).",
    ),
    "another code": changed(
        ("close()", "close(code=1001)"), says="after the answer the connection ended with code 1001, not with 1000."
    ),
    "fails when many have come": changed(
        *worn_out("await websocket.send_text"),
        says="a client comes fifty times at once. What came of it: raised MemoryError",
    ),
    "escaped as for HTML": changed(
        before("app =", "import html"), ("{name}", "{html.escape(name)}"), says="but got 'Hello,  Renée &lt;"
    ),
    "spaces around a name are left out": changed(
        ("await websocket.receive_text()", "(await websocket.receive_text()).strip()"), says="but got 'Hello, Renée <"
    ),
    "ASCII alone": changed(
        ("{name}", "{name.encode('ascii', 'ignore').decode()}"), says="but got 'Hello,  Rene <{Wolfe"
    ),
    "long names are cut": changed(("{name}", "{name[:20]}"), says="but got 'Hello,  Renée <{Wolfeschleg!'."),
    "braces in a name are taken for a field": changed(
        ('f"Hello, {name}!"', '("Hello, " + name + "!").format(name=name)'),
        says="On the server, the endpoint raised KeyError: 'Wolfeschlegel",
    ),
    "whoever sends an empty name is asked again": changed(
        (
            "name = await websocket.receive_text()",
            "name = ''\nwhile not name:\n    name = await websocket.receive_text()",
        ),
        says="the client sent '' and expected 'Hello, !', but no answer came within 2 seconds.",
    ),
    "one client after the other": changed(
        after("app = FastAPI()", "one = asyncio.Lock()"),
        (
            'name = await websocket.receive_text()\nawait websocket.send_text(f"Hello, {name}!")',
            """
            async with one:
                name = await websocket.receive_text()
                await websocket.send_text(f"Hello, {name}!")
            """,
        ),
        says="Two clients are there that have not said their names yet. Nobody waits for another: is there a lock?",
    ),
    "re.sub()": changed(
        before("app =", "import re"),
        ('f"Hello, {name}!"', 're.sub("NAME", name, "Hello, NAME!")'),
        says="rror: invalid group reference 1 at position",  # from Python 3.13 on, a PatternError
    ),
    "without a line break at the end": changed(
        ("await websocket.receive_text()", '(await websocket.receive_text()).rstrip("\\n")'),
        says="The name is in the answer as it came, whatever it is.",
    ),
    "normalized": changed(
        before("app =", "import unicodedata"),
        ("{name}", "{unicodedata.normalize('NFC', name)}"),
        says="The name is in the answer as it came, whatever it is.",
    ),
    "a second for the name": changed(
        before("app =", "import asyncio"),
        (
            "name = await websocket.receive_text()",
            """
            try:
                async with asyncio.timeout(1):
                    name = await websocket.receive_text()
            except TimeoutError:
                name = "stranger"
            """,
        ),
        says="a client had been silent for an hour. Then the client sent 'Ada' and expected 'Hello, Ada!', but got "
        "'Hello, stranger!'. Nothing says how long a client may take",
    ),
    "the websocket in a variable of the module": whole(
        """
        global guest
        await websocket.accept()
        guest = websocket
        name = await guest.receive_text()
        await guest.send_text(f"Hello, {name}!")
        await guest.close()
        """,
        says="Three clients are there at once: is something of theirs in a variable that all share?",
    ),
}

RIGHT = {
    "in one line, and with a reason": whole("""
        await websocket.accept()
        await websocket.send_text("Hello, " + await websocket.receive_text() + "!")
        await websocket.close(code=1000, reason="bye")
        """),
    "a class": whole("""
        from starlette.endpoints import WebSocketEndpoint

        app = FastAPI()

        class Greet(WebSocketEndpoint):
            encoding = "text"

            async def on_receive(self, websocket, data):
                await websocket.send_text("Hello, {}!".format(data))
                await websocket.close()

        app.router.add_websocket_route("/greet", Greet)
        """),
    "closed by a dependency": whole("""
        from typing import Annotated

        from fastapi import Depends

        app = FastAPI()


        async def talking(websocket: WebSocket):
            await websocket.accept()
            yield websocket
            await websocket.close()


        @app.websocket("/greet")
        async def greet(websocket: Annotated[WebSocket, Depends(talking)]):
            message = await websocket.receive()
            await websocket.send_text("Hello, " + message["text"] + "!")
        """),
}
