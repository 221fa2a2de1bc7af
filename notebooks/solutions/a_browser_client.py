BASE, CAP = 1, 30  # seconds


def is_final(code: int) -> bool:
    return code in {1000, 1002, 1003, 1007, 1008, 1009, 1010} or code >= 3000


def jitter(failures: int) -> float:
    return random.uniform(0, min(CAP, BASE * 2**failures))


async def send_all(ws, outbox, unsent):
    with suppress(ConnectionClosed):
        while True:
            if not unsent:
                unsent.append(await outbox.get())
            await ws.send(unsent[0])
            unsent.pop(0)  # only now: if the send fails, it is still there


async def stay_connected(url, outbox, hear, wait):
    unsent, failures = [], 0
    while True:
        try:
            ws = await connect(url)
        except Exception as error:
            if process_exception(error):
                raise
        else:
            async with ws:
                sending = asyncio.create_task(send_all(ws, outbox, unsent))
                try:
                    async for text in ws:
                        failures = 0
                        hear(text)
                except ConnectionClosed:
                    pass
                finally:
                    sending.cancel()
            if is_final(ws.close_code):
                return ws.close_code
        await wait(jitter(failures))
        failures += 1
