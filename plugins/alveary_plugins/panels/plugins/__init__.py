"""Plugins: what is installed, what each brings, what went wrong, and a switch for each."""

from __future__ import annotations

from alveary import hookimpl
from alveary.contracts.window import PanelSpec


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="plugins",
            title="Plugins",
            factory="alveary_plugins.panels.plugins.view:PluginsPanel",
            dock="right",
            icon="puzzle",
            order=80,
        )
    ]
