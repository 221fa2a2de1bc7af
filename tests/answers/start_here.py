"""Answers to the exercise of start-here."""

HEAD = """
app = FastAPI()

@app.websocket("/ws")
async def shout(websocket: WebSocket):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "the prefix is shouted, too",
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
        """
        await websocket.accept()
        text = await websocket.receive_text()
        websocket.send_text(text.upper())
        await websocket.close()
        """,
        "but the connection ended first, with code 1000. Does every call of `websocket` have its `await`",
    ),
    (
        "blocks all others",
        """
        import time

        await websocket.accept()
        text = await websocket.receive_text()
        time.sleep(0.1)
        await websocket.send_text(text.upper())
        await websocket.close()
        """,
        "a client comes fifty times at once. What came of it: the event loop stood still.",
    ),
]
