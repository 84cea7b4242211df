"""Suggests: gathers what fits the caret's place, weighs it, and writes the best of it as SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from alveary.contracts.catalog import Relation
from alveary.contracts.completion import CompletionRequest, Suggestion
from alveary_plugins.completion.candidates import Candidates
from alveary_plugins.completion.functions import functions, types
from alveary_plugins.completion.grammar import Expected, expected
from alveary_plugins.completion.joins import Joins
from alveary_plugins.completion.names import fitting, written
from alveary_plugins.completion.reading import read_queries
from alveary_plugins.completion.scope import OWN_RELATIONS, Field, Scope
from alveary_plugins.completion.tree import Place, Source
from alveary_plugins.completion.words import CARET, Word, Writing, read

_ROUTINES = ("function", "procedure", "aggregate", "window function")
_TYPES = ("type", "enum", "domain", "composite", "range", "composite type", "range type", "enum type")
_ALL_AT_ONCE = 2
"""Columns from which on all of them are suggested as one."""


def suggest(request: CompletionRequest) -> list[Suggestion]:
    """Return what could stand at the caret, the best first."""
    writing = read(request.text, request.caret, request.dialect)
    if writing is None or writing.glued:
        return []
    place = read_queries(writing.words, request.text, writing.at)
    if place is None:
        return []
    return _Suggesting(request, writing, place).best()


class _Suggesting:
    """One request."""

    def __init__(self, request: CompletionRequest, writing: Writing, place: Place) -> None:
        self._request = request
        self._writing = writing
        self._place = place
        self._dialect = request.dialect
        self._catalog = request.catalog
        self._system = request.catalog.system_schemas
        self._scope = Scope(place, request.catalog, request.dialect)
        self._found = Candidates(request, writing, place)
        self._typed, self._upper = self._found.typed, self._found.upper
        self._joins = Joins(place, self._scope, request.dialect, upper=self._upper)

    def best(self) -> list[Suggestion]:
        """Return the best of everything that fits."""
        self._gather()
        return self._found.best()

    def _gather(self) -> None:
        what = expected(self._place, self._writing, self._dialect.name)
        if self._writing.after_dot:
            self._after_dot(what)
            return
        if what.condition:
            self._conditions()
        if what.target:
            self._target_columns()
        if what.listing:
            self._listed_columns(what)
        if what.operand:
            self._columns()
            self._functions(30.0)
        if what.aliases:
            self._aliases()
        if what.relation:
            self._relations(what)
        if what.type:
            self._types()
        if what.routine:
            self._routines()
        if what.schema:
            self._schemas(2.0, behind="")
        if what.wanted is not None:
            self._objects(what)
        if not self._writing.quote:
            self._keywords(what)

    def _keywords(self, what: Expected) -> None:
        self._found.phrases(what.early, 16.0)
        self._found.phrases(what.words, 3.0 if what.leading else 34.0)

    # -- columns -------------------------------------------------------------------------------------------------

    def _columns(self) -> None:
        """The columns in scope, with a qualifier where their name alone would be ambiguous, and what qualifies."""
        sources = self._sources()
        counted: dict[str, int] = {}
        fields = [(source, self._scope.fields(source)) for source in sources]
        nearest = set(map(id, self._place.query.sources)) | {id(self._place.query.target)}
        for source, found in fields:
            if id(source) in nearest:
                for field in found:
                    counted[field.name.lower()] = counted.get(field.name.lower(), 0) + 1
        shared = self._joined_by_using()
        seen: set[str] = set()
        for place, (source, found) in enumerate(fields):
            outer = 0.0 if id(source) in nearest else 6.0
            qualifier = source.name.text if source.name is not None else ""
            for order, field in enumerate(found):
                low = field.name.lower()
                many = counted.get(low, 1) > 1 and low not in shared
                if low in seen and (outer or not many):
                    continue
                seen.add(low)
                before = f"{qualifier}." if qualifier and (many or (outer and low in counted)) else ""
                detail = " · ".join(filter(None, [field.detail, qualifier if len(sources) > 1 else ""]))
                self._found.add(field.name, "column", 4.0 + outer, place * 1000 + order, detail=detail, before=before)
        for order, source in enumerate(sources):
            if source.name is not None and len(sources) > 0:
                self._found.add(source.name.name, "alias" if source.alias is not None else "table", 14.0, order,
                          detail=_origin(source), behind=".")  # fmt: skip
        if self._upserts():
            self._found.add("excluded", "alias", 8.0, detail="the row that was to be inserted", text="excluded.")

    def _upserts(self) -> bool:
        frame = self._place.frame
        inserts = frame.query.verb == "insert" and frame.clause in ("set", "where", "conflict")
        return inserts and self._dialect.name in ("postgres", "sqlite")

    def _sources(self) -> list[Source]:
        sources = self._scope.sources()
        wanted = self._about()
        if wanted is not None:
            sources = [*sources, Source(wanted)]
        return [*sources, *self._trigger_rows()]

    def _about(self) -> tuple[Word, ...] | None:
        """Return the relation that a statement is about that is no query."""
        what = (
            expected(self._place, self._writing, self._dialect.name).wanted if self._place.clause == "utility" else None
        )
        return what.about if what is not None and what.about and what.what == "expression" else None

    def _trigger_rows(self) -> list[Source]:
        """Return NEW and OLD, where a trigger's body is written."""
        words = self._writing.around
        if not words or not any(word.lower == "trigger" for word in words[:6]):
            return []
        for index, word in enumerate(words[:60]):
            if word.lower == "on" and index + 1 < len(words) and words[index + 1].is_name:
                path = [words[index + 1]]
                if index + 3 < len(words) and words[index + 2].lower == ".":
                    path.append(words[index + 3])
                return [Source(tuple(path), alias=path[0]._replace(text=row, lower=row)) for row in ("new", "old")]
        return []

    def _joined_by_using(self) -> set[str]:
        """Return the columns that USING makes one; NATURAL does so with all."""
        words = self._place.words
        found: set[str] = set()
        for index, word in enumerate(words[:-1]):
            if word.lower == "using" and words[index + 1].lower == "(":
                for name in words[index + 2 :]:
                    if name.lower == ")":
                        break
                    if name.is_name:
                        found.add(name.name.lower())
        return found

    def _aliases(self) -> None:
        for order, field in enumerate(self._scope.aliases(self._place.query)):
            self._found.add(field.name, "alias", 2.0, order, detail="named in the select list")
        if self._place.query.first is not None:
            for order, field in enumerate(self._scope.outputs(self._place.query)):
                self._found.add(field.name, "column", 3.0, order, detail=field.detail)

    def _target_columns(self) -> None:
        """The columns that SET can assign; those that it has are left out."""
        query = self._place.query
        if (target := query.target) is None:
            return
        taken = self._assigned()
        for order, field in enumerate(self._scope.fields(target)):
            if field.name.lower() not in taken:
                self._found.add(field.name, "column", 2.0, order, detail=field.detail)
        if self._dialect.name == "mysql" and len(query.sources) > 1:
            self._columns()

    def _assigned(self) -> set[str]:
        words, frame = self._place.words, self._place.frame
        found: set[str] = set()
        for index in range(frame.begin + 1, len(words)):
            if (
                words[index].lower == "="
                and words[index - 1].is_name
                and words[index - 2].lower in ("set", ",", "update")
            ):
                found.add(words[index - 1].name.lower())
        return found

    def _listed_columns(self, what: Expected) -> None:
        """The columns of what a list is about, and all of them at once."""
        frame, place = self._place.frame, self._place
        opens = place.clause == "insert" and frame.kind == "query"
        if what.wanted is not None:
            fields = self._scope.of_relation(what.wanted.about)
            taken: set[str] = set()
        else:
            source = place.query.target if opens else frame.about
            if source is None:
                return
            fields = self._scope.fields(source)
            taken = self._in_parentheses()
            if place.clause == "using":
                fields = self._common(source, fields)
        left = [field for field in fields if field.name.lower() not in taken]
        if opens or (place.clause == "insert list" and not taken):
            self._all_columns(left, opens=opens)
        if not opens:
            for order, field in enumerate(left):
                self._found.add(field.name, "column", 2.0, order, detail=field.detail)

    def _in_parentheses(self) -> set[str]:
        found: set[str] = set()
        depth = 0
        for word in self._place.words[self._place.frame.begin :]:
            depth += (word.lower == "(") - (word.lower == ")")
            if depth < 0:
                break
            if word.is_name:
                found.add(word.name.lower())
        return found

    def _all_columns(self, fields: Sequence[Field], *, opens: bool) -> None:
        names = [written(field.name, self._dialect) for field in fields if "generated" not in field.detail]
        if len(names) < _ALL_AT_ONCE or self._writing.quote:
            return
        text = ", ".join(names)
        if opens:
            into = " values ()" if not self._upper else " VALUES ()"
            self._found.add(f"({text})", "columns", 0.0, detail="all columns", text=f"({text}){into}",
                      caret=len(text) + 2 + len(into) - 1, match=f"({text}")  # fmt: skip
        else:
            self._found.add(text, "columns", 0.0, detail="all columns", text=text)

    def _common(self, source: Source, fields: list[Field]) -> list[Field]:
        """Return the columns that the sources before have, too."""
        others = {
            field.name.lower()
            for other in self._place.query.sources
            if other is not source
            for field in self._scope.fields(other)
        }
        return [field for field in fields if field.name.lower() in others]

    # -- joins ---------------------------------------------------------------------------------------------------

    def _conditions(self, qualifier: str = "") -> None:
        """Whole conditions of the join, from the foreign keys between what is joined and what stands before."""
        for order, text in enumerate(self._joins.conditions(qualifier)):
            self._found.add(text, "join", 0.0, order, detail="foreign key", text=text)

    def _write(self, name: str) -> str:
        return written(name, self._dialect)

    # -- relations -----------------------------------------------------------------------------------------------

    def _relations(self, what: Expected) -> None:
        place, scope = self._place, self._scope
        reads = place.clause in ("from", "update", "merge", "start", "utility") and (what.wanted is None)
        only = what.wanted.what if what.wanted is not None else ""
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
            system = schema in self._system
            if system and not self._typed:
                continue
            plain = schema in scope.unqualified
            base = 60.0 if system else 2.0 + min(order, 3) if plain else 12.0
            self._of_schema(schema, base, "" if plain else f"{self._write(schema)}.", related, only)
        for order, name in enumerate(OWN_RELATIONS.get(self._dialect.name, ()) if self._typed else ()):
            self._found.add(name, "table", 12.0, order, detail="of every database")
        self._schemas(9.0)
        if place.clause == "from" and reads:
            self._functions(45.0, only_tables=True)

    def _of_schema(
        self, schema: str, base: float, before: str, related: Collection[tuple[str, str]], only: str
    ) -> None:
        typed, relations = self._typed, self._catalog.relations(schema)
        most = self._request.limit
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

    def _schemas(self, base: float, behind: str = ".") -> None:
        for order, schema in enumerate(self._scope.schemas):
            weight = 20.0 if schema in self._system else 0.0
            self._found.add(schema, "schema", base + weight, order, behind=behind)

    # -- functions, types, other objects --------------------------------------------------------------------------

    def _functions(self, base: float, *, only_tables: bool = False) -> None:
        opened = self._place.words[self._place.at + 1 : self._place.at + 2]
        is_open = bool(opened) and opened[0].lower == "(" and opened[0].start == self._writing.end
        if self._writing.quote:
            return
        seen: set[tuple[str, str]] = set()
        for schema in self._scope.schemas:
            own = -8.0 if schema not in self._system else 4.0
            for each in self._catalog.objects(schema) if self._typed or own < 0 else ():
                if each.kind not in ("function", "aggregate", "window function"):
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
        for order, function in enumerate(functions(self._dialect.name)):
            if function.name in known or (only_tables and not function.returns.startswith(("setof", "table"))):
                continue
            self._function(function.name, function.signature, function.returns, base, is_open, order)

    def _function(self, name: str, signature: str, returns: str, base: float, is_open: bool, order: int = 0) -> None:
        text = written(name, self._dialect) if name not in _SPOKEN else name
        if self._upper and text.islower() and name in _SPOKEN:
            text = text.upper()
        detail = f"({signature})" + (f" → {returns}" if returns else "")
        behind = "" if is_open else "()"
        caret = None if is_open or not signature else len(text) + 1
        self._found.add(name, "function", base, order, detail=detail, text=text, behind=behind, caret=caret)

    def _routines(self) -> None:
        for schema in self._scope.schemas:
            for order, each in enumerate(self._catalog.objects(schema)):
                if each.kind in _ROUTINES:
                    base = 2.0 if each.kind == "procedure" else 4.0
                    self._function(each.name, each.signature, each.detail or "", base, False, order)
        self._schemas(9.0)

    def _types(self) -> None:
        for order, name in enumerate(types(self._dialect.name)):
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
            if schema in self._system:
                continue
            for order, each in enumerate(self._catalog.objects(schema)):
                if each.kind in _TYPES:
                    self._found.add(each.name, each.kind, 2.5, order, detail=each.detail or "")

    def _objects(self, what: Expected) -> None:
        wanted = what.wanted
        assert wanted is not None, "it was looked at before"
        if wanted.what == "defined":
            for order, word in enumerate(wanted.about):
                self._found.add(word.name, "column", 2.0, order, text=word.text)
        if wanted.one_of:
            for schema in self._scope.schemas:
                for order, each in enumerate(self._catalog.objects(schema)):
                    if each.kind in wanted.one_of:
                        self._found.add(each.name, each.kind, 2.0, order, detail=each.detail or each.relation or "")

    # -- after a dot ---------------------------------------------------------------------------------------------

    def _after_dot(self, what: Expected) -> None:
        qualifiers = self._writing.qualifiers
        if not qualifiers:
            return
        relations = what.relation or self._place.expects == "relation"
        if len(qualifiers) == 1 and not relations:
            name = qualifiers[0].name
            if what.condition or self._place.clause == "on":
                self._conditions(name.lower())
            if (source := self._named_source(name)) is not None:
                self._qualified(self._scope.fields(source))
                return
        schema = self._schema(qualifiers[-1].name)
        if (not relations or schema is None) and (fields := self._scope.of_relation(qualifiers)):
            self._qualified(fields)
            if len(qualifiers) == 2:
                return
        if schema is not None:
            only = what.wanted.what if what.wanted is not None else ""
            if self._place.words[0].lower == "pragma":
                self._found.phrases(what.words, 3.0)
            elif relations or what.operand or what.routine or what.type:
                self._of_schema(schema, 2.0 if relations else 20.0, "", (), only)
            self._objects_of(schema, what)

    def _named_source(self, name: str) -> Source | None:
        if (found := self._scope.source(name)) is not None:
            return found
        if name.lower() == "excluded" and self._upserts():
            return self._place.query.target
        for row in self._trigger_rows():
            if row.alias is not None and row.alias.name.lower() == name.lower():
                return row
        return None

    def _qualified(self, fields: Iterable[Field]) -> None:
        for order, field in enumerate(fields):
            self._found.add(field.name, "column", 4.0, order, detail=field.detail)
        if self._place.clause in ("select", "returning") and not self._typed and not self._writing.quote:
            self._found.add("*", "keyword", 40.0, text="*")

    def _schema(self, name: str) -> str | None:
        for schema in self._scope.schemas:
            if schema == name:
                return schema
        return next((each for each in self._scope.schemas if each.lower() == name.lower()), None)

    def _objects_of(self, schema: str, what: Expected) -> None:
        wanted = what.wanted.one_of if what.wanted is not None else ()
        for order, each in enumerate(self._catalog.objects(schema)):
            if each.kind in _ROUTINES and (what.operand or what.routine) and not self._writing.quote:
                self._function(each.name, each.signature, each.detail or "", 6.0, False, order)
            elif each.kind in wanted or (what.type and each.kind in _TYPES):
                self._found.add(each.name, each.kind, 4.0, order, detail=each.detail or "")


_SPOKEN_TEXT = """
coalesce nullif greatest least extract substring position overlay trim row_number rank dense_rank percent_rank cume_dist
ntile lag lead first_value last_value nth_value grouping left right replace if insert values mod normalize json_object
json_array json_value json_table json_arrayagg json_objectagg utc_timestamp convert char database schema user any_value
default format glob like date time year count sum avg min max repeat truncate interval
"""
_SPOKEN = frozenset(_SPOKEN_TEXT.split())
"""Functions whose names are words of the language: in quotes they would be other functions, or none."""


def _origin(source: Source) -> str:
    if source.query is not None:
        return "subquery"
    path = ".".join(word.text for word in source.path)
    return path if source.alias is not None else ""


def _about_relation(relation: Relation, before: str) -> str:
    rows = f"~{relation.rows:,} rows" if relation.rows is not None and relation.rows > 0 else ""
    return " · ".join(filter(None, [before.rstrip("."), rows, (relation.comment or "").split("\n")[0][:80]]))


def _is_kind(relation: Relation, only: str) -> bool:
    if only == "table":
        return "view" not in relation.kind
    return only != "view" or "view" in relation.kind
