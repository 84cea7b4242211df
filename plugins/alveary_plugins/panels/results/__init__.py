"""The results panel: the rows of what was run last, in a grid; errors and counts in their place."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.results"
_FOCUSED = f"{_HERE}.commands:is_focused"
_ROWS = f"{_HERE}.commands:has_rows"
_RESULT = f"{_HERE}.commands:has_result"


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [
        PanelSpec(
            id="results",
            title="Results",
            factory=f"{_HERE}.view:ResultsPanel",
            dock="bottom",
            icon="table",
            order=10,
            open_at_start=True,
        )
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what can be done with results."""

    def command(id: str, summary: str, title: str, group: int, *keys: str, enabled: str = _ROWS) -> CommandSpec:
        # Keys that others have as well are the results' while the keyboard is there.
        panel = "results" if keys else None
        return CommandSpec(
            id=f"results.{id}",
            summary=summary,
            factory=f"{_HERE}.commands:{id.replace('-', '_')}",
            placement=Placement(title=title, menu="Results", group=group, keys=keys, panel=panel, enabled=enabled),
        )

    return [
        CommandSpec(
            id="results.show",
            summary="Bring the results to the front.",
            factory=f"{_HERE}.commands:show",
            placement=Placement(title="Go to the results", menu="Results", group=5),
        ),
        command("copy", "Copy the selected cells, tab-separated.", "Copy cells", 10, "Ctrl+C", enabled=_FOCUSED),
        command(
            "copy-with-headers",
            "Copy the selected cells and the names of their columns.",
            "Copy cells with headers",
            10,
            "Ctrl+Shift+C",
            enabled=_FOCUSED,
        ),
        command("copy-csv", "Copy the selected cells as CSV.", "Copy cells as CSV", 20),
        command("copy-json", "Copy the selected cells as JSON.", "Copy cells as JSON", 20),
        command("copy-markdown", "Copy the selected cells as a Markdown table.", "Copy cells as Markdown", 20),
        command("copy-insert", "Copy the selected cells as INSERT statements.", "Copy cells as SQL INSERT", 20),
        command(
            "find", "Look for text in all rows of the result.", "Find in the rows…", 30, "Ctrl+F", enabled=_FOCUSED
        ),
        command("find-next", "Go to the next row with a match.", "Next match", 30, "F3", enabled=_FOCUSED),
        command(
            "find-previous", "Go to the row with a match before.", "Previous match", 30, "Shift+F3", enabled=_FOCUSED
        ),
        command("filter", "Choose which rows of the result are shown.", "Filter the rows…", 30),
        command("sort", "Sort the rows by the column under the cursor.", "Sort by this column", 30),
        command("view", "Show the value under the cursor in full.", "View the value", 40),
        command("record", "Show the row under the cursor as a record.", "View the row", 40),
        command("fit", "Make all columns as wide as their content needs.", "Fit the columns", 40),
        command("pin", "Keep this result when the next run comes.", "Pin the result", 50, enabled=_RESULT),
        command("close", "Let this result go.", "Close the result", 50, enabled=_RESULT),
        command(
            "fetch-all",
            "Fetch all rows that are left, by the cursor that is open.",
            "Fetch all rows",
            55,
            enabled=f"{_HERE}.commands:is_held",
        ),
        command(
            "fetch-next",
            "Fetch some more rows, by the cursor that is open.",
            "Fetch the next rows",
            55,
            enabled=f"{_HERE}.commands:is_held",
        ),
        command(
            "run-again",
            "Run the statement again for all its rows, after asking.",
            "Run again without limit…",
            55,
            enabled=f"{_HERE}.commands:is_cut",
        ),
        command("save", "Write the rows to a file in any format.", "Save the rows…", 60),
        command("save-selection", "Write the selected cells to a file.", "Save the selected cells…", 60),
    ]
