"""The text of an editor laid out: in the background, as one step of undo, the caret on the token it was on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from alveary.commands.formatting import style_of
from alveary.jobs import Job
from alveary.sqltext import Dialect
from alveary.sqltext.formatting import Left, Places, format_script, left_in_words
from alveary_shell.sdk import Window
from alveary_shell.widgets.code import Code


@dataclass(frozen=True, slots=True)
class _LaidOut:
    text: str
    left: tuple[Left, ...]
    place: Places


class Formatting:
    """Lays out what an editor holds."""

    def __init__(self, window: Window, code: Code, dialect: Callable[[], Dialect | None]) -> None:
        """``dialect`` says whose SQL it is, None where nobody has said where it is to be run."""
        self._window, self._code, self._dialect = window, code, dialect

    def format(self, *, everything: bool = False) -> None:
        """Lay out the statements the selection touches, or the one at the caret, or all of them."""
        code, window = self._code, self._window
        text, version, dialect = code.content, code.document.version, self._dialect()
        selection, caret = code.selection, code.caret
        within = None if everything else selection or (caret, caret)

        def work(_: Job) -> _LaidOut:
            found = format_script(text, dialect, style_of(window.kernel), within)
            return _LaidOut(found.text, found.left, Places(text, found.text, dialect))

        def done(laid: _LaidOut) -> None:
            if code.document.version != version:
                window.notify("The text was changed meanwhile; nothing was laid out", "warning")
                return
            if laid.text != text:
                code.replace_all(laid.text)
                if selection is not None:
                    code.go_to(*map(laid.place, selection))
                else:
                    code.go_to(laid.place(caret))
            self._tell(laid.left)

        window.background("Laying out SQL", work, done)

    def _tell(self, left: tuple[Left, ...]) -> None:
        sentences = left_in_words(left)
        if len(sentences) == 1:
            window_says = sentences[0][0].upper() + sentences[0][1:]
            self._window.notify(window_says, "warning")
        elif sentences:
            count = f"{len(sentences)} statements are left as they are"
            self._window.notify(count, "warning", detail="\n".join(sentences[:10]))
