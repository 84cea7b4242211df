"""Relations and schemas: those that FROM reads, joins by foreign keys, and what other statements name."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from alveary.contracts.catalog import Relation
from alveary_plugins.completion.names import fitting
from alveary_plugins.completion.scope import OWN_RELATIONS
from alveary_plugins.completion.suggesting.asked import Asked
from alveary_plugins.completion.suggesting.joins import Joins
from alveary_plugins.completion.words import CARET


class Relations:
    """The relations for one request."""

    def __init__(self, asked: Asked) -> None:
        self._asked, self._place, self._scope, self._found = asked, asked.place, asked.scope, asked.found
        self._joins = Joins(asked.place, asked.scope, asked.dialect, upper=asked.found.upper)

    def add_conditions(self, qualifier: str = "") -> None:
        """Add whole conditions of the join, from the foreign keys between what is joined and what stands before."""
        for order, text in enumerate(self._joins.conditions(qualifier)):
            self._found.add(text, "join", 0.0, order, detail="foreign key", text=text)

    def add_relations(self) -> None:
        """Add the relations of all schemas, those that could be joined first, and the schemas."""
        place, scope, wanted = self._place, self._scope, self._asked.what.wanted
        reads = place.clause in ("from", "update", "merge", "start", "utility") and wanted is None
        only = wanted.what if wanted is not None else ""
        related: Collection[tuple[str, str]] = ()
        if reads and place.clause == "from":
            for order, named in enumerate(scope.all_named()):
                if named.name.lower != CARET:
                    self._found.add(named.name.name, "query", 1.0, order, detail="with", text=named.name.text)
            read = {found for source in place.query.sources if (found := scope.foreign_keys(source)[0]) is not None}
            related = [each for each in self._joins.related() if each not in read]
            for order, text in enumerate(self._joins.whole()):
                self._found.add(text, "join", 2.2, order, detail="foreign key", text=text)
        schemas = scope.schemas
        for order, schema in enumerate(schemas):
            system = schema in self._asked.system
            if system and not self._found.typed:
                continue
            plain = schema in scope.unqualified
            base = 60.0 if system else 2.0 + min(order, 3) if plain else 12.0
            self.add_schema(schema, base, "" if plain else f"{self._asked.write(schema)}.", related, only)
        for order, name in enumerate(OWN_RELATIONS.get(self._asked.dialect.name, ()) if self._found.typed else ()):
            self._found.add(name, "table", 12.0, order, detail="of every database")
        self.add_schemas(9.0)

    def add_schema(
        self, schema: str, base: float, before: str, related: Collection[tuple[str, str]], only: str
    ) -> None:
        """Add the relations of one schema, with ``before`` in front; ``only`` tables or views, empty for both."""
        typed, relations = self._found.typed, self._asked.catalog.relations(schema)
        most = self._asked.request.limit
        if typed:
            names = fitting(typed, relations, most)
        else:  # the first ones will do
            names = list(islice((name for name in relations if _is_kind(relations[name], only)), most))
        names = [*(name for where, name in related if where == schema and name in relations), *names]
        for order, name in enumerate(dict.fromkeys(names)):
            relation = relations[name]
            if _is_kind(relation, only):
                nearer = base - (1.5 if (schema, name) in related else 0.0)
                detail = _about_relation(relation, before)
                self._found.add(name, relation.kind, nearer, order, detail=detail, before=before)

    def add_schemas(self, base: float, behind: str = ".") -> None:
        """Add the schemas."""
        for order, schema in enumerate(self._scope.schemas):
            weight = 20.0 if schema in self._asked.system else 0.0
            self._found.add(schema, "schema", base + weight, order, behind=behind)

    def schema(self, name: str) -> str | None:
        """Return the schema that a name means, None if there is none."""
        for schema in self._scope.schemas:
            if schema == name:
                return schema
        return next((each for each in self._scope.schemas if each.lower() == name.lower()), None)


def _about_relation(relation: Relation, before: str) -> str:
    rows = f"~{relation.rows:,} rows" if relation.rows is not None and relation.rows > 0 else ""
    return " · ".join(filter(None, [before.rstrip("."), rows, (relation.comment or "").split("\n")[0][:80]]))


def _is_kind(relation: Relation, only: str) -> bool:
    if only == "table":
        return "view" not in relation.kind
    return only != "view" or "view" in relation.kind
