"""Answers to the exercise of letting-disconnects-escape."""

HEAD = """
app = FastAPI()
names = []

@app.websocket("/online")
async def online(websocket: WebSocket):
"""

# name of the mistake, the body of the endpoint, a part of what the check says
WRONG = [
    (
        "the disconnect escapes, and the last line is skipped",
        """
        await websocket.accept()
        name = await websocket.receive_text()
        names.append(name)
        while True:
            await websocket.send_text(", ".join(sorted(set(names))))
            await websocket.receive_text()
        names.remove(name)
        """,
        "when a client closed with 1000, the endpoint raised WebSocketDisconnect(1000). Expect WebSocketDisconnect "
        "wherever the endpoint receives or sends.",
    ),
    (
        "finally, and nothing is expected",
        """
        await websocket.accept()
        name = await websocket.receive_text()
        names.append(name)
        try:
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        finally:
            names.remove(name)
        """,
        "when a client closed with 1000, the endpoint raised WebSocketDisconnect(1000). Expect WebSocketDisconnect",
    ),
    (
        "caught, and nobody is ever taken out",
        """
        await websocket.accept()
        try:
            names.append(await websocket.receive_text())
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'Ben' and expected 'Ben', but got 'Ann, Ben, Zoe'. Is somebody in the answer who has left?",
    ),
    (
        "taken out where the disconnect is caught",
        """
        await websocket.accept()
        try:
            name = None
            name = await websocket.receive_text()
            names.append(name)
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except WebSocketDisconnect:
            if name is not None:
                names.remove(name)
        """,
        "expected 'Zoe', but got 'Eve, Zoe'. Eve sent bytes before that, and has to be taken out.",
    ),
    (
        "taken out below iter_text()",
        """
        await websocket.accept()
        name = None
        async for text in websocket.iter_text():
            if name is None:
                name = text
                names.append(name)
            await websocket.send_text(", ".join(sorted(set(names))))
        if name is not None:
            names.remove(name)
        """,
        "expected 'Zoe', but got 'Eve, Zoe'. Eve sent bytes before that, and has to be taken out.",
    ),
    (
        "taken out only after a polite end",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except WebSocketDisconnect as disconnect:
            if disconnect.code in (1000, 1001):
                names.remove(name)
        """,
        "expected 'Zoe', but got 'Dan, Zoe'. Dan lost its connection before that, and has to be taken out.",
    ),
    (
        "asks the connections' states instead of taking anybody out",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append((websocket, name))
            while True:
                there = {name for ws, name in names if ws.client_state.name == "CONNECTED"}
                await websocket.send_text(", ".join(sorted(there)))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        """,
        "expected 'Zoe', but got 'Eve, Zoe'. Eve sent bytes before that",
    ),
    (
        "takes out a name that was never put in",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            names.remove(name)
        """,
        "when a client left without having said a name, the endpoint raised UnboundLocalError",
    ),
    (
        "the name is None until it is said, and taken out all the same",
        """
        await websocket.accept()
        name = None
        try:
            name = await websocket.receive_text()
            names.append(name)
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            names.remove(name)
        """,
        "ValueError: list.remove(x): x not in list. Does the endpoint take out only what it has put in?",
    ),
    (
        "a set, in which two clients of one name are one",
        """
        global names
        names = set(names)
        await websocket.accept()
        name = None
        try:
            name = await websocket.receive_text()
            names.add(name)
            while True:
                await websocket.send_text(", ".join(sorted(names)))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            names.discard(name)
        """,
        "expected 'Ben, Zoe', but got 'Zoe'. One of several clients called Ben has left, and another is still there.",
    ),
    (
        "takes out whoever came last",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(", ".join(sorted(set(names))))
                    await websocket.receive_text()
            finally:
                names.pop()
        except WebSocketDisconnect:
            pass
        """,
        "expected 'Zoe', but got 'Ben'. Ben closed with 1000 before that, and has to be taken out. Zoe is still there.",
    ),
    (
        "a dict of names, where the last client of a name wins",
        """
        global names
        names = dict(names)
        await websocket.accept()
        name = None
        try:
            name = await websocket.receive_text()
            names[name] = websocket
            while True:
                await websocket.send_text(", ".join(sorted(names)))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            if names.get(name) is websocket:
                del names[name]
        """,
        "expected 'Ben, Zoe', but got 'Zoe'. One of several clients called Ben has left",
    ),
    (
        "a dict of names, where the first client of a name wins",
        """
        global names
        names = dict(names)
        await websocket.accept()
        name = None
        try:
            name = await websocket.receive_text()
            names.setdefault(name, websocket)
            while True:
                await websocket.send_text(", ".join(sorted(names)))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            if names.get(name) is websocket:
                del names[name]
        """,
        "expected 'Ben, Zoe', but got 'Zoe'. One of several clients called Ben has left",
    ),
    (
        "a list, in which a name stands twice",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(", ".join(sorted(names)))
                    await websocket.receive_text()
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            pass
        """,
        "expected 'Ben, Zoe', but got 'Ben, Ben, Zoe'. However many clients are called Ben, the name is there once.",
    ),
    (
        "everybody out as soon as one leaves",
        """
        await websocket.accept()
        try:
            names.append(await websocket.receive_text())
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            names.clear()
        """,
        "the client sent 'who is there?' and expected 'Zoe', but got ''. Ben closed with 1000 before that, and has to "
        "be taken out. Zoe is still there.",
    ),
    (
        "every text is a name",
        """
        await websocket.accept()
        mine = []
        try:
            while True:
                name = await websocket.receive_text()
                names.append(name)
                mine.append(name)
                await websocket.send_text(", ".join(sorted(set(names))))
        except WebSocketDisconnect:
            pass
        finally:
            for name in mine:
                names.remove(name)
        """,
        "expected 'Ann, Zoe', but got 'Ann, Max, Zoe'. Only the first text of a client is its name",
    ),
    (
        "a list as JSON",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.send_json(sorted(set(names)))
                    await websocket.receive_text()
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            pass
        """,
        """the client sent 'Zoe' and expected 'Zoe', but got '["Zoe"]'. Answer with a text: the names, with ", " """
        "between them.",
    ),
    (
        "no space between the names",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(",".join(sorted(set(names))))
                    await websocket.receive_text()
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            pass
        """,
        """expected 'Ann, Zoe', but got 'Ann,Zoe'. Answer with a text: the names, with ", " between them.""",
    ),
    (
        "others are there before the first",
        """
        names.append("Ann")  # as an earlier check may have left her there
        await websocket.accept()
        names.append(await websocket.receive_text())
        await websocket.send_text(", ".join(sorted(set(names))))
        """,
        "expected 'Zoe', but got 'Ann, Zoe'. Are the others left over from an earlier check? Run your endpoint's cell "
        "again, to begin anew.",
    ),
    (
        "in the order of coming",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(", ".join(dict.fromkeys(names)))
                    await websocket.receive_text()
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'Ann' and expected 'Ann, Zoe', but got 'Zoe, Ann'. The answer has everybody who is online, "
        'by whatever connection they came, sorted by name, with ", " between them.',
    ),
    (
        "each client sees itself alone",
        """
        await websocket.accept()
        names = []
        try:
            names.append(await websocket.receive_text())
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        """,
        "expected 'Ann, Zoe', but got 'Ann'. The answer has everybody who is online",
    ),
    (
        "in the list for the length of one answer",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            while True:
                names.append(name)
                try:
                    await websocket.send_text(", ".join(sorted(set(names))))
                finally:
                    names.remove(name)
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        """,
        "expected 'Ann, Zoe', but got 'Ann'. The answer has everybody who is online",
    ),
    (
        "tells it to everybody, asked or not",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append((name, websocket))
            try:
                while True:
                    for _, everybody in names:
                        await everybody.send_text(", ".join(sorted({name for name, _ in names})))
                    await websocket.receive_text()
            finally:
                names.remove((name, websocket))
        except WebSocketDisconnect:
            pass
        """,
        "after the answer to 'Zoe' came one more message, 'Ann, Zoe'.",
    ),
    (
        "says goodbye before it takes the name out",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(", ".join(sorted(set(names))))
                    await websocket.receive_text()
            finally:
                await websocket.send_text("goodbye")
                names.remove(name)
        except WebSocketDisconnect:
            pass
        """,
        "expected 'Ben', but got 'Ann, Ben, Zoe'. Is somebody in the answer who has left?",
    ),
    (
        "closes once more where the disconnect is caught",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(", ".join(sorted(set(names))))
                    await websocket.receive_text()
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            await websocket.close()
        """,
        "when a client lost its connection, the endpoint raised WebSocketDisconnect(1006). Expect WebSocketDisconnect",
    ),
    (
        "caught inside the loop, which goes on",
        """
        await websocket.accept()
        name = await websocket.receive_text()
        names.append(name)
        while True:
            try:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
            except WebSocketDisconnect:
                names.remove(name)
        """,
        "when a client closed with 1000, the endpoint raised ValueError: list.remove(x): x not in list.",
    ),
    (
        "receives twice for each answer",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.receive_text()
                    await websocket.send_text(", ".join(sorted(set(names))))
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            pass
        """,
        "the client sent 'Zoe' and expected 'Zoe', but no answer came within 2 seconds.",
    ),
    (
        "iter_text() and finally: a send that fails is not expected",
        """
        await websocket.accept()
        name = None
        try:
            async for text in websocket.iter_text():
                if name is None:
                    name = text
                    names.append(name)
                await websocket.send_text(", ".join(sorted(set(names))))
        finally:
            if name is not None:
                names.remove(name)
        """,
        "when a client left before its answer, the endpoint raised WebSocketDisconnect(1006). Expect "
        "WebSocketDisconnect wherever the endpoint receives or sends.",
    ),
    (
        "every receive is guarded, and the send is not",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
        except WebSocketDisconnect:
            return
        names.append(name)
        try:
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                try:
                    await websocket.receive_text()
                except WebSocketDisconnect:
                    return
        finally:
            names.remove(name)
        """,
        "when a client left before its answer, the endpoint raised WebSocketDisconnect(1006). Expect "
        "WebSocketDisconnect wherever the endpoint receives or sends.",
    ),
    (
        "the first send stands where nothing is taken out",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            await websocket.send_text(", ".join(sorted(set(names))))
        except WebSocketDisconnect:
            return
        try:
            while True:
                await websocket.receive_text()
                await websocket.send_text(", ".join(sorted(set(names))))
        except WebSocketDisconnect:
            pass
        finally:
            names.remove(name)
        """,
        "the client sent 'who is there?' and expected 'Zoe', but got 'Fay, Zoe'. A client called Fay left before its "
        "answer, and is still in the answers. Is the name taken out when the *send* fails, too?",
    ),
    (
        "a send that fails after the first takes nothing out",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
        except WebSocketDisconnect:
            return
        names.append(name)
        try:
            await websocket.send_text(", ".join(sorted(set(names))))
        except WebSocketDisconnect:
            names.remove(name)
            return
        while True:
            try:
                await websocket.receive_text()
            except WebSocketDisconnect:
                names.remove(name)
                return
            except KeyError:
                names.remove(name)
                raise
            try:
                await websocket.send_text(", ".join(sorted(set(names))))
            except WebSocketDisconnect:
                return
        """,
        "Is the name taken out when the *send* fails, too?",
    ),
    (
        "only a receive that fails takes the name out",
        """
        await websocket.accept()
        name = None
        while True:
            try:
                text = await websocket.receive_text()
            except WebSocketDisconnect:
                if name is not None:
                    names.remove(name)
                return
            except KeyError:
                if name is not None:
                    names.remove(name)
                raise
            if name is None:
                name = text
                names.append(name)
            try:
                await websocket.send_text(", ".join(sorted(set(names))))
            except WebSocketDisconnect:
                return
        """,
        "A client called Fay left before its answer, and is still in the answers. Is the name taken out when the "
        "*send* fails, too?",
    ),
    (
        "every error is caught, and hidden",
        """
        await websocket.accept()
        name = None
        try:
            name = await websocket.receive_text()
            names.append(name)
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except Exception:
            if name is not None:
                names.remove(name)
        """,
        "when a client sent bytes, the endpoint returned without close(). Is the error that the bytes cause caught, "
        "and hidden?",
    ),
    (
        "a client that leaves is logged as an error",
        """
import logging
logger = logging.getLogger("uvicorn.error")
app = FastAPI()
names = []

@app.websocket("/online")
async def online(websocket: WebSocket):
    await websocket.accept()
    try:
        name = await websocket.receive_text()
        names.append(name)
        try:
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        finally:
            names.remove(name)
    except Exception:
        logger.exception("/online failed")
""",
        "when a client closed with 1000, an error was logged: '/online failed', with WebSocketDisconnect. Expect "
        "WebSocketDisconnect before other errors: one that leaves must not cause any.",
    ),
    (
        "a number that is given twice",
        """
        global names
        names = dict(names)
        await websocket.accept()
        number = None
        try:
            name = await websocket.receive_text()
            number = len(names)
            names[number] = name
            while True:
                await websocket.send_text(", ".join(sorted(set(names.values()))))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            names.pop(number, None)
        """,
        "the client sent 'Cleo' and expected 'Ben, Cleo', but got 'Cleo'. Ann has left before. Ben, who came after "
        "her, is still there.",
    ),
    (
        "an empty name is taken for none",
        """
        await websocket.accept()
        name = ""
        try:
            while True:
                text = await websocket.receive_text()
                if not name:
                    name = text
                    names.append(name)
                await websocket.send_text(", ".join(sorted(set(names))))
        except WebSocketDisconnect:
            pass
        finally:
            if name:
                names.remove(name)
        """,
        "the client sent 'who is there?' and expected '', but got ', who is there?'. The first text of a client is its "
        "name, as it came, and an empty one is a name, too.",
    ),
    (
        "an empty name is never taken out",
        """
        await websocket.accept()
        name = ""
        try:
            name = await websocket.receive_text()
            names.append(name)
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            if name:
                names.remove(name)
        """,
        "the client sent 'Zoe' and expected 'Zoe', but got ', Zoe'. A client whose name was '' has left, and has to be "
        "taken out.",
    ),
    (
        "spaces around a name are left out",
        """
        await websocket.accept()
        try:
            name = (await websocket.receive_text()).strip()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(", ".join(sorted(set(names))))
                    await websocket.receive_text()
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            pass
        """,
        "the client sent ' Ann lee ' and expected ' Ann lee ', but got 'Ann lee'. The first text of a client is its "
        "name, as it came",
    ),
    (
        "names with capital letters",
        """
        await websocket.accept()
        try:
            name = (await websocket.receive_text()).title()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(", ".join(sorted(set(names))))
                    await websocket.receive_text()
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            pass
        """,
        "the client sent ' Ann lee ' and expected ' Ann lee ', but got ' Ann Lee '. The first text of a client is its "
        "name",
    ),
]

RIGHT_IN_ANOTHER_WAY = """
app = FastAPI()
clients = {}

@app.websocket("/online")
async def online(websocket: WebSocket):
    await websocket.accept()
    try:
        async for text in websocket.iter_text():
            clients.setdefault(websocket, text)
            await websocket.send_text(", ".join(sorted(set(clients.values()))))
    except WebSocketDisconnect:
        pass
    finally:
        clients.pop(websocket, None)
"""

RECEIVES_BY_ITSELF = """
app = FastAPI()
names = []

async def next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    TAKE_THE_TEXT

@app.websocket("/online")
async def online(websocket: WebSocket):
    await websocket.accept()
    try:
        name = await next_text(websocket)
        names.append(name)
        try:
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await next_text(websocket)
        finally:
            names.remove(name)
    except WebSocketDisconnect:
        pass
"""

# what may become of a client that sends bytes
MORE_RIGHT = [
    (
        "an error of its own",
        RECEIVES_BY_ITSELF.replace(
            "TAKE_THE_TEXT",
            """if message.get("text") is None:
        raise ValueError("text, please")
    return message["text"]""",
        ),
    ),
    (
        "an error that happens",
        RECEIVES_BY_ITSELF.replace("TAKE_THE_TEXT", """return message.get("text").encode().decode()"""),
    ),
    (
        "logged, and the connection cut",
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            names.append(name)
            try:
                while True:
                    await websocket.send_text(", ".join(sorted(set(names))))
                    await websocket.receive_text()
            finally:
                names.remove(name)
        except WebSocketDisconnect:
            pass
        except Exception:
            logging.getLogger("uvicorn.error").exception("/online failed")
        """,
    ),
]
