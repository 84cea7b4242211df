"""The plain libraries under our drivers, as peers and as witnesses: a query sent and all of its rows taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from servers import DATABASE

#: Runs a query with its parameters and returns all rows as the library makes them.
Ask: TypeAlias = Callable[..., Any]


def _psycopg(port: int) -> Ask:
    import psycopg

    db = psycopg.connect(host="127.0.0.1", port=port, user="bench", dbname=DATABASE, autocommit=True)
    return lambda sql, *values: db.execute(sql, values).fetchall()


def _pymysql(port: int) -> Ask:
    import pymysql  # type: ignore[import-untyped]  # PyMySQL has no annotations

    cursor = pymysql.connect(
        host="127.0.0.1", port=port, user="bench", database=DATABASE, charset="utf8mb4", autocommit=True
    ).cursor()

    def ask(sql: str, *values: str) -> Any:
        cursor.execute(sql, values)
        return cursor.fetchall()

    return ask


OPENERS: dict[str, Callable[[int], Ask]] = {"postgres": _psycopg, "mariadb": _pymysql}
"""Connect to the server on a port of this machine."""
LIBRARIES = {"postgres": "psycopg", "mariadb": "PyMySQL"}
