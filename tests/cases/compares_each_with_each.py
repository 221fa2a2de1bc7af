"""It counts the characters that come twice, each with each: ten times as long a text costs a hundred times as much."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


def twins(text: str) -> int:
    return sum(a.lower() == b.lower() for a in text for b in text) - len(text)


@app.websocket("/ws")
async def count(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive_json()
            text = message.get("text") if isinstance(message, dict) else None
            await websocket.send_json({"twins": twins(text) if isinstance(text, str) else None})
    except (WebSocketDisconnect, ValueError):
        pass
    except KeyError:
        await websocket.close(1003)
