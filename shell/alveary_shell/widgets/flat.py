"""Flat buttons: an icon, a word or both; can stay pressed, be filled or be ticked; reached by the keyboard."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from alveary_shell.theme import Theme


class FlatButton(tk.Label):
    """Calls ``press`` when clicked, or with Space or Enter when it has the focus."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        press: Callable[[], object],
        *,
        text: str = "",
        icon: str | None = None,
        ground: str = "surface",
        role: str = "muted",
        filled: str | None = None,
        large: bool = False,
        focusable: bool = True,
    ) -> None:
        """``ground`` is the role of what it lies on, ``role`` that of its text and icon.

        ``filled`` is the role of its own ground while it is enabled, None for what it lies on. A ``large`` one has
        the text of menus and room around it.
        """
        super().__init__(master, text=text, borderwidth=0, highlightthickness=1, cursor="hand2", takefocus=focusable)
        self._theme, self._press, self._icon, self._ground, self._role = theme, press, icon, ground, role
        self._filled, self._large = filled, large
        self._hover = self._on = False
        self._enabled = True
        self.bind("<Button-1>", lambda _: self.invoke())
        self.bind("<Enter>", lambda _: self._hovered(True))
        self.bind("<Leave>", lambda _: self._hovered(False))
        for keys in ("<space>", "<Return>", "<KP_Enter>"):
            self.bind(keys, self._pressed)
        theme.follow(self, self._paint)

    def invoke(self) -> None:
        """Do what it is for, if it is enabled."""
        if self._enabled:
            self._press()

    @property
    def on(self) -> bool:
        """Whether it stays pressed."""
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        if on != self._on:
            self._on = on
            self._paint()

    def show(
        self, *, text: str | None = None, icon: str | None = None, role: str | None = None, enabled: bool | None = None
    ) -> None:
        """Change what it shows."""
        before = str(self["text"]), self._icon, self._role, self._enabled
        after = (
            before[0] if text is None else text,
            icon or self._icon,
            role or self._role,
            self._enabled if enabled is None else enabled,
        )
        if after != before:
            _, self._icon, self._role, self._enabled = after
            self.configure(text=after[0])
            self._paint()

    def _pressed(self, _: tk.Event[tk.Misc]) -> str:
        self.invoke()
        return "break"

    def _hovered(self, hover: bool) -> None:
        self._hover = hover
        self._paint()

    def _paint(self) -> None:
        theme = self._theme
        if self._filled is not None and self._enabled:
            self._wear(theme.color("on_accent"), "on_accent", theme.blend(self._filled, "text", 0.15 * self._hover))
            return
        role = "disabled" if not self._enabled else "accent" if self._on else self._role
        lies_on = "selection_idle" if self._on else "raised" if self._hover and self._enabled else self._ground
        if lies_on == "raised" and self._ground == "raised":
            lies_on = "selection_idle"
        self._wear(theme.color(role), role, theme.color(lies_on))

    def _wear(self, foreground: str, role: str, ground: str) -> None:
        theme, large = self._theme, self._large
        self.configure(
            background=ground,
            foreground=foreground,
            highlightbackground=ground,
            highlightcolor=theme.color("accent"),
            font=theme.ui if large else theme.small,
            padx=theme.px(6 if large else 5),
            pady=theme.px(5 if large else 3),
            cursor="hand2" if self._enabled else "arrow",
        )
        if self._icon is not None:
            image = theme.icon(self._icon, role, 14 if large else 13)
            self.configure(image=image, compound="left" if self["text"] else "center")


class CheckButton(FlatButton):
    """A word with a box to be ticked. ``changed`` is called when a person has ticked it, or taken the tick away."""

    def __init__(
        self, master: tk.Misc, theme: Theme, changed: Callable[[], object], *, text: str = "", ground: str = "surface"
    ) -> None:
        super().__init__(master, theme, self._turn, text=text and f" {text}", icon="square", ground=ground)
        self.configure(anchor="w", justify="left")
        self._changed = changed
        self._ticked = False

    @property
    def ticked(self) -> bool:
        """Whether it is ticked; setting it tells nobody."""
        return self._ticked

    @ticked.setter
    def ticked(self, ticked: bool) -> None:
        self._ticked = ticked
        self.show(icon="check-square-fill" if ticked else "square", role="accent" if ticked else "muted")

    def _turn(self) -> None:
        self.ticked = not self._ticked
        self._changed()
