"""A clock for Alveary's window."""

from alveary import CommandSpec, PanelSpec, Placement, hookimpl


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(id="clock", title="Clock", factory="alveary_panel_clock.view:ClockPanel", dock="right", icon="clock")
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare a command that opens it, with keys of its own."""
    return [
        CommandSpec(
            id="clock.show",
            summary="Show the clock.",
            factory="alveary_panel_clock.commands:show",
            placement=Placement(title="Clock", menu="Tools", keys=("Ctrl+Alt+K",)),
        )
    ]
