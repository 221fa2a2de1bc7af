"""No type on the parameter: FastAPI takes it for a query parameter, and refuses with 403."""

from fastapi import FastAPI

app = FastAPI()


@app.websocket("/ws")
async def echo(websocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
