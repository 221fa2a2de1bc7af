OURS, TICKET = "https://vault.example", 30
SLOW = 10  # seconds for a client to take what it is sent

app = FastAPI()
inside: list[str] = []


@dataclass(eq=False)
class Login:
    user: str
    connections: set[asyncio.Timeout] = field(default_factory=set)


vault_sessions: dict[str, Login] = {}
vault_tickets: dict[str, str] = {}  # the session of each one


@app.post("/login")
async def log_in(user: str) -> str:
    session = secrets.token_urlsafe()
    vault_sessions[session] = Login(user)
    return session


@app.post("/ticket")
async def new_ticket(session: Annotated[str, Cookie()]) -> str:
    ticket = secrets.token_urlsafe()
    vault_tickets[ticket] = session
    asyncio.get_running_loop().call_later(TICKET, vault_tickets.pop, ticket, None)
    return ticket


@app.post("/logout")
async def log_out(session: Annotated[str, Cookie()]):
    if ended := vault_sessions.pop(session, None):
        for connection in ended.connections:
            if not connection.expired():
                connection.reschedule(0)  # which is over


async def send(websocket: WebSocket, text: str):
    try:
        async with asyncio.timeout(SLOW):
            await websocket.send_text(text)
    except TimeoutError:
        raise WebSocketDisconnect(1006, "it does not read") from None
    except RuntimeError:
        if websocket.application_state != WebSocketState.CONNECTED:
            raise  # closed already: a bug
        raise WebSocketDisconnect(1006, "given up") from None  # uvicorn has closed


async def try_to_close(websocket: WebSocket, code: int, reason: str):
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # gone, or not reading
        async with asyncio.timeout(SLOW):
            await websocket.close(code, reason)


async def talk(websocket: WebSocket, session: Login):
    inside.append(session.user)
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
        inside.remove(session.user)


@app.websocket("/vault")
async def vault(websocket: WebSocket, origin: Annotated[str, Header()] = "", ticket: str = ""):
    if origin != OURS:
        await websocket.close()
        return
    await websocket.accept()
    session = vault_sessions.get(vault_tickets.pop(ticket, ""))
    try:
        if session is None:
            await try_to_close(websocket, 4401, "log in first")
        else:
            await talk(websocket, session)
    except WebSocketDisconnect:
        pass  # the client has left
