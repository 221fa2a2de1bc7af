"""Start the server: `python -m examples.stream [--host HOST] [--port PORT]`."""

from examples.start import start
from examples.stream.app import app

if __name__ == "__main__":
    start(app, "stream", "WebSocket: ws://{}/ask")
