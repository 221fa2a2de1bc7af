"""Whatever two tabs do, in any order: the seat is held by whom it ought to be held by."""

import asyncio
import itertools

from websockets import connect

from examples.tested.clients import ask, closes, drops

STEPS = list(itertools.product(["one tab", "the other"], ["comes", "closes", "drops", "takes"]))


class Model:
    """What ought to be."""

    def __init__(self):
        self.here: set[str] = set()
        self.holder: str | None = None

    def can(self, tab: str, does: str) -> bool:
        return (does == "comes") != (tab in self.here)

    def do(self, tab: str, does: str):
        if does == "comes":
            self.here.add(tab)
        elif does == "takes":
            self.holder = self.holder or tab
        else:
            self.here.remove(tab)
            self.holder = None if self.holder == tab else self.holder


def is_possible(life) -> bool:
    model = Model()
    for tab, does in life:
        if not model.can(tab, does):
            return False
        model.do(tab, does)
    return True


async def live(server, hall, life):
    """Do in earnest what `life` says, and hold it to the model."""
    model, tabs = Model(), {}
    words = ", ".join(f"{tab} {does}" for tab, does in life)
    async with asyncio.timeout(5):
        for tab, does in life:
            model.do(tab, does)
            if does == "comes":
                tabs[tab] = await connect(server.url("/seats?name=Ann"))
            elif does == "takes":
                expected = "yours" if model.holder == tab else "taken"
                assert await ask(tabs[tab], "1") == expected, words
            else:
                await {"closes": closes, "drops": drops}[does](tabs.pop(tab))
        await server.conversation()  # when the endpoints of those who have gone have ended
        assert ("1" in hall.holders) == (model.holder is not None), words
        for ws in tabs.values():
            await ws.close()
        await server.conversation()
        assert not hall.holders, f"{words}, all close"


async def test_any_order(server, hall):
    for steps in range(1, 5):
        for life in filter(is_possible, itertools.product(STEPS, repeat=steps)):
            await live(server, hall, life)
