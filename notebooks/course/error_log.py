"""What is logged as an error while a check runs."""

import contextlib
import gc
import logging
import re
import traceback
from collections.abc import Iterator

from course.client import NotYet
from wslab.conversation import describe_error, record_logs
from wslab.library import runs_library

AFTER_ITS_END = (
    "WebSocketDisconnected says that a connection was used after its end. A send that found the client gone is its "
    "end, too, in whichever task: `receive_text()` and other sends raise it then, `receive()` does not."
)

NOT_AWAITED = "And a task must be awaited, or nobody sees its errors. Whoever gives one up cancels it."


LEFT_BEHIND = "(A task was left behind that still waited: cancel in a `finally` what the endpoint has started.)"


class ErrorLog(logging.Handler):
    """The errors that are logged, wherever; and the `warnings`, which are none."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self.warnings: list[logging.LogRecord] = []
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        records = self.records if record.levelno >= logging.ERROR else self.warnings
        if record not in records:
            records.append(record)

    def first(self) -> str:
        """The first of them, for a sentence: its first line, and the type of its error; of a group, what is in it."""
        error = self.records[0].exc_info[1] if self.records[0].exc_info else None
        if not error:
            return self.first_line()
        names = [type(error).__name__]
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
            names.append(type(error).__name__)
        return f"{self.first_line()}, with {' of '.join(names)}"

    def first_line(self) -> str:
        """The first line of the first of them, as Python writes it."""
        return repr((self.records[0].getMessage().splitlines() or [""])[0])

    def own_error(self) -> str:
        """The first error that is not about a client who has left, and the reader's line that raised it; or empty."""
        for record in self.records:
            error = record.exc_info[1] if record.exc_info else None
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            if error and "WebSocketDisconnect(" not in describe_error(error):
                walk = traceback.walk_tb(error.__traceback__)
                own = [(frame.f_code.co_name, line) for frame, line in walk if not runs_library(frame)]
                said = describe_error(error).removesuffix(".")
                return said + (f", in {own[-1][0]}(), line {own[-1][1]} of its cell" if own else "")
        return ""

    def take(self) -> str:
        """The first of them, or an empty text; and forget what was logged so far.

        But as a handler may keep its records, these are kept until the next ones are taken: with the tracebacks, all
        that belonged to the endpoint is there still.
        """
        first = self.first() if self.records else ""
        self.kept = self.records.copy()
        self.clear()
        return first

    def expect_nothing(self, what: str, hint: str) -> None:
        """No error may be in the log: then `what` says about what, and `hint` what to do."""
        if self.records:
            first = self.first()
            more = f" {AFTER_ITS_END}" if first.endswith("WebSocketDisconnected") else ""
            more += f" {NOT_AWAITED}" if "never retrieved" in first else ""
            more += f" {LEFT_BEHIND}" if "Task was destroyed" in first else ""
            raise NotYet(f"{what} is logged as an error: {first}. {hint}{more}")

    def has_another_loop(self) -> bool:
        """Whether one of them says that something of asyncio's belongs to another event loop."""
        errors = [record.exc_info[1] for record in self.records if record.exc_info]
        while errors:
            error = errors.pop()
            if isinstance(error, BaseExceptionGroup):
                errors += error.exceptions
            elif isinstance(error, RuntimeError) and "to a different" in str(error) and "loop" in str(error):
                return True
        return False

    def has_another(self, ending: str) -> bool:
        """Whether one of them is of an error whose type's name ends so, in whichever of uvicorn's implementations."""
        errors = [record.exc_info[1] for record in self.records if record.exc_info]
        return any(type(error).__name__.endswith(ending) for error in errors)

    def expect_more_than_a_group(self, what: str) -> None:
        """Of a group of errors, the log may not have the group's own text alone, which names none of them."""
        lines = [record.getMessage() for record in self.records if not record.exc_info]
        if len(lines) == len(self.records) and any(re.search(r"\(\d+ sub-exceptions?\)", line) for line in lines):
            raise NotYet(
                f"{what} the log says {self.first_line()}: that is the group's text, and nobody learns from it which "
                "error there was, or where. Pass the group to the log, as `exc_info`."
            )

    def clear(self) -> None:
        """Forget what was logged so far."""
        self.records.clear()
        self.warnings.clear()


@contextlib.contextmanager
def errors_in_the_log(collects: bool = True) -> Iterator[ErrorLog]:
    """What is logged as an error meanwhile, by uvicorn's logger or any that passes on to the root.

    collects: what an earlier answer has left behind is collected first, and its errors are logged before, and not in
        the middle of this one's check. That takes some hundredths of a second.
    """
    if collects:
        gc.collect()
    record_logs()  # the first server does this, and takes the handlers away that are there
    handler = ErrorLog()
    loggers = [logging.getLogger(), logging.getLogger("uvicorn.error")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@contextlib.contextmanager
def nothing_in_the_log(what: str, hint: str) -> Iterator[None]:
    """No error may be logged meanwhile: then `what` says about what, and `hint` what to do."""
    with errors_in_the_log() as log:
        yield
        gc.collect()  # only when a task is gone, asyncio says that nobody has asked for its error
        log.expect_nothing(what, hint)
