"""It wants to know its client's address, and trusts that there is one."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
addresses: list[str] = []


@app.websocket("/ws")
async def talk(websocket: WebSocket):
    await websocket.accept()
    address = websocket.client.host
    addresses.append(address)
    try:
        while True:
            await websocket.send_text(f"{address}: {await websocket.receive_text()}")
    except (WebSocketDisconnect, KeyError):
        addresses.remove(address)
