"""The SQLite catalog: each question joins the schema table with a pragma function, so one round trip answers it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from alveary.contracts.catalog import (
    Catalog,
    ColumnInfo,
    Constraint,
    Dependencies,
    Dependency,
    ForeignKey,
    Gap,
    IndexInfo,
    ObjectInfo,
    Relation,
    RelationDetails,
    Twin,
)
from alveary.errors import NulCharacterError, QueryError
from alveary.sqltext import SQLITE, names_in
from alveary_plugins.drivers.sqlite import declared, twins

#: Runs a query with its parameters and returns all rows.
Ask = Callable[..., list[tuple[Any, ...]]]

_KINDS = {"virtual": "virtual table", "shadow": "shadow table"}
_EVERY = 2**63 - 1
_SAYS_MORE = re.compile(r"collate|autoincrement|\bas\b", re.I)
"""What stands in the text of a table of which the pragmas do not tell everything."""
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
     where m.type in ('table', 'view') and c.hidden <> 1 and m.rowid between :first and :last {only}
     order by m.name, c.cid"""

_INDEXES = """
    select m.name, i.name, i."unique", i.origin, i.partial, c.name
      from {schema}.sqlite_master as m
      join pragma_index_list(m.name, :schema) as i
      join pragma_index_xinfo(i.name, :schema) as c
     where m.type = 'table' and c."key" and m.rowid between :first and :last {only}
     order by m.name, i.name, c.seqno"""

# A foreign key that names no target columns means the target's primary key.
_FOREIGN_KEYS = """
    select m.name, f.id, f."table", f.on_update, f.on_delete, f."from", coalesce(f."to", p.name)
      from {schema}.sqlite_master as m
      join pragma_foreign_key_list(m.name, :schema) as f
      left join pragma_table_xinfo(f."table", :schema) as p on f."to" is null and p.pk = f.seq + 1
     where m.type = 'table' and m.rowid between :first and :last {only}
     order by m.name, f.id, f.seq"""

_ONLY = "and m.name = :name"
_TOUCHING = 'and (m.name = :name or f."table" = :name collate nocase)'
_BREAKABLE = "and (m.type = 'view' or upper(m.sql) like 'CREATE VIRTUAL%')"
_SQL = "select name, sql from {schema}.sqlite_master where type = :type and sql is not null {only}"
_NAMES = "select name from {schema}.sqlite_master where type in ('table', 'view')"

_LAST = "select max(rowid) from {schema}.sqlite_master"

# The first number of ``stat`` is the table's rows, or, for a partial index, how many of them it holds.
_ESTIMATES = "select tbl, max(cast(stat as integer)) from {schema}.sqlite_stat1 group by tbl"


# SQLite keeps the name of the table as the trigger wrote it, in whatever case.
_TRIGGERS = """
    select t.name, coalesce(m.name, t.tbl_name), t.sql
      from {schema}.sqlite_master t
      left join {schema}.sqlite_master m on m.type in ('table', 'view') and m.name = t.tbl_name collate nocase
     where t.type = 'trigger' {only} order by t.name"""

# What could name something else: the SQL of views and triggers.
_WRITTEN = "select name, type, tbl_name, sql from {schema}.sqlite_master where type in ('view', 'trigger', 'table')"

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
        return self._relations(schema)

    def columns(self, schema: str) -> list[ColumnInfo]:
        return self._columns(schema)

    def indexes(self, schema: str) -> list[IndexInfo]:
        return self._indexes(schema)

    def foreign_keys(self, schema: str) -> list[ForeignKey]:
        """Return the foreign keys; SQLite keeps no names for them, its number within the relation stands there."""
        return self._foreign_keys(schema)

    def constraints(self, schema: str) -> list[Constraint]:
        """Return the constraints, which are read from the text that made the table."""
        return self._constraints(schema)

    def objects(self, schema: str) -> list[ObjectInfo]:
        return self._triggers(schema)

    def details(self, schema: str, name: str) -> RelationDetails | None:
        relation = next((each for each in self._relations(schema) if each.name == name), None)
        if relation is None:
            return None
        if relation.kind == "view":
            text = self._sql(schema, "view", name).get(name)
            relation = msgspec.structs.replace(relation, definition=text)
        keys = self._foreign_keys(schema, name)
        return RelationDetails(
            relation=relation,
            columns=tuple(self._columns(schema, name)),
            indexes=tuple(self._indexes(schema, name)),
            constraints=tuple(self._constraints(schema, name)),
            foreign_keys=tuple(key for key in keys if key.relation == name),
            referenced_by=tuple(key for key in keys if key.target_relation == name),
            objects=tuple(self._triggers(schema, name)),
        )

    def gaps(self, schema: str) -> list[Gap]:
        """Return the views whose columns can't be told, and why: what they read is gone."""
        broken: list[Gap] = []
        if schema:
            self._of_all(_COLUMNS, schema, "", only=_BREAKABLE, broken=broken)
        return broken

    def dependencies(self, schema: str, name: str) -> Dependencies | None:
        """Return what is named in SQL that SQLite keeps as text, and, for certain, foreign keys and triggers."""
        quoted = self.quote(schema)
        kinds = {each.name: each.kind for each in self._relations(schema)}
        written = self._ask(_WRITTEN.format(schema=quoted))
        kinds |= {each: "trigger" for each, kind, *_ in written if kind == "trigger"}
        if name not in kinds:
            return None
        uses: list[Dependency] = []
        used_by: list[Dependency] = []
        for key in self._foreign_keys(schema, name):
            for mine, other, found in (
                (key.relation, key.target_relation, uses),
                (key.target_relation, key.relation, used_by),
            ):
                if mine == name != other:
                    how = f"foreign key ({', '.join(key.columns)})"
                    found.append(Dependency(schema=schema, name=other, kind=kinds.get(other, "table"), how=how))
        by_word = {each.casefold(): each for each in kinds}
        for each, kind, table, sql in written:
            if kind == "table":
                continue
            named = {by_word[word.casefold()] for word in names_in(sql or "", SQLITE) if word.casefold() in by_word}
            how = "query" if kind == "view" else "body"
            if kind == "trigger" and table == name:
                used_by.append(Dependency(schema=schema, name=each, kind=kind, how="stands on it"))
            elif each != name and name in named:
                used_by.append(Dependency(schema=schema, name=each, kind=kind, how=how, textual=True))
            if each == name:
                uses += [
                    Dependency(schema=schema, name=other, kind=kinds[other], how=how, textual=True)
                    for other in sorted(named - {name})
                ]
        return Dependencies(uses=tuple(uses), used_by=tuple(used_by))

    def definition(self, schema: str, name: str) -> list[str]:
        """Return the statements as SQLite keeps them: as they were written, without the schema."""
        return [sql for (sql,) in self._ask(_DEFINITIONS.format(schema=self.quote(schema)), {"name": name})]

    def twin(self, schema: str, name: str, twin_schema: str, twin_name: str) -> Twin | None:
        return twins.of_table(self.definition(schema, name), name, [self.quote(twin_schema), self.quote(twin_name)])

    def quote(self, name: str) -> str:
        if "\0" in name:
            raise NulCharacterError("a name can't hold U+0000")
        return '"' + name.replace('"', '""') + '"'

    # -- about all relations of a schema, or one ---------------------------------------------------------------

    def _relations(self, schema: str) -> list[Relation]:
        listed = self._listed(schema)
        estimates = dict[str, int | None]()
        if any(name == "sqlite_stat1" for name, *_ in listed):
            estimates = dict(self._ask(_ESTIMATES.format(schema=self.quote(schema))))
        modules: dict[str, str] = {}
        if any(kind == "virtual" for _, kind, _ in listed):
            for name, sql in self._sql(schema, "table").items():
                if _is_virtual(sql) and (using := declared.module(sql)) is not None:
                    modules[name] = using
        found = []
        for name, kind, detail in sorted(listed):
            if _internal(name):
                continue
            parent = None
            if kind == "shadow":  # which is named after the table whose module keeps it
                parent = max((each for each in modules if name.startswith(f"{each}_")), key=len, default=None)
            found.append(
                Relation(
                    schema=schema,
                    name=name,
                    kind=_KINDS.get(kind, kind),
                    rows=estimates.get(name),
                    detail=f"using {modules[name]}" if name in modules else detail or None,
                    parent_schema=parent and schema,
                    parent=parent,
                )
            )
        return found

    def _columns(self, schema: str, name: str | None = None) -> list[ColumnInfo]:
        rows = self._of_all(_COLUMNS, schema, name)
        texts = self._sql(schema, "table", name)
        tables = {each: declared.table(sql) for each, sql in texts.items() if _SAYS_MORE.search(sql)}
        keys = Counter(row[0] for row in rows if row[6])
        nothing = declared.DeclaredColumn()
        found = []
        for relation, column, ordinal, type_name, notnull, default, key, hidden in rows:
            said = tables[relation].columns.get(column.lower(), nothing) if relation in tables else nothing
            identity = "autoincrement" if said.autoincrement else None
            if key and identity is None and type_name.upper() == "INTEGER" and keys[relation] == 1:
                identity = "rowid" if declared.has_rowid_alias(texts.get(relation, "")) else None
            found.append(
                ColumnInfo(
                    schema=schema,
                    relation=relation,
                    name=column,
                    ordinal=ordinal,
                    type_name=type_name,
                    nullable=not notnull,
                    default=said.expression if hidden in (2, 3) else default,
                    primary_key=key or None,
                    generated=hidden in (2, 3),
                    identity=identity,
                    collation=said.collation,
                )
            )
        return found

    def _indexes(self, schema: str, name: str | None = None) -> list[IndexInfo]:
        found = []
        groups = _grouped(self._of_all(_INDEXES, schema, name), 5)
        texts: dict[str, str] = {}
        if any(partial or any(column is None for *_, column in rows) for (*_, partial), rows in groups):
            texts = self._sql(schema, "index")
        for (relation, index, unique, origin, partial), rows in groups:
            columns, predicate = [column for *_, column in rows], None
            if (partial or None in columns) and index in texts:
                written, predicate = declared.index(texts[index])
                if len(written) == len(columns):
                    columns = [
                        text if column is None else column for column, text in zip(columns, written, strict=True)
                    ]
            found.append(
                IndexInfo(
                    schema=schema,
                    relation=relation,
                    name=index,
                    unique=bool(unique),
                    columns=tuple(columns),
                    origin=_ORIGINS.get(origin, origin),
                    partial=bool(partial),
                    method="btree",
                    predicate=predicate,
                )
            )
        return found

    def _foreign_keys(self, schema: str, name: str | None = None) -> list[ForeignKey]:
        rows = self._of_all(_FOREIGN_KEYS, schema, name, only=_TOUCHING)
        # SQLite compares names without regard to case, so a key may lead to a table that is called a little otherwise.
        names = {each.lower(): each for (each,) in self._ask(_NAMES.format(schema=self.quote(schema)))} if rows else {}
        return [
            ForeignKey(
                schema=schema,
                relation=relation,
                name=str(number),
                columns=tuple(source for *_, source, _ in group),
                target_schema=schema,
                target_relation=names.get(target.lower(), target),
                target_columns=tuple(column for *_, column in group if column is not None),
                on_update=on_update,
                on_delete=on_delete,
            )
            for (relation, number, target, on_update, on_delete), group in _grouped(rows, 5)
        ]

    def _constraints(self, schema: str, name: str | None = None) -> list[Constraint]:
        return [
            Constraint(
                schema=schema,
                relation=relation,
                name=each.name,
                kind=each.kind,
                columns=each.columns,
                expression=each.expression,
            )
            for relation, sql in sorted(self._sql(schema, "table", name).items())
            if not _internal(relation) and not _is_virtual(sql)
            for each in declared.table(sql).constraints
        ]

    def _triggers(self, schema: str, name: str | None = None) -> list[ObjectInfo]:
        sql = _TRIGGERS.format(
            schema=self.quote(schema), only="" if name is None else "and t.tbl_name = :name collate nocase"
        )
        return [
            ObjectInfo(schema=schema, name=trigger, kind="trigger", relation=relation, detail=declared.fires(text))
            for trigger, relation, text in self._ask(sql, {} if name is None else {"name": name})
        ]

    def _sql(self, schema: str, type: str, name: str | None = None) -> dict[str, str]:
        """Return the texts that made all things of a type, or one; virtual tables are tables."""
        sql = _SQL.format(schema=self.quote(schema), only="" if name is None else "and name = :name")
        return dict(self._ask(sql, {"type": type, **({} if name is None else {"name": name})}))

    def _listed(self, schema: str) -> list[tuple[str, str, str]]:
        """Return each relation's name, kind, and what is special about it."""
        if self._version < (3, 37):  # has no table_list, so it can't tell shadow tables
            return [(name, kind, "") for name, kind in self._ask(_RELATIONS.format(schema=self.quote(schema)))]
        return [
            (name, kind, ", ".join(filter(None, ["strict" if strict else "", "without rowid" if bare else ""])))
            for _, name, kind, _, bare, strict in self._ask(f"pragma {self.quote(schema)}.table_list")
        ]

    def _of_all(
        self, question: str, schema: str, name: str | None = None, *, only: str = _ONLY, broken: list[Gap] | None = None
    ) -> list[tuple[Any, ...]]:
        """Ask of all relations, or of one; what can't be told is left out, and noted in ``broken``."""
        quoted = self.quote(schema)
        sql = question.format(schema=quoted, only="" if name is None else only)
        parameters = {"schema": schema, "first": 0, "last": _EVERY, **({} if name is None else {"name": name})}
        try:
            rows = self._ask(sql, parameters)
        except QueryError as error:
            if type(error) is not QueryError:  # locked, cancelled and the like hold for every relation
                raise
            # One broken view (what it reads is gone) fails the whole question, so it is asked in parts.
            ((last,),) = self._ask(_LAST.format(schema=quoted))
            rows = sorted(self._parts(sql, {**parameters, "first": 1, "last": last or 1}, broken), key=itemgetter(0))
        return [row for row in rows if not _internal(row[0])]

    def _parts(self, sql: str, parameters: dict[str, Any], broken: list[Gap] | None) -> list[tuple[Any, ...]]:
        """Ask about these rows of the schema table; by halves where that fails, leaving out what fails alone."""
        try:
            return self._ask(sql, parameters)
        except QueryError as error:
            if type(error) is not QueryError:
                raise
            first, last, schema = parameters["first"], parameters["last"], parameters["schema"]
            if first == last:
                if broken is not None:
                    named = f"select type, name from {self.quote(schema)}.sqlite_master where rowid = {first}"
                    what = " ".join(next(iter(self._ask(named)), ("", "")))
                    broken.append(Gap(schema=schema, what=f"columns of {what}", reason=error.message))
                return []
            middle = (first + last) // 2
            halves = ({**parameters, "last": middle}, {**parameters, "first": middle + 1})
            return [row for half in halves for row in self._parts(sql, half, broken)]


def _is_virtual(sql: str) -> bool:
    return sql[:15].upper() == "CREATE VIRTUAL "


def _internal(name: str) -> bool:
    return name.lower().startswith("sqlite_")


def _grouped(rows: list[tuple[Any, ...]], width: int) -> list[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Return the rows that begin with the same ``width`` cells together; they already stand together."""
    return [(key, list(group)) for key, group in groupby(rows, itemgetter(slice(width)))]
