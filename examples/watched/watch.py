"""To copy: ids in the log, one line at each end, metrics of all workers, the stack of a loop that stands still.

Nothing in here knows the service. Who uses it adds the middleware `Watch` to the app, serves what `metrics()` returns,
and calls the rest in the app's lifespan.
"""

import asyncio
import faulthandler
import logging
import os
import secrets
import signal
import sys
import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path

import psutil
from opentelemetry import trace
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR")  # where several workers put their numbers; empty at the start
if FOLDER is not None and not os.path.isdir(FOLDER):  # one that is set to nothing would put them where you stand
    raise RuntimeError(f"PROMETHEUS_MULTIPROC_DIR is {FOLDER!r}, which is no folder: make an empty one, or unset it.")

KNOWN = range(1000, 1016)  # close codes with a meaning of their own; a client may send any from 3000 to 4999, too

OPEN = Gauge("websocket_open", "Connections that are open", multiprocess_mode="livesum")
REFUSED = Counter("websocket_refused", "Connections that were not accepted, by the first sign", ["sign", "code"])
ENDED = Counter("websocket_ended", "Connections that were open, by the first sign of their end", ["sign", "code"])
MESSAGES = Counter("websocket_messages", "Messages", ["direction"])
LAG = Histogram("loop_lag_seconds", "How late the event loop came round", buckets=[0.01, 0.1, 1, 10])

logger = logging.getLogger("uvicorn.error")
connection: ContextVar[str] = ContextVar("connection", default="-")


class WithId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.connection = connection.get()
        return True


def ids_in_the_log():
    for handler in logging.getLogger("uvicorn").handlers:
        handler.addFilter(WithId())
        handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s [%(connection)s] %(message)s"))


class Watch:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return

        accepted, heard, said, end = False, 0, 0, None  # end: the first sign of it, a code, and what was said about it

        async def watched_receive():
            nonlocal heard, end
            message = await receive()
            if message["type"] == "websocket.receive":
                heard += 1
                MESSAGES.labels("heard").inc()
            if message["type"] == "websocket.disconnect":
                end = end or ("received", int(message["code"]), message.get("reason") or "")
            return message

        async def watched_send(message):
            nonlocal accepted, said, end
            try:
                await send(message)
            except Exception as error:
                end = end or ("failed", type(error).__name__, "")
                raise
            match message["type"]:
                case "websocket.accept":
                    accepted = True
                    OPEN.inc()
                case "websocket.send":
                    said += 1
                    MESSAGES.labels("said").inc()
                case "websocket.close" if accepted:
                    end = end or ("sent", int(message.get("code", 1000)), message.get("reason") or "")
                case "websocket.close":
                    end = ("refused", 403, message.get("reason") or "")
                case "websocket.http.response.start":
                    end = ("refused", message["status"], "")

        connection.set(secrets.token_hex(4))
        began = time.monotonic()
        logger.info("begins: %r", scope["path"])
        try:
            await self.app(scope, watched_receive, watched_send)
        except BaseException as error:
            end = end or ("raised", type(error).__name__, "")
            raise
        finally:
            sign, code, reason = end or ("returned", "", "")
            took = time.monotonic() - began
            logger.info("ends: %s %s %r, heard %d, said %d, after %.1f s", sign, code, reason, heard, said, took)
            if accepted:
                OPEN.dec()
            counter = ENDED if accepted else REFUSED
            counter.labels(sign, "other" if sign == "received" and code not in KNOWN else code).inc()
            trace.get_current_span().set_attributes({"websocket.end": sign, "websocket.code": str(code)})


def metrics() -> bytes:
    """What Prometheus fetches: the numbers of this worker, or of all of them, if there is a folder for them."""
    if not FOLDER:
        return generate_latest(REGISTRY)
    forget_the_dead()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return generate_latest(registry)


def forget_the_dead():
    """Nobody else says that a worker was killed; and what it had open, its file would say for ever."""
    for file in Path(FOLDER).glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not psutil.pid_exists(pid):
            with suppress(FileNotFoundError):  # another worker was faster
                multiprocess.mark_process_dead(pid, FOLDER)


def dump_on_a_signal():
    """`kill -USR1 PID` writes the stacks of the newest hundred threads to stderr. Windows has no such signal."""
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)


async def watch_the_loop(every: float = 0.5):
    """Write the stacks of the threads to stderr if the loop does not come round for twice as long.

    They are the newest hundred. The loop's own is the oldest: if there are more, it is missing.
    """
    beat, ended = threading.Event(), threading.Event()
    threading.Thread(target=write_stacks, args=(beat, ended, 2 * every), daemon=True).start()
    try:
        while True:
            beat.set()
            began = time.monotonic()
            await asyncio.sleep(every)
            LAG.observe(max(0.0, time.monotonic() - began - every))
    finally:
        ended.set()
        beat.set()


def write_stacks(beat: threading.Event, ended: threading.Event, seconds: float):
    """On a thread of its own, which has the GIL while it writes: no stack changes meanwhile.

    `faulthandler.dump_traceback_later()` writes without it, which can crash Python:
    https://github.com/python/cpython/issues/131580
    """
    while not ended.is_set():
        if not beat.wait(seconds):
            print("The loop stands still.", file=sys.stderr, flush=True)
            faulthandler.dump_traceback()
            beat.wait()  # once each time
        beat.clear()
