"""The service, as one of its workers runs it. `python -m examples.service` starts all that belongs to it."""

import asyncio
import logging
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Cookie, FastAPI, Header, Query, Request, Response, WebSocket, WebSocketException
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError
from redis.exceptions import RedisError

from examples.contract.app import Bucket
from examples.room.app import accepted, next_text
from examples.room.room import Member
from examples.service import accounts, messages, presence
from examples.service.log import Place, append, follower
from examples.service.settings import ORIGIN, pool, reader
from examples.watched import watch

PAGE = Path(__file__).parent / "page"
CONNECTION = Path(__file__).parent.parent / "page" / "page" / "connection.js"
LASTS = 60 * 60  # seconds: then a client comes again, and must still be logged in
BURST, PACE = 20, 0.1  # messages at once; seconds for each further one

Word = Annotated[str, Query(pattern=r"^[\w.-]{1,40}$")]

logger = logging.getLogger("uvicorn.error")


@asynccontextmanager
async def lifespan(app: FastAPI):
    watch.ids_in_the_log()
    watch.dump_on_a_signal()
    logging.getLogger("uvicorn.access").addFilter(lambda record: '"GET /health ' not in record.getMessage())
    tasks = [asyncio.create_task(work) for work in (follower.follow(), presence.keep_telling(), watch.watch_the_loop())]
    for task in tasks:
        task.add_done_callback(say_why)
    app.state.tasks = tasks
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await reader.aclose()
    await pool.disconnect()


def say_why(task: asyncio.Task):
    if not task.cancelled() and (error := task.exception()):
        logger.critical("this worker is of no use any more, and ends", exc_info=error)
        signal.raise_signal(signal.SIGTERM)  # whoever looks after it starts another


app = FastAPI(lifespan=lifespan)
app.add_middleware(watch.Watch)
app.include_router(accounts.router)
app.mount("/page", StaticFiles(directory=PAGE))


@app.exception_handler(RedisError)
async def try_again_later(request: Request, error: RedisError) -> JSONResponse:
    logger.error("%s failed: %s", request.url.path, error)
    return JSONResponse({"detail": "try again later"}, 503)


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGE / "index.html")


@app.get("/connection.js", include_in_schema=False)
async def connection() -> FileResponse:
    return FileResponse(CONNECTION)


@app.get("/health", include_in_schema=False)
async def health(response: Response) -> str:  # async: from the loop, so that one that stands still does not answer
    if any(task.done() for task in app.state.tasks):
        response.status_code = 503
        return "deaf"
    return "well"


@app.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    return Response(watch.metrics(), media_type=CONTENT_TYPE_LATEST)


# --- by WebSocket ---


async def listen(websocket: WebSocket, place: Place, user: str, client: str, member: Member):
    bucket = Bucket(BURST, PACE)
    while True:
        text = await next_text(websocket)
        while not bucket.take():  # whoever is too fast is not read
            await asyncio.sleep(PACE)
        if not text:
            place.say("", [member])
            continue
        try:
            said = messages.Say.model_validate_json(text)
        except ValidationError as error:
            place.say(messages.wrong(str(error.errors()[0]["msg"])), [member])
            continue
        try:
            await append(place.name, user, client, said)
        except (RedisError, OSError):
            raise WebSocketException(1013, "try again later") from None  # it comes again, and says it again
        if said.seq is not None:
            place.say(messages.acknowledged(said.seq), [member])


@app.websocket("/ws")
async def talk(
    websocket: WebSocket,
    room: Word,
    client: Word,
    history: str = "",
    number: Annotated[int, Query(ge=0)] = 0,
    origin: Annotated[str, Header()] = "",
    session: Annotated[str, Cookie()] = "",
):
    if origin != ORIGIN:
        await websocket.close()  # before accept(): HTTP 403
        return
    async with accepted(websocket):
        websocket.state.number = number
        try:
            async with asyncio.timeout(LASTS) as limit:
                with accounts.until_logout(session, limit):  # from before it is looked up: it may end right then
                    user, place = await known(session, room)
                    await enter(websocket, place, user, client, history)
        except TimeoutError:
            if not limit.expired():
                raise
            code, reason = (4401, "logged out") if limit.when() == 0 else (1012, "come again")
            raise WebSocketException(code, reason) from None


async def known(session: str, room: str) -> tuple[str, Place]:
    try:
        if (user := await accounts.user_of(session)) is None:
            raise WebSocketException(4401, "log in first")
        place = await follower.place(room)
    except (RedisError, OSError):
        raise WebSocketException(1013, "try again later") from None
    if asyncio.current_task().cancelling():  # on Python 3.11, redis-py may have lost it
        raise asyncio.CancelledError
    logger.info("%s comes to %r", user, room)
    return user, place


async def enter(websocket: WebSocket, place: Place, user: str, client: str, history: str):
    async with place.join(websocket) as member:
        if history != follower.history or not place.since <= websocket.state.number <= place.number:
            websocket.state.number = place.since
            place.say(messages.anew(follower.history, place.since), [member])
        for missed in messages.in_parts(place.above(websocket.state.number)):
            place.say(missed, [member])
        with presence.present(place, user, member):
            await listen(websocket, place, user, client, member)
