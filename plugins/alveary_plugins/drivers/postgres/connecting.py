"""Connecting: every parameter said explicitly, and all of it, name resolution too, within the time allowed."""

from __future__ import annotations

import contextlib
import getpass
import math
import os
import threading
from typing import Any

import psycopg
from psycopg import pq

from alveary.contracts.target import Target
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    ConnectionTimeoutError,
    InvalidInputError,
    MissingPackageError,
)
from alveary_plugins.drivers.postgres import errors, guard

PORT = 5432
SOCKET_FOLDERS = ("/var/run/postgresql", "/tmp")  # where Debian's and PostgreSQL's own builds listen
NO_FILE = os.path.join(os.devnull, "none")
"""A path where nothing can stand: ~/.pgpass must not lend its passwords, and libpq warns of a special file."""
VERIFYING = ("verify-ca", "verify-full")
_ANY_METHOD = "none,password,md5,scram-sha-256,gss,sspi"
"""How somebody verified may ask who we are. Each by its name: of an empty list libpq lets none through but no question
at all, and of an absent one it asks the environment."""
_KEEP_ALIVE = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Seconds, the last one milliseconds: a dead peer is noticed within about a minute, whether we wait or send."""


def connect(target: Target, timeout: float) -> psycopg.Connection[Any]:
    """Open a connection or raise a ConnectionFailedError within ``timeout`` seconds."""
    if not psycopg.capabilities.has_cancel_safe():  # 17: chunked rows, and a cancel that can't freeze the process
        raise MissingPackageError("psycopg uses a libpq older than 17", hint="pip install 'psycopg[binary]'")
    parameters = _parameters(target, timeout)
    attempt = _Attempt(parameters)
    if not attempt.done.wait(timeout) and attempt.give_up():
        raise ConnectionTimeoutError(f"{_place(parameters)} did not answer within {timeout:g} seconds")
    if attempt.connection is not None:
        return attempt.connection
    error = attempt.error
    raise _error(error, parameters, timeout) from (error if isinstance(error, psycopg.OperationalError) else None)


class _Attempt:
    """Connects on a thread of its own: neither the resolution of a name nor a chain of addresses has a bound."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.done = threading.Event()
        self.connection: psycopg.Connection[Any] | None = None
        self.error: Exception | None = None
        self._lock = threading.Lock()
        self._given_up = False
        threading.Thread(target=self._run, args=(parameters,), name="alveary-connect", daemon=True).start()

    def give_up(self) -> bool:
        """Let nobody have what comes now; False if it has come meanwhile."""
        with self._lock:
            self._given_up = not self.done.is_set()
            return self._given_up

    def _run(self, parameters: dict[str, Any]) -> None:
        connection, error = None, None
        try:
            connection = psycopg.connect("", autocommit=True, prepare_threshold=None, **parameters)
        except Exception as exc:  # noqa: BLE001  # handed to the thread that waits
            error = exc
        with self._lock:
            if not self._given_up:
                self.connection, self.error = connection, error
                self.done.set()
                return
        if connection is not None:
            connection.close()


def _parameters(target: Target, timeout: float) -> dict[str, Any]:
    port = target.port or PORT
    user = target.user or _system_user()
    options = target.options
    mode = options.get("sslmode", "prefer")
    if target.via is None:
        place: dict[str, Any] = {"host": target.host or _default_host(port), "port": port}
    else:  # the certificate is verified for the host, whatever address leads there
        place = {"host": target.host or "localhost", "hostaddr": target.via[0], "port": target.via[1]}
    is_socket = target.via is None and place["host"].startswith("/")
    parameters: dict[str, Any] = {
        **place,
        "user": user,
        "dbname": target.database or user,
        # Empty, not absent: libpq would look for an absent one in the environment.
        "password": target.password or "",
        "passfile": NO_FILE,
        # Whoever answers could ask for the password in plain text, and libpq would send it.
        "require_auth": _ANY_METHOD if mode in VERIFYING or is_socket else "!password",
        "connect_timeout": max(2, math.ceil(timeout)),
        "client_encoding": "UTF8",
        "application_name": options.get("application_name", "alveary"),
        "options": _settings(target),
        "sslmode": mode,
        # Authorities that happen to be in ~/.postgresql are for those who want a certificate verified.
        "sslrootcert": options.get("sslrootcert", "" if mode in VERIFYING else NO_FILE),
        "sslcert": options.get("sslcert", ""),
        "sslkey": options.get("sslkey", ""),
        # A certificate that happens to lie in ~/.postgresql identifies nobody who did not ask for it.
        "sslcertmode": "allow" if "sslcert" in options else "disable",
        "gssencmode": "disable",  # looks for a Kerberos server, blocking
        **_KEEP_ALIVE,
    }
    _shield(parameters)
    for name, value in parameters.items():
        if isinstance(value, str) and ("\0" in value or not _encodable(value)):
            raise InvalidInputError(f"the connection's {name} holds what is no character")
    return parameters


def _settings(target: Target) -> str:
    """Return the settings of the session; of several of one name the last counts, so being read-only can't be undone.

    Spaces part them, and a backslash takes that from a space.
    """
    settings = [target.options.get("options", "")]
    if (time := target.options.get("statement_timeout")) is not None:
        settings.append("-c statement_timeout=" + time.replace("\\", "\\\\").replace(" ", "\\ "))
    if target.read_only:
        settings.append(guard.STARTUP)
    return " ".join(filter(None, settings))


def _shield(parameters: dict[str, Any]) -> None:
    """Say the default of everything that a variable of the environment would otherwise redirect."""
    os.environ.pop("PGSERVICE", None)  # the one that no parameter can overrule
    for default in pq.Conninfo.get_defaults():
        name, variable = default.keyword.decode(), (default.envvar or b"").decode()
        if variable in os.environ and name not in parameters and name != "service":
            oldest = "3.0" if name.endswith("_protocol_version") and not name.startswith("ssl") else ""
            parameters[name] = (default.compiled or b"").decode() or oldest


def _default_host(port: int) -> str:
    if hasattr(os, "getuid"):
        for folder in SOCKET_FOLDERS:
            if os.path.exists(f"{folder}/.s.PGSQL.{port}"):
                return folder
    return "localhost"


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as exc:
        raise InvalidInputError("the URL names no user, and the system knows none") from exc


def _encodable(text: str) -> bool:
    with contextlib.suppress(UnicodeEncodeError):
        text.encode()
        return True
    return False


def _place(parameters: dict[str, Any]) -> str:
    return f"{parameters['host']}:{parameters['port']}"


def _error(exc: Exception | None, parameters: dict[str, Any], timeout: float) -> AlvearyError:
    if isinstance(exc, psycopg.errors.ConnectionTimeout):
        return ConnectionTimeoutError(f"{_place(parameters)} did not answer within {timeout:g} seconds")
    if isinstance(exc, psycopg.OperationalError):
        return errors.refused(str(exc))
    # Of anything else the text may hold a parameter, the password among them.
    return ConnectionFailedError(f"connecting to {_place(parameters)} failed: {type(exc).__name__}")
