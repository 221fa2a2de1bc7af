connection: ContextVar[str] = ContextVar("connection", default="-")
numbers = itertools.count(1)


class Watch:
    def __init__(self, app, open: Gauge, ended: Counter):
        self.app, self.open, self.ended = app, open, ended

    async def __call__(self, scope, receive, send):
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return

        accepted, end = False, None

        async def watched_receive():
            nonlocal end
            message = await receive()
            if message["type"] == "websocket.disconnect":
                end = end or ("received", message["code"])
            return message

        async def watched_send(message):
            nonlocal accepted, end
            try:
                await send(message)
            except Exception as error:
                end = end or ("failed", type(error).__name__)
                raise
            if message["type"] == "websocket.accept":
                accepted = True
                self.open.inc()
            if message["type"] == "websocket.close":
                end = end or ("sent", message["code"])

        connection.set(f"A-{next(numbers)}")
        try:
            await self.app(scope, watched_receive, watched_send)
        except BaseException as error:
            end = end or ("raised", type(error).__name__)
            raise
        finally:
            if accepted:
                self.open.dec()
                self.ended.labels(*(end or ("returned", ""))).inc()
