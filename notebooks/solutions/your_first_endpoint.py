app = FastAPI()


@app.websocket("/greet")
async def greet(websocket: WebSocket):
    await websocket.accept()
    name = await websocket.receive_text()
    await websocket.send_text(f"Hello, {name}!")
    await websocket.close()
