"""Saved queries and templates: kept by name and folder, opened in an editor."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.saved"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="saved",
            title="Saved queries",
            factory=f"{_HERE}.view:SavedPanel",
            dock="bottom",
            icon="bookmark",
            order=80,
            open_at_start=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what can be done with them."""
    return [
        CommandSpec(
            id="saved.keep",
            summary="Save the text of the editor under a name.",
            factory=f"{_HERE}.commands:keep",
            placement=Placement(title="Save as query…", menu="Query", group=70, panel="editor"),
        )
    ]
