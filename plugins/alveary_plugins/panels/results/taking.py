"""What leaves the panel: cells on the clipboard, rows in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from alveary.contracts.setting import Value
from alveary.contracts.specs import ExporterSpec
from alveary.errors import AlvearyError, InvalidInputError, QueryCancelledError, QueryError, UnknownFormatError
from alveary.events import Outcome
from alveary.formats import find_format, format_of
from alveary.saving import Format, Part
from alveary_plugins.panels.results import parts
from alveary_plugins.panels.results.continuing import Continuing
from alveary_plugins.panels.results.front import Front
from alveary_plugins.panels.results.model import Entry, counted
from alveary_plugins.panels.results.ordering import Ordering
from alveary_shell.sdk import Answer

Which: TypeAlias = Literal["fetched", "rest", "again"]
"""Which rows of a result that its limit cut short are saved: those that are there, or all, by the same cursor or by
running the statement once more."""


class Taking:
    """Copies and saves what is shown."""

    def __init__(self, front: Front, ordering: Ordering, continuing: Continuing) -> None:
        self._front, self._ordering, self._continuing = front, ordering, continuing

    def copy(self, format: str = "tsv", *, header: bool = False) -> None:
        """Put the selected cells on the clipboard."""
        front = self._front
        entry = front.gridded
        if entry is None:
            return
        ranges = front.grid.selection.clipped(len(front.grid.rows), len(entry.columns))
        if not ranges:
            return
        part = parts.selected_part(ranges)

        def done(text: str) -> None:
            safe, replaced = parts.clipboard_safe(text)
            front.window.copy(safe)
            if replaced:
                front.window.notify(
                    f"{counted(replaced, 'character')} can't stand on a clipboard and were replaced",
                    "warning",
                    detail="NUL and bytes that are no UTF-8; a file keeps them.",
                )
            elif not front.grid.selection.single:
                front.window.notify(f"Copied {part.count(1 << 62):,} × {len(part.columns or ()):,} cells")

        wanted = self.format(format, header=header)
        if wanted.binary:
            raise InvalidInputError(f"{format} is no text, which a clipboard holds", hint="save it to a file instead")
        work = parts.copying(entry.source(), entry.columns, part, wanted, entry.origin)
        front.window.background("Copying cells", work, done)

    def copy_names(self) -> None:
        """Put the names of the selected columns on the clipboard."""
        front = self._front
        if (entry := front.gridded) is not None:
            ranges = front.grid.selection.clipped(max(len(front.grid.rows), 1), len(entry.columns))
            columns = parts.selected_part(ranges).columns or ()
            front.window.copy(", ".join(entry.columns[column].name for column in columns))

    def save(
        self,
        *,
        selection: bool = False,
        path: str | None = None,
        format: str | None = None,
        options: Mapping[str, Value] | None = None,
        rows: Which | None = None,
    ) -> None:
        """Write the rows to a file, those that are shown or the selected cells; a person is asked for what is not said.

        ``rows`` says which, where the row limit cut the result short.
        """
        window, entry = self._front.window, self._front.gridded
        if entry is None:
            return
        part = Part()
        if selection:
            ranges = self._front.grid.selection.clipped(len(self._front.grid.rows), len(entry.columns))
            part, rows = parts.selected_part(ranges), "fetched"
        elif entry.statement.outcome is not Outcome.TRUNCATED:
            rows = "fetched"
        if rows is None and (rows := self._which(entry)) is None:
            return
        if path is None:
            title = "Save the selected cells" if selection else "Save the rows"
            path = window.ask_file(save=True, title=title, name="result.csv", endings=self._endings())
        if path is None:
            return
        wanted, file = self.format(format or self._format_of(path), options=options), path
        if rows == "fetched":
            self._write(entry, part, wanted, file, waits=not selection and entry.arrangement is None)
            return
        if rows == "rest":
            self._continuing.fetch(entry)
        elif (again := self._continuing.run_again(entry)) is not None:
            entry = again
        else:
            return
        whole = entry
        self._ordering.when_settled(whole, lambda: self._write_whole(whole, wanted, file))

    def format(self, format: str, *, header: bool = True, options: Mapping[str, Value] | None = None) -> Format:
        """Return a format by its name; UnknownFormatError, or MissingPackageError that says what it needs."""
        return format_of(find_format(self._front.window.kernel.plugins.exporters, format), options, header=header)

    def _which(self, entry: Entry) -> Which | None:
        """Ask which rows of a result that was cut short are to be saved."""
        count = counted(entry.statement.rows, "row")
        choices: dict[Which, Answer] = {
            "fetched": Answer(f"The {count} that are here", "Nothing is sent to the server."),
            "rest": Answer(
                "All rows: fetch the rest first",
                "The same cursor goes on; the statement is not run again."
                if entry.held
                else "Not to be had any more: the cursor is closed.",
                enabled=entry.held,
            ),
            "again": Answer(
                "All rows: run the statement again",
                "It takes its time once more, and may bring other rows."
                if entry.can_run_again
                else "Not to be had: the values of its parameters are not kept.",
                enabled=entry.can_run_again,
            ),
        }
        chosen = self._front.window.ask_choice(
            f"Only the first {count} were fetched. Which rows are to be saved?", list(choices.values())
        )
        return None if chosen is None else list(choices)[chosen]

    def _write_whole(self, entry: Entry, format: Format, path: str) -> None:
        statement = entry.statement
        if statement.outcome is Outcome.COMPLETED:
            self._write(entry, Part(), format, path, waits=False)
            return
        why = statement.error.message if statement.error is not None else entry.summary()
        self._front.window.show_error(QueryError("the file was not written: not all rows came", detail=why))

    def _write(self, entry: Entry, part: Part, format: Format, path: str, *, waits: bool) -> None:
        window, name = self._front.window, Path(path).name
        cut = entry.statement.outcome is Outcome.TRUNCATED and part == Part()

        def done(rows: int) -> None:
            window.notify(
                f"Saved {counted(rows, 'row')} to {name}",
                "warning" if cut else "success",
                detail="There are more on the server." if cut else None,
            )

        def failed(error: AlvearyError) -> None:
            if not isinstance(error, QueryCancelledError):
                error.hint = parts.without_options(error.hint)
                window.show_error(error, title=f"{name} was not written")

        work = parts.saving(entry.source(), part, format, entry.origin, path, entry.statement if waits else None)
        window.background(f"Saving {name}", parts.checked(window.kernel.refuse_replacing, path, work), done, failed)

    def _endings(self) -> dict[str, str]:
        endings = {spec.id.upper(): spec.extensions[0] for spec in self._exporters() if spec.extensions}
        return {"CSV": ".csv", **endings}

    def _exporters(self) -> list[ExporterSpec]:
        return list(self._front.window.kernel.plugins.exporters)

    def _format_of(self, path: str) -> str:
        ending = Path(path).suffix.lower()
        for spec in self._exporters():
            if ending in spec.extensions:
                return spec.id
        known = ", ".join(self._endings().values())
        raise UnknownFormatError(f"no format goes by the ending {ending or 'of that name'}", hint=f"endings: {known}")
