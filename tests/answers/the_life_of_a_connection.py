"""Answers to the exercise of the-life-of-a-connection."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

REASON = 'f"not a number: {text[:27]}"'
NUMBER = "number = int(text)"
ANSWER = 'await websocket.send_text(f"In a year you will be {number + 1}.")'
ONLY_DIGITS = """
await websocket.accept()
text = await websocket.receive_text()
if text.isdecimal():
    await websocket.send_text(f"In a year you will be {int(text) + 1}.")
    await websocket.close()
else:
    await websocket.close(4000, f"not a number: {text[:27]}")
"""

WRONG = {
    "the whole text in the reason": changed(
        ("text[:27]", "text"),
        says="the client sent 110 times 'x' and expected to be closed with 4000, but the connection ended with code "
        "1006, cut off without close(). On the server, the endpoint raised ProtocolError: control frame too long.",
    ),
    "the first line of the text, and in small letters": changed(
        before(
            "await websocket.close(4000", r'quoted = text.lower().split("\n")[0].encode()[:100].decode(errors="ignore")'
        ),
        ("text[:27]", "quoted"),
        says="the client sent 'Ten\\nyears', and the reason was 'not a number: ten' instead of 'not a number: "
        "Ten\\nyears'.",
    ),
    "characters taken for bytes": changed(
        (REASON, 'f"not a number: {text}"[:123]'),
        says="the client sent 55 times 'é' and expected to be closed with 4000, but the connection ended with code "
        "1006, cut off without close(). On the server, the endpoint raised ProtocolError: control frame too long.",
    ),
    "two bytes a character": changed(
        ("text[:27]", "text[:54]"),
        says="the client sent 28 times '🙂' and expected to be closed with 4000, but the connection ended with code "
        "1006",
    ),
    "cut in the middle of a character": changed(
        (REASON, 'f"not a number: {text}".encode()[:122].decode()'),
        says="On the server, the endpoint raised UnicodeDecodeError: ",
    ),
    "only what is very long is cut": changed(
        ("text[:27]", "text if len(text) < 50 else text[:27]"),
        says="the client sent 28 times '🙂' and expected to be closed with 4000, but the connection ended with code "
        "1006",
    ),
    "letters that are not ASCII left out": changed(
        ("text[:27]", "text.encode('ascii', 'ignore').decode()[:100]"),
        says="the client sent 55 times 'é', and the reason was 'not a number: '. It should begin with `not a number: "
        "` and the first 20 characters of the text.",
    ),
    "cut too short": changed(
        ("text[:27]", "text[:10]"),
        says="the client sent '<b>5</b> & 6', and the reason was 'not a number: <b>5</b> &' instead of 'not a number: "
        "<b>5</b> & 6'.",
    ),
    "spaces at the ends are not quoted": changed(
        ("text[:27]", "text.strip()[:27]"),
        says="the client sent ' ten ', and the reason was 'not a number: ten' instead of 'not a number:  ten '.",
    ),
    "long ones are not quoted": changed(
        (REASON, f'{REASON} if len(text) < 25 else "not a number: too long"'),
        says="the client sent 110 times 'x', and the reason was 'not a number: too long'. It should begin with",
    ),
    "Python's words for it": changed(
        ("except ValueError:", "except ValueError as error:"),
        (REASON, "str(error)"),
        says="""the client sent 'ten', and the reason was "invalid literal for int() with base 10: 'ten'" instead """
        "of 'not a number: ten'.",
    ),
    "no reason": changed(
        (f"4000, {REASON}", "4000"), says="the client sent 'ten', and the reason was '' instead of 'not a number: ten'."
    ),
    "an HTTP status for a code": changed(
        ("4000", "400"),
        says="but the connection ended with code 1006, cut off without close(). On the server, the endpoint raised "
        "ProtocolError: invalid status code.",
    ),
    "another code": changed(
        (f"4000, {REASON}", f"reason={REASON}"),
        says="the client sent 'ten' and expected to be closed with 4000, but the connection ended with code 1000.",
    ),
    "HTTPException after accept": changed(
        (f"await websocket.close(4000, {REASON})", f"raise HTTPException(400, {REASON})"),
        says="but the connection ended with code 1006, cut off without close(). On the server, the endpoint raised "
        "RuntimeError: Expected ASGI message 'websocket.send' or 'websocket.close'",
    ),
    "the error is not caught": whole(
        """
        await websocket.accept()
        text = await websocket.receive_text()
        await websocket.send_text(f"In a year you will be {int(text) + 1}.")
        await websocket.close()
        """,
        says="On the server, the endpoint raised ValueError: invalid literal for int() with base 10: 'ten'.",
    ),
    "a message instead of a reason": changed(
        before("await websocket.close(4000", 'await websocket.send_text(f"not a number: {text}")'),
        (f"4000, {REASON}", "4000"),
        says="but got a message, 'not a number: ten'. The reason is an argument of close().",
    ),
    "a colon too many": changed(
        ("{text[:27]}", "{text[:26]!r}"),
        says="""the client sent 'ten', and the reason was "not a number: 'ten'" instead of 'not a number: ten'.""",
    ),
    "goes on after close": changed(
        after("text = await websocket.receive_text()", "number = 0"),
        (f"else:\n    {ANSWER}\n    await websocket.close()", f"{ANSWER}\nawait websocket.close()"),
        says='the endpoint raised WebSocketDisconnected: Cannot call "send" once a close message has been sent. '
        "Something goes on after the connection has ended: is a `return` missing",
    ),
    "the number is not closed": changed(
        ("await websocket.close()", ""),
        says="after the answer the connection ended with code 1006, cut off without close(), not with 1000.",
    ),
    "always the same answer": changed(
        (ANSWER, 'await websocket.send_text("In a year you will be 43.")'),
        says="the client sent '7' and expected 'In a year you will be 8.', but got 'In a year you will be 43.'.",
    ),
    "waits for another try": whole(
        """
        await websocket.accept()
        while True:
            text = await websocket.receive_text()
            if text.isdecimal():
                await websocket.send_text(f"In a year you will be {int(text) + 1}.")
                await websocket.close()
                break
        """,
        says="the client sent 'ten' and expected to be closed with 4000, but the connection was still open 2 seconds "
        "later.",
    ),
    "the disconnect is not caught": whole(
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
        says="when a client closed with 1001, as a browser does, the endpoint raised WebSocketDisconnect(1001). Expect "
        "WebSocketDisconnect",
    ),
    "only digits": whole(
        ONLY_DIGITS,
        says="the client sent '-5' and expected 'In a year you will be -4.', but the connection ended first, with "
        "code 4000. int() takes '-5'.",
    ),
    "digits that are none to int()": changed(
        ("text.isdecimal()", 'text.removeprefix("-").isdigit()'),
        of=ONLY_DIGITS,
        says="the client sent '²' and expected to be closed with 4000, but the connection ended with code 1006, cut "
        "off without close(). On the server, the endpoint raised ValueError: invalid literal for int() with base 10: "
        "'²'.",
    ),
    "fractions are rounded": changed(
        ("int(text)", "int(float(text))"),
        says="the client sent '4.5' and expected to be closed with 4000, but got an answer, 'In a year you will be "
        "5.'. Let int() decide about the text as it came.",
    ),
    "closes once more": changed(
        (f"else:\n    {ANSWER}\n    await websocket.close()", f"else:\n    {ANSWER}\nawait websocket.close()"),
        says="Something goes on after the connection has ended: is a `return` missing, or is it still in a loop?",
    ),
    "a coroutine that is not awaited": changed(
        ("await websocket.close(4000", "websocket.close(4000"),
        says="the client sent 'ten' and expected to be closed with 4000, but the connection ended with code 1006, cut "
        "off without close(). Does every call of `websocket` have its `await`",
    ),
    "a pattern decides what a number is": changed(
        before("app =", "import re"),
        before(NUMBER, 'if not re.fullmatch(r"-?[0-9]+", text):\n    raise ValueError'),
        says="the client sent '+5' and expected 'In a year you will be 6.', but the connection ended first, with code "
        "4000. int() takes '+5'.",
    ),
    "numbers in any base": changed(
        ("int(text)", "int(text, 0)"),
        says="the client sent '0x10' and expected to be closed with 4000, but got an answer, 'In a year you will be "
        "17.'.",
    ),
    "commas are left out": changed(
        ("int(text)", "int(text.replace(',', ''))"),
        says="the client sent '1,000' and expected to be closed with 4000, but got an answer, 'In a year you will be "
        "1001.'.",
    ),
    "a whole number as float() reads it": changed(
        before(NUMBER, "if not float(text).is_integer():\n    raise ValueError"),
        ("int(text)", "int(float(text))"),
        says="the client sent '4.0' and expected to be closed with 4000, but got an answer, 'In a year you will be "
        "5.'.",
    ),
    "long texts are no numbers": changed(
        before(NUMBER, "if len(text) > 50:\n    raise ValueError"),
        says="but the connection ended first, with code 4000. int() takes '1111",
    ),
    "a return is missing after the refusal": whole(
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            if not text.strip().lstrip("+-").replace("_", "").isdecimal():
                await websocket.close(4000, f"not a number: {text[:27]}")
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        says="the clients got what they should, but the endpoint raised ValueError: invalid literal for int() with "
        "base 10: 'ten' (it had closed before: is a `return` missing after its close()?).",
    ),
    "every error is answered with 4000": whole(
        """
        await websocket.accept()
        text = ""
        try:
            text = await websocket.receive_text()
            await websocket.send_text(f"In a year you will be {int(text) + 1}.")
            await websocket.close()
        except WebSocketDisconnect:
            pass
        except Exception:
            await websocket.close(4000, f"not a number: {text[:27]}")
        """,
        says="it was neither raised nor logged.",
    ),
    "a refusal outside of the try": whole(
        """
        await websocket.accept()
        try:
            text = await websocket.receive_text()
            try:
                number = int(text)
            except ValueError:
                number = None
            else:
                await websocket.send_text(f"In a year you will be {number + 1}.")
                await websocket.close()
        except WebSocketDisconnect:
            return
        if number is None:
            await websocket.close(4000, f"not a number: {text[:27]}")
        """,
        says="a client sent 'ten' and left at once, and the endpoint raised WebSocketDisconnect(1006) (its close() "
        "found nobody there). Whoever is to be closed may be gone: let each close() stand in the `try` that expects "
        "WebSocketDisconnect.",
    ),
    "close() in the finally": changed(
        after(
            "except WebSocketDisconnect:\n    pass  # the client has left, and there is nothing to clean up",
            "finally:\n    await websocket.close()",
        ),
        says="is it still in a loop? Or does a send or close() stand in or below the `except`, or in a `finally`?",
    ),
    "very long texts are too big": changed(
        before("try:\n    number", 'if len(text) > 1000:\n    await websocket.close(1009, "too long")\n    return'),
        says="the client sent 50000 times 'x' and expected to be closed with 4000, but the connection ended with "
        "code 1009.",
    ),
    "more than 100 digits are no number": changed(
        before(NUMBER, "if len(text) > 100:\n    raise ValueError"),
        says="but the connection ended first, with code 4000. int() takes '1111",
    ),
    "digits in ASCII alone": changed(
        before("app =", "import re"),
        before(NUMBER, r'if not re.fullmatch(r"\s*[+-]?[0-9]+(_[0-9]+)*\s*", text):' "\n    raise ValueError"),
        says="the client sent '٤٢' and expected 'In a year you will be 43.', but the connection ended first, with "
        "code 4000. int() takes '٤٢'.",
    ),
    "an accent and its letter become one": changed(
        before("app =", "import unicodedata"),
        ("text[:27]", "unicodedata.normalize('NFC', text)[:27]"),
        says=r"the reason was 'not a number: caf\xe9\x00' instead of 'not a number: cafe\u0301\x00'.",
    ),
    "what nobody sees is left out": changed(
        ("text[:27]", "text[:27].strip(chr(0))"), says=r"the reason was 'not a number: cafe\u0301' instead of"
    ),
    "a ValueError of the receive is the client's": whole(
        """
        await websocket.accept()
        text = ""
        try:
            try:
                text = await websocket.receive_text()
                number = int(text)
            except ValueError:
                await websocket.close(4000, f"not a number: {text[:27]}")
            else:
                await websocket.send_text(f"In a year you will be {number + 1}.")
                await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        says="the check let a ValueError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "a ValueError of the send is the client's": changed(
        (f"else:\n    {ANSWER}\n    await websocket.close()", ""),
        (NUMBER, f"{NUMBER}\n{ANSWER}\nawait websocket.close()"),
        says="And a ValueError is the client's where int() raises it: catch it around that line alone.",
    ),
    "a KeyError is bytes, wherever it comes from": changed(
        before("except WebSocketDisconnect:", 'except KeyError:\n    await websocket.close(1003, "text, please")'),
        says="the check let a KeyError happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "any error of the answer is a client that has left": changed(
        (
            f"{ANSWER}\nawait websocket.close()",
            f"try:\n    {ANSWER}\n    await websocket.close()\nexcept Exception:\n    pass",
        ),
        says="the check let an error happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "whoever is silent is put out": changed(
        (
            "text = await websocket.receive_text()",
            "async with asyncio.timeout(10):\n    text = await websocket.receive_text()",
        ),
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, TimeoutError):"),
        says="a client had been silent for an hour. Then the client sent '42' and expected",
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
    "0 is taken for no number": whole(
        """
        def whole_number(text):
            try:
                return int(text)
            except ValueError:
                return None

        await websocket.accept()
        try:
            text = await websocket.receive_text()
            if number := whole_number(text):
                await websocket.send_text(f"In a year you will be {number + 1}.")
                await websocket.close()
            else:
                await websocket.close(4000, f"not a number: {text[:27]}")
        except WebSocketDisconnect:
            pass
        """,
        says="the client sent '0' and expected 'In a year you will be 1.', but the connection ended first, with code "
        "4000. int() takes '0'.",
    ),
    "without the spaces in it": changed(
        (NUMBER, 'number = int(text.replace(" ", ""))'),
        says="the client sent '1 000' and expected to be closed with 4000, but got an answer, 'In a year you will be "
        "1001.'. Let int() decide about the text as it came.",
    ),
    "no zeros before a number": changed(
        (NUMBER, 'number = int(text if text == "0" or not text.startswith("0") else "no")'),
        says="the client sent '007' and expected 'In a year you will be 8.', but the connection ended first",
    ),
    "without its underscores": changed(
        (NUMBER, 'number = int(text.replace("_", ""))'),
        says="the client sent '_1' and expected to be closed with 4000, but got an answer",
    ),
    "quit ends it": changed(
        after(
            "text = await websocket.receive_text()",
            'if text in ("exit", "quit"):\n    await websocket.close()\n    return',
        ),
        says="the client sent 'exit' and expected to be closed with 4000, but the connection ended with code 1000.",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not served: the handshake for /age was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "escaped as for HTML": changed(
        before("app =", "from html import escape"),
        ("{text[:27]}", "{escape(text[:20])[:27]}"),
        says="the client sent '<b>5</b> & 6', and the reason was 'not a number: &lt;b&gt;5&lt;/b&gt; &amp; ' instead "
        "of",
    ),
    "cut character by character, from the whole text": changed(
        (
            'await websocket.close(4000, f"not a number: {text[:27]}")',
            """
            reason = f"not a number: {text}"
            while len(reason.encode()) > 123:
                reason = reason[:-1]
            await websocket.close(4000, reason)
            """,
        ),
        says="the client sent a text of 2,000,000 characters, and the event loop is blocked in age(), line ",
    ),
    "a part of a character becomes another one": changed(
        (REASON, 'f"not a number: {text}".encode()[:120].decode(errors="replace")'),
        says="What stands at its end is no character of the text: bytes have been cut in the middle of one.",
    ),
    "a part of a character is written as a number": changed(
        (REASON, 'f"not a number: {text}".encode()[:105].decode(errors="backslashreplace")'),
        says="What stands at its end is no character of the text: bytes have been cut in the middle of one.",
    ),
}

RIGHT = {
    "cut character by character": changed(
        (
            'await websocket.close(4000, f"not a number: {text[:27]}")',
            """
            reason = f"not a number: {text[:123]}"
            while len(reason.encode()) > 123:
                reason = reason[:-1]
            await websocket.close(4000, reason)
            """,
        )
    ),
    "a WebSocketException with the reason's bytes counted": whole("""
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
        """),
    "an exception handler": whole("""
        from contextlib import suppress

        class NotANumber(Exception):
            pass

        app = FastAPI()

        @app.exception_handler(NotANumber)
        async def refuse(websocket: WebSocket, error: NotANumber):
            reason = f"not a number: {error}"
            while len(reason.encode()) > 123:
                reason = reason[:-1]
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(4000, reason)

        def number_of(text: str) -> int:
            try:
                return int(text)
            except ValueError:
                raise NotANumber(text[:123]) from None

        @app.websocket("/age")
        async def age(websocket: WebSocket):
            await websocket.accept()
            with suppress(WebSocketDisconnect):
                text = await websocket.receive_text()
                await websocket.send_text(f"In a year you will be {number_of(text) + 1}.")
                await websocket.close()
        """),
    "whoever sends bytes is closed with 1003": changed(
        (
            "text = await websocket.receive_text()",
            """
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003, "text, please")
                return
            """,
        )
    ),
    "closed in a finally, where nobody has closed": whole("""
        from fastapi.websockets import WebSocketState

        app = FastAPI()

        @app.websocket("/age")
        async def age(websocket: WebSocket):
            await websocket.accept()
            try:
                text = await websocket.receive_text()
                try:
                    number = int(text)
                except ValueError:
                    await websocket.close(4000, f"not a number: {text[:24]}{'…' if len(text) > 24 else ''}")
                else:
                    await websocket.send_text(f"In a year you will be {number + 1}.")
            except WebSocketDisconnect:
                pass
            finally:
                if WebSocketState.DISCONNECTED not in (websocket.client_state, websocket.application_state):
                    await websocket.close()
        """),
}
