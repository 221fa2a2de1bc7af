"""The page says new WebSocket(url, ["bearer", token]); the endpoint reads the token, and chooses no subprotocol."""

from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    if websocket.scope["subprotocols"][1:] != ["t0ken"]:
        raise HTTPException(401)
    await websocket.accept()  # should be accept(subprotocol="bearer")
    try:
        async for text in websocket.iter_text():
            await websocket.send_text(text)
    except KeyError:
        await websocket.close(1003)
    except WebSocketDisconnect:
        pass
