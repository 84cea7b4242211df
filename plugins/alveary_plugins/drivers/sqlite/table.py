"""SQLite's names of the types that all engines share; it has four classes of values, and no exact decimals."""

from __future__ import annotations

from alveary.contracts.types import Kind, TypeTable

_DIGITS = r"(?:\((?P<precision>\d+)(?:, ?(?P<scale>\d+))?\))?"
_LENGTH = r"(?:\((?P<length>\d+)\))?"

TYPES = TypeTable(
    creates={
        **dict.fromkeys((Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT), "INTEGER"),
        **dict.fromkeys((Kind.REAL, Kind.DOUBLE), "REAL"),
        Kind.BOOLEAN: "BOOLEAN",
        Kind.TEXT: "TEXT",
        Kind.BINARY: "BLOB",
    },
    inexact={
        Kind.DECIMAL: "SQLite has no exact decimals; it is text here",
        Kind.DATE: "SQLite has no dates; it is text here",
        Kind.TIME: "SQLite has no times; it is text here",
        Kind.TIMESTAMP: "SQLite has no timestamps; it is text here",
        Kind.TIMESTAMPTZ: "SQLite has no timestamps; it is text here, with its zone",
        Kind.OTHER: "there is no equivalent; it is text here",
    },
    reads=(
        (r"bool(?:ean)?", Kind.BOOLEAN),
        (r".*int.*", Kind.BIGINT),
        (rf"(?:.*char.*|.*clob.*|.*text.*){_LENGTH}", Kind.TEXT),
        (r".*blob.*", Kind.BINARY),
        (r".*(?:real|floa|doub).*", Kind.DOUBLE),
        (rf"(?:decimal|numeric){_DIGITS}", Kind.DECIMAL),
        (r"json", Kind.JSON),
        (r"date", Kind.DATE),
        (r"time", Kind.TIME),
        (r"datetime|timestamp", Kind.TIMESTAMP),
    ),
    keeps_minus_zero=False,
    loose=True,
    unique="create unique index {schema}.{name} on {table} ({columns})",
)
