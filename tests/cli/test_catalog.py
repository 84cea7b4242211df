"""``alveary catalog``: what is left out unless it is asked for, what uses what, and what is known from before."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fix_postgres import PostgresServer

from alveary import Kernel
from alveary.commands.catalog import CatalogListing, render, size_text
from alveary.errors import InvalidInputError, UnknownObjectError


def shown(listing: CatalogListing) -> str:
    lines: list[str] = []
    render(listing, lines.append)
    return "".join(lines)


@pytest.fixture
def library(tmp_path: Path) -> str:
    path = tmp_path / "library.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "create table author (id integer primary key, name text not null collate nocase check (name <> ''));"
            "create table book (id integer primary key, author_id integer references author (id), title text);"
            "create view titles as select title from book;"
            "create trigger note after insert on book begin select 1; end;"
        )
    return f"sqlite:///{path}"


def test_one_relation_is_told_whole(kernel: Kernel, library: str) -> None:
    author = kernel.run("catalog.list", {"target": library, "path": "author"})
    assert [(each.kind, each.expression) for each in author.constraints] == [
        ("primary key", None),
        ("check", "name <> ''"),
    ]
    assert [key.relation for key in author.referenced_by] == ["book"]
    text = shown(author)
    assert "collate nocase" in text
    assert "referenced by" in text
    titles = kernel.run("catalog.list", {"target": library, "path": "titles"})
    assert "select title from book" in shown(titles)
    note = kernel.run("catalog.list", {"target": library, "path": "main.note"})
    assert [(each.kind, each.relation) for each in note.objects] == [("trigger", "book")]


def test_what_uses_what_is_listed_with_how_it_is_known(kernel: Kernel, library: str) -> None:
    used_by = kernel.run("catalog.list", {"target": library, "used_by": "book"})
    assert [(each.name, each.textual) for each in used_by.used_by] == [("titles", True), ("note", False)]
    assert used_by.uses is None
    assert "query (by its text)" in shown(used_by)
    uses = kernel.run("catalog.list", {"target": library, "uses": "main.book"})
    assert [(each.name, each.how) for each in uses.uses] == [("author", "foreign key (author_id)")]
    with pytest.raises(UnknownObjectError):
        kernel.run("catalog.list", {"target": library, "uses": "nobody"})
    with pytest.raises(InvalidInputError, match="takes the path itself"):
        kernel.run("catalog.list", {"target": library, "uses": "book", "path": "book"})


def test_what_is_known_from_before_has_its_age_and_is_asked_again_when_wanted(
    kernel: Kernel, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kernel.run("catalog.list", {"target": library})
    assert first.taken_at is None
    with closing(sqlite3.connect(library.removeprefix("sqlite:///"))) as other:
        other.execute("create table late (a)")
    monkeypatch.setattr("alveary.commands.catalog._JUST_NOW", timedelta(0))
    again = kernel.run("catalog.list", {"target": library})
    assert again.taken_at is not None
    assert "late" not in [each.name for each in again.relations]
    fresh = kernel.run("catalog.list", {"target": library, "refresh": True})
    assert "late" in [each.name for each in fresh.relations]
    assert fresh.taken_at > again.taken_at


def test_the_servers_own_schemas_are_left_out_unless_they_are_wanted(
    alveary: Callable[..., Any], postgres: PostgresServer
) -> None:
    with postgres.database() as name:
        postgres.psql("create table bee (k int); comment on table bee is 'honey'; create schema empty", name)
        url = postgres.url(name)
        listing = json.loads(alveary("catalog", url, "--format", "json").out)
        assert listing["schemas"] == ["public", "empty"]
        assert [each["name"] for each in listing["relations"]] == ["bee"]
        everything = json.loads(alveary("catalog", url, "--system", "--format", "json").out)
        assert everything["schemas"] == ["public", "empty", "information_schema", "pg_catalog"]
        assert ("postgres", "role") in [(each["name"], each["kind"]) for each in everything["objects"]]
        found = json.loads(alveary("catalog", url, "--search", "HONEY", "--format", "json").out)
        assert [each["name"] for each in found["relations"]] == ["bee"]
        postgres.psql("create view calm as select k from bee", name)
        assert "select k" in " ".join(alveary("catalog", url, "calm").out.lower().replace("bee.", "").split())
        assert "pg_class" in alveary("catalog", url, "pg_catalog").out
        told = alveary("catalog", url, "pg_class")
        assert (told.status, "relfilenode" in told.out) == (0, True)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "~0 B"), (999, "~999 B"), (8192, "~8 kB"), (1536 << 10, "~1.5 MB"), (123 << 50, "~125952 TB")],
)
def test_sizes_are_short(size: int, text: str) -> None:
    assert size_text(size) == text
