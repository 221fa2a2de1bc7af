"""What is seen on the server's side: where an error comes from, whose it is, and who holds on to what.

All of it is read at once and kept as plain data, since an error holds on to whatever its endpoint had in its hands.
"""

import ast
import asyncio
import gc
import linecache
import logging
import os
import re
import sys
import traceback
import tracemalloc
import types
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from wslab import library
from wslab.conversation import Connection, Mark, describe_error

# Methods of Starlette's WebSocket, and which of the four calls each is.
CALLS = {"accept": "accept", "close": "close", "send": "send", "receive": "receive"}
CALLS |= {f"{call}_{kind}": call for call in ("send", "receive") for kind in ("text", "bytes", "json")}


@dataclass(frozen=True)
class Spot:
    """A line of the app's own code, and the call on a connection that it was in."""

    file: str = ""
    line: int = 0
    function: str = ""
    call: str = ""  # accept, receive, send, close; or none
    number: int = 0  # of the connection that it was called on
    state: str = ""  # of that connection: see `Connection.state`
    accepted: bool = False  # whether that was ever accepted
    over: bool = False  # whether that connection's own endpoint has ended
    middleware: bool = False  # in an ASGI middleware, and not in an endpoint
    outer: str = ""  # the app's own outermost function there

    def __str__(self) -> str:
        of_cell = self.file.startswith("<") or "ipykernel_" in self.file
        where = f"line {self.line} of its cell" if of_cell else f"{os.path.basename(self.file)}:{self.line}"
        if not (self.file and self.function):
            return where if self.file else self.function
        return f"{where}, in {self.function}"


NOWHERE = Spot()


@dataclass(frozen=True)
class Fault:
    """An error on the server's side."""

    text: str  # what it says, with its type first
    names: tuple[str, ...]  # its type and that one's bases
    spot: Spot
    number: int  # of the connection whose endpoint it was
    state: str  # of that connection, when it was raised
    peer: tuple | None = None  # address of that client
    grouped: bool = False  # inside an ExceptionGroup


def spot(frames: Iterable[tuple], endpoint=None, before: Iterable[tuple] = ()) -> Spot:
    """Of these frames, each with its line, from the outermost on: the app's own innermost line, and its call.

    before: those of the error that led to this one.
    """
    frames = list(frames)
    all_own = [i for i, (frame, _) in enumerate(frames) if not library.runs_library(frame)]
    with_lines = [i for i in all_own if frames[i][0].f_code.co_filename != "<string>"]  # not what dataclasses write
    own = max(with_lines or all_own, default=-1)
    place: dict = {}
    if own >= 0:
        frame, line = frames[own]
        code = frame.f_code
        of_asgi = {"scope", "receive", "send"} <= set(code.co_varnames[: code.co_argcount])
        outer = next(f for f, _ in frames if not library.runs_library(f)).f_code
        place = {"file": code.co_filename, "line": line, "function": name_of(code), "middleware": of_asgi}
        place["outer"] = f"{outer.co_filename} {name_of(outer)}"
    elif endpoint is not None:
        place = where_it_is_defined(endpoint)
    for frame, _ in frames[own + 1 :]:
        target = called_on(frame)
        if target is not None:
            name = frame.f_code.co_name
            call = CALLS.get(name) or str(frame.f_locals["message"].get("type", "")).removeprefix("websocket.")
            # When it began to send: while it had to wait, the other's endpoint may have ended, as it should.
            begun = next((f.f_locals for f, _ in [*frames, *before] if f.f_code.co_name == "tape_send"), {})
            over = begun.get("over", target.over)
            about = {"number": target.number, "state": target.state, "accepted": target.accepted, "over": over}
            return Spot(**place, call=call, **about)
    return Spot(**place)


def called_on(frame) -> Connection | None:
    """The connection on which a method was called, if this frame is such a call."""
    names = frame.f_locals
    if frame.f_code.co_name in ("tape_send", "tape_receive"):
        return names.get("connection") if "message" in names else None
    if frame.f_code.co_name in CALLS and library.is_library(frame.f_code.co_filename):
        mark = getattr(names.get("self"), "scope", None)
        mark = mark.get("wslab.mark") if isinstance(mark, dict) else None
        return mark.connection if isinstance(mark, Mark) else None
    return None


def where_it_is_defined(function) -> dict:
    """File, line and name of a function or of an object's class; nothing where Python does not tell."""
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    return {"file": code.co_filename, "line": code.co_firstlineno, "function": name_of(code)}


def name_of(code) -> str:
    """A function's name, with its class."""
    return getattr(code, "co_qualname", code.co_name).rpartition("<locals>.")[2]


def frames_of(error: BaseException) -> list[tuple]:
    """The frames of an error's traceback, each with its line, from the outermost on."""
    return list(traceback.walk_tb(error.__traceback__))


def frames_of_task(task: asyncio.Task) -> list[tuple]:
    """Where a task waits: the frames of its coroutines, from the outermost on."""
    frames, step = [], task.get_coro()
    while step is not None:
        if type(step).__name__ == "coroutine_wrapper":  # of a class with __await__, as Starlette's WebSocketEndpoint
            step = next(iter(gc.get_referents(step)), None)
        if type(step).__name__ == "async_generator_asend":
            step = next((it for it in gc.get_referents(step) if isinstance(it, types.AsyncGeneratorType)), None)
        frame = next((f for f in (getattr(step, f"{kind}_frame", None) for kind in ("cr", "ag", "gi")) if f), None)
        if frame is not None:
            frames.append((frame, frame.f_lineno))
        step = next((n for n in (getattr(step, n, None) for n in ("cr_await", "ag_await", "gi_yieldfrom")) if n), None)
    return frames


def leaves(error: BaseException) -> list[tuple[BaseException, bool]]:
    """The errors in a group, each with whether it was in one."""
    if isinstance(error, BaseExceptionGroup):
        return [(leaf, True) for inner in error.exceptions for leaf, _ in leaves(inner)]
    return [(error, False)]


def without_addresses(text: str) -> str:
    """The same, without where in memory something is: that differs each time."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def faults(error: BaseException, connection: Connection | None, endpoint=None) -> list[Fault]:
    """What an error tells, as plain data: one fault, or for a group one for each error in it."""
    found = []
    for leaf, grouped in leaves(error):
        names = tuple(kind.__name__ for kind in type(leaf).__mro__[:-2])
        outer = frames_of(error) if grouped else []
        about = spot(outer + frames_of(leaf), endpoint, frames_of(leaf.__context__) if leaf.__context__ else ())
        number, state, peer = (connection.number, connection.state, connection.peer) if connection else (0, "", None)
        found.append(Fault(without_addresses(describe_error(leaf)), names, about, number, state, peer, grouped))
    return found


# What holds on to things for the moment, or for the log, and not for the app.
PASSING = (types.FrameType, types.TracebackType, types.CoroutineType, types.AsyncGeneratorType)
PASSING += (BaseException, logging.LogRecord, asyncio.Future)


def passes_on(it) -> bool:
    """Whether who holds this need not be asked. uvicorn's side of a connection holds what its endpoint was given."""
    return isinstance(it, PASSING) or type(it).__module__.startswith("uvicorn.")


def limited() -> list[deque]:
    """The deques with a limit: what grows there does not grow for ever."""
    gc.unfreeze()  # as below
    try:
        # Not isinstance(): that asks a weak proxy, whose thing may be gone.
        return [it for it in gc.get_objects() if type(it) is deque and it.maxlen]
    finally:
        gc.freeze()


def cuts_by_hand(file: str, line: int) -> bool:
    """Whether the function around this line also takes from the beginning of what it keeps: `del history[:-100]`.

    Then that has a limit, which a hundred visits may not reach.
    """
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return False
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    around = [n for n in ast.walk(tree) if isinstance(n, functions) and n.lineno <= line <= n.end_lineno]
    return bool(around) and any(map(cuts, ast.walk(around[-1])))


def cuts(node: ast.AST) -> bool:
    """Whether this is `kept = kept[-100:]`, `del kept[0]`, `kept.pop(0)` or the like."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
        of_itself = ast.unparse(node.value.value) in map(ast.unparse, node.targets)
        return of_itself and isinstance(node.value.slice, ast.Slice)
    if isinstance(node, ast.Delete):
        return any(ast.unparse(target).endswith("[0]") or ":" in ast.unparse(target) for target in node.targets)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("popleft", "popitem") or ast.unparse(node).endswith(".pop(0)")
    return False


def made_at(thing) -> tuple[str, int] | None:
    """The line that has allocated this, if tracemalloc knows it."""
    where = tracemalloc.get_object_traceback(thing)
    return where and (where[0].filename, where[0].lineno)


def holder(things: list) -> str:
    """What of the app's own holds on to these, perhaps by way of others: `members in rooms.py`, `Manager.members`.

    Empty where nothing does: the log, for instance, keeps errors, and each of them its endpoint's connection.
    """
    gc.unfreeze()  # else Python leaves out what it need not look at
    try:
        seen = {id(thing) for thing in things}
        for _ in range(8):
            referrers = [r for r in gc.get_referrers(*things) if id(r) not in seen and not passes_on(r)]
            referrers = [r for r in referrers if r is not things]
            names = [name for referrer in referrers if (name := name_of_holder(referrer, seen))]
            if names or not referrers:
                return min(names, default="")
            seen |= {id(referrer) for referrer in referrers}
            things = referrers
        return ""
    finally:
        gc.freeze()


def name_of_holder(it, held: set[int]) -> str:
    """How the app calls one of the things with these ids, if `it` is a module, an object or a function of its own."""
    if isinstance(it, dict) and isinstance(name := it.get("__name__"), str):
        if name == "__main__" or (it.get("__file__") and not library.is_library(it["__file__"])):
            names = [key for key, value in it.items() if id(value) in held and not key.startswith("_")]
            return f"`{names[0]}` in {os.path.basename(it.get('__file__') or 'a cell')}" if names else ""
    elif isinstance(it, types.FunctionType):
        own = not library.is_library(it.__code__.co_filename)
        cells = zip(it.__code__.co_freevars, it.__closure__ or (), strict=True)
        return next((f"`{name}` of {it.__name__}()" for name, cell in cells if own and id(cell) in held), "")
    else:
        file = getattr(sys.modules.get(type(it).__module__), "__file__", None)
        if type(it).__module__ == "__main__" or (file and not library.is_library(file)):
            names = [key for key, value in getattr(it, "__dict__", {}).items() if id(value) in held]
            return f"`{type(it).__name__}.{names[0]}`" if names else ""
    return ""
