"""What a form asks for, without a widget: sections of fields, each with a name, a kind and what can be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

FieldKind: TypeAlias = Literal["text", "secret", "file", "choice", "segments", "suggested", "switch", "color"]
"""A line of text; one that is not shown; a file's path; one of many; one of few, all shown; text with proposals; yes or
no; one of some colours."""

YES = "yes"
"""What a switch that is on holds; one that is off holds ""."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be chosen: the value, and what it is called; of a colour also what it looks like, as ``#rrggbb``."""

    value: str
    label: str
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A value to be asked for; all values are text, "" for none.

    ``hint`` stands in an empty field, ``description`` below it. ``width`` is how many characters it shows, 0 for all
    the room there is. One that is ``beside`` stands on the same line as the one before.
    """

    name: str
    label: str
    kind: FieldKind = "text"
    choices: tuple[Choice, ...] = ()
    hint: str = ""
    description: str = ""
    width: int = 0
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Fields under a heading, none for ""."""

    title: str
    fields: tuple[Field, ...]
