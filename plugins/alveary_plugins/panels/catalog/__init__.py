"""What a database holds: the lower part of the tree, and what can be done with a table that is selected there."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import Placement

_HERE = "alveary_plugins.panels.catalog"


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what can be done with a table; each acts on the selected one, unless it is told which."""

    def command(id: str, summary: str, title: str, group: int, *keys: str, enabled: str = "has_table") -> CommandSpec:
        return CommandSpec(
            id=f"catalog.{id}",
            summary=summary,
            factory=f"{_HERE}.commands:{id.replace('-', '_')}",
            placement=Placement(
                title=title,
                menu="Connection",
                group=group,
                keys=keys,
                # Keys that others have as well are the tree's while the keyboard is there.
                panel="connections" if keys else None,
                enabled=f"{_HERE}.commands:{enabled}",
            ),
        )

    return [
        command("open-table", "Open the selected table: its rows and its structure.", "Open the table", 60),
        command("first-rows", "Read the first rows of the selected table in an editor.", "First rows in an editor", 60),
        command("select", "Write a query of the selected table into an editor.", "SELECT in an editor", 70),
        command("insert", "Write an INSERT into the selected table into an editor.", "INSERT in an editor", 70),
        command(
            "definition",
            "Write the SQL that makes what is selected into an editor.",
            "DDL in an editor",
            70,
            enabled="has_definition",
        ),
        command("used-by", "Show what uses what is selected.", "What uses it", 75, enabled="has_dependencies"),
        command("uses", "Show what the selected thing uses.", "What it uses", 75, enabled="has_dependencies"),
        command(
            "copy-name", "Copy the name of what is selected, quoted.", "Copy name", 80, "Ctrl+C", enabled="has_name"
        ),
        CommandSpec(
            id="catalog.insert-name",
            summary="Put the name of a table or column at the caret, quoted.",
            factory=f"{_HERE}.commands:insert_name",
        ),
        command(
            "reveal", "Select in the tree what the page in front shows.", "Reveal in tree", 75, enabled="shows_table"
        ),
        command("refresh", "Read what is selected from the server again.", "Refresh", 80, "F5", enabled="has_tree"),
    ]
