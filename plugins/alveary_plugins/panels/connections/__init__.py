"""The databases: saved connections in their groups, what else is open, and below each what it holds."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.connections"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the tree, and the page a connection is described on."""
    return [
        PanelSpec(
            id="connections",
            title="Databases",
            factory=f"{_HERE}.view:ConnectionsPanel",
            dock="left",
            icon="database",
            order=10,
            open_at_start=True,
        ),
        PanelSpec(
            id="connection",
            title="New connection",
            factory=f"{_HERE}.form:ConnectionPanel",
            dock="center",
            icon="plug",
            whole=True,
        ),
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what can be done with connections in the window; each acts on what is selected in the tree."""

    def command(
        id: str,
        summary: str,
        title: str,
        group: int,
        *keys: str,
        enabled: str | None = None,
        menu: str = "Connection",
        anywhere: bool = False,
    ) -> CommandSpec:
        return CommandSpec(
            id=f"connections.{id}",
            summary=summary,
            factory=f"{_HERE}.commands:{id}",
            placement=Placement(
                title=title,
                menu=menu,
                group=group,
                keys=keys,
                # Keys that others have as well are the tree's while the keyboard is there.
                panel="connections" if keys and not anywhere else None,
                enabled=f"{_HERE}.commands:{enabled}" if enabled is not None else None,
            ),
        )

    return [
        command(
            "new",
            "Describe a new connection, to be tried and saved.",
            "New connection…",
            10,
            "Ctrl+Shift+N",
            menu="File",
            anywhere=True,
        ),
        command("go", "Put the keyboard into the tree of databases.", "Go to the databases", 5),
        command("find", "Find something in the tree of databases by its name.", "Find in the tree…", 5, "Ctrl+F"),
        command("open", "Open an editor on the selected database.", "New query here", 20, enabled="has_database"),
        command("save", "Save the selected database, which is open, as a connection.", "Save this connection…", 30,
                enabled="is_unsaved"),
        command("change", "Change what is saved of the selected connection.", "Edit connection…", 30,
                enabled="is_saved"),
        command("duplicate", "Copy the selected connection under a new name.", "Duplicate connection", 30,
                enabled="is_saved"),
        command("rename", "Give the selected connection or group another name.", "Rename…", 30, "F2",
                enabled="is_named"),
        command("move", "Put the selected connection or group into a group.", "Move to a group…", 30,
                enabled="is_named"),
        command("delete", "Remove the selected connection or group; asks before.", "Remove…", 30, "Del",
                enabled="is_named"),
        command("group", "Make a group of connections.", "New group…", 40),
        command("share", "Write the selected connection, or all, to a file, without secrets.",
                "Export connections…", 45),
        command("take", "Save the connections of a file; what could do harm is confirmed first.",
                "Import connections…", 45),
        command("check", "Connect to the selected database and tell who answers.", "Test the connection", 50,
                enabled="has_database"),
        command("disconnect", "Close every session to the selected database.", "Disconnect all its sessions", 50,
                enabled="has_sessions"),
    ]  # fmt: skip
