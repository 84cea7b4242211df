"""A table of PostgreSQL's like another one, made of the same answers as the SQL that makes the first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from alveary.contracts.catalog import Trait, Twin
from alveary_plugins.drivers.postgres.clauses import comment_on
from alveary_plugins.drivers.postgres.definitions import (
    CONSTRAINTS,
    INDEX,
    INDEXES,
    NAME,
    SEQUENCES,
    Definitions,
    Found,
)

_KINDS = {"p": "primary key", "u": "unique", "c": "check", "x": "exclusion", "f": "foreign key"}
_LEFT = """
    select 'trigger', t.tgname from pg_catalog.pg_trigger t where t.tgrelid = $1::oid and not t.tgisinternal
     union all
    select 'rule', r.rulename from pg_catalog.pg_rewrite r where r.ev_class = $1::oid and r.rulename <> '_RETURN'
     union all
    select 'policy', p.polname from pg_catalog.pg_policy p where p.polrelid = $1::oid
     union
    select 'privileges of', coalesce(r.rolname, 'public')
      from (select c.relowner, c.relacl from pg_catalog.pg_class c where c.oid = $1::oid
             union all
            select c.relowner, a.attacl from pg_catalog.pg_class c
              join pg_catalog.pg_attribute a on a.attrelid = c.oid where c.oid = $1::oid) as given(owner, list)
           cross join lateral pg_catalog.aclexplode(given.list) as one
           left join pg_catalog.pg_roles r on r.oid = one.grantee
     where one.grantee <> given.owner
     order by 1, 2"""

#: Names are read as wholes: one may hold what looks like the rest of a definition.
_FOREIGN_KEY = re.compile(
    rf"(?P<head>FOREIGN KEY \({NAME}(?:, {NAME})*\) REFERENCES )(?P<table>{NAME}(?:\.{NAME})?)(?P<rest>\(.*)", re.DOTALL
).fullmatch

_Row = Sequence[str | None]


class Twins(Definitions):
    """Asks one connection for the statements that make a table like one it has."""

    def of_table(self, schema: str, name: str, at: str, *, keeps_names: bool) -> Twin | None:
        """Return the twin of a table; ``at`` is the quoted path it gets, ``keeps_names`` says whether its constraints
        and indexes have the names they have here, each of which a schema has once. None for what is no table.

        A partition, and a table that inherits, becomes one that stands alone.
        """
        with self._whole_names():
            relation = next((row for row in self._relations(schema, name) if row.kind in "rpf"), None)
            if relation is None:
                return None
            columns = self._columns(relation.oid)
            owned = {str(row[0]) for row in self._rows(SEQUENCES, relation.oid)}
            own = "true"  # those that a partition has from its parent, too
            constraints = list(self._rows(CONSTRAINTS.format(own=own), relation.oid, "p"))
            after = [
                *self._after_columns(at, columns, owned),
                *self._after_constraints(at, relation.name, constraints, keeps_names),
                *self._after_indexes(at, relation, keeps_names),
                *((Trait(kind="comment"), sql) for sql in comment_on("table", at, relation.comment)),
            ]
            left = [Trait(kind=str(kind), name=str(found)) for kind, found in self._rows(_LEFT, relation.oid)]
            if relation.secured == "t":
                left.append(Trait(kind="row level security"))
            if relation.partition_key or relation.bound or relation.parents:
                left.append(Trait(kind="partitions and inheritance"))
            lines = [_line(column, owned) for column in columns]
            lines += [str(row[2]) for row in constraints if row[1] == "p"]
            return Twin(
                create=f"create table {at} (\n    " + ",\n    ".join(lines) + "\n)",
                after=tuple(after),
                within=tuple(
                    Trait(kind="generated column", name=_plain(str(column[0]))) for column in columns if column[5]
                ),
                left=tuple(left),
            )

    def _after_columns(self, at: str, columns: Sequence[_Row], owned: set[str]) -> Iterator[tuple[Trait, str]]:
        for column in columns:
            name, default, comment = column[0], column[4], column[13]
            if _is_numbered(column, owned):
                # The next number is one above those that are there.
                sequence = f"pg_catalog.pg_get_serial_sequence({_literal(at)}, {_literal(_plain(str(name)))})"
                yield (
                    Trait(kind="numbering of", name=_plain(str(name))),
                    f"select pg_catalog.setval({sequence}, coalesce(max({name}), 1), count({name}) > 0) from {at}",
                )
            elif default is not None and not column[5]:
                sql = f"alter table {at} alter column {name} set default {default}"
                yield Trait(kind="default of", name=_plain(str(name))), sql
            for sql in comment_on("column", f"{at}.{name}", comment):
                yield Trait(kind="comment of", name=_plain(str(name))), sql

    def _after_constraints(
        self, at: str, old: str, constraints: Sequence[_Row], keeps_names: bool
    ) -> Iterator[tuple[Trait, str]]:
        for name, kind, definition, _ in constraints:
            if kind != "p":
                named = f"constraint {name} " if keeps_names else ""
                made = str(definition)
                if kind == "f" and (found := _FOREIGN_KEY(made)) is not None and found["table"] == old:
                    made = f"{found['head']}{at}{found['rest']}"
                yield Trait(kind=_KINDS[str(kind)], name=_plain(str(name))), f"alter table {at} add {named}{made}"

    def _after_indexes(self, at: str, relation: Found, keeps_names: bool) -> Iterator[tuple[Trait, str]]:
        for definition, _, _, _ in self._rows(INDEXES, relation.oid):
            found = INDEX(str(definition))
            assert found is not None, "the server writes all of them alike"
            name = f"{found['name']} " if keeps_names else ""
            sql = f"{found['words'].lower()} {name}on {at} {found['rest']}"
            yield Trait(kind="index", name=_plain(found["name"])), sql


def _is_numbered(column: _Row, owned: set[str]) -> bool:
    """Tell whether the server counts a column on: an identity, or a default that takes numbers of its own sequence."""
    default = column[4] or ""
    return bool(column[6]) or any(f"nextval({_literal(sequence)}::regclass)" == default for sequence in owned)


def _line(column: _Row, owned: set[str]) -> str:
    name, kind, collation, not_null, default, generated, identity = column[:7]
    if _is_numbered(column, owned):
        rest = f" generated {'always' if identity == 'a' else 'by default'} as identity"
    elif generated:
        rest = f" generated always as ({default}) {'stored' if generated == 's' else 'virtual'}"
    else:
        rest = ""  # a default comes later: it may call what is not there
    collated = f" collate {collation}" if collation else ""
    return f"{name} {kind}{collated}{rest}{' not null' if not_null == 't' else ''}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _plain(name: str) -> str:
    """Return a name without its quotes."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
