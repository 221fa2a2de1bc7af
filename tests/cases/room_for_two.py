"""A game for two. Whoever comes third is sent away, and then, without a `return`, let in all the same."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
players: list[WebSocket] = []


@app.websocket("/ws")
async def game(websocket: WebSocket):
    if len(players) >= 2:
        await websocket.accept()
        await websocket.close(4000, "two play already")
    await websocket.accept()
    players.append(websocket)
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            for player in list(players):
                try:
                    await player.send_text(message.get("text") or "bytes")
                except (WebSocketDisconnect, RuntimeError):
                    pass
    finally:
        players.remove(websocket)
