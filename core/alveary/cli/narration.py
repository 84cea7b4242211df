"""What the command line says on standard error while a command runs: errors, truncation, notices; more to a person."""

from __future__ import annotations

import sys
from collections.abc import Callable

from alveary.errors import AlvearyError, ErrorRecord
from alveary.events import (
    CancelStepTaken,
    Event,
    JobNoticed,
    JobProgressed,
    Outcome,
    ScriptStatementEnded,
    SecretUnavailable,
    SessionOpened,
    SettingsUnread,
    StatementsUnrecorded,
)
from alveary.tables import visible

_DONE = {
    "insert": "inserted",
    "replace": "inserted",
    "update": "updated",
    "delete": "deleted",
    "merge": "merged",
}


class Narration:
    """Listens to the bus and writes to standard error. Unless a person reads it, only what must not be missed."""

    def __init__(
        self, failure_text: Callable[[ErrorRecord], str], *, data_on_terminal: bool, errors_as_data: bool = False
    ) -> None:
        """``failure_text`` says how an error is told; ``errors_as_data`` that a script reads it, and nothing else."""
        self._failure_text = failure_text
        self._personal = sys.stderr.isatty()
        self._tells_steps = self._personal or not errors_as_data
        # A moving line would only get between rows that scroll by on the same terminal.
        self._progress = self._personal and not data_on_terminal
        self._line_shown = False
        self._downgrade_told = False
        self._unread: ErrorRecord | None = None

    def unread(self, error: ErrorRecord) -> None:
        """Note why the settings could not be read: told at the end, unless something else tells it before."""
        self._unread = error

    def hear(self, event: Event) -> None:
        """Take an event, on the bus's thread."""
        if isinstance(event, ScriptStatementEnded):
            self._statement(event)
        elif isinstance(event, StatementsUnrecorded):
            lost = "not recorded in the history"
            if self._unread is not None and self._unread.message == event.error.message:
                self._unread = None
                lost += ", and every setting has its default"
            self._warn(lost, event.error)
        elif isinstance(event, SettingsUnread):
            self.unread(event.error)
        elif isinstance(event, SessionOpened):
            if event.tls is not None and event.tls.downgraded and not self._downgrade_told:
                self._downgrade_told = True
                self._write("warning: the connection is not encrypted: TLS was preferred, but the server has none\n")
        elif isinstance(event, SecretUnavailable):
            self.say(f"no password for {visible(event.target)}: {visible(event.error.message)}")
        elif isinstance(event, CancelStepTaken) and self._tells_steps:
            why = f" ({visible(event.reason)})" if event.reason else ""
            self._write(f"cancel, {event.seconds:.1f} s: {event.step.sentence}{why}\n")
        elif isinstance(event, JobNoticed):
            self._write(f"notice: {visible(event.text)}\n")
        elif isinstance(event, JobProgressed) and self._progress:
            percent = "" if event.percent is None else f"{event.percent:.0f} % "
            self._line_shown = True
            sys.stderr.write(
                f"\r\x1b[K{percent}{event.done:,} {event.unit}, {event.speed:,.0f} {event.unit}/s {visible(event.item)}"
            )
            sys.stderr.flush()

    def say(self, sentence: str) -> None:
        """Tell a person something; a script is not bothered."""
        if self._personal:
            self._write(sentence + "\n")

    def end(self, error: AlvearyError | None = None) -> None:
        """Leave the line of progress empty; ``error`` is what will be told next."""
        if self._unread is not None and (error is None or error.message != self._unread.message):
            self._warn("every setting has its default", self._unread)
        self._write("")

    def _warn(self, lost: str, error: ErrorRecord) -> None:
        hint = f"; {error.hint}" if error.hint else ""
        self._write(f"warning: {lost}: {visible(error.message)}{visible(hint)}\n")

    def _statement(self, event: ScriptStatementEnded) -> None:
        for notice in event.notices:
            self._write(visible(notice) + "\n")
        if event.more_notices:
            self._write(f"{event.more_notices:,} more notices are not shown\n")
        if event.error is not None:
            if event.error.code != "output_closed":
                self._write(self._failure_text(event.error))
        elif event.outcome is Outcome.TRUNCATED:
            self._write(f"truncated: the first {_rows(event.rows)}, because of the row limit; there are more\n")
        elif event.outcome is Outcome.COMPLETED:
            self.say(f"{_count(event)} ({event.seconds:.3f} s)")

    def _write(self, text: str) -> None:
        if self._line_shown:
            sys.stderr.write("\r\x1b[K")
            self._line_shown = False
        sys.stderr.write(text)
        sys.stderr.flush()


def _count(event: ScriptStatementEnded) -> str:
    if event.has_result:
        return _rows(event.rows)
    if event.affected is None:
        return f"{event.verb} done"
    return f"{_rows(event.affected)} {_DONE.get(event.verb, 'affected')}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
