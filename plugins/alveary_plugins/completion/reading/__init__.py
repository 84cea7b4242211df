"""Reads a statement that is still being written: its queries, what each reads from, and where the caret stands.

There is no grammar to satisfy. One pass over the words keeps a stack of frames, one for each parenthesis that is open,
each with the clause it is in; a word that opens a clause changes it, whatever was missing before. A parenthesis that
was never closed ends where a clause begins that can't stand in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from alveary_plugins.completion.reading.clauses import keyword
from alveary_plugins.completion.reading.parentheses import opened
from alveary_plugins.completion.reading.sources import READS, name
from alveary_plugins.completion.reading.stack import LISTS, Stack
from alveary_plugins.completion.tree import Place, Source
from alveary_plugins.completion.words import CARET, Word

_RESTARTS = frozenset({"select", "insert", "update", "delete", "with", "merge"})
_GOES_ON_TEXT = """
union all except intersect minus distinct as ( explain analyze verbose then else begin do loop query for on before after
of or instead key grant revoke , plan return ) |caret| into
"""
_GOES_ON = frozenset(_GOES_ON_TEXT.split())


def read_queries(words: Sequence[Word], text: str) -> Place | None:
    """Read a statement; return where the caret stands in it, with the scopes as the whole statement tells them."""
    return _Reading(words, text).run()


class _Reading:
    """One pass."""

    def __init__(self, words: Sequence[Word], text: str) -> None:
        self.words = words
        self.text = text
        self.place: Place | None = None
        self.stack = Stack(words)

    def run(self) -> Place | None:
        at = 0
        while at < len(self.words):
            at = self._step(at)
        while len(self.stack.frames) > 1:
            self.stack.pop(len(self.words))
        self.stack.end_item(self.stack.frame, len(self.words))
        return self.place

    def _step(self, at: int) -> int:
        word = self.words[at]
        lower = word.lower
        frame = self.stack.frame
        if lower == CARET:
            return self._caret(at)
        if lower == "(":
            self.stack.frames.append(opened(self.stack, at))
            return at + 1
        if lower == ")":
            if len(self.stack.frames) > 1:
                self.stack.pop(at)
            return at + 1
        if lower == ";":
            if self.place is None:  # what is before has nothing to do with what the caret is in
                self.stack.restart(at + 1)
            else:
                return len(self.words)
            return at + 1
        if lower == ",":
            self._comma(at)
            return at + 1
        is_part = at > 0 and self.words[at - 1].lower == "." and self.words[at - 1].end == word.start
        if is_part or not word.is_name:
            if frame.expects == "alias" and lower not in (".", "::"):
                frame.expects = ""
            return at + 1
        if self.stack.lower(at + 1) != "." and lower:
            if lower in _RESTARTS and self._begins_another(at):
                if self.place is not None:
                    return len(self.words)
                self.stack.restart(at)
            taken = keyword(self.stack, at, lower)
            if taken:
                return taken
        return name(self.stack, at)

    def _begins_another(self, at: int) -> bool:
        """Return whether a verb that begins a line begins another statement, what is before being unfinished."""
        if (
            at == 0
            or len(self.stack.frames) > 1
            or not self.stack.frame.query.verb
            or self.stack.lower(at - 1) in _GOES_ON
        ):
            # Right behind the caret a line that begins with a verb is the next statement as well.
            if not (
                at and self.stack.lower(at - 1) == CARET and len(self.stack.frames) == 1 and self.stack.frame.query.verb
            ):
                return False
            if self.stack.frame.clause in ("set operation", "with", "into", "insert", "start"):
                return False
        query = self.stack.frame.query
        if query.verb == "insert" and self.stack.frame.base is None and self.stack.lower(at) in ("select", "with"):
            return False
        if self.stack.frame.clause in ("with", "utility", "set operation"):
            return False
        line = self.text.rfind("\n", 0, self.words[at].start) + 1
        return not self.text[line : self.words[at].start].strip() and line > 0

    def _caret(self, at: int) -> int:
        frame = self.stack.frame
        if frame.clause == "start" and frame.kind == "query" and at > frame.begin and len(self.stack.frames) == 1:
            frame.clause = "utility"
        self.place = Place(
            self.words, at, list(map(copy, self.stack.frames)), frame.clause, frame.expects, frame.argument, frame.query
        )
        if frame.expects == "relation":
            if self.stack.lower(at + 1) != "(":
                frame.expects, frame.source = "alias", Source()
        elif frame.expects == "alias" and self.stack.lower(at - 1) != ".":
            frame.expects = ""
        return at + 1

    def _comma(self, at: int) -> None:
        frame = self.stack.frame
        frame.argument += 1
        if frame.kind == "names":
            return
        if frame.clause in LISTS:
            self.stack.end_item(frame, at)
            frame.item = at + 1
        elif frame.clause in (*READS, "on", "using") and frame.kind in ("query", "sources"):
            frame.clause, frame.expects = "from", "relation"
        elif frame.clause == "with":
            frame.current = None
