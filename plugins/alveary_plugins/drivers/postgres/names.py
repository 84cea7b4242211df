"""Names of types by their numbers, and the labels of enumerations, asked for all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from alveary.contracts.values import Row

# Of each table there is a row type and its array; they are left out, for only queries made for it return them.
_NAMES = """
    select t.oid, t.typarray, pg_catalog.format_type(t.oid, null),
           case when t.typtype = 'e' then
               (select pg_catalog.json_agg(e.enumlabel order by e.enumsortorder)::text
                  from pg_catalog.pg_enum e where e.enumtypid = t.oid)
           end
      from pg_catalog.pg_type t
     where t.typtype in ('e', 'd', 'p', 'r', 'm') or t.typtype = 'b' and t.typcategory <> 'A'
        or t.oid in (select c.reltype from pg_catalog.pg_class c where c.relkind = 'c')
        or t.oid = any ($1::oid[])"""

_MAKERS = (b"CREATE TYPE", b"CREATE DOMAIN", b"CREATE EXTENSION", b"ALTER TYPE", b"ALTER DOMAIN")


class TypeNames:
    """What one connection knows of the types of its database.

    A name can't be asked for while the result that needs it is on its way, so names are learnt before the first
    statement, and again after one that may have changed them or met a type that is not known.
    """

    def __init__(self) -> None:
        self.outdated = True
        self._names: dict[int, str] = {}
        self._labels: dict[int, tuple[str, ...]] = {}
        self._unknown: set[int] = set()

    def of(self, type_id: int) -> str:
        """Return a type's name; one that nobody has learnt yet goes by its number."""
        name = self._names.get(type_id)
        if name is None and type_id not in self._unknown:
            self._unknown.add(type_id)
            self.outdated = True
        return name or str(type_id)

    def labels(self, type_id: int) -> tuple[str, ...]:
        """Return the labels of an enumeration in their order; none for any other type, or one not learnt yet."""
        return self._labels.get(type_id, ())

    def after(self, command: bytes | None) -> None:
        """Take note of a statement's command tag."""
        if command in _MAKERS:
            self.outdated = True

    def learn(self, ask: Callable[[str, list[str]], Iterable[Row]]) -> None:
        """Ask for all of them."""
        self.outdated = False
        unknown = ",".join(map(str, self._unknown))
        for type_id, array_id, name, labels in ask(_NAMES, [f"{{{unknown}}}"]):
            self._names[int(str(type_id))] = str(name)
            if labels is not None:
                self._labels[int(str(type_id))] = msgspec.json.decode(str(labels), type=tuple[str, ...])
            if array_id != "0":
                self._names[int(str(array_id))] = str(name) + "[]"
