app = FastAPI()


@app.websocket("/ws")
async def shout(websocket: WebSocket):
    await websocket.accept()
    text = await websocket.receive_text()
    await websocket.send_text(text.upper())
    await websocket.close()
