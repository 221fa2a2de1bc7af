BURST, PACE = 5, 60
SLOW = 10  # seconds for a client to take what it is sent

app = FastAPI()


def price(item: str) -> int:  # leave this as it is
    if item == "bug 1":
        raise KeyError(item)
    if item == "bug 2":
        return TypeAdapter(int).validate_python(item)  # raises ValidationError
    return 100 * len(item)


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    id: int


class Add(Request):
    type: Literal["add"]
    item: Annotated[str, Field(min_length=1, max_length=20)]
    count: Annotated[int, Field(ge=1, le=10)]


class AskTotal(Request):
    type: Literal["total"]


class Added(BaseModel):
    type: Literal["added"] = "added"
    id: int


class Total(BaseModel):
    type: Literal["total"] = "total"
    id: int
    cents: int


class Error(BaseModel):
    type: Literal["error"] = "error"
    id: int | None
    fields: list[str]


class Wait(BaseModel):
    type: Literal["wait"] = "wait"
    id: int | None


requests = TypeAdapter(Annotated[Add | AskTotal, Field(discriminator="type")])


def fields(error: ValidationError) -> list[str]:
    found = []
    for one in error.errors():
        if "union_tag" in one["type"]:
            found.append("type")
        elif one["loc"]:  # else it is no JSON, or no object
            found.append(str(one["loc"][1]))
    return found


class Envelope(BaseModel):
    model_config = ConfigDict(strict=True)
    id: int | None = None


def id_of(text: str) -> int | None:
    try:
        return Envelope.model_validate_json(text).id
    except ValidationError:
        return None


class Bucket:
    def __init__(self, size: int, seconds: float):  # for a new token
        self.size, self.seconds = size, seconds
        self.tokens, self.since = size, asyncio.get_running_loop().time()

    def take(self) -> bool:
        now = asyncio.get_running_loop().time()
        self.tokens = min(self.size, self.tokens + (now - self.since) / self.seconds)
        self.since = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Basket:
    cents = 0

    def answer(self, text: str) -> Added | Total | Error:
        try:
            request = requests.validate_json(text)
        except ValidationError as error:
            return Error(id=id_of(text), fields=fields(error))
        match request:
            case Add():
                self.cents += price(request.item) * request.count
                return Added(id=request.id)
            case AskTotal():
                return Total(id=request.id, cents=self.cents)


async def next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
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


@app.websocket("/till")
async def till(websocket: WebSocket):
    await websocket.accept()
    basket, bucket, refused = Basket(), Bucket(BURST, PACE), 0
    try:
        while True:
            text = await next_text(websocket)
            if bucket.take():
                refused = 0
                reply = basket.answer(text)
            elif refused < BURST:
                refused += 1
                reply = Wait(id=id_of(text))
            else:
                raise WebSocketException(1008, "too fast")
            await send(websocket, reply.model_dump_json())
    except WebSocketDisconnect:
        pass
    except WebSocketException as put_out:
        await try_to_close(websocket, put_out.code, put_out.reason)
    except Exception:
        logger.exception("/till failed")
        await try_to_close(websocket, 1011)
