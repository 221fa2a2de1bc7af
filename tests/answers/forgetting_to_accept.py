"""Answers to the exercise of forgetting-to-accept."""

HEAD = """
logger = logging.getLogger("uvicorn.error")
app = FastAPI()

async def load_greeting() -> str:
    logger.info("loads the greeting")
    await asyncio.sleep(0.1)
    return "Welcome to the lounge!"

@app.websocket("/lounge")
async def lounge(websocket: WebSocket, ticket: str):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "no accept",
        """
        if ticket != "42":
            await websocket.close()
            return
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=42 should be accepted, but got HTTP 500. Is accept() there, and is it awaited? "
        "On the server, the endpoint raised "
        'RuntimeError: Expected ASGI message "websocket.accept", "websocket.close" or "websocket.http.response.start", '
        "but got 'w [...].",
    ),
    (
        "accept after the greeting",
        """
        if ticket != "42":
            await websocket.close()
            return
        greeting = await load_greeting()
        await websocket.accept()
        await websocket.send_text(greeting)
        await websocket.close()
        """,
        "load_greeting() was called before accept(): its client waits outside until the greeting is there.",
    ),
    (
        "two greetings for one",
        """
        if ticket != "42":
            await websocket.close()
            return
        await websocket.accept()
        await load_greeting()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "load_greeting() was called more than once for one client. It is slow: once is enough.",
    ),
    (
        "a ticket that is no number is an error",
        """
        if len(ticket) != 2 or int(ticket) != 42:
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=ab should be refused with HTTP 403, as `await websocket.close()` before accept() "
        "does, but got HTTP 500.",
    ),
    (
        "accept without await",
        """
        if ticket != "42":
            await websocket.close()
            return
        websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=42 should be accepted, but got HTTP 500. Is accept() there, and is it awaited?",
    ),
    (
        "accept before the ticket",
        """
        await websocket.accept()
        if ticket != "42":
            await websocket.close(1008, "no ticket")
            return
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=43 was accepted. Only exactly the text 42 may come in, and whoever has none may "
        "not. (To refuse after accept() is too late: then the client is in.)",
    ),
    (
        "accept for all, an error for some",
        """
        await websocket.accept()
        if ticket != "42":
            raise HTTPException(403)
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=43 was accepted.",
    ),
    (
        "returns instead of refusing",
        """
        if ticket != "42":
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=43 should be refused with HTTP 403, as `await websocket.close()` before accept() "
        "does, but got HTTP 500. On the server, the endpoint returned without accept().",
    ),
    (
        "does nothing without a ticket",
        """
        if ticket == "42":
            await websocket.accept()
            await websocket.send_text(await load_greeting())
            await websocket.close()
        """,
        "before accept() does, but got HTTP 500. On the server, the endpoint returned without accept().",
    ),
    (
        "goes on after the refusal",
        """
        if ticket != "42":
            await websocket.close()
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=43 got its refusal, but the endpoint went on. Is a `return` missing? On the "
        "server, the endpoint raised WebSocketDisconnected:",
    ),
    (
        "another status",
        """
        if ticket != "42":
            raise HTTPException(401)
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "should be refused with HTTP 403, as `await websocket.close()` before accept() does, but got HTTP 401.",
    ),
    (
        "text compared with a number",
        """
        if ticket != 42:
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "should be accepted, but got HTTP 403. Is there an endpoint for /lounge, and does it compare the ticket with "
        'the text "42"?',
    ),
    (
        "any ticket will do",
        """
        if not ticket:
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=43 was accepted.",
    ),
    (
        "a ticket that begins well",
        """
        if not ticket.startswith("42"):
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=420 was accepted.",
    ),
    (
        "a ticket that has 42 in it",
        """
        if "42" not in ticket:
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=420 was accepted. Only exactly the text 42 may come in, and whoever has none may "
        "not.",
    ),
    (
        "a ticket that ends well",
        """
        if not ticket.endswith("42"):
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=042 was accepted. Compare the whole ticket, as text.",
    ),
    (
        "spaces around the ticket do not count",
        """
        if ticket.strip() != "42":
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=%2042 was accepted. Compare the whole ticket, as text.",
    ),
    (
        "the right ticket for whoever has none",
        """
        app = FastAPI()

        @app.websocket("/lounge")
        async def lounge(websocket: WebSocket, ticket: str = "42"):
            if ticket != "42":
                await websocket.close()
                return
            await websocket.accept()
        """,
        "a client at /lounge was accepted. Only exactly the text 42 may come in, and whoever has none may not.",
    ),
    (
        "a number, or an error",
        """
        app = FastAPI()

        @app.websocket("/lounge")
        async def lounge(websocket: WebSocket, ticket: str):
            if int(ticket) != 42:
                await websocket.close()
                return
            await websocket.accept()
        """,
        "a client at /lounge?ticket=x should be refused with HTTP 403, as `await websocket.close()` before accept() "
        "does, but got HTTP 500. On the server, the endpoint raised ValueError:",
    ),
    (
        "no ticket at all is an error",
        """
        app = FastAPI()

        @app.websocket("/lounge")
        async def lounge(websocket: WebSocket):
            if websocket.query_params["ticket"] != "42":
                await websocket.close()
                return
            await websocket.accept()
        """,
        "a client at /lounge should be refused with HTTP 403, as `await websocket.close()` before accept() does, "
        "but got HTTP 500. On the server, the endpoint raised KeyError",
    ),
    (
        "the greeting is loaded for everybody",
        """
        greeting = await load_greeting()
        if ticket != "42":
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(greeting)
        await websocket.close()
        """,
        "load_greeting() was called before accept(): its client waits outside until the greeting is there.",
    ),
    (
        "the greeting is begun for everybody",
        """
        greeting = asyncio.create_task(load_greeting())
        if ticket != "42":
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await greeting)
        await websocket.close()
        """,
        "load_greeting() was called for a client at /lounge?ticket=43, which is refused.",
    ),
    (
        "the greeting is a dependency",
        """
        logger = logging.getLogger("uvicorn.error")
        app = FastAPI()

        async def load_greeting() -> str:
            logger.info("loads the greeting")
            await asyncio.sleep(0.1)
            return "Welcome to the lounge!"

        async def check_ticket(ticket: str):
            if ticket != "42":
                raise HTTPException(403)

        @app.websocket("/lounge", dependencies=[Depends(check_ticket)])
        async def lounge(websocket: WebSocket, greeting: Annotated[str, Depends(load_greeting)]):
            await websocket.accept()
            await websocket.send_text(greeting)
            await websocket.close()
        """,
        "What a dependency does comes before accept(), too.",
    ),
    (
        "a greeting of its own",
        """
        if ticket != "42":
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text("Welcome to the lounge!")
        await websocket.close()
        """,
        "load_greeting() was not called, or does not log its line any more. Send what it returns.",
    ),
    (
        "waits for a message first",
        """
        if ticket != "42":
            await websocket.close()
            return
        await websocket.accept()
        await websocket.receive_text()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "the client expected 'Welcome to the lounge!', but no answer came within 2 seconds.",
    ),
    (
        "no close",
        """
        if ticket != "42":
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        """,
        "after the answer the connection ended with code 1006, cut off without close(), not with 1000.",
    ),
    (
        "something slow before accept",
        """
        if ticket != "42":
            await websocket.close()
            return
        await asyncio.sleep(0.7)
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=42 had to wait until it was accepted. Whatever is slow comes after accept().",
    ),
    (
        "the ticket as a number",
        """
        if not ticket.isdecimal() or int(ticket) != 42:
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=042 was accepted. Compare the whole ticket, as text.",
    ),
    (
        "never decides",
        """
        await asyncio.Event().wait()
        """,
        "the endpoint for /lounge?ticket=43 did not accept the connection within 2 seconds.",
    ),
    (
        "blocks all others",
        """
        import time

        if ticket != "42":
            await websocket.close()
            return
        await websocket.accept()
        time.sleep(0.1)
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client comes fifty times at once. What came of it: the event loop stood still.",
    ),
    (
        "a line break behind the ticket does not count",
        """
        import re

        if not re.match("^42$", ticket):
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=42%0A was accepted. Compare the whole ticket, as text. (In an address, `%0A` is a "
        "line break.)",
    ),
    (
        "spaces behind the ticket do not count",
        """
        if ticket.rstrip() != "42":
            await websocket.close()
            return
        await websocket.accept()
        await websocket.send_text(await load_greeting())
        await websocket.close()
        """,
        "a client at /lounge?ticket=42%20 was accepted. Compare the whole ticket, as text. (In an address, `%20` is a "
        "space.)",
    ),
    (
        "the greeting is loaded once for everybody, as the app starts",
        """
from contextlib import asynccontextmanager

logger = logging.getLogger("uvicorn.error")


async def load_greeting() -> str:
    logger.info("loads the greeting")
    await asyncio.sleep(0.1)
    return "Welcome to the lounge!"


@asynccontextmanager
async def lifespan(app):
    app.state.greeting = await load_greeting()
    yield


app = FastAPI(lifespan=lifespan)


@app.websocket("/lounge")
async def lounge(websocket: WebSocket, ticket: str):
    if ticket != "42":
        await websocket.close()
        return
    await websocket.accept()
    await websocket.send_text(app.state.greeting)
    await websocket.close()
""",
        "for a client at /lounge?ticket=42, load_greeting() was not called, or does not log its line any more. Send "
        "what it returns. It has to be called for each client, after accept().",
    ),
    (
        "the greeting is loaded for the first client, and kept",
        """
logger = logging.getLogger("uvicorn.error")
app = FastAPI()
greeting = None


async def load_greeting() -> str:
    logger.info("loads the greeting")
    await asyncio.sleep(0.1)
    return "Welcome to the lounge!"


@app.websocket("/lounge")
async def lounge(websocket: WebSocket, ticket: str):
    global greeting
    if ticket != "42":
        await websocket.close()
        return
    await websocket.accept()
    if greeting is None:
        greeting = await load_greeting()
    await websocket.send_text(greeting)
    await websocket.close()
""",
        "It has to be called for each client, after accept().",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
logger = logging.getLogger("uvicorn.error")
app = FastAPI()

async def load_greeting() -> str:
    logger.info("loads the greeting")
    await asyncio.sleep(0.1)
    return "Welcome to the lounge!"

async def check_ticket(ticket: str):
    if ticket != "42":
        raise HTTPException(403)

@app.websocket("/lounge", dependencies=[Depends(check_ticket)])
async def lounge(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text(await load_greeting())
    await websocket.close(reason="enjoy")
"""
