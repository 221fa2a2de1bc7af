"""The room of examples/resume, held to a model: whatever is cut off, each text counts once, and no line is missed."""

import asyncio
import json

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from websockets import connect

from course.error_log import errors_in_the_log
from examples.resume import app as resume
from examples.resume.history import History
from wslab import serve

KEEP = 6  # lines


class Wire:
    """A WebSocket of which so many messages arrive, up and down. Nobody is told of the others."""

    def __init__(self, up: int, down: int):
        self.up, self.down = up, down
        self.to_endpoint, self.to_client = asyncio.Queue(), []

    def say(self, id: int, text: str) -> None:
        if self.up > 0:
            self.to_endpoint.put_nowait({"type": "websocket.receive", "text": json.dumps({"id": id, "text": text})})
        self.up -= 1

    async def accept(self) -> None: ...

    async def receive(self) -> dict:
        return await self.to_endpoint.get()

    async def send_text(self, text: str) -> None:
        if self.down > 0:
            self.to_client.append(json.loads(text))
        self.down -= 1


class Member:
    """A client: it keeps what is not acknowledged, and knows how far it has heard."""

    def __init__(self, name: str):
        self.name, self.id, self.outbox, self.wire = name, 0, {}, Wire(0, 0)
        self.history, self.number, self.lines = "", 0, []

    def hear(self) -> None:
        while self.wire.to_client:
            match self.wire.to_client.pop(0):
                case {"ack": id}:
                    self.outbox.pop(id, None)
                case {"anew": history, "number": number}:
                    self.history, self.number, self.lines = history, number, []
                case {"number": number, "text": text}:
                    assert number == self.number + 1, "lost, or doubled"
                    self.number = number
                    self.lines.append(text)


class Remembering(History):
    """A history that also has the lines that it no longer keeps."""

    def __init__(self, name: str):
        super().__init__(name, keep=KEEP)
        self.all: list[str] = []

    def add(self, text: str) -> None:
        super().add(text)
        self.all.append(text)


class Evening:
    """Members speak, are cut off, and come back. An old connection may end after a new one has begun."""

    def __init__(self):
        resume.room, resume.done = Remembering("monday"), {}
        self.rooms = [resume.room]
        self.loop, self.endpoints = asyncio.new_event_loop(), []
        self.members = [Member(name) for name in ("ann", "ben", "cleo")]

    def says(self, member: Member, texts: int) -> None:
        for _ in range(texts):
            member.id += 1
            member.outbox[member.id] = f"{member.name}: {member.id}"
            member.wire.say(member.id, member.outbox[member.id])

    def connects(self, member: Member, up: int, down: int, old_is_gone: bool) -> None:
        if old_is_gone:
            member.wire.to_endpoint.put_nowait(GONE)
        member.wire = wire = Wire(up, down)
        enter = resume.enter(wire, client=member.name, history=member.history, number=member.number)
        self.endpoints.append((wire, self.loop.create_task(enter)))
        for id, text in member.outbox.items():
            wire.say(id, text)

    def time_goes_on(self, turns: int) -> None:
        self.loop.run_until_complete(so_many(turns))
        for member in self.members:
            member.hear()

    def the_server_starts_again(self) -> None:
        """With another history, and nothing remembered."""
        self.all_leave()
        resume.room, resume.done = Remembering("tuesday"), {}
        self.rooms.append(resume.room)

    def is_right(self) -> None:
        room = resume.room
        assert len(set(room.all)) == len(room.all), "doubled"
        for member in self.members:
            own = [text for text in room.all if text.startswith(member.name)]
            assert own == sorted(own, key=lambda text: int(text.split()[-1])), "out of order"
            if member.history == room.name:
                assert member.lines == room.all[member.number - len(member.lines) : member.number]

    def all_come_and_leave(self) -> None:
        for member in self.members:
            self.connects(member, up=1000, down=1000, old_is_gone=True)
        self.time_goes_on(1000)
        texts = {text for room in self.rooms for text in room.all}
        for member in self.members:
            assert not member.outbox
            assert {f"{member.name}: {id + 1}" for id in range(member.id)} <= texts, "lost on its way up"
            assert (member.history, member.number) == (resume.room.name, len(resume.room.all)), "lost on its way down"
        self.is_right()
        self.all_leave()

    def all_leave(self) -> None:
        for wire, _ in self.endpoints:
            wire.to_endpoint.put_nowait(GONE)
        self.loop.run_until_complete(so_many(100))
        assert all(task.done() and not task.exception() for _, task in self.endpoints)
        assert not resume.room.followers
        self.endpoints.clear()

    def close(self) -> None:
        for _, task in self.endpoints:
            task.cancel()
        self.loop.run_until_complete(so_many(100))
        self.loop.close()


async def so_many(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


GONE = {"type": "websocket.disconnect", "code": 1005}
MEMBER = st.integers(0, 2)
ACTION = st.one_of(
    st.tuples(st.just(Evening.says), MEMBER, st.integers(1, 4)),
    st.tuples(st.just(Evening.connects), MEMBER, st.integers(0, 8), st.integers(0, 16), st.booleans()),
    st.tuples(st.just(Evening.time_goes_on), st.sampled_from([1, 2, 5, 50])),
    st.tuples(st.just(Evening.time_goes_on), st.just(50)),
)
# Without the search for a smaller example of what is wrong, which may take minutes.
SETTINGS = settings(max_examples=100, derandomize=True, deadline=None, database=None, phases=[Phase.generate])


ACTIONS, RESTART = st.lists(ACTION, min_size=10, max_size=40), st.integers(0, 40)


def each_text_counts_once_and_no_line_is_missed(actions, restart):
    evening = Evening()
    try:
        for n, (action, *what) in enumerate(actions):
            if action is not Evening.time_goes_on:
                what[0] = evening.members[what[0]]
            action(evening, *what)
            evening.is_right()
            if n == restart:
                evening.the_server_starts_again()
        evening.all_come_and_leave()
    finally:
        evening.close()


@SETTINGS
@given(ACTIONS, RESTART)
def test_whatever_is_cut_off_each_text_counts_once_and_no_line_is_missed(actions, restart):
    each_text_counts_once_and_no_line_is_missed(actions, restart)


def test_a_line_that_others_could_not_take_is_refused():
    """Many clients take a MiB at once, and would be put out by it each time when they come back."""

    async def say_too_much():
        with serve(resume.app, name="resume") as server:
            async with asyncio.timeout(30), connect(server.url("/room?client=ann")) as ann:
                await ann.send(json.dumps({"id": 1, "text": "x" * 1001}))
                await ann.wait_closed()
                return ann.close_code, ann.close_reason

    assert asyncio.run(say_too_much()) == (1008, "an id and a text, please")


def test_who_keeps_up_hears_each_line_of_a_burst():
    evening = Evening()
    ann, ben, _ = evening.members
    try:
        for member in (ann, ben):
            evening.connects(member, up=1000, down=1000, old_is_gone=True)
        evening.time_goes_on(10)
        evening.says(ann, 5 * KEEP)  # all are there before the first one is read
        evening.time_goes_on(1000)
        assert len(resume.room.all) == 5 * KEEP
        assert ben.lines == ann.lines == resume.room.all  # no line was dropped from the history before they had it
        evening.all_leave()
    finally:
        evening.close()


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    monkeypatch.setattr(resume, "room", resume.room)
    monkeypatch.setattr(resume, "done", resume.done)


def one_too_many(self, name, number):
    return SINCE(self, name, max(number - 1, 0))


def one_too_few(self, name, number):
    return SINCE(self, name, number)[1:]


def silently_trimmed(self, name, number):
    return [message for message in SINCE(self, name, number) if "anew" not in message or number == 0]


def any_history(self, name, number):
    return SINCE(self, self.name if name else "", number)


SINCE = History.since


@pytest.mark.parametrize(
    ("where", "name", "spoiled"),
    [
        (History, "since", one_too_many),
        (History, "since", one_too_few),
        (History, "since", silently_trimmed),
        (History, "since", any_history),
        (resume, "remember", lambda client, id: None),
        (resume, "remember", lambda client, id: resume.done.update({client: id + 1})),
        (resume, "remember", lambda client, id: resume.done.update(dict.fromkeys([*resume.done, client], id))),
    ],
)
def test_the_model_notices_what_is_spoiled(where, name, spoiled, monkeypatch):
    monkeypatch.setattr(where, name, spoiled)

    @SETTINGS
    @given(ACTIONS, RESTART)
    def test(actions, restart):
        each_text_counts_once_and_no_line_is_missed(actions, restart)

    with pytest.raises((AssertionError, IndexError)):
        test()


def test_a_client_that_has_gone_is_no_bug_of_the_second_task_that_finds_out():
    """In one turn of the loop, `follow()` fails to send a line, and then `listen()` an acknowledgement."""
    scope = {"type": "websocket", "scheme": "ws", "server": ("127.0.0.1", 80), "path": "/room", "headers": []}
    scope |= {"query_string": b"client=Ann", "subprotocols": []}
    events = iter([{"type": "websocket.connect"}, {"type": "websocket.receive", "text": '{"id": 1, "text": "hello"}'}])
    fails = []

    async def receive():
        await asyncio.sleep(0)
        return next(events)

    async def send(message):
        if message["type"] == "websocket.send":
            fails.append(message["text"])
            raise OSError

    async def visit():
        resume.room, resume.done = History("monday", keep=KEEP), {}
        resume.room.add("a line")
        await resume.app(scope, receive, send)

    with errors_in_the_log() as log:
        asyncio.run(visit())
    assert len(fails) == 1  # the second is refused by Starlette
    assert not log.records
