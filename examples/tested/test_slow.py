"""A database that is quick, and one that is slow: the same test passes with both, since it waits for no time."""

import asyncio

import pytest

from examples.tested.app import Hall
from examples.tested.clients import ask, visit


class SlowHall(Hall):
    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds

    async def give_back(self, who: object):
        await asyncio.sleep(self.seconds)
        await super().give_back(who)


@pytest.mark.parametrize("hall", [SlowHall(0), SlowHall(60)], ids=["quick", "slow"])
async def test_a_seat_is_free_at_last(server, hall):
    async with visit(server, "Ann") as ann:
        await ask(ann, "1")
    async with visit(server, "Ben") as ben:
        while await ask(ben, "1") == "taken":
            await server.let_time_pass(10)
