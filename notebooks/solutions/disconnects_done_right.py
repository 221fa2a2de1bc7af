IDLE, SLOW = 5, 3
BUGS = {"bug 1": KeyError, "bug 2": RuntimeError, "bug 3": TimeoutError}

app = FastAPI()
seated: set[str] = set()


async def serve_dish(text: str) -> str:  # leave this as it is
    if text in BUGS:
        raise BUGS[text](text)
    if text == "slow":
        await asyncio.sleep(3600)  # an hour
    return f"your {text}" * (1_000_000 if text == "banquet" else 1)


async def next_text(websocket: WebSocket) -> str:
    try:
        async with asyncio.timeout(IDLE):
            message = await websocket.receive()
    except TimeoutError:
        raise WebSocketException(4000, "idle") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    if message.get("text") is None:  # it sent bytes
        raise WebSocketException(1003, "text, please")
    return message["text"]


async def send(websocket: WebSocket, text: str):
    try:
        async with asyncio.timeout(SLOW):
            await websocket.send_text(text)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None
    except RuntimeError:
        if websocket.application_state != WebSocketState.CONNECTED:
            raise  # closed already: a bug
        raise WebSocketDisconnect(1006, "given up") from None  # uvicorn has closed


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@app.websocket("/table")
async def table(websocket: WebSocket):
    await websocket.accept()
    try:
        name = await next_text(websocket)
        seated.add(name)
        try:
            while True:
                text = await next_text(websocket)
                dish = await serve_dish(text)
                await send(websocket, dish)
        finally:
            seated.discard(name)
    except WebSocketDisconnect:
        pass
    except WebSocketException as put_out:
        await try_to_close(websocket, put_out.code, put_out.reason)
    except Exception:
        logger.exception("/table failed")
        await try_to_close(websocket, 1011)
