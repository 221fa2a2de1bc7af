"""Whatever goes wrong is told to the client, in Python's own words."""

import json

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def add(websocket: WebSocket):
    await websocket.accept()
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        try:
            numbers = json.loads(message.get("text") or "null")["numbers"]
            answer = {"sum": sum(numbers)}
        except (KeyError, TypeError, ValueError) as error:
            answer = {"error": str(error)}
        try:
            await websocket.send_json(answer)
        except WebSocketDisconnect:
            return
