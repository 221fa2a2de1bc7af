"""uvicorn's current WebSocket implementations. `ws="auto"` is the first, or wsproto where `websockets` is missing."""

import pytest

# What holds on one holds on the other as a rule: `make test` asks the one that readers have, `make thorough` both.
on_each_implementation = pytest.mark.parametrize(
    "ws", ["websockets-sansio", pytest.param("wsproto", marks=pytest.mark.thorough)]
)
