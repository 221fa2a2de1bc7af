"""What the tests share: a hall, a real server, and ways to leave."""

import pytest

from examples.tested.app import Hall, app, hall_of, user_of
from examples.tested.clients import closes, drops, sends_bytes
from wslab import serve


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def hall():
    return Hall()


@pytest.fixture
def overrides(hall):
    app.dependency_overrides = {user_of: lambda name="": name or None, hall_of: lambda: hall}
    yield
    app.dependency_overrides = {}


@pytest.fixture
async def server(overrides):
    with serve(app, name="tested", ws_ping_interval=None) as server:
        yield server
        await server.let_time_pass(120)  # seconds: whoever still sleeps there wakes up


@pytest.fixture(params=[closes, drops, sends_bytes])
def leave(request):
    return request.param
