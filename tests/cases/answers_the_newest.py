"""The newest question is answered: it ends what is being done for the one before. Any city is known here."""

import asyncio
import contextlib

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ValidationError

app = FastAPI()


class Question(BaseModel):
    city: str


async def work(websocket: WebSocket, city: str):
    await asyncio.sleep(0.02)
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_json({"city": city, "degrees": len(city)})


@app.websocket("/ws")
async def weather(websocket: WebSocket):
    await websocket.accept()
    working = None
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        if working:
            working.cancel()
        try:
            question = Question.model_validate_json(message.get("text") or "null")
        except ValidationError:
            await websocket.send_json({"error": "a city, please"})
        else:
            working = asyncio.create_task(work(websocket, question.city))
    if working:
        working.cancel()
