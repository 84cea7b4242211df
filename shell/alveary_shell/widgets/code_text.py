"""The text widget within an editor, with the keys of an editor rather than those of Emacs."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alveary_shell.widgets.code import Code

_CLASS = "AlvearyCode"
#: Of Tk's own bindings, those that an editor of today has other uses for.
_UNWANTED = {
    *(f"<Control-Key-{key}>" for key in ("d", "h", "i", "k", "o", "t")),
    *(f"<Meta-Key-{key}>" for key in ("b", "d", "f", "greater", "less", "BackSpace", "Delete")),
    "<<NextPara>>",
    "<<PrevPara>>",
    "<Control-Key-space>",
    "<Control-Shift-Key-space>",
}


class CodeText(tk.Text):
    """The widget within, with the keys of an editor rather than those of Emacs."""

    def __init__(self, master: tk.Misc, code: Code) -> None:
        super().__init__(
            master,
            wrap="none",
            undo=False,
            borderwidth=0,
            highlightthickness=0,
            relief="flat",
            exportselection=False,
            tabstyle="wordprocessor",
            width=20,
            height=4,
        )
        self.code = code
        _bind_keys(self)
        path, _, *rest = self.bindtags()
        self.bindtags((path, _CLASS, *rest))


def _bind_keys(text: CodeText) -> None:
    """Make the class of bindings, once for each root: Tk's own without the unwanted, and ours."""
    if text.bind_class(_CLASS):
        return
    for sequence in text.bind_class("Text"):
        if sequence not in _UNWANTED:
            text.tk.call("bind", _CLASS, sequence, text.tk.call("bind", "Text", sequence))

    def bind(sequence: str, action: Callable[[Code], object]) -> None:
        def call(event: tk.Event[tk.Misc]) -> str | None:
            assert isinstance(event.widget, CodeText), "only they have this class of bindings"
            return None if action(event.widget.code) is False else "break"

        text.bind_class(_CLASS, sequence, call)

    def key(event: tk.Event[tk.Misc]) -> str | None:
        assert isinstance(event.widget, CodeText), "only they have this class of bindings"
        if event.char and event.char >= " " and event.char != "\x7f" and not _is_command(int(event.state)):
            event.widget.code.type(event.char)
            return "break"
        return None

    text.bind_class(_CLASS, "<Key>", key)
    for keys in ("<Return>", "<KP_Enter>"):
        bind(keys, lambda code: code.new_line())
    bind("<Tab>", lambda code: code.indent())
    for keys in ("<Shift-Tab>", "<ISO_Left_Tab>") if sys.platform == "linux" else ("<Shift-Tab>",):
        bind(keys, lambda code: code.indent(back=True))
    bind("<BackSpace>", lambda code: code.erase(forward=False))
    bind("<Shift-BackSpace>", lambda code: code.erase(forward=False))
    bind("<Delete>", lambda code: code.erase(forward=True))
    bind("<Control-BackSpace>", lambda code: code.erase(forward=False, word=True))
    bind("<Control-Delete>", lambda code: code.erase(forward=True, word=True))
    bind("<<Undo>>", lambda code: code.undo())
    bind("<<Redo>>", lambda code: code.redo())
    bind("<<Cut>>", lambda code: code.copy(cut=True))
    bind("<<Copy>>", lambda code: code.copy())
    bind("<<Paste>>", lambda code: code.paste())
    bind("<<SelectAll>>", lambda code: code.select_all())
    bind("<Control-a>", lambda code: code.select_all())
    bind("<Escape>", lambda code: code.escape())
    bind("<Home>", lambda code: code.home(extend=False))
    bind("<Shift-Home>", lambda code: code.home(extend=True))


def _is_command(state: int) -> bool:
    """Return whether Ctrl, Alt or Cmd are held, which is no typing; AltGr is, and on Windows it is Ctrl and Alt."""
    control, first = bool(state & 0x4), bool(state & 0x8)
    if sys.platform == "win32":
        return control != bool(state & 0x20000)
    return control or first
