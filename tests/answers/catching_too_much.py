"""Answers to the exercise of catching-too-much."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

# Parts of the solution
DIVIDES = """
try:
    dividend, divisor = text.split("/")
    result = float(dividend) / float(divisor)
except (ValueError, ZeroDivisionError) as error:
    await websocket.send_text(f"error: {error}")
else:
    await websocket.send_text(significant(result))
"""
ANSWERS_IT = "await websocket.send_text(significant(result))"
IT_LEAVES = "except WebSocketDisconnect:\n    pass"
A_BUG = """
except Exception:
    logger.exception("/divide failed")
    with suppress(WebSocketDisconnect, RuntimeError):  # it may be over already
        await websocket.close(1011)
"""
CLOSES = """
with suppress(WebSocketDisconnect, RuntimeError):  # it may be over already
    await websocket.close(1011)
"""

CAUGHT_IN_THE_LOOP = """
await websocket.accept()
while True:
    try:
        text = await websocket.receive_text()
        try:
            dividend, divisor = text.split("/")
            result = float(dividend) / float(divisor)
        except (ValueError, ZeroDivisionError):
            await websocket.send_text("error: not a division")
        else:
            await websocket.send_text(significant(result))
    except WebSocketDisconnect:
        break
    except Exception:
        logger.exception("/divide failed")
"""
UVICORN_LOGS_IT = """
from math import floor, log10


def significant(number: float) -> str:
    return str(round(number, 2 - floor(log10(abs(number)))))


app = FastAPI()


def divided(text: str) -> float | None:
    try:
        dividend, divisor = map(float, text.split("/"))
        return dividend / divisor
    except (ValueError, ZeroDivisionError):
        return None


@app.websocket("/divide")
async def divide(websocket: WebSocket):
    await websocket.accept()
    try:
        async for text in websocket.iter_text():
            result = divided(text)
            if result is None:
                await websocket.send_text(f"error: {text!r} is not a division that I can do")
                continue
            await websocket.send_text(significant(result))
    except WebSocketDisconnect:
        return
    except Exception:
        with suppress(WebSocketDisconnect):
            await websocket.close(1011, "internal error")
        raise  # uvicorn logs it
"""

WRONG = {
    "the client's mistakes end the conversation": changed(
        (
            DIVIDES,
            """
            dividend, divisor = text.split("/")
            result = float(dividend) / float(divisor)
            await websocket.send_text(significant(result))
            """,
        ),
        says="the client sent 'x' and expected an answer that begins with 'error: ', but the connection ended first, "
        "with code 1011. The log has an error: ValueError: not enough values to unpack (expected 2, got 1), in "
        "divide(), line 20 of its cell. Mistakes of a client are answered, and the loop goes on.",
    ),
    "answered, and then closed": changed(
        after('await websocket.send_text(f"error: {error}")', "await websocket.close()\nreturn"),
        says="the client sent '12/4' and expected '3.0', but the connection ended first, with code 1000. Mistakes of "
        "a client are answered, and the loop goes on.",
    ),
    "too narrow: a division by zero is no ValueError": changed(
        ("(ValueError, ZeroDivisionError)", "ValueError"),
        says="the client sent '1/0' and expected an answer that begins with 'error: ', but the connection ended first",
    ),
    "the right errors, around too much": changed(
        (f"else:\n    {ANSWERS_IT}", ""),
        after("result = float(dividend) / float(divisor)", ANSWERS_IT),
        says="keep it out of the inner `try`.",
    ),
    "every error answered, the disconnect as well": whole(
        """
        await websocket.accept()
        while True:
            try:
                text = await websocket.receive_text()
                dividend, divisor = text.split("/")
                result = float(dividend) / float(divisor)
                await websocket.send_text(significant(result))
            except Exception as error:
                await websocket.send_text(f"error: {error}")
        """,
        says="Expect WebSocketDisconnect around the loop",
    ),
    "every error but the disconnect answered": whole(
        """
        await websocket.accept()
        while True:
            try:
                text = await websocket.receive_text()
                dividend, divisor = text.split("/")
                result = float(dividend) / float(divisor)
                await websocket.send_text(significant(result))
            except WebSocketDisconnect:
                break
            except Exception as error:
                logger.exception("/divide failed")
                await websocket.send_text(f"error: {error}")
        """,
        says="a mistake of a client is logged as an error: '/divide failed'. It is none of the server's.",
    ),
    "the bug answered in the loop": changed(
        after('logger.exception("/divide failed")', 'await websocket.send_text("the server failed")'),
        of=CAUGHT_IN_THE_LOOP,
        says="got 'the server failed'. Leave significant() as it is, and close with 1011, without an answer.",
    ),
    "errors swallowed in the loop": changed(
        ("except WebSocketDisconnect:\n    break", ""),
        ('logger.exception("/divide failed")', "pass"),
        of=CAUGHT_IN_THE_LOOP,
        says="a client had left, and the event loop is blocked in divide(), line ",
    ),
    "errors logged in the loop, and the loop goes on": changed(
        ("except WebSocketDisconnect:\n    break", ""),
        of=CAUGHT_IN_THE_LOOP,
        says="its loop goes on, and lets nobody else run. See *Swallowed in the loop*.",
    ),
    "the one bug that is known is reported, and others are hidden": changed(
        after(A_BUG, "except Exception:\n    pass"),
        ("except Exception:\n    logger", "except ValueError:\n    logger"),
        says="the client sent '1e999/1', which makes significant() fail, and the connection ended with code 1006",
    ),
    "zero is a special case": changed(
        before(
            ANSWERS_IT,
            """
            if result == 0:
                try:
                    significant(result)
                except ValueError:
                    logger.exception("/divide failed")
                    with suppress(WebSocketDisconnect):
                        await websocket.close(1011)
                    return
            """,
        ),
        (A_BUG, ""),
        says="the client sent '1e999/1', which makes significant() fail, and the connection ended with code 1006",
    ),
    "the cure, around repaired mistakes": changed(
        (IT_LEAVES, ""),
        (A_BUG, "except Exception:\n    await websocket.close()"),
        says="when a client had left, the endpoint raised WebSocketDisconnect(1006) (its close() found nobody there). "
        "When the client has gone, there is nothing to close",
    ),
    "close() in a finally block": changed(
        (CLOSES, ""),
        after('except Exception:\n    logger.exception("/divide failed")', "finally:\n    await websocket.close(1011)"),
        says="when a client had left, the endpoint raised WebSocketDisconnect(1006) (its close() found nobody there). "
        "When the client has gone, there is nothing to close",
    ),
    "the excepts in the wrong order": changed(
        (IT_LEAVES, ""),
        after(A_BUG, IT_LEAVES),
        says="a client that leaves is logged as an error: '/divide failed', with WebSocketDisconnect. Of several "
        "`except`, Python takes the first that fits: the one for WebSocketDisconnect should come first.",
    ),
    "the bug is not caught": changed(
        (A_BUG, ""),
        says="the connection ended with code 1006, cut off without close(), not with 1011: the client does not learn "
        "that the server failed. On the server, the endpoint raised ValueError",
    ),
    "logged, and closed as if all were well": changed(
        ("close(1011)", "close()"), says="the connection ended with code 1000, not with 1011"
    ),
    "closed with 1011, and not logged": changed(
        ('logger.exception("/divide failed")', ""),
        says="which makes significant() fail, and the log has no error about it.",
    ),
    "logged without the traceback": changed(
        ("except Exception:", "except Exception as error:"),
        ('logger.exception("/divide failed")', 'logger.error("/divide failed: %s", type(error).__name__)'),
        says="The log says '/divide failed: ValueError', but where it failed is not there: logger.exception() logs "
        "the traceback, too.",
    ),
    "mistakes logged as errors of the server": changed(
        before('await websocket.send_text(f"error: {error}")', 'logger.exception("wrong input")'),
        says="a mistake of a client is logged as an error: 'wrong input'",
    ),
    "a close() that does not expect that the client has left": changed(
        (CLOSES, "await websocket.close(1011)"),
        says="""with uvicorn's other implementation, ws="wsproto": a client sent '0/5', which makes significant() """
        "fail, and left at the same moment. Then the endpoint raised WebSocketDisconnect(1006) (its close() found "
        "nobody there): the close() of the error's block needs to expect that (a `WebSocketException` closes, too).",
    ),
    "a WebSocketException, which does not expect that the client has left": changed(
        (CLOSES, "raise WebSocketException(1011)"),
        says="the close() of the error's block needs to expect that (a `WebSocketException` closes, too).",
    ),
    "a bare except": changed(
        ("except Exception:", "except:"),
        says="it catches even CancelledError. Is there an `except` wider than `except Exception`?",
    ),
    "a cancellation swallowed in the loop": changed(
        (
            'except Exception:\n    logger.exception("/divide failed")',
            """
            except Exception:
                logger.exception("/divide failed")
                with suppress(WebSocketDisconnect):
                    await websocket.close(1011)
                break
            except BaseException:
                pass
            """,
        ),
        of=CAUGHT_IN_THE_LOOP,
        says="it catches even CancelledError.",
    ),
    "the bug repaired instead of reported": changed(
        ("abs(number)))))", 'abs(number))))) if number else "0.0"'), says="got '0.0'. Leave significant() as it is"
    ),
    "the place of the bug is left out of the log": changed(
        (
            ANSWERS_IT,
            """
            try:
                answer = significant(result)
            except Exception:
                raise RuntimeError("cannot round") from None
            await websocket.send_text(answer)
            """,
        ),
        says="but where it failed is not there: logger.exception() logs the traceback, too. (`from None`",
    ),
    "no except for the disconnect, which iter_text() only hides": changed(
        ("while True:\n    text = await websocket.receive_text()", "async for text in websocket.iter_text():"),
        (IT_LEAVES, ""),
        says="a client that leaves before its answer is logged as an error: '/divide failed', with "
        "WebSocketDisconnect. The send raises it: expect WebSocketDisconnect around the whole loop, not only where you "
        "receive.",
    ),
    "the disconnect is expected at the receive alone": changed(
        (IT_LEAVES, ""),
        (
            "text = await websocket.receive_text()",
            """
            try:
                text = await websocket.receive_text()
            except WebSocketDisconnect:
                return
            """,
        ),
        says="a client that leaves before its answer is logged as an error: '/divide failed', with "
        "WebSocketDisconnect.",
    ),
    "client_state is asked instead of an except for the disconnect": changed(
        (IT_LEAVES, ""),
        before('logger.exception("/divide failed")', 'if websocket.client_state.name != "CONNECTED":\n    return'),
        says="a client that leaves before its answer is logged as an error: '/divide failed', with "
        "WebSocketDisconnect.",
    ),
    "only 0 divides by zero": changed(
        before("result =", 'if divisor == "0":\n    raise ValueError("division by zero")'),
        ("(ValueError, ZeroDivisionError)", "ValueError"),
        says="the client sent '1/0.0' and expected an answer that begins with 'error: ', but the connection ended "
        "first, with code 1011.",
    ),
    "a pattern decides what a division is": changed(
        before("app =", "import re"),
        (
            DIVIDES,
            r"""
            match = re.fullmatch(r"(-?\d+(?:\.\d+)?)/(-?\d+(?:\.\d+)?)", text)
            if match is None or float(match[2]) == 0:
                await websocket.send_text("error: not a division")
            else:
                await websocket.send_text(significant(float(match[1]) / float(match[2])))
            """,
        ),
        says="the client sent '1e999/1', which makes significant() fail, and got 'error: not a division'. float() "
        "takes 1e999 for infinity, so this is a division.",
    ),
    "the bug is answered instead of a close": changed(
        (CLOSES, 'await websocket.send_text("error: internal error (1011)")'),
        says="and got 'error: internal error (1011)', and then the connection ended with code 1006, cut off without "
        "close(). It should be closed with 1011, without an answer: `await websocket.close(1011)`.",
    ),
    "a return in a finally": changed(
        after(A_BUG, "finally:\n    return"),
        says="it catches even CancelledError. Is there an `except` wider than `except Exception`? Or a `return` in a "
        "`finally`?",
    ),
    "the receive in the inner try, which goes on": changed(
        (DIVIDES, ANSWERS_IT),
        (
            "text = await websocket.receive_text()",
            """
            try:
                text = await websocket.receive_text()
                dividend, divisor = text.split("/")
                result = float(dividend) / float(divisor)
            except Exception as error:
                await websocket.send_text(f"error: {error}")
                continue
            """,
        ),
        says="a client sent a text that is not UTF-8, and since then the event loop is blocked",
    ),
    "the receive in the inner try, which ends when the client leaves": changed(
        (DIVIDES, ANSWERS_IT),
        (
            "text = await websocket.receive_text()",
            """
            try:
                text = await websocket.receive_text()
                dividend, divisor = text.split("/")
                result = float(dividend) / float(divisor)
            except WebSocketDisconnect:
                break
            except Exception as error:
                await websocket.send_text(f"error: {error}")
                continue
            """,
        ),
        says="unless they are logged or raised again. So does a `return` in a `finally`. In the inner `try` stands",
    ),
    "a slip": changed(
        (ANSWERS_IT, "await websocket.send_text(signifcant(result))"),
        says="the client sent '12/4' and expected '3.0', but the connection ended first, with code 1011. The log has "
        "an error: NameError: name 'signifcant' is not defined, in divide(), line 26 of its cell.",
    ),
    "a slip at the split": changed(
        ('text.split("/")', 'txt.split("/")'),
        says="with code 1011. The log has an error: NameError: name 'txt' is not defined, in divide(), line 21 of its",
    ),
    "only the errors that are known": changed(
        ("except Exception:", "except (ValueError, OverflowError):"),
        says="the client sent '7/4', at which the check let significant() raise a KeyError, and the connection ended "
        "with code 1006, cut off without close(), not with 1011",
    ),
    "a KeyError is taken for bytes, wherever it comes from": changed(
        after(
            IT_LEAVES, "except KeyError:\n    with suppress(WebSocketDisconnect):\n        await websocket.close(1003)"
        ),
        says="the client sent '7/4', at which the check let significant() raise a KeyError, and the connection ended "
        "with code 1003, not with 1011",
    ),
    "the error is the reason": changed(
        ("except Exception:", "except Exception as error:"),
        ("close(1011)", "close(1011, repr(error))"),
        says="the client sent '7/4', at which the check let significant() raise a KeyError, and the connection ended "
        "with code 1006, cut off without close(), not with 1011: the client does not learn that the server failed. On "
        "the server, the endpoint raised ProtocolError: control frame too long",
    ),
    "the receive in the inner try, with the client's errors": changed(
        (DIVIDES, ANSWERS_IT),
        (
            "text = await websocket.receive_text()",
            """
            try:
                text = await websocket.receive_text()
                dividend, divisor = text.split("/")
                result = float(dividend) / float(divisor)
            except (ValueError, ZeroDivisionError) as error:
                await websocket.send_text(f"error: {error}")
                continue
            """,
        ),
        says="the check let a ValueError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "eval()": changed(
        (
            """
            dividend, divisor = text.split("/")
            result = float(dividend) / float(divisor)
            """,
            """
            if text.count("/") != 1:
                raise ValueError("one division, please")
            result = eval(text)
            """,
        ),
        ("(ValueError, ZeroDivisionError)", "(ValueError, ZeroDivisionError, SyntaxError, NameError)"),
        says="the client sent '2+4/1' and expected an answer that begins with 'error: ', but got '6.0'.",
    ),
    "closed in the loop, which goes on": changed(
        (A_BUG, ""),
        (
            ANSWERS_IT,
            """
            try:
                answer = significant(result)
            except Exception:
                logger.exception("/divide failed")
                with suppress(WebSocketDisconnect, RuntimeError):
                    await websocket.close(1011)
            else:
                await websocket.send_text(answer)
            """,
        ),
        says="a client sent '0/5', which makes significant() fail. Then the endpoint raised WebSocketDisconnected: "
        'WebSocket is not connected. Need to call "accept" first. Something goes on after the close(): leave the loop',
    ),
    "no else below the answer to a mistake": changed(
        (f"else:\n    {ANSWERS_IT}", ANSWERS_IT),
        says="after the answer to 'x' came one more message, '3.0'.",
    ),
    "the disconnect is not expected from the answer to a mistake": changed(
        (IT_LEAVES, ""),
        (
            "text = await websocket.receive_text()",
            "try:\n    text = await websocket.receive_text()\nexcept WebSocketDisconnect:\n    return",
        ),
        (
            ANSWERS_IT,
            """
            answer = significant(result)
            try:
                await websocket.send_text(answer)
            except WebSocketDisconnect:
                return
            """,
        ),
        says="a client that leaves before the answer to its mistake is logged as an error: '/divide failed', with "
        "WebSocketDisconnect. The send raises it: expect WebSocketDisconnect around the whole loop",
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
        says="at which the check let significant() raise an error that is an OSError and more, and the connection "
        "ended "
        "with code 1006, cut off without close(), not with 1011",
    ),
    "the bug is known by its words": changed(
        (
            DIVIDES,
            """
            try:
                dividend, divisor = text.split("/")
                answer = significant(float(dividend) / float(divisor))
            except (ValueError, ZeroDivisionError) as error:
                if "math domain" in str(error):
                    raise
                await websocket.send_text(f"error: {error}")
            else:
                await websocket.send_text(answer)
            """,
        ),
        says=", and no mistake of the client",  # Python 3.14 has other words for log10(0): then it is the first bug
    ),
    "a close that finds nobody is logged as an error": changed(
        (
            CLOSES,
            """
            try:
                await websocket.close(1011)
            except (WebSocketDisconnect, RuntimeError):
                logger.exception("could not close")
            """,
        ),
        says="and left at the same moment. That close() found nobody there is logged as an error, too: 'could not "
        "close'. A client that leaves is none.",
    ),
    "a number alone is divided by 1": changed(
        ('text.split("/")', 'text.split("/") if "/" in text else (text, 1)'),
        says="the client sent '5' and expected an answer that begins with 'error: ', but got '5.0'.",
    ),
    "rounded before it is rounded": changed(
        ("result = float(dividend) / float(divisor)", "result = round(float(dividend) / float(divisor), 6)"),
        says="the client sent '1/300000' and expected '3.33e-06', but got '3e-06'.",
    ),
    "exit is the end": changed(
        after("text = await websocket.receive_text()", 'if text == "exit":\n    await websocket.close()\n    return'),
        says="the client sent 'exit' and expected an answer that begins with 'error: ', but the connection "
        "ended first, "
        "with code 1000. Mistakes of a client are answered",
    ),
    "logged as a warning": changed(
        ('logger.exception("/divide failed")', 'logger.warning("/divide failed", exc_info=True)'),
        says="the log has no error about it. It has a warning. logger.exception() puts it there.",
    ),
    "no accept": changed(
        ("await websocket.accept()", ""),
        says="the handshake for /divide was refused with HTTP 403. Is there an endpoint for that path, with "
        '`@app.websocket("/divide")` and the one parameter `websocket: WebSocket`? And does it begin with '
        "`await websocket.accept()`?",
    ),
    "what a client of websockets expects": changed(
        before("from math", "from websockets import ConnectionClosed"),
        ("except WebSocketDisconnect:", "except ConnectionClosed:"),
        says="'/divide failed', with WebSocketDisconnect. Of several `except`, Python takes the first that "
        "fits: the one for "
        "WebSocketDisconnect should come first.",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not served: the handshake for /divide was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "long texts are no division": changed(
        before(
            "try:\n    dividend", 'if len(text) > 64:\n    await websocket.send_text("error: too long")\n    continue'
        ),
        says="(204 characters) and expected '3.0', but got 'error: too long'. A division may be long.",
    ),
    "calls itself": whole(
        """
        async def go_on():
            text = await websocket.receive_text()
            try:
                dividend, divisor = text.split("/")
                result = float(dividend) / float(divisor)
            except (ValueError, ZeroDivisionError) as error:
                await websocket.send_text(f"error: {error}")
            else:
                await websocket.send_text(significant(result))
            await go_on()

        await websocket.accept()
        try:
            await go_on()
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1011)
        """,
        says="the client sent '12/4' and expected '3.0', but the connection ended first, with code 1011. The log has "
        "an "
        "error: RecursionError",
    ),
    "an empty text is passed over": changed(
        after("text = await websocket.receive_text()", "if not text:\n    continue"),
        says="but no answer came within 2 seconds. An empty text is a text, too, and no division: it is answered.",
    ),
}

RIGHT = {
    "the bug is left to uvicorn, which logs it": whole(UVICORN_LOGS_IT),
    "a traceback in the text of the log": changed(
        ("from math", "from traceback import format_exc\nfrom math"),
        ("raise  # uvicorn logs it", "logger.error(format_exc())"),
        of=UVICORN_LOGS_IT,
    ),
    "a decorator": whole(
        """
        from functools import wraps
        from math import floor, log10

        logger = logging.getLogger("uvicorn.error")


        def significant(number: float) -> str:
            return str(round(number, 2 - floor(log10(abs(number)))))


        def careful(endpoint):
            @wraps(endpoint)
            async def wrapped(websocket: WebSocket):
                await websocket.accept()
                try:
                    await endpoint(websocket)
                except WebSocketDisconnect:
                    pass
                except Exception as error:
                    logging.exception("a bug: %s", error)
                    with suppress(WebSocketDisconnect, RuntimeError):
                        await websocket.close(1011)

            return wrapped


        app = FastAPI()


        @app.websocket("/divide")
        @careful
        async def divide(websocket: WebSocket):
            while True:
                match (await websocket.receive_text()).split("/"):
                    case [first, second]:
                        try:
                            result = float(first) / float(second)
                        except (ValueError, ZeroDivisionError):
                            await websocket.send_text("error: not two numbers, or the second is 0")
                            continue
                        await websocket.send_text(significant(result))
                    case _:
                        await websocket.send_text("error: one slash, please")
        """
    ),
    "significant() in a thread": changed(
        before("app =", "import asyncio"),
        (ANSWERS_IT, "answer = await asyncio.to_thread(significant, result)\nawait websocket.send_text(answer)"),
    ),
    "errors of its own for mistakes": changed(
        before(
            "app =",
            """
            class Mistake(Exception):
                pass


            def division(text: str) -> float:
                dividend, _, divisor = text.partition("/")
                try:
                    return float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    raise Mistake(error) from error


            """,
        ),
        (
            """
            dividend, divisor = text.split("/")
            result = float(dividend) / float(divisor)
            """,
            "result = division(text)",
        ),
        ("except (ValueError, ZeroDivisionError) as error:\n    await", "except Mistake as error:\n    await"),
    ),
    "a pause before each answer": changed(
        before("app =", "import asyncio"),
        after("text = await websocket.receive_text()", "await asyncio.sleep(0.05)"),
    ),
}
