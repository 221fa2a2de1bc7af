logger = logging.getLogger("uvicorn.error")
watchers: set[asyncio.Queue] = set()


async def save_all(pending: asyncio.Queue):
    while True:
        note = await pending.get()
        await exercises.save(note)
        for news in watchers:
            news.put_nowait(note)
        pending.task_done()


@asynccontextmanager
async def lifespan(app: FastAPI):
    pending = app.state.pending = asyncio.Queue()
    saving = asyncio.create_task(save_all(pending))
    yield
    try:
        async with asyncio.timeout(5):
            await pending.join()
    except TimeoutError:
        logger.error("the disk does not answer: %d notes are lost", pending.qsize() + 1)
    saving.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/notes")
async def notes(websocket: WebSocket):
    async with accepted(websocket):
        while True:
            websocket.app.state.pending.put_nowait(await next_text(websocket))
            await websocket.send_text("noted")


async def tell(websocket: WebSocket, news: asyncio.Queue):
    while True:
        await websocket.send_text(await news.get())


@app.websocket("/watch")
async def watch(websocket: WebSocket):
    async with accepted(websocket), asyncio.TaskGroup() as tasks:
        news = asyncio.Queue()
        watchers.add(news)
        try:
            tasks.create_task(tell(websocket, news))
            while True:
                await next_text(websocket)
        finally:
            watchers.discard(news)
