"""DuckDB for Alveary: declares the driver; nothing here imports duckdb, so that declaring costs nothing."""

from collections.abc import Iterable

from alveary import Capability, CompletionRequest, DriverSpec, ExplainerSpec, Suggestion, hookimpl
from alveary.sqltext import POSTGRES


@hookimpl
def alveary_drivers() -> list[DriverSpec]:
    """Declare the DuckDB driver, which loads rows by statements and takes no lines of data."""
    return [DriverSpec(id="duckdb", name="DuckDB", schemes=("duckdb",), factory="alveary_duckdb.driver:DuckdbDriver",
                       capabilities=frozenset(Capability).difference(("bulk", "copy", "dependencies")),
                       dialect=POSTGRES, package="duckdb", file_based=True, exclusive=True,
                       system_schemas=("information_schema", "pg_catalog"))]  # fmt: skip


@hookimpl
def alveary_complete(request: CompletionRequest) -> Iterable[Suggestion]:
    """Suggest what DuckDB has besides PostgreSQL's words, which Alveary knows."""
    if request.driver != "duckdb":
        return ()
    from alveary_duckdb.completion import suggest

    return suggest(request)


@hookimpl
def alveary_explainers() -> list[ExplainerSpec]:
    """Declare how DuckDB's plans are asked for and read."""
    factory = "alveary_duckdb.explaining:DuckdbExplainer"
    return [ExplainerSpec(id="duckdb", drivers=("duckdb",), factory=factory, measures=True)]
