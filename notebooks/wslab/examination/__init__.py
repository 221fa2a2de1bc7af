"""The check-up: clients that misbehave are let at an endpoint, and what they find is put down to its causes.

Data goes one way: `clients` says who comes, `patient` is the app that they come to, `visit` looks at one of them from
both sides (`watch`, `evidence`, `pulse` and `idle` say what is to be seen on the server's), `findings` has what it
means, `report` prints it. `run` lets one after the other in, where it must be in a fresh process (`process`);
`refusals` explains why nobody was let in at all.
"""

from wslab.examination.report import CheckupFailed, Report
from wslab.examination.run import checkup, choose

__all__ = ["CheckupFailed", "Report", "checkup", "choose"]
