"""The SQL that makes what is neither relation, routine nor type: aggregates, operators, collations, text search, …

Each question takes the schema and the name; the search path is empty, so the server writes every name with its schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from alveary_plugins.drivers.postgres.clauses import comment_on, literal

#: Runs a query with its parameters and returns all rows, each cell as text.
Rows = Callable[..., Iterable[tuple[str | None, ...]]]

_HERE = "(select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)"

# The columns differ between versions; a row as JSON has those there are.
_AGGREGATES = f"""
    select p.oid::pg_catalog.regprocedure::text,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname),
           pg_catalog.pg_get_function_arguments(p.oid), pg_catalog.to_jsonb(a), p.proparallel,
           pg_catalog.format_type(a.aggtranstype, null), pg_catalog.format_type(nullif(a.aggmtranstype, 0), null),
           case when a.aggsortop <> 0 then
               (select pg_catalog.quote_ident(s.nspname) || '.' || o.oprname from pg_catalog.pg_operator o
                  join pg_catalog.pg_namespace s on s.oid = o.oprnamespace where o.oid = a.aggsortop) end,
           pg_catalog.obj_description(p.oid, 'pg_proc')
      from pg_catalog.pg_aggregate a
      join pg_catalog.pg_proc p on p.oid = a.aggfnoid
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     where p.pronamespace = {_HERE} and {{named}}
     order by pg_catalog.pg_get_function_identity_arguments(p.oid)"""

_NAMED_OPERATOR = """
    (select pg_catalog.quote_ident(s.nspname) || '.' || c.oprname from pg_catalog.pg_operator c
       join pg_catalog.pg_namespace s on s.oid = c.oprnamespace where c.oid = o.{})"""
_OPERATORS = f"""
    select pg_catalog.quote_ident(n.nspname) || '.' || o.oprname, o.oprcode::pg_catalog.text,
           pg_catalog.format_type(nullif(o.oprleft, 0), null), pg_catalog.format_type(nullif(o.oprright, 0), null),
           {_NAMED_OPERATOR.format("oprcom")}, {_NAMED_OPERATOR.format("oprnegate")},
           nullif(o.oprrest::pg_catalog.text, '-'), nullif(o.oprjoin::pg_catalog.text, '-'), o.oprcanhash,
           o.oprcanmerge, pg_catalog.obj_description(o.oid, 'pg_operator')
      from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
     where o.oprnamespace = {_HERE} and o.oprname = $2 and o.oprcode <> 0
     order by 3, 4"""

_COLLATIONS = f"""
    select o.oid::pg_catalog.regcollation::text, pg_catalog.to_jsonb(o),
           pg_catalog.obj_description(o.oid, 'pg_collation')
      from pg_catalog.pg_collation o where o.collnamespace = {_HERE} and o.collname = $2"""

_STATISTICS = f"""
    select pg_catalog.pg_get_statisticsobjdef(s.oid),
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(s.stxname),
           pg_catalog.obj_description(s.oid, 'pg_statistic_ext'), pg_catalog.to_jsonb(s) ->> 'stxstattarget'
      from pg_catalog.pg_statistic_ext s join pg_catalog.pg_namespace n on n.oid = s.stxnamespace
     where s.stxnamespace = {_HERE} and s.stxname = $2"""

_EXTENSIONS = f"""
    select pg_catalog.quote_ident(e.extname), pg_catalog.quote_ident(n.nspname), pg_catalog.quote_literal(e.extversion)
      from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
     where e.extnamespace = {_HERE} and e.extname = $2"""

_DICTIONARIES = f"""
    select d.oid::pg_catalog.regdictionary::text,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.tmplname), d.dictinitoption,
           pg_catalog.obj_description(d.oid, 'pg_ts_dict')
      from pg_catalog.pg_ts_dict d
      join pg_catalog.pg_ts_template t on t.oid = d.dicttemplate
      join pg_catalog.pg_namespace n on n.oid = t.tmplnamespace
     where d.dictnamespace = {_HERE} and d.dictname = $2"""

_CONFIGURATIONS = f"""
    select c.oid::pg_catalog.regconfig::text,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.prsname),
           (select pg_catalog.json_agg(pg_catalog.json_build_array(k.alias, k.dictionaries) order by k.alias)
              from (select t.alias, pg_catalog.string_agg(m.mapdict::pg_catalog.regdictionary::text, ', '
                                                          order by m.mapseqno) as dictionaries
                      from pg_catalog.pg_ts_config_map m
                      join pg_catalog.ts_token_type(c.cfgparser) t on t.tokid = m.maptokentype
                     where m.mapcfg = c.oid group by t.alias) k),
           pg_catalog.obj_description(c.oid, 'pg_ts_config')
      from pg_catalog.pg_ts_config c
      join pg_catalog.pg_ts_parser p on p.oid = c.cfgparser
      join pg_catalog.pg_namespace n on n.oid = p.prsnamespace
     where c.cfgnamespace = {_HERE} and c.cfgname = $2"""

_AGGREGATE_PARTS = (
    ("sspace", "aggtransspace"), ("finalfunc", "aggfinalfn"), ("combinefunc", "aggcombinefn"),
    ("serialfunc", "aggserialfn"), ("deserialfunc", "aggdeserialfn"), ("msfunc", "aggmtransfn"),
    ("minvfunc", "aggminvtransfn"), ("msspace", "aggmtransspace"), ("mfinalfunc", "aggmfinalfn"),
)  # fmt: skip
_MODIFY = {"r": "read_only", "s": "shareable", "w": "read_write"}
_PARALLEL = {"s": "safe", "r": "restricted"}
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def aggregates(rows: Rows, schema: str, name: str, named: str = "p.proname = $2") -> Iterator[str]:
    """Yield the statements that make the aggregates of a name; ``named`` is how the question finds them."""
    for row in rows(_AGGREGATES.format(named=named), schema, name):
        signature, path, arguments, found, parallel, state, moving, sort_operator, comment = row
        parts: dict[str, Any] = json.loads(str(found))
        kind = parts["aggkind"]
        settings = [f"sfunc = {parts['aggtransfn']}", f"stype = {state}"]
        settings += [
            f"{word} = {parts[part]}" for word, part in _AGGREGATE_PARTS if parts.get(part) not in (None, "-", 0)
        ]
        settings += ["finalfunc_extra"] * parts["aggfinalextra"] + ["mfinalfunc_extra"] * parts["aggmfinalextra"]
        usual = "r" if kind == "n" else "w"
        for word, part in (("finalfunc_modify", "aggfinalmodify"), ("mfinalfunc_modify", "aggmfinalmodify")):
            if parts.get(part, usual) != usual and parts["aggfinalfn" if word[0] == "f" else "aggmfinalfn"] != "-":
                settings.append(f"{word} = {_MODIFY[parts[part]]}")
        settings += [f"mstype = {moving}"] if moving is not None else []
        for word, part in (("initcond", "agginitval"), ("minitcond", "aggminitval")):
            if parts[part] is not None:
                settings.append(f"{word} = {literal(parts[part])}")
        settings += [f"sortop = operator({sort_operator})"] if sort_operator is not None else []
        settings += [f"parallel = {_PARALLEL[parallel]}"] if parallel in _PARALLEL else []
        settings += ["hypothetical"] if kind == "h" else []
        yield f"create aggregate {path}({arguments or '*'}) (\n    " + ",\n    ".join(settings) + "\n)"
        shown = signature if arguments else f"{path}(*)"
        yield from comment_on("aggregate", str(shown), comment)


def extensions(rows: Rows, schema: str, name: str) -> Iterator[str]:
    """Yield the statement that makes an extension, with all that it brings."""
    for path, where, version in rows(_EXTENSIONS, schema, name):
        yield f"create extension {path} with schema {where} version {version}"


def others(rows: Rows, schema: str, name: str) -> Iterator[str]:
    """Yield the statements that make everything else of a name."""
    for row in rows(_OPERATORS, schema, name):
        path, function, left, right, commutator, negator, restrict, join, hashes, merges, comment = row
        settings = [
            f"function = {function}",
            f"leftarg = {left}" if left else "",
            f"rightarg = {right}" if right else "",
            f"commutator = operator({commutator})" if commutator else "",
            f"negator = operator({negator})" if negator else "",
            f"restrict = {restrict}" if restrict else "",
            f"join = {join}" if join else "",
            "hashes" if hashes == "t" else "",
            "merges" if merges == "t" else "",
        ]
        yield f"create operator {path} (\n    " + ",\n    ".join(filter(None, settings)) + "\n)"
        yield from comment_on("operator", f"{path} ({left or 'none'}, {right or 'none'})", comment)
    for path, found, comment in rows(_COLLATIONS, schema, name):
        yield f"create collation {path} ({', '.join(_collation(json.loads(str(found))))})"
        yield from comment_on("collation", str(path), comment)
    for definition, path, comment, target in rows(_STATISTICS, schema, name):
        yield str(definition)
        if target not in (None, "-1"):
            yield f"alter statistics {path} set statistics {target}"
        yield from comment_on("statistics", str(path), comment)
    for path, template, options, comment in rows(_DICTIONARIES, schema, name):
        more = f",\n    {options}" if options else ""
        yield f"create text search dictionary {path} (\n    template = {template}{more}\n)"
        yield from comment_on("text search dictionary", str(path), comment)
    for path, parser, mappings, comment in rows(_CONFIGURATIONS, schema, name):
        yield f"create text search configuration {path} (\n    parser = {parser}\n)"
        for alias, dictionaries in json.loads(mappings) if mappings is not None else ():
            yield f"alter text search configuration {path} add mapping for {alias} with {dictionaries}"
        yield from comment_on("text search configuration", str(path), comment)


def _collation(found: dict[str, Any]) -> Iterator[str]:
    yield f"provider = {_PROVIDERS.get(found['collprovider'], found['collprovider'])}"
    locale = found.get("colllocale") or found.get("colliculocale")
    collate, ctype = found.get("collcollate"), found.get("collctype")
    if locale is None and collate != ctype:
        yield f"lc_collate = {literal(str(collate))}"
        yield f"lc_ctype = {literal(str(ctype))}"
    else:
        yield f"locale = {literal(str(locale or collate))}"
    if found.get("collisdeterministic") is False:
        yield "deterministic = false"
    if (rules := found.get("collicurules")) is not None:
        yield f"rules = {literal(rules)}"
