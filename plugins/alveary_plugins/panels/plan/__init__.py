"""Plans: how the server runs a statement, or ran it: a tree with its numbers, warnings, the server's own words."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.plan"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(id="plan", title="Plan", factory=f"{_HERE}.view:PlanPanel", dock="bottom", icon="diagram-3", order=20)
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what can be done with the plan in front."""

    def command(id: str, summary: str, title: str, *keys: str, enabled: str = "has_plan") -> CommandSpec:
        return CommandSpec(
            id=f"plan.{id}",
            summary=summary,
            factory=f"{_HERE}.commands:{id.replace('-', '_')}",
            placement=Placement(
                title=title,
                menu="Query",
                group=40,
                keys=keys,
                panel="plan" if keys else None,
                enabled=f"{_HERE}.commands:{enabled}",
            ),
        )

    return [
        command("save", "Write the plan to a file: text, JSON or a picture (SVG).", "Save the plan…", "Ctrl+S"),
        command("copy", "Copy the plan as text.", "Copy the plan", "Ctrl+C"),
        command("view", "Show the plan as a tree, as the server sent it, or beside the one before.",
                "Switch the view of the plan"),
        command("fold", "Fold away what stands below the steps of the plan, or show all of it.",
                "Fold or unfold the plan"),
        command("stop", "Stop the statement whose plan is awaited.", "Stop explaining", "Ctrl+.", enabled="is_waiting"),
    ]  # fmt: skip
