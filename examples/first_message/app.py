"""One message each way: the endpoint of the lesson start-here.

Start it from the project's folder:

    uvicorn examples.first_message.app:app
"""

from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/ws")
async def answer(websocket: WebSocket):
    await websocket.accept()
    text = await websocket.receive_text()
    await websocket.send_text(f"You wrote: {text}")
    await websocket.close()
