"""`serve`: starts, is replaced, stops, leaves nothing behind, and says clearly what is wrong."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import urllib.request
import warnings
from pathlib import Path

import psutil
import pytest
import uvicorn
from fastapi import FastAPI, WebSocket
from websockets import ConnectionClosed, connect

from wslab import ServeError, breaking_off, kernel, library, serve, stopping
from wslab import server as server_module
from wslab.thread import ServerThread, UvicornServer

PATIENCE = 10  # seconds; only a test that fails waits this long


@pytest.fixture(autouse=True)
def nothing_left_behind():
    before = set(threading.enumerate())
    yield
    server_module.stop_all()
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("wslab server"):
            thread.join(PATIENCE)
            assert not thread.is_alive()


class Waits:
    """The bounded waits for a server's thread: each notes its limit, in seconds, if it has run out."""

    def __init__(self):
        self.ran_out: list[float] = []
        # Set by the app once nothing more will come. If a test gives one, the next wait runs out then, and not later.
        self.stuck: threading.Event | None = None

    def noted(self, wait):
        """`wait`, a method of `ServerThread`, with a note."""

        def wait_and_note(thread, timeout):
            stuck, self.stuck = self.stuck, None
            assert not stuck or stuck.wait(PATIENCE)
            came = wait(thread, 0 if stuck else timeout)
            if not came:
                self.ran_out.append(timeout)
            return came

        return wait_and_note


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """How long `serve` and `stop` would wait where nothing comes: known without a clock, on a busy machine too."""
    waits = Waits()
    for name in ("wait_until_ready", "join", "answers"):
        monkeypatch.setattr(ServerThread, name, waits.noted(getattr(ServerThread, name)))
    return waits


def echo_app(**options) -> FastAPI:
    app = FastAPI(**options)

    @app.websocket("/ws")
    async def echo(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    @app.get("/http")
    async def http():
        return {"untouched": True}

    return app


async def say(server, text: str = "hello", path: str = "/ws") -> str:
    async with asyncio.timeout(PATIENCE), connect(server.url(path)) as ws:
        await ws.send(text)
        return await ws.recv()


def test_a_message_goes_round():
    with serve(echo_app()) as server:
        assert server.url("/ws") == f"ws://127.0.0.1:{server.port}/ws"
        assert asyncio.run(say(server)) == "hello"
    assert not server.running


def test_http_passes_through_untouched():
    with serve(echo_app()) as server:
        with urllib.request.urlopen(server.http_url("/http"), timeout=PATIENCE) as response:
            assert response.read() == b'{"untouched":true}'
        assert str(asyncio.run(server.conversation())) == "(no client has connected yet)"


def test_serving_again_replaces_the_old_server():
    first = serve(echo_app())
    second = serve(echo_app())
    assert not first.running
    assert asyncio.run(say(second)) == "hello"


def test_another_name_is_another_server():
    first, second = serve(echo_app(), name="one"), serve(echo_app(), name="two")
    assert asyncio.run(say(first)) == asyncio.run(say(second)) == "hello"


def test_a_fixed_port_can_be_served_again():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for _ in range(3):
        server = serve(echo_app(), port=port)
        assert server.port == port
        assert asyncio.run(say(server)) == "hello"


@pytest.mark.skipif(os.name == "nt", reason="Windows does not count file descriptors")
def test_many_servers_leave_nothing_behind():
    async def still_there_when_it_stops(server):
        async with asyncio.timeout(PATIENCE), connect(server.url("/ws")):
            server.stop()

    def count():
        return threading.active_count(), psutil.Process().num_fds()

    def one_round():
        server = serve(echo_app())
        asyncio.run(say(server))
        asyncio.run(still_there_when_it_stops(server))

    one_round()
    before = count()
    for _ in range(5):
        one_round()
    threads, files = count()
    assert threads == before[0]
    assert files <= before[1]


def test_stop_twice_is_stop_once():
    server = serve(echo_app())
    server.stop()
    server.stop()


@pytest.fixture
def fails(waits):
    """Serve what cannot be served, and return what `serve` says: one line, within 2 seconds, which is its promise."""

    def fails(*args, **options) -> str:
        waits.ran_out.clear()
        with pytest.raises(ServeError) as caught:
            serve(*args, **options)
        assert sum(waits.ran_out) <= 2
        message = str(caught.value)
        assert "\n" not in message
        assert caught.value._render_traceback_() == [f"ServeError: {message}"]
        return message

    return fails


def endpoint(websocket):
    """Not an app, but what a beginner may pass."""


@pytest.mark.parametrize(
    ("app", "message"),
    [
        ("main:app", "got the text 'main:app'. Import the app, and pass the app itself"),
        (FastAPI, "got the class FastAPI. Pass an app that is made from it: FastAPI()"),
        (42, "got a int, which is not an app"),
        (None, "got a NoneType, which is not an app"),
        (endpoint, "got endpoint(), which does not take an ASGI app's three arguments"),
    ],
)
def test_what_is_not_an_app(app, message, fails):
    assert message in fails(app)


def test_a_slip_does_not_cost_the_server_that_works(fails):
    server = serve(echo_app())
    fails("main:app")
    assert asyncio.run(say(server)) == "hello"


def test_a_port_that_is_taken(fails):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        message = fails(echo_app(), port=other.getsockname()[1])
    assert "Leave `port` out" in message


@pytest.mark.parametrize("port", [-1, 65536, "8000", None, True])
def test_what_is_not_a_port(port, fails):
    assert "port must be a whole number from 0 to 65535" in fails(echo_app(), port=port)


def test_an_app_that_fails_to_start(capsys, fails):
    @contextlib.asynccontextmanager
    async def lifespan(app):
        raise RuntimeError("no database")
        yield

    message = fails(FastAPI(lifespan=lifespan))
    assert message == "the app did not start: its lifespan raised RuntimeError: no database"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("where", ["on the loop", "on a thread"])
def test_an_app_that_never_starts(where, waits, fails):
    finish = threading.Event()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        asyncio.get_running_loop().call_soon(waiting.set)  # in the next turn, when it waits
        await (asyncio.Event().wait() if where == "on the loop" else asyncio.to_thread(finish.wait, PATIENCE))
        yield

    waits.stuck = waiting = threading.Event()
    message = fails(FastAPI(lifespan=lifespan))
    finish.set()
    assert message.startswith("the app has not started within 2 seconds, probably waiting in its lifespan")
    assert waits.ran_out[0] == server_module.START_TIMEOUT


def test_an_app_that_blocks_while_it_starts(waits, fails):
    finish = threading.Event()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        blocking.set()
        finish.wait(PATIENCE)
        yield

    waits.stuck = blocking = threading.Event()
    message = fails(FastAPI(lifespan=lifespan))
    finish.set()
    assert message.startswith("the app has not started within 2 seconds in lifespan(), line ")
    assert waits.ran_out[0] == server_module.START_TIMEOUT


@pytest.fixture
def busy_machine(monkeypatch):
    """Makes a function that is held up as on a busy machine, by nothing that is the app's, until a wait has run out."""
    ran_out, where = threading.Event(), ServerThread.where

    def asked_where(thread):  # which is done as soon as a wait has run out, to see whether the app is in the way
        answer = where(thread)
        ran_out.set()
        return answer

    def busy_machine(function):
        code = "def held_up(*args):\n    ran_out.wait(patience)\n    return function(*args)"
        names = {"ran_out": ran_out, "patience": PATIENCE, "function": function}
        exec(compile(code, os.path.join(os.path.dirname(os.__file__), "busy.py"), "exec"), names)
        return names["held_up"]

    monkeypatch.setattr(ServerThread, "where", asked_where)
    yield busy_machine
    assert ran_out.is_set()


def test_a_busy_machine_gets_more_time_to_start(monkeypatch, busy_machine):
    monkeypatch.setattr(server_module, "START_TIMEOUT", 0.01)
    monkeypatch.setattr(ServerThread, "_serve", busy_machine(ServerThread._serve))
    with serve(echo_app()) as server:
        assert asyncio.run(say(server)) == "hello"


def test_a_busy_machine_gets_more_time_to_stop(monkeypatch, busy_machine, capsys):
    monkeypatch.setattr(stopping, "STOP_TIMEOUT", 0.01)
    monkeypatch.setattr(ServerThread, "_end_tasks", busy_machine(ServerThread._end_tasks))
    server = serve(echo_app())
    server.stop()
    assert not server.running
    assert capsys.readouterr().err == ""


def test_a_busy_machine_gets_more_time_to_answer(monkeypatch, busy_machine):
    monkeypatch.setattr(server_module, "BLOCKED_TIMEOUT", 0.01)
    with serve(echo_app()) as server:
        assert asyncio.run(server.on_loop(busy_machine(lambda: "here I am"))) == "here I am"


def stuck_app(stuck) -> FastAPI:
    app = FastAPI()

    @app.websocket("/stuck")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await stuck()

    return app


@pytest.fixture
def stop_while_stuck(waits, capsys):
    """Stop a server whose endpoint has not ended although its client has left; return the line that this prints.

    The endpoint, `stuck`, sets `entered` where it gets stuck. Where `stop` waits for it in vain, it waits no longer
    than it has to.
    """

    def stop_while_stuck(stuck, entered: threading.Event, in_vain: bool = True, **uvicorn_options) -> str:
        server = serve(stuck_app(stuck), **uvicorn_options)

        async def visit():
            async with asyncio.timeout(PATIENCE):
                ws = await connect(server.url("/stuck"))
                await asyncio.to_thread(entered.wait, PATIENCE)
                ws.transport.abort()

        asyncio.run(visit())
        assert entered.is_set()
        waits.ran_out.clear()
        waits.stuck = entered if in_vain else None
        server.stop()
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    return stop_while_stuck


IN_ALL = 2.1  # seconds that `stop` waits at most, where the machine is not busy


def test_an_endpoint_that_never_ends_is_cancelled(stop_while_stuck, waits):
    entered = threading.Event()

    async def never_ends():
        entered.set()
        await asyncio.Event().wait()

    message = stop_while_stuck(never_ends, entered, in_vain=False)  # for as long as uvicorn is told to wait
    assert "1 endpoint(s) were still running although their clients had gone, and were cancelled: /stuck" in message
    assert sum(waits.ran_out) <= IN_ALL


def test_an_endpoint_that_swallows_its_cancellation(stop_while_stuck, waits):
    entered = threading.Event()

    async def stubborn():
        entered.set()
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    message = stop_while_stuck(stubborn, entered, in_vain=False, timeout_graceful_shutdown=0.01)
    assert "1 task(s) of the app went on after being cancelled" in message
    assert sum(waits.ran_out) <= IN_ALL


def test_an_endpoint_that_blocks_the_loop(stop_while_stuck, waits):
    entered, finish = threading.Event(), threading.Event()

    async def blocking():
        entered.set()
        finish.wait(PATIENCE)

    message = stop_while_stuck(blocking, entered)
    finish.set()
    assert "the server's event loop was blocked in blocking(), line " in message
    assert "cannot be stopped from outside" in message
    assert waits.ran_out[:2] == [stopping.STOP_TIMEOUT, stopping.ANSWER_TIMEOUT]
    assert sum(waits.ran_out) <= IN_ALL


@pytest.mark.parametrize("package", ["wslab", "course"])
def test_where_it_blocks_is_said_in_the_readers_code_and_not_in_the_librarys(
    package, stop_while_stuck, tmp_path, monkeypatch
):
    entered, finish = threading.Event(), threading.Event()
    monkeypatch.setattr(library, "LIBRARIES", library.LIBRARIES.copy())
    library.LIBRARIES.append(str(tmp_path / "course"))
    folder = tmp_path / "course" if package == "course" else Path(server_module.__file__).parent
    names = {"finish": finish, "patience": PATIENCE}
    exec(compile("def slow_report():\n    finish.wait(patience)", folder / "reports.py", "exec"), names)

    async def asks():
        entered.set()
        names["slow_report"]()

    message = stop_while_stuck(asks, entered)
    finish.set()
    assert "the server's event loop was blocked in asks(), line " in message


def test_an_endpoint_that_runs_in_circles_is_broken_off(stop_while_stuck, monkeypatch):
    monkeypatch.setattr(stopping, "BREAK_TIMEOUT", PATIENCE)
    entered = threading.Event()

    async def circles():
        entered.set()
        while True:
            pass

    message = stop_while_stuck(circles, entered)
    assert "the server's event loop was blocked in circles(), line " in message
    assert message.endswith("Is an `await` missing, or does a call block? It was broken off.\n")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wslab server")]


def test_a_shutdown_that_never_ends(waits, capsys):
    never = asyncio.Event()  # held here: a task that waits for what nobody holds may be collected as garbage

    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield
        asyncio.get_running_loop().call_soon(waiting.set)  # in the next turn, when it waits
        await never.wait()

    server = serve(FastAPI(lifespan=lifespan))
    waits.ran_out.clear()
    waits.stuck = waiting = threading.Event()
    server.stop()
    assert "the app's shutdown took too long, probably in its lifespan" in capsys.readouterr().err
    assert waits.ran_out[0] == stopping.STOP_TIMEOUT
    assert sum(waits.ran_out) <= IN_ALL
    assert server._thread.join(PATIENCE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one thread alone")
def test_a_start_that_is_interrupted_leaves_no_server_behind():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        await asyncio.Event().wait()  # for ever
        yield

    # What is started in the background of a shell, as these tests may be, has SIGINT ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            serve(FastAPI(lifespan=lifespan))
    finally:
        signal.signal(signal.SIGINT, handler)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wslab server")]


@pytest.mark.parametrize("slip", [{"host": "0.0.0.0"}, {"port": 65536}], ids=str)
def test_a_wrong_option_does_not_cost_the_server_that_works(slip, fails):
    server = serve(echo_app())
    fails(echo_app(), **slip)
    with urllib.request.urlopen(server.http_url("/http"), timeout=PATIENCE) as answer:
        assert answer.status == 200


def test_uvicorns_limit_of_requests_ends_the_server():
    server = serve(echo_app(), limit_max_requests=1)
    with urllib.request.urlopen(server.http_url("/http"), timeout=PATIENCE) as answer:
        assert answer.status == 200
    server._thread.join(PATIENCE)
    assert not server.running


def test_whose_code_it_is():
    assert library.is_library(asyncio.__file__)
    assert library.is_library(uvicorn.__file__)
    assert library.is_library(server_module.__file__)
    assert library.is_library("<frozen importlib._bootstrap>")
    assert library.is_library("/usr/lib/python3/dist-packages/uvicorn/server.py")
    assert not library.is_library(__file__)
    own = os.path.join(sys.base_prefix, "src", "app.py")  # as /usr/src is, where Python's prefix is /usr
    assert not library.is_library(own)


def test_two_that_break_something_off_at_once_put_back_what_they_have_found():
    """Else Python would never again say that a coroutine was not awaited."""
    before = warnings._warn_unawaited_coroutine, sys.unraisablehook
    entered, first_is_out = threading.Event(), threading.Event()

    def second():
        with breaking_off.nothing_in_the_way():
            entered.set()
            first_is_out.wait(10)

    thread = threading.Thread(target=second)
    with breaking_off.nothing_in_the_way():
        thread.start()
        entered.wait(0.2)  # it must not get in now; if it does, that is seen below
    first_is_out.set()
    thread.join(10)
    assert entered.is_set()
    assert (warnings._warn_unawaited_coroutine, sys.unraisablehook) == before


def test_whose_code_runs_that_has_no_file():
    """A library may make some with exec(), as SQLAlchemy does. A notebook's cells have no file either."""

    def runs(module: str) -> bool:
        names = {"__name__": module}
        exec("import sys\ndef frame():\n    return sys._getframe()", names)
        return library.runs_library(names["frame"]())

    assert runs("uvicorn.server")
    assert not runs("__main__")
    assert not runs(__name__)
    assert not runs("a module that is not there")


def test_another_package_can_say_that_its_code_is_not_the_readers(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "LIBRARIES", library.LIBRARIES.copy())
    course, own = tmp_path / "course", tmp_path / "course-of-my-own"
    assert not library.is_library(str(course / "reports.py"))
    library.LIBRARIES.append(str(course))
    assert library.is_library(str(course / "reports.py"))
    assert library.is_library(str(course / "checks" / "reports.py"))
    assert not library.is_library(str(own / "reports.py"))


def test_wrong_options(fails):
    assert "leave out `host`" in fails(echo_app(), host="0.0.0.0")
    assert fails(echo_app(), ws="wsprto").startswith("uvicorn did not start: ")


def test_conversation_does_not_wait_for_a_blocked_loop(monkeypatch):
    monkeypatch.setattr(server_module, "QUIET_TIMEOUT", 0)
    monkeypatch.setattr(server_module, "BLOCKED_TIMEOUT", 0.1)
    entered, finish = threading.Event(), threading.Event()

    async def blocking():
        entered.set()
        finish.wait(PATIENCE)

    server = serve(stuck_app(blocking))

    async def visit():
        async with asyncio.timeout(PATIENCE):
            ws = await connect(server.url("/stuck"))
            await asyncio.to_thread(entered.wait, PATIENCE)
            try:
                with pytest.raises(ServeError, match=r"event loop is blocked in blocking\(\), line "):
                    await server.conversation()
            finally:
                finish.set()
                ws.transport.abort()

    asyncio.run(visit())


def test_clients_are_told_1012_when_the_server_stops():
    server = serve(echo_app())

    async def visit():
        async with asyncio.timeout(PATIENCE), connect(server.url("/ws")) as ws:
            await asyncio.to_thread(server.stop)
            with pytest.raises(ConnectionClosed):
                await ws.recv()
            return ws.close_code

    assert asyncio.run(visit()) == 1012


def test_time_passes_without_waiting():
    app, ended = FastAPI(), []

    @app.websocket("/ws")
    async def waits_an_hour(websocket: WebSocket):
        await websocket.accept()
        try:
            async with asyncio.timeout(3600):
                await websocket.receive_text()
        except TimeoutError:
            ended.append("time is up")

    async def visit(server):
        async with asyncio.timeout(PATIENCE), connect(server.url("/ws")) as ws:
            await server.let_time_pass(3590)
            assert ended == []
            await server.let_time_pass(10)
            assert ended == ["time is up"]
            with pytest.raises(ConnectionClosed):
                await ws.recv()

    with serve(app, ws_ping_interval=None) as server:
        asyncio.run(visit(server))


def test_time_does_not_pass_where_the_loop_is_blocked(monkeypatch, capsys):
    monkeypatch.setattr(server_module, "SETTLE_TIMEOUT", 0.1)
    app, entered, finish = FastAPI(), threading.Event(), threading.Event()

    @app.websocket("/ws")
    async def blocks(websocket: WebSocket):
        await websocket.accept()
        entered.set()
        finish.wait(PATIENCE)

    async def visit(server):
        async with asyncio.timeout(PATIENCE), connect(server.url("/ws")):
            await asyncio.to_thread(entered.wait, PATIENCE)
            try:
                with pytest.raises(ServeError, match=r"is blocked in blocks\(\), line"):
                    await server.let_time_pass(1)
            finally:
                finish.set()

    with serve(app) as server:
        asyncio.run(visit(server))


@pytest.mark.parametrize("said", [b"", b"GET /ws HTTP/1.1\r\n"])
@pytest.mark.parametrize("turns", range(6))
def test_who_comes_at_the_last_moment_is_not_left_waiting(turns, said, monkeypatch):
    """The connection comes so many turns of the event loop before uvicorn looks at who is connected."""
    clients, shutdown = [], UvicornServer.shutdown

    async def somebody_comes(uvicorn_server, sockets=None):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        client.sendall(said)
        clients.append(client)
        for _ in range(turns):
            await asyncio.sleep(0)
        await shutdown(uvicorn_server, sockets)

    monkeypatch.setattr(UvicornServer, "shutdown", somebody_comes)
    server = serve(echo_app())
    server.stop()
    (client,) = clients
    with client, contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""


def test_uvicorn_run_elsewhere_does_not_steal_the_log_lines(capsys):
    app = FastAPI()

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        logging.getLogger("uvicorn.error").info("from the endpoint")
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    server = serve(app)
    uvicorn.Config(app)  # sets uvicorn's loggers up anew, as each uvicorn.run() does
    asyncio.run(say(server))
    assert "log: from the endpoint" in str(asyncio.run(server.conversation()))
    assert "[accepted]" not in str(asyncio.run(server.conversation()))
    assert capsys.readouterr().err == ""


def test_small_messages_are_sent_at_once():
    """Without TCP_NODELAY, a second answer waits until the first one is acknowledged: 40 ms, on Linux."""

    async def nodelay() -> bool:
        async with asyncio.timeout(PATIENCE), connect(server.url("/ws")):
            (connection,) = server.thread.connections
            accepted = connection.transport.get_extra_info("socket")
            return bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with serve(echo_app()) as server:
        assert asyncio.run(nodelay())


def test_the_second_implementation():
    with serve(echo_app(), ws="wsproto") as server:
        assert asyncio.run(say(server)) == "hello"
        assert [event.text for event in asyncio.run(server.conversation()).events] == [
            "connect /ws",
            "accept",
            "'hello'",
            "'hello'",
            "close 1000",
        ]


def test_clients_do_not_ask_a_proxy_for_this_machine(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.org")
    with serve(echo_app()) as server:
        assert asyncio.run(say(server)) == "hello"
    assert os.environ["no_proxy"] == "example.org,127.0.0.1"


def test_a_proxy_of_the_system_stays_in_force_for_the_rest(monkeypatch):
    """On Windows and macOS, Python asks the system for proxies only as long as the environment names none."""
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"http": "http://proxy.example:3128"})
    monkeypatch.setattr("urllib.request.proxy_bypass", lambda host: False)
    kernel.spare_the_proxy()
    assert os.environ == {"http_proxy": "http://proxy.example:3128", "no_proxy": "127.0.0.1"}
