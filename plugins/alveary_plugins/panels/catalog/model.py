"""What the nodes below a connection in the tree stand for; nothing here knows Tk."""

from __future__ import annotations

from dataclasses import dataclass

from alveary.contracts.catalog import ObjectInfo, Relation
from alveary.errors import AlvearyError
from alveary.sessions import Session

TREE = "tree"
"""For what the tree asks."""
USED_BY, USES = "used by\0", "uses\0"
"""Keys of the nodes in which dependencies are read."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database as it is reached: by the name it is saved under or its URL, or, if it is not saved, by a session."""

    target: str
    """What editors and tables are opened with."""
    session: Session | None = None
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema. ``implied`` says that names need not be qualified with it."""

    database: Database
    name: str
    implied: bool


@dataclass(frozen=True, slots=True)
class Folder:
    """The relations of one kind."""

    schema: Schema
    kind: str


@dataclass(frozen=True, slots=True)
class Objects:
    """What a schema holds of one kind that are no relations; nodes are made when it is opened."""

    schema: Schema
    kind: str
    extension: str | None = None
    """The extension whose things these are, of every kind; None for those that came with none."""


@dataclass(frozen=True, slots=True)
class Server:
    """What stands in no schema, such as roles."""

    database: Database


@dataclass(frozen=True, slots=True)
class Table:
    """A relation."""

    schema: Schema
    relation: Relation


@dataclass(frozen=True, slots=True)
class Thing:
    """What is no relation: a routine, a type, a trigger."""

    schema: Schema
    object: ObjectInfo


@dataclass(frozen=True, slots=True)
class Dependents:
    """What a relation or another thing uses, or what uses it."""

    of: Table | Thing
    uses: bool

    @property
    def schema(self) -> Schema:
        return self.of.schema


@dataclass(frozen=True, slots=True)
class Part:
    """A column, index or key of a relation; ``name`` is what is copied of it."""

    table: Table
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that uses another one, or is used by it; ``name`` is what is copied of it."""

    name: str


@dataclass(frozen=True, slots=True)
class Failed:
    """What could not be read, and why."""

    error: AlvearyError
