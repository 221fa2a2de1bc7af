"""examples/service: nothing is lost, whichever worker one comes to; and `make chaos`, which proves it, notices."""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import psutil
import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets import ConnectionClosed, InvalidStatus, connect

from examples.behind_a_proxy.__main__ import wait_for_a_certificate
from examples.service import accounts, app, log, presence, settings
from examples.service.parts import Missing, Service
from tests import lessons
from tests.test_examples import notice_ctrl_c
from tools import chaos

PATIENCE = 30  # seconds
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no Valkey in a wheel for Windows")


@contextlib.contextmanager
def running():
    """All parts of the service, with two workers."""
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "log", "w+") as said:
        service = Service(Path(folder), workers=2, log=said)
        try:
            service.start()
            wait_for_a_certificate(Path(folder), service.origin)
            yield service
        finally:
            service.stop()


@pytest.fixture(scope="module")
def service():
    with running() as service:
        yield service


@pytest.fixture
def db(service):
    """Redis, in which ann and ben are logged in, and whose log is empty."""
    with redis.from_url(service.url, decode_responses=True) as db:
        for name in ("ann", "ben"):
            db.set(f"service:session:{hashlib.sha256(name.encode()).hexdigest()}", name)
        yield db


class Client:
    """What a page knows: how far it has heard, and what has been acknowledged."""

    def __init__(self, service, name: str, room: str):
        self.service, self.name, self.room, self.client = service, name, room, f"{name}-1"
        self.origin, self.session = service.origin, name
        self.history, self.number, self.heard, self.acks, self.here = "", 0, [], [], []

    @contextlib.asynccontextmanager
    async def at(self, worker: int):
        """While the body runs, it is connected to this worker."""
        asks = {"room": self.room, "client": self.client, "history": self.history, "number": self.number}
        url = f"ws://127.0.0.1:{self.service.workers[worker].port}/ws?{urlencode(asks)}"
        cookie = {"Cookie": f"session={self.session}"}
        async with connect(url, origin=self.origin, additional_headers=cookie, open_timeout=PATIENCE) as self.ws:
            yield self

    async def say(self, text: str, seq: int):
        await self.ws.send(json.dumps({"type": "say", "seq": seq, "text": text}))
        while seq not in self.acks:
            await self.hear()

    async def hear(self):
        match json.loads(await self.ws.recv()):
            case {"type": "ack", "seq": seq}:
                self.acks.append(seq)
            case {"type": "lines", "lines": lines}:
                self.heard += [line["text"] for line in lines]
                self.number = lines[-1]["number"]
            case {"type": "anew", "history": history, "number": number}:
                self.history, self.number = history, number
                self.heard.append(f"anew {number}")
            case {"type": "here", "names": names}:
                self.here = names
            case {"type": "wrong", "problem": problem}:
                self.heard.append(problem)

    async def hears(self, *texts: str):
        """It must hear these, and no others."""
        while len(self.heard) < len(texts):
            await self.hear()
        assert self.heard == list(texts)
        self.heard.clear()


def run(coroutine):
    async def bounded():
        async with asyncio.timeout(PATIENCE):
            return await coroutine

    return asyncio.run(bounded())


@pytest.mark.usefixtures("db")
def test_what_is_said_at_one_worker_is_heard_at_all_and_once(service):
    async def talk():
        async with Client(service, "ann", "once").at(0) as ann, Client(service, "ben", "once").at(1) as ben:
            await ann.say("one", 1)
            await ann.say("one", 1)  # its acknowledgement was lost
            await ann.say("two", 2)
            await ben.say("three", 1)
            for client in (ann, ben):
                await client.hears("anew 0", "one", "two", "three")

    run(talk())


@pytest.mark.usefixtures("db")
def test_who_comes_back_to_the_other_worker_hears_what_it_has_missed(service):
    async def talk():
        ann, ben = Client(service, "ann", "back"), Client(service, "ben", "back")
        async with ben.at(1):
            async with ann.at(0):
                await ann.say("one", 1)
                await ann.hears("anew 0", "one")
            await ben.say("two", 1)
            await ben.say("three", 2)
            for worker in (1, 0):
                async with ann.at(worker):
                    await ann.say("four", 2)  # the second time, it has come before
                    await ann.hears(*(["two", "three", "four"] if worker == 1 else []))
            async with ann.at(0):
                await ben.say("five", 3)
                await ann.hears("five")
            await ben.hears("anew 0", "one", "two", "three", "four", "five")

    run(talk())


def test_who_cannot_go_on_is_told_so(service, db):
    def fill(room: str, number: int):
        with db.pipeline() as at_once:
            for n in range(1, number + 1):
                at_once.xadd(log.LOG, {"room": room, "number": n, "name": "ben", "text": f"line {n}"})
            at_once.hset(log.NUMBERS, room, number).execute()

    async def talk():
        fill("long", log.KEEP + 5)
        last = [f"line {n}" for n in range(6, log.KEEP + 6)]
        ann = Client(service, "ann", "long")
        for ann.history, ann.number, heard in [
            ("", 0, ["anew 5", *last]),  # new
            (db.get(log.HISTORY), 3, ["anew 5", *last]),  # away for too long
            (db.get(log.HISTORY), log.KEEP + 6, ["anew 5", *last]),  # Redis has lost what it has heard
            ("another", log.KEEP, ["anew 5", *last]),  # Redis' data was lost
            (db.get(log.HISTORY), 5, last),
            (db.get(log.HISTORY), log.KEEP + 3, last[-2:]),
        ]:
            async with ann.at(0):
                await ann.hears(*heard)
        db.hset(log.NUMBERS, "old", 7)  # its lines are not in the log any more
        ann.room, ann.history, ann.number = "old", db.get(log.HISTORY), 6
        async with ann.at(0):
            await ann.hears("anew 7")

    run(talk())


def test_what_was_missed_comes_in_messages_that_a_client_takes(service, db):
    """In JSON, 200 lines of these have more than a MiB, the most that this client takes at once."""

    async def talk():
        async with Client(service, "ann", "much").at(0) as ann:
            await ann.hears("anew 0")
            with db.pipeline() as at_once:
                at_once.hset(log.NUMBERS, "much", 200)
                for number in range(1, 201):
                    line = {"room": "much", "number": number, "name": "ben", "text": "\U0001f600" * 1000}
                    at_once.xadd(log.LOG, line)
                at_once.execute()
            while ann.number < 200:
                await ann.hear()
        async with Client(service, "ben", "much").at(0) as ben:
            while ben.number < 200:
                await ben.hear()
            assert len(ben.heard) == 201  # the first is what they begin with

    run(talk())


def test_a_log_that_was_trimmed_before_it_was_read(service, db):
    async def talk():
        async with Client(service, "ann", "trimmed").at(0) as ann:
            await ann.hears("anew 0")
            with db.pipeline() as at_once:  # 1 to 8 are not there any more
                at_once.hset(log.NUMBERS, "trimmed", 9)
                at_once.xadd(log.LOG, {"room": "trimmed", "number": 9, "name": "ben", "text": "line 9"}).execute()
            await ann.hears("anew 8", "line 9")

    run(talk())


def test_who_has_heard_more_than_this_worker_is_not_told_that_lines_are_missing():
    class Member:
        def __init__(self, number: int):
            self.state, self.heard = SimpleNamespace(number=number), []

        async def send(self, message: dict):
            self.heard.append(json.loads(message["text"]))

    async def read_a_log_that_was_trimmed():
        follower = log.Follower()
        place = follower.places["trimmed"] = log.Place("trimmed", 1)
        behind, ahead = Member(1), Member(9)  # what `ahead` has heard, it has heard at another worker
        async with place.join(behind), place.join(ahead):
            follower.take({"room": "trimmed", "number": "9", "name": "ben", "text": "line 9"})
            await asyncio.sleep(0)
        return [message["type"] for message in behind.heard], ahead.heard

    assert run(read_a_log_that_was_trimmed()) == (["anew", "lines"], [])


def test_when_redis_has_lost_all_everybody_begins_anew(service, db):
    async def talk():
        ann, ben = Client(service, "ann", "flushed"), Client(service, "ben", "flushed")
        async with ann.at(0), ben.at(1):
            for seq in (1, 2, 3):
                await ann.say(f"old {seq}", seq)
            await ben.hears("anew 0", "old 1", "old 2", "old 3")
            before = ben.history
            sessions = {key: db.get(key) for key in db.scan_iter("service:session:*")}
            db.flushall()
            db.mset(sessions)
            await ann.ws.send(json.dumps({"type": "say", "seq": 4, "text": "new 1"}))
            for client in (ann, ben):
                with pytest.raises(ConnectionClosed):
                    while True:
                        await client.hear()
        ben.heard.clear()
        async with ben.at(1):
            await ben.hears("anew 0", "new 1")
            assert ben.history != before
        async with ben.at(0):  # both have begun the same one
            await ben.hears()
            await ben.say("new 2", 1)
            await ben.hears("new 2")

    run(talk())
    said = Path(service.workers[0].log.name).read_text()
    for worker in service.workers:
        assert f" {worker.process.pid} CRITICAL [-] Redis has lost lines" in said


def test_when_what_redis_has_lost_is_given_other_numbers_at_once_everybody_begins_anew(service, db):
    async def talk():
        ann, ben = Client(service, "ann", "power"), Client(service, "ben", "power")
        async with ann.at(0), ben.at(1):
            for seq in (1, 2, 3):
                await ann.say(f"old {seq}", seq)
            for client in (ann, ben):
                await client.hears("anew 0", "old 1", "old 2", "old 3")
            entries = db.xrevrange(log.LOG, count=2)
            with db.pipeline() as at_once:  # 2 and 3 are lost, and others take their numbers before anybody notices
                at_once.xdel(log.LOG, *[entry_id for entry_id, _ in entries])
                for number in (2, 3):
                    entry = {"room": "power", "number": number, "name": "ben", "text": f"new {number}"}
                    at_once.xadd(log.LOG, entry)
                at_once.execute()
            for client in (ann, ben):
                with pytest.raises(ConnectionClosed):
                    while True:
                        await client.hear()
        for worker in (0, 1):
            async with ann.at(worker):
                await ann.hears(*([] if worker else ["anew 0", "old 1", "new 2", "new 3"]))

    run(talk())


def test_who_is_here_at_whichever_worker(service, db):
    async def talk():
        async with Client(service, "ann", "who").at(0) as ann:
            async with Client(service, "ben", "who").at(1) as ben:
                for client in (ann, ben):
                    while client.here != ["ann", "ben"]:
                        await client.hear()
            while ann.here != ["ann"]:
                await ann.hear()
            assert 0 < db.ttl("service:here:who") <= 10  # should all workers be killed now

    run(talk())


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(("room", "seconds"), [("ahead", 15), ("behind", -15)])  # what a worker has said holds for 10
def test_who_is_here_where_a_workers_clock_is_another(service, monkeypatch, room, seconds):
    clock = SimpleNamespace(time=lambda: time.time() + seconds)
    monkeypatch.setattr(presence, "time", clock, raising=False)  # it has none: it asks Redis

    async def talk():
        async with AsyncRedis.from_url(service.url, decode_responses=True) as other:
            monkeypatch.setattr(presence, "db", other)
            place = log.Place(room, 0)  # at a third worker, on another machine
            place.with_us["ben"] = 1
            async with Client(service, "ann", room).at(0) as ann:
                while place.here != {"ann", "ben"}:
                    await presence.tell(place)
                while ann.here != ["ann", "ben"]:
                    await ann.hear()

    run(talk())


@pytest.mark.usefixtures("db")
def test_who_leaves_while_redis_is_told_that_they_are_here_is_taken_out(service, monkeypatch):
    async def leave_meanwhile():
        async with AsyncRedis.from_url(service.url, decode_responses=True) as db:
            monkeypatch.setattr(presence, "db", db)
            place = log.Place("short", 0)
            place.with_us["ann"] = 1
            presence.visited.add(place)
            pipeline = db.pipeline

            def and_leave(**options):
                asyncio.get_running_loop().call_soon(place.with_us.clear)  # while tell() waits for Redis
                return pipeline(**options)

            monkeypatch.setattr(db, "pipeline", and_leave)
            for _ in range(2):
                assert place in presence.visited
                await presence.tell(place)
            return place in presence.visited, await db.zrange("service:here:short", 0, -1)

    assert run(leave_meanwhile()) == (False, [])


@pytest.mark.usefixtures("db")
def test_who_may_not_enter(service):
    async def come(**changes) -> tuple[int, str]:
        client = Client(service, "ann", "door")
        vars(client).update(changes)
        try:
            async with client.at(0):
                await client.ws.wait_closed()
            return client.ws.close_code, client.ws.close_reason
        except InvalidStatus as refused:
            return refused.response.status_code, ""

    async def talk():
        assert await come(origin="https://elsewhere.example") == (403, "")
        assert await come(room="../log") == (403, "")
        assert await come(session="made up") == (4401, "log in first")

    run(talk())


def test_for_who_is_not_logged_in_no_room_is_made(monkeypatch):
    async def user_of(session):
        return None

    monkeypatch.setattr(accounts, "user_of", user_of)
    monkeypatch.setattr(log.follower, "place", None)  # to call it fails
    stranger = TestClient(app.app).websocket_connect("/ws?room=lobby&client=x", headers={"Origin": settings.ORIGIN})
    with stranger as ws, pytest.raises(WebSocketDisconnect) as left:
        ws.receive_text()
    assert left.value.code == 4401


@pytest.mark.parametrize("text", ["", "no JSON"])
def test_whoever_is_too_fast_is_not_read_and_stops_nobody(text):
    answers = []

    async def receive():  # thousands are there already, so this waits for nobody
        return {"type": "websocket.receive", "text": text}

    def say(answer, to):
        answers.append(answer)
        assert len(answers) <= app.BURST

    async def flood():
        socket, place = SimpleNamespace(receive=receive), SimpleNamespace(say=say)
        listening = asyncio.create_task(app.listen(socket, place, "ann", "ann-1", None))
        await asyncio.sleep(0)
        assert not listening.done() or listening.result()
        listening.cancel()

    run(flood())
    assert len(answers) == app.BURST


@pytest.mark.usefixtures("db")
def test_what_is_too_large_is_refused(service, ask):
    async def talk():
        async with Client(service, "ann", "large").at(0) as ann:
            await ann.say("\U0001f600" * 1000, 1)  # the longest that is allowed: 12,000 bytes of JSON
            await ann.ws.send("x" * 20_000)
            with pytest.raises(ConnectionClosed):
                while True:
                    await ann.hear()
            assert ann.ws.close_code == 1009

    run(talk())
    with pytest.raises(urllib.error.HTTPError, match="413"):
        ask("/login", body={"user": "ann", "password": "x" * 20_000})


@pytest.mark.usefixtures("db")
def test_the_log_says_who_came_and_no_secret(service, ask):
    with ask("/login", body={"user": "ann", "password": "lovelace"}) as answer:
        session = re.match("session=([^;]+)", answer.headers["set-cookie"])[1]

    async def talk():
        ann = Client(service, "ann", "seen")
        ann.session = session
        async with ann.at(0):
            await ann.hears("anew 0")

    run(talk())
    assert service.workers[0].is_well()
    said = Path(service.workers[0].log.name).read_text()
    assert re.search(r"\[\w{8}\] ann comes to 'seen'", said)
    assert not re.search(f"{session}|lovelace|GET /health", said)


@pytest.fixture
def ask(service):
    """Ask the proxy, by HTTPS."""
    trusts = ssl.create_default_context(cafile=service.authority)

    def ask(path: str, cookie: str = "", body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Cookie": cookie}
        request = urllib.request.Request(service.origin + path, data, headers)
        return urllib.request.urlopen(request, timeout=PATIENCE, context=trusts)

    return ask


def test_a_logout_reaches_connections_at_each_worker(service, ask):
    with ask("/login", body={"user": "ann", "password": "lovelace"}) as answer:
        cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=strict"} <= set(cookie.split("; "))
    session = re.match("session=([^;]+)", cookie)[1]

    async def talk():
        one, two = Client(service, "ann", "out"), Client(service, "ann", "in")
        one.session = two.session = session
        async with one.at(0), two.at(1), Client(service, "ben", "out").at(0) as ben:
            await asyncio.gather(one.hears("anew 0"), two.hears("anew 0"), ben.hears("anew 0"))
            await asyncio.to_thread(lambda: ask("/logout", f"session={session}", {}).close())
            for client in (one, two):
                with pytest.raises(ConnectionClosed):
                    while True:
                        await client.hear()
                assert (client.ws.close_code, client.ws.close_reason) == (4401, "logged out")
            await ben.say("still here", 1)

    run(talk())


def test_who_logs_in_again_is_logged_out_before(service, ask):
    def log_in(cookie: str = "") -> str:
        with ask("/login", cookie, {"user": "ann", "password": "lovelace"}) as answer:
            return answer.headers["set-cookie"].partition(";")[0]

    async def talk():
        old = await asyncio.to_thread(log_in)
        ann = Client(service, "ann", "again")
        ann.session = old.removeprefix("session=")
        async with ann.at(0):
            new = await asyncio.to_thread(log_in, old)
            with pytest.raises(ConnectionClosed):
                while True:
                    await ann.hear()
            assert ann.ws.close_code == 4401
        for cookie, user in ((old, None), (new, "ann")):
            with await asyncio.to_thread(ask, "/me", cookie) as answer:
                assert json.load(answer) == user

    run(talk())


def test_when_redis_is_full(service, db, ask):
    """Nothing is taken, nobody logs in; but a logout reaches everybody."""

    async def talk():
        ann, ben = Client(service, "ann", "full"), Client(service, "ben", "full")
        async with ann.at(0), ben.at(1):
            await ann.say("before", 1)
            db.config_set("maxmemory", 1)
            for client, code in ((ann, 1013), (ben, 4401)):
                if client is ann:
                    await ann.ws.send(json.dumps({"type": "say", "seq": 2, "text": "after"}))
                else:
                    await asyncio.to_thread(lambda: ask("/logout", "session=ben", {}).close())
                with pytest.raises(ConnectionClosed):
                    while True:
                        await client.hear()
                assert client.ws.close_code == code
            with pytest.raises(urllib.error.HTTPError, match="503") as refused:
                await asyncio.to_thread(ask, "/login", "", {"user": "ann", "password": "lovelace"})
            assert json.load(refused.value) == {"detail": "try again later"}
            db.config_set("maxmemory", 0)
            async with ann.at(1):
                await ann.say("after", 2)
                await ann.hears("anew 0", "before", "after")

    try:
        run(talk())
    finally:
        db.config_set("maxmemory", 0)


@pytest.mark.parametrize("body", [{"user": "\ud800", "password": ""}, {"user": "ann", "password": "\ud800"}])
def test_what_is_no_text_is_no_password(ask, body):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask("/login", body=body)


def test_a_logout_reaches_who_is_just_coming(monkeypatch):
    async def user_of(session):
        return "ann"

    async def place(room):  # meanwhile, she logs out
        accounts.end(accounts.key_of("ann"))
        return log.Place(room, 0)

    monkeypatch.setattr(accounts, "user_of", user_of)
    monkeypatch.setattr(log.follower, "place", place)
    headers = {"Origin": settings.ORIGIN, "Cookie": "session=ann"}
    coming = TestClient(app.app).websocket_connect("/ws?room=lobby&client=ann-1", headers=headers)
    with coming as ann, pytest.raises(WebSocketDisconnect) as left:
        ann.receive_text()
    assert (left.value.code, left.value.reason) == (4401, "logged out")


def test_rooms_in_which_nobody_speaks_are_forgotten_too():
    async def ask(room):
        return 0, (0, 0)

    async def many_come():
        follower = log.Follower()
        follower.ask = ask
        for n in range(log.ROOMS + 5):
            place = await follower.place(f"room{n}")
            assert follower.places[f"room{n}"] is place
        return len(follower.places)

    assert run(many_come()) <= log.ROOMS + 1


def test_a_room_to_which_somebody_is_coming_is_not_forgotten(monkeypatch):
    monkeypatch.setattr(log, "ROOMS", 1)

    async def read_while_somebody_comes():
        async def ask(room):  # when there were five; then this worker reads the fifth, and one more
            for number in (5, 6):
                follower.take({"room": room, "number": str(number), "name": "ben", "text": "hello"})
                follower.position = (number, 0)
            return 5, (5, 0)

        follower = log.Follower()
        follower.ask = ask
        follower.places["full"] = log.Place("full", 0)
        follower.places["full"].members["ann"] = None
        return await follower.place("lobby")

    place = run(read_while_somebody_comes())
    assert [line["number"] for line in place.above(5)] == [6]


def test_who_comes_is_not_kept_waiting_for_a_log_that_is_gone(monkeypatch):
    async def ask(room):
        return 7, (7, 0)  # and then Redis lost it

    monkeypatch.setattr(log, "PATIENCE", 0.01, raising=False)
    follower = log.Follower()
    follower.ask = ask

    async def come():
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(OSError):  # which the endpoint answers with 1013
                await follower.place("lobby")

    asyncio.run(come())


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", ["/metrics", "/health"])
def test_what_is_for_the_operator_is_not_for_all(service, ask, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{service.workers[0].port}{path}", timeout=PATIENCE) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="404"):
        ask(path)


def test_what_has_ended_is_started_again(service):
    """A worker that was killed, and one whose loop stands still."""
    killed, stopped = service.workers
    before = [worker.process.pid for worker in service.workers]
    killed.process.kill()
    killed.process.wait()
    os.kill(stopped.process.pid, signal.SIGSTOP)
    assert service.look_after() == [killed, stopped]
    assert [worker.is_well() for worker in service.workers] == [True, True]
    assert not {worker.process.pid for worker in service.workers} & set(before)


def test_a_worker_goes_on_at_what_only_a_newer_version_knows(service, db):
    async def talk():
        async with Client(service, "ann", "newer").at(0) as ann:
            entry = db.xadd(log.LOG, {"pinned": "a line"})
            await ann.say("after it", 1)
            await ann.hears("anew 0", "after it")
            db.xdel(log.LOG, entry)

    run(talk())
    assert "this version does not know: pinned" in Path(service.workers[0].log.name).read_text()


def test_a_worker_that_cannot_follow_any_more_ends(service, db):
    entry = db.xadd(log.LOG, {"room": "lobby", "number": "none"})
    for worker in service.workers:
        worker.process.wait(PATIENCE)
    db.xdel(log.LOG, entry)
    assert service.look_after() == service.workers


def test_a_folder_is_for_one_redis(service):
    with pytest.raises(Missing, match="Another service has"):
        Service(service.authority.parents[4], workers=1)


def test_a_new_version_that_does_not_start_ends_the_restart_and_the_old_one_goes_on(service):
    first, second = service.workers
    right, old = first.command, second.process.pid
    first.command = [*right, "--no-such-option"]
    try:
        with pytest.raises(Missing, match=f"does not take connections on 127.0.0.1:{first.port}"):
            service.restart_workers()
        with pytest.raises(Missing):
            service.look_after()
    finally:
        first.command = right
    assert (second.process.pid, second.is_well()) == (old, True)
    assert service.look_after() == [first]


@pytest.mark.usefixtures("db")
def test_it_survives_every_client(service):
    command = [sys.executable, "-m", "wslab", "checkup", "examples.service.app:app", "/ws?room=lobby&client=c{n}"]
    command += ["--say-json", '{"type": "say", "text": "hello"}', "--header", "Cookie: session=ann", "--room"]
    path = os.pathsep.join(map(str, [lessons.ROOT, lessons.NOTEBOOKS]))
    # A history that is full soon: the check-up takes what each visit adds for what stays.
    env = os.environ | {"PYTHONPATH": path, "REDIS_URL": service.url, "SERVICE_KEEP": "5"}
    result = subprocess.run(
        [*command, "--origin", "http://127.0.0.1:8000"], env=env, capture_output=True, text=True, timeout=100
    )
    assert result.returncode == 0, result.stdout  # on a busy machine, stderr has the stack of a loop that was late


def test_the_program_starts_all_of_it_and_ends_it():
    command = [sys.executable, "-m", "examples.service", "--port", "0"]
    with subprocess.Popen(
        command, cwd=lessons.ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=notice_ctrl_c
    ) as program:
        try:

            def wait_for(text: str) -> str:
                return next((line for line in program.stdout if text in line), f"it ended, and said no {text!r}")

            wait_for("https://localhost:")
            assert "Redis: redis://" in wait_for("Workers at")
            parts = psutil.Process(program.pid).children()
            assert len(parts) == 4
            worker = next(part for part in parts if "uvicorn" in part.cmdline())
            worker.kill()
            assert "started again" in wait_for("started again")
            program.send_signal(signal.SIGHUP)
            assert "All workers are new" in wait_for("All workers are new")
            parts = psutil.Process(program.pid).children()
            proxy = next(part for part in parts if part.name() == "caddy")
            program.send_signal(signal.SIGINT)
            proxy.wait(PATIENCE)
            program.send_signal(signal.SIGINT)  # somebody is impatient
            assert (program.wait(PATIENCE), len(parts)) == (0, 4)
            assert not [part for part in parts if part.is_running()]
        finally:
            program.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, nothing tells them")
def test_the_parts_end_with_a_program_that_is_killed(service, db):
    db.acl_setuser("somebody", enabled=True, passwords="+secret", keys="*", channels="*", commands=["+@all"])
    url = service.url.replace("//", "//somebody:secret@")
    command = [sys.executable, "-m", "examples.service", "--port", "0", "--workers", "1", "--redis", url]
    with subprocess.Popen(command, cwd=lessons.ROOT, stdout=subprocess.PIPE, text=True) as program:
        try:
            said = next(line for line in program.stdout if "Workers at" in line)
            parts = psutil.Process(program.pid).children()
        finally:
            program.kill()
        assert "secret" not in said
        assert len(parts) == 2
        assert not psutil.wait_procs(parts, PATIENCE)[1]


def test_a_package_that_is_missing_is_one_line():
    code = "from importlib import util; find = util.find_spec; "
    code += "util.find_spec = lambda name, *more: None if name == 'prometheus_client' else find(name, *more); "
    code += "from examples.service.__main__ import main; main()"
    result = subprocess.run([sys.executable, "-c", code], cwd=lessons.ROOT, capture_output=True, text=True, timeout=60)
    assert result.stderr.startswith("This program needs prometheus_client. ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--workers", "0"], "There must be one worker at least"),
        (["--redis", "redis://127.0.0.1:1"], "--redis redis://127.0.0.1:1: "),
        (["--port", "70000"], "port must be 0-65535. Choose another"),
    ],
)
def test_what_can_be_wrong_with_a_start_is_one_line(options, says):
    command = [sys.executable, "-m", "examples.service", *options]
    result = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 1
    assert says in result.stderr and len(result.stderr.splitlines()) == 1, result.stderr


COUNTS = ("lost", "doubled", "out of order", "given up")


def test_a_crowd_loses_nothing_whatever_is_killed():
    counted = chaos.run(clients=20, room_size=5, texts=8, workers=2)
    assert [counted[what] for what in COUNTS] == [0, 0, 0, 0], counted
    assert (counted["said"], counted["deliveries"], counted["tracebacks"]) == (160, 800, 0)
    assert counted["not done"] == []
    assert counted["connects"] > 40  # all were cut off, once at least


@pytest.mark.parametrize(
    ("percent", "not_done"),
    [
        (["50 %"], ["it does not start", "later"]),
        (["50 %", "90 %"], ["it does not start"]),
    ],
)
def test_what_could_not_be_done_does_not_count_as_survived(percent, not_done):
    def fails():
        raise Missing("it does not start")

    says = "; ".join(f"print({line!r})" for line in [*percent, '{"lost": 0}'])
    events = [(10, "now", fails), (80, "later", lambda: None)]
    with subprocess.Popen([sys.executable, "-c", says], stdout=subprocess.PIPE, text=True) as crowd:
        assert chaos.make_trouble(crowd, events) == {"lost": 0, "not done": not_done}


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("broken", "what"), [("resumes one too late", "lost"), ("no ids", "doubled"), ("told before it is kept", "doubled")]
)
def test_a_crowd_notices_what_is_broken(broken, what):
    """In eight runs at most: whether a worker dies between two steps of one message, in so small a crowd, is luck."""
    for _ in range(8):  # in each, it happens three times out of four
        counted = chaos.run(clients=40, room_size=8, texts=10, workers=2, broken=broken)
        if counted[what]:
            break
    assert counted[what] > 0, counted
