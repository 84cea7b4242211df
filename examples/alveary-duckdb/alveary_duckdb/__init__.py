"""DuckDB for Alveary: declares the driver; nothing here imports duckdb, so that declaring costs nothing."""

from alveary import Capability, DriverSpec, hookimpl
from alveary.sqltext import POSTGRES


@hookimpl
def alveary_drivers() -> list[DriverSpec]:
    """Declare the DuckDB driver, which can do all that a driver can, and loads rows by statements."""
    factory, capabilities = "alveary_duckdb.driver:DuckdbDriver", frozenset(Capability) - {Capability.BULK}
    return [DriverSpec(id="duckdb", name="DuckDB", schemes=("duckdb",), factory=factory, capabilities=capabilities,
                       dialect=POSTGRES, package="duckdb", file_based=True, exclusive=True)]  # fmt: skip
