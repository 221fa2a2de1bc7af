"""A right one: what a client says is a topic, and a request pushes to those that have said it."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
topics: dict[str, set[WebSocket]] = {}


@app.post("/push/{topic}")
async def push(topic: str):
    for websocket in list(topics.get(topic, ())):
        try:
            await websocket.send_text("something new")
        except (WebSocketDisconnect, RuntimeError):
            pass  # its endpoint takes it out


@app.websocket("/ws")
async def follow(websocket: WebSocket):
    await websocket.accept()
    try:
        topic = await websocket.receive_text()
        topics.setdefault(topic, set()).add(websocket)
        try:
            while True:
                await websocket.receive_text()  # only the first one counts
        finally:
            topics[topic].discard(websocket)
    except WebSocketDisconnect:
        pass
