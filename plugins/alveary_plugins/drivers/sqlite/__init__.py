"""SQLite: declares the driver; nothing here imports sqlite3, so that declaring costs nothing."""

from __future__ import annotations

from alveary.contracts.driver import Capability
from alveary.contracts.specs import DriverSpec, ExplainerSpec, OptionSpec
from alveary.hookspecs import hookimpl
from alveary.sqltext import SQLITE

MODE = OptionSpec(
    name="mode",
    description="ro: read only; rw: read and write; rwc: and create the file; memory: a database in memory",
    choices=("ro", "rw", "rwc", "memory"),
    default="rw",
)


@hookimpl
def alveary_drivers() -> list[DriverSpec]:
    """Declare the SQLite driver."""
    return [
        DriverSpec(
            id="sqlite",
            name="SQLite",
            schemes=("sqlite",),
            factory="alveary_plugins.drivers.sqlite.driver:SqliteDriver",
            capabilities=frozenset(Capability) - {Capability.COPY},
            isolation_levels=("serializable", "read uncommitted"),
            options=(MODE,),
            dialect=SQLITE,
            file_based=True,
            beside=("-wal", "-shm", "-journal"),
            types="alveary_plugins.drivers.sqlite.table:TYPES",
        )
    ]


@hookimpl
def alveary_explainers() -> list[ExplainerSpec]:
    """Declare how its plans are asked for and read."""
    factory = "alveary_plugins.drivers.sqlite.explaining:SqliteExplainer"
    return [ExplainerSpec(id="sqlite", drivers=("sqlite",), factory=factory)]
