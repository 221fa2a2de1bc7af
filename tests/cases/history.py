"""A chat's history by session id, which nobody removes. It holds no WebSocket: 50 kB of text for each visit."""

import uuid

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
sessions: dict[str, dict] = {}


@app.websocket("/ws")
async def chat(websocket: WebSocket):
    await websocket.accept()
    session = str(uuid.uuid4())
    sessions[session] = {"history": [], "system": "x" * 50_000}
    try:
        while True:
            try:
                text = await websocket.receive_text()
            except KeyError:
                await websocket.close(1003)
                return
            sessions[session]["history"].append({"role": "user", "content": text})
            await websocket.send_text(f"You wrote: {text}")
    except WebSocketDisconnect:
        pass
