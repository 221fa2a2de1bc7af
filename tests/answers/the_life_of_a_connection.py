"""Answers to the exercise of the-life-of-a-connection."""

HEAD = """
app = FastAPI()

@app.websocket("/age")
async def age(websocket: WebSocket):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "the whole text in the reason",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        except ValueError:
            await websocket.close(4000, f"not a number: {text}")
        """,
        "the client sent 110 times 'x' and expected to be closed with 4000, but the connection ended with code 1006, "
        "cut off without close(). On the server, the endpoint raised ProtocolError: control frame too long.",
    ),
    (
        "the first line of the text, and in small letters",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            answer = f"In a year you will be {int(text) + 1}."
        except ValueError:
            quoted = text.lower().split("\\n")[0].encode()[:100].decode(errors="ignore")
            await websocket.close(4000, f"not a number: {quoted}")
            return
        await websocket.send_text(answer)
        await websocket.close()
        """,
        "the client sent 'Ten\\nyears', and the reason was 'not a number: ten' instead of 'not a number: Ten\\nyears'.",
    ),
    (
        "characters taken for bytes",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text}"[:123])
        """,
        "the client sent 55 times 'é' and expected to be closed with 4000, but the connection ended with code 1006, "
        "cut off without close(). On the server, the endpoint raised ProtocolError: control frame too long.",
    ),
    (
        "two bytes a character",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text[:54]}")
        """,
        "the client sent 28 times '🙂' and expected to be closed with 4000, but the connection ended with code 1006",
    ),
    (
        "cut in the middle of a character",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text}".encode()[:122].decode())
        """,
        "On the server, the endpoint raised UnicodeDecodeError: ",
    ),
    (
        "only what is very long is cut",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text if len(text) < 50 else text[:27]}")
        """,
        "the client sent 28 times '🙂' and expected to be closed with 4000, but the connection ended with code 1006",
    ),
    (
        "letters that are not ASCII left out",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            text = text.encode("ascii", "ignore").decode()
            await websocket.close(4000, f"not a number: {text[:100]}")
        """,
        "the client sent 55 times 'é', and the reason was 'not a number: '. It should begin with `not a number: ` and "
        "the first 20 characters of the text.",
    ),
    (
        "cut too short",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text[:10]}")
        """,
        "the client sent 'forty-two and a half', and the reason was 'not a number: forty-two ' "
        "instead of 'not a number: forty-two and a half'.",
    ),
    (
        "spaces at the ends are not quoted",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        except ValueError:
            await websocket.close(4000, f"not a number: {text.strip()[:27]}")
        """,
        "the client sent ' ten ', and the reason was 'not a number: ten' instead of 'not a number:  ten '.",
    ),
    (
        "long ones are not quoted",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        elif len(text) < 25:
            await websocket.close(4000, f"not a number: {text}")
        else:
            await websocket.close(4000, "not a number: too long")
        """,
        "the client sent 110 times 'x', and the reason was 'not a number: too long'. It should begin with",
    ),
    (
        "Python's words for it",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            years = int(text)
        except ValueError as error:
            await websocket.close(4000, str(error))
            return
        await websocket.send_text(f"In a year you will be {years + 1}.")
        await websocket.close()
        """,
        "the client sent 'ten', and the reason was \"invalid literal for int() with base 10: 'ten'\" "
        "instead of 'not a number: ten'.",
    ),
    (
        "no reason",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000)
        """,
        "the client sent 'ten', and the reason was '' instead of 'not a number: ten'.",
    ),
    (
        "an HTTP status for a code",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(400, f"not a number: {text[:27]}")
        """,
        "but the connection ended with code 1006, cut off without close(). "
        "On the server, the endpoint raised ProtocolError: invalid status code.",
    ),
    (
        "another code",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(reason=f"not a number: {text[:27]}")
        """,
        "the client sent 'ten' and expected to be closed with 4000, but the connection ended with code 1000.",
    ),
    (
        "HTTPException after accept",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if not text.isdecimal():
            raise HTTPException(400, f"not a number: {text[:27]}")
        await websocket.send_text(f"In a year you will be {int(text) + 1}.")
        await websocket.close()
        """,
        "but the connection ended with code 1006, cut off without close(). "
        "On the server, the endpoint raised RuntimeError: Expected ASGI message 'websocket.send' or 'websocket.close'",
    ),
    (
        "the error is not caught",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        await websocket.send_text(f"In a year you will be {int(text) + 1}.")
        await websocket.close()
        """,
        "On the server, the endpoint raised ValueError: invalid literal for int() with base 10: 'ten'.",
    ),
    (
        "a message instead of a reason",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.send_text(f"not a number: {text}")
            await websocket.close(4000)
        """,
        "but got a message, 'not a number: ten'. The reason is an argument of close().",
    ),
    (
        "a colon too many",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text[:26]!r}")
        """,
        "the client sent 'ten', and the reason was \"not a number: 'ten'\" instead of 'not a number: ten'.",
    ),
    (
        "goes on after close",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        years = 0
        try:
            years = int(text)
        except ValueError:
            await websocket.close(4000, f"not a number: {text[:27]}")
        await websocket.send_text(f"In a year you will be {years + 1}.")
        await websocket.close()
        """,
        'the endpoint raised WebSocketDisconnected: Cannot call "send" once a close message has been sent.',
    ),
    (
        "the number is not closed",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
        else:
            await websocket.close(4000, f"not a number: {text[:27]}")
        """,
        "after the answer the connection ended with code 1006, cut off without close(), not with 1000.",
    ),
    (
        "always the same answer",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text("In a year you will be 43.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text[:27]}")
        """,
        "the client sent '7' and expected 'In a year you will be 8.', but got 'In a year you will be 43.'.",
    ),
    (
        "waits for another try",
        """
        await websocket.accept()
        while True:
            text = await websocket.receive_text()
            if text.isdecimal():
                await websocket.send_text(f"In a year you will be {int(text) + 1}.")
                await websocket.close()
                break
        """,
        "the client sent 'ten' and expected to be closed with 4000, but the connection was still open 2 seconds later.",
    ),
    (
        "the disconnect is not caught",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            answer = f"In a year you will be {int(text) + 1}."
        except ValueError:
            await websocket.close(4000, f"not a number: {text[:27]}")
        else:
            await websocket.send_text(answer)
            await websocket.close()
        """,
        "a client connects, says nothing, and closes with 1000: a page that is opened and closed. "
        "What came of it: raised WebSocketDisconnect(1000). It does not expect its client to leave",
    ),
    (
        "the next number is written too late",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            years = int(text)
        except ValueError:
            await websocket.close(4000, f"not a number: {text[:27]}")
        else:
            await websocket.send_text(f"In a year you will be {years + 1}.")
            await websocket.close()
        """,
        "the client sent 4300 times '9' and expected to be closed with 4000, but the connection ended with code 1006, "
        "cut off without close(). On the server, the endpoint raised ValueError: Exceeds the limit (4300 digits) for "
        "integer string conversion; use sys.set_int_max_str_digits() to increase [...] (leave Python's limit as it is, "
        "and catch this error: make the whole answer in the `try`).",
    ),
    (
        "Python's limit is taken away",
        """
        sys.set_int_max_str_digits(0)
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            years = int(text)
        except ValueError:
            await websocket.close(4000, f"not a number: {text[:27]}")
        else:
            await websocket.send_text(f"In a year you will be {years + 1}.")
            await websocket.close()
        """,
        "0'... (4,324 characters). Leave Python's limit as it is, and close with 4000 where it refuses to write the "
        "answer. (If you have changed it, restart the kernel.)",
    ),
    (
        "only digits",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text[:27]}")
        """,
        "the client sent '-5' and expected 'In a year you will be -4.', but the connection ended first, with code "
        "4000. int() takes '-5'.",
    ),
    (
        "digits that are none to int()",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.removeprefix("-").isdigit():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            await websocket.close(4000, f"not a number: {text[:27]}")
        """,
        "the client sent '²' and expected to be closed with 4000, but the connection ended with code 1006, cut off "
        "without close(). On the server, the endpoint raised ValueError: invalid literal for int() with base 10: '²'.",
    ),
    (
        "fractions are rounded",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            answer = f"In a year you will be {int(float(text)) + 1}."
        except ValueError:
            await websocket.close(4000, f"not a number: {text[:27]}")
        else:
            await websocket.send_text(answer)
            await websocket.close()
        """,
        "the client sent '4.5' and expected to be closed with 4000, but got an answer, 'In a year you will be 5.'. "
        "Let int() decide about the text as it came.",
    ),
    (
        "closes once more",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        try:
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
        except ValueError:
            await websocket.close(4000, f"not a number: {text[:27]}")
        await websocket.close()
        """,
        "Something goes on after the connection has ended: is a `return` missing, or is it still in a loop?",
    ),
    (
        "a coroutine that is not awaited",
        """
        await websocket.accept()
        text = await websocket.receive_text()
        if text.isdecimal():
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        else:
            websocket.close(4000, f"not a number: {text[:27]}")
        """,
        "the client sent 'ten' and expected to be closed with 4000, but the connection ended with code 1006, "
        "cut off without close(). Does every call of `websocket` have its `await`",
    ),
    (
        "a pattern decides what a number is",
        """
        import re

        await websocket.accept()
        try:
            text = await websocket.receive_text()
            try:
                if not re.fullmatch(r"-?[0-9]+", text):
                    raise ValueError
                answer = f"In a year you will be {int(text) + 1}."
            except ValueError:
                await websocket.close(4000, f"not a number: {text[:27]}")
            else:
                await websocket.send_text(answer)
                await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '+5' and expected 'In a year you will be 6.', but the connection ended first, with code 4000. "
        "int() takes '+5'.",
    ),
    (
        "numbers in any base",
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            try:
                answer = f"In a year you will be {int(text, 0) + 1}."
            except ValueError:
                await websocket.close(4000, f"not a number: {text[:27]}")
            else:
                await websocket.send_text(answer)
                await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '0x10' and expected to be closed with 4000, but got an answer, 'In a year you will be 17.'.",
    ),
    (
        "commas are left out",
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            try:
                answer = f"In a year you will be {int(text.replace(',', '')) + 1}."
            except ValueError:
                await websocket.close(4000, f"not a number: {text[:27]}")
            else:
                await websocket.send_text(answer)
                await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '1,000' and expected to be closed with 4000, but got an answer, 'In a year you will be "
        "1001.'.",
    ),
    (
        "a whole number as float() reads it",
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            try:
                number = float(text)
                if not number.is_integer():
                    raise ValueError
                answer = f"In a year you will be {int(number) + 1}."
            except ValueError:
                await websocket.close(4000, f"not a number: {text[:27]}")
            else:
                await websocket.send_text(answer)
                await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '4.0' and expected to be closed with 4000, but got an answer, 'In a year you will be 5.'.",
    ),
    (
        "as many digits as Python's limit are too many",
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            try:
                if len(text) >= 4300:
                    raise ValueError
                answer = f"In a year you will be {int(text) + 1}."
            except ValueError:
                await websocket.close(4000, f"not a number: {text[:27]}")
            else:
                await websocket.send_text(answer)
                await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "and expected the next number, but the connection ended first, with code 4000. int() takes 4300 digits, and "
        "the answer has no more.",
    ),
    (
        "long texts are no numbers",
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            try:
                if len(text) > 100:
                    raise ValueError
                answer = f"In a year you will be {int(text) + 1}."
            except ValueError:
                await websocket.close(4000, f"not a number: {text[:27]}")
            else:
                await websocket.send_text(answer)
                await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "and expected the next number, but the connection ended first, with code 4000. int() takes 200 digits",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
app = FastAPI()

@app.websocket("/age")
async def age(websocket: WebSocket):
    await websocket.accept()
    try:
        text = await websocket.receive_text()
        try:
            answer = str(int(text) + 1)
        except ValueError:
            reason = f"not a number: {text}".encode()[:123].decode(errors="ignore")
            raise WebSocketException(4000, reason) from None
        await websocket.send_text(f"In a year you will be {answer}.")
        await websocket.close()
    except WebSocketDisconnect:
        pass
"""
