"""Suggests: gathers what fits the caret's place, weighs it, and writes the best of it as SQL."""

from __future__ import annotations

from alveary.contracts.completion import CompletionRequest, Suggestion
from alveary_plugins.completion.grammar import expected
from alveary_plugins.completion.reading import read_queries
from alveary_plugins.completion.scope import Scope
from alveary_plugins.completion.suggesting.asked import Asked
from alveary_plugins.completion.suggesting.candidates import Candidates
from alveary_plugins.completion.suggesting.columns import Columns
from alveary_plugins.completion.suggesting.objects import Objects
from alveary_plugins.completion.suggesting.relations import Relations
from alveary_plugins.completion.words import read


def suggest(request: CompletionRequest) -> list[Suggestion]:
    """Return what could stand at the caret, the best first."""
    writing = read(request.text, request.caret, request.dialect)
    if writing is None or writing.glued:
        return []
    place = read_queries(writing.words, request.text)
    if place is None:
        return []
    what = expected(place, writing, request.dialect.name)
    asked = Asked(request, writing, place, what, Scope(place, request.catalog, request.dialect),
                  Candidates(request, writing, place))  # fmt: skip
    _gather(asked)
    return asked.found.best()


def _gather(asked: Asked) -> None:
    what, found = asked.what, asked.found
    columns, relations, objects = Columns(asked), Relations(asked), Objects(asked)
    if asked.writing.after_dot:
        _gather_qualified(asked, columns, relations, objects)
        return
    if what.condition:
        relations.add_conditions()
    if what.target:
        columns.add_assignable()
    if what.listing:
        columns.add_listed()
    if what.operand:
        columns.add_in_scope()
        objects.add_functions(30.0)
    if what.any_column:
        columns.add_of_any()
    if what.windows:
        columns.add_windows()
    if what.aliases:
        columns.add_aliases()
    if what.relation:
        relations.add_relations()
        if asked.place.clause == "from" and what.wanted is None:
            objects.add_functions(45.0, only_tables=True)
    if what.type:
        objects.add_types()
    if what.routine:
        objects.add_routines()
        relations.add_schemas(9.0)
    if what.schema:
        relations.add_schemas(2.0, behind="")
    if what.wanted is not None:
        objects.add_wanted()
    if not asked.writing.quote:
        found.phrases(what.early, 16.0)
        found.phrases(what.words, 3.0 if what.leading else 34.0)


def _gather_qualified(asked: Asked, columns: Columns, relations: Relations, objects: Objects) -> None:
    """Gather what can stand behind a dot."""
    what, place, scope = asked.what, asked.place, asked.scope
    qualifiers = asked.writing.qualifiers
    if not qualifiers:
        return
    reads = what.relation or place.expects == "relation"
    if len(qualifiers) == 1 and not reads:
        name = qualifiers[0].name
        if what.condition or place.clause == "on":
            relations.add_conditions(name.lower())
        if (source := columns.named_source(name)) is not None:
            columns.add_qualified(scope.fields(source))
            return
    schema = relations.schema(qualifiers[-1].name)
    if (not reads or schema is None) and (fields := scope.of_relation(qualifiers)):
        columns.add_qualified(fields)
        if len(qualifiers) == 2:
            return
    if schema is not None:
        only = what.wanted.what if what.wanted is not None else ""
        if place.words[0].lower == "pragma":
            asked.found.phrases(what.words, 3.0)
        elif reads or what.operand or what.routine or what.type:
            relations.add_schema(schema, 2.0 if reads else 20.0, "", (), only)
        objects.add_schema(schema)
