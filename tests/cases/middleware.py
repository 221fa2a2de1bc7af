"""An ASGI middleware that lets "websocket" through its first line, and then asks for the method."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


class Auth:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket") or scope["method"] == "OPTIONS":
            return await self.app(scope, receive, send)
        await self.app(scope, receive, send)


app.add_middleware(Auth)


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
