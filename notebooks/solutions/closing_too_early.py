app = FastAPI()


@app.websocket("/tally")
async def tally(websocket: WebSocket):
    await websocket.accept()
    total = 0
    try:
        while True:
            text = await websocket.receive_text()
            if text == "done":
                break
            try:
                total += int(text)
            except ValueError:
                await websocket.send_text("not a number")
            else:
                await websocket.send_text(str(total))
        await websocket.send_text(f"total: {total}")
        await websocket.close(1000, "done")
    except WebSocketDisconnect:
        pass  # the client has left, and nothing is owed
