"""A request pushes to all workers. One that has gone, because it sent bytes, is still in the list: HTTP 500."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
workers: list[WebSocket] = []


@app.post("/push")
async def push():
    for worker in list(workers):
        await worker.send_text("news")


@app.websocket("/ws")
async def work(websocket: WebSocket):
    await websocket.accept()
    workers.append(websocket)
    try:
        while True:
            message = await websocket.receive_text()
            if not message:
                break
    except WebSocketDisconnect:
        pass
    except KeyError:
        await websocket.close(1003)
        return  # and its place in the list?
    workers.remove(websocket)
