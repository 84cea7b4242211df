"""What a database holds besides relations: functions and procedures, types, and objects of other kinds."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from alveary_plugins.completion.functions import functions, types
from alveary_plugins.completion.names import written
from alveary_plugins.completion.suggesting.asked import Asked

_CALLED = ("function", "aggregate", "window function", "macro")
_ROUTINES = ("procedure", *_CALLED)
_TYPES = ("type", "enum", "domain", "composite", "range", "composite type", "range type", "enum type")
_SPOKEN_TEXT = """
coalesce nullif greatest least extract substring position overlay trim row_number rank dense_rank percent_rank cume_dist
ntile lag lead first_value last_value nth_value grouping left right replace if insert values mod normalize json_object
json_array json_value json_table json_arrayagg json_objectagg utc_timestamp convert char database schema user any_value
default format glob like date time year count sum avg min max repeat truncate interval
"""
_SPOKEN = frozenset(_SPOKEN_TEXT.split())
"""Functions whose names are words of the language: in quotes they would be other functions, or none."""


class Objects:
    """The functions, types and other objects for one request."""

    def __init__(self, asked: Asked) -> None:
        self._asked, self._place, self._scope, self._found = asked, asked.place, asked.scope, asked.found

    def add_functions(self, base: float, *, only_tables: bool = False) -> None:
        """Add the functions of the database and those of its engine; or only those that return rows."""
        opened = self._place.words[self._place.at + 1 : self._place.at + 2]
        is_open = bool(opened) and opened[0].lower == "(" and opened[0].start == self._asked.writing.end
        if self._asked.writing.quote:
            return
        seen: set[tuple[str, str]] = set()
        for schema in self._scope.schemas:
            own = -8.0 if schema not in self._asked.system else 4.0
            for each in self._asked.catalog.objects(schema) if self._found.typed or own < 0 else ():
                if each.kind not in _CALLED:
                    continue
                returns = each.detail or ""
                if only_tables and not returns.upper().startswith(("SETOF", "TABLE")):
                    continue
                if each.signature.lower() == "" and returns == "trigger":
                    continue
                if (each.name, each.signature) in seen:
                    continue
                seen.add((each.name, each.signature))
                self._function(each.name, each.signature, returns, base + own, is_open)
        known = {name for name, _ in seen}
        for order, function in enumerate(functions(self._asked.dialect.name)):
            if function.name in known or (only_tables and not function.returns.startswith(("setof", "table"))):
                continue
            self._function(function.name, function.signature, function.returns, base, is_open, order)

    def _function(self, name: str, signature: str, returns: str, base: float, is_open: bool, order: int = 0) -> None:
        text = written(name, self._asked.dialect) if name not in _SPOKEN else name
        if self._found.upper and text.islower() and name in _SPOKEN:
            text = text.upper()
        detail = f"({signature})" + (f" → {returns}" if returns else "")
        behind = "" if is_open else "()"
        caret = None if is_open or not signature else len(text) + 1
        self._found.add(name, "function", base, order, detail=detail, text=text, behind=behind, caret=caret)

    def add_routines(self) -> None:
        """Add what can be called."""
        for schema in self._scope.schemas:
            for order, each in enumerate(self._asked.catalog.objects(schema)):
                if each.kind in _ROUTINES:
                    base = 2.0 if each.kind == "procedure" else 4.0
                    self._function(each.name, each.signature, each.detail or "", base, False, order)

    def add_types(self) -> None:
        """Add the types of the engine and of the database."""
        for order, name in enumerate(types(self._asked.dialect.name)):
            label = name.replace("(n)", "").replace("(p,s)", "").replace("(…)", "")
            opens = name.endswith("(…)")
            self._found.add(
                label,
                "type",
                3.0 + min(order, 60) * 0.02,
                order,
                detail=name if label != name else "",
                text=label,
                behind="()" if opens else "",
                caret=len(label) + 1 if opens else None,
            )
        for schema in self._scope.schemas:
            if schema in self._asked.system:
                continue
            for order, each in enumerate(self._asked.catalog.objects(schema)):
                if each.kind in _TYPES:
                    self._found.add(each.name, each.kind, 2.5, order, detail=each.detail or "")

    def add_wanted(self) -> None:
        """Add what a statement that is no query wants: objects of some kinds, or columns that it defines itself."""
        wanted = self._asked.what.wanted
        assert wanted is not None, "it was looked at before"
        if wanted.what == "defined":
            for order, word in enumerate(wanted.about):
                self._found.add(word.name, "column", 2.0, order, text=word.text)
        if wanted.one_of and wanted.about:
            if (found := self._scope.relation(wanted.about)) is not None:
                for order, (name, kind, detail) in enumerate(self._on_relation(*found, wanted.one_of)):
                    self._found.add(name, kind, 2.0, order, detail=detail)
        elif wanted.one_of:
            for schema in ("", *self._scope.schemas):
                plain = not schema or schema in self._scope.unqualified
                before = "" if plain else f"{self._asked.write(schema)}."
                for order, (name, kind, detail) in enumerate(self._of_kinds(schema, wanted.one_of)):
                    text = self._called(name, kind, detail, before)
                    self._found.add(name, kind, 2.0 if plain else 12.0, order, detail=detail, text=text)

    def _called(self, name: str, kind: str, detail: str, before: str) -> str | None:
        """Return how an object is written where its name is not: within a string, with its schema, with a host."""
        if self._asked.writing.quote == "'":
            return "'" + f"{before}{self._asked.write(name)}".replace("'", "''") + "'"
        if kind == "user" and detail:
            return f"{_string(name)}@{_string(detail)}"
        return f"{before}{self._asked.write(name)}" if before else None

    def _of_kinds(self, schema: str, kinds: Collection[str]) -> Iterator[tuple[str, str, str]]:
        """Yield the names, kinds and details of what a schema holds of some kinds."""
        for each in self._asked.catalog.objects(schema):
            if each.kind in kinds:
                yield each.name, each.kind, each.detail or each.relation or ""
        if "sequence" in kinds:  # MariaDB's are relations
            for name, relation in self._asked.catalog.relations(schema).items():
                if relation.kind == "sequence":
                    yield name, "sequence", relation.detail or ""
        if "index" in kinds:
            drops = self._place.words[self._place.frames[0].begin].lower == "drop"
            own = drops and self._asked.dialect.name != "mysql"  # elsewhere that of a key goes with its constraint
            for index in self._asked.catalog.all_indexes(schema):
                if index.origin == "index" or not own:
                    yield index.name, "index", index.relation

    def _on_relation(self, schema: str, relation: str, kinds: Collection[str]) -> Iterator[tuple[str, str, str]]:
        """Yield the same of what stands on a relation: indexes, and constraints as far as they are known."""
        for each in self._asked.catalog.indexes(schema, relation):
            if "index" in kinds or ("constraint" in kinds and each.origin != "index"):
                yield each.name, "index", ", ".join(column or "…" for column in each.columns)
        if "foreign" in kinds:
            for key in self._asked.catalog.foreign_keys(schema, relation):
                if key.name:
                    yield key.name, "foreign key", f"{', '.join(key.columns)} → {key.target_relation}"

    def add_schema(self, schema: str) -> None:
        """Add what stands behind the name of a schema."""
        what = self._asked.what
        wanted = what.wanted.one_of if what.wanted is not None else ()
        calls = (what.operand or what.routine) and not self._asked.writing.quote
        for order, each in enumerate(self._asked.catalog.objects(schema)):
            if each.kind in _ROUTINES and calls:
                self._function(each.name, each.signature, each.detail or "", 6.0, False, order)
            elif each.kind in wanted or (what.type and each.kind in _TYPES):
                self._found.add(each.name, each.kind, 4.0, order, detail=each.detail or "")


def _string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
