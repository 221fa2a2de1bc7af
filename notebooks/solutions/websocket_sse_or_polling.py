class Feed:  # leave it as it is
    def __init__(self, keep: int):
        self.entries: deque[tuple[int, str]] = deque(maxlen=keep)
        self.last = 0
        self.more = asyncio.Event()

    def publish(self, text: str):
        self.last += 1
        self.entries.append((self.last, text))
        self.more.set()
        self.more = asyncio.Event()

    async def after(self, number: int) -> list[tuple[int, str]]:
        while not (new := [entry for entry in self.entries if entry[0] > number]):
            await self.more.wait()
        return new


app = FastAPI()
ticker = Feed(keep=5)


def number_of(event_id: str) -> int | None:
    try:
        return int(event_id)
    except ValueError:
        return None


@app.get("/news", response_class=EventSourceResponse)
async def news(last_event_id: Annotated[str, Header()] = "") -> AsyncIterator[ServerSentEvent]:
    gone = ticker.last - len(ticker.entries)  # the last number that is no longer kept
    seen = number_of(last_event_id) if last_event_id else gone
    while True:
        gone = ticker.last - len(ticker.entries)
        if seen is None or not gone <= seen <= ticker.last:
            yield ServerSentEvent(event="reset", data={})
            seen = gone
        elif seen == ticker.last:
            await ticker.after(seen)  # and look again: more may have come at once than is kept
        else:
            for number, text in await ticker.after(seen):
                yield ServerSentEvent(data=text, id=str(number))
                seen = number
