"""Lesson 02 as a file. Start it from the project's folder with `python -m examples.echo`."""

import logging
from pathlib import Path

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

PAGE = Path(__file__).parent / "page"

logger = logging.getLogger("uvicorn.error")

app = FastAPI()
app.mount("/page", StaticFiles(directory=PAGE))


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGE / "index.html")


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            await websocket.send_text(f"You wrote: {text}")
    except WebSocketDisconnect as disconnect:
        logger.info("the client left with code %d", disconnect.code)
