"""Answers to the exercise of watching-it."""

from tests.answers import after, before, changed, whole

INC = "accepted = True\nself.open.inc()"
FINALLY = """
finally:
    if accepted:
        self.open.dec()
        self.ended.labels(*(end or ("returned", ""))).inc()
"""
ID = 'connection.set(f"A-{next(numbers)}")\n'

A_CLASS = """
connection: ContextVar[str] = ContextVar("connection", default="-")


class One:
    def __init__(self, watch, receive, send):
        self.watch, self.plain_receive, self.plain_send = watch, receive, send
        self.accepted, self.signs = False, []

    async def receive(self):
        message = await self.plain_receive()
        if message["type"] == "websocket.disconnect":
            self.signs.append(("received", message["code"]))
        return message

    async def send(self, message):
        try:
            await self.plain_send(message)
        except BaseException as error:
            self.signs.append(("failed", error.__class__.__name__))
            raise
        if message["type"] == "websocket.accept":
            self.watch.open.inc()
            self.accepted = True
        elif message["type"] == "websocket.close":
            self.signs.append(("sent", message["code"]))


class Watch:
    def __init__(self, app, open, ended):
        self.app = app
        self.open = open
        self.ended = ended

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            import uuid

            connection.set(uuid.uuid4().hex)
            one = One(self, receive, send)
            try:
                await self.app(scope, one.receive, one.send)
                one.signs.append(("returned", ""))
            except BaseException as error:
                one.signs.append(("raised", type(error).__name__))
                raise
            finally:
                if one.accepted:
                    sign, code = one.signs[0]
                    self.ended.labels(sign=sign, code=str(code)).inc()
                    self.open.dec()
        else:
            return await self.app(scope, receive, send)
"""
A_CONTEXT_MANAGER = """
from contextlib import contextmanager

connection: ContextVar[str] = ContextVar("connection", default="-")
numbers = itertools.count(1)


class Watch:
    def __init__(self, app, open: Gauge, ended: Counter):
        self.app, self.open, self.ended = app, open, ended

    @contextmanager
    def account(self, signs):
        try:
            yield
        except BaseException as error:
            signs.setdefault("first", ("raised", type(error).__name__))
            raise
        finally:
            if "accepted" in signs:
                self.open.dec()
                self.ended.labels(*signs.get("first", ("returned", ""))).inc()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)
        connection.set(f"{id(self)}/{next(numbers)}")
        signs = {}

        async def hear():
            message = await receive()
            match message:
                case {"type": "websocket.disconnect", "code": code}:
                    signs.setdefault("first", ("received", code))
            return message

        async def say(message):
            try:
                await send(message)
            except Exception as error:
                signs.setdefault("first", ("failed", type(error).__name__))
                raise
            match message:
                case {"type": "websocket.accept"}:
                    signs["accepted"] = True
                    self.open.inc()
                case {"type": "websocket.close", "code": code}:
                    signs.setdefault("first", ("sent", code))

        with self.account(signs):
            await self.app(scope, hear, say)
"""
AN_ENTRY = """
from dataclasses import dataclass
from functools import partial

connection: ContextVar[str] = ContextVar("connection", default="-")
numbers = itertools.count(1)


@dataclass
class Entry:
    accepted: bool = False
    sign: str = "returned"
    code: str = ""

    def note(self, sign, code):
        if self.sign == "returned":
            self.sign, self.code = sign, str(int(code)) if isinstance(code, int) else code


async def receive_and_note(entry, receive):
    if (message := await receive())["type"] == "websocket.disconnect":
        entry.note("received", message["code"])
    return message


async def send_and_note(entry, gauge, send, message):
    try:
        await send(message)
    except BaseException as error:
        entry.note("failed", type(error).__name__)
        raise
    if message["type"] == "websocket.accept":
        gauge.inc()
        entry.accepted = True
    elif message["type"] == "websocket.close":
        entry.note("sent", message.get("code", 1000))


class Watch:
    def __init__(self, app, open: Gauge, ended: Counter):
        self.app, self.open, self.ended = app, open, ended

    async def __call__(self, scope, receive, send):
        if scope["type"] in ("http", "lifespan"):
            await self.app(scope, receive, send)
            return
        connection.set("/".join(("A", str(next(numbers)))))
        entry = Entry()
        try:
            await self.app(
                scope, partial(receive_and_note, entry, receive), partial(send_and_note, entry, self.open, send)
            )
        except BaseException as error:
            entry.note("raised", type(error).__name__)
            raise
        finally:
            if entry.accepted:
                self.ended.labels(sign=entry.sign, code=entry.code).inc()
                self.open.dec()
"""
BY_WHAT_IS_RAISED = """
from fastapi import WebSocketDisconnect

connection: ContextVar[str] = ContextVar("connection", default="-")
numbers = itertools.count(1)


class Watch:
    def __init__(self, app, open: Gauge, ended: Counter):
        self.app, self.open, self.ended = app, open, ended

    async def __call__(self, scope, receive, send):
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        connection.set(f"A-{next(numbers)}")
        self.open.inc()
        end = ("returned", "")
        try:
            await self.app(scope, receive, send)
        except WebSocketDisconnect as left:
            end = ("received", left.code)
            raise
        except BaseException as error:
            end = ("raised", type(error).__name__)
            raise
        finally:
            self.open.dec()
            self.ended.labels(*end).inc()
"""
IN_AN_ORDER = """
connection: ContextVar[str] = ContextVar("connection", default="-")
numbers = itertools.count(1)


class Watch:
    def __init__(self, app, open: Gauge, ended: Counter):
        self.app, self.open, self.ended = app, open, ended

    async def __call__(self, scope, receive, send):
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        accepted = False
        received = sent = failed = raised = None

        async def watched_receive():
            nonlocal received
            message = await receive()
            if message["type"] == "websocket.disconnect" and sent is None:
                received = message["code"]
            return message

        async def watched_send(message):
            nonlocal accepted, sent, failed
            try:
                await send(message)
            except Exception as error:
                failed = type(error).__name__
                raise
            if message["type"] == "websocket.accept":
                accepted = True
                self.open.inc()
            elif message["type"] == "websocket.close":
                sent = message["code"]

        connection.set(f"A-{next(numbers)}")
        try:
            await self.app(scope, watched_receive, watched_send)
        except BaseException as error:
            raised = type(error).__name__
            raise
        finally:
            if accepted:
                self.open.dec()
                signs = {"received": received, "sent": sent, "failed": failed, "raised": raised}
                seen = [(sign, code) for sign, code in signs.items() if code is not None]
                self.ended.labels(*[*seen, ("returned", "")][0]).inc()
"""
A_FUNCTION = """
connection: ContextVar[str] = ContextVar("connection", default="-")
numbers = itertools.count(1)


def Watch(app, open, ended):
    async def watched(scope, receive, send):
        if scope["type"] != "websocket":
            return await app(scope, receive, send)
        connection.set(f"W{next(numbers)}")
        signs, accepted = [], []

        async def ears():
            message = await receive()
            if message["type"].endswith("disconnect"):
                signs.append(("received", message["code"]))
            return message

        async def mouth(message):
            try:
                result = await send(message)
            except Exception as problem:
                signs.append(("failed", type(problem).__qualname__))
                raise
            kind = message["type"].removeprefix("websocket.")
            if kind == "accept":
                open.inc()
                accepted.append(True)
            elif kind == "close":
                signs.append(("sent", message["code"]))
            return result

        try:
            await app(scope, ears, mouth)
            signs.append(("returned", ""))
        except BaseException as problem:
            signs.append(("raised", type(problem).__qualname__))
            raise
        finally:
            if accepted:
                ended.labels(*signs[0]).inc()
                open.dec()

    return watched
"""
HTTP_MIDDLEWARE = """
from starlette.middleware.base import BaseHTTPMiddleware

connection: ContextVar[str] = ContextVar("connection", default="-")
numbers = itertools.count(1)


class Watch(BaseHTTPMiddleware):
    def __init__(self, app, open, ended):
        super().__init__(app)
        self.open, self.ended = open, ended

    async def dispatch(self, request, call_next):
        connection.set(f"A-{next(numbers)}")
        return await call_next(request)
"""

WRONG = {
    "a page is taken for a WebSocket": changed(
        (
            """
            if scope["type"] != "websocket":
                await self.app(scope, receive, send)
                return

            """,
            "",
        ),
        ("accepted, end = False, None", "accepted, end = True, None\nself.open.inc()"),
        says="a page was asked for, and counted",
    ),
    "a page is not passed on": changed(
        ("await self.app(scope, receive, send)\nreturn", "return"),
        says="a page was asked for, and what came was HTTP Error 500: Internal Server Error.",
    ),
    "the lifespan is not passed on": changed(
        (
            'if scope["type"] != "websocket":',
            'if scope["type"] == "lifespan":\n    return\nif scope["type"] == "http":',
        ),
        says="the app's lifespan has not begun. It is no WebSocket either",
    ),
    "a middleware for HTTP": whole(HTTP_MIDDLEWARE, says="two clients were connected, and `open` was 0."),
    "two arguments": changed(
        ("def __init__(self, app, open: Gauge, ended: Counter):", "def __init__(self, app, open):"),
        ("self.app, self.open, self.ended = app, open, ended", "self.app, self.open = app, open"),
        says="`Watch(app, open, ended)` raised TypeError:",
    ),
    "counted from the handshake on": changed(
        (INC, "accepted = True"),
        before(ID.strip(), "self.open.inc()"),
        (
            FINALLY,
            """
            finally:
                self.open.dec()
                if accepted:
                    self.ended.labels(*(end or ("returned", ""))).inc()
            """,
        ),
        says="a client waited for its handshake, and `open` was 1. Count from",
    ),
    "refused ones are counted": changed(
        (
            FINALLY,
            """
            finally:
                if accepted:
                    self.open.dec()
                self.ended.labels(*(end or ("returned", ""))).inc()
            """,
        ),
        says="a client was refused. `ended` should have counted nothing more, and counted ('sent', '1000') +1".replace(
            "1000", "4001"
        ),
    ),
    "counted down without having been counted": changed(
        ("if accepted:\n    self.open.dec()\n    self.ended", "self.open.dec()\nif accepted:\n    self.ended"),
        says="a client was refused, and then `open` was -1, not 0.",
    ),
    "counted at an accept that fails": changed(
        (
            """
            if message["type"] == "websocket.accept":
                accepted = True
                self.open.inc()
            """,
            "",
        ),
        before(
            "try:\n    await send(message)",
            """
            if message["type"] == "websocket.accept":
                accepted = True
                self.open.inc()
            """,
        ),
        says="a client was accepted, and had given up before that. `ended` should have counted nothing more",
    ),
    "counted down where the disconnect is received": changed(
        after('end = end or ("received", message["code"])', "self.open.dec()"),
        ("    self.open.dec()\n    self.ended.labels", "    self.ended.labels"),
        says="an endpoint raised WebSocketException(1008), and then `open` was 1, not 0.",
    ),
    "counted down at the disconnect, and not again": changed(
        ("nonlocal end\nmessage", "nonlocal accepted, end\nmessage"),
        (
            'end = end or ("received", message["code"])',
            'end = end or ("received", message["code"])\nif accepted:\n    self.open.dec()\n    accepted = None',
        ),
        (
            "if accepted:\n    self.open.dec()\n    self.ended",
            "if accepted:\n    self.open.dec()\nif accepted is not False:\n    self.ended",
        ),
        says="received the disconnect, and sent then: while it still ran, `open` was 0, not 1. A `finally`",
    ),
    "counted down at the close": changed(
        (
            'end = end or ("sent", message["code"])',
            'end = end or ("sent", message["code"])\nif accepted:\n    self.open.dec()\n    accepted = None',
        ),
        (
            "if accepted:\n    self.open.dec()\n    self.ended",
            "if accepted:\n    self.open.dec()\nif accepted is not False:\n    self.ended",
        ),
        says="an endpoint closed with 4000, and then received a disconnect: while it still ran, `open` was 0, not 1.",
    ),
    "counted down twice": changed(
        after('end = end or ("received", message["code"])', "self.open.dec()"),
        says="one of two clients closed with 1000, and then `open` was 0, not 1.",
    ),
    "accepted is not nonlocal": changed(
        ("nonlocal accepted, end", "nonlocal end"),
        says="and then `open` was 2, not 1. A `finally` around the call of the app counts down who was counted, once",
    ),
    "without finally": changed(
        ("finally:\n    if accepted:", "else:\n    if accepted:"),
        says="an endpoint raised KeyError, and then `open` was 1, not 0. A `finally`",
    ),
    "errors alone, and no cancellation": changed(
        ("except BaseException as error:", "except Exception as error:"),
        says="`ended` should have counted ('raised', 'CancelledError'), and counted ('returned', '') +1",
    ),
    "a cancellation leaks": changed(
        (
            """
            except BaseException as error:
                end = end or ("raised", type(error).__name__)
                raise
            finally:
                if accepted:
                    self.open.dec()
                    self.ended.labels(*(end or ("returned", ""))).inc()
            """,
            """
            except Exception as error:
                end = end or ("raised", type(error).__name__)
                self.down(accepted, end)
                raise
            else:
                self.down(accepted, end)
            """,
        ),
        (
            "async def __call__",
            """
            def down(self, accepted, end):
                if accepted:
                    self.open.dec()
                    self.ended.labels(*(end or ("returned", ""))).inc()

            async def __call__
            """.strip("\n"),
        ),
        says="one had received a disconnect, and then `open` was 3, not 0.",
    ),
    "errors are swallowed": changed(
        ('end = end or ("raised", type(error).__name__)\nraise', 'end = end or ("raised", type(error).__name__)'),
        says="an endpoint raised KeyError, and uvicorn has not heard of it.",
    ),
    "another error with the id in it": changed(
        (
            'end = end or ("raised", type(error).__name__)\nraise',
            """
            end = end or ("raised", type(error).__name__)
            if isinstance(error, Exception):
                raise RuntimeError(f"{connection.get()}: {error!r}") from error
            raise
            """,
        ),
        says="what uvicorn has heard of is another error: RuntimeError: A-",
    ),
    "a task group around the app": changed(
        (
            "await self.app(scope, watched_receive, watched_send)",
            """
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.app(scope, watched_receive, watched_send))
            """,
        ),
        (
            'end = end or ("raised", type(error).__name__)',
            """
            first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
            end = end or ("raised", type(first).__name__)
            """,
        ),
        says="another error: ExceptionGroup with KeyError: ",
    ),
    "a return in the finally": changed(
        after('self.ended.labels(*(end or ("returned", ""))).inc()', "return"),
        says="an endpoint raised KeyError, and uvicorn has not heard of it. What the app raises goes on",
    ),
    "the last sign": changed(
        ('end = end or ("received", message["code"])', 'end = ("received", message["code"])'),
        says="`ended` should have counted ('sent', '4000'), and counted ('received', ",
    ),
    "what was raised, though it had closed before": changed(
        (
            'end = end or ("raised", type(error).__name__)',
            'if end is None or end[0] == "sent":\n    end = ("raised", type(error).__name__)',
        ),
        says="then raised KeyError. `ended` should have counted ('sent', '4000'), and counted ('raised', 'KeyError')",
    ),
    "the close, though a send had failed before": changed(
        (
            'end = end or ("sent", message["code"])',
            'if end is None or end[0] == "failed":\n    end = ("sent", message["code"])',
        ),
        says="1011. `ended` should have counted ('failed', 'UnicodeEncodeError'), and counted ('sent', '1011')",
    ),
    "a variable for each sign, and an order of their own": whole(
        IN_AN_ORDER,
        says="received the disconnect. `ended` should have counted ('failed', 'ClientDisconnected'), and counted ('rec",
    ),
    "what was raised, though the disconnect came first": changed(
        ('end = end or ("raised", type(error).__name__)', 'end = ("raised", type(error).__name__)'),
        says="an endpoint let the disconnect escape. `ended` should have counted ('received', '1000'), and counted",
    ),
    "a send that failed, though the disconnect came first": changed(
        ('end = end or ("failed", type(error).__name__)', 'end = ("failed", type(error).__name__)'),
        says="received the disconnect, and sent then. `ended` should have counted ('received', '1000'), and counted",
    ),
    "by what is raised alone": whole(
        BY_WHAT_IS_RAISED,
        says="one of two clients closed with 1000. `ended` should have counted ('received', '1000'), and counted ('ret",
    ),
    "each sign": changed(
        (
            'end = end or ("received", message["code"])',
            'end = end or ("received", message["code"])\nself.ended.labels(*end).inc()',
        ),
        says="`ended` should have counted nothing more, and counted ('received', '1000') +1",
    ),
    "a disconnect is counted, even before an accept": changed(
        (
            FINALLY,
            """
            finally:
                if accepted:
                    self.open.dec()
                if accepted or (end and end[0] == "received"):
                    self.ended.labels(*(end or ("returned", ""))).inc()
            """,
        ),
        says="a client gave up, and its endpoint received the disconnect before it had accepted. `ended` should have "
        "counted nothing more, and counted ('received', '1006') +1. Only those count who were accepted",
    ),
    "a close with 1000 is a return": changed(
        (
            'if message["type"] == "websocket.close":',
            'if message["type"] == "websocket.close" and message["code"] != 1000:',
        ),
        says="an endpoint closed with 1000, and returned. `ended` should have counted ('sent', '1000'), and counted "
        "('returned', '') +1. Each close() of an endpoint's is one that it has sent, whatever its code.",
    ),
    "an endpoint's own close is not seen": changed(
        (
            """
            if message["type"] == "websocket.close":
                end = end or ("sent", message["code"])
            """,
            "",
        ),
        says="`ended` should have counted ('sent', '4000'), and counted ('received',",
    ),
    "a send that fails is not seen": changed(
        ('end = end or ("failed", type(error).__name__)\n', ""),
        says="and then received the disconnect. `ended` should have counted ('failed', 'ClientDisconnected')",
    ),
    "a send fails only where nobody is": changed(
        ("except Exception as error:", "except OSError as error:"),
        says="with a reason that is too long. `ended` should have counted ('failed', 'ProtocolError'), and counted",
    ),
    "a send that fails has one name": changed(
        ('("failed", type(error).__name__)', '("failed", "ClientDisconnected")'),
        says="with a reason that is too long. `ended` should have counted ('failed', 'ProtocolError'), and counted",
    ),
    "an accept is taken for sent, whatever becomes of a message": changed(
        ('end = end or ("failed", type(error).__name__)\nraise', "return"),
        says="and then received the disconnect. `ended` should have counted ('failed', 'ClientDisconnected')",
    ),
    "the error's text": changed(
        ('("raised", type(error).__name__)', '("raised", str(error))'),
        says="`ended` should have counted ('raised', 'KeyError'), and counted ('raised', '\"a bug of the check",
    ),
    "no id": changed((ID, ""), says="a line of one of three connections, 'ann: at the door', had no id."),
    "one id for all": changed(
        (ID, 'connection.set("A")\n'), says="'ben: at the door', had the id 'A', which is not its own."
    ),
    "the address that was asked for as id": changed(
        (ID, 'connection.set(scope["path"] + "?" + scope["query_string"].decode())\n'),
        says="a client lost its connection, and its lines had the id '/talks?', as an earlier connection had.",
    ),
    "the client's address as id": changed(
        (ID, 'connection.set("{}:{}".format(*scope["client"]))\n'), says="200 had the id '203.0.113.7:0'. The time"
    ),
    "the client's own id": changed(
        (ID, 'connection.set(dict(scope["headers"]).get(b"x-request-id", b"").decode() or f"A-{next(numbers)}")\n'),
        says="of 200 clients, one right after the other, 200 had the id '7'. The time, an address, and what a client",
    ),
    "the address of the scope as id": changed((ID, 'connection.set(f"A-{id(scope):x}")\n'), says=" had the id 'A-"),
    "the milliseconds as id": changed(
        (ID, "connection.set(f\"A-{__import__('time').time():.3f}\")\n"), says=" had the id 'A-"
    ),
    "a random number below a thousand as id": changed(
        (ID, "connection.set(f\"A-{__import__('random').randrange(1000)}\")\n"), says=" had the id 'A-"
    ),
    "the number of those who are there": changed(
        (ID, 'self.here = getattr(self, "here", 0) + 1\nconnection.set(f"A-{self.here}")\n'),
        ("finally:", "finally:\n    self.here -= 1"),
        says="'cleo: at the door', had the id 'A-2', which is not its own.",
    ),
    "the id is set when the client is let in": changed(
        (ID, ""),
        after("self.open.inc()", ID),
        says="'ann: at the door', had no id.",
    ),
    "the id is put back": changed(
        (ID, f"token = {ID}"),
        ("finally:", "finally:\n    connection.reset(token)"),
        says="an endpoint raised KeyError, and uvicorn's line 'Exception in ASGI application' had no id.",
    ),
    "the id is set in a task": changed(
        (ID, "await asyncio.create_task(self.begin())\n"),
        (
            "async def __call__",
            """
            async def begin(self):
                connection.set(f"A-{next(numbers)}")

            async def __call__
            """.strip("\n"),
        ),
        says="'ann: at the door', had no id.",
    ),
    "one state for all connections": changed(
        ("accepted, end = False, None", "self.accepted, self.end = False, None"),
        ("nonlocal end\n", ""),
        ("nonlocal accepted, end\n", ""),
        ('end = end or ("received", message["code"])', 'self.end = self.end or ("received", message["code"])'),
        ('end = end or ("failed", type(error).__name__)', 'self.end = self.end or ("failed", type(error).__name__)'),
        ("accepted = True", "self.accepted = True"),
        ('end = end or ("sent", message["code"])', 'self.end = self.end or ("sent", message["code"])'),
        ('end = end or ("raised", type(error).__name__)', 'self.end = self.end or ("raised", type(error).__name__)'),
        ("if accepted:\n    self.open.dec()", "if self.accepted:\n    self.open.dec()"),
        ('*(end or ("returned", ""))', '*(self.end or ("returned", ""))'),
        says="What is noted of a connection must be its own, as a variable of `__call__` is.",
    ),
    "what is noted stands by the client's address": changed(
        (
            "self.app, self.open, self.ended = app, open, ended",
            "self.app, self.open, self.ended, self.ends = app, open, ended, {}",
        ),
        ("accepted, end = False, None", 'accepted, who = False, scope["client"]\nself.ends[who] = None'),
        ("nonlocal end\nmessage = await receive()", "message = await receive()"),
        ("nonlocal accepted, end", "nonlocal accepted"),
        (
            'end = end or ("received", message["code"])',
            'self.ends[who] = self.ends.get(who) or ("received", message["code"])',
        ),
        (
            'end = end or ("failed", type(error).__name__)',
            'self.ends[who] = self.ends.get(who) or ("failed", type(error).__name__)',
        ),
        ('end = end or ("sent", message["code"])', 'self.ends[who] = self.ends.get(who) or ("sent", message["code"])'),
        (
            'end = end or ("raised", type(error).__name__)',
            'self.ends[who] = self.ends.get(who) or ("raised", type(error).__name__)',
        ),
        ('*(end or ("returned", ""))', '*(self.ends.pop(who, None) or ("returned", ""))'),
        says="What is noted of a connection must be its own, as a variable of `__call__` is.",
    ),
    "the sign in a context variable": changed(
        before("numbers =", 'sign: ContextVar[tuple | None] = ContextVar("sign", default=None)'),
        ("accepted, end = False, None", "accepted = False\nsign.set(None)"),
        ("nonlocal end\nmessage = await receive()", "message = await receive()"),
        ("nonlocal accepted, end", "nonlocal accepted"),
        ('end = end or ("received", message["code"])', 'sign.set(sign.get() or ("received", message["code"]))'),
        ('end = end or ("failed", type(error).__name__)', 'sign.set(sign.get() or ("failed", type(error).__name__))'),
        ('end = end or ("sent", message["code"])', 'sign.set(sign.get() or ("sent", message["code"]))'),
        ('end = end or ("raised", type(error).__name__)', 'sign.set(sign.get() or ("raised", type(error).__name__))'),
        ('end or ("returned", "")', 'sign.get() or ("returned", "")'),
        says="and counted ('returned', '') +1. What a task sets in a context variable is set in that task alone",
    ),
    "a cancellation comes before each sign": changed(
        before(
            "except BaseException as error:",
            'except asyncio.CancelledError:\n    end = ("raised", "CancelledError")\n    raise',
        ),
        says="should have counted ('received', '1001'), ('sent', '4000'), and counted ('raised', 'CancelledError') +2",
    ),
    "what is in a group": changed(
        (
            'except BaseException as error:\n    end = end or ("raised", type(error).__name__)\n    raise',
            """
            except BaseException as error:
                first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
                end = end or ("raised", type(first).__name__)
                raise
            """,
        ),
        says="`ended` should have counted ('raised', 'ExceptionGroup'), and counted ('raised', 'KeyError') +1.",
    ),
    "what is sent first is an accept, if it is no close": changed(
        ('if message["type"] == "websocket.accept":', 'if not accepted and message["type"] != "websocket.close":'),
        says="refused. `ended` should have counted nothing more, and counted ('returned', '') +1. Only those",
    ),
    "the labels the other way round": changed(
        (
            'self.ended.labels(*(end or ("returned", ""))).inc()',
            'how, what = end or ("returned", "")\nself.ended.labels(what, how).inc()',
        ),
        says="and counted ('1000', 'received') +1. The first label is how it ended, the second one its code",
    ),
    "the class of what was raised": changed(
        ('("raised", type(error).__name__)', '("raised", type(error))'),
        says="The first label is how it ended, the second one its code, or the name of the error's class",
    ),
    "one lock for what is received and what is sent": changed(
        ("accepted, end = False, None", "accepted, end, lock = False, None, asyncio.Lock()"),
        ("message = await receive()", "async with lock:\n    message = await receive()"),
        ("await send(message)\n", "async with lock:\n    await send(message)\n"),
        says="and counted ('received', '1000') +1. One task may send while another one receives: pass on at once what",
    ),
    "a shield around the app": changed(
        (
            "await self.app(scope, watched_receive, watched_send)",
            "await asyncio.shield(self.app(scope, watched_receive, watched_send))",
        ),
        says="was cancelled, and the endpoint in it went on, and is counted as ended. Await the call of the app",
    ),
    "a task of its own for the app, which wait() waits for": changed(
        (
            "await self.app(scope, watched_receive, watched_send)",
            """
            serving = asyncio.create_task(self.app(scope, watched_receive, watched_send))
            await asyncio.wait([serving])
            serving.result()
            """,
        ),
        says="was cancelled, and the endpoint in it went on, and is counted as ended. Await the call of the app",
    ),
}

RIGHT = {
    "few codes, for few time series": changed(
        (
            'end = end or ("received", message["code"])',
            """
            code = message["code"]
            end = end or ("received", code if 1000 <= code < 3000 else "other")
            """,
        ),
    ),
    "a class for each connection": whole(A_CLASS),
    "a context manager, match, setdefault()": whole(A_CONTEXT_MANAGER),
    "an entry, and functions beside the class": whole(AN_ENTRY),
    "a task of its own for the app": changed(
        (
            "await self.app(scope, watched_receive, watched_send)",
            "await asyncio.create_task(self.app(scope, watched_receive, watched_send))",
        )
    ),
    "a random id": changed((ID, "connection.set(__import__('secrets').token_hex(4))\n")),
    "a function that makes a function": whole(A_FUNCTION),
    "counted at the first sign": changed(
        ('end = end or ("received", message["code"])', 'note("received", message["code"])'),
        ('end = end or ("failed", type(error).__name__)', 'note("failed", type(error).__name__)'),
        ('end = end or ("sent", message["code"])', 'note("sent", message["code"])'),
        ('end = end or ("raised", type(error).__name__)', 'note("raised", type(error).__name__)'),
        ('self.ended.labels(*(end or ("returned", ""))).inc()', 'note("returned", "")'),
        ("nonlocal end\n", ""),
        ("nonlocal accepted, end\n", "nonlocal accepted\n"),
        (
            "accepted, end = False, None",
            """
            accepted, end = False, None

            def note(sign, code):
                nonlocal end
                if accepted and not end:
                    self.ended.labels(sign, code).inc()
                end = end or (sign, code)
            """.strip("\n"),
        ),
    ),
    "track_inprogress, entered at the accept": changed(
        (INC, "accepted = True\nstack.enter_context(self.open.track_inprogress())"),
        ("    self.open.dec()\n", ""),
        before("connection.set", "stack = __import__('contextlib').ExitStack()"),
        ("finally:", "finally:\n    stack.close()"),
    ),
}
