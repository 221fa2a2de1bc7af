"""Start the server: `python -m examples.contract [--host HOST] [--port PORT]`."""

from examples.contract.app import app
from examples.start import start

if __name__ == "__main__":
    start(app, "contract", "WebSocket: ws://{}/heating, its contract: http://{}/contract", ws_max_size=1000)
