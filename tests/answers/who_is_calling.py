"""Answers to the exercise of who-is-calling."""

from tests.answers import after, before, changed, whole, worn_out

# Parts of the solution
LOOKS = "if origin != OURS:"
REFUSES = """
if origin != OURS:
    await websocket.close()
    return
"""
REDEEMS = 'session = vault_sessions.get(vault_tickets.pop(ticket, ""))'
FORGETS = "asyncio.get_running_loop().call_later(TICKET, vault_tickets.pop, ticket, None)"
ENDS = """
if ended := vault_sessions.pop(session, None):
    for connection in ended.connections:
        if not connection.expired():
            connection.reschedule(0)  # which is over
"""
NEVER_MIND = "vault_sessions.pop(session, None)"
CLOSES = 'await try_to_close(websocket, 4401, "logged out")'
TALKS = 'await send(websocket, f"{session.user}: {await websocket.receive_text()}")'
LOOKS_EACH_TEN_SECONDS = """
made: dict[str, float] = {}


async def forget():
    while True:
        await asyncio.sleep(10)
        now = asyncio.get_running_loop().time()
        for ticket in [ticket for ticket, then in made.items() if now - then > TICKET]:
            del made[ticket]
            vault_tickets.pop(ticket, None)


@asynccontextmanager
async def lifespan(app):
    forgetting = asyncio.create_task(forget())
    yield
    forgetting.cancel()


"""

# Other designs
AS_IN_THE_LESSON = """
ORIGIN, TICKET = "https://vault.example", 30

app = FastAPI()
inside = []


@dataclass(eq=False)
class Session:
    user: str
    limits: set[asyncio.Timeout] = field(default_factory=set)


sessions, tickets = {}, {}


@app.post("/login")
async def log_in(user: str) -> str:
    session = secrets.token_urlsafe()
    sessions[session] = Session(user)
    return session


@app.post("/ticket")
async def new_ticket(session: Annotated[str, Cookie()]) -> str:
    if session not in sessions:
        raise HTTPException(401)
    ticket = secrets.token_urlsafe()
    tickets[ticket] = session
    asyncio.get_running_loop().call_later(TICKET, tickets.pop, ticket, None)
    return ticket


@app.post("/logout")
async def log_out(session: Annotated[str, Cookie()]):
    if ended := sessions.pop(session, None):
        for limit in ended.limits:
            if not limit.expired():
                limit.reschedule(0)


@asynccontextmanager
async def accepted(websocket):
    await websocket.accept()
    try:
        yield
    except WebSocketDisconnect:
        pass
    except WebSocketException as put_out:
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(put_out.code, put_out.reason)


@asynccontextmanager
async def while_logged_in(session):
    limit = asyncio.timeout(600)
    session.limits.add(limit)
    inside.append(session.user)
    try:
        async with limit:
            yield limit
    except TimeoutError:
        if not limit.expired():
            raise
        raise WebSocketException(4401, "log in again") from None
    finally:
        session.limits.discard(limit)
        inside.remove(session.user)


async def own_page(origin: Annotated[str, Header()] = ""):
    if origin != ORIGIN:
        raise WebSocketException(1008)


def redeem(ticket):
    return sessions.get(tickets.pop(ticket, ""))


@app.websocket("/vault", dependencies=[Depends(own_page)])
async def vault(websocket: WebSocket, ticket: str = ""):
    async with accepted(websocket):
        session = redeem(ticket)
        if session is None:
            raise WebSocketException(4401, "log in first")
        async with while_logged_in(session):
            async for text in websocket.iter_text():
                await websocket.send_text(f"{session.user}: {text}")
"""
LOG_OUT_CLOSES = """
ORIGIN, TICKET = "https://vault.example", 30

app = FastAPI()
sessions: dict[str, str] = {}
tickets: dict[str, tuple[str, float]] = {}
sockets: dict[str, list[WebSocket]] = {}
inside: list[str] = []


@app.post("/login")
async def log_in(user: str) -> str:
    session = secrets.token_urlsafe()
    sessions[session], sockets[session] = user, []
    return session


@app.post("/ticket")
async def new_ticket(session: Annotated[str, Cookie()]) -> str:
    ticket = secrets.token_hex()
    tickets[ticket] = session, asyncio.get_running_loop().time() + TICKET
    return ticket


async def put_out(websocket):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(10):
            await websocket.close(4401)


@app.post("/logout")
async def log_out(session: Annotated[str, Cookie()]):
    sessions.pop(session, None)
    await asyncio.gather(*(put_out(websocket) for websocket in sockets.pop(session, ())))


async def from_our_page(websocket: WebSocket):
    if not secrets.compare_digest(websocket.headers.get("origin", "").encode("latin-1"), ORIGIN.encode()):
        raise HTTPException(403)


@app.websocket("/vault", dependencies=[Depends(from_our_page)])
async def vault(websocket: WebSocket, ticket: str = ""):
    await websocket.accept()
    session, until = tickets.pop(ticket, ("", 0))
    if session not in sessions or asyncio.get_running_loop().time() >= until:
        await put_out(websocket)
        return
    user = sessions[session]
    sockets[session].append(websocket)
    inside.append(user)
    try:
        while True:
            await websocket.send_text(f"{user}: {await websocket.receive_text()}")
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        inside.remove(user)
        if session in sockets:
            sockets[session].remove(websocket)
"""
LOG_OUT_IS_AN_EVENT = """
ORIGIN, TICKET = "https://vault.example", 30

app = FastAPI()
sessions: dict[str, str] = {}
tickets: dict[str, str] = {}
logged_out: dict[str, asyncio.Event] = {}
inside: list[str] = []


@app.post("/login")
async def log_in(user: str) -> str:
    session = secrets.token_urlsafe()
    sessions[session], logged_out[session] = user, asyncio.Event()
    return session


@app.post("/ticket")
async def new_ticket(session: Annotated[str, Cookie()]) -> str:
    ticket = secrets.token_urlsafe()
    tickets[ticket] = session
    asyncio.get_running_loop().call_later(TICKET, lambda: tickets.pop(ticket, None))
    return ticket


@app.post("/logout")
async def log_out(session: Annotated[str, Cookie()]):
    if session in sessions:
        del sessions[session]
        logged_out[session].set()


async def talk(websocket, user):
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.send_text(f"{user}: {await websocket.receive_text()}")


@app.websocket("/vault")
async def vault(websocket: WebSocket):
    if websocket.headers.get("origin") != ORIGIN:
        raise WebSocketException(1008)
    session = tickets.pop(websocket.query_params.get("ticket"), None)
    user = sessions.get(session)
    await websocket.accept()
    if user is None or session not in sessions:
        with suppress(WebSocketDisconnect):
            await websocket.close(4401)
        return
    inside.append(user)
    talking = asyncio.create_task(talk(websocket, user))
    ending = asyncio.create_task(logged_out[session].wait())
    try:
        await asyncio.wait({talking, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not talking.done():
            talking.cancel()
            with suppress(WebSocketDisconnect):
                await websocket.close(4401)
    finally:
        inside.remove(user)
        talking.cancel()
        ending.cancel()
"""

WRONG = {
    # whose page
    "no look at the Origin": changed(
        (REFUSES, ""),
        says="a client with the Origin 'https://evil.example' and a good ticket was accepted. Is its Origin looked at?",
    ),
    "an Origin that begins well": changed(
        (LOOKS, "if not origin.startswith(OURS):"),
        says="a client with the Origin 'https://vault.example.evil.example' and a good ticket was accepted. It begins "
        "with OURS, but anybody can own such a domain.",
    ),
    "an Origin that ends well": changed(
        (LOOKS, 'if not origin.startswith("https://") or not origin.endswith("vault.example"):'),
        says="a client with the Origin 'https://evil-vault.example' and a good ticket was accepted. It only ends like",
    ),
    "an Origin that has it in it": changed(
        (LOOKS, "if OURS not in origin:"), says="'https://vault.example.evil.example' and a good ticket was accepted."
    ),
    "a part of it": changed(
        (LOOKS, "if origin not in OURS:"),
        says="a client with the Origin 'https://vault' and a good ticket was accepted. It is only a part of OURS.",
    ),
    "the host alone": changed(
        before("app =", "from urllib.parse import urlsplit"),
        (LOOKS, 'if urlsplit(origin).hostname != "vault.example":'),
        says="'https://vault.example:8443' and a good ticket was accepted. It begins with OURS, but its port is",
    ),
    "any scheme": changed(
        (LOOKS, 'if origin.rpartition("/")[2] != "vault.example":'),
        says="a client with the Origin 'http://vault.example' and a good ticket was accepted. Its scheme is another",
    ),
    "small and large letters": changed(
        (LOOKS, "if origin.lower() != OURS:"),
        says="a client with the Origin 'https://VAULT.example' and a good ticket was accepted. Letter by letter",
    ),
    "null is welcome": changed(
        (LOOKS, 'if origin not in (OURS, "null"):'),
        says="a client with the Origin 'null' and a good ticket was accepted. That is what a page in a sandboxed frame",
    ),
    "who sends no Origin is no browser": changed(
        ('origin: Annotated[str, Header()] = ""', "origin: Annotated[str | None, Header()] = None"),
        (LOOKS, "if origin is not None and origin != OURS:"),
        says="a client without an Origin and a good ticket was accepted. Who sends no Origin is refused, too.",
    ),
    "the right Origin by default": changed(
        ('origin: Annotated[str, Header()] = ""', "origin: Annotated[str, Header()] = OURS"),
        says="a client without an Origin and a good ticket was accepted.",
    ),
    "a foreign page is closed": changed(
        (REFUSES, ""),
        (
            "await websocket.accept()",
            "await websocket.accept()\nif origin != OURS:\n    await try_to_close(websocket, 4403, 'x')\n    return",
        ),
        says="a client with the Origin 'https://evil.example' and a good ticket was accepted. Is its Origin looked at? "
        "Refuse it before accept().",
    ),
    "the ticket first, and then the page": changed(
        (
            REFUSES,
            f"if ticket in vault_tickets:\n    {LOOKS}\n        await websocket.close()\n        return",
        ),
        says="'https://evil.example' and a bad ticket was accepted. A page is refused whatever ticket it has",
    ),
    "another status": changed(
        (REFUSES, "if origin != OURS:\n    raise HTTPException(401)"),
        says="a client with the Origin 'https://evil.example' was refused with HTTP 401, not 403.",
    ),
    # with which ticket
    "a bad ticket is refused": changed(
        (REFUSES, f"{REFUSES.strip()}\nif ticket not in vault_tickets:\n    await websocket.close(4401)\n    return"),
        says="a client of the right Origin got HTTP 403. Accept it, so that its page can be told why, if its ticket is "
        "not good: with 4401.",
    ),
    "a ticket is a parameter that must be there": changed(
        (
            'origin: Annotated[str, Header()] = "", ticket: str = ""',
            'ticket: str, origin: Annotated[str, Header()] = ""',
        ),
        says="a client of the right Origin got HTTP 403. Accept it",
    ),
    "a dependency that runs in a thread": changed(
        (
            'ticket: str = ""):\n    async with accepted(websocket):\n        session = redeem(ticket)',
            "session: Annotated[Session | None, Depends(redeem)]):\n    async with accepted(websocket):",
        ),
        ("def redeem(ticket):", 'def redeem(ticket: str = ""):\n    asyncio.get_running_loop()'),
        of=AS_IN_THE_LESSON,
        says="a client of the right Origin got HTTP 500. Accept it. On the server, the endpoint raised RuntimeError",
    ),
    "any number of uses": changed(
        ("vault_tickets.pop(ticket,", "vault_tickets.get(ticket,"),
        says="a client with a ticket that had been used was still connected 2 seconds later. Close it with 4401. Look "
        "and take away in one step",
    ),
    "looks before accept, takes away after it": changed(
        (REDEEMS, "vault_tickets.pop(ticket, None)"),
        before("await websocket.accept()", 'session = vault_sessions.get(vault_tickets.get(ticket, ""))'),
        says="two came at once with one ticket, and 2 came in. Look and take away in one step",
    ),
    "looks, asks somebody, takes away": changed(
        (
            REDEEMS,
            """
            session = vault_sessions.get(vault_tickets.get(ticket, ""))
            await asyncio.sleep(0)
            vault_tickets.pop(ticket, None)
            """,
        ),
        says="two came at once with one ticket, and 2 came in.",
    ),
    "tickets do not expire": changed(
        (FORGETS, ""),
        says="a client with a ticket that was 33 seconds old was still connected 2 seconds later. Close it with 4401. "
        "(The check sets the clock",
    ),
    "the clock on the wall": changed(
        before("app =", "import time"),
        (FORGETS, "made[ticket] = time.time()"),
        after("vault_tickets: dict[str, str] = {}  # the session of each one", "made = {}"),
        after(REDEEMS, "if time.time() - made.pop(ticket, 0) > TICKET:\n    session = None"),
        says="loop.time() goes by it, time.time() does not.)",
    ),
    "expires too early": changed(
        ("call_later(TICKET,", "call_later(TICKET / 10,"),
        says="but the connection ended first, with code 4401. Its ticket is good.",
    ),
    "a ticket lives longer than it should": changed(
        ("call_later(TICKET,", "call_later(TICKET + 10,"),
        says="a client with a ticket that was 33 seconds old was still connected 2 seconds later.",
    ),
    "old tickets are looked for each ten seconds": changed(
        before("app =", LOOKS_EACH_TEN_SECONDS),
        ("app = FastAPI()", "app = FastAPI(lifespan=lifespan)"),
        (FORGETS, "made[ticket] = asyncio.get_running_loop().time()"),
        says="a client with a ticket that was 33 seconds old was still connected 2 seconds later.",
    ),
    "a connection ends after a minute": changed(
        ("asyncio.timeout(None)", "asyncio.timeout(60)"),
        says="with code 4401. A ticket has an end, its connection has none.",
    ),
    "the connection expires with its ticket": changed(
        ("asyncio.timeout(None)", "asyncio.timeout(TICKET)"),
        says="the client sent 'still here' and expected 'Ann: still here', but the connection ended first, with code "
        "4401. A ticket has an end, its connection has none.",
    ),
    "a ticket outlives its session": changed(
        ("vault_tickets[ticket] = session", "vault_tickets[ticket] = vault_sessions[session]"),
        (REDEEMS, "session = vault_tickets.pop(ticket, None)"),
        says="a client with a ticket whose session had been logged out was still connected 2 seconds later. Close it "
        "with 4401. Look for the session, too.",
    ),
    "a session is a ticket": changed(
        ('vault_tickets.pop(ticket, "")', "vault_tickets.pop(ticket, ticket)"),
        says="a client with its session for a ticket was still connected 2 seconds later.",
    ),
    "a ticket that nobody has made is an error": changed(
        ('vault_tickets.pop(ticket, "")', "vault_tickets.pop(ticket)"),
        says="the connection of a client without a ticket ended with code 1006, cut off without close(), not with",
    ),
    "half a ticket will do": changed(
        (
            REDEEMS,
            """
            whole = next((known for known in vault_tickets if ticket and known.startswith(ticket)), "")
            session = vault_sessions.get(vault_tickets.pop(whole, ""))
            """,
        ),
        says="a client with half of a ticket was still connected 2 seconds later. Close it with 4401. Compare the",
    ),
    "a compare that takes ASCII alone": changed(
        (
            REDEEMS,
            """
            whole = next((known for known in list(vault_tickets) if secrets.compare_digest(known, ticket)), "")
            session = vault_sessions.get(vault_tickets.pop(whole, ""))
            """,
        ),
        says="a client with a ticket that is not ASCII ended with code 1006",
    ),
    "no good ticket, and closed with 1008": changed(
        ('websocket, 4401, "log in first"', 'websocket, 1008, "log in first"'),
        says="the connection of a client without a ticket ended with code 1008 and the reason 'log in first', not with",
    ),
    "a task for each ticket": changed(
        before(
            '@app.post("/ticket")',
            "async def forget(ticket):\n    await asyncio.sleep(TICKET)\n    vault_tickets.pop(ticket, None)",
        ),
        (FORGETS, "forgetting.append(asyncio.create_task(forget(ticket)))"),
        after("inside: list[str] = []", "forgetting = []"),
        says="2 tickets were made, and each has left a task behind. Let `call_later()` forget it",
    ),
    "a background task for each ticket": changed(
        before("app =", "from fastapi import BackgroundTasks\n"),
        before(
            '@app.post("/ticket")',
            "async def forget(ticket):\n    await asyncio.sleep(TICKET)\n    vault_tickets.pop(ticket, None)",
        ),
        (
            "async def new_ticket(session: Annotated[str, Cookie()])",
            "async def new_ticket(session: Annotated[str, Cookie()], later: BackgroundTasks)",
        ),
        (FORGETS, "later.add_task(forget, ticket)"),
        says="2 tickets were made, and each has left a task behind. Let `call_later()` forget it, or note until when "
        "it is good. (What BackgroundTasks runs is a task, too.)",
    ),
    "who came last is everybody": changed(
        (
            REDEEMS,
            """
            if ticket in vault_tickets:
                latest.append(vault_tickets.pop(ticket))
            session = vault_sessions.get(latest[-1]) if ticket else None
            """,
        ),
        after("inside: list[str] = []", "latest = []"),
        says="a client with a ticket that nobody has made was still connected 2 seconds later. Close it with 4401.",
    ),
    # who is inside
    "registered above accept": changed(
        (
            f"await websocket.accept()\n{REDEEMS}",
            """
            session = vault_sessions.get(vault_tickets.pop(ticket, ""))
            if session:
                inside.append(session.user)
            await websocket.accept()
            """,
        ),
        ("inside.append(session.user)\ntry:\n    async with", "try:\n    async with"),
        says="a client gave up before it was accepted, and `inside` is still ['Ann']. What is registered above",
    ),
    "stays inside after a logout": changed(
        (
            "session.connections.discard(connection)\ninside.remove(session.user)",
            "session.connections.discard(connection)",
        ),
        (TALKS, f"try:\n    {TALKS}\nexcept WebSocketDisconnect:\n    inside.remove(session.user)\n    raise"),
        says="a session of Ann's was logged out, Ann's other one and Ben's not; `inside` is ['Ann', 'Ann',",
    ),
    "another list each time": changed(
        ("inside.append(session.user)", "global inside\ninside = [*inside, session.user]"),
        says="is not in `inside` once more than before. (The check looks into the list that was there when it began",
    ),
    "inside once, however often": changed(
        ("inside.append(session.user)\ntry:", "if session.user not in inside:\n    inside.append(session.user)\ntry:"),
        says="Ann has come in with a good ticket, and is not in `inside` once more than before.",
    ),
    "all of a user leave at once": changed(
        ("inside.remove(session.user)", "inside[:] = [user for user in inside if user != session.user]"),
        says="Ann had two connections and Ben one, Ann left one, and `inside` is ['Ben'].",
    ),
    "does not expect a client to leave": changed(
        ("except WebSocketDisconnect:\n    pass  # the client has left", "finally:\n    pass"),
        says="a client left with 1000, and the endpoint raised WebSocketDisconnect(1000).",
    ),
    # logged out
    "a session has one connection, the last": changed(
        ("session.connections.add(connection)", "session.connections = {connection}"),
        says="a client whose session had been logged out was still connected 2 seconds later. Close it with 4401. End "
        "what each of the session's connections waits for",
    ),
    "a logout that connections do not hear of": changed(
        (ENDS, NEVER_MIND),
        says="a client whose session had been logged out was still connected 2 seconds later. Close it with 4401. End "
        "what each of the session's connections waits for",
    ),
    "a logout that is noticed at the next message": changed(
        (ENDS, "if ended := vault_sessions.pop(session, None):\n    ended.user = None"),
        (
            TALKS,
            """
            text = await websocket.receive_text()
            if session.user is None:
                raise WebSocketDisconnect
            await websocket.send_text(f"{session.user}: {text}")
            """,
        ),
        says="a client whose session had been logged out was still connected 2 seconds later.",
    ),
    "a logout closes with 1000": changed(
        (CLOSES, CLOSES.replace("4401", "1000")),
        says="the connection of a client whose session had been logged out ended with code 1000 and the reason 'logged "
        "out', not with 4401.",
    ),
    "a logout ends everybody": changed(
        ("for connection in ended.connections:", "for connection in everybodys(ended):"),
        before(
            '@app.post("/logout")',
            "def everybodys(ended):\n    return [c for s in [ended, *vault_sessions.values()] for c in s.connections]",
        ),
        says="but the connection ended first, with code 4401. Another session had been logged out.",
    ),
    "a logout ends all of the user's": changed(
        ("for connection in ended.connections:", "for connection in everybodys(ended):"),
        before(
            '@app.post("/logout")',
            """
            def everybodys(ended):
                of_this_user = [session for session in vault_sessions.values() if session.user == ended.user]
                return [connection for session in [ended, *of_this_user] for connection in session.connections]
            """,
        ),
        says="the client sent 'still here' and expected 'Ann: still here', but the connection ended first, with code "
        "4401. Another session had been logged out.",
    ),
    "a logout closes one connection after the other": changed(
        (
            "await asyncio.gather(*(put_out(websocket) for websocket in sockets.pop(session, ())))",
            "for websocket in sockets.pop(session, ()):\n    await put_out(websocket)",
        ),
        of=LOG_OUT_CLOSES,
        says="Close it with 4401. Others of this session do not read, so their close() has to wait: let nobody else",
    ),
    "a logout that takes its time": changed(
        (
            "    for connection in ended.connections:",
            "    for connection in [*ended.connections]:\n        await asyncio.sleep(1)",
        ),
        says="was still connected 2 seconds later. Close it with 4401. End what each of the session's connections",
    ),
    "a logout that is looked for each second": changed(
        (ENDS, NEVER_MIND),
        (
            TALKS,
            """
            while not (await asyncio.wait({receiving}, timeout=1))[0]:
                if session not in vault_sessions.values():
                    connection.reschedule(0)
            await send(websocket, f"{session.user}: {receiving.result()}")
            receiving = asyncio.ensure_future(websocket.receive_text())
            """,
        ),
        before("while True:", "receiving = asyncio.ensure_future(websocket.receive_text())"),
        says="(Meanwhile, the clock of the server's event loop stands still: who sleeps, or looks now and then, is too",
    ),
    "a logout ends one connection": changed(
        ("for connection in ended.connections:", "for connection in [*ended.connections][:1]:"),
        says="a client whose session had been logged out was still connected 2 seconds later.",
    ),
    "a second logout is an error": changed(
        ("if ended := vault_sessions.pop(session, None):", "if ended := vault_sessions.pop(session):"),
        says="POST /logout was answered with HTTP 500.",
    ),
    "a connection that has ended is not forgotten": changed(
        ("session.connections.discard(connection)\ninside.remove", "inside.remove"),
        says="POST /logout was answered with HTTP 500. Leave how it is called as it is. One of this session's "
        "connections had ended before: take it off in a `finally`, or a logout tries to end it once more.",
    ),
    "a ticket in a dictionary": changed(
        (
            "async def new_ticket(session: Annotated[str, Cookie()]) -> str:",
            "async def new_ticket(session: Annotated[str, Cookie()]):",
        ),
        ("    return ticket\n", '    return {"ticket": ticket}\n'),
        says=" Leave what it returns as it is: a text.",
    ),
    "asks before accept, registers after it": changed(
        (f"await websocket.accept()\n{REDEEMS}", f"{REDEEMS}\nawait websocket.accept()"),
        says="a client whose session was logged out while it was being accepted was still connected 2 seconds later. "
        "Close it with 4401. Let no `await` stand between looking for the session and registering the connection.",
    ),
    "fails when many have come": changed(
        *worn_out("session = vault_sessions.get("),
        ("next(visits) >= 45", "next(visits) >= 60"),  # so many are served before the crowd comes
        says="a client comes fifty times at once. What came of it: raised MemoryError",
    ),
    "the Origin as a pattern": changed(
        ("if origin != OURS:", "if not re.fullmatch(OURS, origin):"),
        before("OURS, TICKET", "import re\n"),
        says="a client with the Origin 'https://vault-example' and a good ticket was accepted. Letter by letter: a dot",
    ),
    "a slash at the end of the Origin": changed(
        ("if origin != OURS:", 'if origin.rstrip("/") != OURS:'),
        says="a client with the Origin 'https://vault.example/' and a good ticket was accepted.",
    ),
    "compare_digest() of texts": changed(
        ("if origin != OURS:", "if not secrets.compare_digest(origin, OURS):"),
        says="was refused with HTTP 500, not 403. On the server, the endpoint raised TypeError: comparing strings with",
    ),
    "a page of the host that was asked for": changed(
        (LOOKS, 'if origin != OURS and origin.partition("://")[2] != websocket.headers["host"]:'),
        says="and a good ticket was accepted. It is the address that was asked for, as in `Host`",
    ),
    "pages of its subdomains, too": changed(
        (LOOKS, 'if origin != OURS and not origin.endswith(".vault.example"):'),
        says="a client with the Origin 'https://www.vault.example' and a good ticket was accepted.",
    ),
    "the developer's own pages, too": changed(
        (LOOKS, 'if origin not in (OURS, "http://localhost:8000"):'),
        says="a client with the Origin 'http://localhost:8000' and a good ticket was accepted.",
    ),
    "an empty text ends it": changed(
        (
            f"while True:\n    {TALKS}",
            'while text := await websocket.receive_text():\n    await send(websocket, f"{session.user}: {text}")',
        ),
        says="the client sent '' and expected 'Ann: ', but the connection ended first",
    ),
    "put down where it leaves, and where it is logged out": changed(
        (
            """
            except TimeoutError:
                if not connection.expired():
                    raise  # somebody else's
                await try_to_close(websocket, 4401, "logged out")
            finally:
                session.connections.discard(connection)
                inside.remove(session.user)
            """,
            """
            except TimeoutError:
                inside.remove(session.user)
                await try_to_close(websocket, 4401, "logged out")
            except WebSocketDisconnect:
                inside.remove(session.user)
            finally:
                session.connections.discard(connection)
            """,
        ),
        says="a client had sent bytes, and left, and `inside` is still ['Ann']. At bytes, receive_text() raises",
    ),
    "the session goes with its last connection": changed(
        after(
            "session.connections.discard(connection)",
            """
            if not session.connections:  # nobody is there any more
                for token in [token for token, login in vault_sessions.items() if login is session]:
                    del vault_sessions[token]
            """,
        ),
        says="a session ends with a logout, and not with its last connection.",
    ),
    "a logout takes away all tickets": changed(
        before("if ended := vault_sessions.pop(session, None):", "vault_tickets.clear()"),
        says="but the connection ended first, with code 4401. Its ticket is good.",
    ),
    "a logout closes all, and then forgets the session": changed(
        ("connections: set[asyncio.Timeout]", "connections: set[WebSocket]"),
        (
            """
            if ended := vault_sessions.pop(session, None):
                for connection in ended.connections:
                    if not connection.expired():
                        connection.reschedule(0)  # which is over
            """,
            """
            if ended := vault_sessions.get(session):
                await asyncio.gather(*(try_to_close(connection, 4401, "") for connection in ended.connections))
                vault_sessions.pop(session, None)
            """,
        ),
        (
            """
            try:
                async with asyncio.timeout(None) as connection:  # without an end, until somebody logs out
                    session.connections.add(connection)
                    while True:
                        await send(websocket, f"{session.user}: {await websocket.receive_text()}")
            except TimeoutError:
                if not connection.expired():
                    raise  # somebody else's
                await try_to_close(websocket, 4401, "logged out")
            finally:
                session.connections.discard(connection)
            """,
            """
            try:
                session.connections.add(websocket)
                while True:
                    await send(websocket, f"{session.user}: {await websocket.receive_text()}")
            finally:
                session.connections.discard(websocket)
            """,
        ),
        says="forget it first, and then close its connections.",
    ),
    "forgets what has been used": changed(
        ("vault_tickets.pop, ticket, None)", "vault_tickets.pop, ticket)"),
        says="when its time was over, the log had the error of a callback, KeyError. A ticket that has been used is",
    ),
    "deletes what has been used": changed(
        ("vault_tickets.pop, ticket, None)", "vault_tickets.__delitem__, ticket)"),
        says="when its time was over, the log had the error of a callback, KeyError. A ticket that has been used is",
    ),
    "a cookie is as good as a ticket": changed(
        (
            'ticket: str = ""):',
            'ticket: str = "", cookie: Annotated[str, Cookie(alias="session")] = ""):',
        ),
        (REDEEMS, f"{REDEEMS} or vault_sessions.get(cookie)"),
        says="a client without a ticket, but with its session as a cookie, was still connected 2 seconds later. Close "
        "it with 4401. A cookie comes along from every page",
    ),
    "a session's tickets have one time": changed(
        (FORGETS, "asyncio.get_running_loop().call_later(TICKET, forget, session)"),
        before(
            '@app.post("/ticket")',
            """
            def forget(session):
                for ticket in [ticket for ticket, owner in vault_tickets.items() if owner == session]:
                    del vault_tickets[ticket]


            """,
        ),
        says="Another one of its session was older, and had its end meanwhile: each has a time of its own.",
    ),
    "asks again and again whether something has come": changed(
        (
            TALKS,
            """
            hearing = asyncio.ensure_future(websocket.receive_text())
            while not hearing.done():
                await asyncio.sleep(0)
            await send(websocket, f"{session.user}: {hearing.result()}")
            """,
        ),
        says="while Ann is connected and says nothing, the event loop never comes to rest. Something asks again",
    ),
}

RIGHT = {
    "an exception before accept": changed((REFUSES, "if origin != OURS:\n    raise HTTPException(403)")),
    "as in the lesson": whole(AS_IN_THE_LESSON),
    "a logout closes the connections itself, all at once": whole(LOG_OUT_CLOSES),
    "a logout is an event": whole(LOG_OUT_IS_AN_EVENT),
    "redeemed before accept, and asked again after it": changed(
        (
            f"await websocket.accept()\n{REDEEMS}",
            'key = vault_tickets.pop(ticket, "")\nawait websocket.accept()\nsession = vault_sessions.get(key)',
        ),
    ),
    "a logout cancels": changed(
        ("set[asyncio.Timeout]", "set[asyncio.Task]"),
        ("user: str\nconnections", "user: str\nis_over: bool = False\nconnections"),
        (
            ENDS,
            """
            if ended := vault_sessions.pop(session, None):
                ended.is_over = True
                for connection in ended.connections:
                    connection.cancel()
            """,
        ),
        (
            "async with asyncio.timeout(None) as connection:  # without an end, until somebody logs out",
            "connection = asyncio.current_task()\nif connection:",
        ),
        (
            "except TimeoutError:\n    if not connection.expired():",
            "except asyncio.CancelledError:\n    if not session.is_over:",
        ),
    ),
    "a list of origins": changed(
        ('OURS, TICKET = "https://vault.example", 30', 'OUR_PAGES, TICKET = {"https://vault.example"}, 30'),
        (LOOKS, "if origin not in OUR_PAGES:"),
    ),
}
