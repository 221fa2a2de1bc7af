app = FastAPI()


@app.websocket("/measure")
async def measure(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            # Without these two lines, `message["bytes"]` would fail when the client leaves: a KeyError of your own.
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"], message.get("reason"))
            text = message.get("text")
            if text is not None:
                await websocket.send_json({"kind": "text", "length": len(text)})
            else:
                await websocket.send_json({"kind": "bytes", "length": len(message["bytes"])})
    except WebSocketDisconnect:
        pass  # the client has left, and there is nothing to clean up
