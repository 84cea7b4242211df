"""The page on which a file is imported: what it holds, what becomes of each column, a dry run, and the import."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.importing"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the page."""
    return [
        PanelSpec(
            id="importing",
            title="Import",
            factory=f"{_HERE}.view:ImportPanel",
            dock="center",
            icon="box-arrow-in-down",
            whole=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what opens it, and what is done on it."""

    def on_page(id: str, summary: str, title: str, *keys: str) -> CommandSpec:
        return CommandSpec(
            id=f"importing.{id}",
            summary=summary,
            factory=f"{_HERE}.commands:{id}",
            placement=Placement(title=title, menu="File", group=40, keys=keys, panel="importing"),
        )

    return [
        CommandSpec(
            id="importing.open",
            summary="Import a file into a table: choose it, look at it, map its columns.",
            factory=f"{_HERE}.commands:open_page",
            placement=Placement(title="Import a file…", menu="File", group=40, icon="box-arrow-in-down"),
        ),
        CommandSpec(
            id="importing.into-table",
            summary="Import a file into the selected table.",
            factory=f"{_HERE}.commands:into_table",
            placement=Placement(
                title="Import into this table…",
                menu="Connection",
                group=75,
                enabled="alveary_plugins.panels.catalog.commands:has_table",
            ),
        ),
        on_page("look", "Look at all of the file on this page.", "Look at all of the file", "F5"),
        on_page(
            "rehearse", "Go through the import on this page without writing anything.", "Dry run", "Ctrl+Shift+Enter"
        ),
        on_page("start", "Import the file on this page.", "Import", "Ctrl+Enter"),
        on_page("stop", "Stop the import on this page; nothing of it stays.", "Stop the import"),
    ]
