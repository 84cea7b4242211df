"""The catalog of MySQL and MariaDB: one or two questions to information_schema for each of ours."""

from __future__ import annotations

import re
from collections import defaultdict
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
    Trait,
    Twin,
)
from alveary.contracts.values import Row
from alveary.errors import NulCharacterError, PermissionDeniedError, UnsupportedError
from alveary.restoring import restoring
from alveary.sqltext import MYSQL, names_in
from alveary_plugins.drivers.mysql import twins
from alveary_plugins.drivers.mysql.binding import literal

#: Runs a question and returns all rows.
Ask = Callable[[str], list[Row]]

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys", "ndbinfo")
_KINDS = {"BASE TABLE": "table", "SYSTEM VERSIONED": "table", "VIEW": "view", "SYSTEM VIEW": "system view",
          "SEQUENCE": "sequence", "TEMPORARY": "temporary table"}  # fmt: skip

_DATABASES = "select schema_name, schema_name = database() from information_schema.schemata"

# A view's comment is the word VIEW, or what is broken about it.
_RELATIONS = """
    select table_name, table_type, table_rows, case when table_type like '%VIEW' then null else table_comment end,
           data_length + index_length, engine, create_options
      from information_schema.tables where table_schema = {schema} {only} order by table_name"""

_COLUMNS = """
    select table_name, column_name, ordinal_position, column_type, is_nullable, column_default, extra, column_key,
           generation_expression, column_comment,
           nullif(collation_name, (select default_collation_name from information_schema.schemata
                                    where schema_name = {schema}))
      from information_schema.columns where table_schema = {schema} {only}"""

# Asked only where a key has more than one column. A join of the two has no index to go by on MariaDB.
_KEYS = """
    select table_name, column_name, seq_in_index
      from information_schema.statistics where table_schema = {schema} {only} and index_name = 'PRIMARY'"""

# MySQL knows expressions; in MariaDB an index on one is an index on a generated column.
_INDEXES = """
    select table_name, index_name, non_unique, index_type, index_comment, column_name, sub_part, {expression},
           seq_in_index
      from information_schema.statistics where table_schema = {schema} {only}"""

# Two questions in one round trip, put together here.
_FOREIGN_KEYS = """
    select 'column', table_name, constraint_name, ordinal_position, column_name,
           referenced_table_schema, referenced_table_name, referenced_column_name
      from information_schema.key_column_usage
     where table_schema = {schema} and referenced_table_name is not null {own}
    union all
    select 'rule', table_name, constraint_name, 0, update_rule, delete_rule, null, null
      from information_schema.referential_constraints where constraint_schema = {schema} {own}"""
# Whoever asks information_schema what leads to a table has the server open all tables. InnoDB knows, and tells it to
# who has the right PROCESS; it writes names as those of files, so only plain ones are looked for.
_REFERRING = "select for_name from information_schema.innodb_sys_foreign where ref_name = {path}"
_PLAIN = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_TOUCHING = """
       and (table_name = {name} or referenced_table_name = {name})"""

_CHECKS = """
    select table_name, constraint_name, check_clause
      from information_schema.check_constraints where constraint_schema = {schema} {only} order by 1, 2"""
_CHECKS_OF_MYSQL = """
    select t.table_name, c.constraint_name, c.check_clause
      from information_schema.check_constraints c
      join information_schema.table_constraints t
           on t.constraint_schema = c.constraint_schema and t.constraint_name = c.constraint_name
     where c.constraint_schema = {schema} {only} order by 1, 2"""

_TRIGGERS = """
    select trigger_name, 'trigger', event_object_table, lower(concat(action_timing, ' ', event_manipulation)), null
      from information_schema.triggers where trigger_schema = {schema} {own}"""
_OBJECTS = f"""
    select routine_name, lower(routine_type), null, dtd_identifier, routine_comment
      from information_schema.routines where routine_schema = {{schema}}
    union all {_TRIGGERS.replace("{own}", "")}
    union all
    select event_name, 'event', null, concat(coalesce(concat('every ', interval_value, ' ', lower(interval_field)),
                                             concat('at ', execute_at)), if(status = 'ENABLED', '', ', disabled')),
           event_comment
      from information_schema.events where event_schema = {{schema}}"""
_PARAMETERS = """
    select specific_name, lower(routine_type), parameter_mode, parameter_name, dtd_identifier
      from information_schema.parameters
     where specific_schema = {schema} and ordinal_position > 0 order by ordinal_position"""
_ACCOUNTS = "select user, host, {is_role} from mysql.user order by 1, 2"

# Those that were given on this table or columns of it, as far as this user is told.
_PRIVILEGED = """
    select grantee from information_schema.table_privileges where table_schema = {schema} {only}
    union select grantee from information_schema.column_privileges where table_schema = {schema} {only} order by 1"""

_VIEW = "select view_definition from information_schema.views where table_schema = {schema} and table_name = {name}"
_GRANT = re.compile(r"GRANT (?P<rights>.*?) ON (?P<on>(?:`(?:[^`]|``)*`|\*)\.(?:`(?:[^`]|``)*`|\*)) TO ", re.DOTALL)
_NEEDED = (
    ("triggers", "TRIGGER"),
    ("events", "EVENT"),
    ("queries of views", "SHOW VIEW"),
    ("routines", "EXECUTE"),
)
"""What is listed only for who has a right, and which."""
_ACCOUNTS_HIDDEN = "this user may not read mysql.user"

# All that has a text in which names could stand.
_WRITTEN = """
    select 'view', table_name, null, view_definition from information_schema.views where table_schema = {schema}
    union all
    select lower(routine_type), routine_name, null, routine_definition
      from information_schema.routines where routine_schema = {schema}
    union all
    select 'trigger', trigger_name, event_object_table, action_statement
      from information_schema.triggers where trigger_schema = {schema}
    union all
    select 'event', event_name, null, event_definition from information_schema.events where event_schema = {schema}"""

# What there is of a name, in the order in which it is made: triggers in that in which they fire. Each is then shown by
# a statement of its own. Tables that differ in case or accents alone are told apart; to the server's = they are one.
_NAMED = """
    select 1, table_type, table_name, 0 from information_schema.tables
     where table_schema = {schema} and table_name = {name}
    union all
    select 2, routine_type, routine_name, 0 from information_schema.routines
     where routine_schema = {schema} and routine_name = {name}
    union all
    select 3, 'TRIGGER', trigger_name, action_order from information_schema.triggers
     where trigger_schema = {schema} and binary {name} in (binary trigger_name, binary event_object_table)
    union all
    select 4, 'EVENT', event_name, 0 from information_schema.events
     where event_schema = {schema} and event_name = {name}
     order by 1, 4, 2, 3"""
_PARTS = """
    select distinct table_name from (
        select table_name from information_schema.statistics
         where table_schema = {schema} and index_name = {name} {only}
        union all
        select table_name from information_schema.table_constraints
         where table_schema = {schema} and constraint_name = {name} {only}) found
     order by 1"""
_SHOWN_AS = {"BASE TABLE": "TABLE", "SYSTEM VERSIONED": "TABLE", "SYSTEM VIEW": "TABLE", "TEMPORARY": "TABLE"}
_BYTES = re.compile(r"'(?:[^'\\\udc80-\udcff]|''|\\.)*[\udc80-\udcff](?:[^'\\]|''|\\.)*'", re.DOTALL)
_ESCAPED = re.compile(r"\\.|''", re.DOTALL)
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
_STORED = ("PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY", "TRIGGER", "EVENT")
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
        return self._relations(schema)

    def columns(self, schema: str) -> list[ColumnInfo]:
        """Return the columns; takes a second round trip where a primary key has several."""
        return self._columns(schema)

    def indexes(self, schema: str) -> list[IndexInfo]:
        return self._indexes(schema)

    def foreign_keys(self, schema: str) -> list[ForeignKey]:
        return self._foreign_keys(schema)

    def constraints(self, schema: str) -> list[Constraint]:
        return self._constraints(schema)

    def objects(self, schema: str) -> list[ObjectInfo]:
        """Return routines, triggers and events; takes a second round trip where there are routines."""
        found = self._listed(_OBJECTS, schema)
        if any(each.kind in ("function", "procedure") for each in found):
            signatures: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            for name, kind, mode, parameter, type_name in self._of(_PARAMETERS, schema):
                words = [mode if kind == "procedure" else None, parameter, type_name]
                signatures[name, kind].append(" ".join(filter(None, words)))
            found = [
                msgspec.structs.replace(each, signature=", ".join(signatures.get((each.name, each.kind), ())))
                for each in found
            ]
        return found

    def details(self, schema: str, name: str) -> RelationDetails | None:
        """Return what there is to tell of one relation; keys that lead to it are those of its own schema."""
        relations = self._relations(schema, name)
        if not relations:
            return None
        relation = relations[0]
        if relation.kind == "view":
            texts = [text for (text,) in self._of(_VIEW, schema, name)]
            relation = msgspec.structs.replace(relation, definition=texts[0] if texts and texts[0] else None)
        indexes = self._indexes(schema, name)
        keys = self._foreign_keys(schema, name)
        return RelationDetails(
            relation=relation,
            columns=tuple(self._columns(schema, name)),
            indexes=tuple(indexes),
            constraints=tuple(self._constraints(schema, name, indexes=indexes)),
            foreign_keys=tuple(key for key in keys if key.relation == relation.name),
            referenced_by=tuple(
                key for key in keys if (key.target_schema, key.target_relation) == (schema, relation.name)
            ),
            objects=tuple(self._listed(_TRIGGERS, schema, name, own="and event_object_table = {name}")),
        )

    def server_objects(self) -> list[ObjectInfo]:
        """Return users and roles, if this user may read them."""
        try:
            accounts = self._accounts()
        except PermissionDeniedError:
            return []
        return [
            ObjectInfo(schema="", name=name, kind="role" if role == "Y" else "user", detail=host or None)
            for name, host, role in accounts
        ]

    def gaps(self, schema: str) -> list[Gap]:
        """Return what a right is missing for; what a server hides it does not count, either."""
        if not schema:
            try:
                self._accounts()
            except PermissionDeniedError:
                return [Gap(schema="", what="users", reason=_ACCOUNTS_HIDDEN)]
            return []
        rights: set[str] = set()
        for (grant,) in self._ask("show grants"):
            if (found := _GRANT.match(str(grant))) is not None and _covers(found["on"], schema):
                rights |= {right.strip() for right in found["rights"].split(",")}
        if "ALL PRIVILEGES" in rights or schema == "information_schema":
            return []
        gaps = [
            Gap(schema=schema, what=what, reason=f"this user has no {right} right on {schema}: not all are told")
            for what, right in _NEEDED
            if right not in rights
        ]
        if "SELECT" not in rights:
            reason = f"this user has no SELECT right on all of {schema}: what it has no right on is not told"
            gaps.insert(0, Gap(schema=schema, what="relations and columns", reason=reason))
        return gaps

    def dependencies(self, schema: str, name: str) -> Dependencies | None:
        """Return foreign keys and triggers, which are certain, and what the texts of this schema name, which is not."""
        kinds = {each.name: each.kind for each in self._relations(schema)}
        written = [tuple(row) for row in self._of(_WRITTEN, schema)]
        kinds |= {str(each): str(kind) for kind, each, *_ in written if kind != "view"}
        if name not in kinds:
            return None
        uses: list[Dependency] = []
        used_by: list[Dependency] = []
        for key in self._foreign_keys(schema, name):
            how = f"foreign key {key.name}"
            if key.relation == name:
                kind = kinds.get(key.target_relation, "table")
                uses.append(Dependency(schema=key.target_schema, name=key.target_relation, kind=kind, how=how))
            if (key.target_schema, key.target_relation) == (schema, name):
                used_by.append(Dependency(schema=schema, name=key.relation, kind="table", how=how))
        for kind, each, table, text in written:
            named = {word for word in names_in(text or "", MYSQL) if word in kinds}
            how = "query" if kind == "view" else "body"
            if table == name:
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
        """Return what SHOW CREATE tells, each within the sql_mode and time zone it was made under where these count."""
        statements = []
        ((mode, zone),) = self._ask("select @@sql_mode, @@time_zone")
        ours = {"sql_mode": mode, "time_zone": zone}
        now = dict(ours)
        for _, listed_as, found, _ in self._ask(_NAMED.format(schema=literal(schema), name=literal(name))):
            kind = _SHOWN_AS.get(str(listed_as), str(listed_as))
            (shown,) = self._ask(f"show create {kind} {self.quote(schema)}.{self.quote(str(found))}")
            text = shown[3 if kind == "EVENT" else 2 if kind in _STORED else 1]
            if text is None:
                raise UnsupportedError(
                    f"the SQL of {str(found)!r} is hidden from this user",
                    hint="its definer and administrators may see it",
                )
            its = {"sql_mode": shown[1]} if kind in _STORED else {}
            its |= {"time_zone": shown[2]} if kind == "EVENT" else {}
            statements += _settings(now, {**ours, **its})
            now = {**ours, **its}
            statements.append(_without_bytes(str(text)))
        statements += _settings(now, ours)
        return statements or self._parts(schema, name)

    def part(self, schema: str, relation: str, name: str) -> list[str]:
        """Return what adds a key or a constraint of one table, whose name another may have, or makes a trigger."""
        return self._parts(schema, name, relation) or self.definition(schema, name)

    def _parts(self, schema: str, name: str, *relation: str) -> list[str]:
        """Return what adds the keys and constraints of a name to their tables."""
        only = "".join(f"and table_name = {literal(table)}" for table in relation)
        sql = _PARTS.format(schema=literal(schema), name=literal(name), only=only)
        return [
            statement
            for (table,) in self._ask(sql)
            for statement in twins.parts_of(self._table(schema, str(table)), self.quote(str(table)), name)
        ]

    def _table(self, schema: str, name: str) -> str:
        """Return what SHOW CREATE tells of a table, the names between backticks."""
        ((mode,),) = self._ask("select @@sql_mode")
        with restoring(lambda: self._ask(f"set session sql_mode = {literal(str(mode))}")):
            self._ask("set session sql_mode = ''")  # others quote names by ", and leave things out
            (shown,) = self._ask(f"show create table {self.quote(schema)}.{self.quote(name)}")
        return _without_bytes(str(shown[1]))

    def twin(self, schema: str, name: str, twin_schema: str, twin_name: str) -> Twin | None:
        shown = self._table(schema, name)
        triggers = self._listed(_TRIGGERS, schema, name, own="and event_object_table = {name}")
        beside = [Trait(kind="trigger", name=each.name) for each in triggers]
        beside += [Trait(kind="privileges of", name=grantee) for (grantee,) in self._of(_PRIVILEGED, schema, name)]
        at = f"{self.quote(twin_schema)}.{self.quote(twin_name)}"
        return twins.of_table(shown, at, beside, keeps_names=name == twin_name)

    def quote(self, name: str) -> str:
        if "\0" in name:
            raise NulCharacterError("a name can't hold U+0000")
        return "`" + name.replace("`", "``") + "`"

    # -- about all relations of a schema, or one ---------------------------------------------------------------

    def _relations(self, schema: str, name: str | None = None) -> list[Relation]:
        return [
            Relation(
                schema=schema,
                name=relation,
                kind=_KINDS.get(kind, kind.lower()),
                rows=rows and int(rows),
                size=size and (int(size) or None),
                comment=comment or None,
                detail=_special(kind, engine, options),
            )
            for relation, kind, rows, comment, size, engine, options in self._of(_RELATIONS, schema, name)
        ]

    def _columns(self, schema: str, name: str | None = None) -> list[ColumnInfo]:
        rows = sorted(self._of(_COLUMNS, schema, name), key=itemgetter(0))  # within a relation they are in order
        keys = {(row[0], row[1]): 1 for row in rows if row[7] == "PRI"}
        if len({table for table, _ in keys}) < len(keys):
            keys = {(table, column): int(place) for table, column, place in self._of(_KEYS, schema, name)}
        none = "NULL" if self._is_mariadb else None  # how MariaDB writes that there is none; a text has its quotes
        found = []
        for table, column, place, type_name, nullable, default, extra, key, expression, comment, collation in rows:
            # MySQL also has DEFAULT_GENERATED, which is a default.
            generated = bool(extra) and ("VIRTUAL GENERATED" in extra or "STORED GENERATED" in extra)
            default = None if default == none else default  # noqa: PLW2901  # the same, as we say it
            found.append(
                ColumnInfo(
                    schema=schema,
                    relation=table,
                    name=column,
                    ordinal=int(place),
                    type_name=type_name,
                    nullable=nullable == "YES",
                    default=(expression or None) if generated else default,
                    primary_key=keys.get((table, column)) if key == "PRI" else None,
                    generated=generated,
                    identity="auto_increment" if extra and "auto_increment" in extra else None,
                    collation=collation,
                    comment=comment or None,
                    hidden=bool(extra) and "INVISIBLE" in extra,
                )
            )
        return found

    def _indexes(self, schema: str, name: str | None = None) -> list[IndexInfo]:
        expression = "null" if self._is_mariadb else "expression"
        rows = self._of(_INDEXES, schema, name, expression=expression)
        # Not by the server, to which names that differ in case or accents are the same.
        rows.sort(key=lambda row: (str(row[0]), str(row[1]).lower(), int(row[8])))
        return [
            IndexInfo(
                schema=schema,
                relation=str(table),
                name=str(index),
                unique=non_unique == "0",
                columns=tuple(_indexed(*row[5:8]) for row in group),
                origin="primary key" if index == "PRIMARY" else "index" if non_unique != "0" else "unique",
                method=str(method).lower(),
                comment=comment or None,
            )
            for (table, index, non_unique, method, comment), group in groupby(rows, itemgetter(0, 1, 2, 3, 4))
        ]

    def _constraints(
        self, schema: str, name: str | None = None, *, indexes: list[IndexInfo] | None = None
    ) -> list[Constraint]:
        """Return checks, and what unique indexes stand for, which is the same thing here."""
        found = [
            Constraint(
                schema=schema,
                relation=each.relation,
                name=each.name,
                kind=each.origin,
                columns=tuple(column for column in each.columns if column is not None),
            )
            for each in (self._indexes(schema, name) if indexes is None else indexes)
            if each.unique
        ]
        question = _CHECKS if self._is_mariadb else _CHECKS_OF_MYSQL
        found += [
            Constraint(schema=schema, relation=table, name=check, kind="check", expression=clause)
            for table, check, clause in self._of(question, schema, name)
        ]
        return sorted(found, key=lambda each: (each.relation, each.name))

    def _foreign_keys(self, schema: str, name: str | None = None) -> list[ForeignKey]:
        tables = None if name is None else self._touching(schema, name)
        if tables is None:
            rows = self._of(_FOREIGN_KEYS, schema, name, own="" if name is None else _TOUCHING)
        else:
            words = [
                _FOREIGN_KEYS.format(schema=literal(schema), own=f"and table_name = {literal(table)}")
                for table in tables
            ]
            rows = self._ask("\n    union all".join(words))
        rules = {(table, key): (str(update), str(delete)) for what, table, key, _, update, delete, *_ in rows
                 if what == "rule"}  # fmt: skip
        places = sorted((row[1:] for row in rows if row[0] == "column"), key=lambda row: (*row[:2], int(row[2] or 0)))
        found = []
        for (table, key), group in groupby(places, itemgetter(0, 1)):
            columns = list(group)
            update, delete = rules.get((table, key), ("NO ACTION", "NO ACTION"))
            found.append(
                ForeignKey(
                    schema=schema,
                    relation=str(table),
                    name=str(key),
                    columns=tuple(str(row[3]) for row in columns),
                    target_schema=str(columns[0][4]),
                    target_relation=str(columns[0][5]),
                    target_columns=tuple(str(row[6]) for row in columns),
                    on_update=update,
                    on_delete=delete,
                )
            )
        return found

    def _touching(self, schema: str, name: str) -> list[str] | None:
        """Return the tables of a schema whose foreign keys touch one, itself included; None where that is not known."""
        if not (self._is_mariadb and _PLAIN.fullmatch(schema) and _PLAIN.fullmatch(name)):
            return None
        try:
            found = [
                str(path).partition("/") for (path,) in self._ask(_REFERRING.format(path=literal(f"{schema}/{name}")))
            ]
        except PermissionDeniedError:
            return None
        if not all(_PLAIN.fullmatch(table) for _, _, table in found):
            return None
        return sorted({name, *(table for database, _, table in found if database == schema)})

    def _listed(self, question: str, schema: str, name: str | None = None, own: str = "") -> list[ObjectInfo]:
        found = [
            ObjectInfo(schema=schema, name=each, kind=kind, relation=relation, detail=detail, comment=comment or None)
            for each, kind, relation, detail, comment in self._of(question, schema, name, own=own)
        ]
        return sorted(found, key=lambda each: (each.kind, each.name))

    def _accounts(self) -> list[tuple[Any, ...]]:
        is_role = "is_role" if self._is_mariadb else "'N'"
        return self._ask(_ACCOUNTS.format(is_role=is_role))

    def _of(self, question: str, schema: str, name: str | None = None, **parts: str) -> list[tuple[Any, ...]]:
        """Ask about a schema, or one relation of it; ``parts`` stand where the question names them."""
        only = "" if name is None else f"and table_name = {literal(name)}"
        words = {"schema": literal(schema), "name": "" if name is None else literal(name), "only": only}
        words |= {part: text.format(**words) for part, text in parts.items()}
        return self._ask(question.format(**words))


def _without_bytes(shown: str) -> str:
    """Return a definition in which defaults that are bytes, and no characters, stand in hexadecimal digits."""
    return _BYTES.sub(lambda found: f"x'{_unescaped(found[0]).encode('utf-8', 'surrogateescape').hex()}'", shown)


def _unescaped(text: str) -> str:
    """Return what the server means by a text of its own."""
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[0][1], found[0][1]), text[1:-1])


def _settings(now: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [f"set {name} = {literal(str(value))}" for name, value in wanted.items() if value != now[name]]


def _special(kind: str, engine: str | None, options: str | None) -> str | None:
    """Return what is special about a table: another engine than the usual one, partitions, versions of its rows."""
    said = [
        "system versioned" if kind == "SYSTEM VERSIONED" else "",
        str(engine) if engine is not None and engine != "InnoDB" and kind != "SEQUENCE" else "",
        "partitioned" if options is not None and "partitioned" in options else "",
    ]
    return ", ".join(filter(None, said)) or None


def _indexed(column: str | None, length: str | None, expression: str | None) -> str | None:
    """Return what an index is ordered by: a column, the beginning of one, an expression."""
    if column is None:
        return expression
    return column if length is None else f"{column}({length})"


def _covers(on: str, schema: str) -> bool:
    """Return whether a right is one on everything in a schema; the schema of a grant is a pattern."""
    database, _, table = on.rpartition(".")
    if table != "*":
        return False
    if database == "*":
        return True
    pattern, escaping = "", False
    for character in database[1:-1].replace("``", "`"):
        if escaping or character not in "\\%_":
            pattern, escaping = pattern + re.escape(character), False
        elif character == "\\":
            escaping = True
        else:
            pattern += ".*" if character == "%" else "."
    return re.fullmatch(pattern, schema, re.DOTALL) is not None
