"""PostgreSQL's names of the types that all engines share."""

from __future__ import annotations

from alveary.contracts.types import Kind, TypeTable

_LENGTH = r"(?:\((?P<length>\d+)\))?"
_FRACTION = r"(?:\(\d\))?"

TYPES = TypeTable(
    creates={
        Kind.SMALLINT: "smallint",
        Kind.INTEGER: "integer",
        Kind.BIGINT: "bigint",
        Kind.DECIMAL: "numeric({precision},{scale})",
        Kind.REAL: "real",
        Kind.DOUBLE: "double precision",
        Kind.BOOLEAN: "boolean",
        Kind.TEXT: "character varying({length})",
        Kind.BINARY: "bytea",
        Kind.DATE: "date",
        Kind.TIME: "time",
        Kind.TIMESTAMP: "timestamp",
        Kind.TIMESTAMPTZ: "timestamp with time zone",
        Kind.JSON: "json",
        Kind.UUID: "uuid",
    },
    unbounded={Kind.DECIMAL: "numeric", Kind.TEXT: "text", Kind.OTHER: "text"},
    inexact={Kind.OTHER: "there is no equivalent; it is text here"},
    most_digits=1000,
    most_scale=1000,
    free_decimals=True,
    steady=(
        "set datestyle = 'ISO, YMD'",
        "set intervalstyle = 'postgres'",
        "set timezone = 'UTC'",
        "set bytea_output = 'hex'",
        "set extra_float_digits = 1",
    ),
    reads=(
        (r"smallint", Kind.SMALLINT),
        (r"integer", Kind.INTEGER),
        (r"bigint", Kind.BIGINT),
        (r"numeric(?:\((?P<precision>\d+),(?P<scale>\d+)\))?", Kind.DECIMAL),
        (r"real", Kind.REAL),
        (r"double precision", Kind.DOUBLE),
        (r"boolean", Kind.BOOLEAN),
        (rf"text|name|citext|(?:character varying|character){_LENGTH}", Kind.TEXT),
        (r"bytea", Kind.BINARY),
        (r"date", Kind.DATE),
        (rf"time{_FRACTION}(?: without time zone)?", Kind.TIME),
        (rf"timestamp{_FRACTION}(?: without time zone)?", Kind.TIMESTAMP),
        (rf"timestamp{_FRACTION} with time zone", Kind.TIMESTAMPTZ),
        (r"jsonb?", Kind.JSON),
        (r"uuid", Kind.UUID),
    ),
)
