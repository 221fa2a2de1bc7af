"""The way from the page's own scripts to a server among the cells: what they get as a `WebSocket`.

A lesson's live page runs in the browser, outside Python, and opens a WebSocket as any page does. The browser's own
would look for a server on the reader's machine. So page/socket.js hands those to 127.0.0.1 over to here, where a real
client, of `websockets`, goes to the server through the sockets of this page.
"""

from websockets import ClientConnection, ConnectionClosed, connect

from browser import cells

_open: dict[int, ClientConnection] = {}  # by the page's number
_tasks = set()  # kept, since a loop does not keep its tasks


def _begin(coroutine) -> None:
    def begin():
        task = cells.loop.create_task(coroutine)
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)

    cells.loop.call_soon_threadsafe(begin)


def open(number: int, url: str, tell) -> None:
    """Connect. `tell(event, value, more)` hears of `open`, of each `message`, and of `close` with code and reason."""

    async def talk():
        code, reason = 1006, ""  # what a browser says, and no more, where nobody answers or it is refused
        try:
            async with connect(url, compression=None, proxy=None) as ws:
                _open[number] = ws
                tell("open", None, None)
                async for message in ws:
                    tell("message", message, None)
            code, reason = ws.close_code, ws.close_reason
        except ConnectionClosed:
            code, reason = ws.close_code, ws.close_reason
        except Exception:
            pass
        finally:
            _open.pop(number, None)
            tell("close", code, reason)

    _begin(talk())


def send(number: int, message: str) -> None:
    """Send a text."""

    async def say():
        if ws := _open.get(number):
            await ws.send(message)

    _begin(say())


def close(number: int, code: int, reason: str) -> None:
    """Say goodbye."""

    async def leave():
        if ws := _open.get(number):
            await ws.close(code, reason)

    _begin(leave())
