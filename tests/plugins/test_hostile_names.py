"""Names that would break out of a statement: such a thing is listed, read, written, copied, dropped, and nothing else.

Every statement that Alveary makes from a name is made here, on the three engines, each time beside a table that must
stay as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from fix_engines import ENGINES, Engine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alveary import Kernel
from alveary.contracts.values import Column, Row, ValueKind
from alveary.errors import AlvearyError
from alveary.jobs import Job
from alveary.sessions import Session
from alveary.sqltext import PieceKind, split
from alveary_plugins.panels.catalog import sql as templates
from alveary_plugins.panels.editor.connecting import SWITCH_SCHEMA
from alveary_plugins.panels.table.model import Place, TableReader, Wish, page_sql, structure_of

WITNESS = "witness"
_ENDS = ("'", '"', "`", "\\", "\\'", "]", "\n", "\r\n", ";", "--", "#", "/*", "*/", ")", "%s", "%", ":x", "?", "$1",
         "{schema}", "{0}", "@", "\t", "\x1b[31m", "\u202e", "\u200b", "ѕеlect", "é", "E\u0301", "名")  # fmt: skip
NAMES = (
    '"; drop table witness; --',
    "`; drop table witness; -- ",
    "'; drop table witness; --",
    "x\\'; drop table witness; --",
    "*/ drop table witness; /*",
    "a.b",
    "%s %(x)s :name ?1 $1 {schema} {0}",
    "line\none\r\n--\ttwo",
    "\u202eunseen\u200b \x1b[2J",
    "wіtness",  # with a letter of another alphabet
    "select",
    "n" * 63,
)
NAME = st.lists(st.sampled_from(_ENDS) | st.sampled_from(["a", "B", " ", "."]), min_size=1, max_size=9).map("".join)
EXAMPLES = settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(params=ENGINES)
def session(
    request: pytest.FixtureRequest, alveary_kernel: Kernel, engine_of: Callable[[str], Engine]
) -> Iterator[Any]:
    """A session on each engine, beside a table with two rows that nobody has any business with."""
    engine = engine_of(request.param)
    with alveary_kernel.connect(engine.url) as session:
        session.run("create table witness (k integer not null primary key, v varchar(20))")
        session.run("insert into witness values (1, 'one'), (2, 'two')")
        yield engine.url, session


class Named(NamedTuple):
    """What a template needs of a schema."""

    name: str
    implied: bool


def rows(session: Session, sql: str) -> list[Row]:
    found = session.run(sql)
    assert found is not None
    return list(found)


def fits(name: str, url: str) -> str:
    """Return the name as long as the engine takes it, and as it takes one."""
    if url.startswith("postgresql"):
        return name.encode()[:63].decode(errors="ignore")
    return name[:64].rstrip() or "x"  # MySQL has no name that ends with a space of any kind


def use(kernel: Kernel, url: str, session: Session, name: str, tmp_path: Path) -> None:
    """Do with a table of this name, with a column of it, whatever can be done, and look at everything beside it."""
    catalog = session.catalog()
    (schema, *_), quote = catalog.schemas(), catalog.quote
    before = {each.name for each in catalog.relations(schema)}
    path = ".".join('"' + each.replace('"', '""') + '"' for each in (schema, name))
    column = fits(f"c{name}", url)

    # An import makes it, and a second one goes into it.
    file = tmp_path / "rows.csv"
    heading = column.replace('"', '""')
    file.write_text(f'k,"{heading}"\n1,one\n2,"{heading}"\n', newline="")
    parameters = {"target": url, "file": str(file), "table": path, "format": "csv", "header": "yes"}
    report = kernel.run("import.run", parameters)
    assert (report.rows, report.created is not None) == (2, True)
    file.write_text(f'k,"{heading}"\n3,\n', newline="")
    assert kernel.run("import.run", {**parameters, "existing": True}).rows == 1

    # It is listed, with its columns and an index, and told as SQL that makes the same.
    index = fits(f"i{name}", url)
    on_sqlite = url.startswith("sqlite")  # where the index has the schema, and not the table
    there, table = (f"{quote(schema)}.", quote(name)) if on_sqlite else ("", f"{quote(schema)}.{quote(name)}")
    session.run(f"create index {there}{quote(index)} on {table} ({quote('k')})")
    assert {each.name for each in catalog.relations(schema)} == before | {name}
    listing = kernel.run("catalog.list", {"target": url, "path": path})
    assert [each.name for each in listing.columns] == ["k", column]
    assert [(each.name, each.columns) for each in listing.indexes] == [(index, ("k",))]
    ddl = kernel.run("catalog.list", {"target": url, "ddl": path}).script

    # A page of it is read, filtered and ordered by what stands in it.
    place = Place(url, schema, name, implied=False)
    structure = structure_of(catalog, place)
    assert [each.name for each in structure.columns] == ["k", column]
    reader = TableReader(kernel, place)
    job = Job("x", "x", kernel.bus)
    try:
        text = Column(name=column, kind=ValueKind.TEXT)
        where = reader.condition(job, [column], [(text, column)])
        page = reader.read_page(job, Wish(where, ((column, True),)))
        assert page.rows == 1
        where = reader.condition(job, [column], [(text, None)])
        assert reader.read_page(job, Wish(where)).rows == 1
    finally:
        reader.close()
    sql = page_sql(catalog, place, Wish(), ((column, False),), session.driver.dialect)
    assert len(rows(session, sql)) == 3

    # Statements that a person begins from run as they are.
    node = cast(Any, Named(schema, implied=False))
    infos = [each for each in catalog.columns(schema) if each.relation == name]
    for made in (templates.first_rows(catalog, node, name), templates.select(catalog, node, name, infos)):
        (piece,) = [each for each in split(made, session.driver.dialect) if each.kind is PieceKind.STATEMENT]
        assert len(rows(session, piece.sql(made))) == 3

    # It is exported as INSERT, dropped, made again from its SQL, and filled from the export.
    exported = tmp_path / "rows.sql"
    options = {"table": path}
    done = kernel.run(
        "query.run", {"target": url, "table": path, "format": "sql", "output": str(exported), "options": options}
    )
    assert (done.error, done.rows) == (None, 3)
    kept = sorted(rows(session, f"select * from {quote(schema)}.{quote(name)}"), key=str)
    session.run(f"drop table {quote(schema)}.{quote(name)}")
    run_all(session, str(ddl))
    run_all(session, exported.read_bytes().decode())
    assert sorted(rows(session, f"select * from {quote(schema)}.{quote(name)}"), key=str) == kept

    # A copy into a name like it; one that fails takes what it made away again.
    other = fits("o" + name, url)
    to = ".".join('"' + each.replace('"', '""') + '"' for each in (schema, other))
    assert kernel.run("copy.run", {"source": url, "table": path, "target": url, "to": to, "checksum": True}).rows == 3
    session.run(f"drop table {quote(schema)}.{quote(other)}")
    file.write_text("k\n1\nno number\n", newline="")
    with pytest.raises(AlvearyError):
        kernel.run("import.run", {**parameters, "table": to, "type": {"k": "integer"}})
    session.run(f"drop table {quote(schema)}.{quote(name)}")
    assert {each.name for each in catalog.relations(schema)} == before
    assert rows(session, "select * from witness order by k") == [(1, "one"), (2, "two")]


def run_all(session: Session, text: str) -> None:
    for piece in split(text, session.driver.dialect):
        if piece.kind is PieceKind.STATEMENT:
            session.run(piece.sql(text))


def test_things_of_these_names_can_be_worked_with_and_nothing_else_changes(
    alveary_kernel: Kernel, session: tuple[str, Session], tmp_path: Path
) -> None:
    url, opened = session
    for name in NAMES:
        use(alveary_kernel, url, opened, fits(name, url), tmp_path)


@EXAMPLES
@given(name=NAME)
def test_hypothesis_finds_no_name_that_breaks_out(
    alveary_kernel: Kernel, session: tuple[str, Session], name: str, tmp_path: Path
) -> None:
    url, opened = session
    use(alveary_kernel, url, opened, fits(name, url), tmp_path)


def test_a_schema_of_any_name_is_listed_read_and_gone_to(alveary_kernel: Kernel, session: tuple[str, Session]) -> None:
    """In SQLite, where a schema is a file that was attached, only the session that did so has it."""
    url, opened = session
    catalog = opened.catalog()
    home = catalog.schemas()[0]
    for name in (fits(name, url) for name in NAMES):
        quoted = catalog.quote(name)
        opened.run(f"attach ':memory:' as {quoted}" if url.startswith("sqlite") else f"create schema {quoted}")
        opened.run(f"create table {quoted}.bee (k integer not null primary key)")
        assert name in catalog.schemas()
        assert [each.name for each in catalog.relations(name)] == ["bee"]
        assert [each.name for each in catalog.columns(name)] == ["k"]
        for ask in (catalog.indexes, catalog.foreign_keys, catalog.objects):
            assert [each for each in ask(name) if each.name == WITNESS] == []
        (made, *_) = catalog.definition(name, "bee")
        assert "bee" in made
        if (switch := SWITCH_SCHEMA.get(opened.driver.dialect.name)) is not None:
            opened.run(switch.format(quoted))
            assert name in catalog.search_path()
            assert rows(opened, "select * from bee") == []
            opened.run(switch.format(catalog.quote(home)))
        if url.startswith("sqlite"):
            opened.run(f"detach {quoted}")
        else:
            opened.run(f"drop schema {quoted}" + (" cascade" if url.startswith("postgresql") else ""))
        assert name not in catalog.schemas()
    assert rows(opened, "select * from witness order by k") == [(1, "one"), (2, "two")]


def refusal(kernel: Kernel, command: str, parameters: dict[str, Any]) -> str:
    """Return what a command says that does not do what it was asked."""
    try:
        report = kernel.run(command, parameters)
    except AlvearyError as error:
        return error.message
    assert report.error is not None
    return str(report.error.message)


def test_a_name_that_a_server_would_cut_off_is_refused_rather_than_taken_for_another(
    alveary_kernel: Kernel, session: tuple[str, Session], tmp_path: Path
) -> None:
    url, opened = session
    longest, quote = "b" * 63, opened.catalog().quote
    opened.run(f"create table {quote(longest)} (k integer not null)")
    opened.run(f"insert into {quote(longest)} values (7)")
    file = tmp_path / "rows.csv"
    file.write_text("k\n1\n")
    too_long = longest + "bc"
    if url.startswith("sqlite"):
        assert alveary_kernel.run("import.run", {"target": url, "file": str(file), "table": too_long}).rows == 1
    else:
        for command, parameters in (
            ("import.run", {"target": url, "file": str(file), "table": too_long}),
            ("copy.run", {"source": url, "table": "witness", "target": url, "to": too_long}),
            ("query.run", {"target": url, "table": too_long, "format": "none"}),
        ):
            assert re.search("too long|Incorrect table name", refusal(alveary_kernel, command, parameters))
    assert rows(opened, f"select * from {quote(longest)}") == [(7,)]
    assert {each.name for each in opened.catalog().relations(opened.catalog().schemas()[0])} == {
        WITNESS, longest, *([too_long] if url.startswith("sqlite") else [])
    }  # fmt: skip


def test_a_name_with_nul_is_refused_before_any_statement(
    alveary_kernel: Kernel, session: tuple[str, Session], tmp_path: Path
) -> None:
    url, opened = session
    file = tmp_path / "rows.csv"
    file.write_text("k\n1\n")
    for command, parameters in (
        ("import.run", {"target": url, "file": str(file), "table": "witness\0x", "truncate": True, "map": {"k": "k"}}),
        ("copy.run", {"source": url, "table": "witness", "target": url, "to": "witness\0x", "truncate": True}),
        ("query.run", {"target": url, "table": "witness\0x", "format": "none"}),
    ):
        with pytest.raises(AlvearyError, match=r"U\+0000"):
            alveary_kernel.run(command, parameters)
    assert len(rows(opened, "select * from witness")) == 2
