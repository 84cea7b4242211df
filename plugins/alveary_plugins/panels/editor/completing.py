"""Completion in an editor: asks off Tk's thread, shows what could stand at the caret, and inserts what is chosen."""

from __future__ import annotations

import logging
import re
import threading
import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from alveary.completion import misfit, unread
from alveary.contracts.completion import CatalogView, NothingKnown, Suggestion
from alveary.errors import AlvearyError
from alveary.known import LEVELS, KnownCatalog
from alveary.sessions import Session
from alveary.sqltext import Dialect, Piece
from alveary_plugins.panels.editor.connecting import Connecting
from alveary_plugins.panels.editor.model import EditorModel
from alveary_shell.sdk import Window
from alveary_shell.widgets.code import Code
from alveary_shell.widgets.focus import focused
from alveary_shell.widgets.suggestions import Row, SuggestionList
from alveary_shell.widgets.timers import Timers

SETTING = "editor.complete"
PAUSE_MILLISECONDS = 160
"""How long nobody must type before suggestions come unasked."""
SOON_MILLISECONDS = 15
LOOK_MILLISECONDS = 150
FEWEST = 2
"""Characters of a word that must be there before suggestions come unasked, unless there is a dot."""
MOST = 300
"""Suggestions that are asked for; where there are more, typing on asks again."""
_MODIFIERS = 0x4 | 0x8
"""Ctrl and Alt, or Cmd, in the state of Tk's events."""
_log = logging.getLogger(__name__)
_WORD = re.compile(r"[\"'`\[]?[\w$]*")
_LAST_WORD = re.compile(_WORD.pattern + r"\Z")
_LOOKED_AT = 200
"""Characters before the caret that are looked at: what finds the last word of a text takes the square of its length."""
_ICONS = {
    "column": ("layout-three-columns", "accent"),
    "columns": ("list-columns", "accent"),
    "table": ("table", "warning"),
    "view": ("eye", "function"),
    "materialized view": ("eye-fill", "function"),
    "query": ("braces", "function"),
    "alias": ("tag", "accent"),
    "schema": ("collection", "accent"),
    "join": ("link-45deg", "accent"),
    "function": ("gear", "function"),
    "sequence": ("list-ol", "accent"),
    "index": ("lightning-charge", "warning"),
    "foreign key": ("link-45deg", "accent"),
    "role": ("person", "accent"),
    "user": ("person", "accent"),
    "keyword": ("type", "keyword"),
    "type": ("hash", "number"),
}


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, and the text it is asked of. ``asked`` says that a person did, not a pause."""

    text: str
    pieces: Sequence[Piece]
    caret: int
    version: int
    asked: bool
    dialect: Dialect
    session: Session | None
    target: str | None
    schema: str | None


@dataclass(frozen=True, slots=True)
class _Answer:
    question: _Question
    suggestions: list[Suggestion]
    whole: bool
    """There is no more than this."""
    known: bool
    """What the database holds was known."""


class Completing:
    """Belongs to one editor."""

    def __init__(self, window: Window, code: Code, model: EditorModel, connection: Connecting) -> None:
        self._window, self._code, self._model, self._connection = window, code, model, connection
        self.list = SuggestionList(code, window.theme, self._accept)
        self._timers = Timers(code)
        self._answer: _Answer | None = None
        self._shown: list[Suggestion] = []
        self._seen = (-1, -1)
        """The document's version and the caret for which they are shown."""
        self._last: _Question | None = None
        self._busy = False
        self._again: bool | None = None
        """Another question waits for the answer to the one before; whether a person asked it."""
        self._loading: Session | None = None
        self._loaded: Session | None = None
        """The session whose catalog was asked for last; where that failed it is not asked for again."""
        self._stopped = threading.Event()
        self._silent = -1
        """Where the word begins at which suggestions were put away: until the caret leaves it none come unasked."""
        keys: dict[str, Callable[[], bool]] = {
            "<Up>": lambda: self._move(-1),
            "<Down>": lambda: self._move(1),
            "<Prior>": lambda: self._move(-10),
            "<Next>": lambda: self._move(10),
            "<Tab>": lambda: self._take(only_chosen=False),
            "<Return>": lambda: self._take(only_chosen=True),
            "<KP_Enter>": lambda: self._take(only_chosen=True),
            "<Escape>": self._put_away,
        }
        for sequence, act in keys.items():
            code.text.bind(sequence, lambda event, act=act: self._pressed(event, act))  # type: ignore[misc]  # mypy can't infer a default
        for sequence in (
            "<FocusOut>",
            "<Unmap>",
            "<Button-1>",
            "<MouseWheel>",
            "<Button-4>",
            "<Button-5>",
        ):
            code.text.bind(sequence, lambda _: self.hide(), add="+")
        code.bind("<Destroy>", self._destroyed, add="+")

    def ask(self) -> None:
        """Show what could stand at the caret, because a person asked."""
        self._silent = -1
        self._code.focus()
        self._ask(asked=True)

    def typed(self, text: str) -> None:
        """A key has put something into the text: after a pause suggestions may come, if a person wants that."""
        when = self._window.kernel.settings.get(SETTING)
        if when == "asked" or self.list.shown or len(text) != 1:
            return
        if text == ".":
            self._timers.later("ask", SOON_MILLISECONDS, self._ask_unasked)
        elif when == "typing" and (text.isalnum() or text == "_"):
            self._timers.later("ask", PAUSE_MILLISECONDS, self._ask_unasked)

    def moved(self) -> None:
        """The caret is somewhere else, or the text is another: narrow the list to what still fits, or put it away."""
        if self._silent >= 0 and self._code.caret - len(_last_word(self._before_caret())) != self._silent:
            self._silent = -1
        answer = self._answer
        if answer is None or not self.list.shown or self._seen == (self._code.document.version, self._code.caret):
            return
        if not self._goes_on(answer.question):
            self.hide()
            if self._code.document.version != answer.question.version and self._before_caret().endswith("."):
                self.typed(".")
            return
        self._show(answer, armed=self.list.armed)
        if not answer.whole:
            self._ask(asked=answer.question.asked)

    def hide(self) -> None:
        """Put the suggestions away."""
        self.list.hide()
        self._answer = None
        self._shown = []

    def close(self) -> None:
        """Ask nothing any more."""
        self._stopped.set()
        self.hide()

    # -- asking --------------------------------------------------------------------------------------------------

    def _ask_unasked(self) -> None:
        code = self._code
        if code.selection is not None or code.loading or code.read_only or focused(code) is not code.text:
            return
        before = self._before_caret()
        word = _last_word(before)
        after_dot = before.removesuffix(word).endswith(".")
        if code.caret - len(word) == self._silent:
            return
        word = word.lstrip("\"'`[")
        if after_dot or (len(word) >= FEWEST and not word[0].isdigit()):
            self._silent = -1
            self._ask(asked=False)

    def _before_caret(self) -> str:
        line, column = self._code.caret_position
        return self._code.document.lines[line][max(0, column - _LOOKED_AT) : column]

    def _ask(self, *, asked: bool) -> None:
        if self._busy:
            self._again = asked or bool(self._again)
            return
        self._busy = True
        # Where statements end the editor finds out anyhow, of a long text in a thread.
        self._code.when_split(lambda pieces: self._begin(pieces, asked=asked))

    def _begin(self, pieces: list[Piece], *, asked: bool) -> None:
        code, model = self._code, self._model
        question = self._last = _Question(
            text=code.content,
            pieces=pieces,
            caret=code.caret,
            version=code.document.version,
            asked=asked,
            dialect=model.dialect,
            session=model.session if model.connected else None,
            target=model.target,
            schema=self._connection.schema,
        )
        threading.Thread(target=self._work, args=(question,), name="alveary-completing", daemon=True).start()

    def _work(self, question: _Question) -> None:
        """Answer a question, on a thread of its own."""
        kernel = self._window.kernel
        found: list[Suggestion] = []
        known: KnownCatalog | None = None
        try:
            driver = question.session.driver.id if question.session is not None else ""
            known = kernel.catalogs.known(question.session or question.target or "")
            session = question.session
            if known is not None and session is not None:
                known = self._with_unread(known, session, question)
            catalog: CatalogView = NothingKnown() if known is None else known
            if known is not None and question.schema in known.schemas:
                rest = [name for name in known.search_path if name != question.schema]
                catalog = replace(known, search_path=(question.schema, *rest))
            found = kernel.completion.complete(
                question.text,
                question.caret,
                question.dialect,
                catalog,
                driver=driver,
                pieces=question.pieces,
                limit=MOST,
            )
        finally:
            is_known = known is not None and all(
                known.has(schema, level) for schema in known.search_path for level in LEVELS
            )
            answer = _Answer(question, found, len(found) < MOST, is_known)
            self._window.post(lambda: self._answered(answer))

    def _with_unread(self, known: KnownCatalog, session: Session, question: _Question) -> KnownCatalog:
        """Return what is known with what is read only once it is named: the server's schemas, indexes, roles."""
        catalogs = self._window.kernel.catalogs
        for schema, levels in unread(question.text, question.caret, known):
            try:
                known = catalogs.load(
                    session, schemas=[schema], levels=levels, stopped=self._stopped, origin="completion"
                )
            except AlvearyError as exc:
                _log.info("what %s holds is not known: %s", schema or "the server", exc.message)
        return known

    def _answered(self, answer: _Answer) -> None:
        self._busy = False
        if self._stopped.is_set():
            return
        if self._again is not None:
            asked, self._again = self._again, None
            self._ask(asked=asked)
        if not answer.known:
            self._load(answer.question)
        if self._goes_on(answer.question):
            self._show(answer, armed=answer.question.asked or self.list.armed)
        elif self._answer is None or not self._goes_on(self._answer.question):
            self.hide()

    def _load(self, question: _Question) -> None:
        """Ask what the database holds, once for each session; then what is shown is asked for again."""
        session = question.session
        if session is None or session in (self._loading, self._loaded):
            return
        self._loading = session
        kernel, stopped = self._window.kernel, self._stopped

        def work() -> None:
            try:
                kernel.catalogs.load(session, stopped=stopped, origin="completion")
            except AlvearyError as exc:  # the tree says so to whoever wants to see what the database holds
                _log.info("what %s holds is not known: %s", session.target.display(), exc.message)
            finally:
                self._window.post(done)

        def done() -> None:
            self._loading, self._loaded = None, session
            last = self._last
            if not stopped.is_set() and last is not None and self._goes_on(last):
                self._ask(asked=last.asked)

        threading.Thread(target=work, name="alveary-completing-catalog", daemon=True).start()

    # -- showing -------------------------------------------------------------------------------------------------

    def _goes_on(self, question: _Question) -> bool:
        """Return whether since a question was asked nothing was done but to type, or erase, within the word there."""
        document, caret = self._code.document, self._code.caret
        if document.version == question.version:
            return caret == question.caret
        grown = caret - question.caret
        if document.size != len(question.text) + grown or self._code.selection is not None:
            return False
        begin = _word_start(question)
        return caret > begin and _WORD.fullmatch(document.text[begin:caret]) is not None

    def _show(self, answer: _Answer, *, armed: bool) -> None:
        caret = self._code.caret
        text = self._code.content
        fitting: list[tuple[float, int, Suggestion]] = []
        for order, each in enumerate(answer.suggestions):
            before = _misfit(answer.question.text[each.start : answer.question.caret], each)
            now = _misfit(text[each.start : caret], each)
            if now is not None:
                fitting.append((each.rank - (before or 0.0) + now, order, each))
        fitting.sort(key=lambda each: each[:2])
        shown = [each for *_, each in fitting]
        begin = _word_start(answer.question)
        word = text[begin:caret]
        place = self._code.on_screen(min(begin, caret))
        if not answer.question.asked and (
            not shown or shown[0].label.lower() == word.lower() or not (word or text[:caret].endswith("."))
        ):
            shown = []
        if place is None or (not shown and not answer.question.asked):
            self.hide()
            return
        at, armed = self._still_chosen(shown, armed=armed)
        self._answer, self._shown = answer, shown
        self._seen = self._code.document.version, caret
        rows = [Row(each.label, each.kind, each.detail, *_ICONS.get(each.kind, ("dot", "muted"))) for each in shown]
        self.list.show(rows or [Row("No suggestions", icon="slash-circle")], *place, armed=armed and bool(rows), at=at)
        self._watch((self._code.winfo_rootx(), self._code.winfo_rooty()))

    def _still_chosen(self, shown: list[Suggestion], *, armed: bool) -> tuple[int, bool]:
        """Return which row stands out among others than before, and whether it counts as chosen.

        What a person went to stays chosen. Where it is gone though they typed nothing, Enter must not take another.
        """
        if not self.list.armed or self.list.at >= len(self._shown):
            return 0, armed
        chosen = self._shown[self.list.at]
        for at, each in enumerate(shown):
            if (each.text, each.start) == (chosen.text, chosen.start):
                return (at if self.list.at else 0), True
        typed = self._seen != (self._code.document.version, self._code.caret)
        return 0, typed or self.list.at == 0

    # -- what keys do --------------------------------------------------------------------------------------------

    def _pressed(self, event: tk.Event[tk.Misc], act: Callable[[], bool]) -> str | None:
        if not self.list.shown:
            return None
        if int(event.state) & _MODIFIERS:  # Ctrl+Enter runs, Alt+Up moves lines: they are no keys of the list
            self.hide()
            return None
        return "break" if act() else None

    def _move(self, step: int) -> bool:
        self.list.move(step)
        return True

    def _take(self, *, only_chosen: bool) -> bool:
        """Insert the suggestion that stands out; Enter only one that was chosen, for it begins a line otherwise."""
        self.moved()  # what was typed since may not have been looked at yet
        if not self._shown or (only_chosen and not self.list.armed):
            self.hide()
            return False
        self._accept(self.list.at)
        return True

    def _put_away(self) -> bool:
        self._silent = _word_start(self._answer.question) if self._answer is not None else -1
        self._last = None
        self.hide()
        return True

    def _accept(self, at: int) -> None:
        answer = self._answer
        if answer is None or not self._goes_on(answer.question) or at >= len(self._shown):
            self.hide()
            return
        chosen = self._shown[at]
        grown = self._code.caret - answer.question.caret
        self.hide()
        self._timers.forget("ask")
        self._last = None
        self._code.replace(chosen.start, max(chosen.end + grown, chosen.start), chosen.text, chosen.caret)
        self._code.focus()
        if chosen.text.endswith("."):
            self.typed(".")

    def _watch(self, place: tuple[int, int]) -> None:
        """Put the list away when the window goes somewhere else: it would stay behind."""
        if self.list.shown:
            now = self._code.winfo_rootx(), self._code.winfo_rooty()
            if now != place:
                self.hide()
            else:
                self._timers.later("watch", LOOK_MILLISECONDS, lambda: self._watch(place))

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self._code:
            self._timers.cancel()


def _word_start(question: _Question) -> int:
    """Return where the word begins that the caret is in."""
    return question.caret - len(_last_word(question.text[max(0, question.caret - _LOOKED_AT) : question.caret]))


def _last_word(text: str) -> str:
    """Return the word that a text ends with, and the quote that opens it."""
    found = _LAST_WORD.search(text)
    return found[0] if found is not None else ""


def _misfit(typed: str, suggestion: Suggestion) -> float | None:
    return misfit(typed.lstrip("\"'`[").lower(), suggestion.label)
