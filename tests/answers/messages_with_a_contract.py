"""Answers to the exercise of messages-with-a-contract."""

from tests.answers import after, before, changed, whole

# Parts of the solution
STRICT = 'ConfigDict(strict=True, extra="forbid")'
VALIDATES = """
        try:
            request = requests.validate_json(text)
        except ValidationError as error:
            return Error(id=id_of(text), fields=fields(error))
"""
REFUSES = """
            elif refused < BURST:
                refused += 1
                reply = Wait(id=id_of(text))
            else:
                raise WebSocketException(1008, "too fast")
"""
NO_TEXT = """
    if message.get("text") is None:  # it sent bytes
        raise WebSocketException(1003, "text, please")
"""
BY_ITSELF = """
    try:
        return Envelope.model_validate_json(text).id
    except ValidationError:
        return None
"""
REFILLS = "self.tokens = min(self.size, self.tokens + (now - self.since) / self.seconds)"
BUCKET = """
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
"""
A_TIME = """
def __init__(self, size: int, seconds: float):
    self.size, self.seconds, self.clock = size, seconds, asyncio.get_running_loop().time
    self.full = self.clock()  # when it is full again

def take(self) -> bool:
    full = max(self.full, self.clock()) + self.seconds
    if full > self.clock() + self.size * self.seconds:
        return False
    self.full = full
    return True
"""
TIMERS = """
def __init__(self, size: int, seconds: float):
    self.tokens, self.size, self.seconds = size, size, seconds

def fill(self, since: float):
    asyncio.get_running_loop().call_at(since + self.seconds, self.give, since + self.seconds)

def give(self, now: float):
    self.tokens += 1
    if self.tokens < self.size:
        self.fill(now)

def take(self) -> bool:
    if self.tokens == 0:
        return False
    if self.tokens == self.size:
        self.fill(asyncio.get_running_loop().time())
    self.tokens -= 1
    return True
"""
CAUGHT = """
    except Exception:
        logger.exception("/till failed")
        await try_to_close(websocket, 1011)
"""

# Other designs
HEAD = """
BURST, PACE = 5, 60

app = FastAPI()


def price(item: str) -> int:
    if item == "bug 1":
        raise KeyError(item)
    if item == "bug 2":
        return TypeAdapter(int).validate_python(item)
    return 100 * len(item)
"""
TAIL = """

@app.websocket("/till")
async def till(websocket: WebSocket):
    await websocket.accept()
    cents, due, waits = 0, -math.inf, 0  # `due`: when the bucket would be full
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is None:
                await websocket.close(1003)
                return
            data = parsed(message["text"])
            now = asyncio.get_running_loop().time()
            due = max(due, now)
            if due > now + (BURST - 1) * PACE + 0.001:
                if waits == BURST:
                    await websocket.close(1008)
                    return
                waits += 1
                await websocket.send_json({"type": "wait", "id": own_id(data)})
                continue
            due, waits = due + PACE, 0
            if wrong := mistakes(data):
                await websocket.send_json({"type": "error", "id": own_id(data), "fields": [w for w in wrong if w]})
            elif data["type"] == "add":
                cents += price(data["item"]) * data["count"]
                await websocket.send_json({"type": "added", "id": data["id"]})
            else:
                await websocket.send_json({"type": "total", "id": data["id"], "cents": cents})
    except WebSocketDisconnect:
        pass
    except Exception:
        logger.exception("/till failed")
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(1011)
"""
BY_HAND = (
    HEAD
    + '''

FIELDS = {
    "add": {
        "id": lambda value: type(value) is int,
        "item": lambda value: type(value) is str and 1 <= len(value) <= 20,
        "count": lambda value: type(value) is int and 1 <= value <= 10,
    },
    "total": {"id": lambda value: type(value) is int},
}


def parsed(text):
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False).encode()  # fails at half a character
        return data
    except (ValueError, RecursionError):
        return None


def own_id(data):
    return data["id"] if isinstance(data, dict) and type(data.get("id")) is int else None


def mistakes(data):
    """The names of the fields that are wrong; an empty one if there are none to be wrong."""
    if not isinstance(data, dict):
        return [""]
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        return ["type"]
    wrong = [name for name, is_right in FIELDS[kind].items() if name not in data or not is_right(data[name])]
    return wrong + [name for name in data if name not in FIELDS[kind] and name != "type"]
'''
    + TAIL
)
DICTIONARY_OF_MODELS = (
    HEAD
    + """

class Total(BaseModel, strict=True, extra="forbid"):
    type: str
    id: int


class Add(Total):
    item: str = Field(min_length=1, max_length=20)
    count: int = Field(ge=1, le=10)


MODELS = {"add": Add, "total": Total}


def parsed(text):
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False).encode()  # fails at half a character
        return data
    except (ValueError, RecursionError):
        return None


def own_id(data):
    return data["id"] if isinstance(data, dict) and type(data.get("id")) is int else None


def mistakes(data):
    if not isinstance(data, dict):
        return [""]
    if not isinstance(data.get("type"), str) or data["type"] not in MODELS:
        return ["type"]
    try:
        MODELS[data["type"]].model_validate(data)
    except ValidationError as error:
        return [one["loc"][0] for one in error.errors()]
    return []
"""
    + TAIL
)
STUB_REPAIRED = (
    HEAD
    + """

@app.websocket("/till")
async def till(websocket: WebSocket):
    await websocket.accept()
    cents = 0
    try:
        while True:
            try:
                message = await websocket.receive_json()
            except (KeyError, ValueError):
                await websocket.send_json({"type": "error", "id": None, "fields": []})
                continue
            match message:
                case {"type": "add", "id": int(id), "item": str(item), "count": int(count), **rest} if not rest:
                    cents += price(item) * count
                    await websocket.send_json({"type": "added", "id": id})
                case {"type": "total", "id": int(id), **rest} if not rest:
                    await websocket.send_json({"type": "total", "id": id, "cents": cents})
                case {"type": "add", "id": int(id)}:
                    await websocket.send_json({"type": "error", "id": id, "fields": ["count"]})
                case _:
                    await websocket.send_json({"type": "error", "id": None, "fields": ["type"]})
    except WebSocketDisconnect:
        pass
"""
)

IN_THE_LESSONS_STYLE = (
    HEAD
    + """

class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    id: int


class Add(Request):
    type: Literal["add"]
    item: Annotated[str, Field(min_length=1, max_length=20)]
    count: Annotated[int, Field(ge=1, le=10)]


class Total(Request):
    type: Literal["total"]


class Envelope(BaseModel, strict=True):
    id: int | None = None


requests = TypeAdapter(Annotated[Add | Total, Field(discriminator="type")])
SLOW = 10


async def try_to_close(websocket: WebSocket, code: int, reason: str = ""):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


@asynccontextmanager
async def accepted(websocket: WebSocket) -> AsyncIterator[None]:
    await websocket.accept()
    try:
        yield
    except WebSocketDisconnect as left:
        logger.info("left with %d %r", left.code, left.reason)
    except WebSocketException as put_out:
        await try_to_close(websocket, put_out.code, put_out.reason)
    except Exception:
        logger.exception("%s failed", websocket.url.path)
        await try_to_close(websocket, 1011)


async def next_text(websocket: WebSocket) -> str:
    try:
        return await websocket.receive_text()
    except KeyError:
        raise WebSocketException(1003, "text, please") from None


async def send(websocket: WebSocket, **reply):
    try:
        async with asyncio.timeout(SLOW):
            await websocket.send_json(reply)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None


@app.websocket("/till")
async def till(websocket: WebSocket):
    async with accepted(websocket):
        loop = asyncio.get_running_loop()
        cents, waits, tokens, since = 0, 0, BURST, loop.time()
        while True:
            text = await next_text(websocket)
            try:
                id = Envelope.model_validate_json(text).id
            except ValidationError:
                id = None
            tokens, since = min(BURST, tokens + (loop.time() - since) / PACE), loop.time()
            if tokens < 1:
                waits += 1
                if waits > BURST:
                    raise WebSocketException(1008, "too fast")
                await send(websocket, type="wait", id=id)
                continue
            tokens, waits = tokens - 1, 0
            try:
                request = requests.validate_json(text)
            except ValidationError as error:
                where = [one["loc"][1:2] or ("type",) * ("tag" in one["type"]) for one in error.errors()]
                await send(websocket, type="error", id=id, fields=[name for names in where for name in names])
                continue
            if isinstance(request, Add):
                cents += price(request.item) * request.count
                await send(websocket, type="added", id=id)
            else:
                await send(websocket, type="total", id=id, cents=cents)
"""
)

STARLETTES = (
    IN_THE_LESSONS_STYLE.partition("SLOW = 10")[0].replace(
        "app =", "from starlette.endpoints import WebSocketEndpoint\n\napp ="
    )
    + """

@app.websocket_route("/till")
class Till(WebSocketEndpoint):
    encoding = "text"

    async def on_connect(self, websocket):
        await websocket.accept()
        self.cents = 0

    async def on_receive(self, websocket, text):
        try:
            request = requests.validate_json(text)
        except ValidationError as error:
            where = [one["loc"][1:2] or ("type",) * ("tag" in one["type"]) for one in error.errors()]
            fields = [name for names in where for name in names]
            await websocket.send_json({"type": "error", "id": own_id(text), "fields": fields})
            return
        if isinstance(request, Add):
            self.cents += price(request.item) * request.count
            await websocket.send_json({"type": "added", "id": request.id})
        else:
            await websocket.send_json({"type": "total", "id": request.id, "cents": self.cents})


def own_id(text):
    try:
        return Envelope.model_validate_json(text).id
    except ValidationError:
        return None
"""
)
ITS_MISTAKE = '{"type": "error", "id": 7, "fields": ["count"]}'

WRONG = {
    "numbers may be texts": changed(
        (STRICT, 'ConfigDict(extra="forbid")'),
        says=f'"count": "2"}}\' and expected {ITS_MISTAKE}, but got \'{{"type":"added","id":7}}\'. It is no number',
    ),
    "what does not belong there is overlooked": changed(
        (STRICT, "ConfigDict(strict=True)"),
        says='"fields": ["itme"]}, but got \'{"type":"added","id":7}\'. What does not belong there is wrong, too',
    ),
    "no limit to the count": changed(
        ("Annotated[int, Field(ge=1, le=10)]", "int"),
        says='but got \'{"type":"added","id":7}\'. `count` is a whole number from 1 to 10.',
    ),
    "no limit to the item": changed(
        ("Annotated[str, Field(min_length=1, max_length=20)]", "str"),
        says="`item` has 1 to 20 characters.",
    ),
    "an error has no id": changed(
        ("return Error(id=id_of(text), fields", "return Error(id=None, fields"),
        says=f'expected {ITS_MISTAKE}, but got \'{{"type":"error","id":null,"fields":["count"]}}\'.',
    ),
    "0 is no id": changed(
        ("return Error(id=id_of(text), fields", "return Error(id=id_of(text) or None, fields"),
        says='"id": 0, "item": "tea", "count": 11}\' and expected {"type": "error", "id": 0, "fields": ["count"]},',
    ),
    "who is too fast with the id 0 has none": changed(
        (REFUSES, REFUSES.replace("id_of(text)", "id_of(text) or None")),
        says='expected {"type": "wait", "id": 0}, but got \'{"type":"wait","id":null}\'. The `id` is the',
    ),
    "the id may be a text": changed(
        ("class Envelope(BaseModel):\n    model_config = ConfigDict(strict=True)", "class Envelope(BaseModel):"),
        says="The `id` is the request's, or null if it has none that is a whole number.",
    ),
    "the id of an error is looked up": changed(
        (BY_ITSELF, '    return json.loads(text)["id"]'),
        says='expected {"type": "error", "id": null, "fields": ["id"]}, but the connection ended first, with code '
        "1011. The conversation goes on, whatever comes as text. An `id` that is missing is wrong.",
    ),
    "the id of an error is looked up with care": changed(
        (BY_ITSELF, '    return json.loads(text).get("id")'),
        says="The `id` is the request's, or null if it has none that is a whole number.",
    ),
    "a field has the name of its model before it": changed(
        ('str(one["loc"][1])', '".".join(map(str, one["loc"]))'),
        says=f'expected {ITS_MISTAKE}, but got \'{{"type":"error","id":7,"fields":["add.count"]}}\'.',
    ),
    "a union that is not told apart": changed(
        ('TypeAdapter(Annotated[Add | AskTotal, Field(discriminator="type")])', "TypeAdapter(Add | AskTotal)"),
        says='"fields":["count","type","item","count"]}',
    ),
    "one mistake is enough": changed(
        ("    return found", "    return found[:1]"),
        says="Both fields are wrong.",
    ),
    "an unknown type has no field": changed(
        ('if "union_tag" in one["type"]:\n    found.append("type")\nelif', "if"),
        says='"fields":[]}\'. The answer has the names of the fields that are wrong, as the client writes them, '
        "and nothing else. It is the type that is wrong; the `id` can be read all the same.",
    ),
    "an unknown type is ignored": changed(
        after(
            "text = await next_text(websocket)",
            """
            with suppress(ValidationError):
                requests.validate_json(text)
            if '"pay"' in text:
                continue
            """,
        ),
        says="no answer came within 2 seconds. Whatever comes as text is answered. It is the type that is wrong",
    ),
    "a mistake ends the conversation": changed(
        after(
            "await send(websocket, reply.model_dump_json())",
            'if reply.type == "error":\n    await websocket.close(1008)\n    return',
        ),
        says='Before, it had sent \'{"type": "add", "id": 7, "item": "tea", "count": "2"}\', which is a mistake,',
    ),
    "a mistake is refused with a code": changed(
        ("return Error(id=id_of(text), fields=fields(error))", 'raise WebSocketException(1007, "no") from error'),
        says=f"expected {ITS_MISTAKE}, but the connection ended first, with code 1007. The conversation goes on,",
    ),
    "json.loads(), and its RecursionError forgotten": changed(
        (
            "request = requests.validate_json(text)",
            "request = requests.validate_python(json.loads(text))",
        ),
        (
            "except ValidationError as error:\n    return Error(id=id_of(text), fields=fields(error))",
            """
            except ValueError as error:
                is_json = isinstance(error, ValidationError)
                return Error(id=id_of(text), fields=fields(error) if is_json else [])
            """,
        ),
        says="'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['",
    ),
    "only the shape of JSON is expected": changed(
        ("request = requests.validate_json(text)", "request = requests.validate_python(json.loads(text))"),
        says='the client sent \'add tea\' and expected {"type": "error", "id": null, "fields": []}, but the '
        "connection ended first, with code 1011. The conversation goes on, whatever comes as text. It is no JSON",
    ),
    "match and types": whole(
        STUB_REPAIRED,
        says=f'"count": true}}\' and expected {ITS_MISTAKE}, but got \'{{"type":"added","id":7}}\'. It is no number',
    ),
    "bool is an int": changed(
        ("type(value) is int and 1", "isinstance(value, int) and 1"),
        of=BY_HAND,
        says="It is no number: nothing is converted.",
    ),
    "a type that is a list": changed(
        ("if not isinstance(kind, str) or kind not in FIELDS:", "if kind not in FIELDS:"),
        of=BY_HAND,
        says="with code 1011. The conversation goes on, whatever comes as text. It is the type that is wrong",
    ),
    "the total is everybody's": changed(
        ("self.cents += ", "Basket.cents += "),
        says='expected {"type": "total", "id": 1, "cents": 0}, but got \'{"type":"total","id":1,"cents":8700}\'. '
        "Another client has added something. Each has its own total.",
    ),
    "bytes are a bug": changed(
        (NO_TEXT, ""),
        ('return message["text"]', 'return message["text"] + ""'),
        says="the connection of a client that sent bytes ended with code 1011, not with 1003.",
    ),
    "bytes are a mistake, too": changed(
        ('raise WebSocketException(1003, "text, please")', 'return ""'),
        says="a client that sent bytes got the answer",
    ),
    "an id counts once": changed(
        (
            "class Basket:\n    cents = 0",
            "class Basket:\n    def __init__(self):\n        self.cents, self.ids = 0, set()",
        ),
        (
            "self.cents += price(request.item) * request.count",
            """
            if request.id not in self.ids:
                self.cents += price(request.item) * request.count
            self.ids.add(request.id)
            """,
        ),
        says='but got \'{"type":"total","id":1,"cents":600}\'. It has added the same twice: both count.',
    ),
    "an item counts once": changed(
        (
            "class Basket:\n    cents = 0",
            "class Basket:\n    def __init__(self):\n        self.cents, self.items = 0, {}",
        ),
        (
            "self.cents += price(request.item) * request.count",
            "self.items[request.item] = price(request.item) * request.count\nself.cents = sum(self.items.values())",
        ),
        says='but got \'{"type":"total","id":1,"cents":600}\'. It has added the same twice: both count.',
    ),
    "empty bytes are none": changed(
        (NO_TEXT, NO_TEXT.replace('.get("text") is None', '.get("bytes")')),
        ('return message["text"]', 'return message.get("text") or ""'),
        says='a client that sent empty bytes got the answer \'{"type":"error","id":null,"fields":[]}\', instead of a '
        "close with 1003. Empty bytes are bytes, too",
    ),
    "who is too fast gets whatever id there is": changed(
        (REFUSES, REFUSES.replace("id_of(text)", "any_id(text)")),
        ('type: Literal["wait"] = "wait"\nid: int | None', 'type: Literal["wait"] = "wait"\nid: object'),
        before(
            "class Bucket:",
            """
            def any_id(text):
                try:
                    return json.loads(text).get("id")
                except ValueError:
                    return None
            """,
        ),
        says='expected {"type": "wait", "id": null}, but got \'{"type":"wait","id":"7"}\'. The `id` is the',
    ),
    "whoever is too fast says an object": changed(
        (REFUSES, REFUSES.replace("id_of(text)", "any_id(text)")),
        before(
            "class Bucket:",
            """
            def any_id(text):
                try:
                    found = json.loads(text)["id"]
                except (ValueError, KeyError):
                    return None
                return found if type(found) is int else None
            """,
        ),
        says='the client sent \'[]\' and expected {"type": "wait", "id": null}, but the connection ended first',
    ),
    "Starlette's endpoint, which raises an error at bytes": whole(
        STARLETTES,
        says="raised RuntimeError: Expected text websocket messages, but got bytes (it comes from Starlette's "
        "WebSocketEndpoint, which closes with 1003 for them by itself, and raises it).",
    ),
    "a clock of its own": changed(
        ("= size, asyncio.get_running_loop().time()", "= size, time.monotonic()"),
        ("now = asyncio.get_running_loop().time()", "now = time.monotonic()"),
        before("app = FastAPI()", "import time\n"),
        says="By `asyncio.get_running_loop().time()`, one more comes every 60 seconds, and 75 have passed.",
    ),
    "a bucket without a brim": changed(
        (REFILLS, "self.tokens += (now - self.since) / self.seconds"),
        says="It was one more than 5 at once. Mistakes count, too, and no more than 5 can be saved up.",
    ),
    "a bucket that is filled anew after each minute": changed(
        (
            f"{REFILLS}\nself.since = now",
            "if now - self.since >= self.seconds:\n    self.tokens, self.since = self.size, now",
        ),
        says="one more comes every 60 seconds, and one has come: a new row begins.",
    ),
    "a bucket that loses half a token": changed(
        (REFILLS, "self.tokens = min(self.size, self.tokens + (now - self.since) // self.seconds)"),
        says="one more comes every 60 seconds, and 75 have passed.",
    ),
    "who is too fast is kept waiting": changed(
        ("if bucket.take():", "while not bucket.take():\n    await asyncio.sleep(1)\nif True:"),
        says='expected {"type": "wait", "id": 7}, but no answer came within 2 seconds.',
    ),
    "one bucket for all": changed(
        before("class Basket", "everybody = None\n\n\n"),
        (
            "basket, bucket, refused = Basket(), Bucket(BURST, PACE), 0",
            """
            global everybody
            everybody = bucket = everybody or Bucket(BURST, PACE)
            basket, refused = Basket(), 0
            """,
        ),
        says="which is a mistake, and nothing else. Each connection has a total and a pace of its own.",
    ),
    "items are stripped of spaces": changed(
        ('strict=True, extra="forbid"', 'strict=True, extra="forbid", str_strip_whitespace=True'),
        says="each character counts in an `item`, also a line break, and alone.",
    ),
    "the price is that of the item without its spaces": changed(
        ("price(request.item)", "price(request.item.strip() or request.item)"),
        says="An `item` goes to price() as it is, with its spaces.",
    ),
    "a mistake counts as one that was too fast": changed(
        (
            "refused = 0\nreply = basket.answer(text)",
            "reply = basket.answer(text)\nrefused = refused + 1 if isinstance(reply, Error) else 0",
        ),
        says="Who is too fast is told to wait, 5 times in a row.",
    ),
    "mistakes are free": changed(
        ("if bucket.take():", "if basket.is_wrong(text) or bucket.take():"),
        before(
            "    def answer",
            """
    def is_wrong(self, text):
        try:
            requests.validate_json(text)
        except ValidationError:
            return True
        return False

            """,
        ),
        says="Mistakes count, too, and no more than 5 can be saved up.",
    ),
    "what is too fast is carried out": changed(
        after("refused += 1", "basket.answer(text)"),
        says="What was too fast is not added.",
    ),
    "who is too fast gets no id": changed(
        ("reply = Wait(id=id_of(text))", "reply = Wait(id=None)"),
        says='expected {"type": "wait", "id": 7}, but got \'{"type":"wait","id":null}\'.',
    ),
    "who is too fast is put out at once": changed(
        ("elif refused < BURST:", "elif False:"),
        says='expected {"type": "wait", "id": 7}, but the connection ended first, with code 1008.',
    ),
    "who is too fast is never put out": changed(
        ("elif refused < BURST:", "elif True:"),
        says="a client that was told to wait 5 times in a row, and sent one more, got the answer",
    ),
    "a row that never ends": changed(
        ("    refused = 0\n", ""),
        says="and one has come: a new row begins.",
    ),
    "no limit": changed(
        ("if bucket.take():", "if True:"),
        says="It was one more than 5 at once.",
    ),
    "the bug is taken for the client's mistake": changed(
        (VALIDATES, ""),
        (
            "reply = basket.answer(text)",
            """
            try:
                reply = basket.answer(text)
            except ValidationError as error:
                reply = Error(id=id_of(text), fields=fields(error))
            """,
        ),
        before("match request:", "request = requests.validate_json(text)"),
        says="at which price() raises a ValidationError, and",
    ),
    "a bug is hidden": changed(
        (CAUGHT, "    except Exception:\n        await try_to_close(websocket, 1011)"),
        says="at which price() raises a KeyError, and the log has no error about it.",
    ),
    "a bug is left to uvicorn": changed(
        (CAUGHT, ""),
        says="at which price() raises a KeyError, and its connection ended with code 1006, cut off without close(), "
        "not with 1011.",
    ),
    "half a character is sent back": changed(
        ("    json.dumps(data, ensure_ascii=False).encode()  # fails at half a character\n", ""),
        of=BY_HAND,
        says="and expected an error, but the connection ended first, with code 1011. \\ud800 is half a character:",
    ),
    "who is too fast pays for it": changed(
        (
            "if self.tokens < 1:\n    return False\nself.tokens -= 1\nreturn True",
            "self.tokens -= 1\nreturn self.tokens >= 0",
        ),
        says="and 75 have passed. What was too fast is not added.",
    ),
    "a client that leaves is a bug": changed(
        ("    except WebSocketDisconnect:\n        pass\n", ""),
        says="is logged as an error",
    ),
    "a close that may fail": changed(
        ("with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading", "if True:"),
        says="Whoever is to be closed may be gone",
    ),
    "2.0 is a whole number": changed(
        ("type(value) is int and 1 <= value <= 10", "type(value) is not bool and value in range(1, 11)"),
        of=BY_HAND,
        says='"count": 2.0}\' and expected {"type": "error", "id": 7, "fields": ["count"]}, but got '
        '\'{"type":"added","id":7}\'. `count` is a whole number',
    ),
    "true is an id": changed(
        ('"total": {"id": lambda value: type(value) is int}', '"total": {"id": lambda value: isinstance(value, int)}'),
        of=BY_HAND,
        says='"id": true}\' and expected {"type": "error", "id": null, "fields": ["id"]}, but got',
    ),
    "a wrong id is enough": changed(
        before("return wrong +", 'if "id" in wrong:\n    return ["id"]'),
        of=BY_HAND,
        says='"fields":["id"]}\'. The answer has the names of the fields that are wrong, as the client writes them, '
        "and nothing else. Each field that is wrong is named, whatever else is wrong.",
    ),
    "what does not belong there is looked for if all else is right": changed(
        ("return wrong + [", "return wrong or ["),
        of=BY_HAND,
        says='and expected {"type": "error", "id": 7, "fields": ["count", "item", "itme"]}, but got',
    ),
    "the fields of an unknown type": changed(
        ('return ["type"]', 'return ["type"] + ["id"] * (own_id(data) is None)'),
        of=BY_HAND,
        says="Of an unknown type, nobody knows what its fields must be.",
    ),
    "the price is asked before the count is looked at": changed(
        before("wrong = [", 'price(str(data.get("item")))'),
        of=BY_HAND,
        says="price() is asked about right requests alone: whatever it does, this one is a mistake.",
    ),
    "an error has the fields of all replies": changed(
        ("    fields: list[str]", "    fields: list[str]\n    cents: int | None = None"),
        says='"fields":["count"],"cents":null}\'. \'cents\' does not belong there: each kind of answer',
    ),
    "one token at most": changed(
        ("(now - self.since) / self.seconds)\n", "min(1, (now - self.since) / self.seconds))\n"),
        says="one more comes every 60 seconds, and two have come.",
    ),
    "only a right request ends a row": changed(
        (
            "refused = 0\nreply = basket.answer(text)",
            "reply = basket.answer(text)\nrefused = refused if isinstance(reply, Error) else 0",
        ),
        says="A mistake that had its turn ends a row, as any message does.",
    ),
    "five fields at most": changed(
        ("for one in error.errors():", "for one in error.errors()[:5]:"), says="Each field that is wrong is named"
    ),
    "the clock is set when a message has its turn": changed(
        ("self.since = now\nif self.tokens < 1:", "if self.tokens < 1:"),
        ("self.tokens -= 1", "self.since = now\nself.tokens -= 1"),
        says="48 have passed. What is refused meanwhile does not count them again.",
    ),
    "a number that is too long for json.loads()": changed(
        ("except (ValueError, RecursionError):", "except (json.JSONDecodeError, UnicodeError, RecursionError):"),
        of=BY_HAND,
        says="(Of so long a number, json.loads() raises a plain ValueError.)",
    ),
    "an item is more than spaces": changed(
        ("max_length=20)", 'max_length=20, pattern=r"\\S")'),
        says="each character counts in an `item`, also a line break, and alone.",
    ),
    "an id that JavaScript can hold": changed(
        (
            'model_config = ConfigDict(strict=True, extra="forbid")\nid: int',
            'model_config = ConfigDict(strict=True, extra="forbid")\nid: int = Field(lt=2**53)',
        ),
        says='"fields":["id"]}\'. Any whole number is an `id`',
    ),
    "the first name that is no model's": changed(
        (
            'found.append(str(one["loc"][1]))',
            'found.append(next((str(name) for name in one["loc"] if name not in ("add", "total")), "?"))',
        ),
        says="""but got '{"type":"error","id":1,"fields":["?"]}'. The answer has the names of the fields""",
    ),
    # By `id(websocket)` it is the same mistake, and a matter of luck who gets the place in memory of which one before.
    "the total stands by the client's address": changed(
        before("class Basket:", "totals = {}\n\n"),
        ("cents = 0", "def __init__(self, websocket: WebSocket):\n    self.key = websocket.client"),
        (
            "self.cents += price(request.item) * request.count",
            "totals[self.key] = totals.get(self.key, 0) + price(request.item) * request.count",
        ),
        ("cents=self.cents", "cents=totals.get(self.key, 0)"),
        ("Basket(), ", "Basket(websocket), "),
        says="""and one of them got '{"type":"total","id":1,"cents":1200}'. That is left over from another.""",
    ),
    "tokens at a beat": changed(
        (
            BUCKET,
            """
            def __init__(self, size: int, seconds: float):
                self.tokens = size
                self.filling = asyncio.create_task(self.fill(size, seconds))

            async def fill(self, size: int, seconds: float):
                while True:
                    await asyncio.sleep(seconds)
                    self.tokens = min(size, self.tokens + 1)

            def take(self) -> bool:
                had = self.tokens
                self.tokens -= had > 0
                return had > 0
            """,
        ),
        after(CAUGHT, "    finally:\n        bucket.filling.cancel()"),
        says="24 have passed. What is refused meanwhile does not count them again.",
    ),
    "the loop goes on behind a bug": changed(
        (
            "reply = basket.answer(text)",
            """
            try:
                reply = basket.answer(text)
            except Exception:
                logger.exception("/till failed")
                await try_to_close(websocket, 1011)
                continue
            """,
        ),
        says="times: once is enough. (Or was more served that had been sent behind it?",
    ),
    "the reason of a close is the error's text": changed(
        ("except Exception:", "except Exception as error:"),
        ("await try_to_close(websocket, 1011)", "await try_to_close(websocket, 1011, str(error))"),
        says="the close() for it raised one more error: a reason has room for 123 bytes.",
    ),
    "a row of those who are too fast, for all": changed(
        before("class Basket:", "refused = 0\n\n"),
        (
            "basket, bucket, refused = Basket(), Bucket(BURST, PACE), 0",
            "global refused\nbasket, bucket = Basket(), Bucket(BURST, PACE)",
        ),
        says="this one not yet: each connection has a row of its own.",
    ),
    "a total empties the basket": changed(
        (
            "return Total(id=request.id, cents=self.cents)",
            "cents, self.cents = self.cents, 0\nreturn Total(id=request.id, cents=cents)",
        ),
        says="A total takes nothing away: who asks again is told the same.",
    ),
    "the reason repeats what was said": changed(
        ('WebSocketException(1008, "too fast")', 'WebSocketException(1008, f"too fast: {text!r}")'),
        says="if its text is in the reason of the close, that has room for 123 bytes.",
    ),
    "a bucket that begins one short": changed(
        ("self.tokens, self.since = size, asyncio", "self.tokens, self.since = size - 1, asyncio"),
        says='but got \'{"type":"wait","id":1}\'. On each connection, 5 messages may come at once.',
    ),
    "a type in large letters": changed(
        ('kind = data.get("type")', 'kind = str(data.get("type")).lower()'),
        ('elif data["type"] == "add":', 'elif data["type"].lower() == "add":'),
        of=BY_HAND,
        says="It is the type that is wrong; the `id` can be read all the same.",
    ),
    "an item's characters as UTF-16 counts them": changed(
        ("1 <= len(value) <= 20", '1 <= len(value.encode("utf-16-le")) // 2 <= 20'),
        of=BY_HAND,
        says="`item` has 1 to 20 characters.",
    ),
}

RIGHT = {
    "a bucket that is a time, by a clock that it keeps": changed((BUCKET, A_TIME)),
    "a bucket that timers fill": changed((BUCKET, TIMERS)),
    "by hand, without models": whole(BY_HAND),
    "a dictionary of models": whole(DICTIONARY_OF_MODELS),
    "NaN is no JSON": changed(
        ("data = json.loads(text)", "data = json.loads(text, parse_constant=refuse)"),
        before("def parsed", "def refuse(constant):\n    raise ValueError(constant)\n\n"),
        of=BY_HAND,
    ),
    "pydantic's from_json(), and the id from its object": changed(
        (
            VALIDATES,
            """
            try:
                message = pydantic_core.from_json(text)
            except ValueError:
                return Error(id=None, fields=[])
            own_id = message.get("id") if isinstance(message, dict) else None
            try:
                request = requests.validate_python(message)
            except ValidationError as error:
                return Error(id=own_id if type(own_id) is int else None, fields=fields(error))
            """,
        ),
        before("app = FastAPI()", "import pydantic_core\n"),
    ),
    "with the lesson's helpers": whole(IN_THE_LESSONS_STYLE),
}
