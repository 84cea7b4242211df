"""The popup beside a name that tells what it means; the keyboard stays in the editor."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from typing import TypeVar

from alveary_plugins.completion.resolving import Meant
from alveary_shell.theme import Theme
from alveary_shell.widgets.code import Code
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.focus import focused
from alveary_shell.widgets.scrollbar import AutoScrollbar
from alveary_shell.widgets.standins import drawn_lines
from alveary_shell.widgets.timers import Timers

T = TypeVar("T")

REST_MILLISECONDS = 400
"""How long the pointer rests on a name, Ctrl held down, until it is looked up."""
FOCUS_MILLISECONDS = 30
"""After which the keyboard has come to where it goes."""
WIDEST, HIGHEST = 110, 24
"""Characters of a line, and lines, that are seen at once."""
LONGEST_CELL = 60
"""Characters of a cell."""
_GAP = "  "


class Peek:
    """One popup of one editor."""

    def __init__(self, code: Code, theme: Theme, *, opened: Callable[[T], object]) -> None:
        """``opened`` is called with what is shown when a person wants it in a tab."""
        self._code, self._theme = code, theme
        self._opened: Callable[[object], object] = opened  # type: ignore[assignment]  # it gets back what show was given
        self._timers = Timers(code)
        self._window: tk.Toplevel | None = None
        self.text: tk.Text | None = None
        self._place = -1
        self._seen = (-1, -1)
        """The document's version and the caret when it came."""
        code.text.bind("<Escape>", self._escaped, add="+")
        for event in ("<Button-1>", "<Unmap>", "<Configure>"):
            code.text.bind(event, lambda _: self.close(), add="+")
        code.text.bind("<FocusOut>", lambda _: self._timers.later("left", FOCUS_MILLISECONDS, self._left), add="+")
        code.bind("<Destroy>", lambda _: self._timers.cancel(), add="+")

    @property
    def shown(self) -> bool:
        """Whether it is there."""
        return self._window is not None

    def rest(self, event: tk.Event[tk.Misc], look: Callable[[int], object]) -> None:
        """Look a name up once the pointer has rested on it."""
        place = self._code.sheet.position(f"@{event.x},{event.y}")
        offset = self._code.document.offset(place)
        self._timers.later("rest", REST_MILLISECONDS, lambda: look(offset) if offset != self._place else None)

    def show(
        self,
        meant: Meant,
        title: str,
        comment: str,
        sections: Sequence[tuple[str, Sequence[Sequence[str]]]],
        definition: str,
        found: object,
    ) -> None:
        """Show what a name means, beside the name."""
        self.close()
        theme = self._theme
        px, color = theme.px, theme.color
        self._window = window = tk.Toplevel(self._code, borderwidth=0, background=color("border"))
        window.withdraw()
        window.overrideredirect(True)
        page = tk.Frame(window, borderwidth=0, background=color("raised"))
        page.pack(padx=1, pady=1, fill="both", expand=True)
        head = tk.Frame(page, borderwidth=0, background=color("raised"))
        head.pack(fill="x", padx=px(10), pady=(px(6), 0))
        name = tk.Label(head, text=drawn_lines(title), font=theme.ui_bold, borderwidth=0)
        name.configure(background=color("raised"), foreground=color("text"))
        name.pack(side="left")
        FlatButton(head, theme, self.close, icon="x-lg", ground="raised").pack(side="right")
        FlatButton(
            head, theme, lambda: self._open(found), text="Open in a tab", icon="box-arrow-up-right", ground="raised",
            role="accent",
        ).pack(side="right", padx=(px(20), px(4)))  # fmt: skip
        self.text = text = tk.Text(
            page, borderwidth=0, highlightthickness=0, wrap="none", takefocus=False, cursor="arrow", font=theme.code,
            background=color("raised"), foreground=color("text"), padx=px(10), pady=px(6), spacing1=px(1),
        )  # fmt: skip
        self._fill(text, meant.column, comment, sections, definition)
        text.configure(state="disabled")
        text.pack(side="left", fill="both", expand=True)
        AutoScrollbar(text)
        self._put_beside(window, text, meant)

    def _escaped_within(self, _: tk.Event[tk.Misc]) -> None:
        self.close()
        self._code.text.focus_set()

    def _left(self) -> None:
        """Put it away if the keyboard went elsewhere than into it, where text can be selected and copied."""
        holder = str(focused(self._code) or "")
        if self._window is not None and not holder.startswith((str(self._window), str(self._code.text))):
            self.close()

    def moved(self) -> None:
        """Put it away if the caret is somewhere else, or the text another, than when it came."""
        if self._window is not None and self._seen != (self._code.document.version, self._code.caret):
            self.close()

    def close(self) -> bool:
        """Put it away; return whether it was there."""
        self._timers.cancel()
        window, self._window, self.text, self._place = self._window, None, None, -1
        if window is not None:
            window.destroy()
        return window is not None

    def _open(self, found: object) -> None:
        self.close()
        self._opened(found)

    def _escaped(self, _: tk.Event[tk.Misc]) -> str | None:
        return "break" if self.close() else None

    def _fill(
        self,
        text: tk.Text,
        column: str | None,
        comment: str,
        sections: Sequence[tuple[str, Sequence[Sequence[str]]]],
        definition: str,
    ) -> None:
        theme = self._theme
        text.tag_configure("heading", foreground=theme.color("muted"), font=theme.small, spacing1=theme.px(8))
        text.tag_configure("comment", foreground=theme.color("muted"), font=theme.small)
        text.tag_configure("meant", foreground=theme.color("accent"))
        if comment:
            text.insert("end", drawn_lines(comment) + "\n", "comment")
        lines = comment.count("\n") + 1 if comment else 0
        longest = 40
        for heading, rows in sections:
            if heading:
                text.insert("end", f"{heading}\n", "heading")
                lines += 1
            cells = [[_cell(each) for each in row] for row in rows]
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            for row in cells:
                line = _GAP.join(each.ljust(width) for each, width in zip(row, widths, strict=True) if width).rstrip()
                is_meant = heading == "Columns" and column is not None and row[1] == _cell(column)
                text.insert("end", f"{line}\n", "meant" if is_meant else "")
                longest, lines = max(longest, len(line)), lines + 1
        if definition:
            text.insert("end", "SQL\n", "heading")
            text.insert("end", drawn_lines(definition.rstrip("\n")) + "\n")
            shown = definition.rstrip("\n").split("\n")
            longest, lines = max(longest, *map(len, shown)), lines + 1 + len(shown)
        text.delete("end-1c")
        text.configure(width=min(longest + 1, WIDEST), height=min(lines + 1, HIGHEST))

    def _put_beside(self, window: tk.Toplevel, text: tk.Text, meant: Meant) -> None:
        """Put it below the name, or above where there is more room; never beyond the screen."""
        code, px = self._code, self._theme.px
        self._place, self._seen = meant.start, (code.document.version, code.caret)
        place = code.document.position(meant.start)
        box = code.text.bbox(code.sheet.index(place)) or (px(40), px(40), 0, px(16))
        x, y = code.text.winfo_rootx() + box[0], code.text.winfo_rooty() + box[1]
        window.update_idletasks()
        width, height = window.winfo_reqwidth(), window.winfo_reqheight()
        right, bottom = window.winfo_screenwidth(), window.winfo_screenheight()
        below = y + box[3] + px(4)
        top = below if below + height <= bottom else max(y - height - px(4), 0)
        window.geometry(f"+{max(min(x, right - width), 0)}+{top}")
        window.deiconify()
        window.lift()
        window.bind("<Escape>", self._escaped_within)
        window.bind("<Button-4>", lambda _: text.yview_scroll(-3, "units"))
        window.bind("<Button-5>", lambda _: text.yview_scroll(3, "units"))


def _cell(text: str) -> str:
    line = drawn_lines(" ".join(text.split()))
    return line if len(line) <= LONGEST_CELL else f"{line[: LONGEST_CELL - 1]}…"
