"""The PostgreSQL driver conforms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from fix_conformance import AnyText
from fix_postgres import PASSWORD, ROLE, PostgresServer

from alveary.testing.conformance import DriverConformance


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    """The name of a database whose owner must give a password."""
    with postgres.database(f'owner "{ROLE}"') as name:
        yield name


class TestPostgres(DriverConformance, AnyText):
    placeholder = "${n}"
    binary_type = "bytea"
    sleep_sql = "select pg_sleep(60)"
    sleeping_sql = """select count(*) from pg_stat_activity
        where state = 'active' and query like 'select pg_sleep%' and datname = current_database()"""
    refused_sql = ("truncate bee", "copy bee to '/tmp/alveary-bee'", "set default_transaction_read_only = off")

    numbers = itertools.count()

    @pytest.fixture
    def alveary_target(self, postgres: PostgresServer, database: str) -> str:
        """A new schema, which takes a tenth of the time of a new database."""
        schema = f"hive_{next(self.numbers)}"
        postgres.psql(f'create schema {schema} authorization "{ROLE}"', database)
        url = postgres.url(database, user=ROLE, password=PASSWORD)
        return f"{url}?options=-c%20search_path%3D{schema}"
