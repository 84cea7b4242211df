"""What lies in the working directory is data: no module there is imported, and no variable or file redirects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer
from fix_sshd import SshServer

PROGRAM = Path(sys.executable).with_name("alveary")
NAMES = (
    "psycopg", "psycopg_binary", "pymysql", "paramiko", "keyring", "msgspec", "click", "pluggy", "platformdirs",
    "sqlalchemy", "alembic", "alveary_plugins", "sitecustomize", "usercustomize", "tomlkit", "ssl", "json",
    "cryptography", "alveary_shell", "tkinter",
)  # fmt: skip


@pytest.mark.parametrize("program", [[str(PROGRAM)], [sys.executable, "-m", "alveary"]], ids=["program", "module"])
def test_no_module_beside_you_is_imported(program: list[str], postgres_url: str, tmp_path: Path) -> None:
    if not Path(program[0]).exists():
        pytest.skip("the program is not installed beside the interpreter")
    here = tmp_path / "project"
    here.mkdir()
    # To ``python -m alveary`` a package of that name beside you is what was asked for.
    for name in NAMES if "-m" in program else (*NAMES, "alveary"):
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
    assert [name for name in (*NAMES, "alveary") if (tmp_path / name).exists()] == []


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
        "PGREQUIREAUTH": "none", "PGSSLROOTCERT": "/no/such", "PGTARGETSESSIONATTRS": "standby",
        "PGCHANNELBINDING": "require", "PGSSLNEGOTIATION": "direct", "PGCLIENTENCODING": "LATIN1", "PGUSER": "nobody",
        "PGGSSENCMODE": "require", "PGSSLCERT": "/no/such", "PGSSLKEY": "/no/such", "PGSSLCRL": "/no/such",
        "PGAPPNAME": "stolen", "PGCONNECT_TIMEOUT": "1", "PGMINPROTOCOLVERSION": "latest",
        "PGSYSCONFDIR": str(tmp_path), "PGREQUIRESSL": "1", "PGPASSWORD": "stolen",
    }  # fmt: skip
    sql = "select current_setting('default_transaction_read_only'), current_setting('application_name'), 'é'"
    done = subprocess.run(
        [sys.executable, "-m", "alveary", "query", postgres_url, sql, "--format=csv"],
        cwd=tmp_path, env={**os.environ, **redirects}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["off,alveary,é"]), done.stderr


def test_no_variable_and_no_file_leads_mysql_elsewhere(mariadb: MariaServer, mariadb_url: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    for name in (".my.cnf", "my.cnf", ".mylogin.cnf"):
        (tmp_path / name).write_text("[client]\nhost=nowhere.invalid\nport=1\nssl-mode=DISABLED\nlocal-infile=1\n")
        (tmp_path / name).chmod(0o600)
    redirects = {
        "HOME": str(tmp_path), "MYSQL_HOME": str(tmp_path), "MYSQL_HOST": "nowhere.invalid", "MYSQL_TCP_PORT": "1",
        "MYSQL_UNIX_PORT": str(tmp_path / "socket"), "MYSQL_PWD": "stolen", "MYSQL_TEST_LOGIN_FILE": "/no/such",
        "LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN": "1", "MARIADB_TLS_DISABLE_PEER_VERIFICATION": "1", "USER": "nobody",
        "SSLKEYLOGFILE": str(keys), "HTTPS_PROXY": "http://nowhere.invalid:1", "ALL_PROXY": "socks5://nowhere.invalid:1",
    }  # fmt: skip
    url = f"{mariadb_url}?ssl_mode=verify-full&ssl_ca={mariadb.authority}".replace("127.0.0.1", "localhost")
    done = subprocess.run(
        [sys.executable, "-m", "alveary", "query", url, "select @@port, @@hostname = @@hostname", "--format=csv"],
        cwd=tmp_path, env={**os.environ, **redirects}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [f"{mariadb.port},1"]), done.stderr
    assert not keys.exists(), "the keys of a connection are written down for nobody"


def test_no_file_of_ssh_in_the_working_directory_and_no_variable_leads_a_tunnel_elsewhere(
    postgres: PostgresServer, sshd: SshServer, known_server: Path, tmp_path: Path
) -> None:
    here = tmp_path / "project"
    (here / ".ssh").mkdir(parents=True)
    for name in ("config", "ssh_config", ".ssh/config"):
        (here / name).write_text(f"Host *\n  HostName nowhere.invalid\n  ProxyCommand touch {tmp_path}/ran\n")
    url = f"{postgres.url()}?tunnel=ssh://{sshd.user}@127.0.0.1:{sshd.port}&tunnel_key={sshd.key}"
    redirects = {"SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force", "SSH_AUTH_SOCK": "/no/such"}
    done = subprocess.run(
        [sys.executable, "-m", "alveary", "query", url, "select 6 * 7 as n", "--format=csv"],
        cwd=here, env={**os.environ, **redirects}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == (0, ["n", "42"]), done.stderr
    assert not (tmp_path / "ran").exists()
