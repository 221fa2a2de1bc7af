"""Start the server: `python -m examples.watched [--host HOST] [--port PORT]`. Several workers: see README.md."""

from examples.start import start
from examples.watched.app import app

if __name__ == "__main__":
    start(app, "watched", "Ask at ws://{}/desk; the metrics: http://{}/metrics")
