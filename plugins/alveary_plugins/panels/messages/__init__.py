"""Messages: what became of each statement, and what the server said on the side."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.messages"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="messages",
            title="Messages",
            factory=f"{_HERE}.view:MessagesPanel",
            dock="bottom",
            icon="chat-left-text",
            order=60,
            open_at_start=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what can be done with it."""
    return [
        CommandSpec(
            id="messages.clear",
            summary="Empty the list of messages.",
            factory=f"{_HERE}.commands:clear",
            placement=Placement(title="Clear messages", menu="View", group=60),
        )
    ]
