"""Answers to the exercises: wrong ones that a learner might give, and right ones that are not the solution.

One module an exercise. An answer is what stands below `HEAD`, the stub down to its `async def` line, or a whole
program, which makes its own app.
"""

import importlib
import pkgutil
from types import ModuleType

ANSWERS: dict[str, ModuleType] = {
    module.name: importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
}
