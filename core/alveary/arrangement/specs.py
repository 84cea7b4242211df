"""What can be asked of an arrangement: by which columns the rows are sorted, which of them stay."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

import msgspec

from alveary.errors import InvalidInputError

Test: TypeAlias = Literal[
    "contains", "lacks", "matches", "equals", "differs", "less", "at most", "greater", "at least", "null", "not null"
]


class Sort(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column of the order; where NULLs stand does not depend on the direction."""

    column: int
    descending: bool = False
    nulls: Literal["first", "last"] = "last"


class Filter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A condition on a column, or on any of them where ``column`` is None.

    ``contains``, ``lacks`` and ``matches`` (a regular expression, found anywhere) look at the text of a cell, the first
    two whatever its case. ``equals`` and its kin compare as the column's type does: numbers by value, times by the
    moment, text by code points. NULL satisfies ``null`` alone.
    """

    test: Test
    value: str = ""
    column: int | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the child process is to do with the first ``rows`` rows of the result in ``directory``.

    ``output`` is the file for the numbers of the rows that stay, in order; with ``base``, such a file of an earlier
    arrangement, for their positions in that one. ``ends`` is the file that says where each row ends.
    """

    directory: str
    rows: int
    output: str
    ends: str
    sorts: tuple[Sort, ...] = ()
    filters: tuple[Filter, ...] = ()
    base: str | None = None


def checked(filter: Filter) -> Filter:
    """Return the filter; InvalidInputError if its value is no regular expression and should be one."""
    if filter.test == "matches":
        try:
            re.compile(filter.value)
        except (re.error, RecursionError, OverflowError) as exc:
            raise InvalidInputError(f"{filter.value!r} is no regular expression: {exc}") from exc
    return filter
