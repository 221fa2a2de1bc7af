def client(server):
    return connect(server.url("/tally"))


async def ask(ws, text: str) -> str:
    await ws.send(text)
    return await ws.recv()


async def test_sums(server):
    async with asyncio.timeout(5), client(server) as ws:
        for number, total in [("2", "2"), ("40", "42"), ("40", "82"), ("-82", "0")]:
            assert await ask(ws, number) == total


async def test_no_number(server):
    async with asyncio.timeout(5), client(server) as ws:
        assert await ask(ws, "2") == "2"
        assert await ask(ws, "two") == "not a number"
        assert await ask(ws, "40") == "42"


async def test_done(server):
    async with asyncio.timeout(5), client(server) as ws:
        await ask(ws, "42")
        assert await ask(ws, "done") == "total: 42"
        await ws.wait_closed()
    assert (ws.close_code, ws.close_reason) == (1000, "done")


async def test_own_sums(server):
    async with asyncio.timeout(5), client(server) as ann, client(server) as ben:
        assert await ask(ann, "2") == "2"
        assert await ask(ben, "40") == "40"
    async with asyncio.timeout(5), client(server) as cleo:
        assert await ask(cleo, "1") == "1"


async def test_leaving(server):
    async with asyncio.timeout(5), client(server) as ann, client(server) as ben:
        await ann.close()
        ben.transport.abort()
    assert "endpoint raised" not in str(await server.conversation())
