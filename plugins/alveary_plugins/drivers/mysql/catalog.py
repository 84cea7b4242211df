"""The catalog of MySQL and MariaDB: one or two questions to information_schema for each of ours."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any

from alveary.contracts.catalog import Catalog, ColumnInfo, ForeignKey, IndexInfo, ObjectInfo, Relation
from alveary.contracts.values import Row
from alveary.errors import NulCharacterError, UnsupportedError
from alveary_plugins.drivers.mysql.binding import literal

#: Runs a question and returns all rows.
Ask = Callable[[str], list[Row]]

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys", "ndbinfo")
_KINDS = {"BASE TABLE": "table", "SYSTEM VERSIONED": "table", "VIEW": "view", "SYSTEM VIEW": "system view",
          "SEQUENCE": "sequence", "TEMPORARY": "temporary table"}  # fmt: skip

_DATABASES = "select schema_name, schema_name = database() from information_schema.schemata"

# A view's comment is the word VIEW, or what is broken about it.
_RELATIONS = """
    select table_name, table_type, table_rows, case when table_type like '%VIEW' then null else table_comment end
      from information_schema.tables where table_schema = {schema} order by table_name"""

_COLUMNS = """
    select table_name, column_name, ordinal_position, column_type, is_nullable, column_default, extra, column_key
      from information_schema.columns where table_schema = {schema}"""

# Asked only where a key has more than one column. A join of the two has no index to go by on MariaDB.
_KEYS = """
    select table_name, column_name, seq_in_index
      from information_schema.statistics where table_schema = {schema} and index_name = 'PRIMARY'"""

_INDEXES = """
    select table_name, index_name, non_unique, column_name
      from information_schema.statistics where table_schema = {schema}
     order by table_name, index_name, seq_in_index"""

# Two questions in one round trip, put together here.
_FOREIGN_KEYS = """
    select 'column', table_name, constraint_name, ordinal_position, column_name,
           referenced_table_schema, referenced_table_name, referenced_column_name
      from information_schema.key_column_usage
     where table_schema = {schema} and referenced_table_name is not null
    union all
    select 'rule', table_name, constraint_name, 0, update_rule, delete_rule, null, null
      from information_schema.referential_constraints where constraint_schema = {schema}"""


_OBJECTS = """
    select routine_name, lower(routine_type), null, dtd_identifier, routine_comment
      from information_schema.routines where routine_schema = {schema}
    union all
    select trigger_name, 'trigger', event_object_table, lower(concat(action_timing, ' ', event_manipulation)), null
      from information_schema.triggers where trigger_schema = {schema}
    union all
    select event_name, 'event', null, coalesce(concat('every ', interval_value, ' ', lower(interval_field)),
                                               concat('at ', execute_at)), event_comment
      from information_schema.events where event_schema = {schema}"""

# What there is of a name, in the order in which it is made. Each is then shown by a statement of its own.
_NAMED = """
    select 1, table_type, table_name from information_schema.tables
     where table_schema = {schema} and table_name = {name}
    union all
    select 2, routine_type, routine_name from information_schema.routines
     where routine_schema = {schema} and routine_name = {name}
    union all
    select 3, 'TRIGGER', trigger_name from information_schema.triggers
     where trigger_schema = {schema} and {name} in (trigger_name, event_object_table)
    union all
    select 4, 'EVENT', event_name from information_schema.events where event_schema = {schema} and event_name = {name}
     order by 1, 3"""
_SHOWN_AS = {"BASE TABLE": "TABLE", "SYSTEM VERSIONED": "TABLE", "SYSTEM VIEW": "TABLE", "TEMPORARY": "TABLE"}
_STORED = ("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT")
"""What keeps the sql_mode it was made under, which says how its text is read."""


class MysqlCatalog(Catalog):
    """Answers from information_schema, whose databases are what others call schemas; so both questions list them."""

    def __init__(self, ask: Ask, *, is_mariadb: bool) -> None:
        self._ask = ask
        self._is_mariadb = is_mariadb

    def databases(self) -> list[str]:
        return self.schemas()

    def schemas(self) -> list[str]:
        """Return the databases: the current one first, those of the server itself last."""
        found = [(current != "1", str(name) in _SYSTEM, str(name)) for name, current in self._ask(_DATABASES)]
        return [name for *_, name in sorted(found)]

    def search_path(self) -> list[str]:
        return [str(name) for (name,) in self._ask("select database()") if name is not None]

    def relations(self, schema: str) -> list[Relation]:
        return [
            Relation(
                schema=schema,
                name=name,
                kind=_KINDS.get(kind, kind.lower()),
                rows=rows and int(rows),
                comment=comment or None,
            )
            for name, kind, rows, comment in self._of(_RELATIONS, schema)
        ]

    def columns(self, schema: str) -> list[ColumnInfo]:
        """Return the columns; takes a second round trip where a primary key has several."""
        rows = sorted(self._of(_COLUMNS, schema), key=itemgetter(0))  # within a relation they are in order
        keys = {(table, name): 1 for table, name, *_, key in rows if key == "PRI"}
        if len({table for table, _ in keys}) < len(keys):
            keys = {(table, name): int(place) for table, name, place in self._of(_KEYS, schema)}
        none = "NULL" if self._is_mariadb else None  # how MariaDB writes that there is none; a text has its quotes
        return [
            ColumnInfo(
                schema=schema,
                relation=table,
                name=name,
                ordinal=int(place),
                type_name=type_name,
                nullable=nullable == "YES",
                default=None if default == none else default,
                primary_key=keys.get((table, name)) if key == "PRI" else None,
                # MySQL also has DEFAULT_GENERATED, which is a default.
                generated=bool(extra) and ("VIRTUAL GENERATED" in extra or "STORED GENERATED" in extra),
            )
            for table, name, place, type_name, nullable, default, extra, key in rows
        ]

    def indexes(self, schema: str) -> list[IndexInfo]:
        return [
            IndexInfo(
                schema=schema,
                relation=str(table),
                name=str(name),
                unique=non_unique == "0",
                columns=tuple(None if column is None else str(column) for *_, column in rows),
                origin="primary key" if name == "PRIMARY" else "index" if non_unique != "0" else "unique",
            )
            for (table, name, non_unique), rows in groupby(self._of(_INDEXES, schema), itemgetter(0, 1, 2))
        ]

    def foreign_keys(self, schema: str) -> list[ForeignKey]:
        rows = self._of(_FOREIGN_KEYS, schema)
        rules = {(table, name): (str(update), str(delete)) for what, table, name, _, update, delete, *_ in rows
                 if what == "rule"}  # fmt: skip
        places = sorted((row[1:] for row in rows if row[0] == "column"), key=lambda row: (*row[:2], int(row[2] or 0)))
        found = []
        for (table, name), group in groupby(places, itemgetter(0, 1)):
            columns = list(group)
            update, delete = rules.get((table, name), ("NO ACTION", "NO ACTION"))
            found.append(
                ForeignKey(
                    schema=schema,
                    relation=str(table),
                    name=str(name),
                    columns=tuple(str(row[3]) for row in columns),
                    target_schema=str(columns[0][4]),
                    target_relation=str(columns[0][5]),
                    target_columns=tuple(str(row[6]) for row in columns),
                    on_update=update,
                    on_delete=delete,
                )
            )
        return found

    def objects(self, schema: str) -> list[ObjectInfo]:
        found = [
            ObjectInfo(schema=schema, name=name, kind=kind, relation=relation, detail=detail, comment=comment or None)
            for name, kind, relation, detail, comment in self._of(_OBJECTS, schema)
        ]
        return sorted(found, key=lambda each: (each.kind, each.name))

    def definition(self, schema: str, name: str) -> list[str]:
        """Return what SHOW CREATE tells, and the sql_mode where that of a stored program is another than ours."""
        statements = []
        ((mode,),) = self._ask("select @@sql_mode")
        for _, listed_as, found in self._ask(_NAMED.format(schema=literal(schema), name=literal(name))):
            kind = _SHOWN_AS.get(str(listed_as), str(listed_as))
            (shown,) = self._ask(f"show create {kind} {self.quote(schema)}.{self.quote(str(found))}")
            text = shown[3 if kind == "EVENT" else 2 if kind in _STORED else 1]
            if text is None:
                raise UnsupportedError(
                    f"the SQL of {str(found)!r} is hidden from this user",
                    hint="its definer and administrators may see it",
                )
            if kind in _STORED and shown[1] != mode:
                mode = shown[1]
                statements.append(f"set sql_mode = {literal(str(mode))}")
            statements.append(str(text))
        return statements

    def quote(self, name: str) -> str:
        if "\0" in name:
            raise NulCharacterError("a name can't hold U+0000")
        return "`" + name.replace("`", "``") + "`"

    def _of(self, question: str, schema: str) -> list[tuple[Any, ...]]:
        return self._ask(question.format(schema=literal(schema)))
