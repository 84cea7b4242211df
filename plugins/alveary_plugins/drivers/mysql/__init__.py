"""MySQL and MariaDB: declares the driver; nothing here imports PyMySQL, so that declaring costs nothing."""

from __future__ import annotations

from alveary.contracts.driver import Capability
from alveary.contracts.specs import DriverSpec, ExplainerSpec, OptionSpec
from alveary.hookspecs import hookimpl
from alveary.sqltext import MYSQL

OPTIONS = (
    OptionSpec(
        name="ssl_mode",
        description="disable: never TLS; prefer: TLS where the server has it; require: TLS, whoever answers; "
        "verify-ca: a certificate of a trusted authority; verify-full: and for this host",
        choices=("disable", "prefer", "require", "verify-ca", "verify-full"),
        default="prefer",
        role="tls_mode",
        synonyms={
            "disabled": "disable",
            "preferred": "prefer",
            "required": "require",
            "verify_ca": "verify-ca",
            "verify_identity": "verify-full",
        },
    ),
    OptionSpec(
        name="ssl_ca",
        description="file of the certificates to trust (PEM), or system; without it the system's if any is verified",
        role="tls_ca",
    ),
    OptionSpec(name="ssl_cert", description="file with our own certificate (PEM)", role="tls_certificate"),
    OptionSpec(name="ssl_key", description="file with the key of our own certificate (PEM)", role="tls_key"),
    OptionSpec(
        name="max_statement_time",
        description="seconds after which the server stops a statement; MySQL stops only what reads",
    ),
    OptionSpec(
        name="unix_socket", description="path of the server's socket, used instead of host and port", role="socket"
    ),
)


@hookimpl
def alveary_drivers() -> list[DriverSpec]:
    """Declare the MySQL and MariaDB driver."""
    return [
        DriverSpec(
            id="mysql",
            name="MySQL / MariaDB",
            schemes=("mysql", "mariadb"),
            factory="alveary_plugins.drivers.mysql.driver:MysqlDriver",
            capabilities=frozenset(Capability) - {Capability.COPY},
            isolation_levels=("read uncommitted", "read committed", "repeatable read", "serializable"),
            options=OPTIONS,
            port=3306,
            dialect=MYSQL,
            package="pymysql",
            extra="mysql",
            system_schemas=("information_schema", "mysql", "performance_schema", "sys", "ndbinfo"),
            types="alveary_plugins.drivers.mysql.table:TYPES",
        )
    ]


@hookimpl
def alveary_explainers() -> list[ExplainerSpec]:
    """Declare how its plans are asked for and read."""
    factory = "alveary_plugins.drivers.mysql.explaining:MysqlExplainer"
    return [ExplainerSpec(id="mysql", drivers=("mysql",), factory=factory, measures=True)]
