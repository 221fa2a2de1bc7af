"""A conversation drawn as a sequence diagram: one upright line for each side, time going down.

As `html` it is an SVG picture inside an `<img>`, which JupyterLab shows in notebooks that are not trusted, too, and
nbconvert keeps. As `text` it is the same in plain characters.
"""

import math
import re
import unicodedata
from base64 import b64encode
from dataclasses import dataclass, replace
from html import escape
from itertools import repeat

MAX_ROWS = 60  # a longer conversation shows its first and last rows, and says how many are left out
TAIL = 15
COLUMNS = 140  # of a note in plain characters: on one line, if possible, whoever looks for its words finds them
MIN_GAP = 32  # letters between two lanes, at least

BREAKS = (  # where a line may end: the last resort is anywhere, but not within \x00
    re.compile(r"(?<=\s)(?=\S)"),
    re.compile(r"(?<=[/,;:&?=_])|(?=[(.])"),
    re.compile(r"(\\(?:x..|u.{4}|U.{8}|.)|.)", re.DOTALL),
)

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
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fold(words: str, limit: int) -> list[str]:
    """`words` in as few lines as they need if a line has `limit` columns, and these about equally long.

    Nothing is lost: together, the lines are `words`. A space at the end of a line does not count.
    """
    lines = fill(words, limit)
    longest = max(map(width, words.split()), default=0)
    for less in range(max(longest, width(words) // len(lines)), limit):
        narrower = fill(words, less)
        if len(narrower) == len(lines):
            return narrower
    return lines


def fill(words: str, limit: int) -> list[str]:
    """`words` in lines, each as full as it gets. Only a word that is longer than a line is broken."""
    lines = [""]

    def add(part: str, *breaks: re.Pattern) -> None:
        if width((lines[-1] + part).rstrip()) <= limit:
            lines[-1] += part
        elif width(part.rstrip()) > limit and breaks:
            for piece in filter(None, breaks[0].split(part)):
                add(piece, *breaks[1:])
        else:
            lines.append(part)

    add(words, *BREAKS)
    return lines


def spread(rows: list[Row], padding: int) -> int:
    """The distance between two lanes, in letters, at which every row's text fits."""
    lanes_crossed = [abs(row.source - row.target) or 1 for row in rows]
    return max([MIN_GAP, *(-(-(width(row.text) + padding) // n) for row, n in zip(rows, lanes_crossed, strict=True))])


def text(events) -> str:
    """The conversation in plain characters."""
    if not events:
        return NOTHING
    lanes, rows = layout(events)
    gap = spread([part for row in rows for part in parts(row)], padding=10)
    column = [6 + gap * n for n in range(len(lanes))]
    head = ""
    for name, at in zip(lanes, column, strict=True):
        head = head.ljust(at - len(name) // 2) + name
    first, left_out, last = cut(rows)
    lines = [head]
    lines += [line for row in first for line in text_rows(row, column)]
    if left_out:
        lines.append(f"      ... {left_out:,} more ...")
    lines += [line for row in last for line in text_rows(row, column)]
    return "\n".join(lines)


def parts(row: Row) -> list[Row]:
    """The row, in plain characters: a note that is very long takes several."""
    if row.source != row.target:
        return [row]
    return [replace(row, text=line.rstrip()) for line in fold(row.text, COLUMNS)]


def text_rows(row: Row, column: list[int]) -> list[str]:
    """The row as lines. What a note says is one thing, so it has one `*`."""
    first, *more = parts(row)
    return [text_row(first, column), *(text_row(part, column, mark="|") for part in more)]


def text_row(row: Row, column: list[int], mark: str = "*") -> str:
    """One line: the lanes as `|`, the message as an arrow between two of them, a note left of its mark."""
    line = [" "] * (column[-1] + 1)
    for at in column:
        line[at] = "|"
    left, right = sorted((column[row.source], column[row.target]))
    if row.source == row.target:
        line[right] = mark
        words, start = f" {row.text} ", right - width(row.text) - 2
    else:
        inside = right - left - 1
        words = f"--- {row.text} ".ljust(inside - (width(row.text) - len(row.text)), "-")
        words = words[:-1] + ">" if row.source < row.target else "<" + words[1:]
        start = left + 1
    # One character a place; a wide one swallows the place behind it.
    line[start : start + width(words)] = list(words)
    return "".join(line).rstrip()


def description(lanes: list[str], rows: list[Row]) -> str:
    """The conversation in sentences, for those who cannot see the picture."""
    first, left_out, last = cut(rows)

    def say(row: Row) -> str:
        if row.source == row.target:
            return f"in the server: {row.text}"
        return f"{lanes[row.source]} to {lanes[row.target]}: {row.text}"

    more = [f"{left_out:,} more"] if left_out else []
    return "Conversation, from first to last. " + "; ".join([*map(say, first), *more, *map(say, last)]) + "."


# Pixels, all of them. Text is measured by counting letters, never by a font: one run draws the same everywhere.
WIDE = 700  # a picture at most, so that it fits into the column of a page, and beside JupyterLab's list of files
LETTER = 7.3  # a letter, at most, in the fonts that the picture names
STEP, LEAD = 30, 15  # from row to row; from line to line in one row
TOP, MARGIN = 38, 58  # above the rows; beside the lanes
BOX = 92  # around a lane's name, where there is room
NEAR, INSIDE = 10, 8  # from a lane to a note's box; from the box to its text
NOTE_ROOM, LABEL_ROOM = 230, 130  # at least: where lanes are nearer to each other than that, words cross them
ROOMY, TIGHT = 58, 24  # what an arrow is longer than its text, where there is room, and where there is none
LINE = 52  # letters in a line of a note or a label, at most: longer ones are hard to read

INK, SOFT, CLIENT, SERVER, NOTE, PAPER = "#1f2933", "#9aa5b1", "#1d5fa8", "#0b7a5b", "#9a3d12", "#fdf3ec"


def longest_line(lines: list[str]) -> float:
    """How wide these lines are at most, in pixels."""
    return LETTER * max(width(line.rstrip()) for line in lines)


def place(lanes: list[str], rows: list[Row]) -> tuple[list[int], list[list[str]]]:
    """Where each lane stands, and each row's text in lines that fit there.

    Lanes stand as far apart as the rows ask for, but no further than the picture may be wide. Only where there are
    so many that their names would touch does the picture get wider: with more than eight clients.
    """
    narrowest = math.ceil(LETTER * max(map(len, lanes))) + 14
    widest = max((WIDE - 2 * MARGIN) // (len(lanes) - 1), narrowest)
    texts = [fold(row.text, min(LINE, int(room(row, widest) / LETTER))) for row in rows]
    gap = min(widest, max([math.ceil(MIN_GAP * LETTER), *map(gap_for, rows, texts)]))
    return [MARGIN + gap * n for n in range(len(lanes))], texts


def room(row: Row, gap: int) -> int:
    """How wide a row's text may be, where lanes are `gap` apart."""
    if row.source == row.target:
        return max(gap, min(NOTE_ROOM, gap * row.source)) - 2 * (NEAR + INSIDE)
    return max(gap * abs(row.source - row.target) - TIGHT, LABEL_ROOM)


def gap_for(row: Row, lines: list[str]) -> int:
    """How far apart the lanes should be for a row's text."""
    if row.source == row.target:
        return math.ceil(longest_line(lines)) + 2 * (NEAR + INSIDE)
    return math.ceil((longest_line(lines) + ROOMY) / abs(row.source - row.target))


def svg(lanes: list[str], rows: list[Row]) -> str:
    """The conversation as an SVG picture on a light card, so that it reads on dark pages, too."""
    first, left_out, last = cut(rows)
    x, texts = place(lanes, [*first, *last])
    y, drawn = TOP, []
    for n, (row, lines) in enumerate(zip([*first, *last], texts, strict=True)):
        if left_out and n == len(first):
            y += STEP
            drawn.append(svg_label((x[0] + x[-1]) / 2, y + 7, [f"... {left_out:,} more ..."]))
        y += STEP + LEAD * (len(lines) - 1)
        drawn.append(svg_note(x[row.source], y, lines) if row.source == row.target else svg_arrow(row, x, y, lines))
    wide, high = x[-1] + MARGIN, y + 28
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
            f'font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="12">',
            f'<rect x="0.5" y="0.5" width="{wide - 1}" height="{high - 1}" rx="8" fill="#ffffff" stroke="#d3dae1"/>',
            *map(svg_lane, lanes, x, repeat(min(BOX, x[1] - x[0] - 6)), repeat(high - 10)),
            *drawn,
            "</svg>",
        ]
    )


def svg_lane(name: str, x: int, box: int, end: int) -> str:
    """One side of the conversation: its name in a box, and its line downwards."""
    colour = SERVER if name == "server" else CLIENT
    return (
        f'<line x1="{x}" y1="36" x2="{x}" y2="{end}" stroke="{SOFT}"/>'
        f'<rect x="{x - box / 2:g}" y="12" width="{box}" height="24" rx="5" fill="#ffffff" stroke="{colour}"/>'
        f'<text x="{x}" y="28" text-anchor="middle" font-weight="bold" fill="{colour}">{name}</text>'
    )


def svg_note(x: int, y: int, lines: list[str]) -> str:
    """What stayed in the server: a dot on its line, and beside it a box with the words."""
    wide, high = math.ceil(longest_line(lines)) + 2 * INSIDE, LEAD * len(lines) + 6
    left, top = x - NEAR - wide, y + 3 - high
    return (
        f'<circle cx="{x}" cy="{top + high / 2:g}" r="4" fill="{NOTE}"/>'
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" rx="5" fill="{PAPER}"/>'
        + svg_text(left + INSIDE, y - 3, lines, NOTE, "start")
    )


def svg_arrow(row: Row, x: list[int], y: int, lines: list[str]) -> str:
    """One message: an arrow, and above it the words."""
    start, end = x[row.source], x[row.target]
    direction = 1 if end > start else -1
    tip = end - direction
    return (
        svg_label((start + end) / 2, y, lines)
        + f'<line x1="{start}" y1="{y}" x2="{tip - 7 * direction}" y2="{y}" stroke="{INK}" stroke-width="1.4"/>'
        f'<path d="M{tip} {y} l{-8 * direction} -4 v8 z" fill="{INK}"/>'
    )


def svg_label(x: float, y: int, lines: list[str]) -> str:
    """Words above `y`, on white, so that a lane that they cross does not look like a letter of theirs."""
    wide, high = math.ceil(longest_line(lines)) + 8, LEAD * len(lines)
    behind = f'<rect x="{x - wide / 2:g}" y="{y - 4 - high}" width="{wide}" height="{high}" fill="#ffffff"/>'
    return behind + svg_text(x, y - 7, lines, INK, "middle")


def svg_text(x: float, y: int, lines: list[str], colour: str, anchor: str) -> str:
    """Lines of text, the last of them at `y`."""
    first = y - LEAD * (len(lines) - 1)
    return "".join(
        f'<text x="{x:g}" y="{first + LEAD * n}" text-anchor="{anchor}" fill="{colour}" xml:space="preserve">'
        f"{escape(line.rstrip(), quote=False)}</text>"
        for n, line in enumerate(lines)
    )


def html(events) -> str:
    """The picture as an `<img>` that carries everything in itself, with its alternative text."""
    if not events:
        return f"<p>{NOTHING}</p>"
    return image(*layout(events))


def image(lanes: list[str], rows: list[Row]) -> str:
    """The picture of what these rows say, as an `<img>`."""
    data = b64encode(svg(lanes, rows).encode()).decode()
    return f'<img alt="{escape(description(lanes, rows))}" src="data:image/svg+xml;base64,{data}">'
