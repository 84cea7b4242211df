"""What can be done about a result that is not whole: stop it, go on with its cursor, or run its statement again."""

from __future__ import annotations

from alveary_plugins.panels.results.foot import Offer
from alveary_plugins.panels.results.front import Front
from alveary_plugins.panels.results.model import Entry, counted, duration, first_line
from alveary_shell.sdk import StatementQueued


class Continuing:
    """Offers what there is to be done, and does it."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def offers(self, entry: Entry) -> list[Offer]:
        """Return what can be done about how a result stands."""
        if entry.arranging is not None:
            return [Offer("Cancel", entry.arranging.cancel)]
        if entry.running:
            return [Offer("Cancel", entry.statement.cancel)]
        if (error := entry.error) is not None and entry.statement.rows:
            return [Offer("Show the error", lambda: self._front.window.show_error(error))]
        if entry.held:
            following = [Offer(f"Next {entry.page:,}", lambda: self.fetch(entry, entry.page))] if entry.page else []
            return [Offer("Fetch all", lambda: self.fetch(entry)), *following]
        return [Offer("Run again…", lambda: self.run_again(entry))] if entry.can_run_again else []

    def fetch(self, entry: Entry, rows: int | None = None) -> None:
        """Take so many more rows, or all, from the cursor that is open; CursorClosedError if it is not any more."""
        entry.statement.fetch_more(rows)
        entry.started = None  # it waits for its turn again
        self._front.refresh()

    def run_again(self, entry: Entry) -> Entry | None:
        """Run a statement again, this time for all its rows, if a person agrees; return what takes its place."""
        statement = entry.statement
        known = f"It took {duration(statement.seconds)} for {counted(statement.rows, 'row')}. {first_line(entry)}"
        changes = "" if entry.reads else " It may change something once more."
        if not self._front.window.confirm(
            f"Run this statement again, for all its rows?{changes}", detail=known, yes="Run again"
        ):
            return None
        window, model = self._front.window, self._front.model
        clearance = entry.session.clear([statement.sql])
        statement = entry.session.execute(statement.sql, clearance=clearance)
        new = model.replaced(entry, statement)
        window.announce(StatementQueued(self._front.place, entry.session, statement, -1))
        model.choose(new.key)
        self._front.refresh()
        return new
