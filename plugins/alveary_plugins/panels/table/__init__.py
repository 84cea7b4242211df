"""A table: its rows a page at a time, filtered and ordered by the server, and how it is built. Never writes."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.table"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [PanelSpec(id="table", title="Table", factory=f"{_HERE}.view:TablePanel", dock="center", icon="table")]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what can be done with the table in front."""

    def command(id: str, summary: str, title: str, group: int, *keys: str, enabled: str | None = None) -> CommandSpec:
        return CommandSpec(
            id=f"table.{id}",
            summary=summary,
            factory=f"{_HERE}.commands:{id.replace('-', '_')}",
            placement=Placement(
                title=title,
                menu="Results",
                group=group,
                keys=keys,
                panel="table",
                enabled=f"{_HERE}.commands:{enabled}" if enabled is not None else None,
            ),
        )

    return [
        command("reload", "Read the page of the table again.", "Reload the page", 70, "F5"),
        command("stop", "Stop what the table is being asked.", "Stop reading", 70, "Ctrl+.", enabled="is_reading"),
        command("next-page", "Go to the next rows of the table.", "Next page", 70, "Alt+Right", enabled="has_next"),
        command("previous-page", "Go to the rows before.", "Previous page", 70, "Alt+Left", enabled="has_previous"),
        command("filter", "Say which rows of the table are wanted, in SQL.", "Filter on the server…", 70, "Ctrl+F"),
        command("follow", "Open the row that the cell under the cursor refers to.", "Follow the foreign key", 75,
                "Ctrl+Enter", enabled="has_reference"),
        command("open-in-editor", "Write the statement that is shown into an editor.", "Statement in an editor", 75),
    ]  # fmt: skip
