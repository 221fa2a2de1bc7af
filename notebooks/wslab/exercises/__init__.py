"""The checks under the lessons' exercises: `await exercises.greeter(app)`."""

from wslab.exercises.lesson_00 import shout
from wslab.exercises.lesson_01 import greeter
from wslab.exercises.lesson_02 import counting_echo
from wslab.exercises.lesson_03 import measuring
from wslab.exercises.lesson_04 import age_gate
from wslab.exercises.lesson_05 import lounge
from wslab.exercises.lesson_06 import who_is_online
from wslab.exercises.lesson_07 import reports, slow_report
from wslab.exercises.lesson_08 import tally
from wslab.exercises.lesson_09 import careful_division
from wslab.exercises.lesson_10 import job

__all__ = [
    "age_gate",
    "careful_division",
    "counting_echo",
    "greeter",
    "job",
    "lounge",
    "measuring",
    "reports",
    "shout",
    "slow_report",
    "tally",
    "who_is_online",
]
