from collections import Counter
from contextlib import contextmanager

SLOW = 5  # seconds
BACKLOG = 1000  # texts that a connection may be behind

app = FastAPI()
queues: dict[WebSocket, asyncio.Queue[str]] = {}  # what each connection has not been sent yet
names: Counter[str] = Counter()  # how many connections each name has


def tell(text: str, to: Iterable[asyncio.Queue[str]]):
    for queue in to:
        queue.put_nowait(text)


def tell_who_is_here(to: Iterable[asyncio.Queue[str]]):
    tell("here: " + ", ".join(sorted(names)), to)


@contextmanager
def present(name: str, queue: asyncio.Queue[str]):
    names[name] += 1
    tell_who_is_here(queues.values() if names[name] == 1 else [queue])
    try:
        yield
    finally:
        names[name] -= 1
        if not names[name]:
            del names[name]
            tell_who_is_here(queues.values())


async def write(websocket: WebSocket, queue: asyncio.Queue[str]):
    while True:
        text = await queue.get()
        if queue.qsize() > BACKLOG:  # it takes each in time, but others say more
            raise WebSocketDisconnect(1006, "too far behind")
        try:
            async with asyncio.timeout(SLOW):
                await websocket.send_text(text)
        except TimeoutError:
            raise WebSocketDisconnect(1006, "it does not read") from None
        except RuntimeError:
            raise WebSocketDisconnect(1006, "gone") from None


async def next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    if message.get("text") is None:  # it sent bytes
        raise WebSocketException(1003, "text, please")
    return message["text"]


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@app.websocket("/room/{name}")
async def enter(websocket: WebSocket, name: str):
    await websocket.accept()
    try:
        async with asyncio.TaskGroup() as tasks:
            queue = queues[websocket] = asyncio.Queue()
            tasks.create_task(write(websocket, queue))
            try:
                with present(name, queue):
                    while True:
                        text = await next_text(websocket)
                        tell(f"{name}: {text}", queues.values())
                        await asyncio.sleep(0)  # the writers have their turn before the next text
            finally:
                del queues[websocket]
    except* WebSocketDisconnect:
        pass
    except* WebSocketException:
        await try_to_close(websocket, 1003, "text, please")
    except* Exception as bugs:
        logger.error("/room failed", exc_info=bugs)
        await try_to_close(websocket, 1011)
