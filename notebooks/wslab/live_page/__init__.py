"""A page in a cell's output that talks from the reader's own browser to a server in the kernel.

`page.html`, `page.css` and `page.js` beside this file are the page. The script puts the other two in place, and only
where a server may answer, so that whoever reads the notebook elsewhere sees a sentence and no dead controls.
"""

import json
import re
from html import escape
from pathlib import Path

from wslab.server import ServeError, Server

FOLDER = Path(__file__).parent


class LivePage:
    """A page that connects when its reader presses Connect. It is shown as the last line of a cell."""

    def __init__(self, port: int, path: str, proxy: bool = False):
        self.port = port
        self.path = path
        self.proxy = proxy  # whether to go through Jupyter's proxy in any case

    def __str__(self) -> str:
        return (
            f"A page that talks to {self.path} on this notebook's server, from your own browser. "
            "Run this cell in JupyterLab to connect."
        )

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": html(self), "text/plain": str(self)}


def live(server: Server, path: str, *, proxy: bool = False) -> LivePage:
    """A page that talks to `path` on `server`, such as `live(server, "/ws")`, from the browser that shows it.

    It connects when you press Connect. If this notebook is open on your own machine, the browser connects to the
    server directly; elsewhere, such as on Binder, through Jupyter's proxy, which does not pass on close codes.

    proxy: whether to go through that proxy also at an address of your own machine, such as http://localhost:8888,
    which is right if the kernel runs in a container or at the other end of an SSH tunnel.

    Raises ServeError if `server` is not a running server, or `path` does not begin with a slash.
    """
    if not isinstance(server, Server):
        raise ServeError(f"got a {type(server).__name__}. Pass the server that serve(app) returned.")
    if not server.running:
        raise ServeError("this server has stopped. Run the cell with serve(app) again.")
    if not isinstance(path, str) or not path.startswith("/"):
        raise ServeError(f'path must begin with a slash, such as "/ws", and is {path!r}')
    return LivePage(server.port, path, proxy)


def html(page: LivePage) -> str:
    """The sentence, and the script that puts the page in its place."""
    proxy = " data-proxy" if page.proxy else ""
    return (
        f'<div class="wslab-live" data-port="{page.port}" data-path="{escape(page.path)}"{proxy}>\n'
        f"<p>{escape(str(page))}</p>\n</div>\n<script>\n{script()}</script>"
    )


def script() -> str:
    """`page.js`, which is a function, called with the page's style and elements."""
    style, elements, code = (
        (FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.html", "page.js")
    )
    # In a string, the end of an element would end the script.
    page = json.dumps(f"<style>\n{style}</style>\n{elements}").replace("</", "<\\/")
    return f"({code})({page});\n"


def without_port(text: str) -> str:
    """What is stored of a page: 0 for the port, which differs from run to run. Then the page leaves its sentence."""
    return re.sub(r'class="wslab-live" data-port="\d+"', 'class="wslab-live" data-port="0"', text)
