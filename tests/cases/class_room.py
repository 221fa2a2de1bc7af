"""The same room as a class, which Starlette awaits; its members are in a dict."""

from fastapi import FastAPI
from starlette.endpoints import WebSocketEndpoint

app = FastAPI()
members = {}


class Room(WebSocketEndpoint):
    async def on_connect(self, websocket):
        await websocket.accept()
        members[id(self)] = websocket

    async def on_receive(self, websocket, data):
        for member in members.values():
            await member.send_text(str(data))

    async def on_disconnect(self, websocket, close_code):
        del members[id(self)]


app.router.add_websocket_route("/ws", Room)
