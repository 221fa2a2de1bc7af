"""Start the server: `python -m examples.room [--host HOST] [--port PORT]`."""

from examples.room.app import app
from examples.start import start

if __name__ == "__main__":
    start(app, "room", "Page: http://{}   WebSocket: ws://{}/ws?room=ROOM&name=NAME")
