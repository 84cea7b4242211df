"""How well one word is found: in one text, and in many that stand between line breaks."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable, Iterator

from alveary.matching.folding import SEPARATORS

_FEW = 64
"""Characters for each occurrence of a word from which on it is faster to look at every one of them."""


class Level(enum.IntEnum):
    """How well a word is found in a text; the worst of a query's words counts."""

    EXACT = 0
    """It is the name, or the end of the path that leads there: ``orders`` or ``public.orders``."""
    BEGINNING = 1
    """The name begins with it."""
    WORD = 2
    """A word of the text begins with it: after ``_``, ``.``, or at a capital."""
    INSIDE = 3
    """It stands somewhere in the text."""
    INITIALS = 4
    """Its letters stand in their order, each behind the one before or at the beginning of a word: ``cuor`` in
    ``customer_orders``."""
    SCATTERED = 5
    """Its letters stand there in their order."""
    LABEL = 6
    """It stands in what all these texts have in common, such as the name of their connection."""


def literal(word: str, form: str, name_at: int) -> tuple[Level | None, int]:
    """Return how well a word stands in a form as it is, and where."""
    level: Level | None = None
    where = at = form.find(word)
    while at >= 0:
        found = Level.INSIDE
        if at == 0 or form[at - 1] in SEPARATORS:
            found, end = Level.WORD, at + len(word)
            if (at == 0 or form[at - 1] == ".") and at <= name_at <= end:
                return (Level.EXACT if end == len(form) else Level.BEGINNING), at
        if level is None or found < level:
            level, where = found, at
        at = form.find(word, at + 1)
    return level, where


@functools.lru_cache(64)
def scattered_pattern(word: str) -> re.Pattern[str]:
    """Return what finds the letters of a word in their order within a line, from the first one that fits."""
    first, *rest = map(re.escape, list(word))
    return re.compile(first + "".join(f"[^\n{letter}]*+{letter}" for letter in rest))


@functools.lru_cache(64)
def initials_pattern(word: str) -> re.Pattern[str]:
    """Return what finds letters that follow each other or begin words; a group stands behind each letter."""
    separators = re.escape(SEPARATORS)
    first, *rest = list(word)
    parts = [f"[\n{separators}]{re.escape(first)}()"]
    for letter in rest:
        plain = re.escape(letter)
        if letter in SEPARATORS:
            parts.append(f"[^\n{plain}]*+{plain}()")
        else:  # word by word: letter by letter takes three times as long
            parts.append(f"(?:{plain}|(?:[^\n{separators}]*+[{separators}])+?{plain})()")
    return re.compile("".join(parts))


def places(word: str, level: Level, text: str) -> Iterable[int]:
    """Return the places in texts between line breaks where a word may stand at least this well."""
    if level is Level.INITIALS:
        if scattered_pattern(word).search(text) is None:
            return ()
        return (match.end() - 1 for match in initials_pattern(word).finditer(text))
    if (count := text.count(word)) == 0:
        return ()
    if level <= Level.WORD and count * _FEW > len(text):  # a pattern of few letters is slow to find, but finds few
        return (match.end() - 1 for match in finder(word, level).finditer(text))
    return _occurrences(word, level, text)


def _occurrences(word: str, level: Level, text: str) -> Iterator[int]:
    before = {Level.EXACT: "\n.", Level.BEGINNING: "\n.", Level.WORD: f"\n{SEPARATORS}"}.get(level)
    at = text.find(word)
    while at >= 0:
        if before is None or text[at - 1] in before:
            yield at
        at = text.find(word, at + 1)


def begins_word(word: str, text: str) -> bool:
    """Return whether a word of a text begins with it."""
    level, _ = literal(word, text, 0)
    return level is not None and level <= Level.WORD


@functools.lru_cache(256)
def finder(word: str, level: Level) -> re.Pattern[str]:
    """Return what finds all places where a word may stand at a level, in texts between line breaks."""
    plain = re.escape(word)
    if level is Level.EXACT:
        return re.compile(f"[\n.]{plain}(?=\n)")
    if level is Level.BEGINNING:
        return re.compile(f"[\n.]{plain}")
    if level is Level.WORD:
        return re.compile(f"[\n{re.escape(SEPARATORS)}]{plain}")
    if level is Level.INSIDE:
        return re.compile(plain)
    return initials_pattern(word) if level is Level.INITIALS else scattered_pattern(word)
