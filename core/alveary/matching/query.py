"""What a person typed, and how it is found in one text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from alveary.matching.folding import HUMP, folded, forms, moved
from alveary.matching.words import Level, initials_pattern, literal, scattered_pattern

MOST_LETTERS = 200
"""Letters of a query that count."""
MOST_WORDS = 8
"""Words of a query that count."""


class Match(NamedTuple):
    """How a query is found in one text: to be sorted by level and span, the smallest first."""

    level: Level
    span: int
    """Characters over which scattered letters are spread, 0 for what is found better."""
    ranges: tuple[tuple[int, int], ...]
    """The parts of the text that matched, from and up to, in their order and apart from each other."""


class Query:
    """What a person typed, read once and then looked for in many texts. Never raises, whatever it is."""

    def __init__(self, text: str) -> None:
        self.text = text
        plain = "".join(char for char in text[:MOST_LETTERS] if not unicodedata.combining(char))
        self.words: tuple[str, ...] = tuple(folded(plain).split()[:MOST_WORDS])
        """What is looked for, folded; none finds everything."""

    def match(self, text: str, name_at: int = 0, *, scattered: bool = True) -> Match | None:
        """Return how this is found in a text, None where it is not.

        The text is a path whose last name begins at ``name_at``, or a mere name. Without ``scattered`` each word must
        stand there as it is written.
        """
        found: Match | None = None
        for form in forms(text):
            level, span = Level.EXACT, 0
            ranges: list[tuple[int, int]] = []
            for word in self.words:
                one = _placed(word, form, name_at + form.count(HUMP, 0, moved(form, name_at)))
                if one is None or (one.level >= Level.INITIALS and not scattered):
                    break
                level, span = max(level, one.level), span + one.span
                ranges += one.ranges
            else:
                if found is None or (level, span) < (found.level, found.span):
                    found = Match(level, span if level is Level.SCATTERED else 0, _joined(ranges, form))
        return found

    def without(self, words: Iterable[str]) -> Query:
        """Return the same query without some of its words."""
        gone = set(words)
        return Query(" ".join(word for word in self.words if word not in gone))


def _joined(ranges: Sequence[tuple[int, int]], form: str) -> tuple[tuple[int, int], ...]:
    """Return ranges of a form as those of the text, in order, what touches as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((a - form.count(HUMP, 0, a), b - form.count(HUMP, 0, b)) for a, b in ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return tuple(found)


def _placed(word: str, form: str, name_at: int) -> Match | None:
    """Return how one word is found in one form of a text."""
    level, where = literal(word, form, name_at)
    if level is not None:
        return Match(level, 0, ((where, where + len(word)),))
    if (found := initials_pattern(word).search(f"\n{form}")) is not None:
        return Match(Level.INITIALS, 0, tuple((at - 2, at - 1) for at in _ends(found)))
    if (found := scattered_pattern(word).search(form)) is None:
        return None
    span = found.end() - found.start()
    places, at = [], found.end()
    for letter in reversed(word):  # from the end, where they stand closer together
        at = form.rindex(letter, 0, at)
        places.append((at, at + 1))
    return Match(Level.SCATTERED, span, tuple(reversed(places)))


def _ends(found: re.Match[str]) -> list[int]:
    return [found.end(number) for number in range(1, len(found.regs))]
