IDLE = 5
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}

app = FastAPI()
at_work = set()


async def work(text: str) -> str:  # leave this as it is
    at_work.add(text)
    try:
        if text in BUGS:
            raise BUGS[text](text)
        if text.startswith("slow"):
            await asyncio.Event().wait()  # for ever
        return text.upper()
    finally:
        at_work.discard(text)


async def until_it_leaves(websocket: WebSocket) -> NoReturn:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"], message.get("reason"))


@app.websocket("/job")
async def job(websocket: WebSocket):
    await websocket.accept()
    try:
        try:
            async with asyncio.timeout(IDLE):
                message = await websocket.receive()
        except TimeoutError:
            await websocket.close(4000, "idle")
            return
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:  # it sent bytes
            await websocket.close(1003, "text, please")
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(until_it_leaves(websocket))
            await websocket.send_text(await work(text))
            await websocket.close()
    except* WebSocketDisconnect:
        pass  # the client has left, or we have closed
    except* Exception:
        logger.exception("/job failed")
        with suppress(WebSocketDisconnect, RuntimeError):  # it may be over already
            await websocket.close(1011)
