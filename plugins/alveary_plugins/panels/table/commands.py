"""What can be done with the table in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.errors import UnknownObjectError
from alveary_shell.sdk import Window, window_of

if TYPE_CHECKING:
    from alveary_plugins.panels.table.view import TablePanel


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class FilterParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rows; the keyboard goes to the filter when nothing is given."""

    where: Annotated[str | None, Meta(description="Condition in SQL, empty for all rows.")] = None


def is_reading(window: Window) -> bool:
    """Rows are being read."""
    return _front(window).is_reading


def has_next(window: Window) -> bool:
    """There is a next page."""
    page = _front(window).page
    return page is not None and page.more


def has_previous(window: Window) -> bool:
    """There is a page before."""
    return _front(window).wish.page > 0


def has_reference(window: Window) -> bool:
    """The cell under the cursor refers to another row."""
    panel = _front(window)
    return bool(panel.references_at(panel.grid.selection.column))


def reload(context: Context, parameters: NoParameters) -> None:
    """Read the page again."""
    _front(window_of(context)).reload()


def stop(context: Context, parameters: NoParameters) -> None:
    """Stop reading."""
    _front(window_of(context)).stop()


def next_page(context: Context, parameters: NoParameters) -> None:
    """Go to the next rows."""
    _front(window_of(context)).next_page()


def previous_page(context: Context, parameters: NoParameters) -> None:
    """Go to the rows before."""
    _front(window_of(context)).previous_page()


def filter(context: Context, parameters: FilterParameters) -> None:
    """Filter on the server, or put the keyboard where a filter is typed."""
    panel = _front(window_of(context))
    if parameters.where is None:
        panel.focus_filter()
    else:
        panel.set_filter(parameters.where)


def follow(context: Context, parameters: NoParameters) -> None:
    """Open the row that the cell under the cursor refers to."""
    _front(window_of(context)).follow()


def open_in_editor(context: Context, parameters: NoParameters) -> None:
    """Write the statement that is shown into an editor."""
    _front(window_of(context)).open_in_editor()


def _front(window: Window) -> TablePanel:
    from alveary_plugins.panels.table.view import TablePanel

    panel = window.active
    if not isinstance(panel, TablePanel):
        raise UnknownObjectError("no table is in front", hint="open one from the tree of databases")
    return panel
