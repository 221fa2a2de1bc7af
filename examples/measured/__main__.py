"""Put a WebSocket server under load, by a plan: `python -m examples.measured ws://127.0.0.1:8000/echo --rate 100`.

The endpoint must answer each message with exactly one, in order. The times count from when a message was due; what is
never answered took infinitely long. Do not believe them if the last line says that the plan was not kept. They contain
what this generator was late itself: where that is not much less, they say little about the server.

At work: start it on another machine than the server, or at least where both have a core to themselves. Begin with a
rate that the server keeps up with, and double it until p99 rises. If one core cannot send so much, start it several
times: then look at the worst report, since percentiles have no mean. Let it run for longer than pings, idle limits and
tokens last. For more than about a thousand connections, allow both sides more open files: ulimit -n.
"""

import argparse
import asyncio
import errno
import json
import math
import sys
from contextlib import suppress

from websockets import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.uri import parse_uri

from examples.measured.generator import Report, connected, measure, percentile

PERCENTILES = (50, 90, 99, 99.9, 100)
LIMIT = 1_000_000  # messages: a report keeps them all


def positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def take_options() -> argparse.Namespace:
    command = "python -m examples.measured"
    parser = argparse.ArgumentParser(
        prog=command, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("url", help="of the endpoint")
    add("--clients", metavar="N", type=int, default=10, help="connections (default: %(default)s)")
    add("--rate", metavar="R", type=positive, default=100, help="messages a second, of all (default: %(default)s)")
    add("--seconds", metavar="S", type=positive, default=10, help="how long (default: %(default)s)")
    add(
        "--patience",
        metavar="S",
        type=positive,
        default=5,
        help="to wait for answers in the end (default: %(default)s)",
    )
    add(
        "--tolerance",
        metavar="MS",
        type=positive,
        default=10,
        help="99 of 100 sends may be so late (default: %(default)s)",
    )
    add("--message", metavar="TEXT", default="hello", help="{n} in it is the message's number (default: %(default)s)")
    add("--greetings", metavar="N", type=int, default=0, help="messages that the server sends first (default: 0)")
    add("--header", metavar="'NAME: VALUE'", action="append", default=[], help="for the handshake; may be repeated")
    add("--no-compression", action="store_true", help="do not offer permessage-deflate, as browsers do")
    add("--json", action="store_true", help="print the report as JSON, times in seconds")
    parser.error = lambda problem: sys.exit(f"{problem}. See {command} --help")  # one line, no usage
    options = parser.parse_args()
    try:
        parse_uri(options.url)
    except InvalidURI as error:
        parser.error(f"{error}. An address begins with ws:// or wss://")
    if options.clients < 1 or options.greetings < 0:
        parser.error("--clients must be 1 or more, --greetings 0 or more")
    if options.rate * options.seconds > LIMIT:
        parser.error(f"That is a plan for more than {LIMIT:,} messages: lower --rate or --seconds")
    if bad := [header for header in options.header if ":" not in header]:
        parser.error(f"--header {bad[0]!r}: a header is written 'NAME: VALUE'")
    return options


async def run(options: argparse.Namespace) -> Report:
    headers = [tuple(part.strip() for part in header.split(":", 1)) for header in options.header]
    compression = None if options.no_compression else "deflate"
    clients = await connected(
        options.url,
        options.clients,
        options.greetings,
        additional_headers=headers,
        compression=compression,
        max_size=None,  # or a long answer would end the connection
        close_timeout=1,  # a server that stands still would not answer
    )
    try:
        return await measure(clients, options.rate, options.seconds, options.patience, options.message)
    finally:
        await asyncio.gather(*(ws.close() for ws in clients))


def as_json(report: Report, problem: str) -> str:
    times = {f"p{percent:g}": report.within(percent) for percent in PERCENTILES}
    return json.dumps(
        {
            "planned": report.planned,
            "sent": report.sent,
            "unanswered": report.unanswered,
            "early": report.early,
            "ended": report.ended,
            **{name: None if time == math.inf else time for name, time in times.items()},  # JSON has no infinity
            "late": max(report.late),
            "late_p99": percentile(report.late, 99),
            "busy": report.busy,
            "kept": not problem,
        }
    )


def as_text(report: Report, problem: str, tolerance: float) -> str:
    def ms(seconds: float) -> str:
        return "never" if seconds == math.inf else f"{1000 * seconds:,.1f} ms"

    times = "   ".join(f"p{percent:g} {ms(report.within(percent))}" for percent in PERCENTILES)
    ended = f"   {report.ended:,} connections ended" if report.ended else ""
    overdue = report.overdue(tolerance)
    but = f", but for {overdue:,} messages: look at the longest times with doubt" if overdue else ""
    kept = f"The plan was kept{', as long as there were connections' if report.ended else ''}{but}."
    p50, p99, most = (ms(percentile(report.late, percent)) for percent in (50, 99, 100))
    return (
        f"planned {report.planned:,}   sent {report.sent:,}   never answered {report.unanswered:,}{ended}\n"
        f"from when each was due:   {times.replace('p100', 'longest')}\n"
        f"this generator:   {report.busy:.0%} of a core   late p50 {p50}   p99 {p99}   most {most}\n"
        f"{problem or kept}"
    )


def main() -> None:
    options = take_options()
    try:
        report = asyncio.run(run(options))
    except* (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as group:
        error = first(group)
        hint = ". Here, more files must be allowed: ulimit -n" if getattr(error, "errno", 0) == errno.EMFILE else ""
        sys.exit(
            f"{options.clients} clients could not all connect to {options.url}: {error or type(error).__name__}{hint}"
        )
    except* KeyboardInterrupt:
        sys.exit("stopped before the plan's end")
    tolerance = options.tolerance / 1000
    problem = report.problem(tolerance)
    with suppress(BrokenPipeError):
        print(as_json(report, problem) if options.json else as_text(report, problem, tolerance))


def first(error: BaseException) -> BaseException:
    return first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


if __name__ == "__main__":
    main()
