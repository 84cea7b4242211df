"""The bars: the menu, the toolbar and the status bar, all made from what the commands declare."""

from __future__ import annotations

import functools
import tkinter as tk
from collections.abc import Callable, Iterable

from alveary.contracts.specs import CommandSpec
from alveary_shell.theme import Theme
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.tip import tip

MENUS = ("File", "Edit", "View", "Query", "Connection", "Results", "Tools", "Help")
"""The menus every window has, in this order; others stand before Help."""
SLOTS = ("session", "transaction", "job", "time", "rows", "position")


class MenuBar:
    """The menus, filled when they are opened, so that each item is as enabled as it is at that moment."""

    def __init__(
        self,
        root: tk.Tk,
        theme: Theme,
        commands: Iterable[CommandSpec],
        *,
        run: Callable[[str], object],
        enabled: Callable[[CommandSpec], bool],
        keys: Callable[[str], list[str]],
        panels: list[tuple[str, Callable[[], object]]],
    ) -> None:
        """``panels`` are further items of the View menu: a panel's title and what opens it."""
        self._run, self._enabled, self._keys, self._panels = run, enabled, keys, panels
        placed = [spec for spec in commands if spec.placement is not None and spec.placement.menu]
        names = {spec.placement.menu for spec in placed if spec.placement is not None and spec.placement.menu}
        extra = sorted(names - set(MENUS))
        self._bar = tk.Menu(root, tearoff=False, borderwidth=0, relief="flat")
        for name in [*MENUS[:-1], *extra, MENUS[-1]]:
            specs = [spec for spec in placed if spec.placement is not None and spec.placement.menu == name]
            if specs:
                menu = tk.Menu(self._bar, tearoff=False)
                menu.configure(postcommand=lambda menu=menu, specs=specs: self._fill(menu, specs))  # type: ignore[misc]  # mypy can't infer a default
                self._bar.add_cascade(label=name, menu=menu, underline=0)
        root.configure(menu=self._bar)
        theme.follow(root, lambda: self._paint(theme))

    def _fill(self, menu: tk.Menu, specs: list[CommandSpec]) -> None:
        menu.delete(0, "end")
        last = None
        for spec in sorted(specs, key=lambda spec: spec.placement.group if spec.placement else 0):
            placement = spec.placement
            assert placement is not None, "only placed commands stand in menus"
            if last is not None and placement.group != last:
                menu.add_separator()
            last = placement.group
            menu.add_command(
                label=placement.title,
                accelerator=next(iter(self._keys(spec.id)), ""),
                state="normal" if self._enabled(spec) else "disabled",
                command=functools.partial(self._run, spec.id),
            )
        if self._panels and specs[0].placement is not None and specs[0].placement.menu == "View":
            menu.add_separator()
            for title, open_panel in self._panels:
                menu.add_command(label=title, command=open_panel)

    def _paint(self, theme: Theme) -> None:
        menus = [self._bar, *(self._bar.nametowidget(name) for name in self._bar.winfo_children())]
        for menu in menus:
            menu.configure(
                background=theme.color("surface" if menu is self._bar else "raised"),
                foreground=theme.color("text"),
                activebackground=theme.color("selection"),
                activeforeground=theme.color("text"),
                disabledforeground=theme.color("disabled"),
                activeborderwidth=theme.px(2) - 2 if menu is self._bar else 0,
                font=theme.ui,
            )


class ToolBar(tk.Frame):
    """Buttons for the commands that ask for one; each as enabled as its command."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        commands: Iterable[CommandSpec],
        *,
        run: Callable[[str], object],
        enabled: Callable[[CommandSpec], bool],
        keys: Callable[[str], list[str]],
        palette: str = "window.find",
    ) -> None:
        """``palette`` is the command that finds everything; its button stands at the end."""
        super().__init__(master, borderwidth=0)
        self._theme, self._enabled, self._keys = theme, enabled, keys
        self._buttons: list[tuple[CommandSpec, FlatButton]] = []
        inner = tk.Frame(self, borderwidth=0)
        inner.pack(side="left", padx=theme.px(6), pady=theme.px(5))
        placed = [spec for spec in commands if spec.placement is not None and spec.placement.toolbar]
        last = None
        for spec in sorted(placed, key=lambda spec: spec.placement.group if spec.placement else 0):
            placement = spec.placement
            assert placement is not None, "only placed commands stand in the toolbar"
            if last is not None and placement.group != last:
                line = tk.Frame(inner, width=1, borderwidth=0)
                line.pack(side="left", fill="y", padx=theme.px(8), pady=theme.px(4))
                theme.follow(line, lambda line=line: line.configure(background=theme.color("border")))  # type: ignore[misc]  # mypy can't infer a default
            last = placement.group
            made = FlatButton(
                inner,
                theme,
                functools.partial(run, spec.id),
                text=placement.title,
                icon=placement.icon or "dot",
                role="danger" if placement.style == "danger" else "text",
                filled="success" if placement.style == "accent" else None,
                large=True,
                focusable=False,
            )
            made.pack(side="left", padx=theme.px(1))
            Tip(made, theme, functools.partial(self._tip, spec))
            self._buttons.append((spec, made))
        finder = next((spec for spec in commands if spec.id == palette), None)
        if finder is not None:
            find = functools.partial(run, finder.id)
            search = FlatButton(self, theme, find, text="Find", icon="search", large=True, focusable=False)
            search.pack(side="right", padx=theme.px(6))
            Tip(search, theme, functools.partial(self._tip, finder))
        self._line = tk.Frame(self, height=1, borderwidth=0)
        self._line.place(relx=0, rely=1, relwidth=1, height=1, anchor="sw")
        theme.follow(self, lambda: self._paint(inner))

    def refresh(self) -> None:
        """Enable and disable the buttons."""
        for spec, made in self._buttons:
            made.show(enabled=self._enabled(spec))

    def _tip(self, spec: CommandSpec) -> str:
        keys = self._keys(spec.id)
        return f"{spec.summary.rstrip('.')}  ({keys[0]})" if keys else spec.summary.rstrip(".")

    def _paint(self, inner: tk.Frame) -> None:
        for frame in (self, inner):
            frame.configure(background=self._theme.color("surface"))
        self._line.configure(background=self._theme.color("border"))


class StatusBar(tk.Frame):
    """One line below: on the left how the connection stands, on the right what was measured."""

    def __init__(self, master: tk.Misc, theme: Theme, *, cancel: Callable[[], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._line = tk.Frame(self, height=1, borderwidth=0)
        self._line.pack(fill="x")
        inner = self._inner = tk.Frame(self, borderwidth=0)
        inner.pack(fill="x", padx=theme.px(10), pady=theme.px(3))
        self._dot = tk.Label(inner, borderwidth=0)
        self._dot.pack(side="left", padx=(0, theme.px(6)))
        self._labels: dict[str, tk.Label] = {}
        for slot in SLOTS:
            label = self._labels[slot] = tk.Label(inner, borderwidth=0, anchor="w")
            left = slot in ("session", "transaction", "job")
            label.pack(side="left" if left else "right", padx=(0, theme.px(14)) if left else (theme.px(14), 0))
        self._cancel = tk.Label(inner, borderwidth=0, cursor="hand2", text="Cancel")
        self._cancel.bind("<Button-1>", lambda _: cancel())
        self._role = "faint"
        theme.follow(self, self._paint)

    def say(self, slot: str, text: str) -> None:
        """Say something in a slot."""
        self._labels[slot].configure(text=text)

    def job(self, text: str) -> None:
        """Say what is done in the background, with a word to stop it; nothing when ``text`` is empty."""
        self.say("job", text)
        if text:
            self._cancel.pack(side="left", after=self._labels["job"])
        else:
            self._cancel.pack_forget()

    def mark(self, role: str) -> None:
        """Colour the dot."""
        self._role = role
        self._dot.configure(image=self._theme.icon("circle-fill", role, 8))

    def _paint(self) -> None:
        surface = self._theme.color("surface")
        for widget in (self, self._inner, self._dot):
            widget.configure(background=surface)
        self._line.configure(background=self._theme.color("border"))
        for slot, label in self._labels.items():
            label.configure(
                background=surface,
                foreground=self._theme.color("text" if slot == "session" else "muted"),
                font=self._theme.small,
            )
        self._cancel.configure(background=surface, foreground=self._theme.color("accent"), font=self._theme.small)
        self.mark(self._role)


class Tip:
    """A line that comes up beside a widget the pointer rests on."""

    DELAY = 600

    def __init__(self, widget: tk.Misc, theme: Theme, text: Callable[[], str]) -> None:
        self._widget, self._theme, self._text = widget, theme, text
        self._window: tk.Toplevel | None = None
        self._after: str | None = None
        widget.bind("<Enter>", self._rest, add="+")
        for event in ("<Leave>", "<ButtonPress>", "<Destroy>"):
            widget.bind(event, self._gone, add="+")

    def _rest(self, _: tk.Event[tk.Misc]) -> None:
        self._after = self._widget.after(self.DELAY, self._show)

    def _show(self) -> None:
        theme = self._theme
        y = self._widget.winfo_rooty() + self._widget.winfo_height() + theme.px(4)
        self._window = tip(self._widget, theme, self._text(), self._widget.winfo_rootx(), y)

    def _gone(self, _: tk.Event[tk.Misc]) -> None:
        if self._after is not None:
            self._widget.after_cancel(self._after)
            self._after = None
        if self._window is not None:
            self._window.destroy()
            self._window = None
