"""One client, or two."""

from examples.tested.app import SILENT, app
from examples.tested.clients import ask, raised, visit
from wslab import checkup


async def test_a_seat_is_taken_once(server):
    async with visit(server, "Ann") as ann, visit(server, "Ben") as ben:
        assert await ask(ann, "1") == "yours"
        assert await ask(ben, "1") == "taken"


async def test_strangers_are_refused(server):
    async with visit(server) as stranger:
        await stranger.wait_closed()
    assert stranger.close_code == 4401


async def test_whoever_leaves_gives_back_the_seat(server, leave):
    async with visit(server, "Ann") as ann:
        await ask(ann, "1")
        await leave(ann)
    assert not await raised(server)
    async with visit(server, "Ben") as ben:
        assert await ask(ben, "1") == "yours"


async def test_whoever_is_silent_is_put_out(server):
    async with visit(server, "Ann") as ann:
        await server.let_time_pass(SILENT / 2)
        assert await ask(ann, "1") == "yours"  # it is not put out too early
        await server.let_time_pass(SILENT)
        await ann.wait_closed()
    assert ann.close_code == 4000


async def test_there_is_no_seat_99(server):
    async with visit(server, "Ann") as ann:
        assert await ask(ann, "99") == "no such seat"


async def test_rude_clients(overrides):
    seen = await checkup(app, "/seats?name={n}", say="1")
    seen.raise_for_failures()
