"""Text, bytes and JSON: the endpoints of the lesson text-bytes-and-json.

Start it from the project's folder:

    uvicorn examples.messages.app:app
"""

import logging

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

logger = logging.getLogger("uvicorn.error")

app = FastAPI()


@app.websocket("/echo")
async def echo_anything(websocket: WebSocket):
    """Both kinds are welcome."""
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"], message.get("reason"))
            text = message.get("text")
            if text is not None:
                await websocket.send_text(text)
            else:
                await websocket.send_bytes(message["bytes"])
    except WebSocketDisconnect as disconnect:
        logger.info("the client left with code %d", disconnect.code)


@app.websocket("/text")
async def text_only(websocket: WebSocket):
    """Bytes are refused, with a code and a reason."""
    await websocket.accept()
    try:
        while True:
            try:
                text = await websocket.receive_text()
            except KeyError:  # the message was binary
                await websocket.close(1003, "text, please")
                return
            await websocket.send_text(f"You wrote: {text}")
    except WebSocketDisconnect as disconnect:
        logger.info("the client left with code %d", disconnect.code)


@app.websocket("/order")
async def take_order(websocket: WebSocket):
    """Mistakes are answered, and the conversation goes on."""
    await websocket.accept()
    try:
        while True:
            try:
                order = await websocket.receive_json()
            except (KeyError, ValueError, RecursionError):  # binary; not JSON; nested too deeply
                await websocket.send_json({"error": "send JSON, as text"})
                continue
            match order:
                case {"item": "tea" | "coffee" as item}:
                    await websocket.send_json({"ordered": item})
                case _:
                    await websocket.send_json({"error": '"item" must be tea or coffee'})
    except WebSocketDisconnect as disconnect:
        logger.info("the client left with code %d", disconnect.code)
