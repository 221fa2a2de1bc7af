app = FastAPI()
names: list[str] = []


@app.websocket("/online")
async def online(websocket: WebSocket):
    await websocket.accept()
    try:
        name = await websocket.receive_text()
        names.append(name)
        try:
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        finally:
            names.remove(name)
    except WebSocketDisconnect:
        pass  # the client has left, with or without a name
