"""All use one client of a service, and whoever leaves closes it. The others are answered, with an error."""

import logging

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
logger = logging.getLogger(__name__)


class Service:
    """The client of a service that answers questions."""

    def __init__(self):
        self.is_open = False

    def answer(self, question: str) -> str:
        if not self.is_open:
            raise ConnectionError("closed")
        return f"what about {question}?"


service = Service()


@app.websocket("/ws")
async def ask(websocket: WebSocket):
    await websocket.accept()
    service.is_open = True
    try:
        async for question in websocket.iter_text():
            try:
                await websocket.send_json({"answer": service.answer(question)})
            except ConnectionError as error:
                logger.error("no answer: %s", error)
                await websocket.send_json({"error": str(error)})
    except WebSocketDisconnect:
        pass
    finally:
        service.is_open = False
