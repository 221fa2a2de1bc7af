"""A fresh process, in which the app is imported and started anew, where one client has spoilt it for the next."""

import asyncio
import contextlib
import importlib
import inspect
import os
import pickle
import subprocess
import sys
import types
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from wslab.errors import ServeError
from wslab.thread import anything_left

CHILD = "from wslab.examination.process import child; child()"
SCRIPT = "__main__", "__mp_main__"  # the second is `multiprocessing`'s name for the first


@dataclass(frozen=True)
class Importable:
    """Where an app is: `package.module:app`, as for uvicorn."""

    name: str
    folder: str = "."  # where to look for the module
    factory: bool = False  # it is a function that returns the app

    def load(self):
        """The app. Raises ServeError, in one line, if it can't be had."""
        module_name, colon, attribute = self.name.partition(":")
        if not (module_name and colon and attribute):
            raise ServeError(f"{self.name!r} is not of the form package.module:app.")
        if not Path(self.folder).is_dir():
            raise ServeError(f"there is no folder {self.folder!r}.")
        sys.path.insert(0, self.folder)
        try:
            found = importlib.import_module(module_name)
            for part in attribute.split("."):
                found = getattr(found, part)
            app = found() if self.factory else found
        except (Exception, SystemExit) as error:  # whatever the module does when it is imported
            raise ServeError(f"could not import {self.name}: {type(error).__name__}: {error}") from error
        if inspect.isfunction(app) and not inspect.signature(app).parameters:
            raise ServeError(f"{self.name} is a function without parameters. If it returns the app, add --factory.")
        return app


def importable(app) -> Importable | None:
    """Where an app can be imported from in another process; None for one that a notebook, a script or a test has made.

    Of several modules that have it, the last one: a test begins to be imported before the module that it tests.
    """
    found = None
    for name, module in list(sys.modules.items()):
        if name not in SCRIPT and isinstance(module, types.ModuleType) and getattr(module, "__file__", None):
            for attribute, value in list(vars(module).items()):
                if value is app:
                    found = Importable(f"{name}:{attribute}")
    return found


async def fresh(where: Importable, plan) -> AsyncIterator:
    """The steps of `here()`, in a process of its own. A process that dies is a step, too."""
    # -P would keep the current folder out of the path. What is in the path here is passed on instead.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    child = subprocess.Popen(  # noqa: ASYNC220  # returns at once
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    try:
        with contextlib.suppress(BrokenPipeError):
            pickle.dump((where, plan), child.stdin)
            child.stdin.close()
        name = ""
        while True:
            try:
                step = await asyncio.to_thread(pickle.load, child.stdout)
            except (EOFError, pickle.UnpicklingError):
                yield died(name, await asyncio.to_thread(child.wait))
                return
            if step is None:
                return
            if isinstance(step, ServeError):
                raise step
            if isinstance(step, str):
                name = step
            yield step
    finally:
        child.kill()
        await asyncio.to_thread(child.wait)
        child.stdout.close()


def died(name: str, status: int):
    """What came of a client in whose visit the process has died."""
    from wslab.examination.clients import CLIENTS, Seen
    from wslab.examination.findings import Kind, sign
    from wslab.examination.visit import Outcome

    if name not in CLIENTS:
        raise ServeError(f"the app ended its process, with status {status}, when it was imported or started.")
    return Outcome(name, Seen(), [sign(Kind.BROKEN, f"the process ended, with status {status}")], blocked=True)


def child() -> NoReturn:
    """What runs in that process: it reads where the app is and what to do, and writes what comes of it."""
    from wslab.examination.run import here

    where, plan = pickle.load(sys.stdin.buffer)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the app prints must not get in between

    def tell(step) -> None:
        pickle.dump(step, out)
        out.flush()

    async def steps() -> None:
        async for step in here(app, plan):
            tell(step)

    try:
        app = where.load()
        asyncio.run(steps())
        tell(None)
    except ServeError as problem:
        tell(ServeError(str(problem)))
    except KeyboardInterrupt:
        leave(130)
    leave(0)


def leave(status: int) -> NoReturn:
    """End the process, also if something of the app's cannot be ended: Python would wait for it, for ever."""
    sys.stdout.flush()
    sys.stderr.flush()
    if anything_left():
        os._exit(status)
    sys.exit(status)
