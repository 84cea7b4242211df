"""Types as all engines share them: what a value means, and how each engine calls a column that can hold it."""

from __future__ import annotations

import enum
import re
from functools import lru_cache

import msgspec

from alveary.wire import Small


class Kind(enum.StrEnum):
    """What the values of a column are, whatever an engine calls it."""

    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    DECIMAL = "decimal"
    """Exact, of any size; a whole number of more than 64 bits is one without a fraction."""
    REAL = "real"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    """A moment, whatever the zone it is written in."""
    JSON = "json"
    UUID = "uuid"
    OTHER = "other"
    """What only its own engine knows; elsewhere it is text."""


WHOLE = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT)


class ColumnType(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The type of a column. ``precision`` and ``scale`` are of a decimal, ``length`` of text that has a bound."""

    kind: Kind
    precision: Small | None = None
    scale: Small | None = None
    length: Small | None = None

    def __str__(self) -> str:
        if self.precision is not None:
            return f"{self.kind.value}({self.precision},{self.scale or 0})"
        return self.kind.value if self.length is None else f"{self.kind.value}({self.length})"


_TYPE = re.compile(r"([a-z]+)(?:\((\d+)(?:,\s*(\d+))?\))?")


def parse_type(text: str) -> ColumnType:
    """Return the type a person wrote: ``integer``, ``decimal(12,2)``, ``text(40)``; ValueError says what there is."""
    match = _TYPE.fullmatch(text.strip().lower())
    name = _SYNONYMS.get(match[1], match[1]) if match else ""
    if match is None or name not in list(Kind) or name == Kind.OTHER:
        known = ", ".join(kind.value for kind in Kind if kind is not Kind.OTHER)
        raise ValueError(f"{text!r} is no type; there are {known}, with digits in brackets: decimal(12,2)")
    kind = Kind(name)
    first, second = (None if each is None else int(each) for each in match.groups()[1:])
    if kind is Kind.DECIMAL and first is not None:
        return ColumnType(kind=kind, precision=first, scale=second or 0)
    return ColumnType(kind=kind, length=first if kind is Kind.TEXT else None)


_SYNONYMS = {
    "int": "integer",
    "numeric": "decimal",
    "float": "double",
    "bool": "boolean",
    "varchar": "text",
    "string": "text",
    "datetime": "timestamp",
    "blob": "binary",
    "bytea": "binary",
}


class Delimited(msgspec.Struct, frozen=True, kw_only=True):
    """How text holds rows: fields between delimiters, some in quotes, of which a doubled one is the character itself.

    A field that is the text of ``null`` and stands in no quotes is NULL.
    """

    delimiter: str = ","
    quote: str = '"'
    null: str = ""


class LoadColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column that rows are loaded into, and what their cells of it mean."""

    name: str
    kind: Kind


class TypeTable(msgspec.Struct, frozen=True, kw_only=True):
    """How one engine calls its types, both ways.

    ``creates`` says what a new column of each kind is declared as; ``{precision}``, ``{scale}`` and ``{length}`` in it
    are filled in. A kind of its own for what has digits or a length that are not given stands in ``unbounded``.
    ``inexact`` says, of a kind the engine has no exact equivalent for, in words what becomes of it. ``reads`` are
    patterns of the engine's own names, in lower case, the first that matches counts; groups named as the fields of
    :class:`ColumnType` are read. Decimals of more digits than ``most_digits``, or than ``most_scale`` behind the
    point, become text. ``keys`` are the kinds that need another declaration in a primary key, ``suffix`` stands
    behind the columns of CREATE TABLE. ``free_decimals`` says that a decimal without declared digits holds any number
    just as it is written; ``keeps_minus_zero`` that a double can be -0. ``steady`` are statements after which a session
    writes and reads values in one way, whatever it is set to. ``exact`` says, of kinds of which the engine does not
    write every digit, how a ``{column}`` is selected whole. ``loose`` says that the engine takes any value in any
    column, so that Alveary checks what goes in. ``unique`` makes columns unique together, with names that are quoted.
    """

    creates: dict[Kind, str]
    unbounded: dict[Kind, str] = {}
    keys: dict[Kind, str] = {}
    inexact: dict[Kind, str] = {}
    reads: tuple[tuple[str, Kind], ...]
    most_digits: int | None = None
    most_scale: int | None = None
    suffix: str = ""
    steady: tuple[str, ...] = ()
    exact: dict[Kind, str] = {}
    free_decimals: bool = False
    keeps_minus_zero: bool = True
    loose: bool = False
    unique: str = "create unique index {name} on {schema}.{table} ({columns})"

    def declared(self, type: ColumnType, *, key: bool = False) -> tuple[str, str | None]:
        """Return what a new column is declared as, and what is to be said about it; ``key``: in the primary key."""
        kind, said = type.kind, self.inexact.get(type.kind)
        if kind is Kind.DECIMAL and type.precision is not None:
            scale = type.scale or 0
            too_long = self.most_digits is not None and type.precision > self.most_digits
            if too_long or (self.most_scale is not None and scale > self.most_scale):
                kind, said = Kind.TEXT, f"a number of {type.precision} digits has no exact equivalent; it is text here"
        bounded = type.precision is not None if kind is Kind.DECIMAL else type.length is not None
        template = self.creates.get(kind) or self.creates[Kind.TEXT]
        if key and not bounded and kind in self.keys:
            template = self.keys[kind]
        elif not bounded and kind in self.unbounded:
            template = self.unbounded[kind]
        return template.format(precision=type.precision, scale=type.scale or 0, length=type.length), said

    def selected(self, kind: Kind, column: str) -> str:
        """Return what a column of a kind, whose name is quoted, is selected as with every digit of it."""
        return self.exact.get(kind, "{column}").replace("{column}", column)

    def read(self, type_name: str) -> ColumnType:
        """Return what a column that the engine calls so holds."""
        name = " ".join(type_name.lower().split())
        for pattern, kind in self.reads:
            if match := _compiled(pattern).fullmatch(name):
                found = {field: int(value) for field, value in match.groupdict().items() if value is not None}
                if kind is Kind.DECIMAL and "precision" in found:
                    found.setdefault("scale", 0)
                return ColumnType(kind=kind, **found)
        return ColumnType(kind=Kind.OTHER)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_DIGITS = r"(?:\((?P<precision>\d+)(?:, ?(?P<scale>\d+))?\))?"
_LENGTH = r"(?:\((?P<length>\d+)\))?"

#: What standard SQL says, for a driver that brings no table of its own.
STANDARD = TypeTable(
    creates={
        Kind.SMALLINT: "smallint",
        Kind.INTEGER: "integer",
        Kind.BIGINT: "bigint",
        Kind.DECIMAL: "decimal({precision},{scale})",
        Kind.REAL: "real",
        Kind.DOUBLE: "double precision",
        Kind.BOOLEAN: "boolean",
        Kind.TEXT: "varchar({length})",
        Kind.BINARY: "blob",
        Kind.DATE: "date",
        Kind.TIME: "time",
        Kind.TIMESTAMP: "timestamp",
        Kind.TIMESTAMPTZ: "timestamp with time zone",
    },
    unbounded={Kind.TEXT: "varchar", Kind.DECIMAL: "decimal(38,10)"},
    inexact={
        Kind.JSON: "JSON is text here",
        Kind.UUID: "a UUID is text here",
        Kind.OTHER: "there is no equivalent; it is text here",
    },
    reads=(
        (r"smallint|int2|tinyint", Kind.SMALLINT),
        (r"integer|int|int4", Kind.INTEGER),
        (r"bigint|int8", Kind.BIGINT),
        (rf"(?:decimal|numeric){_DIGITS}", Kind.DECIMAL),
        (r"real|float4", Kind.REAL),
        (r"double(?: precision)?|float|float8", Kind.DOUBLE),
        (r"boolean|bool", Kind.BOOLEAN),
        (rf"(?:character varying|varchar|text|character|char|clob|string){_LENGTH}", Kind.TEXT),
        (r"blob|bytea|(?:var)?binary(?:\(\d+\))?|binary varying(?:\(\d+\))?", Kind.BINARY),
        (r"date", Kind.DATE),
        (r"time(?:\(\d+\))?", Kind.TIME),
        (r"timestamp(?:\(\d+\))?(?: without time zone)?|datetime", Kind.TIMESTAMP),
        (r"timestamp(?:\(\d+\))? with time zone|timestamptz", Kind.TIMESTAMPTZ),
        (r"json", Kind.JSON),
        (r"uuid", Kind.UUID),
    ),
    most_digits=38,
)
