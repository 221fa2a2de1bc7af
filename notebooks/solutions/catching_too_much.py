from math import floor, log10

logger = logging.getLogger("uvicorn.error")


def significant(number: float) -> str:
    """The number, rounded to three significant digits. Leave this as it is."""
    return str(round(number, 2 - floor(log10(abs(number)))))


app = FastAPI()


@app.websocket("/divide")
async def divide(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            try:
                dividend, divisor = text.split("/")
                result = float(dividend) / float(divisor)
            except (ValueError, ZeroDivisionError) as error:
                await websocket.send_text(f"error: {error}")
            else:
                await websocket.send_text(significant(result))
    except WebSocketDisconnect:
        pass
    except Exception:
        logger.exception("/divide failed")
        with suppress(WebSocketDisconnect, RuntimeError):  # it may be over already
            await websocket.close(1011)
