"""Finding on real servers: names, paths and comments across connections, and no statement sent while somebody types."""

from __future__ import annotations

from alveary import Kernel, Query, Wanted
from alveary.finding import Found

HOSTILE = 'due"; drop table loan; --\u202e'


def search(kernel: Kernel, query: str, *connections: str) -> list[Found]:
    specs = kernel.finding.chosen(["objects", "columns"])
    kernel.finding.prepare(specs)
    return list(kernel.finding.search(Wanted(Query(query), frozenset(connections) or None), specs))


def test_two_servers_are_searched_at_once(kernel: Kernel, postgres_url: str, mariadb_url: str) -> None:
    quoted = HOSTILE.replace('"', '""')
    with kernel.connect(postgres_url) as session:
        for statement in (
            "create schema sales",
            f'create table sales.loan (id int primary key, "{quoted}" date)',
            "comment on table sales.loan is 'What readers took along'",
            "comment on column sales.loan.id is 'Counted by the porter'",
            "create view sales.loans_due as select * from sales.loan",
            "create function sales.loan_count() returns bigint language sql as 'select count(*) from sales.loan'",
        ):
            session.run(statement)
    with kernel.connect(mariadb_url) as session:
        session.run("create table loanParcel (id int comment 'A barcode', title text) comment 'One book'")
    specs = kernel.finding.chosen(["objects", "columns"])
    for url in (postgres_url, mariadb_url):
        kernel.finding.read(url, specs)
    before = len(kernel.sent.entries())
    assert {each.hit.kind for each in search(kernel, "loan") if each.hit.text.count(".") == 1} == {
        "table", "view", "function",
    }  # fmt: skip
    (loan,) = [each.hit for each in search(kernel, "sales.loan") if each.hit.text == "sales.loan"]
    assert (loan.detail, loan.actions[0].parameters["schema"]) == ("What readers took along", "sales")
    assert [each.hit.text for each in search(kernel, "took along")] == ["sales.loan"]
    assert [each.hit.text for each in search(kernel, "porter")] == ["sales.loan.id"]
    assert [each.hit.kind for each in search(kernel, "barcode")] == ["column"]
    assert [each.hit.kind for each in search(kernel, "one book")] == ["table"]
    (parcel,) = [each for each in search(kernel, "parcel") if each.hit.kind == "table"]
    assert [parcel.hit.text[start:end] for start, end in parcel.ranges] == ["Parcel"]
    assert [each.hit.text for each in search(kernel, "drop table loan due")] == [
        f"sales.{relation}.{HOSTILE}" for relation in ("loan", "loans_due")
    ]
    (here,) = {each.hit.connection or "" for each in search(kernel, "parcel")}
    assert "@127.0.0.1" in here
    assert "ssword" not in here
    assert [each.hit.kind for each in search(kernel, "loan", here)] == ["table", "column", "column"]
    assert len(kernel.sent.entries()) == before
    report = kernel.run("find.run", {"terms": ["parcel"], "connections": [mariadb_url]})
    assert {each.connection for each in report.found} == {here}
    assert report.found[0].kind == "table"
