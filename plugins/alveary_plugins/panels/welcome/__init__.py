"""The first page: where to begin when nothing is open."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.welcome"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="welcome",
            title="Welcome",
            factory=f"{_HERE}.view:WelcomePanel",
            dock="center",
            icon="house",
            open_at_start=True,
            whole=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what the page offers, for the menus and the palette, too."""
    return [
        CommandSpec(
            id="welcome.show",
            summary="Show the page to begin from.",
            factory=f"{_HERE}.commands:show",
            placement=Placement(title="Welcome", menu="Help", group=10),
        ),
        CommandSpec(
            id="welcome.open-sample",
            summary="Make the sample database and open an editor on it.",
            factory=f"{_HERE}.commands:open_sample",
            placement=Placement(title="Open the sample database", menu="File", group=30),
        ),
        CommandSpec(
            id="welcome.open-database",
            summary="Open a database file in an editor.",
            factory=f"{_HERE}.commands:open_database",
            placement=Placement(title="Open database file…", menu="File", group=30),
        ),
        CommandSpec(
            id="welcome.new-database",
            summary="Make a new SQLite database and open an editor on it.",
            factory=f"{_HERE}.commands:new_database",
            placement=Placement(title="New database file…", menu="File", group=30),
        ),
        CommandSpec(
            id="welcome.open-url",
            summary="Open an editor on the database a URL leads to.",
            factory=f"{_HERE}.commands:open_url",
            placement=Placement(title="Open URL…", menu="File", group=30, keys=("Ctrl+L",)),
        ),
    ]
