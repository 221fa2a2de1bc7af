"""The checks under the lessons' exercises: `await exercises.greeter(app)`."""

from wslab.exercises.lesson_00 import shout
from wslab.exercises.lesson_01 import greeter
from wslab.exercises.lesson_02 import counting_echo
from wslab.exercises.lesson_10 import job

__all__ = ["counting_echo", "greeter", "job", "shout"]
