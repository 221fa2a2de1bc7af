"""Answers to the exercise of closing-too-early."""

HEAD = """
app = FastAPI()
everybodys = 0

@app.websocket("/tally")
async def tally(websocket: WebSocket):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "closes after the first answer",
        """
        await websocket.accept()
        total = 0
        text = await websocket.receive_text()
        total += int(text)
        await websocket.send_text(str(total))
        await websocket.close(1000, "done")
        """,
        "the client sent '40' and expected '42', but the connection ended first, with code 1000. "
        "Is the loop there, and does only `done` end it?",
    ),
    (
        "done, or nearly",
        """
        await websocket.accept()
        total = 0
        try:
            while True:
                text = await websocket.receive_text()
                if text.strip().lower() == "done":
                    break
                try:
                    total += int(text)
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'DONE' and expected 'not a number', but got 'total: 23'. The end is exactly `done`.",
    ),
    (
        "numbers as Python writes them",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    total += int(text, 0)
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '0x10' and expected 'not a number', but got '29'.",
    ),
    (
        "close() inside the loop",
        """
        await websocket.accept()
        total = 0
        try:
            while True:
                total += int(await websocket.receive_text())
                await websocket.send_text(str(total))
                await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "but the connection ended first, with code 1000. On the server, the endpoint raised WebSocketDisconnected: "
        'WebSocket is not connected. Need to call "accept" first.',
    ),
    (
        "returns without close",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                total += int(text)
                await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
        except WebSocketDisconnect:
            pass
        """,
        "after the answer the connection ended with code 1006, cut off without close(), not with 1000.",
    ),
    (
        "closes before the last words",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                total += int(text)
                await websocket.send_text(str(total))
            await websocket.close(1000, "done")
            await websocket.send_text(f"total: {total}")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'done' and expected 'total: -8', but the connection ended first, with code 1000. "
        "On the server, the endpoint raised WebSocketDisconnected: "
        'Cannot call "send" once a close message has been sent.',
    ),
    (
        "the last words are the reason",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                total += int(text)
                await websocket.send_text(str(total))
            await websocket.close(1000, f"total: {total}")
        except WebSocketDisconnect:
            pass
        """,
        "expected 'total: -8', but the connection ended first, with code 1000. The last words come before close().",
    ),
    (
        "goes on after close()",
        """
        await websocket.accept()
        total = 0
        try:
            while True:
                text = await websocket.receive_text()
                if text == "done":
                    await websocket.send_text(f"total: {total}")
                    await websocket.close(1000, "done")
                else:
                    try:
                        total += int(text)
                        await websocket.send_text(str(total))
                    except ValueError:
                        await websocket.send_text("not a number")
        except WebSocketDisconnect:
            pass
        """,
        'the endpoint raised WebSocketDisconnected: WebSocket is not connected. Need to call "accept" first. '
        "Something goes on after the connection has ended: is a `return` missing, or is it still in a loop?",
    ),
    (
        "adds up `done`, too",
        """
        await websocket.accept()
        total = 0
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    total += int(text)
                    await websocket.send_text(str(total))
                except ValueError:
                    await websocket.send_text("not a number")
                if text == "done":
                    break
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'done' and expected 'total: -8', but got 'not a number'.",
    ),
    (
        "closes on a bad number",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    total += int(text)
                except ValueError:
                    await websocket.send_text("not a number")
                    await websocket.close(1003, "not a number")
                    return
                await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '' and expected 'not a number', but the connection ended first, with code 1003. "
        "Is the loop there, and does only `done` end it?",
    ),
    (
        "breaks on a bad number",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                total += int(text)
                await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'seven' and expected 'not a number', but the connection ended first, with code 1006, cut off "
        "without close(). On the server, the endpoint raised ValueError: invalid literal for int()",
    ),
    (
        "only digits are numbers",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                if text.isdigit():
                    total += int(text)
                    await websocket.send_text(str(total))
                else:
                    await websocket.send_text("not a number")
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '-50' and expected '-8', but got 'not a number'.",
    ),
    (
        "a bad number sets the sum back",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    total += int(text)
                    await websocket.send_text(str(total))
                except ValueError:
                    total = 0
                    await websocket.send_text("not a number")
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '1' and expected '8', but got '1'.",
    ),
    (
        "one sum for all",
        """
        global everybodys
        await websocket.accept()
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    everybodys += int(text)
                    await websocket.send_text(str(everybodys))
                except ValueError:
                    await websocket.send_text("not a number")
            await websocket.send_text(f"total: {everybodys}")
            everybodys = 0
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '10' and expected '10', but got '11'. Each client has a sum of its own",
    ),
    (
        "no reason",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                total += int(text)
                await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close()
        except WebSocketDisconnect:
            pass
        """,
        "after the total the connection was closed with the reason '', not with 'done'.",
    ),
    (
        "another code",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                total += int(text)
                await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(4000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "after the answer the connection ended with code 4000, not with 1000. "
        'End with `await websocket.close(1000, "done")`.',
    ),
    (
        "waits for the client to close",
        """
        await websocket.accept()
        total = 0
        try:
            while True:
                text = await websocket.receive_text()
                if text == "done":
                    await websocket.send_text(f"total: {total}")
                    continue
                total += int(text)
                await websocket.send_text(str(total))
        except WebSocketDisconnect:
            pass
        """,
        "after the answer the connection was still open 2 seconds later. "
        'End with `await websocket.close(1000, "done")`.',
    ),
    (
        "the disconnect is not caught",
        """
        await websocket.accept()
        total = 0
        while (text := await websocket.receive_text()) != "done":
            try:
                total += int(text)
                await websocket.send_text(str(total))
            except ValueError:
                await websocket.send_text("not a number")
        await websocket.send_text(f"total: {total}")
        await websocket.close(1000, "done")
        """,
        "when a client left, the endpoint raised WebSocketDisconnect(1000). Catch WebSocketDisconnect around the loop.",
    ),
    (
        "the last words stand outside of the try",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    total += int(text)
                    await websocket.send_text(str(total))
                except ValueError:
                    await websocket.send_text("not a number")
        except WebSocketDisconnect:
            return
        await websocket.send_text(f"total: {total}")
        await websocket.close(1000, "done")
        """,
        "when a client said 'done' and left at once, the endpoint raised WebSocketDisconnect(1006). The last words can "
        "fail: do they stand in the `try`, too?",
    ),
    (
        "says goodbye to a client that has left",
        """
        await websocket.accept()
        total = 0
        async for text in websocket.iter_text():
            if text == "done":
                break
            try:
                total += int(text)
                await websocket.send_text(str(total))
            except ValueError:
                await websocket.send_text("not a number")
        await websocket.send_text(f"total: {total}")
        await websocket.close(1000, "done")
        """,
        "when a client left, the endpoint raised WebSocketDisconnect(1006). Catch WebSocketDisconnect around the loop. "
        "This code comes from a send, which can fail, too, also below the loop.",
    ),
    (
        "a minus sign in front of digits, as often as you like",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                if text.lstrip("-").isdigit():
                    total += int(text)
                    await websocket.send_text(str(total))
                else:
                    await websocket.send_text("not a number")
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '--5' and expected 'not a number', but the connection ended first, with code 1006",
    ),
    (
        "what Unicode calls a digit",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                if text.removeprefix("-").isdigit():
                    total += int(text)
                    await websocket.send_text(str(total))
                else:
                    await websocket.send_text("not a number")
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '²' and expected 'not a number', but the connection ended first, with code 1006",
    ),
    (
        "an optional minus sign, and no plus",
        """
        import re

        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                if re.fullmatch("-?[0-9]+", text):
                    total += int(text)
                    await websocket.send_text(str(total))
                else:
                    await websocket.send_text("not a number")
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '+5' and expected '13', but got 'not a number'. int() decides what is a whole number",
    ),
    (
        "closes once more below the except",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    total += int(text)
                    await websocket.send_text(str(total))
                except ValueError:
                    await websocket.send_text("not a number")
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        await websocket.close()
        """,
        "is it still in a loop? Or does a send or close() stand below the `except`, or in a `finally`?",
    ),
    (
        "an optional sign and digits",
        """
        import re

        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    if not re.fullmatch(r"[+-]?[0-9]+", text):
                        raise ValueError
                    total += int(text)
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent ' 42 ' and expected '42', but got 'not a number'. int() decides what is a whole number",
    ),
    (
        "a whole number as float() reads it",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    if not float(text).is_integer():
                        raise ValueError
                    total += int(float(text))
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 1000 times '1' and expected the same number, but got 'not a number'.",
    ),
    (
        "a whole number as float() reads it, if it is short",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    if len(text) < 20 and float(text).is_integer():
                        total += int(float(text))
                    else:
                        total += int(text)
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '4.0' and expected 'not a number', but got",
    ),
    (
        "commas are left out",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    total += int(text.replace(",", ""))
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '1,000' and expected 'not a number', but got",
    ),
    (
        "long texts are no numbers",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    if len(text) > 18:
                        raise ValueError
                    total += int(text)
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 1000 times '1' and expected the same number, but got 'not a number'. Numbers may have 1,000 "
        "digits.",
    ),
    (
        "numbers of 64 bits",
        """
        import ctypes

        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    total = ctypes.c_longlong(total + int(text)).value
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 1000 times '1' and expected the same number, but got",
    ),
    (
        "too big is no number",
        """
        await websocket.accept()
        total = 0
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    number = int(text)
                    if abs(number) > 2**63 - 1:
                        raise ValueError
                    total += number
                except ValueError:
                    await websocket.send_text("not a number")
                else:
                    await websocket.send_text(str(total))
            await websocket.send_text(f"total: {total}")
            await websocket.close(1000, "done")
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 1000 times '1' and expected the same number, but got 'not a number'.",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
app = FastAPI()

@app.websocket("/tally")
async def tally(websocket: WebSocket):
    await websocket.accept()
    total = 0
    try:
        async for text in websocket.iter_text():
            if text == "done":
                await websocket.send_text(f"total: {total}")
                return await websocket.close(reason="done")
            try:
                number = int(text)
            except ValueError:
                await websocket.send_text("not a number")
                continue
            total += number
            await websocket.send_text(f"{total}")
    except WebSocketDisconnect:
        return
"""
