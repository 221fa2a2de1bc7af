"""Start the server: `python -m examples.three_ways [--host HOST] [--port PORT]`."""

from examples.start import start
from examples.three_ways.app import app

if __name__ == "__main__":
    start(app, "three_ways", "Page: http://{}")
