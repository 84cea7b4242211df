"""The PostgreSQL catalog: one question, one round trip, however many tables there are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from alveary.contracts.catalog import Catalog, ColumnInfo, ForeignKey, IndexInfo, ObjectInfo, Relation
from alveary.contracts.values import Row
from alveary.errors import InvalidInputError, NulCharacterError
from alveary_plugins.drivers.postgres.definitions import OWN_ROUTINE, Definitions

_LONGEST = 63
"""Bytes of a name that every server takes; some are built to take more."""

#: Runs a query with its parameters and yields its rows as they come, each cell as text; all must be taken.
Ask = Callable[..., Iterable[Row]]

_KINDS = {"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "f": "foreign table"}
_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}

_DATABASES = """
    select d.datname
      from pg_catalog.pg_database d
     where d.datallowconn and pg_catalog.has_database_privilege(d.oid, 'CONNECT')
     order by d.datname <> pg_catalog.current_database(), d.datname"""

# Those that are searched come first, in that order; then the temporary one, if there is one; the server's own last.
_SCHEMAS = """
    select n.nspname
      from pg_catalog.pg_namespace n
     where n.nspname !~ '^pg_' or n.nspname = 'pg_catalog' or n.oid = pg_catalog.pg_my_temp_schema()
     order by case n.nspname when 'pg_catalog' then 2 when 'information_schema' then 1 else 0 end,
              pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname),
              n.oid <> pg_catalog.pg_my_temp_schema(), n.nspname"""

# Relations and columns are put in order here: the server would sort those of many tables on its disk and send nothing
# meanwhile. So our objects are made while it still works.

# -1, and before version 14 a 0 without pages, is how the server says that it never counted.
_RELATIONS = """
    select c.relname, c.relkind, d.description,
           case when c.reltuples < 0 or c.reltuples = 0 and {uncounted} then null else c.reltuples::bigint end
      from pg_catalog.pg_class c
      left join pg_catalog.pg_description d
             on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::regclass and d.objsubid = 0
     where c.relkind in ('r', 'p', 'v', 'm', 'f')
       and c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)"""

# Joined on atthasdef a default is looked up only where there is one; without that the server reads all of them, sorted
# on its disk. The same goes for the few domains that are NOT NULL, and for the places in keys.
_COLUMNS = """
    select c.relname, a.attname, a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod),
           not (a.attnotnull or a.atttypid = any (array(
               select t.oid from pg_catalog.pg_type t where t.typtype = 'd' and t.typnotnull))),
           pg_catalog.pg_get_expr(e.adbin, e.adrelid),
           case when a.attnotnull then pg_catalog.array_position(i.indkey::int2[], a.attnum) + 1 end,
           {generated}
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_catalog.pg_attrdef e on a.atthasdef and e.adrelid = a.attrelid and e.adnum = a.attnum
      left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
     where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')"""

# Columns that are only INCLUDEd stand behind those of the key, and are none of them.
_INDEXES = """
    select c.relname, x.relname, i.indisunique,
           case o.contype when 'p' then 'primary key' when 'u' then 'unique' else 'index' end, i.indpred is not null,
           coalesce(a.attname, pg_catalog.pg_get_indexdef(i.indexrelid, k.place, true))
      from pg_catalog.pg_index i
      join pg_catalog.pg_class x on x.oid = i.indexrelid
      join pg_catalog.pg_class c on c.oid = i.indrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     cross join lateral pg_catalog.generate_series(1, i.indnkeyatts) as k(place)
      left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[k.place - 1] and a.attnum <> 0
      left join pg_catalog.pg_constraint o on o.conindid = i.indexrelid and o.contype in ('p', 'u')
     where n.nspname = $1 and c.relkind in ('r', 'p', 'm')
     order by c.relname, x.relname, k.place"""

_FOREIGN_KEYS = """
    select c.relname, o.conname, tn.nspname, t.relname, o.confupdtype, o.confdeltype, a.attname, b.attname
      from pg_catalog.pg_constraint o
      join pg_catalog.pg_class c on c.oid = o.conrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_class t on t.oid = o.confrelid
      join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
     cross join lateral pg_catalog.generate_series(1, pg_catalog.cardinality(o.conkey)) as k(place)
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = o.conkey[k.place]
      join pg_catalog.pg_attribute b on b.attrelid = t.oid and b.attnum = o.confkey[k.place]
     where n.nspname = $1 and o.contype = 'f'
     order by c.relname, o.conname, k.place"""


_OBJECTS = """
    with here as materialized (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)
    select p.proname, {kind}, pg_catalog.pg_get_function_identity_arguments(p.oid), null::text,
           pg_catalog.pg_get_function_result(p.oid), pg_catalog.obj_description(p.oid, 'pg_proc')
      from pg_catalog.pg_proc p where p.pronamespace in (select oid from here) and {own}
    union all
    select t.tgname, 'trigger', '', c.relname, t.tgtype::text, pg_catalog.obj_description(t.oid, 'pg_trigger')
      from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
     where c.relnamespace in (select oid from here) and not t.tgisinternal
    union all
    select c.relname, 'sequence', '', null, pg_catalog.format_type(q.seqtypid, null),
           pg_catalog.obj_description(c.oid, 'pg_class')
      from pg_catalog.pg_class c join pg_catalog.pg_sequence q on q.seqrelid = c.oid
     where c.relnamespace in (select oid from here)
    union all
    select t.typname,
           case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range type'
                          else 'composite type' end, '', null,
           case t.typtype when 'e' then (select pg_catalog.string_agg(e.enumlabel, ', ' order by e.enumsortorder)
                                           from pg_catalog.pg_enum e where e.enumtypid = t.oid)
                          when 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) end,
           pg_catalog.obj_description(t.oid, 'pg_type')
      from pg_catalog.pg_type t left join pg_catalog.pg_class c on c.oid = t.typrelid
     where t.typnamespace in (select oid from here)
       and (t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and c.relkind = 'c')
    union all
    select e.extname, 'extension', '', null, e.extversion, pg_catalog.obj_description(e.oid, 'pg_extension')
      from pg_catalog.pg_extension e where e.extnamespace in (select oid from here)
    union all
    select r.rulename, 'rule', '', c.relname, null, pg_catalog.obj_description(r.oid, 'pg_rewrite')
      from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
     where c.relnamespace in (select oid from here) and r.rulename <> '_RETURN'
    union all
    select p.polname, 'policy', '', c.relname, null, pg_catalog.obj_description(p.oid, 'pg_policy')
      from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid
     where c.relnamespace in (select oid from here)"""


class PostgresCatalog(Catalog):
    """Answers from pg_catalog, of what the user may see; names are sorted by their bytes, as pg_catalog does."""

    def __init__(self, ask: Ask, version: int) -> None:
        """``version`` is the server's, as in ``server_version_num``."""
        self._ask = ask
        self._version = version

    def databases(self) -> list[str]:
        return [str(name) for (name,) in self._ask(_DATABASES)]

    def schemas(self) -> list[str]:
        return [str(name) for (name,) in self._ask(_SCHEMAS)]

    def search_path(self) -> list[str]:
        (path,) = self._ask("select pg_catalog.array_to_json(pg_catalog.current_schemas(true))")
        return [str(name) for name in json.loads(str(path[0]))]

    def relations(self, schema: str) -> list[Relation]:
        uncounted = (
            "c.relkind in ('v', 'f')" if self._version >= 140000 else "(c.relkind in ('v', 'f') or c.relpages = 0)"
        )
        found = [
            Relation(schema=schema, name=name, kind=_KINDS[kind], rows=rows and int(rows), comment=comment)
            for name, kind, comment, rows in self._of(_RELATIONS.format(uncounted=uncounted), schema)
        ]
        return sorted(found, key=attrgetter("name"))

    def columns(self, schema: str) -> list[ColumnInfo]:
        generated = "a.attgenerated <> ''" if self._version >= 120000 else "false"
        found = [
            ColumnInfo(
                schema=schema,
                relation=relation,
                name=name,
                ordinal=int(ordinal),
                type_name=type_name,
                nullable=nullable == "t",
                default=default,
                primary_key=key and int(key),
                generated=generated == "t",
            )
            for relation, name, ordinal, type_name, nullable, default, key, generated in self._of(
                _COLUMNS.format(generated=generated), schema
            )
        ]
        return sorted(found, key=attrgetter("relation", "ordinal"))

    def indexes(self, schema: str) -> list[IndexInfo]:
        return [
            IndexInfo(
                schema=schema,
                relation=relation,
                name=name,
                unique=unique == "t",
                columns=tuple(column for *_, column in rows),
                origin=origin,
                partial=partial == "t",
            )
            for (relation, name, unique, origin, partial), rows in _grouped(self._of(_INDEXES, schema), 5)
        ]

    def foreign_keys(self, schema: str) -> list[ForeignKey]:
        return [
            ForeignKey(
                schema=schema,
                relation=relation,
                name=name,
                columns=tuple(source for *_, source, _ in rows),
                target_schema=target_schema,
                target_relation=target,
                target_columns=tuple(column for *_, column in rows),
                on_update=_ACTIONS[on_update],
                on_delete=_ACTIONS[on_delete],
            )
            for (relation, name, target_schema, target, on_update, on_delete), rows in _grouped(
                self._of(_FOREIGN_KEYS, schema), 6
            )
        ]

    def objects(self, schema: str) -> list[ObjectInfo]:
        found = [
            ObjectInfo(
                schema=schema,
                name=name,
                kind=kind,
                signature=signature or "",
                relation=relation,
                detail=_trigger(int(detail)) if kind == "trigger" else detail or None,
                comment=comment,
            )
            for name, kind, signature, relation, detail, comment in self._of(
                _OBJECTS.format(kind=_routine_kind(self._version), own=OWN_ROUTINE), schema
            )
        ]
        return sorted(found, key=attrgetter("kind", "name", "signature"))

    def definition(self, schema: str, name: str) -> list[str]:
        """Return the statements; owners and privileges are left out. Takes a few round trips for each object."""
        return Definitions(self._ask, self._version).of(schema, name)

    def quote(self, name: str) -> str:
        if "\0" in name:
            raise NulCharacterError("a name can't hold U+0000")
        # The server cuts off what is too long, by its own count of bytes, and means another thing without a word.
        if len(name.encode("utf-8", "surrogateescape")) > _LONGEST and self._is_cut(name):
            raise InvalidInputError(
                f"the name {name!r} is too long: PostgreSQL would cut it off, and mean something else",
                hint=f"names have {_LONGEST} bytes at most; a column of a file gets another one by --map",
            )
        return '"' + name.replace('"', '""') + '"'

    def _is_cut(self, name: str) -> bool:
        ((same,),) = self._ask("select $1::pg_catalog.text::pg_catalog.name::pg_catalog.text = $1", [name])
        return bool(same != "t")

    def _of(self, question: str, schema: str) -> Iterable[tuple[Any, ...]]:
        return self._ask(question, [schema])


def _routine_kind(version: int) -> str:
    """Return how to ask what a routine is, which was another way before version 11."""
    if version < 110000:
        return "case when p.proisagg then 'aggregate' when p.proiswindow then 'window function' else 'function' end"
    kinds = "when 'a' then 'aggregate' when 'p' then 'procedure' when 'w' then 'window function' else 'function'"
    return f"case p.prokind {kinds} end"


def _trigger(bits: int) -> str:
    """Return when a trigger fires, which the server keeps as bits."""
    when = "instead of" if bits & 64 else "before" if bits & 2 else "after"
    events = [word for bit, word in ((4, "insert"), (8, "delete"), (16, "update"), (32, "truncate")) if bits & bit]
    return f"{when} {' or '.join(events)}"


def _grouped(rows: Iterable[tuple[Any, ...]], width: int) -> list[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Return the rows that begin with the same ``width`` cells together; they already stand together."""
    return [(key, list(group)) for key, group in groupby(rows, itemgetter(slice(width)))]
