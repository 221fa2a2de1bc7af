app = FastAPI()


@app.websocket("/count")
async def count(websocket: WebSocket):
    await websocket.accept()
    number = 0
    try:
        while True:
            text = await websocket.receive_text()
            number += 1
            await websocket.send_text(f"{number}: {text}")
    except WebSocketDisconnect:
        pass  # the client has left, and there is nothing to clean up
