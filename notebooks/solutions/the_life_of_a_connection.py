app = FastAPI()


@app.websocket("/age")
async def age(websocket: WebSocket):
    await websocket.accept()
    try:
        text = await websocket.receive_text()
        try:
            number = int(text)
        except ValueError:
            # 14 bytes and 27 characters of at most 4 bytes each: 122 of the 123 that a reason may have
            await websocket.close(4000, f"not a number: {text[:27]}")
        else:
            await websocket.send_text(f"In a year you will be {number + 1}.")
            await websocket.close()
    except WebSocketDisconnect:
        pass  # the client has left, and there is nothing to clean up
