"""A form made from what it asks for: labelled fields in sections, each with its own place for what is wrong with it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from tkinter import ttk
from typing import Any

from alveary_shell.theme import Theme
from alveary_shell.widgets.flat import CheckButton, FlatButton
from alveary_shell.widgets.focus import focused
from alveary_shell.widgets.form_fields import YES, Field, Section
from alveary_shell.widgets.grid_text import visible_lines
from alveary_shell.widgets.scrolled import Scrolled

WIDTH = 560
"""Units a field is wide at most."""
LABELS = 150
"""Units of the column of labels."""
END = 9
"""The column of a line behind its last field."""


class Form(tk.Frame):
    """Asks for values, and keeps those of fields that are not shown now.

    ``changed(name)`` is called when a person changed one, ``left(name)`` when the keyboard left one; ``browse(name)``
    asks for a file's path.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        changed: Callable[[str], object] | None = None,
        left: Callable[[str], object] | None = None,
        browse: Callable[[str], str | None] | None = None,
    ) -> None:
        super().__init__(master, borderwidth=0)
        self.theme = theme
        self.changed, self.left, self.browse = changed, left, browse
        self._page = Scrolled(self, theme)
        self._page.pack(fill="both", expand=True)
        self._sections: dict[Section, tuple[tk.Frame, dict[str, _Row]]] = {}
        self._values: dict[str, str] = {}
        self._problems: dict[str, str] = {}
        self._rows: dict[str, _Row] = {}
        self._wanted: str | None = None
        """The field that is to have the keyboard, as long as it is not on the screen yet."""

    @property
    def values(self) -> dict[str, str]:
        """The values by the names of their fields, those without one left out."""
        return {name: value for name, value in self._values.items() if value}

    def value(self, name: str) -> str:
        """Return the value of a field, "" for none."""
        return self._values.get(name, "")

    def fill(self, values: Mapping[str, str]) -> None:
        """Put values into fields, without telling that they changed."""
        for name, value in values.items():
            self._values[name] = value
            if name in self._rows:
                self._rows[name].show(value)

    def arrange(self, sections: Sequence[Section]) -> None:
        """Show these fields; a section that was there stays as it is, and so does what was typed."""
        if list(self._sections) == list(sections):
            return
        focused = next((name for name, row in self._rows.items() if row.focused), self._wanted)
        before, self._sections = self._sections, {}
        for section, (frame, rows) in before.items():
            if section not in sections:
                frame.destroy()
                for name in rows:
                    self._rows.pop(name)
        px = self.theme.px
        last: tk.Frame | None = None
        for section in sections:
            frame, rows = self._sections[section] = before.get(section) or self._make(section)
            place: dict[str, Any] = {} if last is None else {"after": last}
            # One that stays is never taken away meanwhile: the keyboard may be in it.
            frame.pack(anchor="n", fill="x", padx=px(24), pady=(px(8), px(8)), **place)
            frame.lift()  # the keyboard goes through the fields in this order
            self._rows |= rows
            last = frame
        if focused is not None and focused in self._rows and not self._rows[focused].focused:
            self._rows[focused].focus()

    def _make(self, section: Section) -> tuple[tk.Frame, dict[str, _Row]]:
        theme, px = self.theme, self.theme.px

        def ground(master: tk.Misc) -> tk.Frame:
            made = tk.Frame(master, borderwidth=0)
            theme.follow(made, lambda: made.configure(background=theme.color("background")))
            return made

        frame, rows = ground(self._page.inner), dict[str, _Row]()
        if section.title:
            ttk.Label(frame, text=section.title, style="Heading.TLabel").pack(anchor="w", pady=(px(8), px(2)))
        line: tk.Frame | None = None
        for field in section.fields:
            if line is None or not field.beside:
                line = ground(frame)
                line.pack(anchor="w", fill="x", pady=(px(8), 0))
                # The first field gives way where there is no room for all; what is left over is nobody's.
                line.columnconfigure(1, weight=1)
                line.columnconfigure(END, weight=1000)
            row = rows[field.name] = _Row(self, line, field)
            row.show(self._values.get(field.name, ""))
            row.complain(self._problems.get(field.name, ""))
        return frame, rows

    def complain(self, problems: Mapping[str, str]) -> None:
        """Say what is wrong at the fields it is wrong with, and nothing at all others."""
        self._problems = dict(problems)
        for name, row in self._rows.items():
            row.complain(self._problems.get(name, ""))

    def focus_field(self, name: str) -> None:
        """Put the keyboard into a field."""
        if name in self._rows:
            self._wanted = name
            self._rows[name].focus()

    def arrived(self) -> None:
        """Take note that a field has the keyboard; called by the field."""
        self._wanted = None

    def take(self, name: str, value: str) -> None:
        """Take what a person put into a field; called by the field."""
        if self._values.get(name, "") != value:
            self._values[name] = value
            if self.changed is not None:
                self.changed(name)


class Hint(tk.Label):
    """A word in a field that is empty."""

    def __init__(self, field: ttk.Entry, theme: Theme, text: str) -> None:
        super().__init__(field, text=text, borderwidth=0, cursor="xterm")
        self._theme = theme
        self.bind("<Button-1>", lambda _: field.focus_set())
        theme.follow(self, self._paint)
        self.show(not field.get())

    def show(self, shown: bool) -> None:
        """Come up, or go."""
        if shown:
            self.place(x=self._theme.px(8), rely=0.5, anchor="w")
        else:
            self.place_forget()

    def _paint(self) -> None:
        ground = ttk.Style(self).lookup("TEntry", "fieldbackground") or self._theme.color("surface")
        self.configure(background=ground, foreground=self._theme.color("faint"), font=self._theme.ui)


class _Row:
    """A field as it is drawn: its label, what takes the value, and a line below for what is to be said."""

    def __init__(self, form: Form, line: tk.Frame, field: Field) -> None:
        theme, px = form.theme, form.theme.px
        self._form, self._field, self._theme = form, field, theme
        self._shown = ""
        label = ttk.Label(line, text=field.label, style="Page.TLabel")
        at = len(line.grid_slaves())  # a label and a room for each field before
        label.grid(row=0, column=at, sticky="nw", padx=(px(16), px(8)) if field.beside else 0, pady=px(5))
        room = self._room = tk.Frame(line, borderwidth=0)
        room.grid(row=0, column=at + 1, sticky="nw")
        self._breaking: list[tk.Label | ttk.Label] = []
        """What is broken into lines where the page is too narrow for it."""
        self._entry: ttk.Entry | None = None
        self._filling = False
        self._swatches: _Swatches | None = None
        self._buttons: dict[str, FlatButton] = {}
        self._tick: CheckButton | None = None
        self._hint: Hint | None = None
        self._field_widget: tk.Misc = self._make(room, field)
        self._below = ttk.Label(room, style="PageMuted.TLabel")
        self._breaking.append(self._below)

        def paint() -> None:
            room.configure(background=theme.color("background"))
            if not field.beside:
                line.columnconfigure(0, minsize=theme.span(LABELS))
                label.configure(wraplength=theme.span(LABELS) - px(8))

        theme.follow(room, paint)
        line.bind("<Configure>", lambda event: self._fit(event.width), add="+")
        self._field_widget.bind("<FocusOut>", lambda _: form.left(field.name) if form.left else None, add="+")
        self._field_widget.bind("<FocusIn>", lambda _: form.arrived(), add="+")
        label.bind("<Button-1>", lambda _: self.focus())
        self.complain("")

    def _make(self, room: tk.Frame, field: Field) -> tk.Misc:
        theme, px = self._theme, self._theme.px
        wide = field.width or 56
        if field.kind in ("choice", "suggested"):
            labels = [choice.label for choice in field.choices]
            box = ttk.Combobox(room, values=labels, width=wide - 3, font=theme.ui)
            if field.kind == "choice":
                box.configure(state="readonly")
            box.bind("<<ComboboxSelected>>", lambda _: self._picked(box), add="+")
            box.pack(anchor="w")
            return self._watched(box)
        if field.kind == "segments":
            bar = tk.Frame(room, borderwidth=0)
            bar.pack(anchor="w", pady=px(2))
            theme.follow(bar, lambda: bar.configure(background=theme.color("background")))
            for choice in field.choices:
                press = FlatButton(
                    bar,
                    theme,
                    lambda value=choice.value: self._chosen(value),  # type: ignore[misc]  # mypy can't infer a default
                    text=f" {choice.label} ",
                    ground="raised",
                    role="text",
                )
                press.pack(side="left", padx=(0, px(2)))
                self._buttons[choice.value] = press
            return next(iter(self._buttons.values()))
        if field.kind == "switch":
            tick = self._tick = CheckButton(
                room, theme, lambda: self._chosen(YES if tick.ticked else ""), text=field.hint, ground="background"
            )
            self._breaking.append(tick)
            tick.pack(anchor="w", pady=px(2))
            return tick
        if field.kind == "color":
            self._swatches = _Swatches(room, theme, field, self._chosen)
            self._swatches.pack(anchor="w", pady=px(2))
            return self._swatches
        line = tk.Frame(room, borderwidth=0)
        line.pack(anchor="w")
        theme.follow(line, lambda: line.configure(background=theme.color("background")))
        show = "•" if field.kind == "secret" else ""
        entry = ttk.Entry(line, width=wide, font=theme.ui, show=show)
        if field.kind == "file" and self._form.browse is not None:
            browse = FlatButton(line, theme, self._browse, text=" Browse…", icon="folder2-open", ground="background")
            browse.pack(side="right", padx=(px(6), 0))
        entry.pack(side="left", fill="x", expand=True)
        return self._watched(entry)

    def _fit(self, width: int) -> None:
        """Break lines where a page of this width asks for it."""
        most = min(self._theme.span(WIDTH), width - self._room.winfo_x())
        for each in self._breaking:
            each.configure(wraplength=max(most - self._theme.span(32), 1))

    def _watched(self, entry: ttk.Entry) -> ttk.Entry:
        """Hear of what is typed into an entry, or pasted, and show a word in it while it is empty."""
        # Not by a variable of Tk's: one that is collected in another thread would call Tcl from there.
        entry.configure(validate="key", validatecommand=(entry.register(self._edited), "%P"))
        self._entry = entry
        if self._field.hint:
            self._hint = Hint(entry, self._theme, self._field.hint)
        return entry

    # -- values --------------------------------------------------------------------------------------------------

    def show(self, value: str) -> None:
        """Show a value."""
        self._shown = value
        field = self._field
        if self._tick is not None:
            self._tick.ticked = value == YES
        elif field.kind == "segments":
            for each, button in self._buttons.items():
                button.on = each == value
        elif self._swatches is not None:
            self._swatches.show(value)
        elif self._entry is not None:
            label = next((choice.label for choice in field.choices if choice.value == value), value)
            if self._entry.get() != label:
                self._fill(self._entry, label)
        if self._hint is not None:
            self._hint.show(not value)

    def _fill(self, entry: ttk.Entry, text: str) -> None:
        self._filling = True
        if isinstance(entry, ttk.Combobox):
            entry.set(text)
        else:
            entry.delete(0, "end")
            entry.insert(0, text)
        self._filling = False

    def _edited(self, text: str) -> bool:
        """Take what an entry is about to hold, which is always allowed here."""
        if not self._filling:
            self._typed(text)
        return True

    def _picked(self, box: ttk.Combobox) -> None:
        box.selection_clear()
        self._typed(box.get())

    def _typed(self, label: str) -> None:
        value = next((choice.value for choice in self._field.choices if choice.label == label), label)
        if value != self._shown:
            self._shown = value
            if self._hint is not None:
                self._hint.show(not value)
            self._form.take(self._field.name, value)

    def _chosen(self, value: str) -> None:
        self.show(value)
        self._form.take(self._field.name, value)

    def _browse(self) -> None:
        assert self._form.browse is not None, "only then is there a button"
        if (path := self._form.browse(self._field.name)) is not None:
            self._chosen(path)

    # -- what is said --------------------------------------------------------------------------------------------

    def complain(self, problem: str) -> None:
        """Say what is wrong; "" for nothing."""
        text = visible_lines(problem) if problem else self._field.description
        if not text:
            self._below.pack_forget()
            return
        self._below.configure(text=text, style="PageDanger.TLabel" if problem else "PageMuted.TLabel")
        self._below.pack(anchor="w", pady=(self._theme.px(3), 0))

    def focus(self) -> None:
        """Put the keyboard here."""
        self._field_widget.focus_set()
        if self._entry is not None and self._field.kind != "choice":
            self._entry.select_range(0, "end")
            self._entry.icursor("end")

    @property
    def focused(self) -> bool:
        """Whether the keyboard is here."""
        return focused(self._field_widget) is self._field_widget


class _Swatches(tk.Canvas):
    """Colours to choose from, with the pointer or the arrow keys; the first one is none."""

    def __init__(self, master: tk.Misc, theme: Theme, field: Field, chosen: Callable[[str], object]) -> None:
        self._theme, self._choices, self._chosen = theme, field.choices, chosen
        self._value = ""
        self._size = theme.px(24)
        wide = self._size * len(field.choices)
        super().__init__(master, width=wide, height=self._size, highlightthickness=0, borderwidth=0, takefocus=True)
        self.bind("<Button-1>", self._pressed)
        for keys, step in (("<Left>", -1), ("<Right>", 1)):
            self.bind(keys, lambda _, step=step: self._step(step))  # type: ignore[misc]  # mypy can't infer a default
        for event in ("<FocusIn>", "<FocusOut>"):
            self.bind(event, lambda _: self._paint(), add="+")
        theme.follow(self, self._paint)

    def show(self, value: str) -> None:
        """Mark a colour."""
        self._value = value
        self._paint()

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.focus_set()
        at = event.x // self._size
        if 0 <= at < len(self._choices):
            self._chosen(self._choices[at].value)

    def _step(self, step: int) -> str:
        at = next((at for at, choice in enumerate(self._choices) if choice.value == self._value), 0)
        self._chosen(self._choices[max(0, min(at + step, len(self._choices) - 1))].value)
        return "break"

    def _paint(self) -> None:
        theme, px, size = self._theme, self._theme.px, self._size
        self.configure(background=theme.color("background"))
        self.delete("all")
        has_focus = focused(self) is self
        for at, choice in enumerate(self._choices):
            left, gap = at * size, px(4)
            box = (left + gap, gap, left + size - gap, size - gap)
            if choice.value == self._value:
                ring = px(1)
                self.create_rectangle(
                    left + ring, ring, left + size - ring - 1, size - ring - 1,
                    outline=theme.color("accent" if has_focus else "text"), width=px(1.5),
                )  # fmt: skip
            if choice.color is None:
                self.create_rectangle(*box, outline=theme.color("muted"))
                self.create_line(box[0], box[3], box[2], box[1], fill=theme.color("muted"))
            else:
                self.create_rectangle(*box, fill=choice.color, width=0)
