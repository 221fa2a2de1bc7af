"""The endpoint of the lesson closing-too-early: right, or wrong in many ways, each for the test that must find it."""

import asyncio
import math

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

# What is wrong; the test that must find it; and what that test may lack.
(
    ECHOES,
    REPEATED,
    ENDS,
    WORDS,
    RESETS,
    NO_TOTAL,
    TOTAL,
    NO_CLOSE,
    CODE,
    NO_REASON,
    SHARED,
    LEFT_OVER,
    ESCAPES,
    LOST,
) = BUGS = {
    "that answers each number with itself": (
        "test_sums",
        "One number alone is its own sum. Is each answer compared, by an `assert`?",
    ),
    "that loses a number which is the same as the one before": ("test_sums", "Send the same number twice."),
    "that is cut off by what is not a number": ("test_no_number", "What comes after `not a number`?"),
    "that answers `no number` to what is none": ("test_no_number", "Is the whole answer compared?"),
    "whose sum is 0 again after `not a number`": ("test_no_number", "Is there a sum before it, and a number after it?"),
    "that closes without sending the total": ("test_done", "Is the total read, and compared?"),
    "whose total is one too many": ("test_done", "Is the total compared?"),
    "that sends the total and returns without close(), which is 1006": (
        "test_done",
        "Wait until the connection is closed, and look at the code: `ws.close_code`.",
    ),
    "that closes with 1011, and the reason": ("test_done", "Is `ws.close_code` compared?"),
    "that closes with 1000, and without the reason": ("test_done", "What is `ws.close_reason`?"),
    "that has one sum for all clients who are there": ("test_own_sums", "Two clients are there at the same time."),
    "whose new client starts with the sum of the one who has left": (
        "test_own_sums",
        "One client comes when another has gone.",
    ),
    "that raises WebSocketDisconnect when a client closes, and bears it when a connection is lost": (
        "test_leaving",
        "No client sees that. On the server's side, `str(await server.conversation())` has `endpoint raised`. And "
        "`ws.close()` closes, but not behind `done`: by then, the endpoint has ended.",
    ),
    "that raises WebSocketDisconnect when a connection is lost, and bears a close()": (
        "test_leaving",
        "`ws.transport.abort()` loses it.",
    ),
}
NAMES = list(dict.fromkeys(name for name, _ in BUGS.values()))


def tally_app(bug: str = "", late: float = 0.0, answers: float = math.inf) -> FastAPI:
    """The endpoint of the lesson closing-too-early, with one of the `BUGS`, or none; `late` seconds before it sends.

    So many of its clients are answered; those who come after them are heard, and told nothing.
    """
    app = FastAPI()
    here: set[WebSocket] = set()
    left_over = of_all = 0

    @app.websocket("/tally")
    async def tally(websocket: WebSocket):
        nonlocal left_over, of_all, answers

        async def answer(text: str):
            await asyncio.sleep(late)
            await websocket.send_text(text)

        await websocket.accept()
        answers -= 1
        if answers < 0:
            async for _ in websocket.iter_text():
                pass
            return
        of_all = of_all if here else 0
        here.add(websocket)
        total, before = (left_over if bug == LEFT_OVER else 0), ""
        try:
            while (text := await websocket.receive_text()) != "done":
                try:
                    number = int(text)
                except ValueError:
                    if bug == ENDS:
                        raise
                    total = 0 if bug == RESETS else total
                    await answer("no number" if bug == WORDS else "not a number")
                    continue
                if bug == REPEATED and text == before:
                    continue
                total = number if bug == ECHOES else total + number
                of_all, before = of_all + number, text
                await answer(str(of_all if bug == SHARED else total))
            if bug != NO_TOTAL:
                await answer(f"total: {(of_all if bug == SHARED else total) + (bug == TOTAL)}")
            if bug != NO_CLOSE:
                await asyncio.sleep(late)
                await websocket.close(1011 if bug == CODE else 1000, "" if bug == NO_REASON else "done")
        except WebSocketDisconnect as left:
            if bug == (LOST if left.code == 1005 else ESCAPES):
                raise
        finally:
            here.remove(websocket)
            left_over = total

    return app
