"""Texts as they are compared: small letters without accents, once more with their capitals told."""

from __future__ import annotations

import re
import unicodedata

HUMP = "\x1f"
"""Stands, in the second form of a text, where a capital begins a word: ``order\\x1fitems`` for ``orderItems``."""
SEPARATORS = f"_.-/ :$#@({HUMP}"
"""What words stand behind."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


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


def forms(text: str) -> list[str]:
    """Return a text folded, and once more with its capitals told, if a word begins at any."""
    plain = folded(text)
    if plain == text:
        return [plain]
    marked = _CAMEL.sub(HUMP, text)
    return [plain] if marked == text else [plain, HUMP.join(map(folded, marked.split(HUMP)))]


def moved(form: str, at: int) -> int:
    """Return the place in a form of what stands at a place of the text."""
    place = 0
    for char in form:
        if at == 0 and char != HUMP:
            break
        place += 1
        at -= char != HUMP
    return place
