app = FastAPI()


@app.websocket("/report")
async def report(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            name = await websocket.receive_text()
            text = await asyncio.to_thread(exercises.slow_report, name)
            await websocket.send_text(text)
    except WebSocketDisconnect:
        pass  # the client has left
