"""Saved queries: statements kept under a name, in folders, with tags; one with parameters is a template."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from alveary.errors import EmptyScriptError, InvalidInputError, NameTakenError, UnknownQueryError
from alveary.inputs import check_text
from alveary.sqltext import Dialect, parameters
from alveary.store.database import Store
from alveary.wire import SAFE, Small

_log = logging.getLogger(__name__)

LONGEST_NAME = 200
"""Characters of a name, of a folder in a path, or of a tag."""
LONGEST_TEXT = 10_000
"""Characters of a description."""
MOST_PARTS = 16
"""Folders in each other, the name included."""
MOST_TAGS = 100

Value: TypeAlias = bool | Small | float | str | None
"""What a parameter can have as its default; a larger integer is written as text, which every server reads."""


class SavedParameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parameter of a saved query, written ``:name`` there. One without a ``default`` must be given a value."""

    name: str
    default: Value | UnsetType = UNSET
    description: str | None = None


class SavedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A statement or a script that somebody keeps, character for character as it was written.

    ``path`` is its folder and its name with ``/`` between them. ``connection`` is the name of the saved connection it
    is meant for. Times are ISO 8601 in UTC.
    """

    id: str
    path: str
    folder: str
    name: str
    statement: str
    description: str | None
    tags: list[str]
    connection: str | None
    parameters: list[SavedParameter]
    created_at: str
    updated_at: str
    source: str | None = None
    """The project's file it stands in; None for one of the person's own."""


class SavedQueries:
    """The saved queries. Every method may be called from any thread but the window's, and raises what the store raises.

    Looking makes no store where there is none yet.
    """

    def __init__(self, store: Store, shared: Callable[[], Sequence[SavedQuery]] = tuple) -> None:
        """``shared`` are the queries of a project, which come behind those of the store."""
        self._store = store
        self._shared = shared

    def all(self, *, folder: str | None = None, tag: str | None = None, search: str | None = None) -> list[SavedQuery]:
        """Return the queries in a folder and those in it, with a tag, holding a text anywhere, by folder and name."""
        own = self._read("", ())
        taken = {each.path for each in own}
        shared = [each for each in self._shared() if each.path not in taken]
        found = sorted([*own, *shared], key=lambda each: (each.folder, each.name))
        if folder is not None:
            within = "/".join(_parts("folder", folder))
            found = [each for each in found if f"{each.folder}/".startswith(f"{within}/")]
        if tag is not None:
            found = [each for each in found if tag.casefold() in map(str.casefold, each.tags)]
        if search is not None:
            found = [each for each in found if search.casefold() in _everything(each)]
        return found

    def get(self, name: str) -> SavedQuery:
        """Return the query with this path or id; UnknownQueryError if there is none."""
        folder, _, last = name.strip("/").rpartition("/")
        found = self._read("where q.folder = ? and q.name = ? or q.id = ?", (folder, last, name))
        if not found:
            found = [each for each in self._shared() if name.strip("/") in (each.path, each.id)]
        if not found:
            raise self._unknown(name)
        return next((each for each in found if each.id != name), found[0])

    def save(
        self,
        path: str,
        statement: str,
        *,
        parameters: Sequence[SavedParameter] = (),
        description: str | None = None,
        tags: Iterable[str] = (),
        profile_id: str | None = None,
        replace: bool = False,
    ) -> SavedQuery:
        """Save a query under its folder and name; ``replace`` overwrites all of the one that has it, but not its id.

        Raises NameTakenError for a path that is taken, InvalidInputError or its kin for what can't be saved.
        """
        *folders, name = _parts("name", path)
        folder = "/".join(folders)
        check_text(statement)
        if not statement.strip():
            raise EmptyScriptError("there is no SQL to save", hint="give it as an argument, or with -f FILE")
        _check_text("description", description, LONGEST_TEXT)
        tags = _tags(tags)
        plain = msgspec.json.encode(parameters).decode()
        now = time.time_ns() // 1000
        with self._store.writing() as rows:
            taken = rows.execute(
                "select id from saved_queries where folder = ? and name = ?", (folder, name)
            ).fetchone()
            if taken is not None and not replace:
                raise NameTakenError(
                    f"a query is saved as {path!r} already", hint="choose another name, or --replace to overwrite it"
                )
            id = os.urandom(8).hex() if taken is None else taken[0]
            rows.execute(
                "insert into saved_queries (id, folder, name, statement, description, profile_id, parameters,"
                " created_at, updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do update set"
                " statement = excluded.statement, description = excluded.description,"
                " profile_id = excluded.profile_id, parameters = excluded.parameters, updated_at = excluded.updated_at",
                (id, folder, name, statement, description, profile_id, plain, now, now),
            )
            rows.execute("delete from saved_query_tags where query_id = ?", (id,))
            rows.executemany("insert into saved_query_tags (query_id, tag) values (?, ?)", [(id, tag) for tag in tags])
        return self.get(id)

    def delete(self, name: str) -> SavedQuery:
        """Delete the query with this path or id and return what it was; UnknownQueryError if there is none."""
        query = self.get(name)
        if query.source is not None:
            raise InvalidInputError(f"the query {query.path!r} stands in {query.source}", hint="change that file")
        with self._store.writing() as rows:
            rows.execute("delete from saved_queries where id = ?", (query.id,))
        return query

    def _read(self, where: str, values: tuple[str, ...]) -> list[SavedQuery]:
        if self._store.file is not None and not self._store.file.exists():
            return []
        with self._store.reading() as rows:
            tags: dict[str, list[str]] = {}
            for id, tag in rows.execute("select query_id, tag from saved_query_tags order by tag"):
                tags.setdefault(id, []).append(tag)
            found = rows.execute(
                "select q.id, q.folder, q.name, q.statement, q.description, p.name, q.parameters, q.created_at,"
                f" q.updated_at from saved_queries q left join profiles p on p.id = q.profile_id {where}"
                " order by q.folder, q.name",
                values,
            ).fetchall()
        return [_query(row, tags.get(row[0], [])) for row in found]

    def _unknown(self, name: str) -> UnknownQueryError:
        from difflib import get_close_matches

        paths = [each.path for each in self.all()]
        by_name = [path for path in paths if path.rpartition("/")[2] == name]
        near = by_name[:3] or get_close_matches(name, paths, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see: alveary queries list"
        return UnknownQueryError(f"no query is saved as {name!r}", hint=hint)


def parameters_of(
    statement: str, dialects: Iterable[Dialect], defaults: Mapping[str, Value], descriptions: Mapping[str, str]
) -> list[SavedParameter]:
    """Return the parameters of a statement, in order, each with its default and description.

    It is read in the first of the dialects in which it has all the parameters that are spoken of; InvalidInputError
    if there is none.
    """
    for name, value in defaults.items():
        _check_default(name, value)
    for name, text in descriptions.items():
        _check_text(f"the description of {name}", text, LONGEST_TEXT)
    spoken_of = [*defaults, *descriptions]
    readings = [list(dict.fromkeys(each.name for each in parameters(statement, dialect))) for dialect in dialects]
    names = next((names for names in readings if set(spoken_of) <= set(names)), None)
    if names is None:
        wrong = next(name for name in spoken_of if name not in readings[0])
        known = ", ".join(f":{name}" for name in readings[0])
        raise InvalidInputError(
            f"the query has no parameter :{wrong}", hint=f"it has {known}" if known else "it has none at all"
        )
    return [
        SavedParameter(name=name, default=defaults.get(name, UNSET), description=descriptions.get(name))
        for name in names
    ]


def _query(row: Sequence[Any], tags: list[str]) -> SavedQuery:
    id, folder, name, statement, description, connection, plain, created_at, updated_at = row
    return SavedQuery(
        id=id,
        path=f"{folder}/{name}" if folder else name,
        folder=folder,
        name=name,
        statement=statement,
        description=description,
        tags=tags,
        connection=connection,
        parameters=_parameters(id, plain),
        created_at=_iso(created_at),
        updated_at=_iso(updated_at),
    )


def _parameters(id: str, text: str) -> list[SavedParameter]:
    """Return a query's parameters; none where the cell was damaged, which must not hide the other queries."""
    try:
        return msgspec.json.decode(text, type=list[SavedParameter])
    except msgspec.MsgspecError as exc:
        _log.warning("the parameters of the saved query %s can't be read: %s", id, exc)
        return []


def _iso(microseconds: int) -> str:
    moment = datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _everything(query: SavedQuery) -> str:
    return "\n".join([query.path, query.statement, query.description or "", *query.tags]).casefold()


def _parts(what: str, path: str) -> list[str]:
    """Return the parts of a path; InvalidInputError for one that could not be told or typed."""
    if not path.strip():
        raise InvalidInputError(f"the {what} is empty")
    parts = path.split("/")
    if len(parts) > MOST_PARTS:
        raise InvalidInputError(f"the {what} has more than {MOST_PARTS} parts")
    for part in parts:
        _check_word(what, part)
    return parts


def _tags(tags: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(tags))
    if len(found) > MOST_TAGS:
        raise InvalidInputError(f"there are more than {MOST_TAGS} tags")
    for tag in found:
        _check_word("tag", tag)
    return found


def _check_word(what: str, word: str) -> None:
    if not word.strip():
        raise InvalidInputError(f"the {what} is empty, or a part of it is")
    if len(word) > LONGEST_NAME:
        raise InvalidInputError(f"the {what} is longer than {LONGEST_NAME} characters")
    if not word.isprintable() or word != word.strip():
        raise InvalidInputError(f"the {what} holds what can't be seen: {word!r}")
    if word.startswith("-"):
        raise InvalidInputError(f"the {what} begins with -, as an option does")


def _check_text(what: str, text: str | None, longest: int) -> None:
    if text is None:
        return
    if len(text) > longest:
        raise InvalidInputError(f"{what} is longer than {longest:,} characters")
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidInputError(f"{what} holds what is no text")


def _check_default(name: str, value: object) -> None:
    """Refuse a default that could not be kept and shown exactly."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, str):
        _check_text(f"the default of {name}", value, 1_000_000)
    elif isinstance(value, int) and abs(value) > SAFE:
        raise InvalidInputError(f"the default of {name} is too large for a number", hint="give it as text")
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidInputError(f"the default of {name} is no number")
