"""The check under the exercise of who-is-calling."""

import asyncio
import json
from collections.abc import Collection
from contextlib import AsyncExitStack
from functools import partial
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from fastapi import FastAPI
from websockets import ClientConnection, connect

from course.client import ODD, WAIT, Client, NotYet, Refused, news, until, visit
from course.closing import expect_code
from course.door import Door, give_up
from course.error_log import errors_in_the_log
from course.judging import HAS_LEFT, Verdict, check_up, expect_no_error, judge
from course.troubles import expect_rest, time_stands_still
from wslab.server import Server

__all__ = ["vault"]

PATH, ORIGIN, TICKET = "/vault", "https://vault.example", 30  # as in the exercise
PATIENCE = 5  # seconds to wait for an answer by HTTP
SOME = 4  # connections that do not read, and as many that do: in nearly any order, one that does comes late
LONG = 1_000_000 * "x"  # fills all buffers on the way to a client
FOREIGN = {  # what may have let it in, or what it is
    "https://evil.example": "Is its Origin looked at?",
    "https://vault.example.evil.example": "It begins with OURS, but anybody can own such a domain.",
    "https://vault.example:8443": "It begins with OURS, but its port is another.",
    "http://vault.example": "Its scheme is another, and anybody on the way can write such a page.",
    "https://evil-vault.example": "It only ends like OURS.",
    "https://www.vault.example": "It is a subdomain of OURS, which may be somebody else's.",
    "http://localhost:8000": "That is whatever runs on a visitor's own machine.",
    "https://evil.example/https://vault.example": "It has OURS in it.",
    "https://vault": "It is only a part of OURS.",
    "https://VAULT.example": "Letter by letter: browsers write it in small ones.",
    "https://vault.example/": "Letter by letter: an Origin has no slash at its end.",
    "https://vault-example": "Letter by letter: a dot is any character in a pattern alone.",
    "https://va\u00fclt.example": "It is not ASCII, which is no error: it is another text.",
    "null": "That is what a page in a sandboxed frame sends.",
    "": "It is empty.",
    None: "Who sends no Origin is refused, too.",
}
OPTIONS = {"ws_ping_interval": None, "ws_per_message_deflate": False}  # compressed, LONG would fill no buffer
CLOCK = "(The check sets the clock of the server's event loop forward: loop.time() goes by it, time.time() does not.)"
ONE_STEP = "Look and take away in one step, as pop() does, without an `await` in between."
AT_ONCE = (
    "End what each of the session's connections waits for, as `reschedule()` or `cancel()` does, and close with 4401. "
    "(Meanwhile, the clock of the server's event loop stands still: who sleeps, or looks now and then, is too late.)"
)
STUCK = "Others of this session do not read, so their close() has to wait: let nobody else wait for it."
SAME_LIST = "(The check looks into the list that was there when it began: change that one, and make no other.)"
THE_PAGE = "A page is refused whatever ticket it has: its Origin comes first."
ANY_TEXT = "Each text is answered, an empty one, too."
THE_HOST = "It is the address that was asked for, as in `Host`: what is to be let in is OURS."
ANY_END = "At bytes, receive_text() raises: let a `finally` undo it, whatever ends the endpoint."
FORGET = "take it off in a `finally`, or a logout tries to end it once more."
BELOW = "What is registered above accept() stays behind if that fails: register below it, and undo it in a `finally`."
LET_IN = "Accept it, so that its page can be told why, if its ticket is not good: with 4401."
NO_TASK = "Let `call_later()` forget it, or note until when it is good. (What BackgroundTasks runs is a task, too.)"
STILL_LOGGED_IN = "It had been there, and left: a session ends with a logout, and not with its last connection."
BEFORE = "Its session is over as soon as /logout is asked: forget it first, and then close its connections."
NO_TICKET = "A cookie comes along from every page, without being asked: it is no ticket."
USED = "A ticket that has been used is not there any more: what forgets it must bear that, as `pop(ticket, None)` does."
ITS_OWN_TIME = "Another one of its session was older, and had its end meanwhile: each has a time of its own."
MEANWHILE = "Let no `await` stand between looking for the session and registering the connection."


async def vault(app, inside: Collection[str]) -> Verdict:
    """`/vault` lets in who comes from its own page, with a good ticket, until their session is logged out.

    `inside`: the user of each connection that has come in.
    """
    door = Door(app)
    steps = [refuses_others, talks, wants_a_ticket, forgets_tickets, ends_at_logout, forgets_who_sends_bytes]
    steps += [partial(step, door=door) for step in (lets_one_of_two_in, forgets_who_gives_up, sees_a_logout_meanwhile)]
    steps += [partial(waits_for_nobody, door=door), forgets_each_ticket_by_itself]
    steps = [partial(step, inside=inside) for step in steps]
    verdict = await judge(door if isinstance(app, FastAPI) else app, *steps, **OPTIONS)
    clients = ["silent", "drops while idle", "drops before the answer", "gives up", "crowd", "foreign origin"]
    query, good = {"ticket": "fresh"}, "fifty at once come in, and whoever leaves or gives up early does no harm"
    return await check_up(
        verdict, with_fresh_tickets(app), PATH, *clients, query=query, origins=[ORIGIN], good=good, ws="wsproto"
    )


def with_fresh_tickets(app):
    """The app; but who comes with `?ticket=fresh` gets a ticket of its own in the place of it."""

    async def fresh_app(scope, receive, send):
        if scope["type"] == "websocket" and scope["query_string"] == b"ticket=fresh":
            address = "http://{}:{}".format(*scope["server"])
            ticket = await post(address, "/ticket", await post(address, "/login?user=Cleo"))
            scope["query_string"] = f"ticket={ticket}".encode()
        await app(scope, receive, send)

    return fresh_app


async def post(address: str, path: str, session: str = "") -> str | None:
    """What the app answers to a browser with this cookie."""
    request = Request(f"{address}{path}", b"", {"Cookie": f"session={session}"})
    try:
        with await asyncio.to_thread(urlopen, request, timeout=PATIENCE) as response:
            return json.load(response)
    except HTTPError as error:
        error.close()
        raise NotYet(f"POST {path} was answered with HTTP {error.code}. Leave how it is called as it is.") from None
    except OSError as error:
        raise NotYet(f"POST {path} was not answered: {error}.") from None


class Visitors(AsyncExitStack):
    """Those who come to one server, and leave at the end at the latest."""

    def __init__(self, server: Server, inside: Collection[str]):
        super().__init__()
        self.server, self.inside = server, inside

    async def post(self, path: str, session: str = "") -> str | None:
        return await post(self.server.http_url(""), path, session)

    async def log_in(self, user: str) -> str:
        return await self.text(f"/login?user={user}")

    async def ticket(self, session: str) -> str:
        return await self.text("/ticket", session)

    async def text(self, path: str, session: str = "") -> str:
        answer = await self.post(path, session)
        if not isinstance(answer, str):
            raise NotYet(f"POST {path} was answered with {answer!r}. Leave what it returns as it is: a text.")
        return answer

    async def come(self, ticket: str | None, origin: str | None = ORIGIN, **options) -> Client:
        path = PATH if ticket is None else f"{PATH}?ticket={ticket}"
        try:
            return await self.enter_async_context(visit(self.server, path, origin=origin, **options))
        except Refused as refusal:
            if origin != ORIGIN:
                raise
            hint = LET_IN if refusal.status == 403 else "Accept it."
            raise NotYet(f"a client of the right Origin got HTTP {refusal.status}. {hint}") from None

    def knock(self, ticket: str) -> asyncio.Future[ClientConnection]:
        """Come, and do not wait until it is accepted."""
        url = self.server.url(f"{PATH}?ticket={ticket}")
        coming = asyncio.ensure_future(connect(url, origin=ORIGIN, open_timeout=None, close_timeout=1))
        self.push_async_callback(give_up, coming)
        return coming

    def log_out(self, session: str) -> asyncio.Future[None]:
        """Log out, and do not wait until that is answered."""
        answer = asyncio.ensure_future(self.post("/logout", session))
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # asked for, if by nobody else
        return answer

    async def come_in(self, user: str, session: str, ticket: str = "") -> Client:
        """With a good ticket: it must be let in, and answered."""
        before = list(self.inside).count(user)
        client = await self.come(ticket or await self.ticket(session))
        hint = "The answer is the user of the ticket's session, `: `, and the text."
        await client.ask("hello", f"{user}: hello", wrong=hint, closed="Its ticket is good.")
        if list(self.inside).count(user) != before + 1:
            once_more = "and is not in `inside` once more than before."
            raise NotYet(f"{user} has come in with a good ticket, {once_more} {SAME_LIST}")
        return client

    async def comes_again(self, user: str, session: str) -> None:
        """The last connection of a session ends, and the session does not: another one comes."""
        for hint in ("", STILL_LOGGED_IN):
            try:
                await (await self.come_in(user, session)).leave()
            except NotYet as problem:
                raise NotYet(f"{problem} {hint}".rstrip()) from None
            await until(lambda: not self.inside, server=self.server)

    async def expect_nobody(self, what: str, hint: str = BELOW) -> None:
        """Nobody is connected any more."""
        if not await until(lambda: not self.inside, server=self.server):
            raise NotYet(f"{what}, and `inside` is still {list(self.inside)!r}. {hint}")


async def talks(server: Server, inside: Collection[str]) -> str:
    async with Visitors(server, inside) as visitors:
        ann, ben = await visitors.log_in("Ann"), await visitors.log_in("Ben")
        bens = await visitors.ticket(ben)
        await visitors.comes_again("Ann", ann)
        one, other = await visitors.come_in("Ann", ann), await visitors.come_in("Ann", ann)
        await visitors.come_in("Ben", ben, bens)
        await one.leave()
        await expect_no_error(server, "a client left with 1000, and the", HAS_LEFT)
        if not await until(lambda: sorted(inside) == ["Ann", "Ben"], server=server):
            raise NotYet(f"Ann had two connections and Ben one, Ann left one, and `inside` is {list(inside)!r}.")
        for text in (ODD, ""):
            await other.ask(text, f"Ann: {text}", wrong=ANY_TEXT, silent=ANY_TEXT, closed=ANY_TEXT)
        await other.drop()
    await expect_no_error(server, "clients left, and the", HAS_LEFT)
    await visitors.expect_nobody("all had left")
    return "who has a good ticket comes in, is answered, and may leave"


async def refuses_others(server: Server, inside: Collection[str]) -> str:
    async with Visitors(server, inside) as visitors:
        session = await visitors.log_in("Ann")
        for origin, hint in [*FOREIGN.items(), (server.http_url(""), THE_HOST)]:
            whose = f"a client with the Origin {origin!r}" if origin is not None else "a client without an Origin"
            for kind, ticket in [("good", await visitors.ticket(session)), ("bad", "garbled")]:
                try:
                    await visitors.come(ticket, origin)
                except Refused as refusal:
                    if refusal.status != 403:
                        raise NotYet(f"{whose} was refused with HTTP {refusal.status}, not 403.") from None
                else:
                    why = hint if kind == "good" else THE_PAGE
                    raise NotYet(f"{whose} and a {kind} ticket was accepted. {why} Refuse it before accept().")
    await visitors.expect_nobody("clients with another Origin were refused")
    return "who comes from another page is refused with HTTP 403"


async def wants_a_ticket(server: Server, inside: Collection[str]) -> str:
    async with Visitors(server, inside) as visitors:
        session, ended = await visitors.log_in("Ann"), await visitors.log_in("Ann")
        used, of_ended, half = [await visitors.ticket(of) for of in (session, ended, session)]
        await (await visitors.come_in("Ann", session, used)).leave()
        await visitors.post("/logout", ended)
        bad = {
            "without a ticket": (None, ""),
            "with an empty ticket": ("", ""),
            "with a ticket that nobody has made": ("garbled", ""),
            "with a ticket that is not ASCII": ("%C3%A9", "(`%C3%A9` is é.)"),
            "with half of a ticket": (half[:20], "Compare the whole ticket."),
            "with its session for a ticket": (session, "That is another secret, for another use."),
            "with a ticket that had been used": (used, ONE_STEP),
            "with a ticket whose session had been logged out": (of_ended, "Look for the session, too."),
        }
        for whose, (ticket, hint) in bad.items():
            await expect_4401(await visitors.come(ticket), whose, hint)
            await expect_no_error(server, f"a client came {whose}, and the", HAS_LEFT)
        cookie = {"Cookie": f"session={session}"}
        for ticket, whose in [(None, "without a ticket"), ("garbled", "with a bad ticket")]:
            client = await visitors.come(ticket, additional_headers=cookie)
            await expect_4401(client, f"{whose}, but with its session as a cookie,", NO_TICKET)
    await visitors.expect_nobody("no ticket was good")
    return "who has no good ticket is closed with 4401"


async def forgets_tickets(server: Server, inside: Collection[str]) -> str:
    async with Visitors(server, inside) as visitors:
        session = await visitors.log_in("Ann")
        await server.let_time_pass(TICKET / 6)  # who looks every ten seconds does not come just in time
        before = await server.on_loop(asyncio.all_tasks)
        early, late = await visitors.ticket(session), await visitors.ticket(session)
        await expect_no_task_for_each(server, before, tickets=2)
        await server.let_time_pass(TICKET / 2)
        client = await visitors.come_in("Ann", session, early)
        await server.let_time_pass(TICKET * 0.6)
        late_client = await visitors.come(late)
        await expect_4401(late_client, f"with a ticket that was {1.1 * TICKET:g} seconds old", CLOCK)
        await server.let_time_pass(TICKET * 4)
        await client.ask("still here", "Ann: still here", closed="A ticket has an end, its connection has none.")
    return "a ticket is good for its time"


async def expect_no_task_for_each(server: Server, before: set[asyncio.Task], tickets: int) -> None:
    """Tickets were made. The task of a request that made one must have ended; a single one may serve all of them."""
    tasks = await server.on_loop(lambda: asyncio.all_tasks() - before - {asyncio.current_task()})
    if not await until(lambda: sum(not task.done() for task in tasks) < tickets, server=server):
        raise NotYet(f"{tickets} tickets were made, and each has left a task behind. {NO_TASK}")


async def ends_at_logout(server: Server, inside: Collection[str]) -> str:
    async with Visitors(server, inside) as visitors:
        ann, anns_other, ben = [await visitors.log_in(user) for user in ("Ann", "Ann", "Ben")]
        ending = [await visitors.come_in("Ann", ann) for _ in range(2)]
        staying = [await visitors.come_in("Ann", anns_other), await visitors.come_in("Ben", ben)]
        others = await visitors.ticket(anns_other)
        gone = await visitors.come_in("Ann", ann)
        await gone.leave()
        await news(server)  # its endpoint has ended
        async with time_stands_still(server):
            answer = visitors.log_out(ann)
            await asyncio.wait([answer], timeout=WAIT)
            if answer.done() and (problem := answer.exception()):
                raise NotYet(f"{problem} One of this session's connections had ended before: {FORGET}")
            for client in ending:
                await expect_4401(client, "whose session had been logged out", AT_ONCE)
        await answer
        await visitors.post("/logout", ann)
        for client, user in zip(staying, ["Ann", "Ben"], strict=True):
            hint = "Another session had been logged out."
            await client.ask("still here", f"{user}: still here", closed=hint, silent=hint)
        if not await until(lambda: sorted(inside) == ["Ann", "Ben"], server=server):
            raise NotYet(f"a session of Ann's was logged out, Ann's other one and Ben's not; `inside` is {inside!r}.")
        await visitors.come_in("Ann", anns_other, others)
    await visitors.expect_nobody("all had left")
    return "a logout ends its session's connections, and no others"


async def forgets_who_sends_bytes(server: Server, inside: Collection[str]) -> str:
    async with Visitors(server, inside) as visitors:
        odd = await visitors.come_in("Ann", await visitors.log_in("Ann"))
        await odd.say(b"\0")
        await odd.caught_up()
    await news(server)  # it may raise an error
    await visitors.expect_nobody("a client had sent bytes, and left", ANY_END)
    return "whoever sends bytes leaves nothing behind, either"


async def lets_one_of_two_in(server: Server, inside: Collection[str], door: Door) -> str:
    async with Visitors(server, inside) as visitors:
        ticket = await visitors.ticket(await visitors.log_in("Ann"))
        async with door.for_two():
            two = await asyncio.gather(visitors.come(ticket), visitors.come(ticket))
        for client in two:
            await client.say("hello")
        answers = [await client.message_or_end("two came at once with one ticket, and one waits.") for client in two]
        if answers.count("Ann: hello") != 1:
            raise NotYet(f"two came at once with one ticket, and {answers.count('Ann: hello')} came in. {ONE_STEP}")
    await visitors.expect_nobody("all had left")
    return "of two with the same ticket one comes in"


async def forgets_who_gives_up(server: Server, inside: Collection[str], door: Door) -> str:
    async with Visitors(server, inside) as visitors, door.until_gone():
        ticket = await visitors.ticket(await visitors.log_in("Ann"))
        coming = visitors.knock(ticket)
        await door.is_reached()
        await give_up(coming)
        await news(server)  # its endpoint has learnt at accept() that nobody is there: no news
    await visitors.expect_nobody("a client gave up before it was accepted")
    return "who gives up before accept() leaves nothing behind"


async def sees_a_logout_meanwhile(server: Server, inside: Collection[str], door: Door) -> str:
    async with Visitors(server, inside) as visitors:
        session = await visitors.log_in("Ann")
        ticket = await visitors.ticket(session)
        async with door.until_opened(server):
            coming = visitors.knock(ticket)
            await door.is_reached()
            await visitors.post("/logout", session)
        await asyncio.wait([coming], timeout=PATIENCE)
        if not coming.done() or coming.exception():
            raise NotYet(
                f"a client's session was logged out while it was being accepted, and then it was not. {LET_IN}"
            )
        await expect_4401(
            Client(coming.result()), "whose session was logged out while it was being accepted", MEANWHILE
        )
    await visitors.expect_nobody("all had left")
    return "a logout counts for who is just coming in, too"


async def waits_for_nobody(server: Server, inside: Collection[str], door: Door) -> str:
    server.shrink_buffers()
    async with Visitors(server, inside) as visitors:
        session = await visitors.log_in("Ann")
        late = await visitors.ticket(session)
        clients = [await visitors.come_in("Ann", session) for _ in range(2 * SOME)]
        stuck, reading = clients[::2], clients[1::2]
        try:
            said = door.sending
            for client in stuck:
                client.ws.transport.pause_reading()
                for _ in range(2):  # uvicorn takes a message that is too much, and lets the next one wait
                    await client.say(LONG)
            await until(lambda: door.sending == said + 2 * len(stuck), server=server)
            async with time_stands_still(server):
                visitors.log_out(session)
                for client in reading:
                    await expect_4401(client, "whose session had been logged out", STUCK)
                late_client = await visitors.come(late)
                await expect_4401(late_client, "who came while others of its session were being closed", BEFORE)
        finally:
            for client in stuck:
                client.ws.transport.abort()
    await visitors.expect_nobody("all had left")
    return "a logout does not wait for who does not read"


async def forgets_each_ticket_by_itself(server: Server, inside: Collection[str]) -> str:
    async with Visitors(server, inside) as visitors:
        session = await visitors.log_in("Ann")
        await (await visitors.come_in("Ann", session)).leave()
        await visitors.ticket(session)  # and nobody uses it
        with errors_in_the_log() as log:
            await server.let_time_pass(TICKET * 0.6)
            younger = await visitors.ticket(session)
            await server.let_time_pass(TICKET * 0.6)
        timers = [record for record in log.records if record.getMessage().startswith("Exception in callback")]
        if timers:
            error = timers[0].exc_info[1]
            when = "a ticket had been used, and when its time was over, the log had the error of a callback"
            raise NotYet(f"{when}, {type(error).__name__}. {USED if isinstance(error, KeyError) else ''}".rstrip())
        try:
            await visitors.come_in("Ann", session, younger)
        except NotYet as problem:
            raise NotYet(f"a ticket was {TICKET * 0.6:g} seconds old, and {problem} {ITS_OWN_TIME}") from None
        await expect_rest(server, "while Ann is connected and says nothing")
    await visitors.expect_nobody("all had left")
    return "each ticket is forgotten by itself, and nothing goes on meanwhile"


async def expect_4401(client: Client, whose: str, hint: str) -> None:
    try:
        await expect_code(client, 4401, None, whose)
    except NotYet as problem:
        raise NotYet(f"{problem} {hint}".rstrip()) from None
