"""What statements that are no queries want where: DDL, GRANT, COPY and the like, by the shape of what stands before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from alveary_plugins.completion.keywords import keywords
from alveary_plugins.completion.tree import Place
from alveary_plugins.completion.words import CARET, Word


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted. ``what`` is ``relation``, ``table``, ``view``, ``columns``, ``type``, ``routine``, ``schema``,
    ``expression``, the kind of another object, or empty; ``about`` is the relation that columns are of."""

    what: str = ""
    words: tuple[str, ...] = ()
    about: tuple[Word, ...] = ()
    one_of: tuple[str, ...] = ()
    """Kinds of objects of the catalog."""


_ALSO_KNOWN = """
check constraint default unique key null collate generated always identity deferrable transaction work isolation
level cascade restrict language immutable stable volatile strict definer row each when execute include where
tablespace with option all privileges usage btree hash gin gist brin spgist
"""


class _Rule(NamedTuple):
    shape: re.Pattern[str]
    what: str
    words: tuple[str, ...]
    kinds: tuple[str, ...]


@cache
def _rules() -> tuple[_Rule, ...]:
    """Return the rules of ``shapes.txt``, read when they are first wanted."""
    lines = Path(__file__).with_name("shapes.txt").read_text("utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    rules = []
    for shape, said in zip(lines[::2], lines[1::2], strict=True):
        head, _, words = said.strip().partition(": ")
        what, *kinds = head.split()
        spoken = tuple(words.split(" | ")) if words else ()
        rules.append(_Rule(re.compile(shape), "" if what == "keyword" else what, spoken, tuple(kinds)))
    return tuple(rules)


@cache
def _known_words() -> frozenset[str]:
    """Return the words that stand for themselves in a shape; every other one is a name."""
    spoken = re.findall(r"[a-z_]{2,}", " ".join(rule.shape.pattern.replace(r"\b", " ") for rule in _rules()))
    return frozenset(spoken) | frozenset(_ALSO_KNOWN.split())


def wanted_in_statement(place: Place, dialect: str, *, is_body: bool) -> Wanted | None:
    """Return what a statement that is no query wants at the caret, None if that is not known."""
    words = place.words[_first(place) : place.at]
    if not words:
        return Wanted(words=_beginnings(dialect, is_body))
    shape = _shape(words)
    if _wants_role(words):
        return Wanted("object", one_of=("role", "user"))
    for rule in _rules():
        if rule.shape.fullmatch(shape):
            return _wanted(rule, words, place.words[place.at :], dialect)
    return None


def _wants_role(words: Sequence[Word]) -> bool:
    """Return whether a role is wanted; by words and not by a shape, for ``user`` and ``owner`` are names elsewhere."""
    first, last, before = words[0].lower, words[-1].lower, words[-2].lower if len(words) > 1 else ""
    if first in ("grant", "revoke"):
        marks = [word.lower for word in words if word.lower in ("on", "to" if first == "grant" else "from")]
        return last in ("to", "from", ",") and marks[-1:] in (["to"], ["from"])
    if (before, last) == ("owner", "to"):
        return True
    if (before, last) == ("if", "exists") and first == "drop":
        return len(words) == 4 and words[1].lower in ("role", "user")
    return last in ("role", "user") and (before in ("drop", "alter", "set") or (first, before) == ("set", "local"))


def _first(place: Place) -> int:
    return place.frames[0].begin


def _beginnings(dialect: str, is_body: bool) -> tuple[str, ...]:
    found = keywords("begin", dialect)
    return (*found[:5], *(keywords("body", dialect) if is_body else ()), *found[5:])


def _wanted(rule: _Rule, words: Sequence[Word], behind: Sequence[Word], dialect: str) -> Wanted:
    what = rule.what
    if what == "describe":
        return Wanted("relation" if dialect == "mysql" else "", keywords("explain", dialect))
    spoken: list[str] = []
    for word in rule.words:
        spoken += keywords(word[1:], dialect) if word.startswith("*") else [word]
    about: tuple[Word, ...] = ()
    if what in ("columns", "expression") or (what == "object" and {"index", "constraint", "foreign"} & set(rule.kinds)):
        about = _about(words) or _named_behind(behind)
    elif what == "defined":
        about = _defined(words)
    return Wanted(what, tuple(spoken), about, rule.kinds)


def _shape(words: Sequence[Word]) -> str:
    """Return a statement up to the caret as a line of known words and marks."""
    known = _known_words()
    parts: list[str] = []
    opened: list[int] = []
    for index, word in enumerate(words):
        lower = word.lower
        if lower == ".":
            continue
        if index > 1 and words[index - 1].lower == "." and parts and parts[-1] == "_":
            continue
        if lower == "(":
            opened.append(len(parts))
            parts.append("(")
        elif lower == ")" and opened:
            del parts[opened.pop() :]
            parts.append("()")
        elif word.is_name:
            dotted = index + 1 < len(words) and words[index + 1].lower == "."
            parts.append(lower if lower in known and not dotted else "_")
        else:
            parts.append(lower)
    return " ".join(parts if len(parts) <= 300 else [*parts[:40], *parts[-200:]])


def _about(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the path of the relation whose columns are wanted: the last one that follows such a word."""
    marks = ("table", "on", "references", "copy", "vacuum", "analyze", "only", "exists", "verbose", "full")
    if words[0].lower in ("grant", "revoke"):  # it stands behind the caret
        return ()
    for first in range(len(words) - 1, 0, -1):
        name, before = words[first], words[first - 1].lower
        if name.is_name and before in marks and name.lower not in (*marks, "if", "delete"):
            path, index = [name], first
            while index + 2 < len(words) and words[index + 1].lower == "." and words[index + 2].is_name:
                index += 2
                path.append(words[index])
            return tuple(path)
    return ()


def _named_behind(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the path of the relation that a statement names behind the caret."""
    for index, word in enumerate(words[:-1]):
        if word.lower == "on" and words[index + 1].is_name:
            path = [words[index + 1]]
            if len(words) > index + 3 and words[index + 2].lower == "." and words[index + 3].is_name:
                path.append(words[index + 3])
            return tuple(path)
    return ()


def _defined(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the names of the columns that CREATE TABLE defines before the caret."""
    depth, found = 0, []
    for index, word in enumerate(words):
        if word.lower == "(":
            depth += 1
        elif word.lower == ")":
            depth -= 1
        before = words[index - 1].lower if index else ""
        if depth == 1 and before in ("(", ",") and word.is_name and word.lower not in (
            "primary", "foreign", "unique", "check", "constraint", "like", "exclude", CARET
        ):  # fmt: skip
            found.append(word)
    return tuple(found)
