"""The sheet of an editor: a Tk text that shows a :class:`Document`, and where what is.

The document is the text; the widget only shows it. Every insertion and removal that Tk's own bindings ask the widget
for is turned into an edit of the document, and the document's edits are shown. So the text stays exact whatever Tk
makes of it: what it can't draw has a stand-in, and a line too long for it is shown in several rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alveary_shell.widgets.code_text import CodeText
from alveary_shell.widgets.document import Document, Edit, Position
from alveary_shell.widgets.rows import Rows, with_breaks
from alveary_shell.widgets.standins import WIDE, drawn_lines
from alveary_shell.widgets.timers import Timers

AT_ONCE = 120_000
"""Characters that are shown at once; more come in slices, and so long nothing can be edited."""
PIECE = 80_000
"""Characters shown in one slice."""


class Sheet:
    """Shows a document in a text widget; translates its places to the widget's indices and back."""

    def __init__(
        self,
        text: CodeText,
        document: Document,
        timers: Timers,
        *,
        asked: Callable[[str, Position, Position | None, str], object],
        notified: Callable[[str], object],
    ) -> None:
        """Take the widget over.

        ``asked(operation, start, end, text)`` is called for an edit that Tk's bindings want, where ``end`` None stands
        for the character at ``start``; ``notified("caret" | "view")`` when the caret moved or another part is seen.
        """
        self._text, self._document, self._timers = text, document, timers
        self._asked, self._notified = asked, notified
        self.rows = Rows()
        self._loading: list[str] = []
        """What of a long text is still to be shown."""
        self._when_loaded: list[Callable[[], object]] = []
        self.path = str(text)
        self._wide = int(text.tk.call("string", "length", "\U0001f600")) == 2
        self._proxy()

    def _proxy(self) -> None:
        """Put ourselves between Tk's bindings and the widget."""
        path = str(self._text)
        self.raw = f"{path}.raw"
        edited = self._text.register(self._want)
        notify = self._text.register(self._notified)
        self._text.tk.call("rename", path, self.raw)
        self._text.tk.call(
            "proc",
            path,
            "operation args",
            f"""
            switch -- $operation {{
                insert - delete - replace {{ return [{edited} $operation {{*}}$args] }}
                edit {{ return 0 }}
            }}
            set answer [uplevel 1 [list {self.raw} $operation {{*}}$args]]
            switch -- $operation {{
                mark {{ if {{[lrange $args 0 1] eq "set insert"}} {{ {notify} caret }} }}
                yview - see {{ if {{[llength $args]}} {{ {notify} view }} }}
            }}
            return $answer
            """,
        )

    def close(self) -> None:
        """Give the widget back, which is being destroyed."""
        self._text.tk.call("rename", str(self._text), "")

    def call(self, *arguments: Any) -> Any:
        """Call the widget itself."""
        return self._text.tk.call(self.raw, *arguments)

    def call_list(self, *arguments: Any) -> tuple[Any, ...]:
        """Call the widget itself for an answer that is a list."""
        return tuple(self._text.tk.splitlist(self.call(*arguments)))

    # -- a text ------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Show the document from its beginning."""
        self.rows.reset(self._document.lines)
        self._loading, self._when_loaded = [], []
        self.call("delete", "1.0", "end")
        self.call("mark", "set", "insert", "1.0")
        shown = with_breaks(drawn_lines(self._document.text))
        if len(shown) <= AT_ONCE:
            self.call("insert", "end", shown)
        else:
            self._loading = [shown[at : at + PIECE] for at in range(0, len(shown), PIECE)]
            self._load_some()
        self.call("mark", "set", "insert", "1.0")
        self.call("xview", "moveto", 0)

    @property
    def loading(self) -> bool:
        """Whether a long text is still being shown; nothing can be edited so long."""
        return bool(self._loading)

    def when_loaded(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` when all of the text is shown: now, or later."""
        if self._loading:
            self._when_loaded.append(callback)
        else:
            callback()

    def _load_some(self) -> None:
        if not self._loading:  # another text came meanwhile
            return
        self.call("insert", "end", self._loading.pop(0))
        self.call("mark", "set", "insert", "1.0")
        if self._loading:
            self._timers.later("load", 1, self._load_some)
            return
        waiting, self._when_loaded = self._when_loaded, []
        for callback in waiting:
            callback()

    # -- places --------------------------------------------------------------------------------------------------

    @property
    def caret(self) -> Position:
        """The caret's line and column."""
        return self.position("insert")

    def index(self, position: Position) -> str:
        """Return where the widget has a place."""
        row, column = self.rows.place(position)
        line = self._document.lines[position.line]
        if self._wide and not line.isascii():
            column += len(WIDE.findall(line, position.column - column, position.column))
        return f"{row + 1}.{column}"

    def position(self, index: str) -> Position:
        """Return the place the widget has at an index."""
        row, _, column = str(self.call("index", index)).partition(".")
        line, start, end = self.rows.row(int(row) - 1)
        if line >= len(self._document.lines):
            return self._document.end
        text, units = self._document.lines[line], int(column)
        if self._wide and not text.isascii() and WIDE.search(text, start, end if end is not None else len(text)):
            at = start
            while units > 0 and at < len(text):
                units -= 2 if text[at] > "\uffff" else 1
                at += units >= 0  # between the halves of a character is before it
            return Position(line, at)
        return self._document.within(Position(line, start + units))

    def selected(self) -> tuple[Position, Position] | None:
        """Return the selected stretch, None if nothing is selected."""
        places = self.call_list("tag", "ranges", "sel")
        if not places:
            return None
        start, end = self.position(str(places[0])), self.position(str(places[1]))
        return (start, end) if start < end else None

    def selected_lines(self) -> tuple[int, int]:
        """Return the first and last line the selection touches; one that it only ends before is not touched."""
        if (places := self.selected()) is None:
            line = self.caret.line
            return line, line
        start, end = places
        return start.line, end.line - (end.column == 0 and end.line > start.line)

    def select(self, start: Position, end: Position | None) -> str:
        """Put the caret at ``end``, the stretch before it selected, or at ``start``; return the caret's index."""
        at = self.index(start)
        to = self.index(end) if end is not None else at
        self.call("tag", "remove", "sel", "1.0", "end")
        self.call("mark", "set", "insert", to)
        self.call("mark", "set", f"tk::anchor{self._text}", at)
        if end is not None:
            self.call("tag", "add", "sel", at, to)
        return to

    # -- edits ---------------------------------------------------------------------------------------------------

    def _want(self, operation: str, *arguments: str) -> str:
        """Take an edit that Tk's bindings asked the widget for."""
        start = self.position(arguments[0])
        if operation == "insert":
            self._asked(operation, start, start, "".join(arguments[1::2]))
        else:
            end = self.position(arguments[1]) if len(arguments) > 1 else None
            self._asked(operation, start, end, "".join(arguments[2::2]))
        return ""

    def edited(self, edit: Edit) -> None:
        """Show an edit of the document."""
        for patch in self.rows.edited(edit, self._document.lines):
            self._patch(patch.row, patch.column, patch.end_row, patch.end_column, patch.text, edit)

    def _patch(self, row: int, column: int, end_row: int, end_column: int, text: str, edit: Edit) -> None:
        """Put what is shown of an edit in its place; the widget's columns count halves of wide characters."""
        start, end = f"{row + 1}.{column}", f"{end_row + 1}.{end_column}"
        if self._wide:
            line = self._document.lines[edit.start.line]
            if not (line.isascii() and edit.text.isascii()):
                # The widget still shows what was there before, so it is asked itself.
                start, end = self._unit_index(row, column), self._unit_index(end_row, end_column)
        if (row, column) != (end_row, end_column):
            self.call("delete", start, end)
        if text:
            self.call("insert", start, drawn_lines(text))

    def _unit_index(self, row: int, column: int) -> str:
        shown = str(self.call("get", f"{row + 1}.0", f"{row + 1}.end"))
        return f"{row + 1}.{column + len(WIDE.findall(shown[:column]))}"
