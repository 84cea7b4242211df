"""Columns: those in scope, those that a statement writes to, and those that a list is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from alveary_plugins.completion.names import fitting, written
from alveary_plugins.completion.scope import Field
from alveary_plugins.completion.suggesting.asked import Asked
from alveary_plugins.completion.tree import Source

_OF_ANY = 34.0
_ALL_AT_ONCE = 2
"""Columns from which on all of them are suggested as one."""


class Columns:
    """The columns for one request."""

    def __init__(self, asked: Asked) -> None:
        self._asked, self._place, self._scope, self._found = asked, asked.place, asked.scope, asked.found

    def add_in_scope(self) -> None:
        """Add the columns in scope, with a qualifier where their name alone would be ambiguous, and what qualifies."""
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
            if source.name is not None:
                self._found.add(source.name.name, "alias" if source.alias is not None else "table", 14.0, order,
                          detail=_origin(source), behind=".")  # fmt: skip
        if self._upserts():
            self._found.add("excluded", "alias", 8.0, detail="the row that was to be inserted", text="excluded.")

    def _upserts(self) -> bool:
        frame = self._place.frame
        inserts = frame.query.verb == "insert" and frame.clause in ("set", "where", "conflict")
        return inserts and self._asked.dialect.name in ("postgres", "sqlite")

    def _sources(self) -> list[Source]:
        wanted = self._asked.what.wanted  # what a statement is about that is no query
        about = wanted.about if wanted is not None and wanted.what == "expression" else ()
        return [*self._scope.sources(), *([Source(about)] if about else []), *self._trigger_rows()]

    def _trigger_rows(self) -> list[Source]:
        """Return NEW and OLD, where a trigger's body is written."""
        words = self._asked.writing.around
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

    def add_of_any(self) -> None:
        """Add columns of all that is known, for nothing is read from yet: once something is typed, behind functions."""
        for schema in self._scope.schemas if self._found.typed else ():
            if schema not in self._asked.system:
                names = self._asked.catalog.column_names(schema)
                for order, name in enumerate(fitting(self._found.typed, names, self._asked.request.limit)):
                    relation, kind = names[name]
                    self._found.add(name, "column", _OF_ANY, order, detail=f"{kind} · {relation}")

    def add_windows(self) -> None:
        """Add the windows that the query names."""
        words = self._place.words
        begin = next(
            (at for at in range(self._place.query.begin, len(words)) if words[at].lower == "window"), len(words)
        )
        for at in range(begin + 1, len(words) - 2):
            if words[at].is_name and words[at - 1].lower in ("window", ",") and words[at + 1].lower == "as":
                self._found.add(words[at].name, "window", 2.0, at, text=words[at].text)

    def add_aliases(self) -> None:
        """Add the names that the select list gives, and what a UNION returns."""
        for order, field in enumerate(self._scope.aliases(self._place.query)):
            self._found.add(field.name, "alias", 2.0, order, detail="named in the select list")
        if self._place.query.first is not None:
            for order, field in enumerate(self._scope.outputs(self._place.query)):
                self._found.add(field.name, "column", 3.0, order, detail=field.detail)

    def add_assignable(self) -> None:
        """Add the columns that SET can assign; those that it has are left out."""
        query = self._place.query
        if (target := query.target) is None:
            return
        taken = self._assigned()
        for order, field in enumerate(self._scope.fields(target)):
            if field.name.lower() not in taken and field.filled != "computed":
                self._found.add(field.name, "column", 2.0, order, detail=field.detail)
        if self._asked.dialect.name == "mysql" and len(query.sources) > 1:
            self.add_in_scope()

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

    def add_listed(self) -> None:
        """Add the columns of what a list is about, and all of them at once."""
        frame, place = self._place.frame, self._place
        opens = place.clause == "insert" and frame.kind == "query"
        if self._asked.what.wanted is not None:
            fields = self._scope.of_relation(self._asked.what.wanted.about)
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
        if opens or place.clause == "insert list":
            left = [field for field in left if field.filled != "computed"]
            if opens or not taken:
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
        wanted = (field.name for field in fields if not field.filled and not field.hidden)
        names = [written(name, self._asked.dialect) for name in wanted]
        if len(names) < _ALL_AT_ONCE or self._asked.writing.quote:
            return
        text = ", ".join(names)
        if opens:
            into = " values ()" if not self._found.upper else " VALUES ()"
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

    def named_source(self, name: str) -> Source | None:
        """Return what a name before a dot qualifies the columns of."""
        if (found := self._scope.source(name)) is not None:
            return found
        if name.lower() == "excluded" and self._upserts():
            return self._place.query.target
        for row in self._trigger_rows():
            if row.alias is not None and row.alias.name.lower() == name.lower():
                return row
        return None

    def add_qualified(self, fields: Iterable[Field]) -> None:
        """Add the columns behind a dot."""
        for order, field in enumerate(fields):
            self._found.add(field.name, "column", 4.0, order, detail=field.detail)
        if self._place.clause in ("select", "returning") and not self._found.typed and not self._asked.writing.quote:
            self._found.add("*", "keyword", 40.0, text="*")


def _origin(source: Source) -> str:
    if source.query is not None:
        return "subquery"
    path = ".".join(word.text for word in source.path)
    return path if source.alias is not None else ""
