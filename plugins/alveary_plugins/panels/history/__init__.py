"""History: every statement that was run, to be found again."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.history"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="history",
            title="History",
            factory=f"{_HERE}.view:HistoryPanel",
            dock="bottom",
            icon="clock-history",
            order=70,
            open_at_start=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare the way there."""
    return [
        CommandSpec(
            id="history.find",
            summary="Find a statement that was run before.",
            factory=f"{_HERE}.commands:find",
            placement=Placement(title="Find in history", menu="Query", group=80, keys=("Ctrl+Alt+H",)),
        )
    ]
