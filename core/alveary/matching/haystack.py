"""Many texts, searched for one query within a key stroke."""

from __future__ import annotations

import re
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from alveary.matching.folding import HUMP, folded, forms, moved
from alveary.matching.lines import Block, Lines
from alveary.matching.query import Query
from alveary.matching.words import Level, begins_word, finder, initials_pattern, literal, places, scattered_pattern

_PLACE, _SPAN = 24, 48
"""Bits behind the number of a block and behind a span, in a number that stands for both and a place."""
_FEW_TEXTS = 8
"""Texts for each one that was found, from which on it is faster to look at those again than through all."""


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
        self._plain, self._marked = Lines(), Lines()
        self._last: tuple[tuple[str, ...], array[int]] | None = None
        """Words that were looked for last, and where their letters are scattered: whoever types adds letters."""
        self._holding: tuple[str, list[tuple[Lines, Block]]] | None = None
        """A word that was looked for last, and the blocks that hold it."""
        self._numbers: array[int] = array("I")
        """Of each text that has a second form, its number."""
        for number, (text, name_at) in enumerate(texts):
            plain, *others = forms(text)
            self._plain.add(plain, name_at)
            for form in others:
                self._marked.add(form, name_at + form.count(HUMP, 0, moved(form, name_at)))
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
        common = [word for word in query.words if begins_word(word, self.label)]
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
                level, _ = literal(word, form, name_at)
                if level is None and self._scattered:
                    if initials_pattern(word).search(f"\n{form}"):
                        level = Level.INITIALS
                    elif scattered_pattern(word).search(form):
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
        patterns = [finder(other, level) for other in others]
        for lines, block in self._blocks(word, level):
            if _is_set(stopped):
                return
            last = -1
            for place in places(word, level, block.text):
                line = block.line(place)
                if line == last:
                    continue
                last = line
                if all(pattern.search(*block.around(line)) for pattern in patterns):
                    number = block.first + line
                    yield number if lines is self._plain else self._numbers[number]

    def _blocks(self, word: str, level: Level) -> list[tuple[Lines, Block]]:
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

    def _line(self, found: int) -> tuple[Block, int]:
        block = self._plain.blocks[(found & ((1 << _SPAN) - 1)) >> _PLACE]
        return block, block.line(found & ((1 << _PLACE) - 1))

    def _spans(self, words: Sequence[str], stopped: threading.Event | None) -> list[int]:
        """Return spans and places as numbers that sort by both: tuples would take three times as long."""
        word, *others = sorted(words, key=len, reverse=True)
        patterns = [scattered_pattern(other) for other in others]
        pattern = re.compile(f"{scattered_pattern(word).pattern}()[^\n]*+")
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
        patterns = [scattered_pattern(word) for word in sorted(words, key=len, reverse=True)]
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


def _is_set(stopped: threading.Event | None) -> bool:
    return stopped is not None and stopped.is_set()
