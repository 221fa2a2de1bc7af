"""Answers to the exercise of testing."""

import textwrap

from tests.answers import before, changed, whole

# Parts of the solution
SUMS = 'for number, total in [("2", "2"), ("40", "42"), ("40", "82"), ("-82", "0")]:'
GOES_ON = 'assert await ask(ws, "40") == "42"'
DONE = """
assert await ask(ws, "done") == "total: 42"
await ws.wait_closed()
"""
CLOSED = 'assert (ws.close_code, ws.close_reason) == (1000, "done")'
AT_ONCE = """
async with asyncio.timeout(5), client(server) as ann, client(server) as ben:
    assert await ask(ann, "2") == "2"
    assert await ask(ben, "40") == "40"
"""
LATER = """
async with asyncio.timeout(5), client(server) as cleo:
    assert await ask(cleo, "1") == "1"
"""
LOSES = "ben.transport.abort()"
NO_ERROR = 'assert "endpoint raised" not in str(await server.conversation())'
WITH_A_LIMIT = "async with asyncio.timeout(5), client(server) as ws:\n    for number"

IMPORTS = ("def client(server):", "from websockets import ConnectionClosed\n\n\ndef client(server):")

# Another design: all in one
ALL_IN_ONE = """
async def looks_in(server):
    async with asyncio.timeout(5), connect(server.url("/tally")):
        pass


async def test_sums(server):
    await looks_in(server)


async def test_no_number(server):
    await looks_in(server)


async def test_done(server):
    async with asyncio.timeout(5), connect(server.url("/tally")) as ws:
        for said, answer in [("2", "2"), ("2", "4"), ("x", "not a number"), ("3", "7"), ("done", "total: 7")]:
            await ws.send(said)
            assert await ws.recv() == answer
        await ws.wait_closed()
    assert ws.close_code == 1000


async def test_own_sums(server):
    await looks_in(server)


async def test_leaving(server):
    await looks_in(server)
"""

IN_THREADS = """
from websockets.sync.client import connect as connect_here


def talk(url, *texts):
    with connect_here(url, open_timeout=5, close_timeout=1) as ws:
        answers = []
        for text in texts:
            ws.send(text)
            answers.append(ws.recv(timeout=5))
        return answers


async def answers(server, *texts):
    return await asyncio.to_thread(talk, server.url("/tally"), *texts)


async def test_sums(server):
    assert await answers(server, "1", "1", "5") == ["1", "2", "7"]


async def test_no_number(server):
    assert await answers(server, "1", "x", "5") == ["1", "not a number", "6"]


async def test_done(server):
    async with asyncio.timeout(5), connect(server.url("/tally")) as ws:
        await ws.send("done")
        assert await ws.recv() == "total: 0"
        await ws.wait_closed()
    assert (ws.close_code, ws.close_reason) == (1000, "done")


async def test_own_sums(server):
    async with asyncio.timeout(5), connect(server.url("/tally")) as ann:
        await ann.send("1")
        assert await ann.recv() == "1"
        assert await answers(server, "1") == ["1"]
    assert await answers(server, "1") == ["1"]


async def test_leaving(server):
    await answers(server, "1")
    ws = await connect(server.url("/tally"))
    ws.transport.abort()
    assert "endpoint raised" not in str(await server.conversation())
"""

WRONG = {
    "one that talks to nobody": changed(
        (AT_ONCE, "pass"), (LATER, ""), says="test_own_sums passes, but nobody has connected"
    ),
    "one number alone": changed((SUMS, 'for number, total in [("2", "2")]:'), says="answers each number with itself"),
    "no number twice": changed(
        (SUMS, 'for number, total in [("2", "2"), ("40", "42")]:'), says="the same as the one before. Send the same"
    ),
    "`not a number`, and no more": changed((GOES_ON, ""), says="whose sum is 0 again after `not a number`"),
    "not a number before there is a sum": changed(
        ('assert await ask(ws, "2") == "2"', ""), (GOES_ON, 'assert await ask(ws, "40") == "40"'), says="is 0 again"
    ),
    "the close is not looked at": changed((CLOSED, ""), says="test_done passes with an endpoint that sends the total"),
    "the code alone": changed(
        (CLOSED, "assert ws.close_code == 1000"),
        says="that closes with 1000, and without the reason. What is `ws.close_reason`?",
    ),
    "the reason alone": changed(
        (CLOSED, 'assert ws.close_reason == "done"'),
        says="test_done passes with an endpoint that closes with 1011, and the reason. Is `ws.close_code` compared?",
    ),
    "a total, whatever it is": changed(
        ('assert await ask(ws, "done") == "total: 42"', 'assert (await ask(ws, "done")).startswith("total: ")'),
        says="test_done passes with an endpoint whose total is one too many. Is the total compared?",
    ),
    "any close will do": changed(
        IMPORTS,
        (
            DONE,
            """
            await ws.send("done")
            with pytest.raises(ConnectionClosed):
                while True:
                    await ws.recv()
            """,
        ),
        (CLOSED, ""),
        says="test_done passes with an endpoint that closes without sending the total. Is the total read",
    ),
    "pytest.raises around the conversation": changed(
        IMPORTS,
        (
            DONE,
            """
            with pytest.raises(ConnectionClosed):
                assert await ask(ws, "done") == "total: 42"
                await ws.recv()
                assert ws.close_code == 1000
            """,
        ),
        (CLOSED, ""),
        says="test_done passes with an endpoint that closes without sending the total",
    ),
    "two clients at the same time alone": changed((LATER, ""), says="starts with the sum of the one who has left"),
    "two clients one after the other alone": changed(
        (AT_ONCE, LATER), says="test_own_sums passes with an endpoint that has one sum for all clients who are there."
    ),
    "a part of the answer": changed(
        ('await ask(ws, "two") == "not a number"', '"number" in await ask(ws, "two")'),
        says="that answers `no number` to what is none. Is the whole answer compared?",
    ),
    "only cut off": changed(
        ("await ann.close()", "ann.transport.abort()"),
        says="when a client closes, and bears it when a connection is lost. No client sees that.",
    ),
    "looks before they leave": changed(
        ("await ann.close()", "seen = str(await server.conversation())\nawait ann.close()"),
        (NO_ERROR, 'assert "endpoint raised" not in seen'),
        says="Or does the test swallow what fails, skip it, or look too early?",
    ),
    "what fails is swallowed": changed(
        (AT_ONCE, f"try:\n{textwrap.indent(AT_ONCE.strip(), '    ')}\nexcept Exception:\n    pass"),
        says="Two clients are there at the same time. Or does the test swallow what fails, skip it, or look too early?",
    ),
    "only closes": changed((LOSES, "await ben.close()"), says="when a connection is lost, and bears a close()"),
    "only the client's side of leaving": changed((NO_ERROR, "pass"), says="No client sees that. On the server's side"),
    "a wrong expectation": changed(
        ('"total: 42"', '"total:42"'), says="with an endpoint that is right, test_done fails: AssertionError"
    ),
    "does not wait for the close": changed(("await ws.wait_closed()", ""), says="test_done fails"),
    "sleeps until it is closed": changed(
        ("await ws.wait_closed()", "await asyncio.sleep(0.5)\nassert ws.close_code == 1000"),
        ('"done") == "total: 42"', '"3") == "45"\nawait ws.send("done")'),
        says="test_done fails when the endpoint takes 0.3 seconds for whatever it sends",
    ),
    "sleeps, by another name": changed(
        ("def client(server):", "from asyncio import sleep\n\n\ndef client(server):"),
        ("await ws.wait_closed()", "await sleep(1)"),
        says="test_done fails when the endpoint takes 0.3 seconds for whatever it sends",
    ),
    "sleeps in a thread": changed(
        ("def client(server):", "import time\n\n\ndef client(server):"),
        ("await ws.wait_closed()", "await asyncio.to_thread(time.sleep, 1)"),
        says="test_done fails when the endpoint takes 0.3 seconds for whatever it sends",
    ),
    "has no patience": changed(
        (
            "await ws.send(text)\nreturn await ws.recv()",
            "await ws.send(text)\nasync with asyncio.timeout(0.2):\n    return await ws.recv()",
        ),
        says="A limit is for what never comes: give it some seconds.",
    ),
    "without a limit": changed(
        (WITH_A_LIMIT, WITH_A_LIMIT.replace("asyncio.timeout(5), ", "")),
        says="the same as the one before, test_sums waits for ever: let its waits",
    ),
    "waits for what does not come": changed(
        (WITH_A_LIMIT, "async with client(server) as ws:\n    await ws.recv()\n    for number"),
        says="with an endpoint that is right, test_sums waits for ever",
    ),
    "blocks": changed((WITH_A_LIMIT, f"while True:\n    pass\n{WITH_A_LIMIT}"), says="test_sums blocks its event loop"),
    "no async def": changed(
        ("async def test_leaving(server):", "def test_leaving(server):\n    pass\n\n\nasync def rest(server):"),
        says="test_leaving is no `async def`",
    ),
    "all in one": whole(ALL_IN_ONE, says="itself. test_done finds it, whose name speaks of something else. One number"),
    "without the parameter": changed(
        ("async def test_done(server):", "async def test_done():"),
        says="test_done fails: TypeError: test_done() takes 0",
    ),
    "no limit where the later client waits": changed(
        (LATER, LATER.replace("asyncio.timeout(5), ", "")),
        says="that does not say anything to whoever comes after 2 others, test_own_sums waits for ever:",
    ),
    "no limit where two are there": changed(
        (AT_ONCE, AT_ONCE.replace("asyncio.timeout(5), ", "")),
        says="with an endpoint that does not say anything to anybody, test_own_sums waits for ever:",
    ),
    "it tries again, and does not say so": changed(
        (
            """
            async with asyncio.timeout(5), client(server) as ws:
                for number, total in [("2", "2"), ("40", "42"), ("40", "82"), ("-82", "0")]:
                    assert await ask(ws, number) == total
            """,
            """
            for _ in range(3):
                with suppress(AssertionError, TimeoutError):
                    async with asyncio.timeout(5), client(server) as ws:
                        for number, total in [("2", "2"), ("40", "42"), ("40", "82"), ("-82", "0")]:
                            assert await ask(ws, number) == total
                        break
            """,
        ),
        before("def client(server):", "from contextlib import suppress"),
        says="Is each answer compared, by an `assert`? Or does the test swallow what fails",
    ),
    "leaving behind done": changed(
        ("await ann.close()", 'await ask(ann, "done")\nawait ann.close()'),
        ("ben.transport.abort()", 'await ask(ben, "done")\nben.transport.abort()'),
        says="`ws.close()` closes, but not behind `done`: by then, the endpoint has ended.",
    ),
    "no answer, and it is skipped": changed(
        (
            "return await ws.recv()",
            """
            try:
                return await asyncio.wait_for(ws.recv(), 2)
            except TimeoutError:
                pytest.skip("no answer")
            """,
        ),
        says="test_sums passes with an endpoint that loses a number which is the same as the one before.",
    ),
}

RIGHT = {
    "in one breath, with a limit for each wait": whole(
        """
        from websockets import ConnectionClosed


        async def hear(ws):
            return await asyncio.wait_for(ws.recv(), 5)


        async def test_sums(server):
            async with connect(server.url("/tally")) as ws:
                for number in ["1", "1", "1", "-5"]:
                    await ws.send(number)
                assert [await hear(ws) for _ in range(4)] == ["1", "2", "3", "-2"]


        async def test_no_number(server):
            async with connect(server.url("/tally")) as ws:
                for text in ["7", "", "seven", "8"]:
                    await ws.send(text)
                assert [await hear(ws) for _ in range(4)] == ["7", "not a number", "not a number", "15"]


        async def test_done(server):
            async with connect(server.url("/tally")) as ws:
                await ws.send("done")
                assert await hear(ws) == "total: 0"
                with pytest.raises(ConnectionClosed) as closed:
                    await hear(ws)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "done")


        async def test_own_sums(server):
            clients = [await connect(server.url("/tally")) for _ in range(3)]
            for number, ws in enumerate(clients, 1):
                await ws.send(str(number))
                assert await hear(ws) == str(number)
            for ws in clients:
                await ws.close()
            async with connect(server.url("/tally")) as ws:
                await ws.send("done")
                assert await hear(ws) == "total: 0"


        async def test_leaving(server):
            for leave in [lambda ws: ws.close(1001), lambda ws: asyncio.sleep(0, ws.transport.abort())]:
                async with connect(server.url("/tally")) as ws:
                    await ws.send("1")
                    await hear(ws)
                    await leave(ws)
                    await asyncio.wait_for(ws.wait_closed(), 5)
            raised = [event.text for event in (await server.conversation()).events if "raised" in event.text]
            assert raised == []
        """
    ),
    "asks until it is so": changed(
        (
            "await ws.wait_closed()",
            "while ws.close_code is None:\n    await asyncio.sleep(0.01)",
        ),
    ),
    "a client in a thread, with limits by the real clock": whole(IN_THREADS),
    "names for the limit": changed(
        ("def client(server):", "LIMIT = 60\n\n\ndef client(server):"), (AT_ONCE, AT_ONCE.replace("(5)", "(LIMIT)"))
    ),
}
