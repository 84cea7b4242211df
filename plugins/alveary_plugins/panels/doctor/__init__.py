"""Doctor: what there is to know about this installation, and how well the window keeps up."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.doctor"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="doctor",
            title="Doctor",
            factory=f"{_HERE}.view:DoctorPanel",
            dock="center",
            icon="heart-pulse",
            whole=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare the way there."""
    return [
        CommandSpec(
            id="doctor.show",
            summary="Check this installation, and show how long the window has kept anybody waiting.",
            factory=f"{_HERE}.commands:show",
            placement=Placement(title="Check this installation", menu="Help", group=30),
        )
    ]
