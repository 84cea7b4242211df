"""The catalog: each question is a query in a file of its own, whose columns bear the names of the fields they fill."""

from importlib.resources import files
from typing import Any

import msgspec

from alveary import Catalog, ColumnInfo, Constraint, ForeignKey, IndexInfo, ObjectInfo, Relation, errors


def _question(name: str, answer: Any) -> Any:
    """Return a method that asks ``questions/NAME.sql``."""
    sql = files("alveary_duckdb").joinpath("questions", f"{name}.sql").read_text("utf-8")
    return lambda catalog, *path: msgspec.convert(catalog.ask(sql, *path), answer)


class DuckdbCatalog(Catalog):
    """Asks DuckDB's own table functions; of an index on an expression it tells the text."""

    databases, schemas, definition = (_question(name, list[str]) for name in ("databases", "schemas", "definition"))
    relations = _question("relations", list[Relation])
    columns = _question("columns", list[ColumnInfo])
    indexes = _question("indexes", list[IndexInfo])
    foreign_keys = _question("foreign_keys", list[ForeignKey])
    constraints = _question("constraints", list[Constraint])
    objects = _question("objects", list[ObjectInfo])

    def __init__(self, ask: Any) -> None:
        self.ask = ask

    def quote(self, name: str) -> str:
        if "\0" in name:
            raise errors.NulCharacterError("a name can't hold U+0000")
        return '"' + name.replace('"', '""') + '"'
