"""What a table has beside its rows, on the way into another database: made there where that can be, named where not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from alveary.contracts.catalog import Catalog, ColumnInfo, RelationDetails, Trait, Twin
from alveary.contracts.types import ColumnType, Kind, TypeTable

_NUMBERS = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.REAL, Kind.DOUBLE)
_TIMES = (Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
_TEXTS = (Kind.TEXT, Kind.DATE, Kind.TIME, *_TIMES)
_CAST = r"(?:::[a-z][a-z \d(),.\"]*)?"
_NUMBER = re.compile(rf"\(?'?(-?\d+(?:\.\d+)?)'?\)?{_CAST}", re.IGNORECASE).fullmatch
_TEXT = re.compile(rf"'((?:[^'\\\x00-\x1f]|'')*)'{_CAST}", re.IGNORECASE).fullmatch
_TRUTH = re.compile(r"(true|t|1|false|f|0)", re.IGNORECASE).fullmatch
_NOW = re.compile(r"(?:current_timestamp|now|localtimestamp)(?:\(\d?\))?", re.IGNORECASE).fullmatch
_EXACT = re.compile(r"(?:datetime|timestamp)\((\d)\)").fullmatch
NUMBERING = "numbering of"
_LISTED = ("default", "default of", "unique", "index", "foreign key")
"""Kinds of traits that a catalog lists by itself."""
_LONGEST = 60
"""Characters of the name of an index."""


def plain_default(info: ColumnInfo, type: ColumnType, declared: str, *, loose: bool) -> str | None:
    """Return a default as every engine writes it; None for none, and for one that only its own engine understands.

    ``declared`` is what the column is declared as where it goes, which has no type for a truth if it is ``loose``.
    """
    text = info.default
    if text is None:
        return None
    if type.kind in _NUMBERS:
        return number[1] if (number := _NUMBER(text)) is not None else None
    if type.kind is Kind.BOOLEAN:
        if _TRUTH(text) is None:
            return None
        truth = text.lower() in ("true", "t", "1")
        if declared.lower() == "boolean" and not loose:
            return "true" if truth else "false"
        return "1" if truth else "0"
    if type.kind in _TIMES and _NOW(text) is not None:
        digits = _EXACT(declared)  # MySQL wants as many digits as the column has
        return f"current_timestamp({digits[1]})" if digits else "current_timestamp"
    if type.kind in _TEXTS and (found := _TEXT(text)) is not None:
        return f"'{found[1]}'"
    return None


def unique_indexes(
    catalog: Catalog, path: tuple[str, str], types: TypeTable, details: RelationDetails
) -> list[tuple[Trait, str]]:
    """Return, for another engine, what makes those columns unique that are."""
    made = []
    schema, table = map(catalog.quote, path)
    for index in details.indexes:
        names = [name for name in index.columns if name is not None]
        if index.unique and not index.partial and index.origin != "primary key" and len(names) == len(index.columns):
            label = f"{path[1]}_{'_'.join(names)}"[:_LONGEST] + "_key"
            listed = ", ".join(map(catalog.quote, names))
            sql = types.unique.format(name=catalog.quote(label), schema=schema, table=table, columns=listed)
            made.append((Trait(kind="unique", name=index.name), sql))
    return made


def left_by_another_engine(details: RelationDetails, twin: Twin | None, made: Sequence[Trait]) -> list[Trait]:
    """Return what a table has that was not made for another engine; ``made`` are the traits that were."""
    others = [trait for trait in (twin.traits() if twin is not None else ()) if trait.kind not in _LISTED]
    numbered = {trait.name for trait in others if trait.kind == NUMBERING}
    known = [
        *(default_of(each) for each in details.columns
          if each.default is not None and not each.generated and each.name not in numbered),
        *(Trait(kind="unique" if each.unique else "index", name=each.name) for each in details.indexes
          if each.origin != "primary key"),
        # Of an engine that keeps no names of them the name is but a number.
        *(Trait(kind="foreign key", name=f"({', '.join(each.columns)})" if each.name.isdecimal() else each.name)
          for each in details.foreign_keys),
        *others,
    ]  # fmt: skip
    return [trait for trait in known if trait not in made]


def default_of(column: ColumnInfo) -> Trait:
    """Return the trait of a column that has a default."""
    return Trait(kind="default of", name=column.name)
