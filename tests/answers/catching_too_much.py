"""Answers to the exercise of catching-too-much."""

HEAD = """
from math import floor, log10

logger = logging.getLogger("uvicorn.error")


def significant(number: float) -> str:
    return str(round(number, 2 - floor(log10(abs(number)))))


app = FastAPI()


@app.websocket("/divide")
async def divide(websocket: WebSocket):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "the client's mistakes end the conversation",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                dividend, divisor = text.split("/")
                result = float(dividend) / float(divisor)
                await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        """,
        "the client sent 'x' and expected an answer that begins with 'error: ', but the connection ended first, "
        "with code 1011. Mistakes of a client are answered, and the loop goes on.",
    ),
    (
        "answered, and then closed",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                    await websocket.close()
                    return
                await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '12/4' and expected '3.0', but the connection ended first, with code 1000. "
        "Mistakes of a client are answered, and the loop goes on.",
    ),
    (
        "too narrow: a division by zero is no ValueError",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except ValueError as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        """,
        "the client sent '1/0' and expected an answer that begins with 'error: ', but the connection ended first",
    ),
    (
        "the right errors, around too much",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                    await websocket.send_text(significant(result))
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        """,
        "keep it out of the inner `try`.",
    ),
    (
        "every error answered, the disconnect as well",
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
        "Expect WebSocketDisconnect around the loop",
    ),
    (
        "every error but the disconnect answered",
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
        "a mistake of a client is logged as an error: '/divide failed'. It is none of the server's.",
    ),
    (
        "the bug answered in the loop",
        """
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
                await websocket.send_text("the server failed")
        """,
        "got 'the server failed'. Leave significant() as it is, and close with 1011, without an answer.",
    ),
    (
        "errors swallowed in the loop",
        """
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
            except Exception:
                pass
        """,
        "a client had left, and the event loop is blocked in divide(), line ",
    ),
    (
        "errors logged in the loop, and the loop goes on",
        """
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
            except Exception:
                logger.exception("/divide failed")
        """,
        "its loop goes on, and lets nobody else run. See *Swallowed in the loop*.",
    ),
    (
        "the one bug that is known is reported, and others are hidden",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except ValueError:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1011)
        except Exception:
            pass
        """,
        "the client sent '1e999/1', which makes significant() fail, and the connection ended with code 1006",
    ),
    (
        "zero is a special case",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                    continue
                if result == 0:
                    try:
                        significant(result)
                    except ValueError:
                        logger.exception("/divide failed")
                        with suppress(WebSocketDisconnect):
                            await websocket.close(1011)
                        return
                await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        """,
        "the client sent '1e999/1', which makes significant() fail, and the connection ended with code 1006",
    ),
    (
        "the cure, around repaired mistakes",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except Exception:
            await websocket.close()
        """,
        "when a client had left, the endpoint raised WebSocketDisconnect(1006). "
        "Expect WebSocketDisconnect around the loop, and do not close() then.",
    ),
    (
        "close() in a finally block",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
        finally:
            await websocket.close(1011)
        """,
        "when a client had left, the endpoint raised WebSocketDisconnect(1006).",
    ),
    (
        "the excepts in the wrong order",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        except WebSocketDisconnect:
            pass
        """,
        "a client that leaves is logged as an error: '/divide failed', with WebSocketDisconnect. "
        "Of several `except`, Python takes the first that fits.",
    ),
    (
        "the bug is not caught",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        """,
        "the connection ended with code 1006, cut off without close(), not with 1011: "
        "the client does not learn that the server failed. On the server, the endpoint raised ValueError",
    ),
    (
        "logged, and closed as if all were well",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect):
                await websocket.close()
        """,
        "the connection ended with code 1000, not with 1011",
    ),
    (
        "closed with 1011, and not logged",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        """,
        "which makes significant() fail, and the log has no error about it.",
    ),
    (
        "logged without the traceback",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception as error:
            logger.error("/divide failed: %s", type(error).__name__)
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        """,
        "The log says '/divide failed: ValueError', but where it failed is not there: "
        "logger.exception() logs the traceback, too.",
    ),
    (
        "mistakes logged as errors of the server",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    logger.exception("wrong input")
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        """,
        "a mistake of a client is logged as an error: 'wrong input'",
    ),
    (
        "a close() that does not expect that the client has left",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            await websocket.close(1011)
        """,
        "with uvicorn's other implementation, ws=\"wsproto\": a client sent '0/5', which makes significant() fail, "
        "and left at the same moment. Then the endpoint raised WebSocketDisconnect(1006): the close() of the error's "
        "block needs to expect that (a `WebSocketException` closes, too).",
    ),
    (
        "a WebSocketException, which does not expect that the client has left",
        """
        from fastapi import WebSocketException

        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            raise WebSocketException(1011)
        """,
        "the close() of the error's block needs to expect that (a `WebSocketException` closes, too).",
    ),
    (
        "a bare except",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        """,
        "it catches even CancelledError. Is there an `except` wider than `except Exception`?",
    ),
    (
        "a cancellation swallowed in the loop",
        """
        await websocket.accept()
        while True:
            try:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
            except WebSocketDisconnect:
                break
            except Exception:
                logger.exception("/divide failed")
                with suppress(WebSocketDisconnect):
                    await websocket.close(1011)
                break
            except BaseException:
                pass
        """,
        "it catches even CancelledError.",
    ),
    (
        "the bug repaired instead of reported",
        """
        def significant(number):
            return str(round(number, 2 - floor(log10(abs(number))))) if number else "0.0"

        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        """,
        "got '0.0'. Leave significant() as it is",
    ),
    (
        "the place of the bug is left out of the log",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                    continue
                try:
                    answer = significant(result)
                except Exception:
                    raise RuntimeError("cannot round") from None
                await websocket.send_text(answer)
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect):
                await websocket.close(1011)
        """,
        "but where it failed is not there: logger.exception() logs the traceback, too. (`from None`",
    ),
    (
        "no except for the disconnect, which iter_text() only hides",
        """
        await websocket.accept()
        try:
            async for text in websocket.iter_text():
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1011)
        """,
        "a client that leaves before its answer is logged as an error: '/divide failed', with WebSocketDisconnect. "
        "The send raises it: expect WebSocketDisconnect around the whole loop, not only where you receive.",
    ),
    (
        "the disconnect is expected at the receive alone",
        """
        await websocket.accept()
        try:
            while True:
                try:
                    text = await websocket.receive_text()
                except WebSocketDisconnect:
                    return
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1011)
        """,
        "a client that leaves before its answer is logged as an error: '/divide failed', with WebSocketDisconnect.",
    ),
    (
        "client_state is asked instead of an except for the disconnect",
        """
        from starlette.websockets import WebSocketState

        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except Exception:
            if websocket.client_state == WebSocketState.CONNECTED:
                logger.exception("/divide failed")
                with suppress(WebSocketDisconnect, RuntimeError):
                    await websocket.close(1011)
        """,
        "a client that leaves before its answer is logged as an error: '/divide failed', with WebSocketDisconnect.",
    ),
    (
        "only 0 divides by zero",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    if divisor == "0":
                        raise ValueError("division by zero")
                    result = float(dividend) / float(divisor)
                except ValueError as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1011)
        """,
        "the client sent '1/0.0' and expected an answer that begins with 'error: ', but the connection ended first, "
        "with code 1011.",
    ),
    (
        "a pattern decides what a division is",
        r"""
        import re
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                match = re.fullmatch(r"(-?\d+(?:\.\d+)?)/(-?\d+(?:\.\d+)?)", text)
                if match is None or float(match[2]) == 0:
                    await websocket.send_text("error: not a division")
                    continue
                await websocket.send_text(significant(float(match[1]) / float(match[2])))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1011)
        """,
        "the client sent '1e999/1', which makes significant() fail, and got 'error: not a division'. float() takes "
        "1e999 for infinity, so this is a division.",
    ),
    (
        "the bug is answered instead of a close",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            await websocket.send_text("error: internal error (1011)")
        """,
        "and got 'error: internal error (1011)', and then the connection ended with code 1006, cut off without "
        "close(). It should be closed with 1011, without an answer: `await websocket.close(1011)`.",
    ),
    (
        "a return in a finally",
        """
        await websocket.accept()
        try:
            while True:
                text = await websocket.receive_text()
                try:
                    dividend, divisor = text.split("/")
                    result = float(dividend) / float(divisor)
                except (ValueError, ZeroDivisionError) as error:
                    await websocket.send_text(f"error: {error}")
                else:
                    await websocket.send_text(significant(result))
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("/divide failed")
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(1011)
        finally:
            return
        """,
        "it catches even CancelledError. Is there an `except` wider than `except Exception`? Or a `return` in a "
        "`finally`?",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
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
