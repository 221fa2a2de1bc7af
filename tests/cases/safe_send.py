"""A helper sends, and swallows what goes wrong. The loop goes on to receive: 'Need to call "accept" first.'"""

import logging

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


async def safe_send(websocket, text):
    try:
        await websocket.send_text(text)
    except Exception:
        logging.getLogger("app").debug("not sent")


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003)
                return
            await safe_send(websocket, text)
    except WebSocketDisconnect:
        pass
