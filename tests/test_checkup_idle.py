"""Whether a server waits for its clients only: then nobody waits for what cannot come. Else it is waited for."""

import asyncio
import contextlib
import subprocess
import sys
import threading
import time

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from tests.implementations import on_each_implementation
from wslab import serve
from wslab.examination import idle
from wslab.examination.clients import Target, knock, say

PATIENCE = 60  # seconds; only a test that fails waits this long
SOON = 0.2  # seconds in which the endpoint answers, when it does


async def late_from_a_task(websocket: WebSocket) -> None:
    async def send():
        await asyncio.sleep(SOON)
        await websocket.send_text("late")

    websocket.task = asyncio.create_task(send())


async def late_from_a_timer(websocket: WebSocket) -> None:
    def send():
        websocket.task = asyncio.create_task(websocket.send_text("late"))

    asyncio.get_running_loop().call_later(SOON, send)


async def late_from_a_thread(websocket: WebSocket) -> None:
    loop = asyncio.get_running_loop()

    def send():
        time.sleep(SOON)
        asyncio.run_coroutine_threadsafe(websocket.send_text("late"), loop)

    threading.Thread(target=send).start()


async def late_from_a_worker(websocket: WebSocket) -> None:
    loop = asyncio.get_running_loop()

    def send():
        time.sleep(SOON)
        asyncio.run_coroutine_threadsafe(websocket.send_text("late"), loop)

    loop.run_in_executor(None, send)


async def late_from_another_process(websocket: WebSocket) -> None:
    wait = f"import time; time.sleep({SOON})"
    process = subprocess.Popen([sys.executable, "-c", wait], stdout=subprocess.PIPE)  # noqa: ASYNC220  # is over soon
    loop = asyncio.get_running_loop()

    def send():
        loop.remove_reader(process.stdout)
        process.stdout.close()
        process.wait()
        websocket.task = asyncio.create_task(websocket.send_text("late"))

    loop.add_reader(process.stdout, send)  # readable once the other process has ended


async def late_by_itself(websocket: WebSocket) -> None:
    await asyncio.sleep(SOON)
    await websocket.send_text("late")


async def after_some_work_in_a_thread(websocket: WebSocket) -> None:
    await asyncio.to_thread(time.sleep, SOON)
    await websocket.send_text("late")


async def not_at_all(websocket: WebSocket) -> None:
    pass


async def far_too_late(websocket: WebSocket) -> None:
    await asyncio.sleep(10 * PATIENCE)


async def after_a_lock_that_nobody_gives_back(websocket: WebSocket) -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(lock.acquire(), SOON)
    await websocket.send_text("late")


def app_that(answers) -> FastAPI:
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.receive_text()
                await answers(websocket)

    return app


@pytest.fixture(autouse=True)
def threads_of_other_tests(monkeypatch):
    monkeypatch.setattr(idle, "THREADS_BEFORE", set(sys._current_frames()))


async def asked(app, ws: str) -> bool:
    """Whether an answer comes, or it is found that none can."""
    with serve(app, ws=ws, ws_ping_interval=None) as server:
        me = threading.get_ident()

        async def is_idle(seconds: float) -> bool:
            return await server.on_loop(lambda: idle.is_idle(seconds, me))

        target = Target(server.url("/ws"), ("hello",), patience=PATIENCE, farewell=0.1, idle=is_idle)
        async with knock(target) as client:
            return await say(client, "hello", True, target)


@on_each_implementation
@pytest.mark.parametrize(
    "answers",
    [
        late_by_itself,
        late_from_a_task,
        late_from_a_timer,
        late_from_a_thread,
        late_from_a_worker,
        late_from_another_process,
        after_some_work_in_a_thread,
        after_a_lock_that_nobody_gives_back,
    ],
)
def test_what_may_come_is_waited_for(answers, ws):
    assert asyncio.run(asked(app_that(answers), ws))


@on_each_implementation
@pytest.mark.parametrize("answers", [not_at_all, far_too_late])
def test_what_cannot_come_is_not_waited_for(answers, ws):
    async def found() -> None:
        async with asyncio.timeout(PATIENCE / 2):
            with pytest.raises(TimeoutError):
                await asked(app_that(answers), ws)

    asyncio.run(found())


def test_another_loop_that_does_not_tell_counts_as_busy(monkeypatch):
    async def look() -> bool:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: object())
        try:
            return idle.is_idle(1.0, threading.get_ident())
        finally:
            monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)

    assert asyncio.run(look()) is False
