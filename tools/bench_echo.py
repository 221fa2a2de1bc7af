"""What an echo costs: `examples/echo`, beside the same echo with less and less between it and the socket.

Absolute figures depend on the machine; so each is also given as a ratio to the example's, taken in one run, in turns.
The client speaks the protocol by hand, so that the server is what is measured, and no message is compressed.
"""

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import uvicorn
from websockets import ConnectionClosed
from websockets.asyncio.server import serve as websockets_serve

from wslab.arguments import listen
from wslab.examination.clients import TEXT, frame

TURNS = 7
CLIENTS = 10  # at the same time
ECHOES = 300  # round trips of each in a turn
CROWD = 400  # connections whose memory is measured
PATIENCE = 60  # seconds
MESSAGE = b"hello, is there anybody"


# --- the servers ---


def the_example():
    from examples.echo.app import app

    return app


def plain_starlette():
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket

    async def echo(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    return Starlette(routes=[WebSocketRoute("/echo", echo)])


def bare_asgi():
    async def app(scope, receive, send):
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    return app


APPS = {"examples/echo": the_example, "Starlette": plain_starlette, "bare ASGI": bare_asgi}
NAMES = [*APPS, "websockets"]


async def websockets_alone(sock) -> None:
    async def echo(ws):
        with contextlib.suppress(ConnectionClosed):
            async for text in ws:
                await ws.send(text)

    async with websockets_serve(echo, sock=sock) as server:
        await server.serve_forever()


def run_server(name: str) -> None:
    """In a process of its own: print the port, then serve until killed."""
    sock = listen(0)
    print(sock.getsockname()[1], flush=True)
    if name in APPS:
        config = uvicorn.Config(APPS[name](), lifespan="off", log_level="warning")
        uvicorn.Server(config).run(sockets=[sock])
    else:
        asyncio.run(websockets_alone(sock))


@contextlib.contextmanager
def server(name: str) -> Iterator[tuple[psutil.Process, int]]:
    """A server's process, and its port."""
    command = [sys.executable, "-m", "tools.bench_echo", "--serve", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield psutil.Process(process.pid), int(process.stdout.readline())
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


# --- the load ---

REQUEST = (
    "GET /echo HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ASK = frame(TEXT, MESSAGE)
ANSWER = bytes([TEXT, len(MESSAGE)]) + MESSAGE


async def enter(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST.format(port=port).encode())
    response = await reader.readuntil(b"\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 101"), response
    return reader, writer


async def echoes(port: int, times: int) -> asyncio.StreamWriter:
    reader, writer = await enter(port)
    for _ in range(times):
        writer.write(ASK)
        assert await reader.readexactly(len(ANSWER)) == ANSWER
    return writer


async def rate(port: int) -> float:
    """Round trips a second, of several clients at once."""
    async with asyncio.timeout(PATIENCE):
        start = time.perf_counter()
        writers = await asyncio.gather(*(echoes(port, ECHOES) for _ in range(CLIENTS)))
        seconds = time.perf_counter() - start
        for writer in writers:
            writer.close()
            await writer.wait_closed()
    return CLIENTS * ECHOES / seconds


async def memory(process: psutil.Process, port: int) -> float:
    """KiB that a connection costs which has had one echo and now is idle."""
    async with asyncio.timeout(PATIENCE):
        before = process.memory_info().rss
        writers = [await echoes(port, 1) for _ in range(CROWD)]
        after = process.memory_info().rss
        for writer in writers:
            writer.close()
            await writer.wait_closed()
    return (after - before) / CROWD / 1024


def main() -> None:
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(server(name)) for name in NAMES}
        for _, port in servers.values():
            asyncio.run(rate(port))  # warm up
        used = {name: asyncio.run(memory(*place)) for name, place in servers.items()}
        turns = [{name: asyncio.run(rate(port)) for name, (_, port) in servers.items()} for _ in range(TURNS)]

    first = NAMES[0]
    print(f"{'':<16}{'echoes a second':>18}{'ratio':>8}{'KiB a connection':>20}{'ratio':>8}")
    for name in NAMES:
        speed = statistics.median(turn[name] for turn in turns)
        ratio = statistics.median(turn[name] / turn[first] for turn in turns)
        print(f"{name:<16}{speed:18,.0f}{ratio:8.2f}{used[name]:20.1f}{used[name] / used[first]:8.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", choices=NAMES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        run_server(options.serve)
    else:
        main()
