"""The MySQL and MariaDB driver conforms."""

from __future__ import annotations

import pytest
from fix_conformance import AnyText

from alveary.testing.conformance import DriverConformance


class TestMariadb(DriverConformance, AnyText):
    sleep_sql = "select sleep(60)"
    sleeping_sql = "select count(*) from information_schema.processlist where info like 'select sleep%'"
    refused_sql = ("truncate bee", "set session transaction read write", "select * from bee into outfile 'bee'")

    @pytest.fixture
    def alveary_target(self, mariadb_url: str) -> str:
        return mariadb_url
