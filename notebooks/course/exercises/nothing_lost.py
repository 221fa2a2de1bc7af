__all__ = ["cashbook"]
async def cashbook(app, stored): return None
