"""What a person means by a few letters: texts that hold them, the best first, and which of their letters matched.

A query is words in any order; each must be found in a text, in any case, with or without accents, at least as letters
in their order. How well one is found is its :class:`Level`: texts of a better level come first, those of one level in
the order in which they were handed over. :meth:`Query.match` tells it of one text, a :class:`Haystack` finds all of a
hundred thousand texts within a key stroke.
"""

from alveary.matching.folding import folded
from alveary.matching.haystack import Haystack
from alveary.matching.query import MOST_LETTERS, MOST_WORDS, Match, Query
from alveary.matching.words import Level

__all__ = ["MOST_LETTERS", "MOST_WORDS", "Haystack", "Level", "Match", "Query", "folded"]
