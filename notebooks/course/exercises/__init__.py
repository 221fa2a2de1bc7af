"""The checks under the lessons' exercises: `await exercises.greeter(app)`.

One module a lesson, with the lesson's name. What a module names in its `__all__` is what the lesson calls.
"""

import pkgutil
from importlib import import_module

for _module in pkgutil.iter_modules(__path__):
    _lesson = import_module(f"{__name__}.{_module.name}")
    globals().update({name: getattr(_lesson, name) for name in _lesson.__all__})
