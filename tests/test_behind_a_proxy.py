"""The program examples/behind_a_proxy, and its configurations, through the real proxies."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys

import psutil
import pytest
from websockets import ConnectionClosed, InvalidStatus, connect

from course import caddy, parts
from examples.behind_a_proxy import __main__ as program
from examples.behind_a_proxy import client
from tests import lessons

HERE = lessons.ROOT / "examples" / "behind_a_proxy"
PATIENCE = 60  # seconds; only a test that fails waits this long


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    for part in list(parts._parts.values()):
        part.end()
    parts._parts.clear()


class Nginx(parts.Part):
    """nginx with a configuration of two workers, in a folder of its own."""

    def __init__(self, configuration: str, folder):
        self.file = folder / "nginx.conf"
        self.file.write_text(configuration)
        command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(self.file)]
        super().__init__("nginx", command, folder, port=int(re.search(r"listen 127\.0\.0\.1:(\d+)", configuration)[1]))

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def reload(self, configuration: str) -> None:
        self.file.write_text(configuration)
        self.process.send_signal(signal.SIGHUP)


def nginx_conf(a, b, **changes: str) -> str:
    text = (HERE / "nginx.conf").read_text()
    for port, ours in [("8000", parts.free_port()[0]), ("8001", a.port), ("8002", b.port)]:
        assert text.count(f"127.0.0.1:{port}") == 1
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ours}")
    for name, value in changes.items():
        text, number = re.subn(rf"^( *{name}) .*;$", rf"\1 {value};", text, flags=re.MULTILINE)
        assert number == 1
    return text


@pytest.fixture
def workers(request):
    ping_interval = getattr(request, "param", 600)
    options = f"--timeout-graceful-shutdown 3 --ws-ping-interval {ping_interval}"
    return parts.workers("examples.behind_a_proxy.app", options, A={}, B={})


@pytest.fixture
def start_nginx(workers, tmp_path):
    if not shutil.which("nginx"):
        assert "NEED_NGINX" not in os.environ
        pytest.skip("no nginx here")

    def start(**changes: str) -> Nginx:
        part = Nginx(nginx_conf(*workers, **changes), tmp_path)
        part.start()
        part.ready()
        return part

    return start


# What the README says of both: `make test` asks the one that the lesson starts, `make thorough` both.
@pytest.fixture(params=["caddy", pytest.param("nginx", marks=pytest.mark.thorough)])
def proxy(request, workers):
    if request.param == "nginx":
        return request.getfixturevalue("start_nginx")()
    text = (HERE / "Caddyfile").read_text().replace("{$SITE:http://127.0.0.1:8000}", "http://:{$PORT}")
    return caddy.start(text, **dict(zip("AB", workers, strict=True)))


async def asked(proxy, path: str = "/who", **options) -> tuple[str, int, str]:
    async with asyncio.timeout(PATIENCE), connect(proxy.url(path), **options) as ws:
        said = await ws.recv()
        await ws.wait_closed()
        return said, ws.close_code, ws.close_reason


async def refused(proxy, path: str) -> int:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(InvalidStatus) as refusal:
            await connect(proxy.url(path))
        return refusal.value.response.status_code


# --- what the README says of both ---


def test_the_app_hears_where_it_was_asked_and_by_whom_and_its_words_come_through(proxy):
    lie = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    heard = asyncio.run(asked(proxy, additional_headers=lie))
    assert heard == (f"ws://127.0.0.1:{proxy.port}/who, asked by 127.0.0.1", 4001, "told you so")
    assert asyncio.run(refused(proxy, "/nowhere")) == 403


def test_a_worker_that_ends_tells_1012_one_that_is_killed_1006_and_all_come_in(proxy, workers):
    async def talk():
        for end, code in [("ask_to_end", 1012), ("kill", 1006)]:
            before = [worker.log.count('"WebSocket /board" [accepted]') for worker in workers]
            async with asyncio.timeout(PATIENCE), connect(proxy.url("/board")) as ws:
                now = [worker.log.count('"WebSocket /board" [accepted]') for worker in workers]
                worker = workers[0 if now[0] > before[0] else 1]
                getattr(worker, end)()
                await ws.wait_closed()
                assert ws.close_code == code
            for _ in range(6):
                await asked(proxy)  # nobody gets a 502
            await worker.ended(PATIENCE)
            worker.start()
            worker.ready()

    asyncio.run(talk())


def test_while_one_worker_is_restarted_after_the_other_all_come_in(proxy, workers):
    """A proxy has just found the one gone that is back now: so soon, the other one ends."""

    async def talk():
        for worker in [*workers, *workers]:
            worker.ask_to_end()
            assert await worker.ended(PATIENCE)
            await asked(proxy)  # the other one has just come back: nobody else is there
            worker.start()
            coming_back = asyncio.create_task(asyncio.to_thread(worker.ready))
            while not coming_back.done():
                await asked(proxy)
            await coming_back

    asyncio.run(talk())


def test_its_own_reload_ends_no_connection(proxy):
    async def talk():
        async with asyncio.timeout(PATIENCE), connect(proxy.url("/board")) as reader:
            file = proxy.file if isinstance(proxy, Nginx) else proxy.caddyfile
            proxy.reload(file.read_text())
            await asked(proxy)
            await (await reader.ping())
            assert reader.close_code is None

    asyncio.run(talk())


async def code_when_it_ends(proxy) -> int:
    async with asyncio.timeout(PATIENCE), connect(proxy.url("/board")) as reader:
        proxy.ask_to_end()
        await reader.wait_closed()
        return reader.close_code


def test_its_own_end_cuts_off(proxy):
    assert asyncio.run(code_when_it_ends(proxy)) == 1006


# --- Caddy ---


def test_caddy_without_the_delay_tells_1001_when_it_ends(workers):
    text = (HERE / "Caddyfile").read_text().replace("{$SITE:http://127.0.0.1:8000}", "http://:{$PORT}")
    text, number = re.subn(r"^\s*stream_close_delay .*\n", "", text, flags=re.MULTILINE)
    assert number == 1
    proxy = caddy.start(text, **dict(zip("AB", workers, strict=True)))
    assert asyncio.run(code_when_it_ends(proxy)) == 1001


# --- nginx ---


async def how_it_ends(proxy, ping_interval, patience: float) -> int | None:
    """The close code of a client that says nothing; None if it is still connected after so many seconds."""
    async with asyncio.timeout(PATIENCE), connect(proxy.url("/board"), ping_interval=ping_interval) as ws:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await ws.wait_closed()
        return ws.close_code


def test_nginx_cuts_off_who_says_nothing_and_a_clients_pings_count(start_nginx):
    proxy = start_nginx(proxy_read_timeout="1s")
    assert asyncio.run(how_it_ends(proxy, ping_interval=None, patience=PATIENCE)) == 1006
    assert asyncio.run(how_it_ends(proxy, ping_interval=0.3, patience=3)) is None


@pytest.mark.parametrize("workers", [0.3], indirect=True)
def test_for_nginx_uvicorns_pings_count_too(workers, start_nginx):
    proxy = start_nginx(proxy_read_timeout="1s")
    assert asyncio.run(how_it_ends(proxy, ping_interval=None, patience=3)) is None


def test_nginx_that_takes_a_worker_for_gone_answers_502_when_the_other_one_ends(start_nginx, workers):
    proxy = start_nginx(**{f"server 127.0.0.1:{worker.port}": "fail_timeout=60s" for worker in workers})

    async def talk():
        back, ends = workers
        back.ask_to_end()
        assert await back.ended(PATIENCE)
        for _ in range(2):
            await asked(proxy)  # one of the two has found it gone
        back.start()
        back.ready()
        ends.ask_to_end()
        assert await ends.ended(PATIENCE)
        assert await refused(proxy, "/who") == 502

    asyncio.run(talk())


def test_nginx_without_the_lines_about_the_upgrade_gets_404(start_nginx):
    proxy = start_nginx(proxy_http_version="1.1", **{"proxy_set_header Upgrade": '""'})
    assert asyncio.run(refused(proxy, "/who")) == 404


# --- the program ---


@contextlib.contextmanager
def started(*options: str):
    """The program, and the first line that it says."""
    command = [sys.executable, "-m", "examples.behind_a_proxy", "--port", "0", *options]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=lessons.ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process, process.stdout.readline()
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(PATIENCE)
        process.stdin.close()
        process.stdout.close()
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
        for child in alive:
            child.kill()
        assert not alive or sys.platform == "win32"  # where nobody can be asked to end


def test_a_rolling_restart_tells_a_reader_1012_who_comes_back():
    with started() as (process, line):
        (url,) = re.findall(r"ws://\S+", line)
        command = [sys.executable, "-m", "examples.behind_a_proxy.client", url]
        reader = subprocess.Popen(command, cwd=lessons.ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert reader.stdout.readline() == "(connected)\n"
            process.stdout.readline()
            process.stdin.write("\n")
            process.stdin.flush()
            assert reader.stdout.readline() == "(closed with 1012)\n"
            assert reader.stdout.readline() == "(connected)\n"
            assert process.stdout.readline() == "Both workers are new.\n"
        finally:
            reader.kill()
            reader.wait(PATIENCE)
            reader.stdout.close()


def test_with_tls_one_who_trusts_its_authority_comes_in():
    with started("--tls") as (_, line):
        url, authority = re.search(r"(wss://\S+) Its authority: (.+)\n", line).groups()

        async def talk():
            context = ssl.create_default_context(cafile=authority)
            async with asyncio.timeout(PATIENCE), connect(f"{url}/who", ssl=context, proxy=None) as ws:
                assert await ws.recv() == f"{url}/who, asked by 127.0.0.1"
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(f"{url}/who", proxy=None)

        asyncio.run(talk())


def test_a_reader_without_the_authoritys_certificate_is_told_so(monkeypatch, tmp_path):
    (tmp_path / "empty").write_text("")
    for file in ["nowhere", "empty"]:
        monkeypatch.setattr(sys, "argv", ["client", "wss://localhost:8000", str(tmp_path / file)])
        with pytest.raises(SystemExit, match=f"{file} is not the authority's certificate"):
            asyncio.run(client.read(sys.argv[1]))


def test_without_a_proxy_its_workers_are_there():
    with started("--without-proxy") as (_, line):
        assert line.endswith(", and no proxy\n")
        for address in re.findall(r"127\.0\.0\.1:\d+(?=[, ])", line)[:2]:

            async def talk(url=f"ws://{address}/who"):
                async with asyncio.timeout(PATIENCE), connect(url) as ws:
                    assert await ws.recv() == f"{url}, asked by 127.0.0.1"
                    with pytest.raises(ConnectionClosed):
                        await ws.recv()

            asyncio.run(talk())


def first_of_three_free_ports() -> int:
    """Of those that no system gives to whoever asks for any: other tests may take one of these in the meantime."""
    for port in range(20_000, 30_000, 3):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for number in range(3):
                stack.enter_context(socket.create_server(("127.0.0.1", port + number)))
            return port
    raise OSError("no three free ports")


def test_without_a_proxy_its_port_may_be_anothers():
    """The reader's nginx may run already. (The workers have the next two.)"""
    port = first_of_three_free_ports()
    with socket.create_server(("127.0.0.1", port)), started("--without-proxy", "--port", str(port)) as (_, line):
        assert f"127.0.0.1:{port + 1}" in line


def test_where_there_is_no_caddy_one_line_says_so(monkeypatch):
    monkeypatch.setattr(program, "find_caddy", lambda: None)
    monkeypatch.setattr(sys, "argv", ["behind_a_proxy", "--port", "0"])
    with pytest.raises(SystemExit, match=r"There is no caddy here.*make production.*--without-proxy"):
        program.main()
