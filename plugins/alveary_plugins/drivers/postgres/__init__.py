"""PostgreSQL: declares the driver; nothing here imports psycopg, so that declaring costs nothing."""

from __future__ import annotations

from alveary.contracts.driver import Capability
from alveary.contracts.specs import DriverSpec, ExplainerSpec, OptionSpec
from alveary.hookspecs import hookimpl
from alveary.sqltext import POSTGRES

OPTIONS = (
    OptionSpec(
        name="sslmode",
        description="whether the connection is encrypted, and what of the server's certificate is verified",
        choices=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        default="prefer",
        role="tls_mode",
    ),
    OptionSpec(
        name="sslrootcert",
        description="file of the certificate authorities to trust, or 'system' for those of the system",
        role="tls_ca",
    ),
    OptionSpec(name="sslcert", description="file of the client's certificate", role="tls_certificate"),
    OptionSpec(name="sslkey", description="file of the client's private key", role="tls_key"),
    OptionSpec(
        name="application_name",
        description="what pg_stat_activity shows for the connection",
        default="alveary",
        role="application_name",
    ),
    OptionSpec(
        name="statement_timeout",
        description="after which time the server stops a statement, as it writes it: 30s, 5min; a bare number is ms",
    ),
    OptionSpec(name="options", description="settings of the session, as in '-c search_path=sales -c work_mem=64MB'"),
)


@hookimpl
def alveary_drivers() -> list[DriverSpec]:
    """Declare the PostgreSQL driver."""
    return [
        DriverSpec(
            id="postgres",
            name="PostgreSQL",
            schemes=("postgresql", "postgres"),
            factory="alveary_plugins.drivers.postgres.driver:PostgresDriver",
            capabilities=frozenset(Capability),
            isolation_levels=("read committed", "repeatable read", "serializable"),
            options=OPTIONS,
            port=5432,
            dialect=POSTGRES,
            package="psycopg",
            extra="postgres",
            system_schemas=("pg_catalog", "information_schema"),
            types="alveary_plugins.drivers.postgres.table:TYPES",
        )
    ]


@hookimpl
def alveary_explainers() -> list[ExplainerSpec]:
    """Declare how its plans are asked for and read."""
    factory = "alveary_plugins.drivers.postgres.explaining:PostgresExplainer"
    return [ExplainerSpec(id="postgres", drivers=("postgres",), factory=factory, measures=True)]
