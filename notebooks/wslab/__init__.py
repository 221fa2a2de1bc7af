"""The course's helper package. It does chores; the subject stays in your own cells.

`serve(app)` runs a FastAPI app inside the notebook, `await server.conversation()` shows what was said,
`live(server, "/ws")` lets you talk to it from your browser, and `exercises` checks your answers.
Ask for help on any of them: `serve?`.
"""

from wslab import exercises
from wslab.checkup import checkup
from wslab.live import live
from wslab.server import ServeError, Server, serve

__all__ = ["ServeError", "Server", "checkup", "exercises", "live", "serve"]
