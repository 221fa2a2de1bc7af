"""A game for four: whoever comes fifth is refused, by right."""

from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect

app = FastAPI()
players: set[WebSocket] = set()


@app.websocket("/ws")
async def game(websocket: WebSocket):
    if len(players) >= 4:
        raise HTTPException(503)
    players.add(websocket)
    try:
        await websocket.accept()
        while True:
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003)
                return
            for player in list(players):
                try:
                    await player.send_text(text)
                except (WebSocketDisconnect, RuntimeError):
                    pass
    except WebSocketDisconnect:
        pass
    finally:
        players.discard(websocket)
