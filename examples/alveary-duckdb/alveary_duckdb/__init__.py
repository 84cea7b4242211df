"""DuckDB for Alveary: declares the driver; nothing here imports duckdb, so that declaring costs nothing."""

from alveary import Capability, DriverSpec, hookimpl
from alveary.sqltext import POSTGRES


@hookimpl
def alveary_drivers() -> list[DriverSpec]:
    """Declare the DuckDB driver, which loads rows by statements and takes no lines of data."""
    return [DriverSpec(id="duckdb", name="DuckDB", schemes=("duckdb",), factory="alveary_duckdb.driver:DuckdbDriver",
                       capabilities=frozenset(Capability).difference(("bulk", "copy", "dependencies")),
                       dialect=POSTGRES, package="duckdb", file_based=True, exclusive=True,
                       system_schemas=("information_schema", "pg_catalog"))]  # fmt: skip
