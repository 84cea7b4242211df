"""What a plugin hands the window: panels, themes, and where a command shows up. Data only: nothing here needs Tk."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

#: Where a panel opens. Those of the centre are documents: there can be many of one kind, each in its own tab.
Dock: TypeAlias = Literal["left", "right", "bottom", "center"]
Color = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}$")]

#: What a theme gives a colour to. Widgets ask for a role, never for a colour.
ROLES = (
    "background",  # of what is read and written: grids, editors, trees
    "surface",  # of what stands around it: bars, docks, dialogs
    "raised",  # of what lies on top: menus, headers, the current line
    "border",
    "text",
    "muted",  # secondary text
    "faint",  # line numbers, NULL, what is disabled
    "accent",  # what is active, and the one button that matters
    "on_accent",
    "selection",
    "selection_idle",  # a selection in a widget that does not have the focus
    "stripe",  # of every other row
    "success",
    "warning",
    "danger",
    "keyword",
    "string",
    "number",
    "comment",
    "function",
    "operator",
)


class ThemeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The colours of the window: one for each of :data:`ROLES`."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.-]*$")]
    name: str
    mode: Literal["dark", "light"]
    colors: dict[str, Color]

    def __post_init__(self) -> None:
        """Refuse a theme that leaves a role without a colour, or colours one there is not."""
        if wrong := set(ROLES) ^ set(self.colors):
            raise ValueError(f"the theme {self.id}: missing or unknown roles: {', '.join(sorted(wrong))}")


class PanelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the window. ``factory`` is an :class:`alveary_shell.sdk.Panel` class, imported when first opened.

    ``icon`` is a name of the Bootstrap Icons. ``open_at_start`` shows a panel of a side dock in a new window;
    ``order`` sorts the tabs of a dock, lowest first. A page of the centre that is ``whole`` has nothing to do with what
    stands in the bottom dock, and has the room of that, too, while it is in front.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.-]*$")]
    title: str
    factory: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
    dock: Dock
    icon: str = "window"
    order: int = 100
    open_at_start: bool = False
    whole: bool = False


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a command stands in the window: its menu, its keys, its place in the toolbar.

    ``title`` is what the menu and the palette say; ``menu`` is a path such as ``"Query"``, None for the palette only;
    ``group`` parts a menu by lines and sorts it. ``keys`` are written ``Ctrl+Shift+P``. ``panel`` limits the command to
    the times when a panel of that id is the active one of the centre, or is open elsewhere; its keys then work while
    the keyboard is in that panel. ``enabled`` names a function ``(window) -> bool``.
    ``toolbar`` puts it there, and ``icon`` is what it shows. ``style`` makes its button ``accent`` or ``danger``.
    """

    title: str
    menu: str | None = None
    group: int = 50
    keys: tuple[str, ...] = ()
    panel: str | None = None
    enabled: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")] | None = None
    toolbar: bool = False
    icon: str | None = None
    style: Literal["plain", "accent", "danger"] = "plain"
