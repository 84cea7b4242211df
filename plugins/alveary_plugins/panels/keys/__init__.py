"""Keys: which run which command, and a way to choose others."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.keys"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="keys",
            title="Keyboard shortcuts",
            factory=f"{_HERE}.view:KeysPanel",
            dock="center",
            icon="keyboard",
            whole=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare the way there."""
    return [
        CommandSpec(
            id="keys.show",
            summary="Show which keys run which command, and choose others.",
            factory=f"{_HERE}.commands:show",
            placement=Placement(title="Keyboard shortcuts", menu="Help", group=20),
        )
    ]
