def percentile(values, percent: int):
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


async def measure(clients: list, every: float, number: int, patience: float) -> dict:
    loop = asyncio.get_running_loop()
    start = loop.time()
    took, late = [], []

    async def send(ws):
        with suppress(ConnectionClosed):
            for n in range(number):
                due = start + n * every
                await asyncio.sleep(due - loop.time())
                late.append(loop.time() - due)
                await ws.send(f"message {n}")

    async def listen(ws):
        with suppress(ConnectionClosed):
            for n in range(number):
                await ws.recv()
                took.append(loop.time() - (start + n * every))

    with suppress(TimeoutError):
        async with asyncio.timeout_at(start + (number - 1) * every + patience), asyncio.TaskGroup() as tasks:
            for ws in clients:
                tasks.create_task(send(ws))
                tasks.create_task(listen(ws))

    unanswered = number * len(clients) - len(took)
    took += [math.inf] * unanswered
    return {"p50": percentile(took, 50), "p99": percentile(took, 99), "unanswered": unanswered, "late": max(late)}
