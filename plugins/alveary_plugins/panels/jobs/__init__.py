"""Jobs: what is done in the background, how far it is, and how to stop it."""

from __future__ import annotations

from alveary import hookimpl
from alveary.contracts.window import PanelSpec


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="jobs",
            title="Jobs",
            factory="alveary_plugins.panels.jobs.view:JobsPanel",
            dock="bottom",
            icon="list-task",
            order=90,
        )
    ]
