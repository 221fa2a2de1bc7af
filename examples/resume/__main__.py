"""Start the server: `python -m examples.resume [--host HOST] [--port PORT]`."""

from examples.resume.app import app
from examples.start import start

if __name__ == "__main__":
    start(app, "resume", "WebSocket: ws://{}/room?client=NAME")
