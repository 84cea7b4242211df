"""The SQL of what PostgreSQL lets be said of a relation only once it is there, and its indexes with it.

The search path is empty, so the server writes every name with its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from alveary_plugins.drivers.postgres.clauses import comment_on

#: Runs a query with its parameters and returns all rows, each cell as text.
Rows = Callable[..., Iterable[tuple[str | None, ...]]]

_INDEXES = """
    select i.indexrelid::pg_catalog.regclass::text, pg_catalog.quote_ident(x.relname), i.indisclustered,
           c.relreplident = 'i' and i.indisreplident,
           case when o.oid is not null then pg_catalog.obj_description(i.indexrelid, 'pg_class') end
      from pg_catalog.pg_index i
      join pg_catalog.pg_class x on x.oid = i.indexrelid
      join pg_catalog.pg_class c on c.oid = i.indrelid
      left join pg_catalog.pg_constraint o on o.conindid = i.indexrelid and o.conrelid = i.indrelid
     where i.indrelid = $1::oid
     order by x.relname"""
_REPLICA_IDENTITY = """
    select case c.relreplident when 'f' then 'full' when 'n' then 'nothing' end
      from pg_catalog.pg_class c where c.oid = $1::oid and c.relkind in ('r', 'p') and c.relreplident in ('f', 'n')"""

_INDEX_STATISTICS = """
    select i.indexrelid::pg_catalog.regclass::text, a.attnum, a.attstattarget
      from pg_catalog.pg_index i
      join pg_catalog.pg_attribute a on a.attrelid = i.indexrelid and a.attstattarget >= 0
     where i.indexrelid = $1::oid
        or i.indrelid = $1::oid
           and not exists (select from pg_catalog.pg_inherits h where h.inhrelid = i.indexrelid)
     order by 1, 2"""

# Of the columns that a table has from others, what it says otherwise than they do.
_INHERITED = """
    select pg_catalog.quote_ident(a.attname), pg_catalog.pg_get_expr(e.adbin, e.adrelid),
           a.attidentity = '' and {generated} and exists (
               select from of_parents p
                where p.attname = a.attname
                  and p.expression is distinct from pg_catalog.pg_get_expr(e.adbin, e.adrelid)),
           a.attnotnull and not exists (select from of_parents p where p.attname = a.attname and p.attnotnull)
      from pg_catalog.pg_attribute a
      left join pg_catalog.pg_attrdef e on a.atthasdef and e.adrelid = a.attrelid and e.adnum = a.attnum
     where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped and not a.attislocal
     order by a.attnum"""
_OF_PARENTS = """
    with of_parents as (
        select b.attname, b.attnotnull, pg_catalog.pg_get_expr(d.adbin, d.adrelid) as expression
          from pg_catalog.pg_inherits i
          join pg_catalog.pg_attribute b on b.attrelid = i.inhparent and b.attnum > 0 and not b.attisdropped
          left join pg_catalog.pg_attrdef d on b.atthasdef and d.adrelid = b.attrelid and d.adnum = b.attnum
         where i.inhrelid = $1::oid)"""

# A partition that is attached takes the indexes it has for those of its parent, and gets the others under a name that
# the server chooses.
_BEFORE_ATTACHING = """
    select pg_catalog.pg_get_indexdef(i.indexrelid)
      from pg_catalog.pg_index i
      join pg_catalog.pg_class x on x.oid = i.indexrelid
      join pg_catalog.pg_class c on c.oid = i.indrelid
      join pg_catalog.pg_inherits h on h.inhrelid = i.indexrelid
      join pg_catalog.pg_class p on p.oid = h.inhparent
     where i.indrelid = $1::oid
       and not exists (select from pg_catalog.pg_constraint o where o.conindid = i.indexrelid and o.conrelid = c.oid)
       and (x.reloptions is distinct from p.reloptions
            or x.relname <> c.relname || '_' || (
                select pg_catalog.string_agg(coalesce(a.attname, 'expr'), '_' order by k.place)
                  from pg_catalog.generate_series(0, i.indnatts - 1) as k(place)
                  left join pg_catalog.pg_attribute a
                         on a.attrelid = c.oid and a.attnum = i.indkey[k.place] and a.attnum <> 0) || '_idx')
     order by x.relname"""


def before_attaching(rows: Rows, oid: str) -> Iterator[str]:
    """Yield the indexes that a partition must have by itself to have them as they are once it is attached."""
    yield from (str(definition) for (definition,) in rows(_BEFORE_ATTACHING, oid))


def of_inherited(rows: Rows, oid: str, alter: str, *, knows_generated: bool) -> Iterator[str]:
    """Yield what a table that inherits says of the columns it has from others."""
    generated = "a.attgenerated = ''" if knows_generated else "true"
    for name, default, has_own, is_required in rows(_OF_PARENTS + _INHERITED.format(generated=generated), oid):
        if has_own == "t":
            yield f"{alter} alter column {name} set default {'null' if default is None else default}"
        if is_required == "t":
            yield f"{alter} alter column {name} set not null"


def of_indexes(rows: Rows, oid: str, relation: str, word: str) -> Iterator[str]:
    """Yield what is said of the indexes of a relation, those of its constraints included."""
    for path, name, clustered, identifies, comment in rows(_INDEXES, oid):
        if clustered == "t":
            yield f"alter {word} {relation} cluster on {name}"
        if identifies == "t":
            yield f"alter table only {relation} replica identity using index {name}"
        yield from comment_on("index", str(path), comment)
    for (what,) in rows(_REPLICA_IDENTITY, oid):
        yield f"alter table only {relation} replica identity {what}"


def of_index_columns(rows: Rows, oid: str) -> Iterator[str]:
    """Yield how much is to be known of the columns of an index, or of the indexes of a relation."""
    for path, place, target in rows(_INDEX_STATISTICS, oid):
        yield f"alter index {path} alter column {place} set statistics {target}"
