"""The SQLite driver conforms."""

from __future__ import annotations

from pathlib import Path

import pytest
from fix_conformance import AnyText

from alveary.testing.conformance import DriverConformance


class TestSqlite(DriverConformance, AnyText):
    refused_sql = ("create temp table hive (k)", "attach 'other.db' as other", "pragma user_version = 7")

    @pytest.fixture
    def alveary_target(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/test.db?mode=rwc"
