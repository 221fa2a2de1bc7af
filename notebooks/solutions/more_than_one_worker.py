async def follow(db: Redis, stream: str, last: str, tell: Callable[[str, dict], None]):
    me = asyncio.current_task()
    while not me.cancelling():  # on Python 3.11, cancel() may not raise
        try:
            streams = await db.xread({stream: last}, count=100, block=1000)
        except RedisError:
            await asyncio.sleep(0.1)
            continue
        for _, entries in streams:
            for entry_id, fields in entries:
                tell(entry_id, fields)
                last = entry_id
