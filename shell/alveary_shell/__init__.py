"""The window: a plugin like any other, which imports no Tk until somebody opens it."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl
from alveary.contracts.setting import SettingSpec
from alveary.contracts.window import Placement, ThemeSpec

SMALLEST, LARGEST = 7, 28
"""Points the interface's text may have."""
_COMMANDS = "alveary_shell.commands"


@hookimpl
def alveary_themes() -> list[ThemeSpec]:
    """Declare the two themes that come with the window."""
    from alveary_shell.themes import DARK, LIGHT

    return [DARK, LIGHT]


@hookimpl
def alveary_settings() -> list[SettingSpec]:
    """Declare how the window looks and which keys it hears."""
    return [
        SettingSpec(
            id="window.theme",
            kind="text",
            default="dark",
            description="dark, light, system (what the desktop has), or the id of a theme that a plugin brings.",
        ),
        SettingSpec(
            id="window.font_size",
            kind="int",
            default=10,
            minimum=SMALLEST,
            maximum=LARGEST,
            description="Points of the interface's text; code is one larger.",
        ),
        SettingSpec(
            id="window.scale",
            kind="float",
            default=None,
            minimum=0.5,
            maximum=4,
            description="How much larger than on a usual screen everything is, from the next start on; "
            "without it as the screen says.",
        ),
        SettingSpec(
            id="window.keys",
            kind="text",
            default="{}",
            description='The keys chosen for commands, as JSON: {"query.run": ["F5"]}. '
            "The page of keyboard shortcuts writes it.",
        ),
    ]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what the window itself can do."""

    def command(id: str, summary: str, placement: Placement | None = None, **more: object) -> CommandSpec:
        function = id.partition(".")[2].replace("-", "_")
        return CommandSpec(
            id=id,
            summary=summary,
            factory=f"{_COMMANDS}:{function}",
            placement=placement,
            **more,  # type: ignore[arg-type]  # each is one of the spec's own
        )

    return [
        command("window.open", "Open the window.", verb="window", foreground=True),
        command(
            "window.palette",
            "Find and run any command by a few letters of its name.",
            Placement(title="Command palette…", menu="View", group=10, keys=("Ctrl+Shift+P", "F1")),
        ),
        command(
            "window.find",
            "Find tables, columns, saved queries, history and commands by a few letters.",
            Placement(title="Find anything…", menu="View", group=10, keys=("Ctrl+P",)),
        ),
        command(
            "window.toggle-theme",
            "Switch between the dark and the light theme.",
            Placement(title="Next theme", menu="View", group=20),
        ),
        command(
            "window.zoom-in",
            "Make all text larger.",
            Placement(title="Zoom in", menu="View", group=30, keys=("Ctrl++", "Ctrl+=")),
        ),
        command(
            "window.zoom-out",
            "Make all text smaller.",
            Placement(title="Zoom out", menu="View", group=30, keys=("Ctrl+-",)),
        ),
        command(
            "window.zoom-reset",
            "Give all text the size it began with.",
            Placement(title="Usual size", menu="View", group=30, keys=("Ctrl+0",)),
        ),
        command(
            "window.toggle-left",
            "Show or hide what stands on the left.",
            Placement(title="Left dock", menu="View", group=40, keys=("Ctrl+B",)),
        ),
        command(
            "window.toggle-bottom",
            "Show or hide what stands below.",
            Placement(title="Bottom dock", menu="View", group=40, keys=("Ctrl+J",)),
        ),
        command(
            "window.toggle-right",
            "Show or hide what stands on the right.",
            Placement(title="Right dock", menu="View", group=40, keys=("Ctrl+Alt+B",)),
        ),
        command(
            "window.next-tab",
            "Go to the next tab of the centre.",
            Placement(title="Next tab", menu="View", group=50, keys=("Ctrl+PgDn", "Ctrl+Tab")),
        ),
        command(
            "window.previous-tab",
            "Go to the tab before.",
            Placement(title="Previous tab", menu="View", group=50, keys=("Ctrl+PgUp", "Ctrl+Shift+Tab")),
        ),
        command(
            "window.close-tab",
            "Close the tab in front; its text is kept and can be reopened.",
            Placement(title="Close tab", menu="File", group=80, keys=("Ctrl+W",)),
        ),
        command(
            "window.reopen-tab",
            "Open the tab that was closed last, as it was.",
            Placement(title="Reopen closed tab", menu="File", group=80, keys=("Ctrl+Shift+T",)),
        ),
        command(
            "window.next-dock",
            "Put the keyboard into the next part of the window.",
            Placement(title="Next part", menu="View", group=50, keys=("F6",)),
        ),
        command(
            "window.panel",
            "Open a panel by its name.",
        ),
        command(
            "window.quit",
            "Close the window; everything typed is kept.",
            Placement(title="Quit", menu="File", group=99, keys=("Ctrl+Q",)),
        ),
    ]
