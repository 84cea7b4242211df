"""What the results panel offers, for the menus, the keys and the palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.contracts.setting import Value
from alveary.errors import UnknownObjectError
from alveary_shell.sdk import Window, window_of

if TYPE_CHECKING:
    from alveary_plugins.panels.results.model import Entry
    from alveary_plugins.panels.results.view import ResultsPanel


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class CopyParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which form the selected cells are copied."""

    format: Annotated[str, Meta(description="A format such as csv, json or sql.")] = "tsv"
    header: Annotated[bool, Meta(description="Copy the column names as well.")] = False


class SaveParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rows go; a person is asked for what is not given."""

    path: Annotated[str | None, Meta(description="File to write.")] = None
    format: Annotated[str | None, Meta(description="Format, if not the one of the file's ending.")] = None
    options: Annotated[
        dict[str, Value], Meta(description="Options of the format by their names.", extra={"flags": ["--option"]})
    ] = {}
    selection: Annotated[bool, Meta(description="Save the selected cells only.")] = False
    rows: Annotated[
        Literal["fetched", "rest", "again"] | None,
        Meta(
            description="Where the row limit cut the result short: save the rows that are there, fetch the rest by the "
            "same cursor first, or run the statement again for all."
        ),
    ] = None


class FetchParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many more rows are fetched."""

    rows: Annotated[int, Meta(ge=1, description="How many; as many as at first, if none are given.")] | None = None


class SortParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which column to sort by; the one under the cursor without a number."""

    column: Annotated[int, Meta(ge=0, description="Number of the column, from 0.")] | None = None
    more: Annotated[bool, Meta(description="Sort beside the columns before.")] = False


class ViewParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is shown at the side."""

    row: Annotated[bool, Meta(description="Show the row as a record instead of one value.")] = False


def show(context: Context, parameters: NoParameters) -> None:
    """Bring the results to the front."""
    window_of(context).open("results")


def copy(context: Context, parameters: CopyParameters) -> None:
    """Copy the selected cells."""
    _panel(context).taking.copy(parameters.format, header=parameters.header)


def copy_with_headers(context: Context, parameters: NoParameters) -> None:
    """Copy the selected cells and the names of their columns."""
    _panel(context).taking.copy(header=True)


def copy_csv(context: Context, parameters: NoParameters) -> None:
    """Copy the selected cells as CSV."""
    _panel(context).taking.copy("csv", header=True)


def copy_json(context: Context, parameters: NoParameters) -> None:
    """Copy the selected cells as JSON."""
    _panel(context).taking.copy("json", header=True)


def copy_markdown(context: Context, parameters: NoParameters) -> None:
    """Copy the selected cells as a Markdown table."""
    _panel(context).taking.copy("markdown", header=True)


def copy_insert(context: Context, parameters: NoParameters) -> None:
    """Copy the selected cells as INSERT statements."""
    _panel(context).taking.copy("sql", header=True)


def save(context: Context, parameters: SaveParameters) -> None:
    """Write the rows that are shown to a file, in the background."""
    _panel(context).taking.save(
        selection=parameters.selection,
        path=parameters.path,
        format=parameters.format,
        options=parameters.options,
        rows=parameters.rows,
    )


def save_selection(context: Context, parameters: NoParameters) -> None:
    """Write the selected cells to a file, in the background."""
    _panel(context).taking.save(selection=True)


def fetch_all(context: Context, parameters: NoParameters) -> None:
    """Fetch all rows that are left, by the cursor that is open."""
    panel = _panel(context)
    if panel.entry is not None:
        panel.continuing.fetch(panel.entry)


def fetch_next(context: Context, parameters: FetchParameters) -> None:
    """Fetch some more rows, by the cursor that is open."""
    panel = _panel(context)
    if panel.entry is not None:
        panel.continuing.fetch(panel.entry, parameters.rows or panel.entry.page or 1)


def run_again(context: Context, parameters: NoParameters) -> None:
    """Run the statement of the result in front again, for all its rows; a person is asked first."""
    panel = _panel(context)
    if panel.entry is not None:
        panel.continuing.run_again(panel.entry)


def find(context: Context, parameters: NoParameters) -> None:
    """Look for text in the rows."""
    _panel(context).searching.open()


def find_next(context: Context, parameters: NoParameters) -> None:
    """Go to the next row with a match."""
    _panel(context).searching.step(1)


def find_previous(context: Context, parameters: NoParameters) -> None:
    """Go to the row with a match before."""
    _panel(context).searching.step(-1)


def filter(context: Context, parameters: NoParameters) -> None:
    """Show the bar that says which rows are shown."""
    _panel(context).ordering.open_bar()


def sort(context: Context, parameters: SortParameters) -> None:
    """Sort by a column, then the other way round, then no longer."""
    panel = _panel(context)
    column = panel.grid.selection.column if parameters.column is None else parameters.column
    entry = panel.gridded
    if entry is not None and column >= len(entry.columns):
        raise UnknownObjectError(f"the result has no column {column}")
    panel.ordering.sort(column, parameters.more)


def pin(context: Context, parameters: NoParameters) -> None:
    """Keep the result in front when the next run comes, or no longer."""
    panel = _panel(context)
    if panel.entry is not None:
        panel.pin(panel.entry)


def close(context: Context, parameters: NoParameters) -> None:
    """Let the result in front go."""
    panel = _panel(context)
    if panel.entry is not None:
        panel.close_entries([panel.entry])


def view(context: Context, parameters: ViewParameters) -> None:
    """Show the value under the cursor, or its row, at the side."""
    panel = _panel(context)
    panel.looking.view("record" if parameters.row else "value")


def record(context: Context, parameters: NoParameters) -> None:
    """Show the row under the cursor as a record at the side."""
    _panel(context).looking.view("record")


def fit(context: Context, parameters: NoParameters) -> None:
    """Make all columns as wide as their content needs."""
    _panel(context).grid.fit_columns()


def has_result(window: Window) -> bool:
    """Return whether there is a result in front."""
    return any(entry is not None for entry in _entries(window))


def is_held(window: Window) -> bool:
    """Return whether more rows of the result in front can be fetched."""
    return any(entry is not None and entry.held for entry in _entries(window))


def is_cut(window: Window) -> bool:
    """Return whether the statement of the result in front would bring more rows if it was run again."""
    return any(entry is not None and entry.can_run_again for entry in _entries(window))


def has_rows(window: Window) -> bool:
    """Return whether rows are shown."""
    return any(cast("ResultsPanel", panel).gridded is not None for panel in window.panels("results"))


def is_focused(window: Window) -> bool:
    """Return whether rows are shown and the keyboard is with them: only then are the keys of copying theirs."""
    for panel in window.panels("results"):
        results = cast("ResultsPanel", panel)
        if results.gridded is not None and results.grid.focused:
            return True
    return False


def _entries(window: Window) -> list[Entry | None]:
    return [cast("ResultsPanel", panel).entry for panel in window.panels("results")]


def _panel(context: Context) -> ResultsPanel:
    window = window_of(context)
    panels = window.panels("results")
    return cast("ResultsPanel", panels[0] if panels else window.open("results"))
