"""What lies in the working directory is data: no module there is imported, and no variable or file redirects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fix_postgres import PostgresServer

PROGRAM = Path(sys.executable).with_name("alveary")
NAMES = (
    "psycopg", "psycopg_binary", "pymysql", "paramiko", "keyring", "msgspec", "click", "pluggy", "platformdirs",
    "sqlalchemy", "alembic", "alveary_plugins", "sitecustomize", "usercustomize",
)  # fmt: skip


@pytest.mark.parametrize("program", [[str(PROGRAM)], [sys.executable, "-m", "alveary"]], ids=["program", "module"])
def test_no_module_beside_you_is_imported(program: list[str], postgres_url: str, tmp_path: Path) -> None:
    if not Path(program[0]).exists():
        pytest.skip("the program is not installed beside the interpreter")
    here = tmp_path / "project"
    here.mkdir()
    for name in NAMES:
        (here / f"{name}.py").write_text(f"open({str(tmp_path / name)!r}, 'w')\nraise SystemExit('taken: {name}')\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for arguments in (
        ["query", postgres_url, "select 6 * 7", "--format", "csv"],
        ["query", f"{postgres_url}?tunnel=ssh://ann@127.0.0.1:1", "select 1"],
        ["plugins"],
    ):
        done = subprocess.run(
            [*program, *arguments], cwd=here, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == (3 if "tunnel" in str(arguments) else 0), done.stderr
        assert "taken" not in done.stderr + done.stdout
    assert [name for name in NAMES if (tmp_path / name).exists()] == []


def test_no_variable_and_no_file_leads_elsewhere(postgres: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    service = tmp_path / ".pg_service.conf"
    service.write_text("[elsewhere]\nhost=nowhere.invalid\nport=1\n")
    (tmp_path / ".pgpass").write_text("*:*:*:*:stolen\n")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / ".my.cnf").write_text("[client]\nhost=nowhere.invalid\n")
    redirects = {
        "HOME": str(tmp_path), "PGHOST": "nowhere.invalid", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1",
        "PGSERVICE": "elsewhere", "PGSERVICEFILE": str(service), "PGSSLMODE": "verify-full", "PGDATABASE": "none",
        "PGOPTIONS": "-c default_transaction_read_only=on", "PGPASSFILE": str(tmp_path / ".pgpass"),
        "PGREQUIREAUTH": "none", "PGSSLROOTCERT": "/no/such",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "alveary", "query", postgres_url, "show default_transaction_read_only", "--format=csv"],
        cwd=tmp_path, env={**os.environ, **redirects}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == (0, ["default_transaction_read_only", "off"]), done.stderr
