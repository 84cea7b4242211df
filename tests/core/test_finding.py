"""Finders of plugins: what they bring is found among the rest, and one that fails keeps no other from finding."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from alveary import FinderSpec, Hit, Kernel, Level, ListFinder, Query, Wanted
from alveary.contracts.catalog import ColumnInfo, ObjectInfo, Relation
from alveary.contracts.finder import Finder
from alveary.finding import Faults, Found, told
from alveary.workers.questions import named, packed

HERE = __name__


class Bees(ListFinder):
    """What a plugin brings."""

    def list(self) -> Iterable[Hit | tuple[Hit, str]]:
        yield Hit(kind="bee", text="hive.worker", name_at=5, detail="carries the honey")
        yield Hit(kind="bee", text="hive.queen", name_at=5), "sovereign"


class Angry(Finder):
    """A finder that fails."""

    def find(self, wanted: Wanted, level: Level) -> Iterator[Hit]:
        yield Hit(kind="sting", text="worker")
        raise SystemExit("no more")


def searched(kernel: Kernel, query: str, *specs: FinderSpec, faults: Faults | None = None) -> list[Found]:
    kernel.finding.prepare(specs, faults=faults)
    return list(kernel.finding.search(Wanted(Query(query)), specs, faults=faults))


BEES = FinderSpec(id="bees", name="the bees", factory=f"{HERE}:Bees")
ANGRY = FinderSpec(id="angry", name="the angry ones", factory=f"{HERE}:Angry", weight=1)


def test_names_come_before_descriptions_and_tell_what_matched(kernel: Kernel) -> None:
    (worker,) = searched(kernel, "work", BEES)
    assert (worker.hit.text, worker.ranges, worker.detail_ranges) == ("hive.worker", ((5, 9),), ())
    (honey,) = searched(kernel, "honey", BEES)
    assert (honey.ranges, honey.detail_ranges) == ((), ((12, 17),))
    (queen,) = searched(kernel, "sov", BEES)
    assert (queen.hit.text, queen.ranges, queen.detail_ranges) == ("hive.queen", (), ())
    assert [found.hit.text for found in searched(kernel, "", BEES)] == ["hive.worker", "hive.queen"]


def test_a_finder_that_fails_is_said_and_keeps_no_other_from_finding(kernel: Kernel) -> None:
    faults = Faults()
    found = searched(kernel, "worker", ANGRY, BEES, faults=faults)
    assert [each.hit.kind for each in found] == ["bee", "sting"]
    assert list(faults.said) == ["the angry ones"]
    assert "no more" in faults.said["the angry ones"]
    missing = FinderSpec(id="gone", name="what is gone", factory="nowhere:Gone")
    faults = Faults()
    assert len(searched(kernel, "worker", missing, BEES, faults=faults)) == 1
    assert list(faults.said) == ["what is gone"]


def test_a_search_of_many_columns_is_given_up(kernel: Kernel) -> None:
    stopped = threading.Event()
    stopped.set()
    kernel.finding.prepare([BEES])
    assert list(kernel.finding.search(Wanted(Query("work"), None, stopped), [BEES])) == []


def test_what_catalogs_keep_is_searched_without_asking(kernel: Kernel, shop_url: str) -> None:
    specs = kernel.finding.chosen(["objects", "columns"])
    sent: list[object] = []
    kernel.finding.read(shop_url, specs)
    kernel.bus.subscribe(sent.append)
    kernel.finding.prepare(specs)
    found = list(kernel.finding.search(Wanted(Query("item")), specs))
    assert [each.hit.kind for each in found] == ["table", "column", "column", "column", "column"]
    assert found[0].hit.actions[0].command == "catalog.open-table"
    assert kernel.finding.unread(specs) == []
    assert kernel.bus.flush(10)
    assert sent == []


def test_a_catalog_that_changed_is_searched_anew(kernel: Kernel, shop_url: str) -> None:
    specs = kernel.finding.chosen(["objects"])
    kernel.finding.read(shop_url, specs)
    kernel.finding.prepare(specs)
    with kernel.connect(shop_url) as session:
        session.run("create table combs (id int)")
        kernel.catalogs.load(shop_url)
    kernel.finding.prepare(specs)
    assert [each.hit.text for each in kernel.finding.search(Wanted(Query("combs")), specs)] == ["main.combs"]


def test_comments_are_found(kernel: Kernel) -> None:
    from alveary.known import KnownSchema
    from alveary_plugins.finding.catalog import Database, _ColumnNames, _Names

    columns = [
        ColumnInfo(schema="s", relation="r", name=name, ordinal=1, type_name="int", nullable=True, comment=comment)
        for name, comment in (("a", None), ("bé", "when bees\ncame"))
    ]
    schema = KnownSchema(
        "public",
        relations={"a": Relation(schema="public", name="a", kind="table", comment="What the bees\nbring")},
        objects={"f": (ObjectInfo(schema="public", name="f", kind="function", comment="counts bees"),)},
        packed_columns=packed(columns),
    )
    assert named(schema.packed_columns["r"]) == [("a", "int", None), ("bé", "int", "when bees\ncame")]
    database = Database("k", "shop", None, {}, None)
    wanted = Wanted(Query("bees"))
    for section, texts in (
        (_Names(database, schema), ["public.a", "public.f"]),
        (_ColumnNames(database, schema), ["public.r.bé"]),
    ):
        hits = [hit for level in Level for hit in section.find(database, "public", wanted, level)]
        assert [hit.text for hit in hits] == texts
        assert all(told("x", hit, wanted.query).detail_ranges for hit in hits)
