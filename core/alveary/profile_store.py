"""The saved connections and their groups: kept in the store, found by name, in a person's own order."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from alveary.contracts.vault import SecretKey
from alveary.errors import (
    InvalidInputError,
    NameTakenError,
    ProjectFileError,
    StorageError,
    UnknownConnectionError,
    UnknownGroupError,
)
from alveary.profiles import DEEPEST, Profile, check_color, check_name, group_path, name_key, profile_from
from alveary.project import FILE, Project
from alveary.store.database import Store

if TYPE_CHECKING:
    import sqlite3

_PLAIN = re.compile(r"[\w .-]{1,64}")
_SELECT = "select id, name, group_id, content from profiles"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of saved connections; ``path`` holds the names of those above it, too, separated by ``/``."""

    id: str
    path: str
    color: str | None


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A saved connection as it stands in the list; without a ``profile`` it can't be read, and ``problem`` says why."""

    id: str
    name: str
    group: str
    profile: Profile | None = None
    problem: str | None = None
    source: str | None = None
    """The project's file it stands in; None for one of the person's own."""


class _SecretsOnly(msgspec.Struct):
    secrets: dict[str, str] = {}


class ProfileStore:
    """The saved connections. Every method may be called from any thread and raises what the store raises.

    Looking makes no store where there is none yet.
    """

    def __init__(self, store: Store, project: Callable[[], Project | None] = lambda: None) -> None:
        """``project`` is asked for the connections of a project's file, which come behind those of the store."""
        self._store = store
        self._project = project

    # -- looking -------------------------------------------------------------------------------------------------

    def all(self) -> list[Saved]:
        """Return every saved connection: those without a group, then group by group, then those of the project."""
        own = self._own()
        taken = {name_key(each.name) for each in own}
        try:
            project = self._project()
        except ProjectFileError as exc:  # which hides nobody's own
            return [*own, Saved(id="", name=FILE, group="", problem=exc.message)]
        if project is None:
            return own
        return own + [
            Saved(id=each.id, name=each.name, group=each.group, profile=each, source=project.file)
            for each in project.profiles
            if name_key(each.name) not in taken
        ]

    def own(self) -> list[Profile]:
        """Return one's own connections, those that can be read."""
        return [each.profile for each in self._own() if each.profile is not None]

    def _own(self) -> list[Saved]:
        if not self._is_made():
            return []
        with self._store.reading() as connection:
            groups = _Groups(connection)
            rows = connection.execute(f"{_SELECT} order by position, name, id").fetchall()
        places = {id: place for place, id in enumerate(groups.in_order())}
        rows.sort(key=lambda row: places.get(row[2], -1))
        return [_saved(row, groups) for row in rows]

    def find(self, name: str) -> Profile | None:
        """Return the connection saved under a name, in any case; StorageError for one that can't be read."""
        if self._is_made():
            with self._store.reading() as connection:
                if (row := _row(connection, name)) is not None:
                    return _profile(row, _Groups(connection))
        project = self._project()
        return None if project is None else project.find(name)

    def get(self, name: str) -> Profile:
        """Return the connection saved under a name; UnknownConnectionError if there is none."""
        if (profile := self.find(name)) is None:
            raise self._unknown(name)
        return profile

    def by_id(self, id: str) -> Profile | None:
        """Return the connection with this id."""
        if self._is_made():
            with self._store.reading() as connection:
                row = connection.execute(f"{_SELECT} where id = ?", (id,)).fetchone()
                if row is not None:
                    return _profile(row, _Groups(connection))
        project = self._project()
        profiles = project.profiles if project is not None else ()
        return next((each for each in profiles if each.id == id), None)

    def refuse_project(self, name: str) -> None:
        """Raise InvalidInputError, saying what to do instead, for a connection that stands in a project's file."""
        project = self._project()
        if project is None or (profile := project.find(name)) is None or self.is_own(name):
            return
        raise InvalidInputError(
            f"{profile.name!r} stands in {project.file}, which is the team's; it is changed with an editor",
            hint=f"alveary connections copy {profile.name} {profile.name} makes one of your own, which comes first",
        )

    def is_own(self, name: str) -> bool:
        """Return whether a connection of this name stands in the store."""
        if not self._is_made():
            return False
        with self._store.reading() as connection:
            return _row(connection, name) is not None

    def secrets_of(self, id: str) -> dict[str, str]:
        """Return which vault keeps which secret of a connection, by kind, of one that can't be read, too."""
        if not self._is_made():
            return {}
        with self._store.reading() as connection:
            row = connection.execute("select content from profiles where id = ?", (id,)).fetchone()
        try:
            return {} if row is None else msgspec.json.decode(row[0], type=_SecretsOnly).secrets
        except msgspec.MsgspecError:
            return {}

    def id_of(self, name: str) -> str:
        """Return the id of a connection, of one that can't be read, too; UnknownConnectionError if there is none."""
        row = None
        if self._is_made():
            with self._store.reading() as connection:
                row = _row(connection, name)
        if row is None:
            self.refuse_project(name)
            raise self._unknown(name)
        return str(row[0])

    # -- changing ------------------------------------------------------------------------------------------------

    def add(self, profile: Profile) -> Profile:
        """Save a new connection as the last of its group, which is made if need be; NameTakenError for its name."""
        self.add_all([profile])
        return profile

    def add_all(self, profiles: Sequence[Profile]) -> None:
        """Save new connections, as :meth:`add` does one: all of them, or with its error none."""
        with self._store.writing() as connection:
            for profile in profiles:
                _refuse_taken(connection, profile)
                group = _Groups(connection).made(profile.group)
                position = _count(connection, "profiles", "group_id", group)
                now = time.time_ns() // 1000
                connection.execute(
                    "insert into profiles (id, name, group_id, position, content, created_at, updated_at)"
                    " values (?, ?, ?, ?, ?, ?, ?)",
                    (profile.id, profile.name, group, position, _content(profile), now, now),
                )

    def change(self, id: str, change: Callable[[Profile], Profile]) -> Profile:
        """Replace a connection by what ``change`` makes of it; nobody else's change comes in between."""
        with self._store.writing() as connection:
            row = connection.execute(f"{_SELECT} where id = ?", (id,)).fetchone()
            if row is None:
                raise UnknownConnectionError("the connection has been removed")
            groups = _Groups(connection)
            profile = change(_profile(row, groups))
            if profile.id != id:
                raise InvalidInputError("id: it can't be changed")
            _refuse_taken(connection, profile)
            group = groups.made(profile.group)
            connection.execute(
                "update profiles set name = ?, content = ?, updated_at = ? where id = ?",
                (profile.name, _content(profile), time.time_ns() // 1000, id),
            )
            if group != row[2]:
                position = _count(connection, "profiles", "group_id", group)
                connection.execute("update profiles set group_id = ?, position = ? where id = ?", (group, position, id))
        return profile

    def note_secret(self, key: SecretKey, vault: str | None) -> None:
        """Note which vault keeps a secret of a connection; None for no vault any more."""

        def noted(profile: Profile) -> Profile:
            secrets = {kind: kept for kind, kept in profile.secrets.items() if kind != key.kind}
            return msgspec.structs.replace(profile, secrets=secrets | ({key.kind: vault} if vault else {}))

        self.change(key.profile_id, noted)

    def move(self, id: str, position: int) -> None:
        """Put a connection at a place among those of its group, counted from 0."""
        with self._store.writing() as connection:
            row = connection.execute("select group_id from profiles where id = ?", (id,)).fetchone()
            if row is None:
                raise UnknownConnectionError("the connection has been removed")
            _reorder(connection, "profiles", "group_id", row[0], id, position)

    def remove(self, id: str) -> None:
        """Remove a connection; without one, do nothing. Its secrets are the business of whoever calls."""
        with self._store.writing() as connection:
            connection.execute("delete from profiles where id = ?", (id,))

    # -- groups --------------------------------------------------------------------------------------------------

    def groups(self) -> list[Group]:
        """Return every group, each after the one it stands in."""
        if not self._is_made():
            return []
        with self._store.reading() as connection:
            groups = _Groups(connection)
            return [groups.group(id) for id in groups.in_order()]

    def group(self, path: str) -> Group:
        """Return the group of a path, each name in any case; UnknownGroupError if there is none."""
        names = [name.casefold() for name in path.split("/")]
        groups = self.groups()
        for group in groups:
            if [name.casefold() for name in group.path.split("/")] == names:
                return group
        raise _no_group(path, [group.path for group in groups])

    def make_group(self, path: str) -> Group:
        """Return the group of a path such as ``"Work/EU"``, made if need be."""
        with self._store.writing() as connection:
            groups = _Groups(connection)
            id = groups.made(path)
            assert id is not None, "an empty path is refused"
            return groups.group(id)

    def change_group(
        self,
        path: str,
        *,
        name: str | None = None,
        parent: str | None = None,
        position: int | None = None,
        color: str | None = None,
    ) -> Group:
        """Rename a group, move it into another one ("" for none), put it at a place among its neighbours, colour it.

        ``position`` counts from 0; ``color`` "" takes the colour away. What is None stays as it is.
        """
        with self._store.writing() as connection:
            groups = _Groups(connection)
            id = groups.id_of(path)
            if parent is not None:
                above = groups.made(parent) if parent else None
                if above is not None and id in groups.line(above):
                    raise InvalidInputError("parent: a group can't stand inside itself")
                if groups.height(id) + len(groups.line(above)) > DEEPEST:
                    raise InvalidInputError(f"parent: the groups would be more than {DEEPEST} levels deep")
                groups.refuse_taken(above, name or groups.name(id), id)
                if above != groups.parent(id):
                    place = _count(connection, "profile_groups", "parent_id", above)
                    connection.execute(
                        "update profile_groups set parent_id = ?, position = ? where id = ?", (above, place, id)
                    )
                groups = _Groups(connection)
            if name is not None:
                check_name("name", name)
                if "/" in name:
                    raise InvalidInputError("name: the name of one group holds no /", hint="parent moves a group")
                groups.refuse_taken(groups.parent(id), name, id)
                connection.execute("update profile_groups set name = ? where id = ?", (name, id))
            if color is not None:
                check_color(color or None)
                connection.execute("update profile_groups set color = ? where id = ?", (color or None, id))
            if position is not None:
                _reorder(connection, "profile_groups", "parent_id", groups.parent(id), id, position)
            return _Groups(connection).group(id)

    def remove_group(self, path: str) -> None:
        """Remove a group; the groups and connections in it move up to where it stood, behind those that are there."""
        with self._store.writing() as connection:
            groups = _Groups(connection)
            id = groups.id_of(path)
            above = groups.parent(id)
            for child in groups.children(id):
                groups.refuse_taken(above, groups.name(child), child, without=id)
            for table, column in (("profile_groups", "parent_id"), ("profiles", "group_id")):
                last = _count(connection, table, column, above)
                connection.execute(
                    f"update {table} set {column} = ?, position = position + ? where {column} = ?", (above, last, id)
                )
            connection.execute("delete from profile_groups where id = ?", (id,))

    def _is_made(self) -> bool:
        return self._store.file is None or self._store.file.exists()

    def _unknown(self, name: str) -> UnknownConnectionError:
        from difflib import get_close_matches

        names = [saved.name for saved in self.all()]
        near = get_close_matches(name, names, 3) or names[:10]
        # Not repeated if it may be a URL gone wrong, password and all.
        shown = f"as {name!r}" if _PLAIN.fullmatch(name) else "under that name"
        return UnknownConnectionError(
            f"no connection is saved {shown}",
            hint=f"there is {', '.join(near)}" if near else "save one with: alveary connections add NAME URL",
        )


class _Groups:
    """The groups as they are inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rows = connection.execute("select id, parent_id, name, color from profile_groups order by position, name, id")
        self._rows = {str(id): (parent, str(name), color) for id, parent, name, color in rows}

    def group(self, id: str) -> Group:
        return Group(id=id, path=self.path(id), color=self._rows[id][2])

    def name(self, id: str) -> str:
        return self._rows[id][1]

    def parent(self, id: str) -> str | None:
        parent: str | None = self._rows[id][0]
        return parent

    def children(self, id: str | None) -> list[str]:
        return [child for child, (parent, _, _) in self._rows.items() if parent == id]

    def line(self, id: str | None) -> list[str]:
        """Return a group and those it stands in, the outermost first."""
        line: list[str] = []
        while id in self._rows and id not in line:
            line.insert(0, id)
            id = self._rows[id][0]
        return line

    def height(self, id: str) -> int:
        """Return how many levels a group and what stands in it have."""
        return 1 + max((self.height(child) for child in self.children(id)), default=0)

    def path(self, id: str | None) -> str:
        return "/".join(self._rows[each][1] for each in self.line(id))

    def in_order(self, parent: str | None = None) -> list[str]:
        """Return every group below one, each after the one it stands in."""
        return [each for child in self.children(parent) for each in (child, *self.in_order(child))]

    def find(self, names: Sequence[str]) -> str | None:
        """Return the group of a path, each name in any case."""
        id: str | None = None
        for name in names:
            id = next((child for child in self.children(id) if name_key(self.name(child)) == name_key(name)), None)
            if id is None:
                return None
        return id

    def id_of(self, path: str) -> str:
        if (id := self.find(path.split("/"))) is None:
            raise _no_group(path, [self.path(each) for each in self.in_order()])
        return id

    def made(self, path: str) -> str | None:
        """Return the group of a path, made if need be; None for ""."""
        above: str | None = None
        for name in group_path(path) if path else ():
            found = next(
                (child for child in self.children(above) if name_key(self.name(child)) == name_key(name)), None
            )
            if found is None:
                found = os.urandom(8).hex()
                position = _count(self._connection, "profile_groups", "parent_id", above)
                self._connection.execute(
                    "insert into profile_groups (id, parent_id, name, position) values (?, ?, ?, ?)",
                    (found, above, name, position),
                )
                self._rows[found] = (above, name, None)
            above = found
        return above

    def refuse_taken(self, parent: str | None, name: str, id: str, *, without: str | None = None) -> None:
        """Raise NameTakenError if another group has a name among those of one parent."""
        for other in self.children(parent):
            if other not in (id, without) and name_key(self.name(other)) == name_key(name):
                raise NameTakenError(f"there is a group {self.path(other)!r} already", hint="rename one of the two")


def _no_group(path: str, paths: list[str]) -> UnknownGroupError:
    return UnknownGroupError(f"there is no group {path!r}", hint=f"groups: {', '.join(paths) or 'none'}")


def _row(connection: sqlite3.Connection, name: str) -> tuple[str, ...] | None:
    row: tuple[str, ...] | None = connection.execute(f"{_SELECT} where name = ?", (name,)).fetchone()
    if row is None and not name.isascii():  # SQLite knows no other letters that come in two cases
        rows = connection.execute(_SELECT)
        row = next((each for each in rows if name_key(each[1]) == name_key(name)), None)
    return row


def _refuse_taken(connection: sqlite3.Connection, profile: Profile) -> None:
    row = _row(connection, profile.name)
    if row is not None and row[0] != profile.id:
        raise NameTakenError(f"name: a connection is saved as {row[1]!r} already", hint="choose another name")


def _count(connection: sqlite3.Connection, table: str, column: str, id: str | None) -> int:
    """Return the position behind the last one among the children of a group."""
    found = connection.execute(f"select coalesce(max(position) + 1, 0) from {table} where {column} is ?", (id,))
    return int(found.fetchone()[0])


def _reorder(
    connection: sqlite3.Connection, table: str, column: str, parent: str | None, id: str, position: int
) -> None:
    rows = connection.execute(f"select id from {table} where {column} is ? order by position, name, id", (parent,))
    ids = [row[0] for row in rows if row[0] != id]
    ids.insert(max(0, position), id)
    connection.executemany(
        f"update {table} set position = ? where id = ?", [(place, each) for place, each in enumerate(ids)]
    )


def _content(profile: Profile) -> str:
    """Return what has no column of its own as JSON; raises InvalidInputError for a field of a wrong type."""
    plain = msgspec.to_builtins(profile)
    profile_from(plain)  # whoever made it may not have been checked by a type checker
    return msgspec.json.encode({key: plain[key] for key in plain if key not in ("id", "name", "group")}).decode()


def _profile(row: Sequence[str], groups: _Groups) -> Profile:
    id, name, group, content = row
    try:
        fields = msgspec.json.decode(content, type=dict[str, Any])
        return profile_from({**fields, "id": id, "name": name, "group": groups.path(group)})
    except (msgspec.MsgspecError, InvalidInputError, TypeError, ValueError, RecursionError) as exc:
        raise StorageError(
            f"the saved connection {name!r} can't be read: {exc}",
            hint="remove it, or update Alveary if a newer version saved it",
        ) from exc


def _saved(row: Sequence[str], groups: _Groups) -> Saved:
    profile, problem = None, None
    try:
        profile = _profile(row, groups)
    except StorageError as exc:
        problem = exc.message
    return Saved(id=row[0], name=row[1], group=groups.path(row[2]), profile=profile, problem=problem)
