"""MySQL's and MariaDB's names of the types that all engines share."""

from __future__ import annotations

from alveary.contracts.types import Kind, TypeTable

_REST = r"(?: character set \w+)?(?: collate \w+)?"
_WIDTH = r"(?:\(\d+\))?"
_KEY = "varchar(768) character set utf8mb4 collate utf8mb4_bin"
# A backslash is what SHOW CREATE wrote it for; a date that one server holds the other one takes, 0000-00-00 and the
# 30th of February included.
_MODE = "set sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'"

TYPES = TypeTable(
    creates={
        Kind.SMALLINT: "smallint",
        Kind.INTEGER: "int",
        Kind.BIGINT: "bigint",
        Kind.DECIMAL: "decimal({precision},{scale})",
        Kind.REAL: "float",
        Kind.DOUBLE: "double",
        Kind.BOOLEAN: "tinyint(1)",
        Kind.TEXT: "varchar({length}) character set utf8mb4",
        Kind.BINARY: "longblob",
        Kind.DATE: "date",
        Kind.TIME: "time(6)",
        Kind.TIMESTAMP: "datetime(6)",
        Kind.TIMESTAMPTZ: "datetime(6)",
        Kind.JSON: "json",
        Kind.UUID: "char(36) character set ascii",
    },
    unbounded={
        Kind.DECIMAL: "decimal(65,30)",
        Kind.TEXT: "longtext character set utf8mb4",
        Kind.OTHER: "longtext character set utf8mb4",
    },
    keys={Kind.TEXT: _KEY, Kind.OTHER: _KEY, Kind.BINARY: "varbinary(3072)"},
    inexact={
        Kind.BOOLEAN: "there is no boolean; it is tinyint(1), 1 or 0",
        Kind.TIMESTAMPTZ: "there is no timestamp with a zone; it is datetime(6), in UTC",
        Kind.UUID: "a UUID is char(36) here",
        Kind.OTHER: "there is no equivalent; it is longtext here",
    },
    most_digits=65,
    most_scale=30,
    steady=("set time_zone = '+00:00'", _MODE),
    exact={Kind.REAL: "{column} * 1e0"},  # of a float the server writes six digits, and it holds up to nine
    suffix=" default character set utf8mb4",
    keeps_minus_zero=False,
    reads=(
        (r"tinyint\(1\)", Kind.BOOLEAN),
        (rf"(?:tinyint|smallint){_WIDTH}|tinyint{_WIDTH} unsigned|year{_WIDTH}", Kind.SMALLINT),
        (rf"(?:int|mediumint){_WIDTH}|(?:smallint|mediumint){_WIDTH} unsigned", Kind.INTEGER),
        (rf"bigint{_WIDTH}|int{_WIDTH} unsigned", Kind.BIGINT),
        (r"decimal\((?P<precision>\d+),(?P<scale>\d+)\)(?: unsigned)?(?: zerofill)?", Kind.DECIMAL),
        (rf"bigint{_WIDTH} unsigned(?: zerofill)?|bit{_WIDTH}", Kind.DECIMAL),
        (r"float(?:\(\d+,\d+\))?(?: unsigned)?", Kind.REAL),
        (r"double(?:\(\d+,\d+\))?(?: unsigned)?", Kind.DOUBLE),
        (rf"(?:var)?char\((?P<length>\d+)\){_REST}|(?:tiny|medium|long)?text{_REST}|enum\(.*\)|set\(.*\)", Kind.TEXT),
        (r"(?:var)?binary\(\d+\)|(?:tiny|medium|long)?blob", Kind.BINARY),
        (r"geometry(?:collection)?|(?:multi)?(?:point|linestring|polygon)", Kind.BINARY),
        (r"date", Kind.DATE),
        (r"time(?:\(\d\))?", Kind.TIME),
        (r"datetime(?:\(\d\))?", Kind.TIMESTAMP),
        (r"timestamp(?:\(\d\))?", Kind.TIMESTAMP),
        (r"json", Kind.JSON),
        (r"uuid", Kind.UUID),
    ),
)
