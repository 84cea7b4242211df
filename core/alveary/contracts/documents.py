"""JSON as an engine wrote it: every digit kept as it was, every name kept even where it stands twice."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from alveary.contracts.plan import Detail, Number
from alveary.wire import SAFE

DEEPEST = 300
"""Levels of objects and arrays within each other that are read; a plan of a hundred steps in a row has 200."""


class Figure(str):
    """A number as it was written."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of an object, in their order; a name may stand several times."""

    def get(self, name: str) -> Any:
        """Return the last value of this name, None for none."""
        return next((value for known, value in reversed(self) if known == name), None)


Document: TypeAlias = "Members | list[Any] | Figure | str | bool | None"


def read_document(text: str) -> Document:
    """Return what JSON says; ValueError where it is none, or is nested too deeply to be read."""
    try:
        found: Document = json.loads(
            text, object_pairs_hook=Members, parse_int=Figure, parse_float=Figure, parse_constant=Figure, strict=False
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        if not (level := [each for value in level for each in _within(value)]):
            return found
    raise ValueError("nested too deeply")


def _within(value: Any) -> list[Any]:
    found = [each for _, each in value] if isinstance(value, Members) else value
    return found if isinstance(found, list) else []


def number(value: Any) -> Number | None:
    """Return a number, also one that is written as text; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    if found != found or abs(found) == float("inf"):
        return None
    whole = value.lstrip("+-").isdecimal() and abs(found) <= SAFE
    return int(value) if whole else found


def words(value: Any) -> str:
    """Return a value as a line: text as it is, a list of plain values with commas, anything else as JSON."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, list) and not isinstance(value, Members) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json_of(value)


def json_of(value: Any) -> str:
    """Return a value as JSON, with the digits it came with."""
    if isinstance(value, Figure):
        return str(value)
    if isinstance(value, Members):
        return "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {json_of(each)}" for name, each in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_of, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def detail(name: str, value: Any) -> Detail:
    """Return a member as a detail."""
    return Detail(name, words(value))
