"""Colours, fonts, sizes and icons of the window; the one module that knows how ttkbootstrap is styled.

A widget asks the theme for a *role* (``theme.color("muted")``), never for a colour, and repaints itself when told.
"""

from __future__ import annotations

import tkinter as tk
import tkinter.ttk
from collections.abc import Callable, Iterable
from tkinter import font as tkfont
from typing import Any, Literal, cast

import ttkbootstrap as ttk

from alveary.contracts.window import ThemeSpec
from alveary_shell import LARGEST, SMALLEST

UI_FAMILIES = ("Inter", "Segoe UI", "SF Pro Text", "Cantarell", "Noto Sans", "DejaVu Sans")
CODE_FAMILIES = ("JetBrains Mono", "Cascadia Code", "SF Mono", "Fira Code", "Noto Sans Mono", "DejaVu Sans Mono")
USUAL_POINTS = 10
"""The size of the interface's text that lengths are given for."""
BUTTONS = {"plain": "ghost", "accent": "primary", "run": "success", "danger": "danger outline"}
"""What a button of ours is called there; the usual one is ours alone."""


def button(
    master: tk.Misc,
    text: str,
    press: Callable[[], object],
    *,
    style: Literal["plain", "normal", "accent", "run", "danger"] = "normal",
    icon: str | None = None,
    takefocus: bool = True,
) -> tkinter.ttk.Button:
    """Return a button; ``icon`` is a name of the Bootstrap Icons."""
    if style == "normal":
        return tkinter.ttk.Button(master, text=text, command=press, style="Usual.TButton", takefocus=takefocus)
    options: dict[str, Any] = {"icon": icon, "compound": "left"} if icon is not None else {}
    made = ttk.Button(master, text=text, command=press, bootstyle=BUTTONS[style], takefocus=takefocus, **options)
    return cast(tkinter.ttk.Button, made)  # which it is; its own methods are not annotated


class Theme:
    """The look of one window. Made once, after the root; ``use`` switches it live."""

    def __init__(self, root: ttk.App, specs: Iterable[ThemeSpec], *, points: int = USUAL_POINTS) -> None:
        """Register the themes; ``points`` is the size of the interface's font, code is one point larger."""
        self._root = root
        self.specs = {spec.id: spec for spec in specs}
        self.spec = next(iter(self.specs.values()))
        self._registered: set[str] = set()
        self._zoom = points / USUAL_POINTS
        self._followers: list[tuple[tk.Misc, Callable[[], object]]] = []
        families = set(tkfont.families(root))
        ui = next((name for name in UI_FAMILIES if name in families), "TkDefaultFont")
        code = next((name for name in CODE_FAMILIES if name in families), "TkFixedFont")
        self.ui = tkfont.Font(root, family=ui, size=points)
        self.ui_bold = tkfont.Font(root, family=ui, size=points, weight="bold")
        self.small = tkfont.Font(root, family=ui, size=points - 1)
        self.code = tkfont.Font(root, family=code, size=points + 1)
        for name in ("TkDefaultFont", "TkTextFont", "TkMenuFont", "TkHeadingFont", "TkTooltipFont"):
            tkfont.nametofont(name, root).configure(family=ui, size=points)
        tkfont.nametofont("TkFixedFont", root).configure(family=code, size=points + 1)
        for kind in ("TCombobox", "TSpinbox"):
            # A wheel that scrolls a page must not change the values that pass below the pointer.
            for wheel in ("<Button-4>", "<Button-5>", "<MouseWheel>", "<Shift-Button-4>", "<Shift-Button-5>"):
                root.unbind_class(kind, wheel)

    @property
    def id(self) -> str:
        """The theme in use."""
        return self.spec.id

    def color(self, role: str) -> str:
        """Return the colour of a role (``contracts.window.ROLES``) as ``#rrggbb``.

        There is one more, that no theme gives: ``disabled``, of a word that can't be pressed now, which is fainter
        than any that is to be read.
        """
        return self.blend("faint", "surface", 0.45) if role == "disabled" else self.spec.colors[role]

    def blend(self, role: str, other: str, part: float) -> str:
        """Return the colour of a role with a part, 0 to 1, of another one's in it."""
        return _mixed(self.color(role), self.color(other), part)

    def px(self, units: float) -> int:
        """Return a length given in units of 1/96 inch at scale 1 in pixels of this screen."""
        return int(ttk.scale_size(self._root, units))  # type: ignore[no-untyped-call]  # not annotated there

    def span(self, units: float) -> int:
        """Return a length as :meth:`px` does that holds text: it grows with the letters when they are zoomed."""
        return round(self.px(units) * self._zoom)

    def icon(self, name: str, role: str = "text", size: int = 14) -> str:
        """Return the Tk image of an icon in the colour of a role; ``size`` is in units, and grows with the letters."""
        return str(ttk.Icon(name, round(size * self._zoom), self.color(role)))  # type: ignore[no-untyped-call]  # not annotated there

    def use(self, id: str) -> None:
        """Switch to another theme and repaint everything that follows."""
        self.spec = spec = self.specs[id]
        family = f"alveary_{spec.id}"
        if family not in self._registered:
            colors = spec.colors
            ground = {"background": colors["surface"], "foreground": colors["text"]}
            (definition,) = ttk.Theme(  # type: ignore[no-untyped-call]  # not annotated there
                name=family,
                primary=colors["accent"],
                success=colors["success"],
                info=colors["function"],
                warning=colors["warning"],
                danger=colors["danger"],
                # Usual buttons are drawn with it; the grey of texts would glare beside everything else.
                neutral=_mixed(colors["raised"], colors["text"], 0.1),
                dark=ground if spec.mode == "dark" else None,  # type: ignore[arg-type]  # its default is None
                light=ground if spec.mode == "light" else None,  # type: ignore[arg-type]  # likewise
            ).to_definitions()
            # What scrollbars are drawn with; the generated one glares.
            definition.colors.selectbg = _mixed(colors["faint"], colors["surface"], 0.5)
            self._root.style.register_theme(definition)  # type: ignore[no-untyped-call]  # likewise
            self._registered.add(family)
        self._root.style.theme_use(f"{family}-{spec.mode}")  # type: ignore[no-untyped-call]  # likewise
        self._style()
        self._root.bind_class("Listbox", "<Map>", self._paint_list)
        for widget, paint in list(self._followers):
            if widget.winfo_exists():
                paint()

    @property
    def points(self) -> int:
        """The size of the interface's text."""
        return int(self.ui.actual("size"))

    def zoom(self, points: int) -> None:
        """Give all text this size; code is a point larger."""
        size = max(SMALLEST, min(LARGEST, points))
        self._zoom = size / USUAL_POINTS
        for each in (self.ui, self.ui_bold):
            each.configure(size=size)
        self.small.configure(size=size - 1)
        self.code.configure(size=size + 1)
        for name in ("TkDefaultFont", "TkTextFont", "TkMenuFont", "TkHeadingFont", "TkTooltipFont"):
            tkfont.nametofont(name, self._root).configure(size=size)
        tkfont.nametofont("TkFixedFont", self._root).configure(size=size + 1)
        self.use(self.id)

    def follow(self, widget: tk.Misc, paint: Callable[[], object]) -> None:
        """Call ``paint`` now and whenever the look changes, as long as ``widget`` exists."""
        entry = (widget, paint)
        self._followers.append(entry)

        def forget(event: tk.Event[tk.Misc]) -> None:
            if event.widget is widget and entry in self._followers:
                self._followers.remove(entry)

        widget.bind("<Destroy>", forget, add="+")
        paint()

    def _style(self) -> None:
        """Restyle the ttk classes whose defaults do not fit a dense tool."""
        style, color, px = self._root.style, self.color, self.px
        self._root.configure(background=color("surface"))
        row = self.ui.metrics("linespace") + px(8)
        style.configure("Treeview", background=color("background"), fieldbackground=color("background"))
        style.configure("Treeview", foreground=color("text"), rowheight=row, borderwidth=0, font=self.ui)
        style.map(
            "Treeview",
            background=[("selected", "focus", color("selection")), ("selected", color("selection_idle"))],
            foreground=[("selected", color("text"))],
        )
        # A letter beyond a selection keeps its colour: Tk draws it as if it were selected after the font has changed.
        for kind in (".", "TEntry", "TCombobox", "TSpinbox"):
            style.configure(kind, selectbackground=color("selection"), selectforeground=color("text"))
        self._style_button(self.blend("raised", "text", 0.08))
        style.configure("Sash", gripcount=0, sashthickness=px(4))
        style.configure("TPanedwindow", background=color("surface"))
        style.configure("Surface.TFrame", background=color("surface"))
        style.configure("Background.TFrame", background=color("background"))
        style.configure("Raised.TFrame", background=color("raised"))
        style.configure("Border.TFrame", background=color("border"))
        for name, role, font in (
            ("TLabel", "text", self.ui),
            ("Muted.TLabel", "muted", self.ui),
            ("Small.TLabel", "muted", self.small),
            ("Bold.TLabel", "text", self.ui_bold),
            ("Danger.TLabel", "danger", self.ui),
        ):
            style.configure(name, foreground=color(role), background=color("surface"), font=font)
        for name, role, font in (
            ("Heading.TLabel", "text", self.ui_bold),
            ("Page.TLabel", "text", self.ui),
            ("PageMuted.TLabel", "muted", self.small),
            ("PageDanger.TLabel", "danger", self.small),
        ):
            style.configure(name, foreground=color(role), background=color("background"), font=font)
        # What plain Tk widgets are made with from now on; those that exist follow by themselves.
        for option, value in (
            ("*Menu.background", color("raised")),
            ("*Menu.foreground", color("text")),
            ("*Menu.activeBackground", color("selection")),
            ("*Menu.activeForeground", color("text")),
            ("*Menu.disabledForeground", color("disabled")),
            ("*Menu.borderWidth", "0"),
            ("*Menu.relief", "flat"),
        ):
            self._root.option_add(option, value)

    def _paint_list(self, event: tk.Event[tk.Misc]) -> None:
        """Paint a list of Tk's own, such as the one a field opens below itself; no style reaches it."""
        color = self.color
        self._root.tk.call(
            event.widget, "configure", "-background", color("raised"), "-foreground", color("text"),
            "-selectbackground", color("selection"), "-selectforeground", color("text"), "-borderwidth", 0,
            "-highlightthickness", 1, "-highlightbackground", color("border"), "-highlightcolor", color("border"),
        )  # fmt: skip

    def _style_button(self, ground: str) -> None:
        """Style the usual button: it is to be seen, and no louder than the one that matters."""
        style, color, px = self._root.style, self.color, self.px
        over, pressed = (_mixed(ground, color("text"), part) for part in (0.08, 0.16))
        grounds = [("disabled", color("surface")), ("pressed", pressed), ("active", over)]
        style.configure(
            "Usual.TButton", background=ground, darkcolor=ground, lightcolor=ground, foreground=color("text"),
            bordercolor=_mixed(ground, color("text"), 0.16), focuscolor=color("accent"), font=self.ui, relief="raised",
            anchor="center", borderwidth=1, focusthickness=1, padding=(px(10), px(4)),
        )  # fmt: skip
        style.map(
            "Usual.TButton",
            background=grounds,
            darkcolor=grounds,
            lightcolor=grounds,
            bordercolor=[("disabled", color("border")), ("focus", color("accent"))],
            foreground=[("disabled", color("disabled"))],
        )


def _mixed(one: str, other: str, part: float) -> str:
    """Return a colour with a part, 0 to 1, of another in it."""
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)
