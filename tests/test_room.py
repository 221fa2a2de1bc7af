"""The room of examples/room, held to a model: members that wait, stall, fail, come and leave at random.

The clock of the event loop does not wait: it jumps to whatever is due next. So a run is quick, and the same each time.
"""

import asyncio
import random
import selectors

import pytest
from fastapi import WebSocketDisconnect

from examples.room import room as module
from examples.room.room import Room

SEEDS = 60  # random lives of a room
LONG = 10 * module.PATIENCE


class JumpingSelector(selectors.SelectSelector):
    """Instead of waiting, sets the clock forward."""

    now = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for ever"
            self.now += timeout
        return ready


def run(main):
    """Run the coroutine on such a loop. Returns its result; no task may be left, and no error unheard."""
    selector = JumpingSelector()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now
    unheard = []
    loop.set_exception_handler(lambda _, context: unheard.append(context))
    try:
        result = loop.run_until_complete(main)
        left = asyncio.all_tasks(loop)
        assert not left and not unheard, (left, unheard)
        return result
    finally:
        loop.close()


class Fake:
    """A WebSocket whose client is of some kind. `got` is what it was sent."""

    def __init__(self, kind: str, dice: random.Random):
        self.kind, self.dice = kind, dice
        self.got: list[str] = []
        self.sending = self.left = False
        self.end = ""

    async def send(self, message):
        assert not self.sending, "two sends at once"
        assert not self.left, "sent to who has left"
        self.sending = True
        try:
            match self.kind:
                case "always waits a moment":
                    await asyncio.sleep(0)
                case "sometimes waits" if self.dice.random() < 0.3:
                    await asyncio.sleep(self.dice.random() * module.PATIENCE / 100)
                case "stalls" if len(self.got) >= 10:
                    await asyncio.Event().wait()
                case "goes" if len(self.got) >= 10:
                    raise self.dice.choice([WebSocketDisconnect(1006), RuntimeError("closed")])
                case "has a bug" if len(self.got) >= 10:
                    raise ZeroDivisionError
            self.got.append(message["text"])
        finally:
            self.sending = False


@pytest.fixture(autouse=True)
def logged(monkeypatch):
    """What is logged as an exception."""
    logged = []
    monkeypatch.setattr(module.logger, "exception", logged.append)
    return logged


KINDS = ["quick", "quick", "always waits a moment", "sometimes waits", "stalls", "goes", "has a bug"]
KEEP_UP = {"quick", "always waits a moment", "sometimes waits"}
ENDS = {"stalls": "too slow", "goes": "gone", "has a bug": "failed"}


async def life(seed: int):
    """Members come and go while several speak. Each must hear a run without gaps, and who keeps up, all of it."""
    dice = random.Random(seed)
    room, said, fakes = Room(), [], []

    async def member(fake: Fake):
        await asyncio.sleep(dice.random() * 3)
        try:
            async with room.join(fake):
                fake.first = len(said)
                fake.stays = dice.choice([dice.random() * 3, LONG])
                await asyncio.sleep(fake.stays)
            fake.end = "left"
        except WebSocketDisconnect as put_out:
            fake.end = put_out.reason
        fake.left, fake.last = True, len(said)

    async def speaker():
        for _ in range(60):
            said.append(str(len(said)))
            room.say(said[-1])
            await asyncio.sleep(dice.choice([0, 0, dice.random() * 0.2]))

    for _ in range(30):
        fakes.append(Fake(dice.choice(KINDS), dice))
    members = [asyncio.create_task(member(fake)) for fake in fakes]
    speakers = [asyncio.create_task(speaker()) for _ in range(3)]
    asyncio.get_running_loop().call_later(1, speakers[0].cancel)
    await asyncio.wait(speakers)
    await asyncio.wait(members)
    return room, said, fakes


@pytest.mark.parametrize("seed", range(SEEDS))
def test_each_member_hears_all_in_order_whatever_the_others_do(seed):
    room, said, fakes = run(life(seed))
    for fake in fakes:
        expected = said[fake.first : fake.last]
        assert fake.got == expected[: len(fake.got)], (fake.kind, fake.first)
        if fake.kind in KEEP_UP:
            assert fake.end == "left"
            assert fake.got == expected or fake.stays < LONG, fake.kind  # who leaves may be behind
        elif len(fake.got) >= 10 and len(expected) > 10:
            assert fake.end in (ENDS[fake.kind], "left"), fake.kind
    assert not room.members


def test_the_lives_have_all_that_may_happen():
    ends = set()
    for seed in range(10):
        ends |= {(fake.kind, fake.end) for fake in run(life(seed))[2]}
    assert ends >= {(kind, "left") for kind in KEEP_UP} | set(ENDS.items()) | {("stalls", "left")}


async def in_a_room(*kinds: str):
    """A room with members of these kinds, in this order, and the tasks that stay in it."""
    room, fakes = Room(), [Fake(kind, random.Random(0)) for kind in kinds]

    async def stay(fake):
        async with room.join(fake):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(stay(fake)) for fake in fakes]
    await asyncio.sleep(0)
    return room, fakes, tasks


async def all_leave(tasks):
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_nobody_waits_for_one_that_does_not_read_and_it_is_put_out_in_time():
    async def main():
        room, (before, stalled, after), tasks = await in_a_room("quick", "stalls", "quick")
        for n in range(12):
            room.say(str(n))
        for _ in range(3):
            await asyncio.sleep(0)
        assert before.got == after.got == [str(n) for n in range(12)]
        await asyncio.sleep(module.PATIENCE - 0.1)
        assert len(room.members) == 3
        await asyncio.sleep(0.2)
        assert len(room.members) == 2 and not stalled.sending
        return await all_leave(tasks)

    _, end, _ = run(main())
    assert isinstance(end, WebSocketDisconnect) and (end.code, end.reason) == (1006, "too slow")


def test_a_backlog_is_bounded(monkeypatch):
    async def main():
        room, (stalled, other), tasks = await in_a_room("stalls", "quick")
        for n in range(200):
            room.say(str(n))
            await asyncio.sleep(0)
        assert len(other.got) == 200
        return len(stalled.got), await all_leave(tasks)

    monkeypatch.setattr(module, "BACKLOG", 100)
    got, (end, _) = run(main())
    assert got == 10 and end.reason == "too far behind"


def test_what_cannot_be_sent_fails_where_it_is_said():
    async def main():
        room, (member,), tasks = await in_a_room("quick")
        with pytest.raises(UnicodeEncodeError):
            room.say("\ud800")
        room.say("hello")
        await asyncio.sleep(0)
        await all_leave(tasks)
        return member.got

    assert run(main()) == ["hello"]


def test_the_bodys_own_errors_stay_what_they_are():
    async def body(room, error):
        async with room.join(Fake("quick", random.Random(0))):
            raise error

    async def main():
        room = Room()
        for error in [TimeoutError("its own"), asyncio.CancelledError(), WebSocketDisconnect(1001, "page left")]:
            with pytest.raises(type(error)) as raised:
                await body(room, error)
            assert raised.value is error and not room.members

    run(main())


def test_who_leaves_hears_no_more_and_its_round_ends():
    async def main():
        room, (stalled, other), tasks = await in_a_room("stalls", "quick")
        for n in range(12):
            room.say(str(n))
        await asyncio.sleep(0.1)
        assert stalled.sending
        tasks[0].cancel()
        await asyncio.sleep(0.1)
        assert not stalled.sending
        stalled.left = True
        room.say("more")
        await asyncio.sleep(0.1)
        assert other.got[-1] == "more"
        await all_leave(tasks)

    run(main())


def test_who_has_left_is_not_sent_what_was_said_before():
    async def main():
        room, (_, leaves), tasks = await in_a_room("always waits a moment", "quick")
        room.say("hello")
        tasks[1].cancel()  # it leaves while the round waits for the first
        await asyncio.wait([tasks[1]])
        leaves.left = True
        await asyncio.sleep(0.1)
        await all_leave(tasks)
        return leaves.got

    assert run(main()) == []
