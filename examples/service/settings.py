"""What differs from one installation to another, from the environment; and the two clients of Redis."""

import os

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
ORIGIN = os.environ.get("SERVICE_ORIGIN", "http://127.0.0.1:8000")  # of the page, as a browser says it
KEEP = int(os.environ.get("SERVICE_KEEP", "200"))  # lines of each room that a worker has at hand
WORKER = os.environ.get("SERVICE_WORKER", "alone")  # a name of its own for each worker

# The follower's connection waits most of the time, so it shares none; it tries again itself.
reader = Redis.from_url(URL, decode_responses=True)

# All others share a few, and wait for one that is free. What is sent twice, because an answer got lost, must do no
# harm: see APPEND in log.py.
pool = BlockingConnectionPool.from_url(
    URL, decode_responses=True, max_connections=20, timeout=30, retry=Retry(ExponentialBackoff(), 10)
)
db = Redis(connection_pool=pool)
