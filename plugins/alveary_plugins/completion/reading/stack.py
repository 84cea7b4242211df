"""What is open while a statement is read: its queries and its parentheses, the innermost last."""

from __future__ import annotations

from collections.abc import Sequence

from alveary_plugins.completion.tree import Frame, Query
from alveary_plugins.completion.words import Word

LISTS = ("select", "returning")
"""Clauses whose items are kept."""


class Stack:
    """The frames that are open, over the words of the statement."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        self.frames = [Frame("query", Query())]

    @property
    def frame(self) -> Frame:
        """The innermost."""
        return self.frames[-1]

    def lower(self, at: int) -> str:
        """Return a word in lower case, empty beyond the ends."""
        return self.words[at].lower if 0 <= at < len(self.words) else ""

    def restart(self, at: int) -> None:
        """Forget what is open: another statement begins."""
        self.frames = [Frame("query", Query(begin=at), begin=at)]

    def enter(self, at: int, clause: str, expects: str) -> None:
        """Begin another clause of the innermost frame."""
        self.end_item(self.frame, at)
        self.frame.clause, self.frame.expects = clause, expects

    def end_item(self, frame: Frame, at: int) -> None:
        """End an item of a list that is kept."""
        if frame.clause in LISTS and frame.kind == "query" and frame.item < at:
            frame.query.items.append((frame.item, at))
            frame.item = at

    def pop(self, at: int) -> None:
        """Close the innermost parenthesis."""
        frame = self.frames.pop()
        self.end_item(frame, at)
        if frame.kind == "row" and not frame.query.widths:
            frame.query.widths = frame.argument + 1
        outer = self.frame
        if outer.clause == "with" and frame.kind == "query" and outer.current is not None:
            outer.current = None

    def close_groups(self, at: int) -> None:
        """End the parentheses that a clause can't stand in: they were not closed yet."""
        while len(self.frames) > 1 and self.frame.kind not in ("query", "sources"):
            self.pop(at)
