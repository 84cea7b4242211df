"""The questions of the PostgreSQL catalog: each is one query, however many things it is about.

``{only}`` stands where a question can be about one relation. A table that is being altered must not keep anybody from
looking, so no function is called that locks a relation, such as pg_get_viewdef, and of a table that somebody has locked
for himself none that writes its expressions.
"""

from __future__ import annotations

from alveary_plugins.drivers.postgres.definitions import OWN_ROUTINE

ONLY = "and c.relname = $2"
"""What narrows a question to one relation."""

_FREE = """{} <> all (array(
               select l.relation from pg_catalog.pg_locks l
                where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
                  and l.pid <> pg_catalog.pg_backend_pid()
                  and l.database = (select d.oid from pg_catalog.pg_database d
                                     where d.datname = pg_catalog.current_database())))"""
"""That nobody else has locked a relation for himself, or waits to; looked up once for a question."""

DATABASES = """
    select d.datname
      from pg_catalog.pg_database d
     where d.datallowconn and pg_catalog.has_database_privilege(d.oid, 'CONNECT')
     order by d.datname <> pg_catalog.current_database(), d.datname"""

# Those that are searched come first, in that order; then the temporary one, if there is one; the server's own last.
SCHEMAS = """
    select n.nspname
      from pg_catalog.pg_namespace n
     where n.nspname !~ '^pg_' or n.nspname = 'pg_catalog' or n.oid = pg_catalog.pg_my_temp_schema()
     order by case n.nspname when 'pg_catalog' then 2 when 'information_schema' then 1 else 0 end,
              pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname),
              n.oid <> pg_catalog.pg_my_temp_schema(), n.nspname"""

SEARCH_PATH = "select pg_catalog.array_to_json(pg_catalog.current_schemas(true))"

# Relations and columns are put in order here: the server would sort those of many tables on its disk and send nothing
# meanwhile. So our objects are made while it still works.

# -1, and before version 14 a 0 without pages, is how the server says that it never counted. What a table is a
# partition of, or inherits from, is looked up only where there is such; what is special stands in one cell, for most
# tables have nothing of it.
RELATIONS = """
    select c.relname, c.relkind, d.description,
           case when c.reltuples < 0 or c.reltuples = 0 and {uncounted} then null else c.reltuples::bigint end,
           case when c.relpages > 0 and c.relkind in ('r', 'm') then c.relpages * {block} end,
           case when c.relpersistence <> 'p' or c.relkind = 'p' or c.relrowsecurity or h.parents is not null then
               pg_catalog.json_build_array(c.relpersistence, pg_catalog.pg_get_partkeydef(c.oid), h.parents,
                                           {partition}, c.relrowsecurity) end,
           {owner}
      from pg_catalog.pg_class c
      left join pg_catalog.pg_description d
             on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::regclass and d.objsubid = 0
      left join (select i.inhrelid, pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, p.relname)
                                                        order by i.inhseqno) as parents
                   from pg_catalog.pg_inherits i
                   join pg_catalog.pg_class p on p.oid = i.inhparent and p.relkind not in ('i', 'I')
                   join pg_catalog.pg_namespace n on n.oid = p.relnamespace
                  group by 1) h on h.inhrelid = c.oid
     where c.relkind in ('r', 'p', 'v', 'm', 'f')
       and c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1) {only}"""

BLOCK = "pg_catalog.current_setting('block_size')::bigint"
"""Bytes of a page, of which there are ``relpages``."""

# Joined on atthasdef a default is looked up only where there is one; without that the server reads all of them, sorted
# on its disk. The same goes for the few domains that are NOT NULL, for the places in keys, and for collations.
COLUMNS = """
    select c.relname, a.attname, a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod),
           not (a.attnotnull or a.atttypid = any (array(
               select t.oid from pg_catalog.pg_type t where t.typtype = 'd' and t.typnotnull))),
           case when {free} then pg_catalog.pg_get_expr(e.adbin, e.adrelid) end,
           case when a.attnotnull then pg_catalog.array_position(i.indkey::int2[], a.attnum) + 1 end,
           {generated}, nullif(a.attidentity, ''),
           case when a.attcollation not in (0, 100) then
               (select o.collname from pg_catalog.pg_collation o join pg_catalog.pg_type t on t.oid = a.atttypid
                 where o.oid = a.attcollation and t.typcollation <> a.attcollation) end,
           d.description
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_catalog.pg_attrdef e on a.atthasdef and e.adrelid = a.attrelid and e.adnum = a.attnum
      left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
      left join pg_catalog.pg_description d
             on d.objoid = a.attrelid and d.objsubid = a.attnum and d.classoid = 'pg_catalog.pg_class'::regclass
     where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') {only}""".replace("{free}", _FREE.format("c.oid"))

# Columns that are only INCLUDEd stand behind those of the key.
INDEXES = """
    select c.relname, x.relname, i.indisunique,
           case o.contype when 'p' then 'primary key' when 'u' then 'unique' else 'index' end, i.indpred is not null,
           m.amname, case when {free} then pg_catalog.pg_get_expr(i.indpred, i.indrelid) end,
           case when x.relpages > 0 then x.relpages * {block} end,
           d.description, i.indisvalid,
           k.place > i.indnkeyatts,
           coalesce(a.attname, case when {free} then pg_catalog.pg_get_indexdef(i.indexrelid, k.place, true) end)
      from pg_catalog.pg_index i
      join pg_catalog.pg_class x on x.oid = i.indexrelid
      join pg_catalog.pg_am m on m.oid = x.relam
      join pg_catalog.pg_class c on c.oid = i.indrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     cross join lateral pg_catalog.generate_series(1, i.indnatts) as k(place)
      left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[k.place - 1] and a.attnum <> 0
      left join pg_catalog.pg_constraint o on o.conindid = i.indexrelid and o.contype in ('p', 'u')
      left join pg_catalog.pg_description d
             on d.objoid = x.oid and d.classoid = 'pg_catalog.pg_class'::regclass and d.objsubid = 0
     where n.nspname = $1 and c.relkind in ('r', 'p', 'm') {only}
     order by c.relname, x.relname, k.place""".replace("{free}", _FREE.format("c.oid"))

FOREIGN_KEYS = """
    select c.relname, o.conname, tn.nspname, t.relname, o.confupdtype, o.confdeltype, a.attname, b.attname, n.nspname
      from pg_catalog.pg_constraint o
      join pg_catalog.pg_class c on c.oid = o.conrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_class t on t.oid = o.confrelid
      join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
     cross join lateral pg_catalog.generate_series(1, pg_catalog.cardinality(o.conkey)) as k(place)
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = o.conkey[k.place]
      join pg_catalog.pg_attribute b on b.attrelid = t.oid and b.attnum = o.confkey[k.place]
     where o.contype = 'f' and {where}
     order by n.nspname, c.relname, o.conname, k.place"""
HAVING = "n.nspname = $1"
"""The foreign keys that the relations of a schema have."""
TOUCHING = "(n.nspname = $1 and c.relname = $2 or tn.nspname = $1 and t.relname = $2)"
"""Those that one relation has, and those that lead to it."""

CONSTRAINTS = """
    select c.relname, o.conname, o.contype,
           case when o.contype in ('c', 'x') and {free} then pg_catalog.pg_get_constraintdef(o.oid) end,
           (select pg_catalog.json_agg(a.attname order by k.place)
              from pg_catalog.unnest(o.conkey) with ordinality as k(attnum, place)
              join pg_catalog.pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.attnum),
           o.condeferrable, o.condeferred, o.convalidated, d.description
      from pg_catalog.pg_constraint o
      join pg_catalog.pg_class c on c.oid = o.conrelid
      left join pg_catalog.pg_description d
             on d.objoid = o.oid and d.classoid = 'pg_catalog.pg_constraint'::regclass
     where o.contype in ('p', 'u', 'c', 'x')
       and c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1) {only}
     order by c.relname, o.conname""".replace("{free}", _FREE.format("c.oid"))

# Of a relation the triggers, rules, policies and statistics that stand on it.
_ON_RELATIONS = """
    select t.tgname, 'trigger', '', c.relname, t.tgtype::text, pg_catalog.obj_description(t.oid, 'pg_trigger'), null
      from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
     where c.relnamespace in (select oid from here) and not t.tgisinternal {only}
    union all
    select r.rulename, 'rule', '', c.relname, null, pg_catalog.obj_description(r.oid, 'pg_rewrite'), null
      from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
     where c.relnamespace in (select oid from here) and r.rulename <> '_RETURN' {only}
    union all
    select p.polname, 'policy', '', c.relname, null, pg_catalog.obj_description(p.oid, 'pg_policy'), null
      from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid
     where c.relnamespace in (select oid from here) {only}
    union all
    select s.stxname, 'statistics object', '', c.relname, null, pg_catalog.obj_description(s.oid, 'pg_statistic_ext'),
           null
      from pg_catalog.pg_statistic_ext s join pg_catalog.pg_class c on c.oid = s.stxrelid
     where s.stxnamespace in (select oid from here) {only}"""
_HERE = "with here as materialized (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)"
ON_RELATION = f"""{_HERE} {_ON_RELATIONS}
    union all
    select s.relname, 'sequence', '', c.relname, pg_catalog.format_type(q.seqtypid, null),
           pg_catalog.obj_description(s.oid, 'pg_class'), null
      from pg_catalog.pg_depend d
      join pg_catalog.pg_class c on c.oid = d.refobjid
      join pg_catalog.pg_class s on s.oid = d.objid and s.relnamespace = c.relnamespace
      join pg_catalog.pg_sequence q on q.seqrelid = s.oid
     where c.relnamespace in (select oid from here) and d.classid = 'pg_catalog.pg_class'::regclass
       and d.deptype in ('a', 'i') and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0 {{only}}"""

OBJECTS = f"""
    {_HERE},
    brought as materialized (
        select d.classid, d.objid, e.extname from pg_catalog.pg_depend d
          join pg_catalog.pg_extension e on e.oid = d.refobjid
         where d.deptype = 'e' and d.refclassid = 'pg_catalog.pg_extension'::regclass)
    select p.proname, {{kind}}, pg_catalog.pg_get_function_identity_arguments(p.oid), null::text,
           pg_catalog.pg_get_function_result(p.oid), pg_catalog.obj_description(p.oid, 'pg_proc'), b.extname
      from pg_catalog.pg_proc p
      left join brought b on b.objid = p.oid and b.classid = 'pg_catalog.pg_proc'::regclass
     where p.pronamespace in (select oid from here) and {OWN_ROUTINE}
    union all
    select c.relname, 'sequence', '', o.relname, pg_catalog.format_type(q.seqtypid, null),
           pg_catalog.obj_description(c.oid, 'pg_class'), b.extname
      from pg_catalog.pg_class c join pg_catalog.pg_sequence q on q.seqrelid = c.oid
      left join pg_catalog.pg_depend d
             on d.objid = c.oid and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
            and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0
      left join pg_catalog.pg_class o on o.oid = d.refobjid and o.relnamespace = c.relnamespace
      left join brought b on b.objid = c.oid and b.classid = 'pg_catalog.pg_class'::regclass
     where c.relnamespace in (select oid from here)
    union all
    select t.typname,
           case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range type'
                          when 'b' then 'base type' else 'composite type' end, '', null,
           case t.typtype when 'e' then (select pg_catalog.string_agg(e.enumlabel, ', ' order by e.enumsortorder)
                                           from pg_catalog.pg_enum e where e.enumtypid = t.oid)
                          when 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) end,
           pg_catalog.obj_description(t.oid, 'pg_type'), b.extname
      from pg_catalog.pg_type t left join pg_catalog.pg_class c on c.oid = t.typrelid
      left join brought b on b.objid = t.oid and b.classid = 'pg_catalog.pg_type'::regclass
     where t.typnamespace in (select oid from here)
       and (t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and c.relkind = 'c'
            or t.typtype = 'b' and t.typelem = 0 and $1 <> 'pg_catalog')
    union all
    select e.extname, 'extension', '', null, e.extversion, pg_catalog.obj_description(e.oid, 'pg_extension'), null
      from pg_catalog.pg_extension e where e.extnamespace in (select oid from here)
    union all
    select o.oprname, 'operator',
           coalesce(pg_catalog.format_type(nullif(o.oprleft, 0), null), 'none') || ', '
               || coalesce(pg_catalog.format_type(nullif(o.oprright, 0), null), 'none'),
           null, pg_catalog.format_type(o.oprresult, null), pg_catalog.obj_description(o.oid, 'pg_operator'), b.extname
      from pg_catalog.pg_operator o
      left join brought b on b.objid = o.oid and b.classid = 'pg_catalog.pg_operator'::regclass
     where o.oprnamespace in (select oid from here)
    union all
    select o.collname, 'collation', '', null, o.collcollate, pg_catalog.obj_description(o.oid, 'pg_collation'), null
      from pg_catalog.pg_collation o where o.collnamespace in (select oid from here) and $1 <> 'pg_catalog'
    union all
    select f.cfgname, 'text search configuration', '', null, p.prsname,
           pg_catalog.obj_description(f.oid, 'pg_ts_config'), null
      from pg_catalog.pg_ts_config f join pg_catalog.pg_ts_parser p on p.oid = f.cfgparser
     where f.cfgnamespace in (select oid from here)
    union all
    select y.dictname, 'text search dictionary', '', null, t.tmplname,
           pg_catalog.obj_description(y.oid, 'pg_ts_dict'), null
      from pg_catalog.pg_ts_dict y join pg_catalog.pg_ts_template t on t.oid = y.dicttemplate
     where y.dictnamespace in (select oid from here)
    union all {_ON_RELATIONS.replace("{only}", "")}"""

SERVER_OBJECTS = """
    select r.rolname, 'role', null,
           pg_catalog.concat_ws(', ', case when r.rolsuper then 'superuser' end,
               case when r.rolcanlogin then 'login' end, case when r.rolcreatedb then 'createdb' end,
               case when r.rolcreaterole then 'createrole' end, case when r.rolreplication then 'replication' end,
               case when r.rolbypassrls then 'bypassrls' end,
               (select 'in ' || pg_catalog.string_agg(g.rolname, ', ' order by g.rolname)
                  from pg_catalog.pg_auth_members m join pg_catalog.pg_roles g on g.oid = m.roleid
                 where m.member = r.oid)),
           pg_catalog.shobj_description(r.oid, 'pg_authid')
      from pg_catalog.pg_roles r
    union all
    select t.spcname, 'tablespace', null, nullif(pg_catalog.pg_tablespace_location(t.oid), ''),
           pg_catalog.shobj_description(t.oid, 'pg_tablespace')
      from pg_catalog.pg_tablespace t
    union all
    select l.lanname, 'language', null, case when l.lanpltrusted then 'trusted' end,
           pg_catalog.obj_description(l.oid, 'pg_language')
      from pg_catalog.pg_language l where l.lanispl
    union all
    select w.fdwname, 'foreign data wrapper', null, null, pg_catalog.obj_description(w.oid, 'pg_foreign_data_wrapper')
      from pg_catalog.pg_foreign_data_wrapper w
    union all
    select s.srvname, 'foreign server', null, w.fdwname, pg_catalog.obj_description(s.oid, 'pg_foreign_server')
      from pg_catalog.pg_foreign_server s join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw
    union all
    select e.evtname, 'event trigger', null, e.evtevent, pg_catalog.obj_description(e.oid, 'pg_event_trigger')
      from pg_catalog.pg_event_trigger e
    union all
    select p.pubname, 'publication', null, case when p.puballtables then 'all tables' end,
           pg_catalog.obj_description(p.oid, 'pg_publication')
      from pg_catalog.pg_publication p"""

#: What of a schema the user may list, as everybody may, and not read.
GAPS = """
    select 'schema', n.nspname
      from pg_catalog.pg_namespace n
     where n.nspname = $1 and not pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    union all
    select 'relation', c.relname
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and not pg_catalog.has_table_privilege(c.oid, 'SELECT')
       and not pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
    union all
    select 'locked', c.relname
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') and not {free}
    union all
    select 'routine', p.proname
      from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     where n.nspname = $1 and not pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
    order by 1, 2""".replace("{free}", _FREE.format("c.oid"))
IS_SUPERUSER = "select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user"


def routine_kind(version: int) -> str:
    """Return how to ask what a routine is, which was another way before version 11."""
    if version < 110000:
        return "case when p.proisagg then 'aggregate' when p.proiswindow then 'window function' else 'function' end"
    kinds = "when 'a' then 'aggregate' when 'p' then 'procedure' when 'w' then 'window function' else 'function'"
    return f"case p.prokind {kinds} end"
