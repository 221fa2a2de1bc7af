"""The checks under the lessons' exercises: `await exercises.greeter(app)`."""

from wslab.exercises.lesson_00 import shout
from wslab.exercises.lesson_01 import greeter
from wslab.exercises.lesson_02 import counting_echo
from wslab.exercises.lesson_09 import careful_division

__all__ = ["careful_division", "counting_echo", "greeter", "shout"]
