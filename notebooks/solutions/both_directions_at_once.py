BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}

SLOW = 10  # seconds for a client to take what it is sent

app = FastAPI()
at_work = set()


async def compose(question: str) -> AsyncIterator[str]:  # leave this as it is
    at_work.add(question)
    try:
        yield "Once upon a time:"
        await asyncio.sleep(0)
        if question in BUGS:
            raise BUGS[question](question)
        if question.startswith("slow"):
            await asyncio.Event().wait()  # for ever
        yield question.upper()
    finally:
        at_work.discard(question)


async def send(websocket: WebSocket, text: str):
    try:
        async with asyncio.timeout(SLOW):
            await websocket.send_text(text)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None
    except RuntimeError:
        if websocket.application_state == WebSocketState.CONNECTING:
            raise  # not accepted yet: a bug
        raise WebSocketDisconnect(1006, "gone") from None  # uvicorn has closed, or the other task has found it gone


async def tell(websocket: WebSocket, question: str):
    async for piece in compose(question):
        await send(websocket, piece)
    await send(websocket, "(end)")


async def listen(websocket: WebSocket, tasks: asyncio.TaskGroup):
    telling = None
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"], message.get("reason"))
        text = message.get("text")
        if text is None:  # it sent bytes
            raise WebSocketException(1003, "text, please")
        is_telling = telling and not telling.done()
        if text == "stop":
            if is_telling:
                telling.cancel()
                telling = None  # until it has had its turn, it is not done
                await send(websocket, "(stopped)")
        elif is_telling:
            await send(websocket, "(busy)")
        else:
            telling = tasks.create_task(tell(websocket, text))


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@app.websocket("/story")
async def story(websocket: WebSocket):
    await websocket.accept()
    try:
        async with asyncio.TaskGroup() as tasks:
            await listen(websocket, tasks)
    except* WebSocketDisconnect:
        pass
    except* WebSocketException:
        await try_to_close(websocket, 1003, "text, please")
    except* Exception as bugs:
        logger.error("/story failed", exc_info=bugs)
        await try_to_close(websocket, 1011)
