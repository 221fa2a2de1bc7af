logger = logging.getLogger("uvicorn.error")
app = FastAPI()


async def load_greeting() -> str:
    logger.info("loads the greeting")
    await asyncio.sleep(0.1)
    return "Welcome to the lounge!"


@app.websocket("/lounge")
async def lounge(websocket: WebSocket, ticket: str):
    if ticket != "42":
        await websocket.close()
        return
    await websocket.accept()
    greeting = await load_greeting()
    await websocket.send_text(greeting)
    await websocket.close()
