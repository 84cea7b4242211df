"""Keywords by what they are for and by engine, read from ``keywords.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def keywords(purpose: str, dialect: str) -> tuple[str, ...]:
    """Return the keywords for a purpose that an engine has, the likeliest first."""
    lists = _lists()
    lacks = lists.get(f"{purpose} without {dialect}", ())
    found = [*lists.get(purpose, ()), *lists.get(f"{purpose} {dialect}", ())]
    return tuple(word for word in found if word not in lacks)


@cache
def _lists() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in Path(__file__).with_name("keywords.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, words = line.partition(": ")
            found[name] = tuple(words.split(" | "))
    return found
