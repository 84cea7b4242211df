"""Questions that must be answered before anything goes on: small windows over the big one, safe answer first."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from tkinter import filedialog, ttk

from alveary.policy import Confirmation
from alveary_shell.sdk import Answer
from alveary_shell.theme import Theme, button
from alveary_shell.toasts import shown
from alveary_shell.widgets.focus import focused

MOST_LINES, MOST_CHARACTERS = 8, 600
"""How much of a statement a dialog shows."""


class Dialog(tk.Toplevel):
    """A modal window with a row of buttons; Escape answers nothing. Subclasses and callers fill ``body``."""

    def __init__(self, root: tk.Misc, theme: Theme, title: str) -> None:
        super().__init__(root)
        self.theme = theme
        self.answer: object = None
        self.withdraw()
        self.title(title)
        self.transient(root.winfo_toplevel())
        self.configure(background=theme.color("surface"))
        self.body = ttk.Frame(self, style="Surface.TFrame", padding=theme.px(18))
        self.body.pack(fill="both", expand=True)
        self._buttons = ttk.Frame(self, style="Surface.TFrame", padding=(theme.px(18), 0, theme.px(18), theme.px(16)))
        self._buttons.pack(fill="x")
        self.bind("<Escape>", lambda _: self.finish(None))
        self.protocol("WM_DELETE_WINDOW", lambda: self.finish(None))

    def button(self, text: str, press: Callable[[], object], *, accent: bool = False) -> ttk.Button:
        """Add a button at the right; the first one added is the rightmost."""
        made = button(self._buttons, text, press, style="accent" if accent else "normal")
        made.pack(side="right", padx=(self.theme.px(8), 0))
        _press_with_return(made)
        return made

    def finish(self, answer: object) -> None:
        """Close with an answer."""
        self.answer = answer
        self.destroy()

    def ask(self, focus: tk.Misc) -> object:
        """Show it over its window, wait until it is closed, and return the answer."""
        self.update_idletasks()
        over = self.master.winfo_toplevel()
        before = focused(over)
        asked = self.winfo_reqwidth(), self.winfo_reqheight()
        x = over.winfo_rootx() + (over.winfo_width() - asked[0]) // 2
        y = over.winfo_rooty() + (over.winfo_height() - asked[1]) // 3
        screen = self.winfo_screenwidth(), self.winfo_screenheight()
        x, y = (min(at, most - size) for at, most, size in zip((x, y), screen, asked, strict=True))
        self.geometry(f"+{max(x, 0)}+{max(y, 0)}")
        self.deiconify()
        self.wait_visibility()
        self.grab_set()
        focus.focus_set()
        self.wait_window()
        if before is not None and before.winfo_exists():
            before.focus_force()  # not every window manager gives it back
        return self.answer


def confirm(root: tk.Misc, theme: Theme, question: str, detail: str, yes: str, no: str) -> bool:
    """Ask for a yes; the focus is on no."""
    dialog = Dialog(root, theme, "Alveary")
    _texts(dialog, question, detail)
    refuse = dialog.button(no, lambda: dialog.finish(False))
    dialog.button(yes, lambda: dialog.finish(True), accent=True)
    return dialog.ask(refuse) is True


def ask_choice(root: tk.Misc, theme: Theme, question: str, choices: Sequence[Answer], detail: str) -> int | None:
    """Ask for one of several answers, each a button with what it means below it; the focus is on the first."""
    dialog = Dialog(root, theme, "Alveary")
    _texts(dialog, question, detail)
    made = []
    for number, choice in enumerate(choices):
        press = button(dialog.body, choice.text, lambda number=number: dialog.finish(number))  # type: ignore[misc]  # mypy can't infer a default
        press.pack(fill="x", pady=(theme.px(12), 0))
        if choice.detail:
            ttk.Label(dialog.body, text=shown(choice.detail), style="Muted.TLabel", wraplength=theme.span(420)).pack(
                anchor="w", pady=(theme.px(3), 0)
            )
        if choice.enabled:
            _press_with_return(press)
            made.append(press)
        else:
            press.state(["disabled"])
    for at, press in enumerate(made):
        for keys, to in (("<Down>", made[(at + 1) % len(made)]), ("<Up>", made[at - 1])):
            press.bind(keys, lambda _, to=to: to.focus_set())  # type: ignore[misc]  # likewise
    refuse = dialog.button("Cancel", lambda: dialog.finish(None))
    answer = dialog.ask(made[0] if made else refuse)
    return answer if isinstance(answer, int) else None


def confirm_named(root: tk.Misc, theme: Theme, confirmation: Confirmation) -> str:
    """Have what is done somewhere confirmed: with a yes, or by typing the name. Returns "yes", the name, or ""."""
    dialog = Dialog(root, theme, "Alveary")
    question = confirmation.question()
    _texts(dialog, question[:1].upper() + question[1:], "")
    if confirmation.statements:
        _statements(dialog, confirmation)
    refuse = dialog.button("Cancel", lambda: dialog.finish(""))
    if not confirmation.typed:
        dialog.button("Go on", lambda: dialog.finish("yes"), accent=True)
        return str(dialog.ask(refuse) or "")
    label = ttk.Label(dialog.body, text=f"Type {shown(confirmation.name)} to go on:", style="TLabel")
    label.pack(anchor="w", pady=(theme.px(12), theme.px(4)))
    typed = tk.StringVar(dialog)
    entry = ttk.Entry(dialog.body, width=44, font=theme.ui, textvariable=typed)
    entry.pack(fill="x")

    def go_on() -> None:
        if matches():
            dialog.finish(typed.get().strip())

    def matches() -> bool:
        return typed.get().strip().casefold() == confirmation.name.casefold()

    press = dialog.button("Go on", go_on, accent=True)
    press.state(["disabled"])
    typed.trace_add("write", lambda *_: press.state(["!disabled" if matches() else "disabled"]))
    entry.bind("<Return>", lambda _: go_on())
    return str(dialog.ask(entry) or "")


def _statements(dialog: Dialog, confirmation: Confirmation) -> None:
    theme = dialog.theme
    lines = [_beginning(statement) for statement in confirmation.statements]
    if (more := confirmation.count - len(lines)) > 0:
        lines.append(f"… and {more} more")
    text = tk.Label(
        dialog.body, text="\n\n".join(lines), justify="left", anchor="w", font=theme.code, wraplength=theme.span(440),
        background=theme.color("background"), foreground=theme.color("text"), padx=theme.px(10), pady=theme.px(8),
    )  # fmt: skip
    text.pack(fill="x", pady=(theme.px(10), 0))


def _beginning(statement: str) -> str:
    """Return as much of a statement as a dialog has room for, with nothing in it that could look like another one."""
    lines = statement.strip().splitlines()
    text = "\n".join(shown(line.replace("\t", "    ")) for line in lines[:MOST_LINES])
    return text[:MOST_CHARACTERS] + ("…" if len(lines) > MOST_LINES or len(text) > MOST_CHARACTERS else "")


def ask_text(root: tk.Misc, theme: Theme, question: str, value: str, *, secret: bool) -> str | None:
    """Ask for a line of text; None if there is no answer."""
    dialog = Dialog(root, theme, "Alveary")
    _texts(dialog, question, "")
    entry = ttk.Entry(dialog.body, width=44, show="•" if secret else "", font=theme.ui)
    entry.insert(0, value)
    entry.select_range(0, "end")
    entry.pack(fill="x", pady=(theme.px(10), 0))
    entry.bind("<Return>", lambda _: dialog.finish(entry.get()))
    dialog.button("OK", lambda: dialog.finish(entry.get()), accent=True)
    dialog.button("Cancel", lambda: dialog.finish(None))
    answer = dialog.ask(entry)
    return answer if isinstance(answer, str) else None


def ask_file(root: tk.Misc, *, save: bool, title: str, name: str, endings: Mapping[str, str] | None) -> str | None:
    """Ask for a file with Tk's own dialog."""
    types = [*(endings or {}).items(), ("All files", "*")]
    default = next(iter((endings or {}).values()), "")
    if save:
        chosen = filedialog.asksaveasfilename(
            parent=root, title=title, initialfile=name, filetypes=types, defaultextension=default
        )
    else:
        chosen = filedialog.askopenfilename(parent=root, title=title, initialfile=name, filetypes=types)
    return str(chosen) or None if chosen else None


def _press_with_return(pressed: ttk.Button) -> None:
    def press(_: object) -> str:
        pressed.invoke()
        return "break"  # ttkbootstrap would press it once more, when it may be gone

    pressed.bind("<Return>", press)


def _texts(dialog: Dialog, question: str, detail: str) -> None:
    wrap = dialog.theme.span(420)
    ttk.Label(dialog.body, text=shown(question), style="Bold.TLabel", wraplength=wrap).pack(anchor="w")
    if detail:
        label = ttk.Label(dialog.body, text=shown(detail), style="Muted.TLabel", wraplength=wrap)
        label.pack(anchor="w", pady=(dialog.theme.px(8), 0))
