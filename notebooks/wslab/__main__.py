"""The command `wslab`: `wslab checkup package.module:app /ws`. Also `python -m wslab ...`.

Ends with 0 if all clients were served well, 1 if not, 2 if the check-up could not run.
"""

import argparse
import asyncio
import json
import os
import sys

from wslab.examination import Report, checkup
from wslab.examination.patient import SECONDS
from wslab.examination.process import Importable, leave, prepare
from wslab.server import ServeError


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    top = argparse.ArgumentParser(prog="wslab", description="See how a WebSocket endpoint copes with rude clients.")
    commands = top.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "checkup",
        help="run clients that misbehave against an app",
        epilog="In the path, the query, a header or a message, {n} is a number of each client's own: /ws/user{n}.",
    )
    check.add_argument("app", metavar="MODULE:APP", help="where the app is, as for uvicorn: package.module:app")
    check.add_argument("path", metavar="PATH", nargs="?", default="/ws", help="of the endpoint (default: %(default)s)")
    check.add_argument("--app-dir", default=".", metavar="DIR", help="where to look for the module (default: here)")
    check.add_argument("--factory", action="store_true", help="MODULE:APP is a function that returns the app")
    check.add_argument(
        "--say", action="append", metavar="TEXT", help="a message that suits the endpoint; repeatable, in order"
    )
    check.add_argument(
        "--say-json", action="append", dest="say", type=from_json, metavar="JSON", help="the same, as JSON"
    )
    check.add_argument(
        "--say-hex", action="append", dest="say", type=from_hex, metavar="HEX", help="the same, as bytes: '00 ff'"
    )
    check.add_argument("--room", action="store_true", help="a message goes to everybody; of several, the last")
    check.add_argument(
        "--header", action="append", default=[], metavar="'NAME: VALUE'", help="sent with each handshake"
    )
    check.add_argument("--query", action="append", default=[], metavar="NAME=VALUE", help="sent in the query string")
    check.add_argument(
        "--origin", action="append", metavar="ORIGIN", help="one that is accepted; others must be refused"
    )
    check.add_argument(
        "--trigger", default="", metavar="'POST /PATH'", help="a request that makes the endpoint speak to its client"
    )
    check.add_argument(
        "--exclude", action="append", default=[], metavar="CLIENT", help="leave a client out, such as 'wrong kind'"
    )
    check.add_argument("--only", action="append", metavar="CLIENT", help="run this client alone; repeatable")
    check.add_argument(
        "--patience", type=float, default=2, metavar="SECONDS", help="to wait for an answer (default: 2)"
    )
    check.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        metavar="SECONDS",
        help="if something was found, nobody else comes after so many (default: %(default)g)",
    )
    check.add_argument(
        "--ws",
        default="auto",
        choices=["auto", "websockets-sansio", "wsproto"],
        help="uvicorn's implementation (default: %(default)s)",
    )
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    return top


def from_json(text: str):
    """What to say, from an option. Raises ServeError if it is not JSON."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ServeError(f"--say-json is not JSON: {error}") from None
    return text if isinstance(value, str) else value


def from_hex(text: str) -> bytes:
    """The same as bytes. Raises ServeError if it is not hexadecimal."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ServeError(f"--say-hex is not hexadecimal: {error}") from None


def pairs(options: list[str], separator: str, form: str) -> dict[str, str]:
    """Options such as `NAME: VALUE` as a dict. Raises ServeError for one that is not of that form."""
    split = [option.partition(separator) for option in options]
    for option, (name, separated, _) in zip(options, split, strict=True):
        if not (name.strip() and separated):
            raise ServeError(f"{option!r} is not of the form {form}.")
    return {name.strip(): value.strip() for name, _, value in split}


def progress(name: str) -> None:
    """One line on stderr that says which client is at work, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{name} ...", end="", file=sys.stderr, flush=True)


def no_progress() -> None:
    """Clear that line."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Run the command and end the process with its status."""
    try:
        options = parser().parse_args()
        prepare()
        report = run(options)
    except ServeError as problem:
        no_progress()
        print(f"wslab: {problem}", file=sys.stderr)
        leave(2)
    except KeyboardInterrupt:
        no_progress()
        leave(130)
    no_progress()
    try:
        print(report.as_json() if options.json else report, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries once more, at its end
        if not isinstance(error, BrokenPipeError):  # with that, whoever reads it has had enough
            print(f"wslab: could not print the report: {error}", file=sys.stderr)
            leave(2)
    leave(0 if report.ok else 1)


def run(options: argparse.Namespace) -> Report:
    """The check-up that the options ask for."""
    return asyncio.run(
        checkup(
            Importable(options.app, options.app_dir, options.factory),
            options.path,
            say=options.say or "hello",
            room=options.room,
            headers=pairs(options.header, ":", "NAME: VALUE"),
            query=pairs(options.query, "=", "NAME=VALUE"),
            origins=options.origin,
            trigger=options.trigger,
            exclude=options.exclude,
            only=options.only,
            patience=options.patience,
            seconds=options.seconds,
            ws=options.ws,
            progress=progress,
        )
    )


if __name__ == "__main__":
    main()
