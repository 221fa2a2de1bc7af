"""Serve an ASGI app beside your code, see what its WebSocket clients and endpoints said, and check an endpoint.

`serve(app)` runs a FastAPI app inside the notebook, `await server.conversation()` shows what was said,
`live(server, "/ws")` lets you talk to it from your browser, and `await checkup(app, "/ws")` is rude to an endpoint.
Ask for help on any of them: `serve?`.
"""

from wslab.examination import checkup
from wslab.live_page import live
from wslab.server import ServeError, Server, serve

__all__ = ["ServeError", "Server", "checkup", "live", "serve"]
