"""Statements a person begins from, written with the names quoted as the server quotes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from alveary.contracts.catalog import Catalog, ColumnInfo
from alveary_plugins.panels.catalog.model import Schema

FIRST_ROWS = 100
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def qualified(catalog: Catalog, schema: Schema, name: str) -> str:
    """Return a relation's name quoted, with its schema where that is not implied."""
    quoted = catalog.quote(name)
    return quoted if schema.implied else f"{catalog.quote(schema.name)}.{quoted}"


def first_rows(catalog: Catalog, schema: Schema, relation: str) -> str:
    """Return a statement that reads a few rows; which ones is for the server to choose."""
    return f"select *\nfrom {qualified(catalog, schema, relation)}\nlimit {FIRST_ROWS};\n"


def select(catalog: Catalog, schema: Schema, relation: str, columns: Sequence[ColumnInfo]) -> str:
    """Return a query that names every column."""
    listed = ",\n    ".join(catalog.quote(column.name) for column in columns) or "*"
    return f"select\n    {listed}\nfrom {qualified(catalog, schema, relation)}\nlimit {FIRST_ROWS};\n"


def insert(catalog: Catalog, schema: Schema, relation: str, columns: Sequence[ColumnInfo]) -> str:
    """Return an INSERT of one row with a parameter for each column; generated ones are left to the server."""
    wanted = [column for column in columns if not column.generated]
    listed = ",\n    ".join(catalog.quote(column.name) for column in wanted)
    values = ",\n    ".join(f":{column.name}" if _PLAIN.fullmatch(column.name) else "null" for column in wanted)
    return f"insert into {qualified(catalog, schema, relation)} (\n    {listed}\n) values (\n    {values}\n);\n"
