"""Start the echo server: `python -m examples.echo [--host HOST] [--port PORT]`."""

from examples.echo.app import app
from examples.start import start

if __name__ == "__main__":
    start(app, "echo", "Page: http://{}   WebSocket: ws://{}/ws")
