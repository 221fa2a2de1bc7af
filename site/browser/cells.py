"""A notebook's kernel: runs the cells of a page with IPython, and tells the page what they put out.

On a reader's machine that is ipykernel's part, with processes and sockets of its own. Here it takes two pieces: an
event loop that goes round in the main thread, on which cells run and may `await`; and an IPython shell whose outputs
go to the page. The page calls `execute()`, one cell at a time, and `interrupt()`.
"""

import asyncio
import builtins
import contextlib
import gc
import hashlib
import io
import sys

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.history import HistoryAccessor, HistoryManager
from IPython.core.interactiveshell import InteractiveShell

from browser import threads

LIMIT = 1_000_000  # characters that a cell may print; a page with more of them would hardly move

NO_SOURCE = "Could not get source, probably due dynamically evaluated source code."  # IPython, of compiled libraries

tell = None  # a function of the page's, which gets each output, as a notebook's file would have it
loop: asyncio.AbstractEventLoop  # on which the cells run
shell: InteractiveShell

_running: asyncio.Task | None = None
_printed = 0


# --- what comes out of a cell ---


class Stream:
    """sys.stdout, or sys.stderr"""

    encoding, errors, closed = "utf-8", "strict", False

    def __init__(self, name):
        self.name = name

    def write(self, text):
        global _printed
        left = LIMIT - _printed
        _printed += len(text)
        if text and left > 0:
            rest = f"\n... (the first {LIMIT:,} characters; the rest is left out)\n" if len(text) > left else ""
            tell({"output_type": "stream", "name": self.name, "text": text[:left] + rest})
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return False

    def writable(self):
        return True


class Result(DisplayHook):
    """The value of a cell's last line."""

    def write_output_prompt(self):
        pass

    def write_format_data(self, data, metadata=None):
        tell({"output_type": "execute_result", "data": data, "execution_count": self.prompt_count})

    def finish_displayhook(self):
        pass


class Displayed(DisplayPublisher):
    """What `display()` shows."""

    def publish(self, data, metadata=None, **_):
        tell({"output_type": "display_data", "data": data})


class Compiler(CachingCompiler):
    """Names the cells' code as ipykernel does. A lesson shows which lines of tracebacks are a cell's."""

    def get_code_name(self, raw_code, transformed_code, number):
        return f"/tmp/ipykernel_1/{hashlib.md5(transformed_code.encode()).hexdigest()[:10]}.py"


class Shell(InteractiveShell):
    """IPython, whose outputs go to the page."""

    compiler_class = Compiler

    def init_displayhook(self):
        self.displayhook_class = Result
        super().init_displayhook()

    def init_display_pub(self):
        self.display_pub_class = Displayed
        super().init_display_pub()

    async def run_code(self, code_obj, result=None, *, async_=False):
        threads.share_the_time(code_obj)
        return await super().run_code(code_obj, result, async_=async_)

    def set_next_input(self, text, replace=False):
        """What `%load` does: the page puts the text in the cell's place."""
        tell({"output_type": "set_next_input", "text": text})

    def _showtraceback(self, etype, evalue, stb):
        try:
            text = str(evalue)
        except Exception:
            text = ""
        lines = [line for part in stb for line in part.splitlines() if NO_SOURCE not in line]
        tell({"output_type": "error", "ename": etype.__name__, "evalue": text, "traceback": lines})


def no_input(prompt=""):
    """input()"""
    raise RuntimeError("input() cannot ask you anything here. Write the text into the cell instead.")


# --- running cells ---


async def run(code: str) -> bool:
    """Run a cell; returns whether it went well."""
    try:
        transformed, problem = shell.transform_cell(code), None
    except Exception:
        transformed, problem = code, sys.exc_info()
    result = await shell.run_cell_async(
        code, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=problem
    )
    return result.success


def execute(code: str, done) -> None:
    """Run a cell; `done(whether it went well)` is called when it is over. The page calls this, and nobody waits."""
    global _printed
    _printed = 0

    def over(task):
        done(not task.cancelled() and task.exception() is None and task.result())
        # It is not collected by itself: see threads.install(). What has to be said of it has no cell to stand below.
        with contextlib.redirect_stderr(io.StringIO()):
            gc.collect()

    def begin():
        global _running
        _running = loop.create_task(run(code))
        _running.add_done_callback(over)

    loop.call_soon_threadsafe(begin)


def interrupt() -> None:
    """Break off the cell that runs: where it awaits; or else in the wait, or at the turn of a loop, where it is."""
    if _running is None or _running.done():
        return
    if loop._selector.waits:
        loop.call_soon_threadsafe(_running.cancel)
    else:
        threads.interrupt(threads.MAIN)


def _go_round() -> None:
    asyncio.set_event_loop(loop)
    while True:
        with contextlib.suppress(KeyboardInterrupt, SystemExit):  # a task's; the loop goes on, as a kernel's does
            loop.run_forever()


def start() -> None:
    """Begin to take cells."""
    global loop, shell
    HistoryManager.enabled = HistoryAccessor.enabled = False  # it would be a database, on a thread of its own
    shell = Shell.instance()
    shell.xmode = "Context"
    builtins.input = no_input
    loop = asyncio.new_event_loop()
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    threads.call(_go_round)
