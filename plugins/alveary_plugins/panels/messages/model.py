"""What is said about a statement, line by line, each with the role it is coloured by."""

from __future__ import annotations

import time
from dataclasses import dataclass

from alveary.events import (
    CancelStepTaken,
    Outcome,
    QueryEnded,
    QueryNoticed,
    SessionStateChanged,
    SessionUnverified,
    StatementSent,
)
from alveary.tables import visible

MOST_NOTICES = 100
"""Notices of one statement that are written out."""
MOST_STATEMENT = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and the theme's role for its text."""

    text: str
    role: str = "text"


def sent(event: StatementSent, now: float) -> list[Line]:
    """Return what to write of a statement that nobody typed."""
    first = " ".join(event.text.split()) or "(a round trip with nothing)"
    cut = first if len(first) <= MOST_STATEMENT else first[:MOST_STATEMENT] + "…"
    took = f"{event.seconds * 1000:.1f} ms" if event.error_code is None else f"failed: {event.error_code}"
    where = f"{_clock(now)}  {visible(event.connection)}  [{visible(event.origin)}]"
    return [Line(f"{where}  {visible(cut)}  · {took}", "muted" if event.error_code is None else "warning")]


class Messages:
    """Follows statements from the moment they are queued to their end."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[str, str]] = {}
        self._noticed: dict[str, int] = {}

    def queued(self, statement: str, sql: str, connection: str) -> None:
        """A statement was handed to the session on ``connection``."""
        self._texts[statement] = (sql, connection)

    def tells(self, event: StatementSent) -> bool:
        """Return whether a statement that was sent is one that was queued, which is told with its outcome."""
        return event.request in self._texts and event.origin != "driver"

    def noticed(self, event: QueryNoticed) -> list[Line]:
        """Return what to write of a notice."""
        if event.statement not in self._texts:
            return []
        count = self._noticed[event.statement] = self._noticed.get(event.statement, 0) + 1
        if count > MOST_NOTICES:
            return []
        return [Line(f"    {event.severity.lower()}: {_shown(event.message)}", "warning")]

    @staticmethod
    def cancelling(event: CancelStepTaken) -> list[Line]:
        """Return what to write of a step of a cancel."""
        why = f" ({_shown(event.reason)})" if event.reason else ""
        return [Line(f"    cancel, {event.seconds:.1f} s: {event.step.sentence}{why}", "warning")]

    def doubted(self, event: SessionUnverified, connection: str, now: float) -> list[Line]:
        """Return what to write when it is not known whether a session's connection still stands."""
        why = f"{_shown(event.reason)}; the connection is tried before anything is sent"
        return [Line(f"{_clock(now)}  {visible(connection)}  {why}", "warning")]

    def broke(self, event: SessionStateChanged, connection: str, now: float) -> list[Line]:
        """Return what to write when a session's connection was lost."""
        if event.loss is None:
            return []
        lost = f"the connection was lost: {event.loss.sentence}"
        return [Line(f"{_clock(now)}  {visible(connection)}  {lost}", "danger")]

    def ended(self, event: QueryEnded, now: float) -> list[Line]:
        """Return what to write when a statement has ended, at ``now`` in seconds since 1970."""
        if (text := self._texts.pop(event.statement, None)) is None:
            return []
        self._noticed.pop(event.statement, None)
        sql, connection = text
        first = " ".join(sql.split())
        cut = first if len(first) <= MOST_STATEMENT else first[:MOST_STATEMENT] + "…"
        lines = [Line(f"{_clock(now)}  {visible(connection)}  {visible(cut)}")]
        if event.notices > MOST_NOTICES:
            lines.append(Line(f"    {event.notices - MOST_NOTICES:,} more notices", "warning"))
        lines.append(self._outcome(event))
        if event.error is not None:
            error = event.error
            where = f" at character {error.position:,}" if error.position is not None else ""
            for word, value in (("detail", error.detail), ("hint", error.hint)):
                if value:
                    lines.append(Line(f"    {word}: {_shown(value)}", "muted"))
            codes = " · ".join(filter(None, [error.code, error.server_code]))
            lines.append(Line(f"    {codes}{where}", "muted"))
        return lines

    @staticmethod
    def _outcome(event: QueryEnded) -> Line:
        took = f"{event.seconds:.3f} s"
        if event.first_row is not None:
            took += f", first row after {event.first_row:.3f} s"
        if event.outcome is Outcome.FAILED:
            return Line(f"    failed after {took}: {_shown(event.error.message if event.error else '')}", "danger")
        if event.outcome is Outcome.CANCELLED:
            return Line(f"    cancelled after {took}", "warning")
        if event.affected is not None and not event.rows:
            return Line(f"    {event.affected:,} row{'' if event.affected == 1 else 's'} affected in {took}", "success")
        more = ", and there are more" if event.outcome is Outcome.TRUNCATED else ""
        return Line(f"    {event.rows:,} row{'' if event.rows == 1 else 's'} in {took}{more}", "success")


def _clock(now: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(now))


def _shown(text: str) -> str:
    return "\n      ".join(visible(line) for line in text.split("\n"))
