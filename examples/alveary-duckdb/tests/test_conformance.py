"""The DuckDB driver conforms."""

from pathlib import Path

import pytest

from alveary.testing.conformance import DriverConformance


class TestDuckdb(DriverConformance):
    sleep_sql = "select sleep_ms(60000)"
    refused_sql = ("attach 'other.db'", "copy bee to 'bee.csv'", "export database 'bees'")

    @pytest.fixture
    def alveary_target(self, tmp_path: Path) -> str:
        return f"duckdb:///{tmp_path}/test.db"
