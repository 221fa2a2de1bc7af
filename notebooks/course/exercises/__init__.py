"""The checks under the lessons' exercises: `await exercises.greeter(app)`.

One module a lesson, with the lesson's name. What a module names in its `__all__` is what the lesson calls.
"""

import pkgutil
from importlib import import_module

_whose: dict[str, str] = {}  # of each check, the lesson

for _module in pkgutil.iter_modules(__path__):
    _lesson = import_module(f"{__name__}.{_module.name}")
    for _name in _lesson.__all__:
        if _name in _whose:
            raise ImportError(f"{_name} is a check of two lessons: {_whose[_name]} and {_module.name}.")
        _whose[_name] = _module.name
        globals()[_name] = getattr(_lesson, _name)
