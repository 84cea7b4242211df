"""The SQLite catalog: each question joins the schema table with a pragma function, so one round trip answers it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any

from alveary.contracts.catalog import Catalog, ColumnInfo, ForeignKey, IndexInfo, ObjectInfo, Relation
from alveary.errors import NulCharacterError, QueryError

#: Runs a query with its parameters and returns all rows.
Ask = Callable[..., list[tuple[Any, ...]]]

_KINDS = {"virtual": "virtual table", "shadow": "shadow table"}
_EVERY = 2**63 - 1
_ORIGINS = {"c": "index", "u": "unique", "pk": "primary key"}

# ``sqlite_master`` and not ``sqlite_schema``: every version of SQLite knows the old name.
_RELATIONS = """
    select m.name,
           case when m.type = 'table' and upper(m.sql) like 'CREATE VIRTUAL%' then 'virtual' else m.type end
      from {schema}.sqlite_master as m
     where m.type in ('table', 'view')"""

# hidden: 1 is a column of a virtual table that ``select *`` leaves out, 2 and 3 are generated columns.
_COLUMNS = """
    select m.name, c.name, c.cid + 1, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
      from {schema}.sqlite_master as m join pragma_table_xinfo(m.name, :schema) as c
     where m.type in ('table', 'view') and c.hidden <> 1 and m.rowid between :first and :last
     order by m.name, c.cid"""

_INDEXES = """
    select m.name, i.name, i."unique", i.origin, i.partial, c.name
      from {schema}.sqlite_master as m
      join pragma_index_list(m.name, :schema) as i
      join pragma_index_xinfo(i.name, :schema) as c
     where m.type = 'table' and c."key" and m.rowid between :first and :last
     order by m.name, i.name, c.seqno"""

# A foreign key that names no target columns means the target's primary key.
_FOREIGN_KEYS = """
    select m.name, f.id, f."table", f.on_update, f.on_delete, f."from", coalesce(f."to", p.name)
      from {schema}.sqlite_master as m
      join pragma_foreign_key_list(m.name, :schema) as f
      left join pragma_table_xinfo(f."table", :schema) as p on f."to" is null and p.pk = f.seq + 1
     where m.type = 'table' and m.rowid between :first and :last
     order by m.name, f.id, f.seq"""

_LAST = "select max(rowid) from {schema}.sqlite_master"

# The first number of ``stat`` is the table's rows, or, for a partial index, how many of them it holds.
_ESTIMATES = "select tbl, max(cast(stat as integer)) from {schema}.sqlite_stat1 group by tbl"


_TRIGGERS = "select name, tbl_name from {schema}.sqlite_master where type = 'trigger' order by name"

# An index that a constraint brings has no SQL of its own. SQLite compares names without regard to case.
_DEFINITIONS = """
    select sql from {schema}.sqlite_master
     where (name = :name collate nocase or tbl_name = :name collate nocase and type in ('index', 'trigger'))
       and sql is not null
     order by type not in ('table', 'view'), type, name"""


class SqliteCatalog(Catalog):
    """Answers from the schema tables of one connection; a relation SQLite can't describe has no columns."""

    def __init__(self, ask: Ask, version: tuple[int, ...]) -> None:
        """``version`` is SQLite's."""
        self._ask = ask
        self._version = version

    def databases(self) -> list[str]:
        return ["main"]

    def schemas(self) -> list[str]:
        names = [name for _, name, _ in self._ask("pragma database_list")]
        temp = ["temp"] if self._ask("select 1 from temp.sqlite_master limit 1") else []
        return ["main", *temp, *(name for name in names if name not in ("main", "temp"))]

    def search_path(self) -> list[str]:
        """Return all schemas, for a name is looked for in each: the temporary one leads, the others follow in order."""
        return sorted(self.schemas(), key=lambda name: name != "temp")

    def relations(self, schema: str) -> list[Relation]:
        listed = self._listed(schema)
        estimates = dict[str, int | None]()
        if any(name == "sqlite_stat1" for name, *_ in listed):
            estimates = dict(self._ask(_ESTIMATES.format(schema=self.quote(schema))))
        return [
            Relation(
                schema=schema, name=name, kind=_KINDS.get(kind, kind), rows=estimates.get(name), detail=detail or None
            )
            for name, kind, detail in sorted(listed)
            if not _internal(name)
        ]

    def columns(self, schema: str) -> list[ColumnInfo]:
        return [
            ColumnInfo(
                schema=schema,
                relation=relation,
                name=name,
                ordinal=ordinal,
                type_name=type_name,
                nullable=not notnull,
                default=default,
                primary_key=key or None,
                generated=hidden in (2, 3),
            )
            for relation, name, ordinal, type_name, notnull, default, key, hidden in self._of_all(_COLUMNS, schema)
        ]

    def indexes(self, schema: str) -> list[IndexInfo]:
        return [
            IndexInfo(
                schema=schema,
                relation=relation,
                name=name,
                unique=bool(unique),
                columns=tuple(column for *_, column in rows),
                origin=_ORIGINS.get(origin, origin),
                partial=bool(partial),
            )
            for (relation, name, unique, origin, partial), rows in _grouped(self._of_all(_INDEXES, schema), 5)
        ]

    def foreign_keys(self, schema: str) -> list[ForeignKey]:
        """Return the foreign keys; SQLite keeps no names for them, its number within the relation stands there."""
        return [
            ForeignKey(
                schema=schema,
                relation=relation,
                name=str(number),
                columns=tuple(source for *_, source, _ in rows),
                target_schema=schema,
                target_relation=target,
                target_columns=tuple(column for *_, column in rows if column is not None),
                on_update=on_update,
                on_delete=on_delete,
            )
            for (relation, number, target, on_update, on_delete), rows in _grouped(
                self._of_all(_FOREIGN_KEYS, schema), 5
            )
        ]

    def objects(self, schema: str) -> list[ObjectInfo]:
        return [
            ObjectInfo(schema=schema, name=name, kind="trigger", relation=relation)
            for name, relation in self._ask(_TRIGGERS.format(schema=self.quote(schema)))
        ]

    def definition(self, schema: str, name: str) -> list[str]:
        """Return the statements as SQLite keeps them: as they were written, without the schema."""
        return [sql for (sql,) in self._ask(_DEFINITIONS.format(schema=self.quote(schema)), {"name": name})]

    def quote(self, name: str) -> str:
        if "\0" in name:
            raise NulCharacterError("a name can't hold U+0000")
        return '"' + name.replace('"', '""') + '"'

    def _listed(self, schema: str) -> list[tuple[str, str, str]]:
        """Return each relation's name, kind, and what is special about it."""
        if self._version < (3, 37):  # has no table_list, so it can't tell shadow tables
            return [(name, kind, "") for name, kind in self._ask(_RELATIONS.format(schema=self.quote(schema)))]
        return [
            (name, kind, ", ".join(filter(None, ["strict" if strict else "", "without rowid" if bare else ""])))
            for _, name, kind, _, bare, strict in self._ask(f"pragma {self.quote(schema)}.table_list")
        ]

    def _of_all(self, question: str, schema: str) -> list[tuple[Any, ...]]:
        quoted = self.quote(schema)
        sql = question.format(schema=quoted)
        try:
            rows = self._ask(sql, {"schema": schema, "first": 0, "last": _EVERY})
        except QueryError as error:
            if type(error) is not QueryError:  # locked, cancelled and the like hold for every relation
                raise
            # One broken view (what it reads is gone) fails the whole question, so it is asked in parts.
            ((last,),) = self._ask(_LAST.format(schema=quoted))
            rows = sorted(self._parts(sql, schema, 1, last or 1), key=itemgetter(0))
        return [row for row in rows if not _internal(row[0])]

    def _parts(self, sql: str, schema: str, first: int, last: int) -> list[tuple[Any, ...]]:
        """Ask about these rows of the schema table; by halves where that fails, leaving out what fails alone."""
        try:
            return self._ask(sql, {"schema": schema, "first": first, "last": last})
        except QueryError as error:
            if type(error) is not QueryError:
                raise
            if first == last:
                return []
            middle = (first + last) // 2
            return self._parts(sql, schema, first, middle) + self._parts(sql, schema, middle + 1, last)


def _internal(name: str) -> bool:
    return name.lower().startswith("sqlite_")


def _grouped(rows: list[tuple[Any, ...]], width: int) -> list[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Return the rows that begin with the same ``width`` cells together; they already stand together."""
    return [(key, list(group)) for key, group in groupby(rows, itemgetter(slice(width)))]
