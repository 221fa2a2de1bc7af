"""The room of examples/room, held to a model: members that wait, stall, fail, come and leave in any order.

The clock of the event loop does not wait: it jumps to whatever is due next. So a run is quick, and the same each time.
"""

import asyncio
import itertools
import selectors

import pytest
from fastapi import WebSocketDisconnect
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from examples.room import room as module
from examples.room.room import Room

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
    """A WebSocket whose client is of some kind. `got` is what it was sent; after `good` texts it may fail."""

    def __init__(self, kind: str, good: int = 10, waits=(0.5,)):
        self.kind, self.good = kind, good
        self.waits = itertools.cycle(waits)  # for each text, how long it takes, in hundredths of the patience
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
                case "sometimes waits" if wait := next(self.waits):
                    await asyncio.sleep(wait * module.PATIENCE / 100)
                case "stalls" if len(self.got) >= self.good:
                    await asyncio.Event().wait()
                case "goes" if len(self.got) >= self.good:
                    raise WebSocketDisconnect(1006)
                case "is given up" if len(self.got) >= self.good:
                    raise RuntimeError("closed")
                case "has a bug" if len(self.got) >= self.good:
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


KEEP_UP = ["quick", "always waits a moment", "sometimes waits"]
ENDS = {"stalls": "too slow", "goes": "gone", "is given up": "gone", "has a bug": "failed"}
FAKE = st.builds(
    Fake,
    st.sampled_from([*KEEP_UP, *ENDS]),
    good=st.integers(0, 5),
    waits=st.lists(st.sampled_from([0, 0, 0.1, 1]), min_size=1, max_size=5),
)
MOMENT = st.floats(0, 3)  # seconds
MEMBERS = st.lists(
    st.tuples(FAKE, st.floats(0, 1), MOMENT | st.just(LONG)), min_size=3, max_size=12
)  # it comes, and it stays
SPEAKERS = st.lists(
    st.lists(st.sampled_from([0, 0, 0.05, 0.2]), min_size=10, max_size=40), min_size=1, max_size=3
)  # the pauses


async def life(members, speakers):
    """Members come and go while several speak. Returns the room, and what was said."""
    room, said = Room(), []

    async def member(fake, comes, stays):
        await asyncio.sleep(comes)
        try:
            async with room.join(fake):
                fake.first = len(said)
                await asyncio.sleep(stays)
            fake.end = "left"
        except WebSocketDisconnect as put_out:
            fake.end = put_out.reason
        fake.left, fake.last = True, len(said)

    async def speaker(pauses):
        for pause in pauses:
            said.append(str(len(said)))
            room.say(said[-1])
            await asyncio.sleep(pause)

    await asyncio.gather(*(member(*one) for one in members), *map(speaker, speakers))
    return room, said


def test_each_member_hears_all_in_order_whatever_the_others_do():
    """A run without gaps; and who keeps up hears all of it."""
    ends = set()

    # Without the search for a smaller example of what is wrong, which may take minutes.
    @settings(max_examples=100, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
    @given(MEMBERS, SPEAKERS)
    def test(members, speakers):
        room, said = run(life(members, speakers))
        for fake, _, stays in members:
            ends.add((fake.kind, fake.end))
            expected = said[fake.first : fake.last]
            assert fake.got == expected[: len(fake.got)], (fake.kind, fake.first)
            if fake.kind in KEEP_UP:
                assert fake.end == "left"
                assert fake.got == expected or stays < LONG, fake.kind  # who leaves may be behind
            elif stays == LONG and len(expected) > fake.good:
                assert (fake.end, len(fake.got)) == (ENDS[fake.kind], fake.good)
        assert not room.members

    test()
    assert ends >= {(kind, "left") for kind in [*KEEP_UP, *ENDS]} | set(ENDS.items())


async def in_a_room(*kinds: str):
    """A room with members of these kinds, in this order, and the tasks that stay in it."""
    room, fakes = Room(), [Fake(kind) for kind in kinds]

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


def test_who_was_put_out_hears_nothing_later_without_what_is_lost():
    """Its time is up, and in that moment somebody speaks, and it reads again: its body has not ended yet."""

    async def main():
        room, (stalled,), tasks = await in_a_room("stalls")
        for n in range(12):
            room.say(str(n))
        await asyncio.sleep(0)
        (member,) = room.members.values()
        assert stalled.sending
        member.writer.cancel()  # the line with which it waits is lost
        room.say("12")
        stalled.kind = "quick"
        await asyncio.sleep(0)
        assert not room.members
        room.say("only to it", [member])  # whoever holds it may not know yet
        await asyncio.sleep(0.1)
        return stalled.got, await all_leave(tasks)

    got, (end,) = run(main())
    assert got == [str(n) for n in range(10)] and end.reason == "too slow"


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
        async with room.join(Fake("quick")):
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
