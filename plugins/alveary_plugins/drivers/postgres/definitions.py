"""The SQL that makes an object of PostgreSQL: asked of the server piece by piece, put together here.

The server writes expressions, bodies and names itself, while the search path is empty, so every name stands with its
schema. Owners and privileges are left out. A few questions answer for one name, however large the object is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from alveary.contracts.values import Row
from alveary.errors import UnsupportedError
from alveary.restoring import restoring
from alveary_plugins.drivers.postgres import altered, named_types, smaller
from alveary_plugins.drivers.postgres.clauses import comment_on

#: Runs a query with its parameters and yields its rows as they come, each cell as text; all must be taken.
Ask = Callable[..., Iterable[Row]]

_RELATIONS = """
    select c.oid, c.relkind, c.oid::pg_catalog.regclass::text, c.relpersistence,
           (select pg_catalog.string_agg(x, ', ') from pg_catalog.unnest(c.reloptions || array(
               select 'toast.' || y from pg_catalog.pg_class s, pg_catalog.unnest(s.reloptions) y
                where s.oid = c.reltoastrelid)) x), m.amname, pg_catalog.quote_ident(s.spcname),
           pg_catalog.pg_get_partkeydef(c.oid), pg_catalog.pg_get_expr(c.relpartbound, c.oid),
           (select pg_catalog.string_agg(i.inhparent::pg_catalog.regclass::text, ', ' order by i.inhseqno)
              from pg_catalog.pg_inherits i where i.inhrelid = c.oid),
           case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end, c.relispopulated,
           c.relrowsecurity, c.relforcerowsecurity, pg_catalog.obj_description(c.oid, 'pg_class'),
           pg_catalog.quote_ident(f.srvname), {options},
           case when c.reloftype <> 0 then pg_catalog.format_type(c.reloftype, null) end
      from pg_catalog.pg_class c
      left join pg_catalog.pg_am m on m.oid = c.relam and c.relkind in ('r', 'm') and m.amname <> 'heap'
      left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
      left join pg_catalog.pg_foreign_table t on t.ftrelid = c.oid
      left join pg_catalog.pg_foreign_server f on f.oid = t.ftserver
     where c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1) and c.relname = $2
       and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')"""

# Of a column's options n_distinct and its kin are a person's; a server may keep others there for itself.
_COLUMNS = """
    select pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod),
           case when a.attcollation <> t.typcollation then a.attcollation::pg_catalog.regcollation::text end,
           a.attnotnull, pg_catalog.pg_get_expr(e.adbin, e.adrelid), {generated}, a.attidentity, a.attislocal,
           case when a.attstorage <> t.typstorage then
               case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
           end,
           {compression}, nullif(a.attstattarget, -1),
           (select pg_catalog.string_agg(x, ', ') from pg_catalog.unnest(a.attoptions) x where x ~ '^n_distinct'),
           {options}, pg_catalog.col_description(a.attrelid, a.attnum), q.seqrelid::pg_catalog.regclass::text,
           q.seqrelid::pg_catalog.regclass::text = pg_catalog.quote_ident(n.nspname) || '.'
               || pg_catalog.quote_ident(c.relname || '_' || a.attname || '_seq'),
           q.seqtypid::pg_catalog.regtype::text, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_type t on t.oid = a.atttypid
      join pg_catalog.pg_class c on c.oid = a.attrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      left join pg_catalog.pg_attrdef e on a.atthasdef and e.adrelid = a.attrelid and e.adnum = a.attnum
      left join pg_catalog.pg_depend d
             on a.attidentity <> '' and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i'
            and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      left join pg_catalog.pg_sequence q on q.seqrelid = d.objid
     where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
     order by a.attnum"""

# What is said of the index of a key stands before the words that say when it is checked. Of an exclusion, which is
# written as an index, the server says it itself.
_CONSTRAINT = """
    case when o.contype in ('p', 'u') then
        pg_catalog.regexp_replace(
            pg_catalog.pg_get_constraintdef(o.oid), '((?: DEFERRABLE)?(?: INITIALLY DEFERRED)?)$',
            coalesce(' WITH (' || pg_catalog.array_to_string(x.reloptions, ', ') || ')', '') || coalesce(
                (select ' USING INDEX TABLESPACE ' || pg_catalog.quote_ident(s.spcname)
                   from pg_catalog.pg_tablespace s where s.oid = x.reltablespace), '') || '\\1')
    else pg_catalog.pg_get_constraintdef(o.oid) end"""

#: $2 is p for a partition, which is made with the checks it shares with its parent and gets its other constraints
#: when it is attached.
CONSTRAINTS = """
    select pg_catalog.quote_ident(o.conname), o.contype, {definition},
           pg_catalog.obj_description(o.oid, 'pg_constraint')
      from pg_catalog.pg_constraint o left join pg_catalog.pg_class x on x.oid = nullif(o.conindid, 0)
     where o.conrelid = $1::oid and o.contype in ('p', 'u', 'c', 'x', 'f') and {own}
       and (o.conislocal or $2 = 'p' and o.contype = 'c')
     order by o.contype = 'f', o.contype <> 'p', o.conname""".replace("{definition}", _CONSTRAINT)

INDEXES = """
    select pg_catalog.pg_get_indexdef(i.indexrelid), case when i.indisvalid then c.relkind else 'i' end,
           i.indexrelid::pg_catalog.regclass::text,
           pg_catalog.obj_description(i.indexrelid, 'pg_class')
      from pg_catalog.pg_index i
      join pg_catalog.pg_class c on c.oid = i.indexrelid
     where $1::oid in (i.indrelid, i.indexrelid)
       and not exists (select from pg_catalog.pg_constraint o
                        where o.conindid = i.indexrelid and o.conrelid = i.indrelid and o.contype in ('p', 'u', 'x'))
       and (i.indexrelid = $1::oid
            or not exists (select from pg_catalog.pg_inherits h where h.inhrelid = i.indexrelid))
     order by c.relname"""

NAME = r'(?:"(?:[^"]|"")*"|[^\s".,()]+)'
"""How the server writes a name, whatever stands in it."""
INDEX = re.compile(
    rf"(?P<words>CREATE (?:UNIQUE )?INDEX) (?P<name>{NAME}) ON (?:ONLY )?(?P<table>{NAME}(?:\.{NAME})?) (?P<rest>.*)",
    re.DOTALL,
).fullmatch
"""Reads the definition of an index."""

_RULES = """
    select pg_catalog.pg_get_ruledef(r.oid), pg_catalog.quote_ident(r.rulename),
           pg_catalog.obj_description(r.oid, 'pg_rewrite'), r.ev_enabled
      from pg_catalog.pg_rewrite r
     where r.ev_class = $1::oid and r.rulename <> '_RETURN'
     order by r.rulename"""

_POLICIES = """
    select pg_catalog.quote_ident(p.polname), p.polpermissive, p.polcmd,
           (select pg_catalog.string_agg(case r when 0 then 'public'
                                         else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r)) end, ', ')
              from pg_catalog.unnest(p.polroles) r),
           pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
           pg_catalog.obj_description(p.oid, 'pg_policy')
      from pg_catalog.pg_policy p
     where p.polrelid = $1::oid
     order by p.polname"""

SEQUENCES = """
    select q.seqrelid::pg_catalog.regclass::text, c.relpersistence, q.seqtypid::pg_catalog.regtype::text,
           q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle,
           d.refobjid::pg_catalog.regclass::text || '.' || pg_catalog.quote_ident(a.attname),
           pg_catalog.obj_description(q.seqrelid, 'pg_class')
      from pg_catalog.pg_sequence q
      join pg_catalog.pg_class c on c.oid = q.seqrelid
      left join pg_catalog.pg_depend d
             on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = q.seqrelid and d.deptype = 'a'
            and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjsubid > 0
      left join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
     where $1::oid in (q.seqrelid, d.refobjid)
     order by c.relname"""

_TRIGGERS = """
    select pg_catalog.pg_get_triggerdef(t.oid), pg_catalog.quote_ident(t.tgname), t.tgenabled,
           t.tgrelid::pg_catalog.regclass::text, pg_catalog.obj_description(t.oid, 'pg_trigger'), {parent} = 0
      from pg_catalog.pg_trigger t
      join pg_catalog.pg_class c on c.oid = t.tgrelid
     where not t.tgisinternal and {which}
       and ({parent} = 0 or t.tgenabled <> (select u.tgenabled from pg_catalog.pg_trigger u where u.oid = {parent}))
     order by t.tgname, c.relname"""
_OF_RELATION = "t.tgrelid = $1::oid"
_OF_NAMED = " and c.relname = $3"
_BY_NAME = "c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1) and t.tgname = $2"

#: Not one that the server made for a type, such as the constructors of a range.
OWN_ROUTINE = """not exists (select from pg_catalog.pg_depend d
                     where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid
                       and d.deptype = 'i' and d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass)"""

_ROUTINES = """
    select p.prokind, p.oid::pg_catalog.regprocedure::text,
           case when p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid) end,
           pg_catalog.obj_description(p.oid, 'pg_proc')
      from pg_catalog.pg_proc p
     where p.pronamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1) and {named}
       and {own}
     order by pg_catalog.pg_get_function_identity_arguments(p.oid)"""

_OVERLOAD = """
    select p.oid from pg_catalog.pg_proc p
     where p.pronamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)
       and $2 in (p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
                  p.proname || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')')"""

_OPTIONS = """(select pg_catalog.string_agg(pg_catalog.quote_ident(pg_catalog.split_part(x, '=', 1)) || ' '
                   || pg_catalog.quote_literal(pg_catalog.substr(x, pg_catalog.strpos(x, '=') + 1)), ', ')
              from pg_catalog.unnest({}) x)"""
"""Options of a foreign table or column, as SQL writes them."""

_PATH = "pg_catalog.current_setting('search_path')"
_WORDS = {"r": "table", "p": "table", "f": "foreign table", "v": "view", "m": "materialized view"}
_ENABLED = {"D": "disable", "R": "enable replica", "A": "enable always"}
_STATES = {**_ENABLED, "O": "enable"}
_POLICY_COMMANDS = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}
_NOT_VALID = " NOT VALID"
_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


class Found(NamedTuple):
    """A row of ``_RELATIONS``."""

    oid: str
    kind: str
    name: str
    persistence: str
    settings: str | None
    method: str | None
    tablespace: str | None
    partition_key: str | None
    bound: str | None
    parents: str | None
    query: str | None
    populated: str
    secured: str
    forced: str
    comment: str | None
    server: str | None
    options: str | None
    of_type: str | None


class Definitions:
    """Asks one connection for the statements that make things."""

    def __init__(self, ask: Ask, version: int) -> None:
        """``version`` is the server's, as in ``server_version_num``."""
        self._ask = ask
        self._version = version

    def of(self, schema: str, name: str) -> list[str]:
        """Return the statements that make everything of this name in a schema; none if there is nothing."""
        # Asked first, for under another search path the types have other names.
        overload = self._overload(schema, name) if name.endswith(")") else None
        with self._whole_names():
            if overload is None:
                return self._of(schema, name)
            found = (schema, overload, "p.oid = $2::pg_catalog.oid")
            return [*self._routines(*found), *smaller.aggregates(self._rows, *found)]

    def _of(self, schema: str, name: str) -> list[str]:
        statements = [statement for row in self._relations(schema, name) for statement in self._relation(row)]
        if extension := list(smaller.extensions(self._rows, schema, name)):
            return statements + extension  # types and routines of its name are its own
        statements += named_types.types(self._rows, schema, name)
        statements += self._routines(schema, name)
        statements += smaller.aggregates(self._rows, schema, name)
        statements += smaller.others(self._rows, schema, name)
        return statements or list(self._triggers(_BY_NAME, schema, name))

    @contextmanager
    def _whole_names(self) -> Iterator[None]:
        """Let the server write every name with its schema."""
        # A transaction that is open may have a path of its own, which must end with it. Without one what is set for a
        # transaction is gone with the statement.
        ((path, _),) = self._ask(f"select {_PATH}, pg_catalog.set_config('search_path', '', true)")
        ((kept,),) = self._ask(f"select {_PATH}")
        local = "true" if str(kept) == "" else "false"

        def set_path(wanted: str) -> None:
            list(self._ask(f"select pg_catalog.set_config('search_path', $1, {local})", [wanted]))

        with restoring(lambda: set_path(str(path))):
            set_path("")
            yield

    def part(self, schema: str, relation: str, name: str) -> list[str]:
        """Return the statements that make a trigger of this relation, or an index, whose name is the schema's."""
        with self._whole_names():
            return list(self._triggers(_BY_NAME + _OF_NAMED, schema, name, relation)) or self._of(schema, name)

    # -- relations ---------------------------------------------------------------------------------------------

    def _relations(self, schema: str, name: str) -> list[Found]:
        sql = _RELATIONS.format(options=_OPTIONS.format("t.ftoptions"))
        return [Found(*map(_text, row)) for row in self._ask(sql, [schema, name])]  # type: ignore[arg-type]  # each as its query says

    def _relation(self, relation: Found) -> Iterator[str]:
        if relation.kind == "S":
            yield from self._sequence_alone(relation.oid)
            return
        if relation.kind in "iI":
            yield from self._indexes(relation.oid) or self._constraint_of(relation.oid)
            return
        owned = list(self._rows(SEQUENCES, relation.oid))
        columns = self._columns(relation.oid)
        yield from (_sequence(row) for row in owned)
        if relation.query is not None:
            yield _view(relation)
            yield from self._settings(relation, columns)
        else:
            yield from self._table(relation, columns)
        yield from (statement for row in owned for statement in _settled(row))
        yield from self._indexes(relation.oid)
        yield from altered.of_indexes(self._rows, relation.oid, relation.name, _WORDS[relation.kind])
        for definition, rule, comment, enabled in self._rows(_RULES, relation.oid):
            yield str(definition).rstrip(";")
            if (change := _ENABLED.get(str(enabled))) is not None:
                yield f"alter table {relation.name} {change} rule {rule}"
            yield from comment_on("rule", f"{rule} on {relation.name}", comment)
        yield from self._policies(relation)
        yield from self._triggers(_OF_RELATION, relation.oid)
        yield from comment_on(_WORDS[relation.kind], relation.name, relation.comment)
        for column in columns:
            yield from comment_on("column", f"{relation.name}.{column[0]}", column[13])

    def _columns(self, oid: str) -> list[tuple[str | None, ...]]:
        generated = "a.attgenerated" if self._version >= 120000 else "''"
        compression = (
            "case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end" if self._version >= 140000 else "null"
        )
        sql = _COLUMNS.format(generated=generated, compression=compression, options=_OPTIONS.format("a.attfdwoptions"))
        return list(self._rows(sql, oid))

    def _table(self, relation: Found, columns: Sequence[tuple[str | None, ...]]) -> Iterator[str]:
        is_partition = relation.bound is not None
        inherits = relation.parents is not None and not is_partition
        own = "o.conparentid = 0" if self._version >= 110000 else "true"
        constraints = list(self._rows(CONSTRAINTS.format(own=own), relation.oid, "p" if is_partition else ""))
        shown = [column for column in columns if column[7] == "t" or not inherits]
        lines = [_column(column, typed=relation.of_type is not None) for column in shown]
        lines = [line for line in lines if line]
        # In the statement that makes a table the words NOT VALID would mean nothing.
        later = [row for row in constraints if row[1] == "f" or str(row[2]).endswith(_NOT_VALID)]
        lines += [f"constraint {row[0]} {row[2]}" for row in constraints if row not in later]
        word = {"u": "unlogged ", "t": "temporary "}.get(relation.persistence, "") + _WORDS[relation.kind]
        head = f"create {word} {relation.name}" + (f" of {relation.of_type}" if relation.of_type else "")
        body = " (\n    " + ",\n    ".join(lines) + "\n)" if lines else "" if relation.of_type else " ()"
        yield (
            head
            + body
            + "".join(
                [
                    f"\ninherits ({relation.parents})" if inherits else "",
                    f"\npartition by {relation.partition_key}" if relation.partition_key else "",
                    f"\nusing {relation.method}" if relation.method else "",
                    f"\nserver {relation.server}" if relation.server else "",
                    f" options ({relation.options})" if relation.options else "",
                    f"\nwith ({relation.settings})" if relation.settings else "",
                    f"\ntablespace {relation.tablespace}" if relation.tablespace else "",
                ]
            )
        )
        alter = _alter(relation)
        yield from self._settings(relation, columns)
        if inherits:
            yield from altered.of_inherited(self._rows, relation.oid, alter, knows_generated=self._version >= 120000)
        yield from (f"{alter} add constraint {row[0]} {row[2]}" for row in later if row[1] != "f")
        if is_partition:
            yield from altered.before_attaching(self._rows, relation.oid)
            yield f"alter table only {relation.parents} attach partition {relation.name} {relation.bound}"
        plain = alter.replace(" only ", " ", 1) if relation.kind == "p" else alter
        yield from (f"{plain} add constraint {row[0]} {row[2]}" for row in later if row[1] == "f")
        for name, _, _, comment in constraints:
            yield from comment_on("constraint", f"{name} on {relation.name}", comment)

    def _settings(self, relation: Found, columns: Sequence[tuple[str | None, ...]]) -> Iterator[str]:
        """Yield what is said of columns by themselves; of a view they are the defaults."""
        alter = _alter(relation)
        for column in columns:
            if relation.kind == "v" and column[4] is not None:
                yield f"{alter} alter column {column[0]} set default {column[4]}"
            for setting, value in (("storage", column[8]), ("compression", column[9]), ("statistics", column[10])):
                if value is not None:
                    yield f"{alter} alter column {column[0]} set {setting} {value}"
            if column[11]:
                yield f"{alter} alter column {column[0]} set ({column[11]})"

    def _indexes(self, oid: str) -> list[str]:
        statements: list[str] = []
        for definition, kind, name, comment in self._rows(INDEXES, oid):
            # The index of a partitioned table brings those of its partitions, unless it is made for it alone.
            found = INDEX(str(definition)) if kind == "I" else None
            sql = (
                definition if found is None else f"{found['words']} {found['name']} ON {found['table']} {found['rest']}"
            )
            statements.append(str(sql))
            statements += comment_on("index", str(name), comment)
        return [*statements, *altered.of_index_columns(self._rows, oid)] if statements else []

    def _constraint_of(self, oid: str) -> Iterator[str]:
        sql = """
            select o.conrelid::pg_catalog.regclass::text, pg_catalog.quote_ident(o.conname), {definition}
              from pg_catalog.pg_constraint o join pg_catalog.pg_class x on x.oid = o.conindid
             where o.conindid = $1::oid and o.contype in ('p', 'u', 'x')"""
        for table, name, definition in self._rows(sql.replace("{definition}", _CONSTRAINT), oid):
            yield f"alter table {table} add constraint {name} {definition}"

    def _policies(self, relation: Found) -> Iterator[str]:
        if relation.secured == "t":
            yield f"alter table {relation.name} enable row level security"
        if relation.forced == "t":
            yield f"alter table {relation.name} force row level security"
        for name, permissive, command, roles, using, check, comment in self._rows(_POLICIES, relation.oid):
            yield "".join(
                [
                    f"create policy {name} on {relation.name}",
                    "" if permissive == "t" else " as restrictive",
                    f" for {_POLICY_COMMANDS[str(command)]} to {roles}",
                    f" using ({using})" if using is not None else "",
                    f" with check ({check})" if check is not None else "",
                ]
            )
            yield from comment_on("policy", f"{name} on {relation.name}", comment)

    def _sequence_alone(self, oid: str) -> Iterator[str]:
        for row in self._rows(SEQUENCES, oid):
            yield _sequence(row)
            yield from _settled(row)

    # -- what else has a name ----------------------------------------------------------------------------------

    def _triggers(self, which: str, *arguments: str) -> Iterator[str]:
        parent = "t.tgparentid" if self._version >= 130000 else "0"
        sql = _TRIGGERS.format(parent=parent, which=which)
        for definition, name, enabled, table, comment, own in self._rows(sql, *arguments):
            if own == "t":
                yield str(definition)
            # A partition has the triggers of its parent, and may switch them by itself.
            if (change := (_ENABLED if own == "t" else _STATES).get(str(enabled))) is not None:
                yield f"alter table {table} {change} trigger {name}"
            yield from comment_on("trigger", f"{name} on {table}", comment)

    def _overload(self, schema: str, name: str) -> str | None:
        """Return the number of the routine that a name with its arguments means, as they are listed or their types."""
        return next((str(oid) for (oid,) in self._rows(_OVERLOAD, schema, name)), None)

    def _routines(self, schema: str, name: str, named: str = "p.proname = $2") -> Iterator[str]:
        if self._version < 110000:
            raise UnsupportedError("the SQL of routines is not known for servers before PostgreSQL 11")
        for kind, signature, definition, comment in self._rows(
            _ROUTINES.format(own=OWN_ROUTINE, named=named), schema, name
        ):
            if definition is None:  # an aggregate
                continue
            yield str(definition).rstrip()
            yield from comment_on("procedure" if kind == "p" else "function", str(signature), comment)

    def _rows(self, sql: str, *arguments: str) -> Iterator[tuple[str | None, ...]]:
        # All are taken before the next question is asked.
        return iter([tuple(map(_text, row)) for row in self._ask(sql, list(arguments))])


def _text(cell: object) -> str | None:
    return None if cell is None else str(cell)


def _column(column: Sequence[str | None], *, typed: bool) -> str:
    name, kind, collation, not_null, default, generated, identity = column[:7]
    rest = "".join(
        [
            f" collate {collation}" if collation else "",
            f" options ({column[12]})" if column[12] else "",
            f" generated always as ({default}) stored" if generated == "s" else "",
            f" generated always as ({default}) virtual" if generated == "v" else "",
            f" default {default}" if default is not None and not generated else "",
            f" generated {'always' if identity == 'a' else 'by default'} as identity{_identity(column)}"
            if identity
            else "",
            " not null" if not_null == "t" else "",
        ]
    )
    if typed:  # the type brings the columns; here stands only what is the table's own
        return f"{name} with options{rest}" if rest else ""
    return f"{name} {kind}{rest}"


def _identity(column: Sequence[str | None]) -> str:
    named = [] if column[15] == "t" else [f"sequence name {column[14]}"]
    settings = [*named, *_sequence_settings(column[16:23])]
    return f" ({' '.join(settings)})" if settings else ""


def _sequence(row: Sequence[str | None]) -> str:
    word = {"u": "unlogged ", "t": "temporary "}.get(str(row[1]), "")
    kind = [] if row[2] == "bigint" else [f"as {row[2]}"]
    return " ".join([f"create {word}sequence {row[0]}", *kind, *_sequence_settings(row[2:9])])


def _settled(row: Sequence[str | None]) -> Iterator[str]:
    """Yield what is said of a sequence once the table it belongs to is there, if it belongs to one."""
    if row[9] is not None:
        yield f"alter sequence {row[0]} owned by {row[9]}"
    yield from comment_on("sequence", str(row[0]), row[10])


def _sequence_settings(row: Sequence[str | None]) -> list[str]:
    """Return what is not as the server would choose it."""
    kind, *numbers, cycle = row
    start, increment, least, most, cache = (int(number or 0) for number in numbers)
    largest = _LARGEST[str(kind)]
    usual_least, usual_most = (1, largest) if increment > 0 else (-largest - 1, -1)
    settings = (
        (f"increment by {increment}", increment != 1),
        (f"minvalue {least}", least != usual_least),
        (f"maxvalue {most}", most != usual_most),
        (f"start with {start}", start != (least if increment > 0 else most)),
        (f"cache {cache}", cache != 1),
        ("cycle", cycle == "t"),
    )
    return [text for text, differs in settings if differs]


def _view(relation: Found) -> str:
    query = str(relation.query).strip().rstrip(";")
    settings = f" with ({relation.settings})" if relation.settings else ""
    method = f" using {relation.method}" if relation.method else ""
    unpopulated = "\nwith no data" if relation.kind == "m" and relation.populated != "t" else ""
    word = {"t": "temporary "}.get(relation.persistence, "") + _WORDS[relation.kind]
    place = f" tablespace {relation.tablespace}" if relation.tablespace else ""
    return f"create {word} {relation.name}{method}{settings}{place} as\n{query}{unpopulated}"


def _alter(relation: Found) -> str:
    """Return how a statement begins that changes a relation by itself, not those that inherit from it."""
    only = "only " if relation.kind in "rp" else ""
    return f"alter {_WORDS[relation.kind]} {only}{relation.name}"
