"""Answers to the exercise of letting-disconnects-escape."""

from tests.answers import TEN_AT_ONCE, after, before, changed, whole

SENDS = 'await websocket.send_text(", ".join(sorted(set(names))))'
ONE_TRY = """
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
    if name is not None:
        names.remove(name)
"""
RECEIVES_BY_ITSELF = (
    before(
        "@app.websocket",
        """
        async def next_text(websocket: WebSocket) -> str:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            return message["text"]
        """,
    ),
    ("name = await websocket.receive_text()", "name = await next_text(websocket)"),
    ("await websocket.receive_text()", "await next_text(websocket)"),
)

WRONG = {
    "the disconnect escapes, and the last line is skipped": whole(
        """
        await websocket.accept()
        name = await websocket.receive_text()
        names.append(name)
        while True:
            await websocket.send_text(", ".join(sorted(set(names))))
            await websocket.receive_text()
        names.remove(name)
        """,
        says="when a client closed with 1000, the endpoint raised WebSocketDisconnect(1000). Expect "
        "WebSocketDisconnect wherever the endpoint receives or sends",
    ),
    "finally, and nothing is expected": whole(
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
        says="when a client closed with 1000, the endpoint raised WebSocketDisconnect(1000). Expect "
        "WebSocketDisconnect",
    ),
    "caught, and nobody is ever taken out": changed(
        ("names.remove(name)", "pass"),
        says="the client sent 'Ben' and expected 'Ben', but got 'Ann, Ben, Zoe'. Is somebody in the answer who has "
        "left?",
    ),
    "taken out where the disconnect is caught": changed(
        ("except WebSocketDisconnect:\n    pass\nfinally:", "except WebSocketDisconnect:"),
        of=ONE_TRY,
        says="expected 'Zoe', but got 'Eve, Zoe'. Eve sent bytes before that, and has to be taken out.",
    ),
    "taken out below iter_text()": whole(
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
        says="expected 'Zoe', but got 'Eve, Zoe'. Eve sent bytes before that, and has to be taken out.",
    ),
    "taken out only after a polite end": changed(
        ("except WebSocketDisconnect:\n    pass\nfinally:", "except WebSocketDisconnect as disconnect:"),
        ("if name is not None:", "if disconnect.code in (1000, 1001):"),
        of=ONE_TRY,
        says="expected 'Zoe', but got 'Dan, Zoe'. Dan lost its connection before that, and has to be taken out.",
    ),
    "asks the connections' states instead of taking anybody out": changed(
        ("names.append(name)", "names.append((websocket, name))"),
        ("set(names)", '{name for ws, name in names if ws.client_state.name == "CONNECTED"}'),
        ("names.remove(name)", "pass"),
        says="expected 'Zoe', but got 'Eve, Zoe'. Eve sent bytes before that",
    ),
    "takes out a name that was never put in": changed(
        ("name = None", ""),
        ("if name is not None:\n    names.remove(name)", "names.remove(name)"),
        of=ONE_TRY,
        says="when a client left without having said a name, the endpoint raised UnboundLocalError",
    ),
    "the name is None until it is said, and taken out all the same": changed(
        ("if name is not None:\n    names.remove(name)", "names.remove(name)"),
        of=ONE_TRY,
        says="ValueError: list.remove(x): x not in list. Does the endpoint take out only what it has put in?",
    ),
    "a set, in which two clients of one name are one": changed(
        ("names: list[str] = []", "names = set()"),
        ("names.append(name)", "names.add(name)"),
        ("names.remove(name)", "names.discard(name)"),
        says="expected 'Ben, Zoe', but got 'Zoe'. One of several clients called Ben has left, and another is still "
        "there.",
    ),
    "takes out whoever came last": changed(
        ("names.remove(name)", "names.pop()"),
        says="expected 'Zoe', but got 'Ben'. Ben closed with 1000 before that, and has to be taken out. Zoe is still "
        "there.",
    ),
    "a dict of names, where the last client of a name wins": changed(
        ("names: list[str] = []", "names = {}"),
        ("names.append(name)", "names[name] = websocket"),
        ("names.remove(name)", "if names.get(name) is websocket:\n    del names[name]"),
        says="expected 'Ben, Zoe', but got 'Zoe'. One of several clients called Ben has left",
    ),
    "a dict of names, where the first client of a name wins": changed(
        ("names: list[str] = []", "names = {}"),
        ("names.append(name)", "names.setdefault(name, websocket)"),
        ("names.remove(name)", "if names.get(name) is websocket:\n    del names[name]"),
        says="expected 'Ben, Zoe', but got 'Zoe'. One of several clients called Ben has left",
    ),
    "a list, in which a name stands twice": changed(
        ("set(names)", "names"),
        says="expected 'Ben, Zoe', but got 'Ben, Ben, Zoe'. However many clients are called Ben, the name is there "
        "once.",
    ),
    "everybody out as soon as one leaves": changed(
        ("names.remove(name)", "names.clear()"),
        says="the client sent 'who is there?' and expected 'Zoe', but got ''. Ben closed with 1000 before that, and "
        "has to be taken out. Zoe is still there.",
    ),
    "every text is a name": whole(
        """
        await websocket.accept()
        mine = []
        try:
            while True:
                mine.append(await websocket.receive_text())
                names.append(mine[-1])
                await websocket.send_text(", ".join(sorted(set(names))))
        except WebSocketDisconnect:
            pass
        finally:
            for name in mine:
                names.remove(name)
        """,
        says="expected 'Ann, Zoe', but got 'Ann, Max, Zoe'. Only the first text of a client is its name",
    ),
    "a list as JSON": changed(
        (SENDS, "await websocket.send_json(sorted(set(names)))"),
        says="""the client sent 'Zoe' and expected 'Zoe', but got '["Zoe"]'. Answer with a text: the names, with ", """
        '" between them.',
    ),
    "no space between the names": changed(
        ('", "', '","'),
        says="""expected 'Ann, Zoe', but got 'Ann,Zoe'. Answer with a text: the names, with ", " between them.""",
    ),
    "others are there before the first": changed(
        ("[]", '["Ann"]'),
        says="expected 'Zoe', but got 'Ann, Zoe'. Are the others left over from an earlier check? Run your endpoint's "
        "cell again, to begin anew.",
    ),
    "in the order of coming": changed(
        ("sorted(set(names))", "dict.fromkeys(names)"),
        says="the client sent 'Ann' and expected 'Ann, Zoe', but got 'Zoe, Ann'. The answer has everybody who is "
        'online, by whatever connection they came, sorted by name, with ", " between them.',
    ),
    "each client sees itself alone": changed(
        after("await websocket.accept()", "names = []"),
        says="expected 'Ann, Zoe', but got 'Ann'. The answer has everybody who is online",
    ),
    "in the list for the length of one answer": changed(
        ("names.append(name)", ""),
        ("names.remove(name)", "pass"),
        (SENDS, f"names.append(name)\n{SENDS}\nnames.remove(name)"),
        says="expected 'Ann, Zoe', but got 'Ann'. The answer has everybody who is online",
    ),
    "tells it to everybody, asked or not": changed(
        ("names.append(name)", "names.append((name, websocket))"),
        ("names.remove(name)", "names.remove((name, websocket))"),
        (
            SENDS,
            """
            for _, everybody in names:
                await everybody.send_text(", ".join(sorted({name for name, _ in names})))
            """,
        ),
        says="after the answer to 'Zoe' came one more message, 'Ann, Zoe'.",
    ),
    "says goodbye before it takes the name out": changed(
        before("names.remove(name)", 'await websocket.send_text("goodbye")'),
        says="expected 'Ben', but got 'Ann, Ben, Zoe'. Is somebody in the answer who has left?",
    ),
    "closes once more where the disconnect is caught": changed(
        ("pass", "await websocket.close()"),
        says="when a client lost its connection, the endpoint raised WebSocketDisconnect(1006) (its close() found "
        "nobody there). When the client has gone, there is nothing to close",
    ),
    "caught inside the loop, which goes on": whole(
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
        says="when a client closed with 1000, the endpoint raised ValueError: list.remove(x): x not in list.",
    ),
    "receives twice for each answer": changed(
        before(SENDS, "await websocket.receive_text()"),
        says="the client sent 'Zoe' and expected 'Zoe', but no answer came within 2 seconds.",
    ),
    "iter_text() and finally: a send that fails is not expected": whole(
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
        says="when a client left before its answer, the endpoint raised WebSocketDisconnect(1006). Expect "
        "WebSocketDisconnect wherever the endpoint receives or sends",
    ),
    "every receive is guarded, and the send is not": whole(
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
        says="when a client left before its answer, the endpoint raised WebSocketDisconnect(1006). Expect "
        "WebSocketDisconnect wherever the endpoint receives or sends",
    ),
    "the first send stands where nothing is taken out": whole(
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
        says="the client sent 'who is there?' and expected 'Zoe', but got 'Fay, Zoe'. A client called Fay left before "
        "its answer, and is still in the answers. Is the name taken out when the *send* fails, too?",
    ),
    "a send that fails after the first takes nothing out": whole(
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
        says="Is the name taken out when the *send* fails, too?",
    ),
    "only a receive that fails takes the name out": whole(
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
        says="A client called Fay left before its answer, and is still in the answers. Is the name taken out when the "
        "*send* fails, too?",
    ),
    "every error is caught, and hidden": changed(
        ("except WebSocketDisconnect:\n    pass\nfinally:", "except Exception:"),
        of=ONE_TRY,
        says="when a client sent bytes, the endpoint returned without close(). Is the error caught, and hidden?",
    ),
    "a client that leaves is logged as an error": changed(
        ("except WebSocketDisconnect:", "except Exception:"),
        ("pass", 'logger.exception("/online failed")'),
        says="when a client closed with 1000, an error was logged: '/online failed', with WebSocketDisconnect. Expect "
        "WebSocketDisconnect before other errors: one that leaves must not cause any.",
    ),
    "a number that is given twice": changed(
        ("names: list[str] = []", "names = {}"),
        ("names.append(name)", "number = len(names)\nnames[number] = name"),
        ("set(names)", "set(names.values())"),
        ("names.remove(name)", "names.pop(number, None)"),
        says="the client sent 'Cleo' and expected 'Ben, Cleo', but got 'Cleo'. Ann has left before. Ben, who came "
        "after her, is still there.",
    ),
    "an empty name is taken for none": whole(
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
        says="the client sent 'who is there?' and expected '', but got ', who is there?'. The first text of a client "
        "is its name, as it came, and an empty one is a name, too.",
    ),
    "an empty name is never taken out": changed(
        ("if name is not None:", "if name:"),
        of=ONE_TRY,
        says="the client sent 'Zoe' and expected 'Zoe', but got ', Zoe'. A client whose name was '' has left, and has "
        "to be taken out.",
    ),
    "spaces around a name are left out": changed(
        ("names.append(name)", "name = name.strip()\nnames.append(name)"),
        says="the client sent ' Ann lee ' and expected ' Ann lee ', but got 'Ann lee'. The first text of a client is "
        "its name, as it came",
    ),
    "names with capital letters": changed(
        ("names.append(name)", "name = name.title()\nnames.append(name)"),
        says="the client sent ' Ann lee ' and expected ' Ann lee ', but got ' Ann Lee '. The first text of a client "
        "is its name",
    ),
    "taken out in two except, and no finally": changed(
        (
            "except WebSocketDisconnect:\n    pass\nfinally:\n    if name is not None:\n        names.remove(name)",
            """
            except WebSocketDisconnect:
                if name is not None:
                    names.remove(name)
            except KeyError:
                names.remove(name)
                raise
            """,
        ),
        of=ONE_TRY,
        says="expected 'Zoe', but got 'Ida, Zoe'. Ida met a bug in its endpoint, an error that nobody expects, before "
        "that, and has to be taken out. What must always be done stands in a `finally`",
    ),
    "taken out where any error is caught, and no finally": changed(
        (
            "except WebSocketDisconnect:\n    pass\nfinally:\n    if name is not None:\n        names.remove(name)",
            """
            except Exception as error:
                if name is not None:
                    names.remove(name)
                if not isinstance(error, WebSocketDisconnect):
                    raise
            """,
        ),
        of=ONE_TRY,
        says="expected 'Zoe', but got 'Jon, Zoe'. Jon was there as its endpoint was cancelled, as at a shutdown, "
        "before that, and has to be taken out. What must always be done stands in a `finally`",
    ),
    "RuntimeError is caught beside the disconnect": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, RuntimeError):"),
        says="the check let a RuntimeError happen where the endpoint receives, as a bug would, and it showed nowhere",
    ),
    "close() in the finally": changed(
        after("names.remove(name)", "await websocket.close()"),
        says="Or does a send or close() stand in or below the `except`, or in a `finally`?",
    ),
    "takes out of a dict what was never put in": changed(
        ("names: list[str] = []", "names = {}"),
        ("names.append(name)", ""),
        ("name = await websocket.receive_text()", "names[websocket] = await websocket.receive_text()"),
        ("set(names)", "set(names.values())"),
        ("finally:\n    names.remove(name)", "finally:\n    pass"),
        after(
            "except WebSocketDisconnect:\n    pass  # the client has left, with or without a name",
            "finally:\n    del names[websocket]",
        ),
        says="when a client left without having said a name, the endpoint raised KeyError: <starlette.",
    ),
    "RuntimeError is caught beside it, once the name is there": changed(
        before("finally:\n    names.remove(name)", "except (WebSocketDisconnect, RuntimeError):\n    pass"),
        says="the check let a RuntimeError happen where the endpoint receives once more, as a bug would, and it showed "
        "nowhere",
    ),
    "a KeyError is bytes, wherever it comes from": changed(
        before("except WebSocketDisconnect:", 'except KeyError:\n    await websocket.close(1003, "text, please")'),
        says="the check let a KeyError happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "any error of the send is the end": changed(
        (SENDS, f"try:\n    {SENDS}\nexcept Exception:\n    return"),
        says="the check let an error happen where the endpoint sends, as a bug would, and it showed nowhere",
    ),
    "whoever is silent is put out": changed(
        (f"{SENDS}\nawait websocket.receive_text()", f"{SENDS}\nawait asyncio.wait_for(websocket.receive_text(), 60)"),
        before("except WebSocketDisconnect:", 'except TimeoutError:\n    await websocket.close(4000, "idle")'),
        says="a client had been silent for an hour. Then the client sent 'who is there?' and expected 'Ann', but the "
        "connection ended first, with code 4000. Nothing says how long a client may take",
    ),
    "escaped as for HTML": changed(
        before("app =", "import html"), ("set(names)", "set(map(html.escape, names))"), says="e &lt;{Wolfeschlegel"
    ),
    "long names are cut": changed(
        ("name = await websocket.receive_text()", "name = (await websocket.receive_text())[:20]"),
        says="<{Wolfeschleg'. The first text of a client is its name, as it came",
    ),
    "capital letters do not count": changed(
        ("sorted(set(names))", "sorted({name.lower(): name for name in names}.values())"),
        says="Zoe was there when a client called 'zoe' came. It got 'zoe'. The first text of a client is its name, as "
        "it came",
    ),
    "waits before it takes the name out": changed(
        before("names.remove(name)", "await asyncio.sleep(0.05)"),
        says="expected 'Zoe', but got 'Ben, Zoe'. Ben has left before that. Take the name out first, before anything "
        "is waited for.",
    ),
    "the codes of a good client": changed(
        ("except WebSocketDisconnect:", "except WebSocketDisconnect as left:"),
        ("pass", "if left.code not in (1000, 1001, 1005, 1006, 1012):\n    raise"),
        says="when a client closed with 1011, the endpoint raised WebSocketDisconnect(1011). Expect "
        "WebSocketDisconnect wherever the endpoint receives or sends, whatever its code.",
    ),
    "OSError is caught beside it": changed(
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, OSError):"),
        says="the check let an error that is an OSError and more happen where the endpoint receives, as a bug would, "
        "and it showed nowhere: it was neither raised nor logged.",
    ),
    "by its place in the list": changed(
        before("names.append(name)", "place = len(names)"),
        ("names.remove(name)", "del names[place]"),
        says="the endpoint raised IndexError: list assignment index out of range. Does the endpoint take out only what "
        "it has put in?",
    ),
    "gone when its websocket is": changed(
        ("names: list[str] = []", "from weakref import WeakKeyDictionary\n\nnames = WeakKeyDictionary()"),
        ("names.append(name)", "names[websocket] = name"),
        ("set(names)", "set(names.values())"),
        ("names.remove(name)", "pass"),
        says="Eve sent bytes before that, and has to be taken out. What must always be done stands in a `finally`",
    ),
    "exit ends it": changed(
        (
            f"{SENDS}\nawait websocket.receive_text()",
            f'{SENDS}\nif await websocket.receive_text() == "exit":\n    return',
        ),
        says="the client sent 'exit' and expected ' Ann lee ', but the connection ended first, with code 1006, cut off "
        "without close(). No text is a command, unless the task says so.",
    ),
    "the answer is made once": changed(
        after("names.append(name)", 'answer = ", ".join(sorted(set(names)))'),
        (SENDS, "await websocket.send_text(answer)"),
        says="expected 'Ann, Zoe', but got 'Zoe'. Each answer has who is online then: make it anew.",
    ),
    "a lock around the send": changed(
        before("app =", "import asyncio"),
        after("names: list[str] = []", "lock = asyncio.Lock()"),
        (SENDS, f"async with lock:\n    {SENDS}"),
        says="(1,000,010 characters), but no answer came within 2 seconds. Max does not read what he is sent, which is "
        "long. Nobody else waits for that: is there a lock?",
    ),
    "a cancellation is caught beside it": changed(
        before("app =", "import asyncio"),
        ("except WebSocketDisconnect:", "except (WebSocketDisconnect, asyncio.CancelledError):"),
        says="was there as its endpoint was cancelled, as at a shutdown, the endpoint returned without close().",
    ),
    "ten at once, and no more": changed(
        TEN_AT_ONCE,
        says="of 60 clients at once, number 11 was not served: the handshake for /online was refused with HTTP 403. "
        "Is there a limit for how many may come? The task has none.",
    ),
    "a name that is taken is refused": changed(
        before("names.append(name)", "if name in names:\n    await websocket.close(4009)\n    return"),
        says="the connection ended first, with code 4009. However many clients are called Ben, the name is there once.",
    ),
    "another name, if it is asked for": changed(
        (
            """
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                await websocket.receive_text()
            """,
            """
            while True:
                await websocket.send_text(", ".join(sorted(set(names))))
                text = await websocket.receive_text()
                if text.startswith("/nick "):
                    names.remove(name)
                    names.append(name := text.removeprefix("/nick "))
            """,
        ),
        says="the client sent '/nick Bob' and expected ' Ann lee ', but got 'Bob'. No text is a command",
    ),
    "a name without commas": changed(
        before("names.append(name)", 'name = name.replace(",", " ")'),
        says="the client sent 'Lee, Ann' and expected 'Lee, Ann', but got 'Lee  Ann'. The first text of a client is "
        "its name",
    ),
    "empty names are left out": changed(
        ("set(names)", "{name for name in names if name}"),
        says="the client sent '' and expected ', Zoe', but got 'Zoe'. The first text of a client is its name",
    ),
    "answered first, and put in then": whole(
        """
        await websocket.accept()
        try:
            name = await websocket.receive_text()
            await websocket.send_text(", ".join(sorted(set(names))))
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
        says="the client sent 'Zoe' and expected 'Zoe', but got ''. Its own name is in it, from the first answer on.",
    ),
    "an empty name is taken out where none was said": changed(
        ("name = None", 'name = ""'),
        ("if name is not None:", "if name in names:"),
        of=ONE_TRY,
        says="expected ', Zoe', but got 'Zoe'. A client whose name is '' is there, and another one has left before it "
        "had said a name",
    ),
    "sorted without a look at capital letters": changed(
        ("sorted(set(names))", "sorted(set(names), key=str.casefold)"),
        says="The names are there, in another order. `sorted()` puts capital letters first: leave it without a `key`.",
    ),
}

RIGHT = {
    "a dict with a name for each connection": whole("""
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
        """),
    # what may become of a client that sends bytes
    "an error of its own": changed(
        *RECEIVES_BY_ITSELF,
        before('return message["text"]', 'if message.get("text") is None:\n    raise ValueError("text, please")'),
    ),
    "an error that happens": changed(*RECEIVES_BY_ITSELF, ('message["text"]', 'message.get("text").encode().decode()')),
    "logged, and the connection cut": changed(
        before("except WebSocketDisconnect:", 'except KeyError:\n    logger.exception("/online failed")')
    ),
    "a Counter, and a context manager": whole("""
        from collections import Counter
        from contextlib import contextmanager, suppress

        app = FastAPI()
        names = Counter()

        @contextmanager
        def online_as(name):
            names[name] += 1
            try:
                yield
            finally:
                names[name] -= 1

        @app.websocket("/online")
        async def online(websocket: WebSocket):
            await websocket.accept()
            with suppress(WebSocketDisconnect):
                with online_as(await websocket.receive_text()):
                    while True:
                        await websocket.send_text(", ".join(sorted(+names)))
                        await websocket.receive_text()
        """),
    "bytes are refused with 1003, where they come": changed(
        *RECEIVES_BY_ITSELF,
        (
            'return message["text"]',
            """
            if message.get("text") is None:
                await websocket.close(1003, "text, please")
                raise WebSocketDisconnect(1003)
            return message["text"]
            """,
        ),
    ),
    "all who have left are swept out": changed(
        before("app =", "from fastapi.websockets import WebSocketState"),
        ("names: list[str] = []", "names: list[tuple[WebSocket, str]] = []"),
        ("names.append(name)", "names.append((websocket, name))"),
        (
            "names.remove(name)",
            """
            names[:] = [
                (other, its_name)
                for other, its_name in names
                if other is not websocket and other.application_state != WebSocketState.DISCONNECTED
            ]
            """,
        ),
        ("set(names)", "{its_name for _, its_name in names}"),
    ),
    "a lock around the list": changed(
        before("app =", "import asyncio"),
        after("names: list[str] = []", "lock = asyncio.Lock()"),
        ("names.append(name)", "async with lock:\n    names.append(name)"),
        ("names.remove(name)", "async with lock:\n    names.remove(name)"),
    ),
    "a number of its own, and an ExitStack": whole("""
        from contextlib import ExitStack
        from uuid import uuid4

        app = FastAPI()
        online: dict = {}

        @app.websocket("/online")
        async def who(websocket: WebSocket):
            await websocket.accept()
            me = uuid4()
            with ExitStack() as stack:
                try:
                    online[me] = await websocket.receive_text()
                    stack.callback(online.pop, me)
                    while True:
                        await websocket.send_text(", ".join(sorted({*online.values()})))
                        await websocket.receive_text()
                except WebSocketDisconnect:
                    return
        """),
    "a pause before each answer": changed(
        before("app =", "import asyncio"), before(SENDS, "await asyncio.sleep(0.01)")
    ),
}
