"""Finding in text, without a widget: plain text, whole words, and Tcl's regular expressions.

Python's own expressions can take forever for a few unlucky characters, and nothing can stop them. Tcl's, which are
PostgreSQL's, too, are matched by an automaton.
"""

from __future__ import annotations

import re
import tkinter as tk
from dataclasses import dataclass
from typing import NamedTuple

from alveary_shell.widgets.standins import WIDE, drawn

MOST = 100_000
"""Matches that are looked for."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for."""

    text: str
    case: bool = False
    word: bool = False
    regex: bool = False


class Match(NamedTuple):
    """``text[start:end]`` is what was looked for; ``groups`` are the places of an expression's parentheses."""

    start: int
    end: int
    groups: tuple[tuple[int, int], ...] = ()


class BadExpression(Exception):
    """A regular expression that can't be read; the text says why."""


def find(text: str, query: Query, interpreter: tk.Misc) -> list[Match]:
    """Return the matches, at most :data:`MOST`, none of them empty; BadExpression says what is wrong with the query."""
    if not query.text:
        return []
    if not query.regex:
        pattern = re.escape(query.text)
        if query.word:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        found = re.finditer(pattern, text, 0 if query.case else re.IGNORECASE)
        return [Match(*match.span()) for match, _ in zip(found, range(MOST), strict=False)]
    return _by_expression(text, query, interpreter)


def expanded(match: Match, text: str, replacement: str, query: Query) -> str:
    r"""Return what comes in the place of a match; in that of an expression ``\1`` is its first group, ``\0`` all."""
    if not query.regex:
        return replacement
    places = ((match.start, match.end), *match.groups)

    def group(found: re.Match[str]) -> str:
        if (sign := found[1]) in "nt":
            return {"n": "\n", "t": "\t"}[sign]
        if not sign.isdigit():
            return sign
        start, end = places[int(sign)] if int(sign) < len(places) else (-1, -1)
        return text[start:end] if start >= 0 else ""

    return re.sub(r"\\(.)", group, replacement, flags=re.DOTALL)


def _by_expression(text: str, query: Query, interpreter: tk.Misc) -> list[Match]:
    pattern = drawn(query.text)
    if query.word:
        pattern = rf"\y(?:{pattern})\y"
    options = ["-all", "-inline", "-indices", "-line", *([] if query.case else ["-nocase"]), "--"]
    split = interpreter.tk.splitlist
    try:
        about = split(interpreter.tk.call("regexp", "-about", "--", pattern))
        found = interpreter.tk.call("regexp", *options, pattern, drawn(text))
    except tk.TclError as exc:
        raise BadExpression(str(exc).partition(": ")[2] or str(exc)) from None
    step = int(about[0]) + 1
    places = [tuple(map(int, split(place))) for place in split(found)[: MOST * step]]
    if WIDE.search(text) and int(interpreter.tk.call("string", "length", "\U0001f600")) == 2:
        to_here = _characters(text)
        places = [(to_here[first], to_here[last]) if last >= first >= 0 else (first, -1) for first, last in places]
    matches = []
    for at in range(0, len(places), step):
        (first, last), *groups = places[at : at + step]
        if last >= first:
            matches.append(Match(first, last + 1, tuple((start, end + 1) for start, end in groups)))
    return matches


def _characters(text: str) -> list[int]:
    """Return for each of Tcl's 16-bit units which character it belongs to."""
    found: list[int] = []
    for at, char in enumerate(text):
        found += [at, at] if char > "\uffff" else [at]
    return found
