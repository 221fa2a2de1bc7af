"""The course's helper package. It does chores; the subject stays in your own cells.

`serve(app)` runs a FastAPI app inside the notebook, `await server.conversation()` shows what was said,
and `exercises` checks your answers. Ask for help on any of them: `serve?`.
"""

from wslab import exercises
from wslab.checkup import checkup
from wslab.server import ServeError, Server, serve

__all__ = ["ServeError", "Server", "checkup", "exercises", "serve"]
