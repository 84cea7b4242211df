"""How wide text is on a terminal, from Python's own Unicode tables.

Each character is measured by itself, as psql does it. Terminals disagree about sequences (a family drawn as
one emoji); there a column may look ragged, but the same rows give the same bytes everywhere.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_SOFT_HYPHEN = "\u00ad"  # a format character by its category, but terminals show it


def text_width(text: str) -> int:
    """Return how many terminal cells ``text`` takes; a control character counts as one."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


@lru_cache(maxsize=4096)
def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf") and character != _SOFT_HYPHEN:
        return 0
    # Korean vowels and final consonants that join the consonant before them.
    if "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
