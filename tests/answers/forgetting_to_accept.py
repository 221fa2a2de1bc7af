"""Answers to the exercise of forgetting-to-accept."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole, worn_out

REFUSES = "await websocket.close()\nreturn"
TICKET_IN_A_DEPENDENCY = """
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

WRONG = {
    "no accept": changed(
        ("await websocket.accept()", ""),
        says="a client at /lounge?ticket=42 should be accepted, but got HTTP 500. On the server, the endpoint raised "
        'RuntimeError: Expected ASGI message "websocket.accept", "websocket.close" or "websocket.http.response.start", '
        "but got 'websocket.send'. Is accept() there, and is it awaited?",
    ),
    "accept after the greeting": changed(
        ("await websocket.accept()", ""),
        before("await websocket.send_text", "await websocket.accept()"),
        says="load_greeting() was called before accept(): its client waits outside until the greeting is there.",
    ),
    "two greetings for one": changed(
        ("send_text(greeting)", "send_text(await load_greeting())"),
        says="load_greeting() was called more than once for one client. It is slow: once is enough.",
    ),
    "a ticket that is no number is an error": changed(
        ('ticket != "42"', "len(ticket) != 2 or int(ticket) != 42"),
        says="a client at /lounge?ticket=ab should be refused with HTTP 403, as `await websocket.close()` before "
        "accept() does, but got HTTP 500.",
    ),
    "accept without await": changed(
        ("await websocket.accept()", "websocket.accept()"),
        says="but got 'websocket.send'. Is accept() there, and is it awaited?",
    ),
    "accept before the ticket": changed(
        ("await websocket.accept()", ""),
        before("if ticket", "await websocket.accept()"),
        says="a client at /lounge?ticket=43 was accepted. Only exactly the text 42 may come in, and whoever has none "
        "may not. (To refuse after accept() is too late: then the client is in.)",
    ),
    "accept for all, an error for some": changed(
        ("await websocket.accept()", ""),
        before("if ticket", "await websocket.accept()"),
        (REFUSES, "raise HTTPException(403)"),
        says="a client at /lounge?ticket=43 was accepted.",
    ),
    "returns instead of refusing": changed(
        (REFUSES, "return"),
        says="a client at /lounge?ticket=43 should be refused with HTTP 403, as `await websocket.close()` before "
        "accept() does, but got HTTP 500. On the server, the endpoint returned without accept().",
    ),
    "does nothing without a ticket": whole(
        """
        if ticket == "42":
            await websocket.accept()
            await websocket.send_text(await load_greeting())
            await websocket.close()
        """,
        says="before accept() does, but got HTTP 500. On the server, the endpoint returned without accept().",
    ),
    "goes on after the refusal": changed(
        (REFUSES, "await websocket.close()"),
        says="a client at /lounge?ticket=43 got its refusal, but then the endpoint raised WebSocketDisconnected: "
        'Cannot call "send" once a close message has been sent. Is a `return` missing?',
    ),
    "another status": changed(
        (REFUSES, "raise HTTPException(401)"),
        says="should be refused with HTTP 403, as `await websocket.close()` before accept() does, but got HTTP 401.",
    ),
    "text compared with a number": changed(
        ('ticket != "42"', "ticket != 42"),
        says="should be accepted, but got HTTP 403. Is there an endpoint for /lounge, and does it compare the ticket "
        'with the text "42"?',
    ),
    "any ticket will do": changed(('ticket != "42"', "not ticket"), says="a client at /lounge?ticket=43 was accepted."),
    "a ticket that begins well": changed(
        ('ticket != "42"', 'not ticket.startswith("42")'), says="a client at /lounge?ticket=420 was accepted."
    ),
    "a ticket that has 42 in it": changed(
        ('ticket != "42"', '"42" not in ticket'),
        says="a client at /lounge?ticket=420 was accepted. Only exactly the text 42 may come in, and whoever has none "
        "may not.",
    ),
    "a ticket that ends well": changed(
        ('ticket != "42"', 'not ticket.endswith("42")'),
        says="a client at /lounge?ticket=042 was accepted. Compare the whole ticket, as text.",
    ),
    "spaces around the ticket do not count": changed(
        ('ticket != "42"', 'ticket.strip() != "42"'),
        says="a client at /lounge?ticket=%2042 was accepted. Compare the whole ticket, as text.",
    ),
    "the right ticket for whoever has none": changed(
        ("ticket: str", 'ticket: str = "42"'),
        says="a client at /lounge was accepted. Only exactly the text 42 may come in, and whoever has none may not.",
    ),
    "a number, or an error": changed(
        ('ticket != "42"', "int(ticket) != 42"),
        says="a client at /lounge?ticket=x should be refused with HTTP 403, as `await websocket.close()` before "
        "accept() does, but got HTTP 500. On the server, the endpoint raised ValueError:",
    ),
    "no ticket at all is an error": changed(
        (", ticket: str", ""),
        ('ticket != "42"', 'websocket.query_params["ticket"] != "42"'),
        says="a client at /lounge should be refused with HTTP 403, as `await websocket.close()` before accept() does, "
        "but got HTTP 500. On the server, the endpoint raised KeyError",
    ),
    "the greeting is loaded for everybody": changed(
        ("greeting = await load_greeting()", ""),
        before("if ticket", "greeting = await load_greeting()"),
        says="load_greeting() was called for a client at /lounge?ticket=43, which is refused. It comes after accept()",
    ),
    "the greeting is begun for everybody": changed(
        before("if ticket", "begun = asyncio.create_task(load_greeting())"),
        ("await load_greeting()", "await begun"),
        says="load_greeting() was called for a client at /lounge?ticket=43, which is refused.",
    ),
    "the greeting is a dependency": changed(
        ("websocket: WebSocket", "websocket: WebSocket, greeting: Annotated[str, Depends(load_greeting)]"),
        ("await load_greeting()", "greeting"),
        of=TICKET_IN_A_DEPENDENCY,
        says="which is refused. It comes after accept(), and whatever a dependency does comes before.",
    ),
    "a greeting of its own": changed(
        ("await load_greeting()", '"Welcome to the lounge!"'),
        says="load_greeting() was not called, or does not log its line any more. Send what it returns.",
    ),
    "waits for a message first": changed(
        after("await websocket.accept()", "await websocket.receive_text()"),
        says="the client expected 'Welcome to the lounge!', but no answer came within 2 seconds.",
    ),
    "no close": changed(
        ("await websocket.send_text(greeting)\nawait websocket.close()", "await websocket.send_text(greeting)"),
        says="after the answer the connection ended with code 1006, cut off without close(), not with 1000.",
    ),
    "something slow before accept": changed(
        before("await websocket.accept()", "await asyncio.sleep(0.7)"),
        says="a client at /lounge?ticket=42 had to wait until it was accepted. Whatever is slow comes after accept().",
    ),
    "the ticket as a number": changed(
        ('ticket != "42"', "not ticket.isdecimal() or int(ticket) != 42"),
        says="a client at /lounge?ticket=042 was accepted. Compare the whole ticket, as text.",
    ),
    "never decides": changed(
        before("if ticket", "await asyncio.Event().wait()"),
        says="the endpoint for /lounge?ticket=43 did not accept the connection within 2 seconds.",
    ),
    "fails when many have come": changed(
        *worn_out("greeting ="),
        says="but the connection ended first, with code 1006, cut off without close(). On the server, the endpoint "
        "raised "
        "MemoryError",
    ),
    "a line break behind the ticket does not count": changed(
        before("app =", "import re"),
        ('ticket != "42"', 'not re.match("^42$", ticket)'),
        says="a client at /lounge?ticket=42%0A was accepted. Compare the whole ticket, as text. (In an address, `%0A` "
        "is a line break.)",
    ),
    "spaces behind the ticket do not count": changed(
        ('ticket != "42"', 'ticket.rstrip() != "42"'),
        says="a client at /lounge?ticket=42%20 was accepted. Compare the whole ticket, as text. (In an address, `%20` "
        "is a space.)",
    ),
    "the greeting is loaded once for everybody, as the app starts": changed(
        ("await load_greeting()", "app.state.greeting"),
        ("app = FastAPI()", "from contextlib import asynccontextmanager"),
        before(
            "@app.websocket",
            """
            @asynccontextmanager
            async def lifespan(app):
                app.state.greeting = await load_greeting()
                yield

            app = FastAPI(lifespan=lifespan)
            """,
        ),
        says="for a client at /lounge?ticket=42, load_greeting() was not called, or does not log its line any more. "
        "Send what it returns. It has to be called for each client, after accept().",
    ),
    "the greeting is loaded for the first client, and kept": changed(
        after("app = FastAPI()", "kept = None"),
        ("greeting = await load_greeting()", "global kept\ngreeting = kept = kept or await load_greeting()"),
        says="It has to be called for each client, after accept().",
    ),
    "a compare that takes ASCII alone": changed(
        before("app =", "import secrets"),
        ('ticket != "42"', 'not secrets.compare_digest(ticket, "42")'),
        says="a client at /lounge?ticket=%C3%A9 should be refused with HTTP 403, as `await websocket.close()` before "
        "accept() does, but got HTTP 500. (In an address, `%C3%A9` is é. A ticket may be any text, and",
    ),
    "a ticket made to ASCII": changed(
        ('ticket != "42"', 'ticket.encode("ascii") != b"42"'),
        says="takes ASCII alone: give it bytes, made by `encode()`.) On the server, the endpoint raised "
        "UnicodeEncodeError",
    ),
    "a short sleep before accept": changed(
        before("await websocket.accept()", "await asyncio.sleep(0.01)"),
        says="a client at /lounge?ticket=42 had to wait until it was accepted. Whatever is slow comes after accept().",
    ),
    "the greeting is begun before accept": changed(
        before("await websocket.accept()", "begun = asyncio.create_task(load_greeting())"),
        ("await load_greeting()", "await begun"),
        says="a client at /lounge?ticket=42 was accepted, and before that, a task had been started for it. Whatever is "
        "slow comes after accept().",
    ),
    "a number, but for some spellings": changed(
        (
            'if ticket != "42":',
            """
            try:
                number = int(ticket)
            except ValueError:
                number = None
            if number != 42 or ticket != ticket.strip() or ticket.startswith("0"):
            """,
        ),
        says="a client at /lounge?ticket=%2B42 was accepted. Compare the whole ticket, as text. (In an address, `%2B` "
        "is a plus.)",
    ),
    "digits, and lines that part them": changed(
        ('ticket != "42"', 'not ticket.replace("_", "").isdecimal() or ticket[0] == "0" or int(ticket) != 42'),
        says="a client at /lounge?ticket=4_2 was accepted. Compare the whole ticket, as text.",
    ),
    "two decimal digits": changed(
        ('ticket != "42"', "not (len(ticket) == 2 and ticket.isdecimal() and int(ticket) == 42)"),
        says="a client at /lounge?ticket=%EF%BC%94%EF%BC%92 was accepted. Compare the whole ticket, as text. (In this "
        "address are digits that are not ASCII.)",
    ),
    "an address that ends well": changed(
        (", ticket: str", ""),
        ('ticket != "42"', 'not websocket.url.query.endswith("ticket=42")'),
        says="a client at /lounge?noticket=42 was accepted. What it has is no ticket. Let FastAPI read the address",
    ),
    "an address that is compared whole": changed(
        (", ticket: str", ""),
        ('ticket != "42"', 'websocket.url.query != "ticket=42"'),
        says="a client at /lounge?lang=en&ticket=%34%32 should be accepted, but got HTTP 403. It has ticket 42, too",
    ),
    "blocks before accept": changed(
        before("app =", "import time"),
        before("await websocket.accept()", "time.sleep(0.05)"),
        says="a client at /lounge?ticket=42 was accepted, and before that, `time.sleep()` had blocked the event loop, "
        "and with it every client. Whatever is slow comes after accept().",
    ),
    "the sleep taken out of load_greeting()": changed(
        ("    await asyncio.sleep(0.1)\n", ""),
        says="got 'Welcome to the lounge!' although the clock of the server's event loop stood still. Has "
        "load_greeting() its sleep? Leave it as it is",
    ),
    "looked for in a text": changed(
        after("app = FastAPI()", 'TICKETS = ("42")'),
        ('ticket != "42"', "not ticket or ticket not in TICKETS"),
        says="a client at /lounge?ticket=4 was accepted. Compare the whole ticket, as text. (`in` finds a part of a "
        "text",
    ),
    "read a second time": changed(
        before("app =", "from urllib.parse import unquote"),
        ('ticket != "42"', 'unquote(ticket) != "42"'),
        says="a client at /lounge?ticket=%2534%2532 was accepted. Compare the whole ticket, as text. FastAPI has read "
        "the address, and no ticket is read a second time.",
    ),
    "without quotation marks around it": changed(
        ('ticket != "42"', 'ticket.strip(\'"\') != "42"'),
        says="a client at /lounge?ticket=%2242%22 was accepted.",
    ),
    "a ticket for one": changed(
        after("app = FastAPI()", 'valid = {"42"}'),
        ('ticket != "42"', "ticket not in valid"),
        before("await websocket.accept()", "valid.discard(ticket)"),
        says="should be accepted, but got HTTP 403. The first client with this ticket was let in",
    ),
    "five wrong tickets, and no more": changed(
        after("app = FastAPI()", "wrong = []"),
        ('ticket != "42"', 'len(wrong) >= 5 or ticket != "42"'),
        (REFUSES, f"wrong.append(ticket)\n{REFUSES}"),
        says="should be accepted, but got HTTP 403. The first client with this ticket was let in, before others came",
    ),
    "a parameter of no type": changed(
        ("websocket: WebSocket", "websocket"),
        says="FastAPI knows its parameters by their types: `websocket: WebSocket`, `ticket: str`.",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not let in: the handshake for /lounge?ticket=42 was refused with "
        "HTTP "
        "403. However many have the ticket, each is accepted at once. Is there a limit, or does one wait for another?",
    ),
    "ten at once, and the next one waits": changed(
        after("app = FastAPI()", "ten = asyncio.Semaphore(10)"),
        (
            "await websocket.accept()\ngreeting = await load_greeting()",
            "async with ten:\n    await websocket.accept()\n    greeting = await load_greeting()",
        ),
        says="number 11 was not let in: the endpoint for /lounge?ticket=42 did not accept the connection within 2 "
        "seconds. "
        "However many have the ticket",
    ),
    "one visitor for a ticket": changed(
        after("app = FastAPI()", "inside = set()"),
        ('if ticket != "42":', 'if ticket != "42" or ticket in inside:'),
        before("await websocket.accept()", "inside.add(ticket)"),
        after("greeting = await load_greeting()", "inside.discard(ticket)"),
        says="of 60 clients at once, number 2 was not let in: the handshake for /lounge?ticket=42 was refused",
    ),
    "only who comes from its own page": changed(
        ('if ticket != "42":', 'if ticket != "42" or websocket.headers.get("origin", OWN) != OWN:'),
        after("app = FastAPI()", 'OWN = "http://localhost:8000"'),
        says="with the Origin https://elsewhere.example should be accepted, but got HTTP 403. It has ticket 42, and "
        "nothing else counts.",
    ),
    "letters that are not ASCII do not count": changed(
        ('ticket != "42"', 'ticket.encode("ascii", "ignore") != b"42"'),
        says="a client at /lounge?ticket=%C3%A942 was accepted. Compare the whole ticket, as text. (In an address, "
        "`%C3%A9` is é: no letter may be left out.)",
    ),
}

RIGHT = {
    "ten greetings are loaded at a time": changed(  # who has been accepted may wait
        after("app = FastAPI()", "ten = asyncio.Semaphore(10)"),
        ("greeting = await load_greeting()", "async with ten:\n    greeting = await load_greeting()"),
    ),
    "the ticket in a dependency": whole(TICKET_IN_A_DEPENDENCY),
    "a dependency that is a plain function": changed(
        ("async def check_ticket", "def check_ticket"), of=TICKET_IN_A_DEPENDENCY
    ),
    "bytes compared, with a time limit": changed(
        before("app =", "import secrets"),
        (
            'if ticket != "42":',
            """
            async with asyncio.timeout(1):
                is_right = secrets.compare_digest(ticket.encode(), b"42")
            if not is_right:
            """,
        ),
    ),
    "a ticket of one kind alone": changed(
        before("app =", "from typing import Literal"),
        ("ticket: str", 'ticket: Literal["42"]'),
        ('if ticket != "42":\n    await websocket.close()\n    return\n', ""),
    ),
    "a dependency that yields, and a task": changed(
        before(
            "@app.websocket",
            """
            async def holder(websocket: WebSocket, ticket: str = ""):
                if ticket != "42":
                    raise HTTPException(status_code=403, detail="no")
                await websocket.accept()
                yield websocket
                await websocket.close()

            """,
        ),
        ("websocket: WebSocket, ticket: str):", "websocket: Annotated[WebSocket, Depends(holder)]):"),
        ('if ticket != "42":\n    await websocket.close()\n    return\nawait websocket.accept()\n', ""),
        (
            "greeting = await load_greeting()\nawait websocket.send_text(greeting)\nawait websocket.close()",
            """
            async with asyncio.TaskGroup() as group:
                loading = group.create_task(load_greeting())
            await websocket.send_text(loading.result())
            """,
        ),
    ),
}
