"""Endpoints that are right, and endpoints that are wrong in one way each, with the client that must find it."""

import asyncio
import inspect
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, ConfigDict
from starlette.websockets import WebSocketState

logger = logging.getLogger("uvicorn.error")


def app_with(endpoint, path: str = "/ws") -> FastAPI:
    app = FastAPI()
    app.websocket(path)(endpoint)
    return app


# --- right ---


async def echo_text(websocket: WebSocket):
    await websocket.accept()
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") is None:
            await websocket.close(1003, "text, please")
            return
        try:
            await websocket.send_text(message["text"])
        except WebSocketDisconnect:
            return


async def echo_anything(websocket: WebSocket):
    await websocket.accept()
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        try:
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_bytes(message["bytes"])
        except WebSocketDisconnect:
            return


async def sum_json(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                numbers = json.loads(message["text"])["numbers"]
                await websocket.send_json({"sum": sum(numbers)})
            except (KeyError, TypeError, ValueError):
                await websocket.send_json({"error": 'send {"numbers": [1, 2, 3]}'})
    except WebSocketDisconnect:
        return


async def one_answer(websocket: WebSocket):
    """Text or not: one answer, then goodbye."""
    await websocket.accept()
    if (await websocket.receive())["type"] == "websocket.receive":
        try:
            await websocket.send_text("thanks")
            await websocket.close()
        except WebSocketDisconnect:
            return


class Room:
    """A bounded queue for each member, and a task that empties it; whoever does not read is put out."""

    def __init__(self):
        self.queues: dict[WebSocket, asyncio.Queue] = {}

    def tell(self, text: str) -> None:
        for member, queue in list(self.queues.items()):
            if queue.full():
                del self.queues[member]
            else:
                queue.put_nowait(text)

    async def write(self, websocket: WebSocket, queue: asyncio.Queue) -> None:
        try:
            while True:
                await websocket.send_text(await queue.get())
        except WebSocketDisconnect:
            pass  # the reader learns of it, too

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.queues[websocket] = queue = asyncio.Queue(100)
        writer = asyncio.create_task(self.write(websocket, queue))
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                if message.get("text") is not None:
                    self.tell(message["text"])
                else:
                    self.tell("somebody sent bytes")
        finally:
            self.queues.pop(websocket, None)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


async def says_one_thing_and_closes(websocket: WebSocket):
    await websocket.accept()
    await asyncio.sleep(0.1)
    await websocket.send_text("welcome")
    await websocket.close()


async def greets(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text("welcome")
    with suppress(WebSocketDisconnect):
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            await websocket.send_text(message.get("text") or "bytes")


async def takes_a_token_first(websocket: WebSocket):
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        message = await websocket.receive()
        if message["type"] == "websocket.receive" and message.get("text") != "token":
            await websocket.close(4401, "token, please")
        elif message["type"] == "websocket.receive":
            await answer_slowly(websocket, 0)


async def answer_slowly(websocket: WebSocket, seconds: float):
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        await asyncio.sleep(seconds)
        await websocket.send_text(message.get("text") or "bytes")


async def is_slow(websocket: WebSocket):
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        await answer_slowly(websocket, 0.08)


async def ticks(websocket: WebSocket):
    """Sends something all the time, and answers nothing."""

    async def tick():
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await websocket.send_text("tick")
                await asyncio.sleep(0.05)

    await websocket.accept()
    ticking = asyncio.create_task(tick())
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    ticking.cancel()
    await asyncio.wait([ticking])


lock = asyncio.Lock()


async def takes_turns(websocket: WebSocket):
    """A lock of the app's belongs to one event loop as soon as somebody has to wait for it."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            async with lock:
                await asyncio.sleep(0.001)
            await websocket.send_text(message.get("text") or "bytes")


async def sets_timers(websocket: WebSocket):
    """A timer has the context in which it was set, also after it was cancelled, until its time comes."""
    await websocket.accept()
    loop = asyncio.get_running_loop()
    loop.call_later(60, print)
    loop.call_later(60, print).cancel()
    with suppress(WebSocketDisconnect):
        await answer_slowly(websocket, 0)


saving = set()


async def saves_when_it_is_over(websocket: WebSocket):
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        await answer_slowly(websocket, 0)
    task = asyncio.create_task(asyncio.sleep(0.1))
    saving.add(task)
    task.add_done_callback(saving.discard)


sessions = []


async def has_one_session(websocket: WebSocket):
    """Whoever comes puts the one before out."""
    await websocket.accept()
    sessions.append(websocket)
    try:
        for old in sessions[:-1]:
            sessions.remove(old)
            await old.close(4409, "opened elsewhere")
        await answer_slowly(websocket, 0)
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        if websocket in sessions:
            sessions.remove(websocket)


history = deque(maxlen=500)


async def has_a_history(websocket: WebSocket):
    """Which grows with each visit, until it is full."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        async for text in websocket.iter_text():
            history.append({"text": text})
            await websocket.send_text(text)


notes: list[str] = []


async def cuts_its_history(websocket: WebSocket):
    """By hand, at a length that the check-up does not reach."""
    global notes
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        async for text in websocket.iter_text():
            notes.append(f"{len(notes)}: {text}")
            notes = notes[-1000:]
            await websocket.send_text(text)


class SlowRoom:
    """Right, and slow once much has been said: in the middle of a talk, some have heard what others are yet to hear."""

    def __init__(self):
        self.members: list[WebSocket] = []

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        try:
            said = 0
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                said += 1
                for member in list(self.members):
                    with suppress(WebSocketDisconnect, RuntimeError):
                        await member.send_text(message.get("text") or "bytes")
                    if said > 20:
                        await asyncio.sleep(0.01)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.members.remove(websocket)


class Pairs:
    """Two and two hear each other; a third waits for a fourth."""

    def __init__(self):
        self.waits: WebSocket | None = None
        self.partners: dict[WebSocket, WebSocket] = {}

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        if self.waits:
            self.partners[websocket], self.partners[self.waits] = self.waits, websocket
            first, self.waits = self.waits, None
            await self.tell(websocket, "(somebody has come)")
            await self.tell(first, "(so you need not wait any more)")
            await self.tell(websocket, "(well?)")
        else:
            self.waits = websocket
        with suppress(WebSocketDisconnect):
            async for text in websocket.iter_text():
                await self.tell(websocket, text)
        partner = self.partners.pop(websocket, None)
        if self.waits is websocket:
            self.waits = None
        if partner:
            self.partners.pop(partner, None)
            with suppress(WebSocketDisconnect, RuntimeError):
                await partner.send_text("(gone)")

    async def tell(self, websocket: WebSocket, text: str):
        with suppress(WebSocketDisconnect, RuntimeError):
            if websocket in self.partners:
                await self.partners[websocket].send_text(text)


class Riddles:
    """A room in which the one whose turn it is must not speak. Whose turn that is, seems to be luck."""

    def __init__(self, came: int = 0):
        self.members: dict[WebSocket, bool] = {}
        self.came = came

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.came += 1
        self.members[websocket] = self.came % 5 == 0
        try:
            with suppress(RuntimeError):  # a send to itself has found it gone
                async for text in websocket.iter_text():
                    for member in list(self.members) if not self.members[websocket] else ():
                        with suppress(WebSocketDisconnect, RuntimeError):
                            await member.send_text(text)
        finally:
            del self.members[websocket]


class Drawing:
    """A room in which the first draws, once there is a second one, and must not speak; the others guess."""

    def __init__(self):
        self.members: list[WebSocket] = []
        self.draws: WebSocket | None = None

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        if len(self.members) == 2:
            self.draws = self.members[0]
        try:
            with suppress(RuntimeError):  # a send to itself has found it gone
                async for text in websocket.iter_text():
                    for member in list(self.members) if websocket is not self.draws else ():
                        with suppress(WebSocketDisconnect, RuntimeError):
                            await member.send_text(text)
        finally:
            self.members.remove(websocket)


async def sends_foreigners_away(websocket: WebSocket):
    """After accept(), so that the page can read why."""
    await websocket.accept()
    if websocket.headers["origin"] != "https://good.example":
        await websocket.close(4403, "origin")
        return
    with suppress(WebSocketDisconnect):
        await answer_slowly(websocket, 0)


class OneOfAName:
    """Who is there stays, as long as it is not known to have gone; who comes under the same name is sent away."""

    def __init__(self):
        self.names: set[str] = set()

    async def endpoint(self, websocket: WebSocket, name: str):
        await websocket.accept()
        if name in self.names:
            await websocket.close(1000, "already here")
            return
        self.names.add(name)
        try:
            with suppress(WebSocketDisconnect):
                await answer_slowly(websocket, 0)
        finally:
            self.names.remove(name)


async def answers_who_has_joined(websocket: WebSocket):
    """Who joins is told to all, and what one says is answered to that one alone."""
    await websocket.accept()
    joined.add(websocket)
    try:
        with suppress(RuntimeError):  # a send to itself has found it gone
            async for text in websocket.iter_text():
                for member in [websocket] if text != "join" else list(joined):
                    with suppress(WebSocketDisconnect, RuntimeError):
                        await member.send_text(text)
    finally:
        joined.remove(websocket)


joined: set[WebSocket] = set()


class Heals:
    """A list that heals itself: a send that fails takes out whoever it was for."""

    def __init__(self, tidies: bool):
        self.members: list[WebSocket] = []
        self.tidies = tidies  # whoever leaves is taken out at once

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                for member in list(self.members):
                    await self.tell(member, message.get("text") or "bytes")
        finally:
            if self.tidies:
                self.take_out(websocket)

    async def tell(self, member: WebSocket, text: str):
        try:
            await member.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            self.take_out(member)

    def take_out(self, member: WebSocket):
        if member in self.members:
            self.members.remove(member)


class Named:
    """Those who are there by their names: the newest of each name, or all of them."""

    def __init__(self, only_newest: bool):
        self.users: dict[str, set[WebSocket]] = {}
        self.only_newest = only_newest

    async def endpoint(self, websocket: WebSocket, name: str):
        await websocket.accept()
        self.users[name] = {websocket} | (set() if self.only_newest else self.users.get(name, set()))
        try:
            with suppress(WebSocketDisconnect):
                await answer_slowly(websocket, 0)
        finally:
            if websocket in self.users.get(name, ()):
                self.users[name].remove(websocket)
                if not self.users[name]:
                    del self.users[name]


class NamedPairs(Pairs):
    """Whose partner leaves is nobody's partner any more, whatever the names are."""

    async def endpoint(self, websocket: WebSocket, name: str):
        await super().endpoint(websocket)


async def has_workers(websocket: WebSocket):
    """Four, behind a queue with a limit."""
    await websocket.accept()
    queue = asyncio.Queue(10)

    async def work():
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                text = await queue.get()
                await asyncio.sleep(0.001)
                await websocket.send_text(text)

    workers = [asyncio.create_task(work()) for _ in range(4)]
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            await queue.put(message.get("text") or "bytes")
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def has_many_tasks():
    """An app that has had a hundred and fifty tasks since it was started."""

    @asynccontextmanager
    async def lifespan(app):
        tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(150)]
        yield
        for task in tasks:
            task.cancel()

    app = FastAPI(lifespan=lifespan)
    app.websocket("/ws")(has_workers)
    return app


async def answers_the_last(websocket: WebSocket):
    """Each message calls off the answer to the one before."""
    await websocket.accept()
    answering = None
    with suppress(WebSocketDisconnect):
        while True:
            text = await websocket.receive_text()
            if answering:
                answering.cancel()
            answering = asyncio.create_task(answers_later(websocket, text))
    answering = answering and answering.cancel()


async def answers_later(websocket: WebSocket, text: str):
    with suppress(WebSocketDisconnect, RuntimeError):
        await asyncio.sleep(0.01)
        await websocket.send_text(text)


async def ticks_and_answers(websocket: WebSocket):
    """News every ten seconds, by a task of each connection's own."""

    async def tick():
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await asyncio.sleep(10)
                await websocket.send_text("news")

    await websocket.accept()
    ticking = asyncio.create_task(tick())
    try:
        with suppress(WebSocketDisconnect):
            await answer_slowly(websocket, 0)
    finally:
        ticking.cancel()
        await asyncio.wait([ticking])


def ticks_for_all():
    """News every fifteen seconds, by a task for all. In some looks nothing comes."""
    pages: set[WebSocket] = set()

    async def tick():
        await asyncio.sleep(5)
        while True:
            for page in list(pages):
                with suppress(WebSocketDisconnect, RuntimeError):
                    await page.send_text("news")
            await asyncio.sleep(15)

    @asynccontextmanager
    async def lifespan(app):
        ticking = asyncio.create_task(tick())
        yield
        ticking.cancel()

    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        pages.add(websocket)
        try:
            with suppress(WebSocketDisconnect):
                await answer_slowly(websocket, 0)
        finally:
            pages.remove(websocket)

    app = FastAPI(lifespan=lifespan)
    app.websocket("/ws")(endpoint)
    return app


class ShortRiddles(Riddles):
    """The same; and whoever does not read has twenty seconds to take what was said."""

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.came += 1
        self.members[websocket] = self.came % 5 == 0
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                for member in list(self.members) if not self.members[websocket] else ():
                    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                        async with asyncio.timeout(20):
                            await member.send_text(message.get("text") or "bytes")
        finally:
            del self.members[websocket]


async def refuses_half_a_character(websocket: WebSocket):
    await websocket.accept()
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        try:
            text = json.loads(message["text"])["text"].encode().decode()
        except (AttributeError, KeyError, TypeError, ValueError):
            await websocket.close(1007)
            return
        with suppress(WebSocketDisconnect):
            await websocket.send_text(text)


async def cuts_text(websocket: WebSocket):
    """At so many bytes. Half a character is left out."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            data = (message.get("text") or "bytes").encode()[:1024]
            await websocket.send_text(data.decode(errors="ignore"))


spoke: dict[WebSocket, int] = {}


async def counts_what_was_said(websocket: WebSocket):
    """Of each client, and looks at it when that has left, whether it has said something or not."""
    await websocket.accept()
    try:
        with suppress(WebSocketDisconnect):
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                spoke[websocket] = spoke.get(websocket, 0) + 1
                await websocket.send_text(message.get("text") or "bytes")
    finally:
        logger.info("messages: %d", spoke.pop(websocket, 0))


HEALING = {"room": True, "only": ["polite", "drops while idle", "wrong kind", "is cancelled"]}
NAMED = {"query": {"name": "{n}"}, "only": ["polite", "comes back"]}

RIGHT = {
    "one of a name": (app_with(OneOfAName().endpoint), {"query": {"name": "{n}"}, "only": ["polite", "comes back"]}),
    "heals, and tidies up": (app_with(Heals(tidies=True).endpoint), HEALING),
    "heals, and does not tidy up": (app_with(Heals(tidies=False).endpoint), HEALING),
    "the newest of a name": (app_with(Named(only_newest=True).endpoint), NAMED),
    "all of a name": (app_with(Named(only_newest=False).endpoint), NAMED),
    "two and two, with names": (app_with(NamedPairs().endpoint), NAMED | {"room": True}),
    "workers": (app_with(has_workers), {"only": ["polite", "floods"]}),
    "many tasks": (has_many_tasks(), {"only": ["polite", "floods"]}),
    "the last one": (app_with(answers_the_last), {"only": ["polite", "floods"]}),
    "news for each": (app_with(ticks_and_answers), {"only": ["polite", "goes away", "drops while idle"]}),
    "news for all": (ticks_for_all(), {"only": ["polite", "silent", "goes away", "drops while idle"]}),
    "luck, with a limit": (app_with(ShortRiddles().endpoint), {"room": True, "only": ["polite", "stalls"]}),
    "refuses half a character": (
        app_with(refuses_half_a_character),
        {"say": {"text": "hello"}, "only": ["polite", "wrong values"]},
    ),
    "cuts text": (app_with(cuts_text), {"only": ["polite", "wrong content"]}),
    "counts what was said": (app_with(counts_what_was_said), {"only": ["polite", "silent", "drops while idle"]}),
    "only who joins is heard": (
        app_with(answers_who_has_joined),
        {"say": ["join", "hello"], "room": True, "only": ["polite", "leaves a talk", "joins and leaves"]},
    ),
    "greets": (app_with(greets), {}),
    "says one thing, and closes": (app_with(says_one_thing_and_closes), {"only": ["polite", "crowd"]}),
    "a token first": (app_with(takes_a_token_first), {"say": ["token", "hello"], "patience": 1}),
    "ticks": (app_with(ticks), {"only": ["changes its kind", "not utf8", "too big", "floods"], "patience": 0.5}),
    "a lock": (app_with(takes_turns), {"only": ["polite", "does not wait", "stalls", "crowd"]}),
    "timers": (app_with(sets_timers), {"only": ["comes and goes"]}),
    "a history": (app_with(has_a_history), {"say": "hello", "only": ["comes and goes"]}),
    "a history that is cut": (app_with(cuts_its_history), {"say": "hello", "only": ["comes and goes"]}),
    "two and two": (
        app_with(Pairs().endpoint),
        {"room": True, "only": ["polite", "goes away", "leaves a talk", "joins and leaves"]},
    ),
    "a slow room": (app_with(SlowRoom().endpoint), {"room": True, "only": ["polite", "leaves a talk"], "patience": 1}),
    "roles": (app_with(Drawing().endpoint), {"room": True, "only": ["polite", "goes away", "joins and leaves"]}),
    "luck": (
        app_with(Riddles().endpoint),
        {"room": True, "only": ["polite", "goes away", "drops while idle"]},
    ),
    "saves in the end": (app_with(saves_when_it_is_over), {"only": ["polite", "drops while idle"]}),
    "one session": (app_with(has_one_session), {"only": ["polite", "crowd"]}),
    "origins": (app_with(sends_foreigners_away), {"origins": ["https://good.example"], "only": ["foreign origin"]}),
    "a room with queues": (app_with(Room().endpoint), {"say": "hello, all of you", "room": True}),
    "echo of text": (app_with(echo_text), {"say": "hello"}),
    "echo of anything": (app_with(echo_anything), {"say": [b"\x00\x01", b"\x02"]}),
    "sums, JSON": (app_with(sum_json), {"say": {"numbers": [1, 2]}}),
    "one answer": (app_with(one_answer), {"say": "hello"}),
}


# --- wrong ---


async def no_accept(websocket: WebSocket):
    await websocket.send_text(await websocket.receive_text())


async def accepts_too_late(websocket: WebSocket):
    await asyncio.sleep(60)
    await websocket.accept()


async def catches_too_much(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except Exception:
        await websocket.close()


async def no_except(websocket: WebSocket):
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


async def no_except_around_the_send(websocket: WebSocket):
    await websocket.accept()
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        await websocket.send_text(message.get("text") or "bytes")


async def only_clean_closes(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect as disconnect:
        if disconnect.code != 1000:
            raise


async def text_only(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def json_only(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_json(await websocket.receive_json())
    except (WebSocketDisconnect, KeyError):
        if websocket.client_state is WebSocketState.CONNECTED:
            await websocket.close(1003)


async def no_close(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    await websocket.send_text("thanks")


async def blocks(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            time.sleep(1.9)  # on a busy machine the clients' own loop comes late, too, but not that much
            await websocket.send_text(text)
    except (WebSocketDisconnect, KeyError):
        pass


async def computes(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            end = time.thread_time() + 0.6
            while time.thread_time() < end:
                pass
            await websocket.send_text(text)
    except (WebSocketDisconnect, KeyError):
        pass


async def circles(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    while True:
        pass


async def never_notices(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    await websocket.send_text("thanks")
    await asyncio.sleep(60)


async def closes_here_and_sends_there(websocket: WebSocket):
    await websocket.accept()
    inbox = asyncio.Queue(10)

    async def read():
        while True:
            try:
                await inbox.put(await websocket.receive_text())
            except KeyError:
                await websocket.close(1003)
                raise WebSocketDisconnect(1003) from None

    async def answer():
        while True:
            await websocket.send_text(await inbox.get())
            await asyncio.sleep(0)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            tasks.create_task(answer())
    except* WebSocketDisconnect:
        pass


async def sent_away(websocket: WebSocket):
    await websocket.accept()
    if (await websocket.receive())["type"] == "websocket.receive":
        try:
            await websocket.close(1003)
        except WebSocketDisconnect:
            pass


async def only_sends(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text("tick")
            await asyncio.sleep(0.02)
    except WebSocketDisconnect:
        pass


async def swallows_cancellation(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive()
    await websocket.send_text("thanks")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass


async def leaves_a_task(websocket: WebSocket):
    await websocket.accept()
    websocket.app.state.tasks = [*getattr(websocket.app.state, "tasks", []), asyncio.create_task(asyncio.sleep(60))]
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except (WebSocketDisconnect, KeyError):
        pass


kept = []


async def keeps_everybody(websocket: WebSocket):
    kept.append(websocket)
    await echo_text(websocket)


sessions_of_all: dict[int, dict] = {}


async def keeps_sessions_beside_a_history(websocket: WebSocket):
    await websocket.accept()
    sessions_of_all[len(sessions_of_all)] = {"said": []}
    with suppress(WebSocketDisconnect):
        async for text in websocket.iter_text():
            history.append({"text": text})
            await websocket.send_text(text)


async def bug(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            await websocket.send_text(f"{len(text)} {text[4]}")
    except (WebSocketDisconnect, KeyError):
        pass


class Manager:
    """The well-known one: one list, one loop of awaits."""

    def __init__(self):
        self.members: list[WebSocket] = []

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        try:
            while True:
                text = await websocket.receive_text()
                for member in self.members:
                    await member.send_text(text)
        except WebSocketDisconnect:
            self.members.remove(websocket)


class CarefulManager:
    """Whatever ends an endpoint, it leaves the list. The loop of awaits is the well-known one."""

    def __init__(self):
        self.members: list[WebSocket] = []

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                for member in list(self.members):
                    await member.send_text(message.get("text") or "bytes")
        except WebSocketDisconnect:
            pass
        finally:
            self.members.remove(websocket)


class ListManager(CarefulManager):
    """Walks through the list of members, and lets others run on the way. Whoever leaves makes it skip somebody."""

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                for member in self.members:
                    with suppress(WebSocketDisconnect, RuntimeError):
                        await member.send_text(message.get("text") or "bytes")
                    await asyncio.sleep(0)
        except WebSocketDisconnect:
            pass
        finally:
            self.members.remove(websocket)


class SetManager(CarefulManager):
    """Walks through the set of members, and lets others run on the way: they come and go meanwhile."""

    def __init__(self):
        self.members: set[WebSocket] = set()

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.add(websocket)
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                for member in self.members:
                    await member.send_text(message.get("text") or "bytes")
                    await asyncio.sleep(0)
        except WebSocketDisconnect:
            pass
        finally:
            self.members.discard(websocket)


class GatherManager(CarefulManager):
    """Sends to all at the same time. The first error comes out of `gather()`: that of somebody else's connection."""

    one_error_is_everybodys = True

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                sends = [member.send_text(message.get("text") or "bytes") for member in self.members]
                await asyncio.gather(*sends, return_exceptions=not self.one_error_is_everybodys)
        except WebSocketDisconnect:
            pass
        finally:
            self.members.remove(websocket)


class PatientGatherManager(GatherManager):
    """Sends to all at the same time, and waits for all."""

    one_error_is_everybodys = False


class ManagerThatTakesOutTwice(CarefulManager):
    """Takes out whom it cannot reach, as that one's endpoint does."""

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                for member in list(self.members):
                    try:
                        await member.send_text(message.get("text") or "bytes")
                    except (WebSocketDisconnect, RuntimeError):
                        self.members.remove(member)
        finally:
            self.members.remove(websocket)


class DictManager(CarefulManager):
    """Walks through the dict of members itself. That others come and go meanwhile shows where a send has to wait."""

    def __init__(self):
        self.members: dict[int, WebSocket] = {}

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members[id(websocket)] = websocket
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                for member in self.members.values():
                    with suppress(WebSocketDisconnect, RuntimeError):
                        await member.send_text(message.get("text") or "bytes")
        except WebSocketDisconnect:
            pass
        finally:
            del self.members[id(websocket)]


def stuck_after_a_disconnect():
    """Greets everybody, and answers none of those who are there any more, once an answer could not be sent."""
    stuck, here = False, 0

    async def endpoint(websocket: WebSocket):
        nonlocal stuck, here
        stuck, here = stuck and here > 0, here + 1
        await websocket.accept()
        await websocket.send_text("welcome")
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                if not stuck:
                    await websocket.send_text(message.get("text") or "bytes")
        except WebSocketDisconnect:
            stuck = True
        finally:
            here -= 1

    return endpoint


def holds_a_lock_while_it_sends():
    lock = asyncio.Lock()

    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        with suppress(WebSocketDisconnect):
            while (await websocket.receive())["type"] != "websocket.disconnect":
                async with lock:
                    await websocket.send_text(os.urandom(1000).hex())

    return endpoint


def keeps_the_connection_of_who_has_gone():
    """A database connection, of which there are few. It is not given back if the answer cannot be sent."""
    pool = ["the only connection"]

    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        with suppress(WebSocketDisconnect):
            async for text in texts(websocket):
                connection = pool.pop()
                await asyncio.sleep(0.2)  # a query
                await websocket.send_text(text)
                pool.append(connection)

    return endpoint


async def asks_for_a_name_first(websocket: WebSocket):
    await websocket.accept()
    name = await websocket.receive_text()
    try:
        while True:
            await websocket.send_text(f"hello, {name}")
            name = await websocket.receive_text()
    except (WebSocketDisconnect, KeyError):
        pass


async def closes_whom_it_has_lost(websocket: WebSocket):
    await websocket.accept()
    try:
        async for text in texts(websocket):
            await websocket.send_text(text)
    except WebSocketDisconnect as left:
        if left.code != 1000:
            await websocket.close()


async def says_whose_connection_was_lost(websocket: WebSocket):
    await websocket.accept()
    try:
        name = await websocket.receive_text()
        while True:
            await websocket.send_text(f"hello, {name}")
            await websocket.receive_text()
    except KeyError:
        await websocket.close(1003)
    except WebSocketDisconnect as left:
        if left.code in (1005, 1006):
            logger.warning("%s was cut off", name)


async def waits_for_the_network(websocket: WebSocket):
    """Sends a report of 8 MiB: more than all buffers take. Then `send` waits until somebody reads."""
    await websocket.accept()
    with suppress(WebSocketDisconnect, RuntimeError):
        while (await websocket.receive())["type"] != "websocket.disconnect":
            await websocket.send_text("here it comes")
            for _ in range(128):
                await websocket.send_bytes(bytes(64 * 1024))
                await asyncio.sleep(0)


async def plays_before_it_listens(websocket: WebSocket):
    """Of what its client says, it takes one message after each piece. Until then the pongs wait, too."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            for _ in range(32):
                await websocket.send_text("la")
                await asyncio.sleep(0.05)
            await websocket.receive_text()


async def trusts_the_shape(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive_json()
            await websocket.send_json({"sum": sum(message["numbers"])})
    except ValueError:
        await websocket.close(1003)
    except WebSocketDisconnect:
        pass


WHY = {
    1000: "said goodbye",
    1001: "left the page",
    1005: "was cut off",
    1009: "sent too much",
    1011: "broke",
    1012: "had to leave: we restart",
}


async def knows_every_code(websocket: WebSocket):
    await websocket.accept()
    try:
        async for text in texts(websocket):
            await websocket.send_text(text)
    except WebSocketDisconnect as left:
        logger.info("somebody %s", WHY[left.code])


async def explains_it_too_late(websocket: WebSocket):
    await websocket.accept()
    try:
        async for text in texts(websocket):
            await websocket.send_text(text)
    except WebSocketDisconnect as left:
        if left.code == 1009:
            await websocket.send_text("That was too long. Split it, please.")


async def texts(websocket: WebSocket):
    """What comes, as text. Raises WebSocketDisconnect when its client leaves."""
    while True:
        try:
            yield await websocket.receive_text()
        except KeyError:
            yield "bytes"


class SaysWhoLeaves(CarefulManager):
    """Tells the others, of whom some may just have left, too: when the server shuts down, all have."""

    async def endpoint(self, websocket: WebSocket):
        await websocket.accept()
        self.members.append(websocket)
        with suppress(WebSocketDisconnect):
            await answer_slowly(websocket, 0)
        self.members.remove(websocket)
        for member in list(self.members):
            await member.send_text("somebody has left")


def trusts_cors():
    """CORS is about HTTP. No browser asks for it before it opens a WebSocket, and no middleware looks."""
    app = app_with(echo_text)
    app.add_middleware(CORSMiddleware, allow_origins=["https://good.example"])
    return app


class Heating(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    room: Literal["kitchen", "hall"]
    celsius: float


async def validates_and_lets_the_error_escape(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            heating = Heating.model_validate_json(await websocket.receive_text())
            await websocket.send_text(heating.model_dump_json())
    except WebSocketDisconnect:
        pass


async def matches_the_keys_alone(websocket: WebSocket):
    """What is wrong goes in, and does its harm in a later line."""
    await websocket.accept()
    try:
        while True:
            match json.loads(await websocket.receive_text()):
                case {"room": str(room), "celsius": celsius}:
                    await websocket.send_json({"room": room, "heats": celsius > 19.5})
                case _:
                    await websocket.send_json({"error": "room and celsius, please"})
    except WebSocketDisconnect:
        pass
    except ValueError:
        await websocket.close(1007)


async def trusts_the_cookie(websocket: WebSocket):
    """A browser adds the cookie for every page, whoever has written it."""
    if websocket.cookies.get("session") != "good":
        await websocket.close()
        return
    await echo_text(websocket)


async def trusts_the_values(websocket: WebSocket):
    """Checks the shape, and not what is in it."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        async for text in texts(websocket):
            try:
                numbers = json.loads(text)["numbers"]
                assert isinstance(numbers, list | int | str)
            except (AssertionError, KeyError, TypeError, ValueError):
                numbers = [0]
            await websocket.send_json({"mean": sum(numbers) / len(numbers)})


async def takes_any_number(websocket: WebSocket):
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        async for text in texts(websocket):
            await websocket.send_text(str(len(text) if not text.isdecimal() else int(text) + 1))


class RegistersBeforeAccept(CarefulManager):
    """Whoever gives up before the look-up is done stays in the list."""

    async def endpoint(self, websocket: WebSocket):
        self.members.append(websocket)
        await asyncio.sleep(0.05)  # a look-up
        await websocket.accept()
        with suppress(WebSocketDisconnect):
            await answer_slowly(websocket, 0)
        self.members.remove(websocket)


async def trusts_its_headers(websocket: WebSocket):
    assert len(websocket.headers["authorization"].split()) == 2
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        await answer_slowly(websocket, 0)


def takes_the_old_for_the_new():
    """Connections by name. Whoever leaves takes the entry of its name along, whosever that is by now."""
    members: dict[str, WebSocket] = {}

    async def endpoint(websocket: WebSocket, name: str):
        await websocket.accept()
        members[name] = websocket
        with suppress(WebSocketDisconnect):
            async for text in texts(websocket):
                await members[name].send_text(text)
        del members[name]

    return endpoint


def has_one_place_for_a_name():
    """A room of names. Whoever leaves takes the place of its name along, and says nothing."""
    members: dict[str, WebSocket] = {}

    async def endpoint(websocket: WebSocket, name: str):
        await websocket.accept()
        members[name] = websocket
        with suppress(WebSocketDisconnect, RuntimeError):
            async for text in texts(websocket):
                for member in list(members.values()):
                    with suppress(WebSocketDisconnect, RuntimeError):
                        await member.send_text(text)
        members.pop(name, None)

    return endpoint


def takes_the_others_seat_along():
    """One seat for a name. Who comes ends who sits there, who then takes the seat away from who has come."""
    seats: dict[str, asyncio.Timeout] = {}

    async def endpoint(websocket: WebSocket, name: str):
        await websocket.accept()
        if name in seats:
            seats[name].reschedule(0)
        try:
            async with asyncio.timeout(None) as seats[name]:
                with suppress(WebSocketDisconnect):
                    async for text in texts(websocket):
                        await websocket.send_text(text)
        except TimeoutError:
            with suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(4001)
        finally:
            del seats[name]

    return endpoint


def puts_both_out():
    """One connection for a name. Who comes puts the old one out, whose end then puts out who has come."""
    members: dict[str, WebSocket] = {}

    async def put_out(name: str) -> None:
        if member := members.pop(name, None):
            with suppress(WebSocketDisconnect, RuntimeError):
                await member.close()

    async def endpoint(websocket: WebSocket, name: str):
        await websocket.accept()
        await put_out(name)
        members[name] = websocket
        try:
            async for text in texts(websocket):
                await websocket.send_text(text)
        except WebSocketDisconnect:
            pass
        finally:
            await put_out(name)

    return endpoint


async def measures(websocket: WebSocket):
    """What could not be measured is NaN, which JSON does not have."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        async for _ in texts(websocket):
            await websocket.send_json({"value": float("nan")})


async def goes_on_when_cancelled(websocket: WebSocket):
    """Takes every error for a bad message."""
    await websocket.accept()
    while True:
        try:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await websocket.send_text(message.get("text") or "bytes")
        except WebSocketDisconnect:
            return
        except BaseException as error:
            logger.info("a bad message: %r", error)


async def takes_a_leave_for_an_error(websocket: WebSocket):
    await websocket.accept()
    try:
        async for text in texts(websocket):
            await websocket.send_text(text)
    except WebSocketDisconnect as left:
        logger.error("lost a client: %s", left.code)


def keeps_what_was_said():
    """A history for each visit. It holds no connection."""
    histories: dict[object, list] = {}

    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        mine = object()
        histories[mine] = [{"role": "system"}]
        with suppress(WebSocketDisconnect):
            async for text in texts(websocket):
                histories[mine].append({"role": "user", "text": text})
                await websocket.send_text(text)

    return endpoint


@dataclass(frozen=True)
class Wrong:
    """A wrong endpoint, the client that must find it, what is then seen, and the lesson about it."""

    endpoint: Callable  # or, where it keeps something, a function that makes one; or a whole app
    client: str
    seen: str
    lesson: str = ""
    options: Mapping = field(default_factory=dict)  # of the check-up

    def app(self) -> FastAPI:
        """An app with this endpoint, which knows nothing of other check-ups."""
        made = self.endpoint if inspect.iscoroutinefunction(self.endpoint) else self.endpoint()
        return made if isinstance(made, FastAPI) else app_with(made)


ROOM = {"say": "hello, all of you", "room": True}
NUMBERS = {"say": {"numbers": [1]}}
HEATING = {"say": {"room": "kitchen", "celsius": 21.5}}
SOON = {"patience": 0.5}  # what does not come is not waited for any longer

WRONG = {
    # by the client that must find it, in the clients' order
    "takes a leave for an error": Wrong(
        takes_a_leave_for_an_error, "polite", "logged ERROR 'lost a client: 1000'", "catching-too-much"
    ),
    "matches the keys alone": Wrong(
        matches_the_keys_alone, "wrong values", "raised TypeError: ", "catching-too-much", options=HEATING
    ),
    "trusts the values": Wrong(
        trusts_the_values, "wrong values", "raised TypeError: ", "catching-too-much", options=NUMBERS
    ),
    "takes any number": Wrong(takes_any_number, "wrong content", "raised ValueError: Exceeds", "catching-too-much"),
    "registers before accept()": Wrong(
        lambda: RegistersBeforeAccept().endpoint, "gives up", "of its visits still remembered"
    ),
    "trusts its headers": Wrong(
        trusts_its_headers,
        "without papers",
        "raised KeyError: 'authorization'",
        "catching-too-much",
        options={"headers": {"Authorization": "Bearer token"}},
    ),
    "takes the old for the new": Wrong(
        takes_the_old_for_the_new,
        "comes back",
        "raised KeyError: ",
        "many-clients",
        options={"query": {"name": "{n}"}},
    ),
    "has one place for a name": Wrong(
        has_one_place_for_a_name,
        "comes back",
        "no answer",
        "many-clients",
        options=ROOM | SOON | {"query": {"name": "{n}"}},
    ),
    "puts both out": Wrong(
        puts_both_out, "comes back", "no answer", "many-clients", options={"query": {"name": "{n}"}}
    ),
    "takes the other's seat along": Wrong(
        takes_the_others_seat_along,
        "comes back",
        "raised KeyError: ",
        "many-clients",
        options={"query": {"name": "{n}"}},
    ),
    "answers NaN": Wrong(measures, "as a browser", "an answer that no browser reads: NaN", "messages-with-a-contract"),
    "goes on when cancelled": Wrong(
        goes_on_when_cancelled, "is cancelled", "went on after it was cancelled", "catching-too-much"
    ),
    "keeps what was said": Wrong(keeps_what_was_said, "comes and goes", "with each visit it keeps more in memory"),
    "forgets accept()": Wrong(
        no_accept,
        "polite",
        "raised WebSocketDisconnected: WebSocket is not connected. Need to call",
        "forgetting-to-accept",
    ),
    "accepts too late": Wrong(
        accepts_too_late, "polite", "its endpoint is still running", "forgetting-to-accept", options=SOON
    ),
    "does not expect a disconnect": Wrong(
        no_except, "polite", "raised WebSocketDisconnect(1000)", "letting-disconnects-escape"
    ),
    "returns without close()": Wrong(no_close, "polite", "returned without close()", "closing-too-early"),
    "blocks the event loop": Wrong(blocks, "polite", "the event loop stood still", "blocking-the-event-loop"),
    # Stood still or, on a busy machine, where 0.6 s of computing take long, blocked.
    "computes on the event loop": Wrong(computes, "polite", "event loop", "blocking-the-event-loop"),
    "does not notice who has gone": Wrong(never_notices, "polite", "is still running", "both-directions-at-once"),
    "sends everybody away": Wrong(sent_away, "polite", "closed with 1003", "closing-too-early"),
    "swallows its cancellation": Wrong(swallows_cancellation, "polite", "is still running", "both-directions-at-once"),
    "leaves a task": Wrong(leaves_a_task, "polite", "2 task(s) left over", "letting-disconnects-escape"),
    "has a bug": Wrong(bug, "polite", "raised IndexError", "catching-too-much"),
    "asks for a name first": Wrong(
        asks_for_a_name_first, "silent", "raised WebSocketDisconnect(1000)", "letting-disconnects-escape"
    ),
    "expects only clean closes": Wrong(
        only_clean_closes, "goes away", "raised WebSocketDisconnect(1001)", "letting-disconnects-escape"
    ),
    "closes whom it has lost": Wrong(
        closes_whom_it_has_lost, "drops while idle", "raised WebSocketDisconnect(1006)", "disconnects-done-right"
    ),
    "keeps the connection of who has gone": Wrong(
        keeps_the_connection_of_who_has_gone,
        "drops before the answer",
        "raised IndexError: pop from empty list",
        "catching-too-much",
    ),
    "answers nobody any more": Wrong(
        stuck_after_a_disconnect, "does not wait", "the bystander got no answer", options=SOON
    ),
    "does not expect a send to fail": Wrong(
        no_except_around_the_send, "does not wait", "raised WebSocketDisconnect(1006)", "disconnects-done-right"
    ),
    "says whose connection was lost": Wrong(
        says_whose_connection_was_lost, "drops inside a message", "raised UnboundLocalError", "disconnects-done-right"
    ),
    "waits for the network": Wrong(
        waits_for_the_network, "half open", "its endpoint did not end", "disconnects-done-right"
    ),
    "plays before it listens": Wrong(
        plays_before_it_listens,
        "listens",
        "closed with 1011: keepalive ping timeout",
        "both-directions-at-once",
        options={"patience": 10},  # seconds: it does let its client go, after the piece
    ),
    "takes text only": Wrong(text_only, "wrong kind", "raised KeyError: 'text'", "text-bytes-and-json"),
    "a dead socket stays in the list": Wrong(
        lambda: Manager().endpoint, "wrong kind", "raised KeyError: 'text'", "text-bytes-and-json", options=ROOM
    ),
    "closes in one task, sends in another": Wrong(
        closes_here_and_sends_there,
        "changes its kind",
        "raised WebSocketDisconnected: Cannot call",
        "closing-too-early",
    ),
    "takes JSON only": Wrong(json_only, "not json", "raised JSONDecodeError", "text-bytes-and-json", options=NUMBERS),
    "validates, and lets the error escape": Wrong(
        validates_and_lets_the_error_escape,
        "wrong shape",
        "raised ValidationError: ",
        "messages-with-a-contract",
        options=HEATING,
    ),
    "trusts the shape": Wrong(
        trusts_the_shape, "wrong shape", "raised TypeError: 'NoneType' object", "catching-too-much", options=NUMBERS
    ),
    "knows every code": Wrong(knows_every_code, "not utf8", "raised KeyError: ", "disconnects-done-right"),
    "explains it too late": Wrong(
        explains_it_too_late,
        "too big",
        "raised RuntimeError: Unexpected ASGI message 'websocket.send', after sending 'websocket.close'",
        "catching-too-much",
    ),
    "a lock while it sends": Wrong(holds_a_lock_while_it_sends, "floods", "the bystander got no answer", options=SOON),
    "one that does not read stops all": Wrong(
        lambda: CarefulManager().endpoint, "stalls", "the bystander got no answer", "many-clients", options=ROOM | SOON
    ),
    "gather() waits for one that does not read": Wrong(
        lambda: PatientGatherManager().endpoint, "stalls", "the bystander got no answer", options=ROOM | SOON
    ),
    "gather() throws the speaker out": Wrong(
        lambda: GatherManager().endpoint,
        "leaves a talk",
        "returned without close()",
        "many-clients",
        options=ROOM,
    ),
    "takes out twice": Wrong(
        lambda: ManagerThatTakesOutTwice().endpoint,
        "leaves a talk",
        "raised ValueError: list.remove(x): x not in list",
        "many-clients",
        options=ROOM,
    ),
    "the list changes while it is walked": Wrong(
        lambda: ListManager().endpoint, "leaves a talk", "some who stayed missed messages", "many-clients", options=ROOM
    ),
    "the dict changes while it is walked": Wrong(
        lambda: DictManager().endpoint,
        "joins and leaves",
        "raised RuntimeError: dictionary changed size",
        "many-clients",
        options=ROOM,
    ),
    "the set changes while it is walked": Wrong(
        lambda: SetManager().endpoint, "crowd", "raised RuntimeError: Set changed size", "many-clients", options=ROOM
    ),
    "keeps sessions beside a history": Wrong(
        keeps_sessions_beside_a_history, "comes and goes", "`sessions_of_all[len(sessions_of_all)] = {"
    ),
    "keeps everybody in a list": Wrong(keeps_everybody, "polite", "of its visits still remembered"),
    "trusts CORS": Wrong(
        trusts_cors, "foreign origin", "served", "who-is-calling", options={"origins": ["https://good.example"]}
    ),
    "trusts the cookie": Wrong(
        trusts_the_cookie,
        "foreign origin",
        "served",
        "who-is-calling",
        options={"origins": ["https://good.example"], "headers": {"Cookie": "session=good"}},
    ),
    "says who leaves": Wrong(
        lambda: SaysWhoLeaves().endpoint, "stays", "raised WebSocketDisconnect(1006)", "many-clients"
    ),
}

# The clients for which no endpoint can be wrong, and why.
NOTHING_TO_FIND = {"handshake stops": "uvicorn calls no app before the request is complete"}
