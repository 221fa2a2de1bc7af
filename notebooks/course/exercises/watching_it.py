"""The check under the exercise of watching-it."""

import asyncio
import contextlib
import logging
from collections import Counter
from urllib.request import urlopen

from course.client import WAIT, NotYet, Refused, news, until, visit
from course.error_log import errors_in_the_log
from course.judging import Verdict, with_what_the_endpoint_did
from course.watched_service import DOWN, MANY, Service
from course.ways_to_end import WAYS
from wslab.server import ServeError, Server, serve

__all__ = ["watch"]

IDS = "Set `connection` to a new id before the app is called, in the same task, and let it stand."
OWN = "The time, an address, and what a client or a proxy says may be those of another one: count, or take uuid4()."
ACCEPTED = "Only those count who were accepted: ask for that before you count an end."
ITS_OWN = "(Their addresses are alike. What is noted of a connection must be its own, as a variable of `__call__` is.)"
AWAITED = "Await the call of the app, or its task, itself: a `shield()` or a `wait()` keeps the cancellation from it."
FROM_ACCEPT = "Count from a `websocket.accept` on that was sent without an error: whoever is refused is never in it."


async def watch(middleware, connection) -> Verdict:
    """`Watch(app, open, ended)` keeps a gauge, a counter and the ids in the log true, however a connection ends."""
    good: list[str] = []
    log = logging.getLogger("uvicorn.error")
    try:
        service = Service(middleware, connection)
        with errors_in_the_log(), serve(service.watched, name="exercise") as server:
            log.addHandler(service)
            try:
                for step in STEPS:
                    good.append(await step(service, server))
            except NotYet as problem:
                raise NotYet(await with_what_the_endpoint_did(server, problem)) from None
            finally:
                log.removeHandler(service)
    except (NotYet, ServeError) as problem:
        return Verdict(good, str(problem).strip())
    return Verdict(good)


async def passes_pages_on(service: Service, server: Server) -> str:
    page = server.http_url("/page")
    try:
        await asyncio.to_thread(lambda: urlopen(page, timeout=5).close())
    except OSError as error:
        raise NotYet(f"a page was asked for, and what came was {error}. Pass on what is no WebSocket.") from None
    if service.open or service.ended:
        raise NotYet("a page was asked for, and counted: `open` and `ended` are for WebSockets alone.")
    if not service.began:
        raise NotYet("the app's lifespan has not begun. It is no WebSocket either: pass it on, as a page.")
    return "what is no WebSocket is passed on"


async def gives_ids(service: Service, server: Server) -> str:
    async with visit(server, "/talks?who=ann") as ann:
        await ann.ask("hello", "hello")
        async with visit(server, "/talks?who=ben") as ben:
            await ben.ask("hello", "hello")
            if service.open != 2:
                raise NotYet(f"two clients were connected, and `open` was {service.open}. {FROM_ACCEPT}")
            await ann.leave()
            await service.expect(server, "one of two clients closed with 1000", Counter({("received", "1000"): 1}), 1)
            async with visit(server, "/talks?who=cleo") as cleo:
                await cleo.ask("hello", "hello")
    await news(server)
    ids = []
    for who in ("ann", "ben", "cleo"):
        lines = [(number, line) for number, line in service.lines if who in line]
        for number, line in lines:
            if number in ("-", *ids) or number != lines[0][0]:
                own = "no id" if number == "-" else f"the id {number!r}, which is not its own"
                raise NotYet(f"a line of one of three connections, '{line}', had {own}. {IDS}")
        ids.append(lines[0][0])
    return "each connection has an id of its own, in each of its lines"


async def counts_each_end(service: Service, server: Server) -> str:
    seen: set[str] = set()
    for way in WAYS:
        wanted = service.ended + Counter({way.counts: 1})
        service.lines.clear()
        await server.on_loop(service.gone.clear)
        async with visit(server, way.path) as client:
            await way.does(client)
        await until(lambda: not server.thread.connections, server=server)
        still = service.open
        await service.tell_that_it_is_gone(server)
        if way.goes_on and still != 1:
            raise NotYet(f"{way.words}: while it still ran, `open` was {still}, not 1. {DOWN}")
        await service.expect(server, way.words, wanted, raises=way.raises, hint=way.hint)
        if without := [line for number, line in service.lines if number == "-"]:
            raise NotYet(f"{way.words}, and uvicorn's line '{without[0].splitlines()[0]}' had no id. {IDS}")
        if twice := seen & {number for number, _ in service.lines}:
            raise NotYet(f"{way.words}, and its lines had the id {twice.pop()!r}, as an earlier connection had. {OWN}")
        seen |= {number for number, _ in service.lines}
    return "each end is counted once, by its first sign, and counted down"


async def counts_nobody_refused(service: Service, server: Server) -> str:
    wanted = service.ended
    for path, raises in [("/refuses", ""), ("/nowhere", ""), ("/denies", ""), ("/breaks", "raised KeyError")]:
        with contextlib.suppress(Refused):
            async with visit(server, path):
                pass
        await service.expect(server, "a client was refused", wanted, raises=raises, hint=ACCEPTED)
    for path, words in [("/refuses_late", "refused"), ("/accepts_late", "accepted, and had given up before that")]:
        await server.on_loop(service.gone.clear)
        coming = asyncio.ensure_future(visit(server, path).__aenter__())
        await until(lambda: server.endpoints, server=server)
        if service.open:
            raise NotYet(f"a client waited for its handshake, and `open` was {service.open}. {FROM_ACCEPT}")
        if path == "/accepts_late":
            coming.cancel()
            await service.tell_that_it_is_gone(server)
        await server.on_loop(service.gone.set)
        await asyncio.gather(coming, return_exceptions=True)
        gave_up = "raised ClientDisconnected" if path == "/accepts_late" else ""
        await service.expect(server, f"a client was {words}", wanted, raises=gave_up)
    await service.gives_up_at_the_door()
    words = "a client gave up, and its endpoint received the disconnect before it had accepted"
    await service.expect(server, words, wanted, hint=ACCEPTED)
    return "who is refused, or gives up, is not counted"


async def tells_many_apart(service: Service, server: Server) -> str:
    [(number, times)] = Counter(await service.ids_of_many()).most_common(1)
    if times > 1:
        raise NotYet(f"of {MANY} clients, one right after the other, {times} had the id {number!r}. {OWN}")
    await tells_neighbours_apart(service, server)
    return "clients that come in one moment, and by way of one proxy, have ids of their own, too"


async def tells_neighbours_apart(service: Service, server: Server) -> None:
    """Two have the same address at the same time. One has left, and its endpoint ends later than that of the other."""
    wanted = service.ended + Counter([("received", "1000"), ("received", "1001")])
    ann, to_ann = service.comes_by_way_of_a_proxy()
    ben, to_ben = service.comes_by_way_of_a_proxy()
    await until(lambda: to_ann.empty() and to_ben.empty())
    for messages, code in [(to_ann, 1000), (to_ben, 1001), (to_ben, 1001), (to_ann, 1000)]:
        messages.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        await until(messages.empty)
    await asyncio.wait([ann, ben], timeout=WAIT)
    for one in (ann, ben):
        one.cancel()
    words = "two clients came by way of one proxy, one closed with 1000, and then the other one with 1001"
    try:
        await service.expect(server, words, wanted)
    except NotYet as problem:
        raise NotYet(f"{problem} {ITS_OWN}") from None


async def ends_with_the_server(service: Service, server: Server) -> str:
    had_ended = [("sent", "4000"), ("received", "1001")]
    wanted = service.ended + Counter([("received", "1012"), ("raised", "CancelledError"), *had_ended])
    async with (
        visit(server, "/talks"),
        visit(server, "/stays"),
        visit(server, "/stays_after_its_close") as closed,
        visit(server, "/stays_after_the_disconnect") as gone,
    ):
        await closed.is_closed()
        await gone.leave(1001)
        await until(lambda: any("its endpoint stays" in line for _, line in service.lines), server=server)
        await asyncio.to_thread(server.end)
    words = (
        "the server shut down, where one endpoint received, and three had to be cancelled: one of them had closed "
        "before, and one had received a disconnect"
    )
    await service.expect(server, words, wanted, raises="was cancelled")
    return "a shutdown is counted, and a cancellation goes on"


async def cancels_the_endpoint(service: Service, server: Server) -> str:
    if await service.stays_when_cancelled():
        raise NotYet(
            f"the call of `Watch` was cancelled, and the endpoint in it went on, and is counted as ended. {AWAITED}"
        )
    return "who is cancelled has ended when it is counted down"


STEPS = (
    passes_pages_on,
    gives_ids,
    counts_each_end,
    counts_nobody_refused,
    tells_many_apart,
    ends_with_the_server,
    cancels_the_endpoint,
)
