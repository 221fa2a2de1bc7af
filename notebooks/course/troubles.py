"""Trouble that no client can make, and that the checks want an endpoint to bear: bugs, a cancellation, time.

`with_troubles()` stands between the server and the app. It passes everything on, and makes trouble at some texts.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence

from course.client import WAIT, Client, NotYet, news, until, visit
from course.error_log import ErrorLog, errors_in_the_log
from wslab.loop import go_round
from wslab.server import Server


class Bug(Exception):
    """Stands for any error of the endpoint's own: nobody can have foreseen this one."""


class OfManyClasses(
    UnicodeError,
    EOFError,
    AssertionError,
    BufferError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    ReferenceError,
    ZeroDivisionError,
):
    """One bug of many classes: whichever of them an `except` names, it is met."""


class ManyErrors(ConnectionResetError, FileNotFoundError, TimeoutError, OfManyClasses):
    """And an OSError."""


class OtherErrors(AttributeError, IndexError, StopAsyncIteration, OfManyClasses):
    """The same for a send, of whose errors an OSError says that the client is gone; no class can be both.

    And here may be those of which a receive may raise one, for what bytes bring about, or an iterator at its end.
    """


class Cancelled(Exception):
    """Says that an endpoint has ended as it was told to, by a cancellation."""


UNEXPECTED = (Bug, RuntimeError, ValueError, TypeError, ManyErrors)  # receive_text() raises none, whatever is sent
ANY_BUG = (*UNEXPECTED, KeyError)  # which it raises for bytes
NO_TIMEOUT = (Bug, RuntimeError, ValueError, TypeError, FileNotFoundError)  # where a TimeoutError may be a client's
BUGS = {f"a bug of the check's: {error.__name__}": error for error in (*ANY_BUG, FileNotFoundError)}
CANCEL = "a cancellation of the check's"
BOTH_KEYS = "?keys=both"  # behind the path of an endpoint
AT_SEND = {  # there, too
    f"?bug={error.__name__}": error for error in (Bug, RuntimeError, ValueError, TypeError, KeyError, OtherErrors)
}
CALLED = {  # where its name would say nothing
    Bug: "an error",
    ManyErrors: "an error that is an OSError and more",
    OtherErrors: "an error that is an AttributeError and more",
}
WORDY = (
    "a bug of the check's, and its text is longer than the reason of a close can be, for which a close frame has room "
    "for no more than 123 bytes"
)
HIDDEN = (
    "What is caught where a client leaves is `WebSocketDisconnect` alone: `except:`, `except Exception` and others "
    "beside it hide your own errors, too, unless they are logged or raised again. So does a `return` in a `finally`."
)
ITS_LINE = f"{HIDDEN} And a ValueError is the client's where int() raises it: catch it around that line alone."

MANY_TURNS = 1000  # of an event loop, in which whatever is under way comes to its end
SPINS = (
    "Something asks again and again, as with `await asyncio.sleep(0)` in a loop: that takes a whole processor. Wait "
    "for an event, a queue or a message instead."
)

FEW = 20  # questions, where each takes its time

UNSEEN = "A task's error is seen by nobody, unless somebody awaits that task."
SWALLOWED = ""
if sys.version_info < (3, 12):  # https://github.com/python/cpython/issues/86296
    SWALLOWED = " (And `wait_for()` may swallow a cancellation there, on Python 3.11; `timeout()` does not.)"
    UNSEEN += SWALLOWED


def with_troubles(app):
    """The app. But where an endpoint receives a text of `BUGS`, that error is raised; at `CANCEL` it is cancelled.

    With `BOTH_KEYS` in its address, messages have both `text` and `bytes`, one of them None, which ASGI permits
    (https://asgi.readthedocs.io/en/stable/specs/www.html#websocket). With one of `AT_SEND`, its first send of a message
    raises that error.
    """

    async def troubled_app(scope, receive, send):
        endpoint = asyncio.current_task()
        is_cancelled = False
        query = "?" + scope.get("query_string", b"").decode("latin-1")
        bug = AT_SEND.get(query)

        async def receive_trouble():
            nonlocal is_cancelled
            message = await receive()
            text = message.get("text")
            if message["type"] == "websocket.receive" and query == BOTH_KEYS:
                message = {"text": None, "bytes": None, **message}
            if text in BUGS:
                raise BUGS[text](WORDY)
            if text == CANCEL:
                is_cancelled = endpoint.cancel()
                await asyncio.sleep(0)  # here it is cancelled, unless another task receives for it
            return message

        async def send_trouble(message):
            nonlocal bug
            if bug and message["type"] == "websocket.send":
                error, bug = bug, None
                raise error(WORDY)
            await send(message)

        try:
            await app(scope, receive_trouble, send_trouble)
        except asyncio.CancelledError:
            if not is_cancelled:
                raise
            raise Cancelled from None

    return troubled_app


async def lets_bugs_show(
    server: Server,
    path: str,
    errors=(Bug, RuntimeError),
    hint: str = HIDDEN,
    says: Sequence[str | bytes] = (),
    goes_on: bool = True,
    bears_a_long_text: bool = False,
    spares: Sequence[type[Exception]] = (),
) -> str:
    """A step: `errors` of the endpoint's own must be raised, so that uvicorn logs them, or be logged.

    They happen where it receives its first message. If a client `says` something that is answered, they happen where it
    sends the answer, too, a KeyError among them: around a receive, that may be expected, for what bytes bring about.
    And, if the endpoint goes on then, where it receives once more. No send raises what is in `spares`, since it may
    mean there that the client has gone. Their text is a long one: if the endpoint
    `bears_a_long_text`, no close() may fail for it.
    """
    texts = [text for text, error in BUGS.items() if error in errors]
    troubles = [(path, [text], BUGS[text], "receives") for text in texts]
    if says and goes_on:
        troubles += [(path, [says[0], text], BUGS[text], "receives once more") for text in texts]
    at_sends = {at: error for at, error in AT_SEND.items() if not issubclass(error, tuple(spares))}
    troubles += [(path + at, [said], error, "sends") for said in says for at, error in at_sends.items()]
    for address, messages, error, where in troubles:
        await lets_a_bug_show(server, address, messages, error, f"where the endpoint {where}", hint, bears_a_long_text)
    return "an error of its own shows"


async def lets_a_bug_show(
    server: Server,
    path: str,
    says: Sequence[str | bytes],
    error: type[Exception],
    where: str,
    hint: str,
    bears_a_long_text: bool = False,
) -> None:
    """The error must show that happens at one of the messages that a client `says`."""
    with errors_in_the_log(collects=False) as log:
        async with visit(server, path) as client:
            for message in says:
                await client.say(message)
            await until(lambda: log.records or client.ws.close_code is not None, server=server)
            closed = client.ws.close_code is not None
        events = await news(server)  # its endpoint has ended, or should have
    name = CALLED.get(error, f"a {error.__name__}")
    if bears_a_long_text and log.has_another("ProtocolError"):
        raise NotYet(
            f"the check let {name} happen {where}, with a long text, and the close() for it raised one more error: a "
            "reason has room for 123 bytes."
        )
    log.expect_more_than_a_group(f"the check let {name} happen {where}, and")
    if log.records:
        return
    if any(event.text.startswith("endpoint is still running") for event in events):
        hint = f"Something of the endpoint goes on. {UNSEEN}"
    elif not closed:  # it went on, or it was another task of it that failed
        hint = f"{hint} Or is it a task's? {UNSEEN}"
    raise NotYet(f"the check let {name} happen {where}, as a bug would, and {unseen(log)}. {hint}")


def unseen(log: ErrorLog) -> str:
    """Of an error that is not in the log as one: what became of it, for a sentence."""
    if any(record.exc_info for record in log.warnings):
        return "it did not show as an error: it was logged as a warning"
    return "it showed nowhere: it was neither raised nor logged"


async def ends_when_cancelled(server: Server, path: str) -> str:
    """A step: an endpoint that is cancelled while it receives must end as cancelled."""
    async with visit(server, path) as client:
        await client.say(CANCEL)
        await client.caught_up()  # it has what was sent
    if "endpoint raised Cancelled" not in [event.text for event in await news(server)]:
        raise NotYet(
            "when it is cancelled, as by a timeout, the endpoint does not stop: it catches even CancelledError. Is "
            f"there an `except` wider than `except Exception`? Or a `return` in a `finally`?{SWALLOWED}"
        )
    return "it ends when it is cancelled"


async def expect_rest(server: Server, when: str) -> None:
    """While nobody says anything, the server's event loop has nothing to do; `when` says in words when that is.

    What asks again and again, with `await asyncio.sleep(0)`, leaves the loop something to do in each of its turns.
    """

    async def never_rests() -> bool:
        ready = getattr(asyncio.get_running_loop(), "_ready", ())  # another loop does not tell
        for _ in range(MANY_TURNS):
            await asyncio.sleep(0)
            if not ready:
                return False
        return True

    if await server.thread.run(never_rests(), 5 * WAIT):
        raise NotYet(f"{when}, the event loop never comes to rest. {SPINS}")


@contextlib.asynccontextmanager
async def time_stands_still(server: Server) -> AsyncIterator[None]:
    """Meanwhile, the clock of the server's event loop does not go on: whoever sleeps there does not wake up."""

    def stop():
        loop = asyncio.get_running_loop()
        now, clock = loop.time(), loop.time
        loop.time = lambda: now
        return lambda: setattr(loop, "time", clock)

    go_on = await server.on_loop(stop)
    try:
        yield
    finally:
        await server.on_loop(go_on)


@contextlib.asynccontextmanager
async def threads_stand_still(server: Server) -> AsyncIterator[None]:
    """Meanwhile, what the server's event loop hands to a thread is not begun."""

    def stop():
        loop, goes_on = asyncio.get_running_loop(), asyncio.Event()
        run = loop.run_in_executor

        async def later(*call):
            await goes_on.wait()
            return await run(*call)

        def go_on():
            del loop.run_in_executor
            goes_on.set()

        loop.run_in_executor = lambda *call: loop.create_task(later(*call))
        return go_on

    go_on = await server.on_loop(stop)
    try:
        yield
    finally:
        await server.on_loop(go_on)


async def how_many(server: Server, client: Client, text: str, answer: str, many: int) -> int:
    """So `many` questions can be asked; or, if this client has to wait for its answer to `text`, a few.

    To pause before each answer, in a sleep or a thread, is no fault, and very many of them would take minutes.
    """
    async with time_stands_still(server), threads_stand_still(server):
        await client.say(text)
        await client.caught_up()
        await server.thread.run(go_round(), WAIT)
        await client.caught_up()  # now an answer has come that waits for nothing
        at_once = await client.unread()
    if at_once is None:
        await client.expect(answer)
        return min(many, FEW)
    return many
