"""The command `wslab`: `wslab checkup package.module:app /ws`. Also `python -m wslab ...`.

Ends with 0 if all clients were served well, 1 if not, 2 if the check-up could not run.
"""

import argparse
import asyncio
import importlib
import json
import sys
from pathlib import Path

from wslab.checkup import checkup
from wslab.server import ServeError


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    top = argparse.ArgumentParser(prog="wslab", description="See how a WebSocket endpoint copes with rude clients.")
    commands = top.add_subparsers(dest="command", required=True)
    check = commands.add_parser("checkup", help="run clients that misbehave against an app")
    check.add_argument("app", metavar="MODULE:APP", help="where the app is, as for uvicorn: package.module:app")
    check.add_argument("path", metavar="PATH", nargs="?", default="/ws", help="of the endpoint (default: %(default)s)")
    check.add_argument("--app-dir", default=".", metavar="DIR", help="where to look for the module (default: here)")
    check.add_argument("--say", action="append", metavar="TEXT", help="a message that suits the endpoint; repeatable")
    check.add_argument("--say-json", action="append", metavar="JSON", help="the same, as JSON")
    check.add_argument("--room", action="store_true", help="a message goes to everybody who is connected")
    check.add_argument(
        "--header", action="append", default=[], metavar="'NAME: VALUE'", help="sent with each handshake"
    )
    check.add_argument("--query", action="append", default=[], metavar="NAME=VALUE", help="sent in the query string")
    check.add_argument(
        "--origin", action="append", metavar="ORIGIN", help="one that is accepted; others must be refused"
    )
    check.add_argument(
        "--exclude", action="append", default=[], metavar="CLIENT", help="leave a client out, such as 'wrong kind'"
    )
    check.add_argument("--only", action="append", metavar="CLIENT", help="run this client alone; repeatable")
    check.add_argument(
        "--patience", type=float, default=2, metavar="SECONDS", help="to wait for an answer (default: 2)"
    )
    check.add_argument(
        "--ws", default="auto", metavar="NAME", help="uvicorn's implementation: websockets-sansio, wsproto"
    )
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    return top


def load(name: str, folder: str):
    """The app called `package.module:app`. Raises ServeError, in one line, if it can't be had."""
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ServeError(f"{name!r} is not of the form package.module:app.")
    if not Path(folder).is_dir():
        raise ServeError(f"there is no folder {folder!r}.")
    sys.path.insert(0, folder)
    try:
        found = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever the module does when it is imported
        raise ServeError(f"could not import {name}: {type(error).__name__}: {error}") from error
    return found


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


def main() -> None:
    """Run the command and end the process with its status."""
    options = parser().parse_args()
    try:
        try:
            as_json = [json.loads(text) for text in options.say_json or []]
        except ValueError as error:
            raise ServeError(f"--say-json is not JSON: {error}") from None
        report = asyncio.run(
            checkup(
                load(options.app, options.app_dir),
                options.path,
                say=as_json or options.say or "hello",
                room=options.room,
                headers=pairs(options.header, ":", "NAME: VALUE"),
                query=pairs(options.query, "=", "NAME=VALUE"),
                origins=options.origin,
                exclude=options.exclude,
                only=options.only,
                patience=options.patience,
                ws=options.ws,
                progress=progress,
            )
        )
    except ServeError as problem:
        progress("")
        print(f"wslab: {problem}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print(report.as_json() if options.json else report)
    sys.exit(0 if report.ok else 1)


if __name__ == "__main__":
    main()
