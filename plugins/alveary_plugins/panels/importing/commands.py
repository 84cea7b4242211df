"""What opens the page, and what is done on the one that is worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from alveary.commands import Context
from alveary.errors import InvalidInputError
from alveary_plugins.panels.catalog.commands import selected_table
from alveary_shell.sdk import window_of

if TYPE_CHECKING:
    from alveary_plugins.panels.importing.view import ImportPanel


class OpenParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands on the page from the start."""

    file: str | None = None
    target: str | None = None
    table: str | None = None


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


def open_page(context: Context, parameters: OpenParameters) -> None:
    """Open the page."""
    given = {name: value for name, value in msgspec.structs.asdict(parameters).items() if value is not None}
    window_of(context).open("importing", given)


def into_table(context: Context, parameters: NoParameters) -> None:
    """Open the page for the selected table."""
    window = window_of(context)
    table = selected_table(window)
    names = (table.schema.name, table.relation.name)
    path = ".".join('"' + name.replace('"', '""') + '"' for name in names)
    window.open("importing", {"target": table.schema.database.target, "table": path})


def look(context: Context, parameters: NoParameters) -> None:
    """Look at all of the file."""
    _page(context).look(whole=True)


def rehearse(context: Context, parameters: NoParameters) -> None:
    """Go through it without writing."""
    _page(context).start(dry_run=True)


def start(context: Context, parameters: NoParameters) -> None:
    """Import."""
    _page(context).start()


def stop(context: Context, parameters: NoParameters) -> None:
    """Stop what runs."""
    _page(context).stop()


def _page(context: Context) -> ImportPanel:
    active = window_of(context).active
    if active is None or active.spec.id != "importing":
        raise InvalidInputError("no import is open", hint="File, Import a file…")
    return cast("ImportPanel", active)
