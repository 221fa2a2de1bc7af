"""A conversation drawn as a sequence diagram: one upright line for each side, time going down.

As `html` it is an SVG picture inside an `<img>`, which JupyterLab shows in notebooks that are not trusted, too, and
nbconvert keeps. As `text` it is the same in plain characters.
"""

import unicodedata
from base64 import b64encode
from dataclasses import dataclass
from html import escape

MAX_ROWS = 60  # a longer conversation shows its first and last rows, and says how many are left out
TAIL = 15
MIN_GAP = 32  # letters between two lanes, at least

NOTHING = "(no client has connected yet)"


@dataclass(frozen=True)
class Row:
    """A message from one lane to another, or, where both are the same, a note on that lane."""

    source: int
    target: int
    text: str


def layout(events) -> tuple[list[str], list[Row]]:
    """Names of the lanes, from left to right, and the rows, from top to bottom.

    The server stands in the middle of its clients; a single client stands at its left. Clients are numbered from 1
    in every picture, except where one was connected before: then each keeps the number that it had.
    """
    clients = sorted({event.client for event in events})
    if len(clients) == 1:
        names = {clients[0]: "client"}
    elif {event.client for event in events if event.opens} == set(clients):
        names = {client: f"client {n}" for n, client in enumerate(clients, 1)}
    else:
        names = {client: f"client {client}" for client in clients}
    left = (len(clients) + 1) // 2
    lanes = [names[client] for client in clients]
    lanes.insert(left, "server")
    rows = []
    for event in events:
        client, server = lanes.index(names[event.client]), left
        if not event.message:
            rows.append(Row(server, server, note(event, names[event.client], alone=len(clients) == 1)))
        elif event.source == "client":
            rows.append(Row(client, server, event.text))
        else:
            rows.append(Row(server, client, event.text))
    return lanes, rows


def note(event, name: str, alone: bool) -> str:
    """The words for what stayed inside the server. What fails to reach a client may be sent by another's endpoint."""
    if event.failed:
        return event.text + (": the client has gone" if alone else f" to {name}: it has gone")
    if alone:
        return event.text
    return f"{name}'s {event.text}" if event.text.startswith(("log:", "endpoint")) else f"{name}: {event.text}"


def cut(rows: list[Row]) -> tuple[list[Row], int, list[Row]]:
    """The rows to show first, how many to leave out after them, and the rows to show last."""
    if len(rows) <= MAX_ROWS:
        return rows, 0, []
    head = MAX_ROWS - TAIL
    return rows[:head], len(rows) - MAX_ROWS, rows[-TAIL:]


def width(text: str) -> int:
    """How many columns `text` takes where all letters have one width. East Asian letters and emoji take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def spread(rows: list[Row], padding: int) -> int:
    """The distance between two lanes, in letters, at which every row's text fits."""
    lanes_crossed = [abs(row.source - row.target) or 1 for row in rows]
    return max([MIN_GAP, *(-(-(width(row.text) + padding) // n) for row, n in zip(rows, lanes_crossed, strict=True))])


def text(events) -> str:
    """The conversation in plain characters."""
    if not events:
        return NOTHING
    lanes, rows = layout(events)
    gap = spread(rows, padding=10)
    column = [6 + gap * n for n in range(len(lanes))]
    head = ""
    for name, at in zip(lanes, column, strict=True):
        head = head.ljust(at - len(name) // 2) + name
    first, left_out, last = cut(rows)
    lines = [head]
    lines += [text_row(row, column) for row in first]
    if left_out:
        lines.append(f"      ... {left_out:,} more ...")
    lines += [text_row(row, column) for row in last]
    return "\n".join(lines)


def text_row(row: Row, column: list[int]) -> str:
    """One line: the lanes as `|`, the message as an arrow between two of them, a note left of a `*`."""
    line = [" "] * (column[-1] + 1)
    for at in column:
        line[at] = "|"
    left, right = sorted((column[row.source], column[row.target]))
    if row.source == row.target:
        line[right] = "*"
        words, start = f" {row.text} ", right - width(row.text) - 2
    else:
        inside = right - left - 1
        words = f"--- {row.text} ".ljust(inside - (width(row.text) - len(row.text)), "-")
        words = words[:-1] + ">" if row.source < row.target else "<" + words[1:]
        start = left + 1
    # One character a place; a wide one swallows the place behind it.
    line[start : start + width(words)] = list(words)
    return "".join(line).rstrip()


def description(events) -> str:
    """The conversation in sentences, for those who cannot see the picture."""
    if not events:
        return NOTHING
    lanes, rows = layout(events)
    first, left_out, last = cut(rows)

    def say(row: Row) -> str:
        if row.source == row.target:
            return f"in the server: {row.text}"
        return f"{lanes[row.source]} to {lanes[row.target]}: {row.text}"

    more = [f"{left_out:,} more"] if left_out else []
    return "Conversation, from first to last. " + "; ".join([*map(say, first), *more, *map(say, last)]) + "."


LETTER, STEP, TOP, MARGIN = 7.3, 30, 52, 70  # pixels: a letter's width, a row, above the rows, beside the lanes
INK, SOFT, CLIENT, SERVER, NOTE = "#1f2933", "#9aa5b1", "#1d5fa8", "#0b7a5b", "#9a3d12"


def svg(events) -> str:
    """The conversation as an SVG picture on a light card, so that it reads on dark pages, too."""
    lanes, rows = layout(events)
    gap = round(spread(rows, padding=8) * LETTER)
    first, left_out, last = cut(rows)
    shown = [*first, *([None] if left_out else []), *last]
    x = [MARGIN + gap * n for n in range(len(lanes))]
    wide, high = x[-1] + MARGIN, TOP + STEP * len(shown) + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        f'font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="12">',
        f'<rect x="0.5" y="0.5" width="{wide - 1}" height="{high - 1}" rx="8" fill="#ffffff" stroke="#d3dae1"/>',
    ]
    for name, at in zip(lanes, x, strict=True):
        colour = SERVER if name == "server" else CLIENT
        parts.append(
            f'<line x1="{at}" y1="36" x2="{at}" y2="{high - 10}" stroke="{SOFT}"/>'
            f'<rect x="{at - 46}" y="12" width="92" height="24" rx="5" fill="#ffffff" stroke="{colour}"/>'
            f'<text x="{at}" y="28" text-anchor="middle" font-weight="bold" fill="{colour}">{name}</text>'
        )
    for n, row in enumerate(shown):
        y = TOP + STEP * n + 16
        parts.append(svg_row(row, x, y) if row else svg_text((x[0] + x[-1]) / 2, y, f"... {left_out:,} more ...", INK))
    return "".join([*parts, "</svg>"])


def svg_row(row: Row, x: list[int], y: int) -> str:
    """One message as an arrow with its text above, or one note beside a dot."""
    start, end = x[row.source], x[row.target]
    if start == end:
        dot = f'<circle cx="{start}" cy="{y - 5}" r="4" fill="{NOTE}"/>'
        return dot + svg_text(start - 10, y - 1, row.text, NOTE, "end")
    direction = 1 if end > start else -1
    tip = end - direction
    return (
        f'<line x1="{start}" y1="{y}" x2="{tip - 7 * direction}" y2="{y}" stroke="{INK}" stroke-width="1.4"/>'
        f'<path d="M{tip} {y} l{-8 * direction} -4 v8 z" fill="{INK}"/>'
        + svg_text((start + end) / 2, y - 6, row.text, INK)
    )


def svg_text(x: float, y: int, words: str, colour: str, anchor: str = "middle") -> str:
    """Text that stays readable where it crosses a lane."""
    return (
        f'<text x="{x:g}" y="{y}" text-anchor="{anchor}" fill="{colour}" '
        f'stroke="#ffffff" stroke-width="4" paint-order="stroke" xml:space="preserve">'
        f"{escape(words, quote=False)}</text>"
    )


def html(events) -> str:
    """The picture as an `<img>` that carries everything in itself, with its alternative text."""
    if not events:
        return f"<p>{NOTHING}</p>"
    data = b64encode(svg(events).encode()).decode()
    return f'<img alt="{escape(description(events))}" src="data:image/svg+xml;base64,{data}">'
