"""What uses what on PostgreSQL: the server's own record of it, and the bodies of routines, which it does not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from alveary.contracts.catalog import Dependencies, Dependency
from alveary.contracts.values import Row

#: Runs a query with its parameters and yields its rows as they come, each cell as text; all must be taken.
Ask = Callable[..., Iterable[Row]]

# What depends is a part of a thing: the rule of a view, the default of a column. So both ends are traced to what has a
# name, and the part says how. Dependencies on what the server brings are not recorded.
_PLAIN = r"""case when i.\1 like '"%"' then pg_catalog.replace(
               pg_catalog.substr(i.\1, 2, pg_catalog.length(i.\1) - 2), '""', '"') else i.\1 end"""
"""A name as it is, where the server quotes what it identifies by."""
_RECORDED = re.sub(
    r"<(pg_\w+)>",
    r"'pg_catalog.\1'::pg_catalog.regclass",
    """
    with mine as materialized (
        select <pg_class>::oid as class, c.oid as id
          from pg_catalog.pg_class c where c.relnamespace = {schema} and c.relname = $2 and c.relkind not in ('t', 'c')
        union all
        select <pg_proc>, p.oid
          from pg_catalog.pg_proc p where p.pronamespace = {schema} and p.proname = $2
        union all
        select <pg_type>, t.oid
          from pg_catalog.pg_type t left join pg_catalog.pg_class c on c.oid = t.typrelid
         where t.typnamespace = {schema} and t.typname = $2 and (c.oid is null or c.relkind = 'c')
        union all
        select <pg_class>, t.typrelid
          from pg_catalog.pg_type t join pg_catalog.pg_class c on c.oid = t.typrelid and c.relkind = 'c'
         where t.typnamespace = {schema} and t.typname = $2),
    parts as materialized (
        select class, id from mine
        union select <pg_rewrite>, r.oid from pg_catalog.pg_rewrite r join mine on r.ev_class = id
        union select <pg_attrdef>, d.oid from pg_catalog.pg_attrdef d join mine on d.adrelid = id
        union select <pg_constraint>, o.oid from pg_catalog.pg_constraint o
                join mine on id in (o.conrelid, o.contypid)
        union select <pg_trigger>, t.oid from pg_catalog.pg_trigger t join mine on t.tgrelid = id
        union select <pg_policy>, p.oid from pg_catalog.pg_policy p join mine on p.polrelid = id
        union select <pg_class>, i.indexrelid from pg_catalog.pg_index i join mine on i.indrelid = id
        union select <pg_type>, t.oid from pg_catalog.pg_type t join mine on t.typrelid = id
        union select <pg_type>, a.typarray from pg_catalog.pg_type a
                join mine on id in (a.oid, nullif(a.typrelid, 0)) where a.typarray <> 0),
    found as materialized (
        select 'uses' as direction, d.classid as class, d.objid as id, d.objsubid as sub,
               d.refclassid as other_class, d.refobjid as other_id, d.deptype
          from pg_catalog.pg_depend d
         where (d.classid, d.objid) in (select class, id from parts)
           and (d.refclassid, d.refobjid) not in (select class, id from parts)
        union all
        select 'used by', d.classid, d.objid, d.objsubid, d.classid, d.objid, d.deptype
          from pg_catalog.pg_depend d
         where (d.refclassid, d.refobjid) in (select class, id from parts)
           and (d.classid, d.objid) not in (select class, id from parts)),
    told as (
        select f.direction,
               case when w.rulename = '_RETURN' then 'query'
                    when w.oid is not null then 'rule ' || w.rulename
                    when e.oid is not null then 'default of ' || (select a.attname from pg_catalog.pg_attribute a
                                                                   where a.attrelid = e.adrelid and a.attnum = e.adnum)
                    when o.oid is not null then case o.contype when 'f' then 'foreign key ' when 'c' then 'check '
                                                     else 'constraint ' end || o.conname
                    when g.oid is not null then 'trigger ' || g.tgname
                    when y.oid is not null then 'policy ' || y.polname
                    when x.indexrelid is not null then 'index ' || (select c.relname from pg_catalog.pg_class c
                                                                     where c.oid = x.indexrelid)
                    when f.class = <pg_class> and f.sub > 0 then
                         'type of ' || (select a.attname from pg_catalog.pg_attribute a
                                         where a.attrelid = f.id and a.attnum = f.sub)
                    when f.class = <pg_proc> then 'signature or body'
                    when f.class = <pg_class> then
                         case (select c.relkind from pg_catalog.pg_class c where c.oid = f.id)
                              when 'S' then 'belongs to it' else 'partition or child' end
                    else 'definition' end as how,
               f.other_class, f.other_id
          from found f
          left join pg_catalog.pg_rewrite w on f.class = <pg_rewrite> and w.oid = f.id
          left join pg_catalog.pg_attrdef e on f.class = <pg_attrdef> and e.oid = f.id
          left join pg_catalog.pg_constraint o on f.class = <pg_constraint> and o.oid = f.id
          left join pg_catalog.pg_trigger g on f.class = <pg_trigger> and g.oid = f.id
          left join pg_catalog.pg_policy y on f.class = <pg_policy> and y.oid = f.id
          left join pg_catalog.pg_index x on f.class = <pg_class> and x.indexrelid = f.id
         where f.deptype in ('n', 'a') and (g.oid is null or not g.tgisinternal)),
    traced as (
        select distinct t.direction, t.how,
               case when r.relation is null then t.other_class else <pg_class>::oid end as class,
               coalesce(r.relation, t.other_id) as id
          from told t
         cross join lateral (select coalesce(
               (select w.ev_class from pg_catalog.pg_rewrite w
                 where t.other_class = <pg_rewrite> and w.oid = t.other_id),
               (select e.adrelid from pg_catalog.pg_attrdef e
                 where t.other_class = <pg_attrdef> and e.oid = t.other_id),
               (select nullif(o.conrelid, 0) from pg_catalog.pg_constraint o
                 where t.other_class = <pg_constraint> and o.oid = t.other_id),
               (select g.tgrelid from pg_catalog.pg_trigger g
                 where t.other_class = <pg_trigger> and g.oid = t.other_id),
               (select y.polrelid from pg_catalog.pg_policy y
                 where t.other_class = <pg_policy> and y.oid = t.other_id),
               (select x.indrelid from pg_catalog.pg_index x
                 where t.other_class = <pg_class> and x.indexrelid = t.other_id),
               (select nullif(k.typrelid, 0) from pg_catalog.pg_type k
                 where t.other_class = <pg_type> and k.oid = t.other_id)) as relation) r)
    select t.direction, coalesce(<plain schema>, ''),
           coalesce(<plain name>,
                    (select p.proname from pg_catalog.pg_proc p where t.class = <pg_proc> and p.oid = t.id),
                    i.identity), i.type, t.how
      from traced t cross join lateral pg_catalog.pg_identify_object(t.class, t.id, 0) i
     where (t.class, t.id) not in (select class, id from mine)
       and i.type not in ('schema', 'extension', 'language', 'access method', 'toast table')
     order by 1, 2, 3, 5""",
)
_RECORDED = re.sub(r"<plain (\w+)>", _PLAIN, _RECORDED)

_WORD = r"'\m' || pg_catalog.regexp_replace({}, '([^[:alnum:]_])', '\\\1', 'g') || '\M'"

# A body is a text to the server, so here, too. Its words are looked for, whatever they mean.
_WRITTEN = rf"""
    select 'used by', n.nspname, p.proname, {{kind}}
      from pg_catalog.pg_proc p
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname not in ('internal', 'c')
     where n.nspname not in ('pg_catalog', 'information_schema') and not (n.nspname = $1 and p.proname = $2)
       and p.prosrc ~* ({_WORD.format("$2")})
    union
    select 'uses', m.nspname, c.relname, case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
                                         when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end
      from pg_catalog.pg_proc p
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname not in ('internal', 'c')
      join pg_catalog.pg_class c on c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      join pg_catalog.pg_namespace m on m.oid = c.relnamespace and m.nspname !~ '^(pg_|information_schema$)'
     where n.nspname = $1 and p.proname = $2 and p.prosrc ~* ({_WORD.format("c.relname")})
     order by 1, 2, 3"""

_EXISTS = """
    select 1 from pg_catalog.pg_class c where c.relnamespace = {schema} and c.relname = $2
    union all select 1 from pg_catalog.pg_proc p where p.pronamespace = {schema} and p.proname = $2
    union all select 1 from pg_catalog.pg_type t where t.typnamespace = {schema} and t.typname = $2"""
_SCHEMA = "(select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)"


def dependencies_of(ask: Ask, schema: str, name: str, kind: str) -> Dependencies | None:
    """Return what everything of a name uses and what uses it; ``kind`` is how to ask what a routine is."""
    found: dict[str, list[Dependency]] = {"uses": [], "used by": []}
    for direction, where, other, what, how in ask(_RECORDED.format(schema=_SCHEMA), [schema, name]):
        found[str(direction)].append(Dependency(schema=str(where), name=str(other), kind=str(what), how=str(how)))
    recorded = {direction: {(each.schema, each.name) for each in listed} for direction, listed in found.items()}
    for direction, where, other, what in ask(_WRITTEN.format(kind=kind), [schema, name]):
        if (where, other) not in recorded[str(direction)]:
            written = Dependency(schema=str(where), name=str(other), kind=str(what), how="body", textual=True)
            found[str(direction)].append(written)
    if not any(found.values()) and not list(ask(_EXISTS.format(schema=_SCHEMA), [schema, name])):
        return None
    return Dependencies(uses=tuple(found["uses"]), used_by=tuple(found["used by"]))
