"""A measurement that failed is NaN. send_json() sends it as NaN, which is no JSON: the page's JSON.parse() throws."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def measure(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            try:
                await websocket.receive_text()
            except KeyError:
                await websocket.close(1003)
                return
            await websocket.send_json({"value": float("nan")})
    except WebSocketDisconnect:
        pass
