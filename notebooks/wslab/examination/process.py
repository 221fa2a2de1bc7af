"""A fresh process, in which the app is imported and started anew, where one client has spoilt it for the next."""

import asyncio
import atexit
import contextlib
import importlib
import inspect
import os
import pickle
import signal
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


class Imported:
    """An app that is imported when it is called first: on the loop that serves it, as uvicorn does.

    What it makes then may belong to that thread, such as a connection of sqlite3.
    """

    def __init__(self, where: Importable):
        self._where = where
        self._app = None
        self.problem: ServeError | None = None

    async def __call__(self, scope, receive, send) -> None:
        if self._app is None:
            try:
                self._app = self._where.load()
            except ServeError as problem:
                self.problem = problem
                raise
        await self._app(scope, receive, send)

    @property
    def routes(self):
        """The app's, for whoever explains why a path is not found."""
        return self._app.routes


class Fork:
    """A nursery that this process forks: what `subprocess.Popen` gives of one, as far as it is needed."""

    def __init__(self):
        their_input, our_output = os.pipe()
        our_input, their_output = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            for pipe, number in ((their_input, 0), (their_output, 1)):
                os.dup2(pipe, number)
            for pipe in (their_input, our_output, our_input, their_output):
                os.close(pipe)
            sys.argv = [CHILD]
            try:
                child()
            except SystemExit as end:  # must not get to whoever has called us
                atexit._run_exitfuncs()
                os._exit(end.code)
        os.close(their_input)
        os.close(their_output)
        self.stdin, self.stdout = os.fdopen(our_output, "wb"), os.fdopen(our_input, "rb")
        self._status: int | None = None

    def poll(self, options: int = os.WNOHANG if hasattr(os, "WNOHANG") else 0) -> int | None:
        """Its exit status, if it has ended."""
        if self._status is None:
            number, status = os.waitpid(self.pid, options)
            self._status = os.waitstatus_to_exitcode(status) if number else None
        return self._status

    def wait(self) -> int | None:
        """Its exit status, once it has ended."""
        return self.poll(0)


_prepared: list[Fork] = []


def prepare() -> None:
    """Make the nursery of this process, where that is possible: it has imported what is needed, and nothing of an app.

    To start another Python would take longer.
    """
    if hasattr(os, "fork"):
        _prepared.append(Fork())


class Nursery:
    """A Python that has imported what all apps need, and makes the fresh processes, where the system can fork."""

    def __init__(self):
        self._child: subprocess.Popen | Fork | None = _prepared.pop() if _prepared else None

    def _start(self) -> None:
        if self._child is not None and self._child.poll() is None:
            return
        self.close()
        # -P would keep the current folder out of the path. What is in the path here is passed on instead.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        self._child = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # so that all of it can be killed at once
        )

    async def steps(self, where: Importable, plan) -> AsyncIterator:
        """The steps of `here()`, in a fresh process. If it dies, that is the last step: `Ended`."""
        self._start()
        done = False
        try:
            with contextlib.suppress(BrokenPipeError):
                pickle.dump((where, plan), self._child.stdin)
                self._child.stdin.flush()
            while not isinstance(step := await asyncio.to_thread(self._read), Ended):
                if isinstance(step, ServeError):
                    raise step
                done = step is None
                if not done:
                    yield step
            if not done:
                yield step
        finally:
            if not done:
                self.close()

    def _read(self):
        """The next step. A child that has died has ended, too."""
        try:
            return pickle.load(self._child.stdout)
        except (EOFError, pickle.UnpicklingError):
            return Ended(self._child.wait())

    def close(self) -> None:
        """End it, and whatever process it has made."""
        if self._child is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._child = None


@dataclass(frozen=True)
class Ended:
    """A fresh process has ended, with this status."""

    status: int


def child() -> NoReturn:
    """What runs in the nursery: it reads where the app is and what to do, and writes what comes of it."""
    with contextlib.suppress(ImportError):
        importlib.import_module("fastapi")
    importlib.import_module("wslab.examination.run")
    source, out = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the app prints must not get in between
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            where, plan = pickle.load(source)
            if not hasattr(os, "fork"):
                grandchild(where, plan, out)
            if (number := os.fork()) == 0:
                grandchild(where, plan, out)
            tell(Ended(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])), out)
    os._exit(0)


def tell(step, out) -> None:
    """Write a step."""
    pickle.dump(step, out)
    out.flush()


def grandchild(where: Importable, plan, out) -> NoReturn:
    """What runs in a fresh process."""
    from wslab.examination.run import here

    async def steps() -> None:
        async for step in here(Imported(where), plan):
            tell(step, out)

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what is to come there is not for the app
    try:
        asyncio.run(steps())
    except ServeError as problem:
        tell(ServeError(str(problem)), out)
    except KeyboardInterrupt:
        leave(130)
    tell(None, out)
    leave(0)


def leave(status: int) -> NoReturn:
    """End the process, also if something of the app's cannot be ended: Python would wait for it, for ever."""
    sys.stdout.flush()
    sys.stderr.flush()
    if anything_left():
        os._exit(status)
    sys.exit(status)
