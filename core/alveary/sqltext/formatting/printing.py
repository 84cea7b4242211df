"""Words printed in their order, each exactly once, and the lines broken of what does not fit.

A part that fits on the rest of its line stays on it; one that does not has all its items on lines of their own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from alveary.sqltext.formatting.words import Word
from alveary.sqltext.lexer import TokenKind


class Line(NamedTuple):
    """A place where a line may break, and does if what it is directly in does not fit."""


class Indent(NamedTuple):
    """Lines that break within stand further to the right."""

    docs: list[Doc]


class Group(NamedTuple):
    """What stands on one line if it fits: all its lines break, or none. ``force`` breaks them in any case."""

    first: int
    last: int
    docs: list[Doc]
    force: bool = False


class Fill(NamedTuple):
    """Items that are put on a line as long as they fit."""

    items: list[list[int]]


Doc: TypeAlias = "int | Line | Indent | Group | Fill"
LINE = Line()


class Printer:
    """Prints words in their order, and breaks the lines of what does not fit."""

    def __init__(
        self, words: Sequence[Word], gaps: list[str], *, forced: Sequence[int], indent: int, width: int
    ) -> None:
        """``gaps`` stand before the words where no line breaks; ``forced`` groups begin at these words; ``indent`` and
        ``width`` count characters."""
        self._groups = sorted(forced)
        self._words, self._gaps = words, gaps
        self._step, self._width = indent, width
        self._parts: list[str] = []
        self._at = 0
        """The word that is printed next."""
        self._column = 0
        self._begins_line = True
        self._must_break = False
        self._lone_comma = False
        """A comma is all that stands on the line."""
        self._ends, self._forced, self._spanning = [0], [0], [0]
        for word, gap in zip(words, gaps, strict=True):
            self._ends.append(self._ends[-1] + len(gap) + len(word.text))
            self._forced.append(self._forced[-1] + _breaks(words, len(self._forced) - 1))
            self._spanning.append(self._spanning[-1] + ("\n" in word.text))

    def printed(self, doc: Doc) -> str:
        """Return the text."""
        self._print([doc], 0, broken=False, tail=0)
        assert self._at == len(self._words), "every word is printed, and once"
        return "".join(self._parts)

    def _print(self, docs: Sequence[Doc], indent: int, *, broken: bool, tail: int) -> None:
        """Print what stands one after the other; ``tail`` is how much must still fit on the last line behind it."""
        tails = self._tails(docs, tail)
        for doc, behind in zip(docs, tails, strict=True):
            if isinstance(doc, int):
                self._word(doc, indent)
            elif isinstance(doc, Line):
                # What stands behind a comma that a comment drove to a line of its own stays with it.
                if broken and not self._lone_comma:
                    self._break(indent)
            elif isinstance(doc, Indent):
                self._print(doc.docs, indent + self._step, broken=broken, tail=behind)
            elif isinstance(doc, Fill):
                self._fill(doc, indent, behind, broken=broken)
            elif not doc.force and self._fits(doc, behind):
                self._whole(doc, indent, behind)
            else:
                self._print(doc.docs, indent, broken=True, tail=behind)

    def _whole(self, group: Group, indent: int, tail: int) -> None:
        """Print a group that fits on the line; only one that holds a forced one, or what spans lines, needs a look."""
        first, last = max(group.first, self._at), group.last
        at = bisect_left(self._groups, group.first)
        if (at < len(self._groups) and self._groups[at] < last) or self._spanning[last] > self._spanning[group.first]:
            self._print(group.docs, indent, broken=False, tail=tail)
            return
        while last > first and self._words[last - 1].is_comment:
            last -= 1
        if first < last:
            self._word(first, indent)
            for text in self._words[first + 1 : last]:
                self._parts += (self._gaps[self._at], text.text)
                self._at += 1
            self._column += self._ends[last] - self._ends[first + 1]
            self._must_break = self._words[last - 1].ends
            self._lone_comma = self._lone_comma and last == first + 1
        for place in range(last, group.last):
            self._word(place, indent)

    def _tails(self, docs: Sequence[Doc], tail: int) -> list[int]:
        tails = []
        for doc in reversed(docs):
            tails.append(tail)
            if isinstance(doc, int):
                tail += len(self._gaps[doc]) + len(self._words[doc].text)
            elif isinstance(doc, Line):
                tail = 0
            else:
                tail = self._first_stretch(doc)
        return tails[::-1]

    def _first_stretch(self, doc: Doc) -> int:
        """Return how much of a part stands before the first place where it may break."""
        if isinstance(doc, int):
            return len(self._gaps[doc]) + len(self._words[doc].text)
        if isinstance(doc, Line | Fill):
            return 0
        total = 0
        for each in doc.docs:
            total += self._first_stretch(each)
            if not isinstance(each, int):
                break
        return total

    def _fits(self, group: Group, tail: int) -> bool:
        last = group.last
        while last > group.first and self._words[last - 1].trails and not self._words[last - 1].text.startswith("/*"):
            last -= 1
        if self._forced[max(last - 1, group.first)] > self._forced[group.first]:
            return False
        length = self._ends[last] - self._ends[group.first]
        if self._begins_line:
            length -= len(self._gaps[group.first])
        return self._column + length + tail <= self._width

    def _word(self, at: int, indent: int) -> None:
        if at < self._at:
            return  # a comment that was printed before the line broke
        word = self._words[at]
        if self._must_break or (word.owns_line and not self._begins_line) or _starts_line(self._words, at):
            self._break(indent)
        if not self._begins_line:
            self._parts.append(self._gaps[at])
            self._column += len(self._gaps[at])
        self._lone_comma = self._begins_line and word.text == ","
        self._parts.append(word.text)
        line = word.text.rfind("\n")
        self._column = self._column + len(word.text) if line < 0 else len(word.text) - line - 1
        self._begins_line = False
        self._must_break = word.ends
        self._at = at + 1

    def _break(self, indent: int) -> None:
        while self._at < len(self._words) and self._words[self._at].trails and not self._begins_line:
            if self._must_break:
                break
            self._word(self._at, indent)
        if self._begins_line or self._at == len(self._words):
            self._must_break = False
            return
        self._parts.append("\n" + " " * indent)
        self._column, self._begins_line, self._must_break = indent, True, False

    def _fill(self, fill: Fill, indent: int, tail: int, *, broken: bool) -> None:
        for number, item in enumerate(fill.items):
            length = self._ends[item[-1] + 1] - self._ends[item[0]]
            behind = tail if number == len(fill.items) - 1 and not broken else 0
            if broken and number and self._column + length + behind > self._width:
                self._break(indent)
            for at in item:
                self._word(at, indent)


def _breaks(words: Sequence[Word], at: int) -> int:
    """Return 1 if a line must end behind a token, or before it."""
    return int(words[at].ends or (at + 1 < len(words) and _starts_line(words, at + 1)))


def _starts_line(words: Sequence[Word], at: int) -> bool:
    """Return whether a literal goes on on the next line, as standard SQL has it."""
    return at > 0 and words[at].below and words[at].kind is TokenKind.STRING and words[at - 1].kind is TokenKind.STRING
