"""Start the server: `python -m examples.accounts [--host HOST] [--port PORT]`."""

from examples.accounts import app as accounts
from examples.start import start


def listens_at(place: str) -> None:
    accounts.ORIGIN = f"http://{place}"


if __name__ == "__main__":
    start(accounts.app, "accounts", "Page: http://{}   Users: ann (lovelace), ben (franklin).", listens_at)
