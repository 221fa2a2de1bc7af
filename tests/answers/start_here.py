"""Answers to the exercise of start-here."""

from tests.answers import changed, worn_out

WRONG = {
    "the prefix is shouted, too": changed(
        ("text.upper()", 'f"You wrote: {text}".upper()'),
        says="the client sent 'hello' and expected 'HELLO', but got 'YOU WROTE: HELLO'.",
    ),
    "only the first letter": changed(
        ("text.upper()", "text.capitalize()"), says="the client sent 'hello' and expected 'HELLO', but got 'Hello'."
    ),
    "made for the one example": changed(
        ("text.upper()", '"HELLO"'), says="the client sent 'Good morning' and expected 'GOOD MORNING', but got 'HELLO'."
    ),
    "send_text() without await": changed(
        ("await websocket.send_text", "websocket.send_text"),
        says="but the connection ended first, with code 1000. Does every call of `websocket` have its `await`",
    ),
    "fails when many have come": changed(
        *worn_out("await websocket.send_text"),
        says="a client comes fifty times at once. What came of it: raised MemoryError",
    ),
}

RIGHT = {
    "capital letters when it comes": changed(
        ("await websocket.receive_text()", "(await websocket.receive_text()).upper()"),
        ("send_text(text.upper())", "send_text(text)"),
    ),
}
