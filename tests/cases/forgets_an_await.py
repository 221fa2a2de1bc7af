"""Two coroutines that nobody awaits: the answer to a question, and what takes a client out of the list."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
members: list[WebSocket] = []


async def leave(websocket: WebSocket):
    members.remove(websocket)


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    members.append(websocket)
    try:
        async for text in websocket.iter_text():
            if text == "hello":
                await websocket.send_text(text)
            else:
                websocket.send_text("hello?")
    except WebSocketDisconnect:
        pass
    leave(websocket)
