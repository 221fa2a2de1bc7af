"""A room that catches everything, says goodbye politely, and never takes out whom it has sent away."""

import json
import logging

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

logger = logging.getLogger(__name__)
app = FastAPI()
members: list[WebSocket] = []


@app.websocket("/ws")
async def room(websocket: WebSocket):
    await websocket.accept()
    members.append(websocket)
    try:
        while True:
            message = json.loads(await websocket.receive_text())
            for member in list(members):
                if member is not websocket:
                    await member.send_text(json.dumps(message["text"]))
    except WebSocketDisconnect:
        members.remove(websocket)
    except Exception as error:
        logger.error("failed: %s", error)
        await websocket.close()
