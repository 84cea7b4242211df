"""Saved queries: kept character for character, found again, run with values that are bound and never pasted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel
from alveary.errors import (
    AlvearyError,
    EmptyScriptError,
    InvalidInputError,
    MissingParameterError,
    NameTakenError,
    NulCharacterError,
    ReadOnlyError,
    UnknownConnectionError,
    UnknownQueryError,
)
from alveary.paths import Paths

FIND = "select name from item where id = :id and price > :price -- :not_this, nor ':that'\n"


def save(kernel: Kernel, name: str, sql: str = "select 1", **more: Any) -> Any:
    return kernel.run("queries.save", {"name": name, "sql": sql, **more})


def paths(kernel: Kernel, **which: str) -> list[str]:
    return [query.path for query in kernel.run("queries.list", which).queries]


def test_what_is_saved_is_there_again(kernel: Kernel, home: Path) -> None:
    saved = save(
        kernel,
        "shop/find",
        FIND,
        defaults={"price": 0},
        descriptions={"id": "Which one"},
        tags=["shop", "daily", "shop"],
        description="One item",
    )
    with Kernel(paths=Paths(home, home / "cache")) as other:
        again = other.run("queries.show", {"name": "shop/find"})
        assert again == saved == other.run("queries.show", {"name": saved.id})
    assert (again.folder, again.name, again.statement, again.tags) == ("shop", "find", FIND, ["daily", "shop"])
    assert [(each.name, each.description) for each in again.parameters] == [("id", "Which one"), ("price", None)]
    assert again.parameters[1].default == 0
    assert again.created_at == again.updated_at


def test_looking_makes_no_store(kernel: Kernel, home: Path) -> None:
    assert paths(kernel) == []
    with pytest.raises(UnknownQueryError):
        kernel.run("queries.show", {"name": "x"})
    assert not home.exists()


@given(st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text))
def test_every_character_of_the_text_is_kept(text: str) -> None:
    with Kernel.in_memory(safe_mode=True) as kernel:
        assert save(kernel, "any", text).statement == text


def test_a_file_is_saved_as_it_is(kernel: Kernel, tmp_path: Path) -> None:
    content = b"select 1\r\n\t-- \xc3\xa9nd \n\n"
    (tmp_path / "q.sql").write_bytes(content)
    saved = kernel.run("queries.save", {"name": "f", "file": str(tmp_path / "q.sql")})
    assert saved.statement.encode() == content


@pytest.mark.parametrize(
    "name", ["", "  ", "a//b", "/a", "a/", "-x", "a/-x", " a", "a\tb", "a\x1b[2J", "x" * 201, "/".join("x" * 17)]
)
def test_a_name_that_is_none_is_refused(kernel: Kernel, name: str) -> None:
    with pytest.raises(InvalidInputError, match="the name"):
        save(kernel, name)
    assert paths(kernel) == []


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"sql": ""}, EmptyScriptError),
        ({"sql": " \n"}, EmptyScriptError),
        ({"sql": "select '\0'"}, NulCharacterError),
        ({"sql": "select '\udcff'"}, InvalidInputError),
        ({"tags": [""]}, InvalidInputError),
        ({"connection": "nowhere"}, UnknownConnectionError),
        ({"defaults": {"b": 1}}, InvalidInputError),
        ({"descriptions": {"b": "x"}}, InvalidInputError),
        ({"defaults": {"a": 2**53}}, InvalidInputError),
        ({"description": "x" * 10_001}, InvalidInputError),
        ({"file": "also.sql"}, InvalidInputError),
    ],
)
def test_what_cannot_be_saved_is_refused_and_nothing_is_left(
    kernel: Kernel, more: dict[str, Any], error: type[AlvearyError]
) -> None:
    with pytest.raises(error):
        kernel.run("queries.save", {"name": "x", "sql": "select :a", **more})
    assert paths(kernel) == []


def test_a_name_that_is_taken_is_kept_unless_it_is_to_be_replaced(kernel: Kernel) -> None:
    first = save(kernel, "a", "select :x", tags=["old"], defaults={"x": 1})
    with pytest.raises(NameTakenError, match="'a'"):
        save(kernel, "a", "select 2")
    assert kernel.run("queries.show", {"name": "a"}) == first
    second = save(kernel, "a", "select 2", replace=True)
    assert (second.id, second.created_at, second.statement) == (first.id, first.created_at, "select 2")
    assert (second.tags, second.parameters) == ([], [])
    assert save(kernel, "A").path == "A"
    assert save(kernel, "a", folder="f").path == "f/a"


def test_they_are_found_by_folder_tag_and_text(kernel: Kernel) -> None:
    save(kernel, "sales/eu/monthly", "select 1 /* Größe */", tags=["EU"])
    save(kernel, "sales/yearly", "select 2", description="Each YEAR")
    save(kernel, "salesman", "select 3")
    assert paths(kernel) == ["salesman", "sales/yearly", "sales/eu/monthly"]
    assert set(paths(kernel, folder="sales")) == {"sales/yearly", "sales/eu/monthly"}
    assert paths(kernel, folder="sales/eu") == ["sales/eu/monthly"]
    assert paths(kernel, tag="eu") == ["sales/eu/monthly"]
    assert paths(kernel, search="GRÖSSE") == paths(kernel, search="größe") == ["sales/eu/monthly"]
    assert paths(kernel, search="year") == ["sales/yearly"]
    assert paths(kernel, search="%") == []
    with pytest.raises(InvalidInputError, match="folder"):
        paths(kernel, folder="")


def test_an_unknown_name_is_told_what_is_near(kernel: Kernel) -> None:
    save(kernel, "sales/monthly")
    for name, hint in (("monthly", "sales/monthly"), ("sales/montly", "sales/monthly"), ("zzz", "queries list")):
        for command in ("queries.show", "queries.delete", "queries.run"):
            with pytest.raises(UnknownQueryError, match=name) as caught:
                kernel.run(command, {"name": name})
            assert hint in str(caught.value.hint)


def test_what_is_deleted_is_gone_tags_and_all(kernel: Kernel) -> None:
    saved = save(kernel, "a", tags=["t"])
    assert kernel.run("queries.delete", {"name": saved.id}) == saved
    assert paths(kernel) == []
    with kernel.store.reading() as rows:
        assert rows.execute("select count(*) from saved_query_tags").fetchone() == (0,)


# -- running -----------------------------------------------------------------------------------------------------


def run(kernel: Kernel, tmp_path: Path, name: str, **more: Any) -> str:
    output = tmp_path / "out.csv"
    report = kernel.run("queries.run", {"name": name, "format": "csv", "output": str(output), **more})
    assert report.error is None
    return output.read_text()


def test_values_go_over_defaults_and_both_are_bound(kernel: Kernel, shop_url: str, tmp_path: Path) -> None:
    save(kernel, "find", "select name from item where name = :name or id = :id", defaults={"name": "comb", "id": -1})
    assert run(kernel, tmp_path, "find", target=shop_url) == "name\ncomb\n"
    assert run(kernel, tmp_path, "find", target=shop_url, parameters={"id": 3}) == 'name\ncomb\n"a,b""c"\n'
    attack = "' or 1=1 --"
    assert run(kernel, tmp_path, "find", target=shop_url, parameters={"name": attack}) == "name\n"
    entry = kernel.history.search(limit=1)[0]
    assert (entry.statement, entry.parameters) == (
        "select name from item where name = :name or id = :id",
        ["name", "id"],
    )


def test_null_is_a_default_and_no_default_is_none(kernel: Kernel, tmp_path: Path) -> None:
    save(kernel, "n", "select :a is null as is_null", defaults={"a": None})
    assert run(kernel, tmp_path, "n", target="sqlite:///:memory:") == "is_null\n1\n"
    save(kernel, "m", "select :b, :a", defaults={"a": 1})
    with pytest.raises(MissingParameterError, match="needs a value for :b") as caught:
        kernel.run("queries.run", {"name": "m", "target": "sqlite:///nothing/there.db"})
    assert "-p b=VALUE" in str(caught.value.hint)
    with pytest.raises(InvalidInputError, match="no parameter :c"):
        kernel.run("queries.run", {"name": "m", "target": "sqlite:///:memory:", "parameters": {"b": 1, "c": 2}})


def test_it_runs_on_the_connection_it_is_saved_for_until_that_is_gone(
    kernel: Kernel, shop_url: str, tmp_path: Path
) -> None:
    kernel.run("connections.add", {"name": "shop", "url": shop_url})
    save(kernel, "count", "select count(*) as n from item", connection="shop")
    assert run(kernel, tmp_path, "count") == "n\n3\n"
    kernel.run("connections.edit", {"name": "shop", "rename": "store"})
    assert kernel.run("queries.show", {"name": "count"}).connection == "store"
    assert run(kernel, tmp_path, "count") == "n\n3\n"
    assert run(kernel, tmp_path, "count", target=shop_url) == "n\n3\n"
    kernel.run("connections.remove", {"name": "store"})
    assert kernel.run("queries.show", {"name": "count"}).connection is None
    with pytest.raises(InvalidInputError, match="saved for no connection"):
        run(kernel, tmp_path, "count")


def test_the_dialect_of_the_connection_decides_what_is_a_parameter(kernel: Kernel) -> None:
    odd = r"select 'it\'s', :a"  # to MySQL the text ends behind the s, to the standard it is open to the end
    kernel.run("connections.add", {"name": "m", "url": "mysql://bee@127.0.0.1/hive"})
    assert [each.name for each in save(kernel, "m", odd, connection="m").parameters] == ["a"]
    assert [each.name for each in save(kernel, "any", odd, defaults={"a": 1}).parameters] == ["a"]
    assert [each.name for each in save(kernel, "cast", "select 1::int, :a").parameters] == ["a"]


def test_all_options_of_a_query_work(kernel: Kernel, shop_url: str, tmp_path: Path) -> None:
    save(kernel, "all", "select id from item order by id; delete from item")
    output = tmp_path / "out.jsonl"
    options = {"name": "all", "target": shop_url, "limit": 2, "format": "jsonl", "output": str(output)}
    with pytest.raises(ReadOnlyError) as caught:
        kernel.run("queries.run", {**options, "read_only": True})
    assert (caught.value.line, caught.value.statement) == (1, "delete from item")
    assert not os.path.exists(output), "what was refused appears under no name"
    report = kernel.run("queries.run", options)
    assert (report.rows, report.error) == (2, None)
    assert output.read_text().count("\n") == 2
