"""The SQL that makes the types of PostgreSQL that people make: enumerations, domains, composite types and ranges.

The search path is empty, so the server writes every name with its schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from alveary_plugins.drivers.postgres.clauses import comment_on

#: Runs a query with its parameters and returns all rows, each cell as text.
Rows = Callable[..., Iterable[tuple[str | None, ...]]]

# The row type of a table is the table's; a composite type has a relation of its own.
_TYPES = """
    select t.oid, t.typtype, pg_catalog.format_type(t.oid, null), pg_catalog.obj_description(t.oid, 'pg_type')
      from pg_catalog.pg_type t
      left join pg_catalog.pg_class c on c.oid = t.typrelid
     where t.typnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1) and t.typname = $2
       and (t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and c.relkind = 'c')"""

_LABELS = """
    select pg_catalog.quote_literal(e.enumlabel) from pg_catalog.pg_enum e where e.enumtypid = $1::oid
     order by e.enumsortorder"""

_ATTRIBUTES = """
    select pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod),
           case when a.attcollation <> b.typcollation then a.attcollation::pg_catalog.regcollation::text end,
           pg_catalog.col_description(a.attrelid, a.attnum)
      from pg_catalog.pg_type t
      join pg_catalog.pg_attribute a on a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
      join pg_catalog.pg_type b on b.oid = a.atttypid
     where t.oid = $1::oid
     order by a.attnum"""

_DOMAIN = """
    select pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
           case when t.typcollation <> b.typcollation then t.typcollation::pg_catalog.regcollation::text end
      from pg_catalog.pg_type t join pg_catalog.pg_type b on b.oid = t.typbasetype
     where t.oid = $1::oid"""
_DOMAIN_CHECKS = """
    select pg_catalog.quote_ident(o.conname), pg_catalog.pg_get_constraintdef(o.oid), o.convalidated,
           pg_catalog.obj_description(o.oid, 'pg_constraint')
      from pg_catalog.pg_constraint o where o.contypid = $1::oid and o.contype = 'c'
     order by o.conname"""

# Which columns there are differs between versions; a row as JSON has those there are.
_RANGE = """
    select pg_catalog.format_type(r.rngsubtype, null), pg_catalog.to_jsonb(r),
           case when not c.opcdefault then pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.opcname)
           end,
           case when r.rngcollation <> s.typcollation then r.rngcollation::pg_catalog.regcollation::text end,
           (select pg_catalog.format_type(m.oid, null) from pg_catalog.pg_type m
             where m.oid::text = pg_catalog.to_jsonb(r) ->> 'rngmultitypid'
               and m.typname <> case when t.typname like '%range%'
                   then pg_catalog.regexp_replace(t.typname, 'range', 'multirange') else t.typname || '_multirange' end)
      from pg_catalog.pg_range r
      join pg_catalog.pg_type t on t.oid = r.rngtypid
      join pg_catalog.pg_type s on s.oid = r.rngsubtype
      join pg_catalog.pg_opclass c on c.oid = r.rngsubopc
      join pg_catalog.pg_namespace n on n.oid = c.opcnamespace
     where r.rngtypid = $1::oid"""


def types(rows: Rows, schema: str, name: str) -> Iterator[str]:
    """Yield the statements that make the type of a name."""
    for oid, kind, path, comment in rows(_TYPES, schema, name):
        yield from _MAKERS[str(kind)](rows, str(oid), str(path))
        yield from comment_on("domain" if kind == "d" else "type", str(path), comment)


def _enumeration(rows: Rows, oid: str, path: str) -> Iterator[str]:
    yield f"create type {path} as enum ({', '.join(str(label) for (label,) in rows(_LABELS, oid))})"


def _composite(rows: Rows, oid: str, path: str) -> Iterator[str]:
    attributes = list(rows(_ATTRIBUTES, oid))
    lines = [f"{name} {kind}{f' collate {collation}' if collation else ''}" for name, kind, collation, _ in attributes]
    yield f"create type {path} as ({', '.join(lines)})"
    for name, _, _, comment in attributes:
        yield from comment_on("column", f"{path}.{name}", comment)


def _domain(rows: Rows, oid: str, path: str) -> Iterator[str]:
    checks = list(rows(_DOMAIN_CHECKS, oid))
    for base, not_null, default, collation in rows(_DOMAIN, oid):
        yield "".join(
            [
                f"create domain {path} as {base}",
                f" collate {collation}" if collation else "",
                f" default {default}" if default is not None else "",
                " not null" if not_null == "t" else "",
                *(f" constraint {name} {check}" for name, check, validated, _ in checks if validated == "t"),
            ]
        )
    for name, check, validated, comment in checks:
        if validated != "t":
            yield f"alter domain {path} add constraint {name} {check}"
        yield from comment_on("constraint", f"{name} on domain {path}", comment)


def _range(rows: Rows, oid: str, path: str) -> Iterator[str]:
    for subtype, found, operators, collation, multirange in rows(_RANGE, oid):
        parts = json.loads(str(found))
        settings = [f"subtype = {subtype}"]
        settings += [f"subtype_opclass = {operators}"] if operators is not None else []
        settings += [f"collation = {collation}"] if collation is not None else []
        for word, part in (("canonical", "rngcanonical"), ("subtype_diff", "rngsubdiff")):
            settings += [f"{word} = {parts[part]}"] if parts[part] != "-" else []
        settings += [f"multirange_type_name = {multirange}"] if multirange is not None else []
        yield f"create type {path} as range ({', '.join(settings)})"


_MAKERS = {"e": _enumeration, "c": _composite, "d": _domain, "r": _range}
