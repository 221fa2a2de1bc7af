"""The report: what was found, as text, in a notebook, and for machines."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from wslab.examination.clients import CLIENTS, Seen
from wslab.examination.findings import LATE, Finding, Findings, Harm, Kind
from wslab.examination.visit import Outcome

MANY = 8  # clients that a finding names; the table has the others
NOT_FRESH = "no fresh process was possible"


@dataclass(frozen=True)
class Row:
    """What one client did and what came of it."""

    client: str
    did: str
    seen: str
    findings: tuple[Finding, ...]  # what it met; the one that is most likely the cause of the others comes first

    @property
    def problem(self) -> Finding | None:
        """What went wrong, if anything did."""
        return next((finding for finding in self.findings if not finding.is_note), None)

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.problem is None


class CheckupFailed(AssertionError):
    """Raised by `Report.raise_for_failures()`; its message is the findings and the failed rows."""


class Report:
    """What was found, the worst first, and below it a table, one row a client."""

    def __init__(
        self,
        rows: Sequence[Row],
        findings: Iterable[Finding] = (),
        not_run: Sequence[str] = (),
        why_not: str = "",
        unanswered: Sequence[str | bytes] = (),
        answers: bool = True,
        steady: bool = True,
        no_room: bool = False,
        after: str = "",
    ):
        self.rows = tuple(rows)
        self.findings = tuple(findings)
        self.unanswered = tuple(unanswered)  # messages that the endpoint does not answer
        self.answers = answers  # whether it answers any; else no client expected an answer
        self.steady = steady  # in a room, others always hear what one says; else it is not held against anybody
        self.no_room = no_room  # it was said to be a room, and nobody heard what another said
        self.after = after  # the client with which the app was not fresh any more, and no other one was possible
        self.not_run = tuple(not_run)  # names of clients that were left out
        self.why_not = why_not

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows of the clients that something went wrong with."""
        return tuple(row for row in self.rows if not row.ok)

    @property
    def ok(self) -> bool:
        """Whether nothing was found but notes."""
        return all(finding.is_note for finding in self.findings)

    def raise_for_failures(self) -> None:
        """For tests: raise `CheckupFailed` if anything went wrong."""
        if not self.ok:
            raise CheckupFailed("\n" + "\n".join([*self._found(), *table(self.failed)]))

    def as_json(self) -> str:
        """The findings and the rows for machines."""
        rows = [
            {
                "client": row.client,
                "ok": row.ok,
                "did": row.did,
                "seen": row.seen,
                "meaning": row.problem.meaning if row.problem else "",
                "lesson": row.problem.lesson if row.problem else "",
            }
            for row in self.rows
        ]
        findings = [
            {
                "harm": finding.harm.name.lower(),
                "seen": finding.seen,
                "place": finding.place,
                "also": finding.also,
                "likewise": [
                    {"seen": it.seen, "place": it.place, "also": it.also, "meaning": it.meaning, "lesson": it.lesson}
                    for it in finding.likewise
                ],
                "endpoint": finding.whose or "the client's own",
                "meaning": finding.meaning,
                "lesson": finding.lesson,
                "came_of_it": finding.hurts,
                "clients": finding.clients,
                "tries": finding.tries,
                "after": finding.after,
            }
            for finding in self.findings
        ]
        unanswered = [repr(message) if isinstance(message, bytes) else message for message in self.unanswered]
        report = {
            "ok": self.ok,
            "findings": findings,
            "rows": rows,
            "not_run": self.not_run,
            "unanswered": unanswered,
            "not_fresh_after": self.after,
            "proves_little": not self.answers,
            "no_room": self.no_room,
            "steady": self.steady,
            "why_not_run": self.why_not,
        }
        return json.dumps(report, indent=2)

    def __str__(self) -> str:
        return "\n".join([*self._first(), *self._found(), *table(self.rows), self._summary()])

    def _first(self) -> list[str]:
        """What the reader must know before anything else."""
        if self.answers:
            return []
        return [
            "This proves little: the endpoint answered nothing. If it should, give it a message that it answers",
            "(`say`), or more time (`patience`); if it speaks when something happens, say what makes it (`trigger`).",
            "",
        ]

    def _found(self) -> list[str]:
        """The findings, each in some lines."""
        lines = []
        for number, finding in enumerate(self.findings, 1):
            lines.append(f"{number}. {finding.harm.title}: {headline(finding)}")
            lines += [f"   {line}" for line in details(finding)]
        return [*lines, ""] if lines else []

    def _summary(self) -> str:
        well = f"{len(self.rows) - len(self.failed)} of {len(self.rows)} clients were served well."
        if self.not_run:
            well += f" Not run, since {self.why_not}: {', '.join(self.not_run)}."
        if self.after:
            well += f" Whoever came after {self.after!r} may have met what that one had left behind: {NOT_FRESH}."
        if not self.steady:
            well += " Others hear only now and then what one says, so that they do not is no finding."
        if self.no_room:
            well += " `room` was given, but nobody hears what another says: it was looked at as if it were none."
        if self.unanswered:
            well += f" Not answered: {', '.join(map(repr, self.unanswered))}."
        return well

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        def line(tag: str, *cells: str) -> str:
            return "<tr>" + "".join(f'<{tag} style="text-align: left">{cell}</{tag}>' for cell in cells) + "</tr>"

        def row(row: Row) -> str:
            client = f"<b>{escape(row.client)}</b><br>{escape(row.did)}"
            return line("td", "ok" if row.ok else "<b>FAIL</b>", client, escape(row.seen))

        first = f"<p>{escape(' '.join(self._first()))}</p>" if self._first() else ""
        found = "".join(
            f"<li><b>{escape(finding.harm.title)}:</b> {escape(headline(finding))}<br>"
            + "<br>".join(map(escape, details(finding)))
            + "</li>"
            for finding in self.findings
        )
        rows = f"<table>{line('th', '', 'the client', 'seen')}{''.join(map(row, self.rows))}</table>"
        html = f"{first}{f'<ol>{found}</ol>' if found else ''}{rows}<p>{escape(self._summary())}</p>"
        return {"text/html": html, "text/plain": str(self)}


def headline(finding: Finding) -> str:
    """What was seen, and where."""
    whose = f" ({finding.whose} endpoint)" if finding.whose else ""
    at = f", {'in' if finding.place.startswith('`') else 'at'} {finding.place}" if finding.place else ""
    return f"{finding.seen}{at}{whose}"


def details(finding: Finding) -> list[str]:
    """What it means, what came of it, and who met it."""
    lines = meaning(finding)
    for another in finding.likewise:
        lines += [f"Likewise: {headline(another)}", *meaning(another)]
    if finding.hurts:
        lines.append(f"What came of it: {'; '.join(finding.hurts)}.")
    often = {client: f" (in {n} of {m} tries)" for client, (n, m) in finding.tries.items()}
    met_by = [client + often.get(client, "") for client in finding.clients]
    more = f", and {len(met_by) - MANY} more" if len(met_by) > MANY else ""
    lines.append(f"Met by: {', '.join(met_by[:MANY])}{more}.")
    if finding.after:
        lines.append(f"Perhaps only because of what {finding.after!r} had left behind: {NOT_FRESH}.")
    return lines


def meaning(finding: Finding) -> list[str]:
    """What it means, and where else."""
    lines = [finding.meaning + (f" (lesson {finding.lesson})" if finding.lesson else "")]
    if finding.also:
        lines.append(f"The same at {'; '.join(finding.also[:3])}{' ...' if len(finding.also) > 3 else ''}.")
    return lines


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as lines of text."""
    width = max((len(row.client) for row in rows), default=0)
    return [f"{'ok  ' if row.ok else 'FAIL'}  {row.client:<{width}}  {row.seen}" for row in rows]


def report(outcomes: Sequence[Outcome], *about) -> Report:
    """The report on these visits. about: the rest of what `Report` takes."""
    findings, rows = Findings(), []
    for outcome in outcomes:
        findings.add(outcome.client, outcome.signs, outcome.after)
    if any(CLIENTS[outcome.client].wrong_kind for outcome in outcomes):  # else it is not known how others end
        for finding in findings:
            finding.only_if_cancelled()
    for outcome in outcomes:
        met = sorted((finding for finding in findings if outcome.client in finding.clients), key=rank)
        problem = next((finding for finding in met if not finding.is_note), None)
        places = (problem.place, *problem.also) if problem else ()
        own = [s.seen for s in outcome.signs if problem and (s.key == problem.key or str(s.spot) in places)]
        seen = own[0] if own else in_words(outcome.seen)
        rows.append(Row(outcome.client, CLIENTS[outcome.client].client.__doc__, seen, tuple(met)))
    after = next((outcome.after for outcome in outcomes if outcome.after), "")
    return Report(rows, findings, *about, after=after)


def rank(finding: Finding) -> tuple:
    """The finding of a visit that is most likely the cause of the others comes first."""
    first = finding.kind in (Kind.BLOCKED, Kind.STOOD_STILL, Kind.DEAD)
    return (not first, finding.harm is Harm.NOTE, finding.kind in LATE, finding.harm)


def in_words(seen: Seen) -> str:
    """What a client saw."""
    if seen.refused is not None:
        return f"refused: HTTP {seen.refused}" if seen.refused else "no answer to its handshake"
    parts = [f"{seen.answers:,} answer{'s' if seen.answers > 1 else ''}"] if seen.answers else []
    parts.append("gone" if seen.code is None else f"closed with {seen.code}")
    return ", ".join(parts)
