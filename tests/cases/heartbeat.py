"""A task a client, which is not ended with it, and goes on with what it has in its hands."""

import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
names: dict[str, WebSocket] = {}
beats = set()  # else a task may vanish before it is done


async def beat(websocket: WebSocket):
    while True:
        here = []
        for name in names:
            here.append(name)
        await asyncio.sleep(60)
        await websocket.send_json(here)


@app.websocket("/ws/{name}")
async def endpoint(websocket: WebSocket, name: str):
    await websocket.accept()
    names[name] = websocket
    beats.add(task := asyncio.create_task(beat(websocket)))
    task.add_done_callback(beats.discard)
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            if name in names:  # who has come back under the same name is not there any more
                await names[name].send_text(message.get("text") or "bytes")
    except WebSocketDisconnect:
        pass
    finally:
        names.pop(name, None)
