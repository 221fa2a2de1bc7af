"""A game: who sets the riddle must not speak. What others say goes to all, one after the other, as long as it takes."""

import contextlib
import itertools

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
players: dict[WebSocket, bool] = {}
came = itertools.count(1)


@app.websocket("/ws")
async def play(websocket: WebSocket):
    await websocket.accept()
    players[websocket] = next(came) % 5 == 0  # sets the riddle
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            for player in list(players) if not players[websocket] else ():
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await player.send_text(message.get("text") or "bytes")
    finally:
        del players[websocket]
