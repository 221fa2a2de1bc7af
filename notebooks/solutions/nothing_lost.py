KEEP, SLOW = 20, 5

app = FastAPI()
stored: list[int] = []  # this stands for a disk
failed: set[int] = set()


def store(cents: int):  # leave this as it is: what ends with 13 fails at first
    if cents % 100 == 13 and cents not in failed:
        failed.add(cents)
        raise OSError("no space left on the disk")
    stored.append(cents)


entries: deque[dict] = deque(maxlen=KEEP)  # the last ones
done: dict[str, int] = {}  # the highest id of each till that has been stored
followers: set[asyncio.Event] = set()


class Taken(BaseModel):
    id: int
    cents: int


def last_number() -> int:
    return entries[-1]["number"] if entries else 0


def since(number: int) -> list[dict]:
    missing = last_number() - number
    if 0 <= missing <= len(entries):
        return [entries[n] for n in range(-missing, 0)]
    return [{"anew": last_number() - len(entries)}, *entries]


def enter(till: str, taken: Taken):
    if taken.id <= done.get(till, 0):
        return  # it has come before
    store(taken.cents)  # if this fails, nothing has happened
    done[till] = taken.id
    entries.append({"number": last_number() + 1, "cents": taken.cents})
    for news in followers:
        news.set()


async def next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    if message.get("text") is None:  # it sent bytes
        raise WebSocketException(1003, "text, please")
    return message["text"]


async def send(websocket: WebSocket, message: dict):
    try:
        async with asyncio.timeout(SLOW):
            await websocket.send_json(message)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None
    except RuntimeError:
        if websocket.application_state == WebSocketState.CONNECTING:
            raise  # not accepted yet: a bug
        raise WebSocketDisconnect(1006, "gone") from None  # uvicorn has closed, or the other task has found it gone


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


def first(group: ExceptionGroup) -> Exception:
    error = group.exceptions[0]
    return first(error) if isinstance(error, ExceptionGroup) else error  # a group may be in a group


async def follow(websocket: WebSocket, number: int):
    news = asyncio.Event()
    followers.add(news)
    try:
        while True:
            news.clear()
            for message in since(number):
                await send(websocket, message)
                number = message.get("number", message.get("anew"))
            await news.wait()
    finally:
        followers.discard(news)


async def listen(websocket: WebSocket, till: str):
    while True:
        text = await next_text(websocket)
        try:
            taken = Taken.model_validate_json(text)
        except ValidationError:
            raise WebSocketException(1008, "an id and cents, please") from None
        enter(till, taken)
        await send(websocket, {"ack": taken.id})
        await asyncio.sleep(0)  # whoever follows has its turn before the next one is read


@app.websocket("/cashbook")
async def cashbook(websocket: WebSocket, till: str, after: int = 0):
    await websocket.accept()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow(websocket, after))
            await listen(websocket, till)
    except* WebSocketDisconnect as left:
        logger.info("left with %d %r", first(left).code, first(left).reason)
    except* WebSocketException as put_out:
        await try_to_close(websocket, first(put_out).code, first(put_out).reason)
    except* Exception as bugs:
        for bug in bugs.exceptions:
            logger.error("%s failed", websocket.url.path, exc_info=bug)
        await try_to_close(websocket, 1011)
