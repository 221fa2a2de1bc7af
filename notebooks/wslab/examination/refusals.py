"""Why a polite client is not let in: what its handshake met, in one line that says what to do."""

from wslab.conversation import Connection
from wslab.errors import ServeError

PASS = (
    "If it wants a header, a query parameter or an origin, pass headers=, query= or origins= "
    "(in a terminal --header, --query, --origin)."
)


def explain(app, path: str, status: int, connection: Connection | None, raised: str) -> ServeError | None:
    """The error to raise for a handshake that was refused with this HTTP status; None where the app has a fault.

    connection: what the tape knows of it. raised: what the app has raised, and where, if it has.
    """
    start = f"the handshake for {path} was refused with HTTP {status}."
    plain = path.partition("?")[0]
    above, others = routes(app, plain)
    if above:
        return ServeError(f"{start} {above} It stands above the endpoint: move it below.")
    code, reason = connection.refusal if connection else (0, "")
    if isinstance(reason, list):
        return ServeError(f"{start} {missing(reason)}")
    if status >= 500 or raised:
        return None
    if reason or code not in (0, 1000, status):
        why = f" {reason!r}" if reason else ""
        return ServeError(f"{start} The endpoint, or what stands before it, closed with {code}{why}. {PASS}")
    if others is not None and not others[1]:
        there = f" There are: {', '.join(others[0])}." if others[0] else " The app has none."
        return ServeError(f"{start} Is there an endpoint for that path?{there} {PASS}")
    return ServeError(f"{start} Is there an endpoint for that path? {PASS}")


def missing(reason: list) -> str:
    """What FastAPI says is missing or wrong in a handshake."""
    lines = []
    for error in reason:
        where, *names = error.get("loc", ["", ""])
        name = str(names[-1]) if names else ""
        if where == "query" and name in ("websocket", "ws", "socket"):
            lines.append(
                f"FastAPI takes {name!r} for a query parameter, since it has no type: write `{name}: WebSocket`."
            )
            continue
        option = {"query": f"--query {name}=... (query=)", "header": f"--header '{name}: ...' (headers=)"}.get(where)
        option = (
            option or f"--header 'Cookie: {name}=...' (headers=)" if where == "cookie" or option else "a path that fits"
        )
        lines.append(f"FastAPI wants the {where} parameter {name!r} ({error.get('msg', 'wrong')}): pass {option}.")
    return " ".join(lines)


def routes(app, path: str) -> tuple[str, tuple[list[str], bool] | None]:
    """Of an app with routes: a mount that takes the path away from an endpoint; the endpoints there are, and whether
    one of them has that path."""
    scope = {"type": "websocket", "path": path, "root_path": "", "headers": [], "method": "GET"}
    above, paths, fits = "", [], False
    try:
        for route in app.routes:
            mounted = hasattr(route, "app") and type(route).__name__ == "Mount"
            matches = route.matches(scope)[0].value > 0
            if "WebSocketRoute" in type(route).__name__:
                paths.append(route.path)
                fits = fits or matches
                if matches:
                    break
            elif mounted and matches and not above:
                above = f"A mount at {route.path or '/'!r} ({type(route.app).__name__}) took the path."
    except (AttributeError, TypeError):  # no Starlette, or another one
        return "", None
    return (above if fits else ""), (paths, fits)
