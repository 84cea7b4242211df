"""The functions and types that come with each engine, for catalogs that do not list them; in a text file each.

A function is a line ``name(signature) → what it returns``, a type its name, with ``(n)`` where a length may stand, or
``(…)`` where something must.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple


class Function(NamedTuple):
    """A function; ``signature`` is what stands in its parentheses, ``returns`` may be empty."""

    name: str
    signature: str
    returns: str


@cache
def functions(dialect: str) -> tuple[Function, ...]:
    """Return the functions of an engine, those that every engine has for one that is not known."""
    found: dict[str, Function] = {}
    for line in [*_lines("common"), *_lines(dialect)]:
        name, _, rest = line.partition("(")
        signature, _, returns = rest.rpartition(")")
        found[name] = Function(name, signature, returns.removeprefix(" → "))
    return tuple(found.values())


@cache
def types(dialect: str) -> tuple[str, ...]:
    """Return the types of an engine, the usual ones first."""
    return tuple(_lines(f"types-{dialect}") or _lines("types-standard"))


def _lines(name: str) -> list[str]:
    path = Path(__file__).with_name(f"{name}.txt")
    return path.read_text("utf-8").splitlines() if name.replace("-", "").isalnum() and path.exists() else []
