"""Settings: a page made from what the kernel and the plugins declare."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.settings"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="settings",
            title="Settings",
            factory=f"{_HERE}.view:SettingsPanel",
            dock="center",
            icon="gear",
            whole=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare the way there."""
    return [
        CommandSpec(
            id="settings.show",
            summary="Show everything that can be set.",
            factory=f"{_HERE}.commands:show",
            placement=Placement(title="Settings", menu="File", group=90, keys=("Ctrl+,",)),
        )
    ]
