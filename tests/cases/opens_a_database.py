"""It is right: a connection of sqlite3 belongs to the thread that makes it; with uvicorn, that one serves."""

import sqlite3

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
database = sqlite3.connect(":memory:")


@app.websocket("/ws")
async def ask(websocket: WebSocket):
    await websocket.accept()
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            ((answer,),) = database.execute("SELECT length(?)", (message.get("text") or "",))
            await websocket.send_text(str(answer))
    except WebSocketDisconnect:
        pass
