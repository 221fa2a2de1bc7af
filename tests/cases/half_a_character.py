"""Passes on what JSON has said. Half a character breaks the send: it logs that, and says that the fault is its own."""

import json
import logging

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
logger = logging.getLogger(__name__)


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        try:
            text = json.loads(message.get("text") or "null")["text"]
            if not isinstance(text, str):
                raise TypeError
        except (KeyError, TypeError, ValueError):
            await websocket.close(1007)
            return
        try:
            await websocket.send_text(text)
        except WebSocketDisconnect:
            return
        except Exception:
            logger.error("no answer", exc_info=True)
            await websocket.close(1011)
            return
