"""What a person means by a few letters: texts that hold them, the best first, and which of their letters matched.

A query is words in any order; each must be found in a text, in any case, with or without accents, at least as letters
in their order. How well one is found is its :class:`Level`: texts of a better level come first, those of one level in
the order in which they were handed over. :meth:`Query.match` tells it of one text, a :class:`Haystack` finds all of a
hundred thousand texts within a key stroke.
"""

from __future__ import annotations

import enum
import functools
import re
import threading
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

MOST_LETTERS = 200
"""Letters of a query that count."""
MOST_WORDS = 8
"""Words of a query that count."""
BLOCK = 1 << 17
"""Characters that are looked through in one go: a millisecond or two, during which no other thread can run."""

_PLACE, _SPAN = 24, 48
"""Bits behind the number of a block and behind a span, in a number that stands for both and a place."""
_FEW = 64
"""Characters for each occurrence of a word from which on it is faster to look at every one of them."""
_FEW_TEXTS = 8
"""Texts for each one that was found, from which on it is faster to look at those again than through all."""
_HUMP = "\x1f"
"""Stands, in the second form of a text, where a capital begins a word: ``order\\x1fitems`` for ``orderItems``."""
_SEPARATORS = f"_.-/ :$#@({_HUMP}"
"""What words stand behind."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


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


class Match(NamedTuple):
    """How a query is found in one text: to be sorted by level and span, the smallest first."""

    level: Level
    span: int
    """Characters over which scattered letters are spread, 0 for what is found better."""
    ranges: tuple[tuple[int, int], ...]
    """The parts of the text that matched, from and up to, in their order and apart from each other."""


class _Folding(dict[int, str]):
    """What each character is compared as: exactly one other, so that places in a text stay what they are."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        parts = unicodedata.normalize("NFKD", char)
        # A syllable or a ligature is not its first part.
        base = parts[0] if all(map(unicodedata.combining, parts[1:])) else char
        folded = base.casefold()[0] if base.isprintable() else " "
        self[code] = folded
        return folded


_FOLDING = _Folding()


def folded(text: str) -> str:
    """Return a text as it is compared: small letters without accents, as many characters as before, none that is not
    printable."""
    if text.isascii() and text.isprintable():
        return text.lower()
    return text.translate(_FOLDING)


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
        for form in _forms(text):
            level, span = Level.EXACT, 0
            ranges: list[tuple[int, int]] = []
            for word in self.words:
                one = _placed(word, form, name_at + form.count(_HUMP, 0, _moved(form, name_at)))
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


def _forms(text: str) -> list[str]:
    """Return a text folded, and once more with its capitals told, if a word begins at any."""
    plain = folded(text)
    if plain == text:
        return [plain]
    marked = _CAMEL.sub(_HUMP, text)
    return [plain] if marked == text else [plain, _HUMP.join(map(folded, marked.split(_HUMP)))]


def _moved(form: str, at: int) -> int:
    """Return the place in a form of what stands at a place of the text."""
    place = 0
    for char in form:
        if at == 0 and char != _HUMP:
            break
        place += 1
        at -= char != _HUMP
    return place


def _joined(ranges: Sequence[tuple[int, int]], form: str) -> tuple[tuple[int, int], ...]:
    """Return ranges of a form as those of the text, in order, what touches as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((a - form.count(_HUMP, 0, a), b - form.count(_HUMP, 0, b)) for a, b in ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return tuple(found)


def _placed(word: str, form: str, name_at: int) -> Match | None:
    """Return how one word is found in one form of a text."""
    level, where = _literal(word, form, name_at)
    if level is not None:
        return Match(level, 0, ((where, where + len(word)),))
    if (found := _initials(word).search(f"\n{form}")) is not None:
        return Match(Level.INITIALS, 0, tuple((at - 2, at - 1) for at in _ends(found)))
    if (found := _scattered(word).search(form)) is None:
        return None
    span = found.end() - found.start()
    places, at = [], found.end()
    for letter in reversed(word):  # from the end, where they stand closer together
        at = form.rindex(letter, 0, at)
        places.append((at, at + 1))
    return Match(Level.SCATTERED, span, tuple(reversed(places)))


def _ends(found: re.Match[str]) -> list[int]:
    return [found.end(number) for number in range(1, len(found.regs))]


def _literal(word: str, form: str, name_at: int) -> tuple[Level | None, int]:
    """Return how well a word stands in a form as it is, and where."""
    level: Level | None = None
    where = at = form.find(word)
    while at >= 0:
        found = Level.INSIDE
        if at == 0 or form[at - 1] in _SEPARATORS:
            found, end = Level.WORD, at + len(word)
            if (at == 0 or form[at - 1] == ".") and at <= name_at <= end:
                return (Level.EXACT if end == len(form) else Level.BEGINNING), at
        if level is None or found < level:
            level, where = found, at
        at = form.find(word, at + 1)
    return level, where


@functools.lru_cache(64)
def _scattered(word: str) -> re.Pattern[str]:
    """Return what finds the letters of a word in their order within a line, from the first one that fits."""
    first, *rest = map(re.escape, list(word))
    return re.compile(first + "".join(f"[^\n{letter}]*+{letter}" for letter in rest))


@functools.lru_cache(64)
def _initials(word: str) -> re.Pattern[str]:
    """Return what finds letters that follow each other or begin words; a group stands behind each letter."""
    separators = re.escape(_SEPARATORS)
    first, *rest = list(word)
    parts = [f"[\n{separators}]{re.escape(first)}()"]
    for letter in rest:
        plain = re.escape(letter)
        if letter in _SEPARATORS:
            parts.append(f"[^\n{plain}]*+{plain}()")
        else:  # word by word: letter by letter takes three times as long
            parts.append(f"(?:{plain}|(?:[^\n{separators}]*+[{separators}])+?{plain})()")
    return re.compile("".join(parts))


class _Block(NamedTuple):
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


class _Lines:
    """Texts in blocks that are looked through one after the other."""

    def __init__(self) -> None:
        self.count = 0
        self.blocks: list[_Block] = []
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
        self.blocks.append(_Block("\n" + "\n".join(self._pending) + "\n", first, starts, self._names))
        self._pending, self._names, self._size = [], array("H"), 0

    def get(self, number: int) -> tuple[str, int]:
        """Return a text by its number, and where its name begins."""
        block = self.blocks[bisect_right(self._firsts, number) - 1]
        return block.of(number - block.first)


class Haystack:
    """Many texts, folded once, in which queries find theirs. Its texts never change, so any thread may search it.

    Of each character it keeps one byte, two or four where a text is not Western; of each text six bytes more.
    """

    def __init__(self, texts: Iterable[tuple[str, int]], *, label: str = "", scattered: bool = True) -> None:
        """Take texts, each with the place where the last name of its path begins, the more important ones first.

        ``label`` is what they all have in common. Without ``scattered`` words must stand in them as they are written,
        as is meant with prose.
        """
        self.label = folded(label)
        self._scattered = scattered
        self._plain, self._marked = _Lines(), _Lines()
        self._last: tuple[tuple[str, ...], array[int]] | None = None
        """Words that were looked for last, and where their letters are scattered: whoever types adds letters."""
        self._holding: tuple[str, list[tuple[_Lines, _Block]]] | None = None
        """A word that was looked for last, and the blocks that hold it."""
        self._numbers: array[int] = array("I")
        """Of each text that has a second form, its number."""
        for number, (text, name_at) in enumerate(texts):
            forms = _forms(text)
            self._plain.add(forms[0], name_at)
            for form in forms[1:]:
                self._marked.add(form, name_at + form.count(_HUMP, 0, _moved(form, name_at)))
                self._numbers.append(number)
        self._plain.close()
        self._marked.close()

    def __len__(self) -> int:
        return self._plain.count

    def find(self, query: Query, level: Level, stopped: threading.Event | None = None) -> Iterator[int]:
        """Yield the numbers of the texts in which a query is found this well, and not better, in their order.

        Those with scattered letters come by how far these lie apart. Ends early once ``stopped`` is set.
        """
        if level is Level.LABEL:
            yield from self._by_label(query, stopped)
            return
        if level >= Level.INITIALS and not self._scattered:
            return
        if not query.words:
            if level is Level.EXACT:
                yield from range(len(self))
            return
        seen = set()
        for number in self._candidates(query, level, stopped):
            if number not in seen and self._level(query, number) is level:
                seen.add(number)
                yield number

    def _by_label(self, query: Query, stopped: threading.Event | None) -> Iterator[int]:
        """Yield the texts in which only those words are found that do not begin a word of the label."""
        common = [word for word in query.words if _begins_word(word, self.label)]
        if common:
            rest = query.without(common)
            for level in (each for each in Level if each is not Level.LABEL):
                for number in self.find(rest, level, stopped):
                    if self._level(query, number) is None:
                        yield number

    def _level(self, query: Query, number: int) -> Level | None:
        """Return how well a query is found in a text."""
        best: Level | None = None
        for form, name_at in self._forms_of(number):
            levels = []
            for word in query.words:
                level, _ = _literal(word, form, name_at)
                if level is None and self._scattered:
                    if _initials(word).search(f"\n{form}"):
                        level = Level.INITIALS
                    elif _scattered(word).search(form):
                        level = Level.SCATTERED
                if level is None:
                    break
                levels.append(level)
            else:
                worst = max(levels, default=Level.EXACT)
                best = worst if best is None else min(best, worst)
        return best

    def _forms_of(self, number: int) -> Iterator[tuple[str, int]]:
        yield self._plain.get(number)
        at = bisect_right(self._numbers, number) - 1
        if at >= 0 and self._numbers[at] == number:
            yield self._marked.get(at)

    def _candidates(self, query: Query, level: Level, stopped: threading.Event | None) -> Iterator[int]:
        """Yield the numbers of all texts that may be of a level, and of others, some of them twice."""
        word, *others = sorted(query.words, key=len, reverse=True)
        if level is Level.SCATTERED:
            yield from self._spread(query.words, stopped)
            return
        if level is Level.INITIALS and (others or self._narrows(query.words)):
            yield from sorted(self._spread(query.words, stopped))
            return
        # The worst of several words counts, so all of them are at least as good as the level.
        patterns = [_finder(other, level) for other in others]
        for lines, block in self._blocks(word, level):
            if _is_set(stopped):
                return
            last = -1
            for place in _places(word, level, block.text):
                line = block.line(place)
                if line == last:
                    continue
                last = line
                if all(pattern.search(*block.around(line)) for pattern in patterns):
                    number = block.first + line
                    yield number if lines is self._plain else self._numbers[number]

    def _blocks(self, word: str, level: Level) -> list[tuple[_Lines, _Block]]:
        """Return the blocks a word may be found in; which ones hold it as it is written is kept for the next level."""
        every = [(lines, block) for lines in (self._plain, self._marked) for block in lines.blocks]
        if level is Level.INITIALS:
            return every
        last = self._holding
        if last is None or last[0] != word:
            among = last[1] if last is not None and word.startswith(last[0]) else every
            self._holding = last = (word, [each for each in among if word in each[1].text])
        return last[1]

    def _narrows(self, words: tuple[str, ...]) -> bool:
        """Return whether what was found last, few texts, holds all in which the letters of these words can be."""
        last = self._last
        if last is None or len(last[1]) * _FEW_TEXTS > len(self):
            return False
        return len(words) >= len(last[0]) and all(map(str.startswith, words, last[0]))

    def _spread(self, words: tuple[str, ...], stopped: threading.Event | None) -> Iterator[int]:
        """Yield the texts in which the letters of all words stand in order, by the number of characters they span."""
        last = self._last
        if last is None or last[0] != words:  # two levels ask the same, and the next key asks for more letters
            found = self._narrowed(words, stopped) if self._narrows(words) else self._spans(words, stopped)
            if _is_set(stopped):
                return
            found.sort()
            self._last = last = (words, array("Q", found))
        for each in last[1]:
            if _is_set(stopped):
                return
            block, line = self._line(each)
            yield block.first + line

    def _line(self, found: int) -> tuple[_Block, int]:
        block = self._plain.blocks[(found & ((1 << _SPAN) - 1)) >> _PLACE]
        return block, block.line(found & ((1 << _PLACE) - 1))

    def _spans(self, words: Sequence[str], stopped: threading.Event | None) -> list[int]:
        """Return spans and places as numbers that sort by both: tuples would take three times as long."""
        word, *others = sorted(words, key=len, reverse=True)
        patterns = [_scattered(other) for other in others]
        pattern = re.compile(f"{_scattered(word).pattern}()[^\n]*+")
        found: list[int] = []
        for number, block in enumerate(self._plain.blocks):
            if _is_set(stopped):
                break
            base = number << _PLACE
            for match in pattern.finditer(block.text):
                start = match.start()
                span = match.end(1) - start
                if patterns:
                    more = _spanned(patterns, *block.around(block.line(start)))
                    if more is None:
                        continue
                    span += more
                found.append(span << _SPAN | base | start)
        return found

    def _narrowed(self, words: Sequence[str], stopped: threading.Event | None) -> list[int]:
        """Return the same from the texts that were found last alone."""
        patterns = [_scattered(word) for word in sorted(words, key=len, reverse=True)]
        found: list[int] = []
        for each in self._last[1] if self._last is not None else ():
            if _is_set(stopped):
                break
            block, line = self._line(each)
            span = _spanned(patterns, *block.around(line))
            if span is not None:
                found.append(span << _SPAN | (each & ((1 << _SPAN) - 1)))
        return found


def _spanned(patterns: Iterable[re.Pattern[str]], text: str, start: int, end: int) -> int | None:
    """Return how many characters the letters of words span in a part of a text; None if not all are there."""
    span = 0
    for pattern in patterns:
        if (found := pattern.search(text, start, end)) is None:
            return None
        span += found.end() - found.start()
    return span


def _places(word: str, level: Level, text: str) -> Iterable[int]:
    """Return the places in texts between line breaks where a word may stand at least this well."""
    if level is Level.INITIALS:
        if _scattered(word).search(text) is None:
            return ()
        return (match.end() - 1 for match in _initials(word).finditer(text))
    if (count := text.count(word)) == 0:
        return ()
    if level <= Level.WORD and count * _FEW > len(text):  # a pattern of few letters is slow to find, but finds few
        return (match.end() - 1 for match in _finder(word, level).finditer(text))
    return _occurrences(word, level, text)


def _occurrences(word: str, level: Level, text: str) -> Iterator[int]:
    before = {Level.EXACT: "\n.", Level.BEGINNING: "\n.", Level.WORD: f"\n{_SEPARATORS}"}.get(level)
    at = text.find(word)
    while at >= 0:
        if before is None or text[at - 1] in before:
            yield at
        at = text.find(word, at + 1)


def _begins_word(word: str, text: str) -> bool:
    level, _ = _literal(word, text, 0)
    return level is not None and level <= Level.WORD


def _is_set(stopped: threading.Event | None) -> bool:
    return stopped is not None and stopped.is_set()


@functools.lru_cache(256)
def _finder(word: str, level: Level) -> re.Pattern[str]:
    """Return what finds all places where a word may stand at a level, in texts between line breaks."""
    plain = re.escape(word)
    if level is Level.EXACT:
        return re.compile(f"[\n.]{plain}(?=\n)")
    if level is Level.BEGINNING:
        return re.compile(f"[\n.]{plain}")
    if level is Level.WORD:
        return re.compile(f"[\n{re.escape(_SEPARATORS)}]{plain}")
    return {Level.INSIDE: re.compile(plain), Level.INITIALS: _initials(word)}.get(level) or _scattered(word)
