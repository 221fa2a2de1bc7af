"""Packages that few lessons import. A page loads them when one of its cells does, and not before."""

import importlib
import sys
from importlib.machinery import PathFinder

import js
from pyodide.ffi import create_once_callable

from browser.threads import Waiter

NAMES = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging")


class Later:
    """The last that `import` asks, where nobody else knows a module."""

    is_loaded = False

    def find_spec(self, name, path=None, target=None):
        """Where the module is, once it has been loaded; None if it is not among them."""
        if self.is_loaded or name.partition(".")[0] not in NAMES:
            return None
        waiter, problems = Waiter(), []

        def done(problem):
            problems.append(problem)
            waiter.wake()

        js.loadLater(create_once_callable(done))
        waiter.wait()
        if problems[0]:
            raise ImportError(f"{name} could not be loaded: {problems[0]}", name=name)
        self.is_loaded = True
        importlib.invalidate_caches()
        return PathFinder.find_spec(name, path, target)


def install() -> None:
    """Have it asked."""
    sys.meta_path.append(Later())
