"""Many texts in few strings, each of which is looked through in one go."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import NamedTuple

BLOCK = 1 << 17
"""Characters that are looked through in one go: a millisecond or two, during which no other thread can run."""


class Block(NamedTuple):
    """Some texts in one string, each between line breaks."""

    text: str
    first: int
    """Number of the first of them."""
    starts: array[int]
    names: array[int]
    """Where in each its name begins."""

    def line(self, at: int) -> int:
        """Return which of them a place of the string is in, from 0."""
        return bisect_right(self.starts, at) - 1

    def around(self, line: int) -> tuple[str, int, int]:
        """Return the string and the part of it in which one of them stands, the line breaks around it included."""
        end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.text)
        return self.text, self.starts[line] - 1, end

    def of(self, line: int) -> tuple[str, int]:
        """Return one of them, and where its name begins."""
        end = self.starts[line + 1] - 1 if line + 1 < len(self.starts) else len(self.text) - 1
        return self.text[self.starts[line] : end], self.names[line]


class Lines:
    """Texts in blocks that are looked through one after the other."""

    def __init__(self) -> None:
        self.count = 0
        self.blocks: list[Block] = []
        self._firsts: list[int] = []
        self._pending: list[str] = []
        self._names: array[int] = array("H")
        self._size = 0

    def add(self, text: str, name_at: int) -> None:
        """Add a folded text."""
        self._pending.append(text)
        self._names.append(min(name_at, 0xFFFF))
        self._size += len(text) + 1
        self.count += 1
        if self._size >= BLOCK:
            self.close()

    def close(self) -> None:
        """Put what was added last into a block."""
        if not self._pending:
            return
        starts, at = array("I"), 1
        for text in self._pending:
            starts.append(at)
            at += len(text) + 1
        first = self.count - len(self._pending)
        self._firsts.append(first)
        self.blocks.append(Block("\n" + "\n".join(self._pending) + "\n", first, starts, self._names))
        self._pending, self._names, self._size = [], array("H"), 0

    def get(self, number: int) -> tuple[str, int]:
        """Return a text by its number, and where its name begins."""
        block = self.blocks[bisect_right(self._firsts, number) - 1]
        return block.of(number - block.first)
