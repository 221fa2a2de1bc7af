"""The checks under the lessons' exercises: `await exercises.greeter(app)`."""

from wslab.exercises.lesson_00 import shout
from wslab.exercises.lesson_01 import greeter
from wslab.exercises.lesson_02 import counting_echo
from wslab.exercises.lesson_03 import measuring

__all__ = ["counting_echo", "greeter", "measuring", "shout"]
from wslab.exercises.lesson_04 import age_gate

__all__ = ["age_gate", "counting_echo", "greeter", "shout"]
from wslab.exercises.lesson_05 import lounge

__all__ = ["counting_echo", "greeter", "lounge", "shout"]
from wslab.exercises.lesson_06 import who_is_online

__all__ = ["counting_echo", "greeter", "shout", "who_is_online"]
from wslab.exercises.lesson_07 import reports, slow_report

__all__ = ["counting_echo", "greeter", "reports", "shout", "slow_report"]
from wslab.exercises.lesson_08 import tally

__all__ = ["counting_echo", "greeter", "shout", "tally"]
from wslab.exercises.lesson_09 import careful_division

__all__ = ["careful_division", "counting_echo", "greeter", "shout"]
from wslab.exercises.lesson_10 import job

__all__ = ["counting_echo", "greeter", "job", "shout"]
