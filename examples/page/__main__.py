"""Start the server: `python -m examples.page [--host HOST] [--port PORT]`."""

from examples.page.app import app
from examples.start import start

if __name__ == "__main__":
    start(app, "page", "Page: http://{}   WebSocket: ws://{}/ws?name=NAME")
