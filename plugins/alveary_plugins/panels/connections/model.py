"""The tree of databases: groups and saved connections in their order, what else is open, and how each stands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from alveary.commands.connections import Listed, Listing
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import AlvearyError
from alveary.events import SessionState
from alveary.plugins import Registry
from alveary.pool import PoolState, lives_in_its_session
from alveary.profile_store import Group
from alveary.profiles import COLORS
from alveary.sessions import Session
from alveary.urls import url_of
from alveary_plugins.panels.catalog.model import (
    Database,
    Dependents,
    Failed,
    Folder,
    Objects,
    Part,
    Schema,
    Server,
    Table,
    Thing,
)
from alveary_shell.themes import ENVIRONMENTS
from alveary_shell.widgets.tree_rows import Badge, Node

BADGES = {
    environment: Badge({"production": "PROD"}.get(environment, environment.upper()), role)
    for environment, role in ENVIRONMENTS.items()
}
_LIGHTS = {SessionState.CONNECTING: "warning", SessionState.UNVERIFIED: "warning", SessionState.BROKEN: "danger"}


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved connection."""

    listed: Listed
    database: Database


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A database that is open somewhere and not saved."""

    target: Target
    database: Database


class Databases:
    """The nodes above the catalogs. What was read below them stays as long as it leads to the same database."""

    def __init__(self, drivers: Registry[DriverSpec], closed: Iterable[str] = ()) -> None:
        """``closed`` are the ids of the groups that a person has closed; all others are open."""
        self.roots: list[Node] = []
        self.groups: list[Group] = []
        self.connections: list[Listed] = []
        self._drivers = drivers
        self._closed = set(closed)
        self._nodes: dict[str, Node] = {}

    @property
    def closed(self) -> list[str]:
        """The ids of the groups that are closed."""
        shown = {group.id for group in self.groups}
        closed = {group.id for group in self.groups if (node := self._nodes.get(group.id)) and not node.open}
        return sorted((self._closed - shown) | closed)

    def take(self, listing: Listing) -> None:
        """Take what is saved."""
        self.groups, self.connections = listing.groups, listing.connections

    def arrange(self, sessions: Sequence[Session], pools: Iterable[PoolState]) -> None:
        """Bring the nodes up to date: what is saved, what of the rest is open, and what is connected to each."""
        before, self._nodes = self._nodes, {}
        self.roots = []
        by_path: dict[str, list[Node]] = {"": self.roots}
        groups: dict[str, Node] = {}
        for group in self.groups:
            node = self._group(group, before)
            by_path[group.path] = node.children = []
            groups[group.path] = node
            self._put(node, groups.get(group.path.rpartition("/")[0]), by_path[group.path.rpartition("/")[0]])
        for listed in self.connections:
            node = self._saved(listed, before)
            self._put(node, groups.get(listed.group), by_path.get(listed.group, self.roots))
        for session in sessions:
            if session.target.profile_id is None and session.state is not SessionState.CONNECTING:
                node = self._unsaved(session, before)
                if node not in self.roots:
                    self._put(node, None, self.roots)
        self._light(sessions, {pool.target: pool.open for pool in pools})

    def _put(self, node: Node, parent: Node | None, among: list[Node]) -> None:
        node.parent = parent
        among.append(node)
        # Groups come before what stands among them.
        among.sort(key=lambda each: not isinstance(each.data, Group))

    def _group(self, group: Group, before: dict[str, Node]) -> Node:
        name = group.path.rpartition("/")[2]
        node = before.get(group.id) or Node(key=group.id, text=name, icon="folder2", open=group.id not in self._closed)
        node.text, node.folded, node.data = name, name.casefold(), group
        node.color = color_of(group.color)
        self._nodes[group.id] = node
        return node

    def _saved(self, listed: Listed, before: dict[str, Node]) -> Node:
        driver = self._drivers.find(listed.driver or "")
        database = Database(listed.name, is_file=driver is not None and driver.file_based)
        node = before.get(listed.id) or Node(key=listed.id, text=listed.name)
        known = node.data.listed if isinstance(node.data, Saved) else None
        if known is not None and _leads(known) != _leads(listed):
            node.children, node.open = None, False
        node.text, node.folded, node.data = listed.name, listed.name.casefold(), Saved(listed, database)
        node.icon, node.icon_role = ("hdd" if database.is_file else "database"), "accent"
        node.role = "text"
        node.color = color_of(listed.color)
        node.badge = BADGES.get(listed.environment or "")
        node.detail = "read-only" if listed.read_only else ""
        node.tip = _address(listed, driver)
        if listed.problem is not None:
            node.icon, node.icon_role, node.role = "exclamation-triangle", "warning", "muted"
            node.tip = listed.problem
        self._nodes[listed.id] = node
        return node

    def _unsaved(self, session: Session, before: dict[str, Node]) -> Node:
        target = session.target
        in_memory = lives_in_its_session(target, session.driver)
        if target.read_only:
            writable = msgspec.structs.replace(target, read_only=False)
            if (same := identity(writable)) in self._nodes or same in before:
                target = writable  # what only reads may be a page of a database that is shown already
        key = session.id if in_memory else identity(target)
        if key in self._nodes:
            return self._nodes[key]
        text = short_name(target, session.driver)
        node = before.get(key) or Node(key=key, text=text)
        before_session = node.data.database.session if isinstance(node.data, Unsaved) else None
        if before_session is None or before_session.state in (SessionState.CLOSED, SessionState.BROKEN):
            # What was read with the session before stays: it is the same database.
            node.data = Unsaved(target, Database(url_of(target, session.driver), session, session.driver.file_based))
        node.icon, node.icon_role = ("hdd" if session.driver.file_based else "database"), "muted"
        node.detail = "not saved"
        node.tip = target.url()
        self._nodes[key] = node
        return node

    def _light(self, sessions: Sequence[Session], pools: dict[str, int]) -> None:
        for node in self._nodes.values():
            if isinstance(node.data, Saved | Unsaved):
                connected = sessions_of(node.data, sessions)
                states = [session.state for session in connected]
                node.tip = "\n".join([node.tip, *_way(connected)])
                open_too = pools.get(node.data.database.target, 0)
                if isinstance(node.data, Unsaved):
                    open_too = pools.get(node.data.target.display(), 0)
                lights = [_LIGHTS.get(state, "success") for state in states] + ["success"] * bool(open_too)
                node.dot = next((light for light in ("success", "warning", "danger") if light in lights), None)

    def databases(self) -> list[Node]:
        """Return the nodes of connections and unsaved databases."""
        return [node for node in self._nodes.values() if isinstance(node.data, Saved | Unsaved)]

    def node_of(self, key: str) -> Node | None:
        """Return the node of a group, a connection or an unsaved database by its key."""
        return self._nodes.get(key)


def sessions_of(what: Saved | Unsaved, sessions: Iterable[Session]) -> list[Session]:
    """Return the sessions that are open to a connection."""
    if isinstance(what, Saved):
        return [session for session in sessions if session.target.profile_id == what.listed.id]
    if what.database.session is not None and lives_in_its_session(what.target, what.database.session.driver):
        return [session for session in sessions if session is what.database.session]
    wanted = identity(what.target)
    return [session for session in sessions if session.target.profile_id is None and identity(session.target) == wanted]


def database_of(data: object) -> Database | None:
    """Return the database that what a node stands for belongs to."""
    if isinstance(data, Saved | Unsaved):
        return data.database
    if isinstance(data, Schema | Server):
        return data.database
    if isinstance(data, Folder | Objects | Table | Thing | Dependents):
        return data.schema.database if data.schema.name else None
    return data.table.schema.database if isinstance(data, Part) else None


def failure(error: AlvearyError) -> Node:
    """Return the node that stands where something could not be read."""
    more = "\n".join(filter(None, [error.message, error.detail, error.hint]))
    return Node(
        key="failed\0", text=error.message, icon="exclamation-triangle", icon_role="danger", role="danger",
        tip=f"{more}\nEnter or a double click tries again", leaf=True, passing=True, data=Failed(error),
    )  # fmt: skip


def waiting(asked: str = "") -> Node:
    """Return the node that stands where something is being read; ``asked`` says what a person is asked meanwhile."""
    text = f"waiting for you: {asked}" if asked else "loading…"
    return Node(key="waiting\0", text=text, icon="hourglass-split", role="faint", leaf=True, passing=True)


def color_of(name: str | None) -> str | None:
    """Return a colour as ``#rrggbb``, from its name if it has one."""
    return None if name is None else COLORS.get(name, name)


def identity(target: Target) -> str:
    """Return what is the same for two targets that lead to the same place."""
    options = sorted(target.options.items())
    return "\0".join([target.url(), "ro" if target.read_only else "", *(f"{name}={value}" for name, value in options)])


def short_name(target: Target, driver: DriverSpec) -> str:
    """Return what a database is called in a word: its file's name, or its own and its host's."""
    if driver.file_based:
        in_memory = lives_in_its_session(target, driver)
        return "in memory" if in_memory else os.path.basename(target.database or "") or target.url()
    return f"{target.database}@{target.host or 'localhost'}" if target.database else target.host or target.url()


def _way(sessions: Sequence[Session]) -> list[str]:
    """Return how the connection to a server is encrypted and which way it goes, where one stands."""
    for session in sessions:
        if session.server is not None and session.server.tls is not None:
            return [session.server.tls.summary(cipher=True), session.route]
    return []


def _leads(listed: Listed) -> tuple[object, ...]:
    """Return what decides where a connection leads, its name included, which is what it is reached by."""
    return listed.name, listed.driver, listed.host, listed.port, listed.database, listed.user


def _address(listed: Listed, driver: DriverSpec | None) -> str:
    port = f":{listed.port}" if listed.port is not None else ""
    user = f"{listed.user}@" if listed.user else ""
    place = f"{user}{listed.host or ''}{port}"
    path = f"{place}/{listed.database or ''}" if place else listed.database or ""
    return f"{driver.name if driver is not None else listed.driver}  {path}"
