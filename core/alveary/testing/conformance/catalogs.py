"""The catalog: what the suite creates is listed, whole, under any name, and in no more questions for more tables."""

from __future__ import annotations

import msgspec
import pytest

from alveary.contracts.catalog import Catalog
from alveary.contracts.driver import Capability, Connection
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import NulCharacterError, UnsupportedError
from alveary.testing.conformance.base import Conformance, Connect, header, needs, run, values
from alveary.testing.conformance.turns import Turns

NAMES = (
    "plain", "UPPER", "Mixed Case", "dot.ted", "two  spaces", "'single'", '"double"', "`back`", "[square]", "select",
    "semi;colon", "--", "/* no */", "back\\slash", "per%cent_", "que?stion", ":colon", "$1", "new\nline", "Ünïcödé",
    "名前",
)  # fmt: skip
"""Names that must survive quoting, listing, and the way back."""


class Catalogs(Conformance):
    """Databases, schemas, relations, columns, indexes, foreign keys."""

    @needs(Capability.CATALOG)
    def test_the_current_database_and_schema_lead(self, bee: Connection, spec: DriverSpec, target: Target) -> None:
        catalog = bee.catalog()
        databases, schemas = catalog.databases(), catalog.schemas()
        assert len(set(databases)) == len(databases) > 0
        assert len(set(schemas)) == len(schemas) > 0
        if target.database is not None and not spec.file_based:
            assert databases[0] == target.database
        assert "bee" in [relation.name for relation in catalog.relations(schemas[0])]

    @needs(Capability.CATALOG)
    def test_relations_have_their_kind_and_columns(self, bee: Connection) -> None:
        catalog = self.hive(bee)
        schema = catalog.schemas()[0]
        relations = catalog.relations(schema)
        assert [(each.schema, each.name, each.kind) for each in relations] == [
            (schema, "bee", "table"),
            (schema, "calm", "view"),
            (schema, "comb", "table"),
            (schema, "visit", "table"),
        ]
        columns = catalog.columns(schema)
        assert [(each.schema, each.relation, each.name, each.ordinal) for each in columns] == [
            (schema, "bee", "k", 1),
            (schema, "bee", "v", 2),
            (schema, "calm", "k", 1),
            (schema, "comb", "x", 1),
            (schema, "comb", "y", 2),
            (schema, "comb", "wax", 3),
            (schema, "visit", "k", 1),
            (schema, "visit", "a", 2),
            (schema, "visit", "b", 3),
            (schema, "visit", "c", 4),
        ]
        assert all(each.type_name for each in columns if each.relation != "calm")

    @needs(Capability.CATALOG)
    def test_columns_tell_null_default_and_key(self, bee: Connection) -> None:
        catalog = self.hive(bee)
        columns = {(each.relation, each.name): each for each in catalog.columns(catalog.schemas()[0])}
        assert {where for where, each in columns.items() if not each.nullable and where[0] != "calm"} == {
            ("bee", "k"), ("comb", "x"), ("comb", "y"), ("visit", "k"),
        }  # fmt: skip
        assert {where: each.primary_key for where, each in columns.items() if each.primary_key is not None} == {
            ("bee", "k"): 1, ("comb", "x"): 2, ("comb", "y"): 1, ("visit", "k"): 1,
        }  # fmt: skip
        defaults = {where: each.default for where, each in columns.items() if each.default and where[0] != "calm"}
        assert list(defaults) == [("comb", "wax")]
        assert "white" in (defaults["comb", "wax"] or "")
        assert not any(each.generated for each in columns.values())

    @needs(Capability.CATALOG)
    def test_indexes_tell_their_columns_in_order(self, bee: Connection) -> None:
        catalog = self.hive(bee)
        indexes = {each.name: each for each in catalog.indexes(catalog.schemas()[0])}
        by_wax, one = indexes["by_wax"], indexes["only_one"]
        assert (by_wax.relation, by_wax.columns, by_wax.unique, by_wax.origin) == ("comb", ("wax", "x"), False, "index")
        assert (one.relation, one.columns, one.unique) == ("visit", ("c",), True)
        assert one.origin in ("index", "unique"), "an engine may not tell a unique index from a unique constraint"
        assert not by_wax.partial
        keys = [each for each in indexes.values() if each.origin == "primary key"]
        assert all(each.unique for each in keys)
        assert {each.columns for each in keys if each.relation == "comb"} <= {("y", "x")}

    @needs(Capability.CATALOG)
    def test_foreign_keys_tell_both_sides_in_order(self, bee: Connection) -> None:
        catalog = self.hive(bee)
        schema = catalog.schemas()[0]
        keys = catalog.foreign_keys(schema)
        found = {
            (key.schema, key.relation, key.columns, key.target_schema, key.target_relation, key.target_columns)
            for key in keys
        }
        assert found == {
            (schema, "visit", ("c",), schema, "bee", ("k",)),
            (schema, "visit", ("b", "a"), schema, "comb", ("y", "x")),
        }
        assert len({(key.relation, key.name) for key in keys}) == 2, "each has a name of its own"

    def hive(self, connection: Connection) -> Catalog:
        """Make relations of every kind that all engines know beside ``bee``, and return the catalog."""
        for sql in (
            f"""create table comb (x {self.integer_type} not null, y {self.integer_type} not null,
                wax varchar(100) default 'white', primary key (y, x))""",
            f"""create table visit (k {self.integer_type} not null primary key, a {self.integer_type},
                b {self.integer_type}, c {self.integer_type}, foreign key (b, a) references comb (y, x),
                foreign key (c) references bee (k))""",
            "create view calm as select k from bee where k > 1",
            "create index by_wax on comb (wax, x)",
            "create unique index only_one on visit (c)",
        ):
            run(connection, sql)
        return connection.catalog()

    @needs(Capability.CATALOG)
    def test_every_name_comes_back_as_it_went_in(self, connection: Connection) -> None:
        catalog = connection.catalog()
        schema, integer = catalog.schemas()[0], self.integer_type
        for name in NAMES:
            quoted = catalog.quote(name)
            run(
                connection,
                f"create table {quoted} ({quoted} {integer} not null, other {integer}, primary key ({quoted}))",
            )
            run(connection, f"insert into {quoted} ({quoted}) values (7)")
            run(connection, f"create index {catalog.quote(name + ' i')} on {quoted} (other, {quoted})")
            messages = run(connection, f"select {quoted} from {quoted} where {quoted} = 7")
            assert [column.name for column in header(messages)] == [name]
        assert sorted(each.name for each in catalog.relations(schema)) == sorted(NAMES)
        assert {(each.relation, each.name) for each in catalog.columns(schema) if each.ordinal == 1} == {
            (name, name) for name in NAMES
        }
        indexes = {(each.relation, each.name, each.columns) for each in catalog.indexes(schema)}
        assert indexes >= {(name, f"{name} i", ("other", name)) for name in NAMES}
        for name in NAMES:
            quoted, quoted_schema = catalog.quote(name), catalog.quote(schema)
            assert values(connection, f"select {quoted} from {quoted_schema}.{quoted}") == [(7,)]

    @needs(Capability.DEFINITIONS)
    def test_the_sql_that_makes_things_makes_them_again(self, bee: Connection) -> None:
        catalog = self.hive(bee)
        schema = catalog.schemas()[0]
        assert catalog.definition(schema, "nobody") == []
        names = ("comb", "visit", "calm")
        questions = (catalog.relations, catalog.columns, catalog.indexes, catalog.foreign_keys)
        before = [ask(schema) for ask in questions]
        made = {name: catalog.definition(schema, name) for name in names}
        for sql in ("drop view calm", "drop table visit", "drop table comb"):
            run(bee, sql)
        for sql in [sql for name in names for sql in made[name]]:
            run(bee, sql)
        assert [ask(schema) for ask in questions] == before
        assert {name: catalog.definition(schema, name) for name in names} == made

    def test_sql_that_makes_things_is_refused_where_it_is_not_declared(
        self, connection: Connection, spec: DriverSpec
    ) -> None:
        if {Capability.CATALOG, Capability.DEFINITIONS} & spec.capabilities == {Capability.CATALOG}:
            with pytest.raises(UnsupportedError):
                connection.catalog().definition("any", "thing")

    @needs(Capability.CATALOG)
    def test_a_name_with_nul_is_refused(self, connection: Connection) -> None:
        with pytest.raises(NulCharacterError):
            connection.catalog().quote("a\0b")

    @needs(Capability.CATALOG)
    def test_questions_do_not_grow_with_the_tables(self, connect: Connect, target: Target) -> None:
        """Every question lists all; over TCP the round trips are counted, elsewhere there are none to count."""
        with Turns(target.host or "", target.port or 0) as turns:
            countable = target.host is not None and target.port is not None
            connection = connect(host="127.0.0.1", port=turns.port) if countable else connect()
            asked = []
            for number in range(12):
                run(connection, f"create table t{number} (k {self.integer_type} not null primary key)")
                run(
                    connection,
                    f"create table r{number} (k {self.integer_type}, foreign key (k) references t{number} (k))",
                )
                if number in (0, 11):
                    before = turns.count
                    found = self.everything(connection.catalog())
                    assert found == [2 * number + 2, 2 * number + 2, number + 1]
                    asked.append(turns.count - before)
            connection.close()
        assert asked[0] == asked[1], f"with more tables the questions took {asked[1]} round trips instead of {asked[0]}"
        assert bool(asked[0]) is countable

    @needs(Capability.CATALOG)
    def test_one_relation_is_told_as_all_are(self, bee: Connection) -> None:
        catalog = self.hive(bee)
        schema = catalog.schemas()[0]
        for relation in catalog.relations(schema):
            one, as_all = catalog.details(schema, relation.name), Catalog.details(catalog, schema, relation.name)
            assert one is not None
            assert as_all is not None
            assert one.relation.name == relation.name
            assert one == msgspec.structs.replace(as_all, relation=one.relation)
        assert catalog.details(schema, "nobody") is None

    @needs(Capability.CATALOG)
    def test_the_search_path_and_the_servers_own_are_schemas(self, bee: Connection, spec: DriverSpec) -> None:
        catalog = bee.catalog()
        schemas = catalog.schemas()
        path = catalog.search_path()
        assert set(path) <= set(schemas)
        assert next(name for name in path if name not in spec.system_schemas) == schemas[0]
        for schema in schemas:
            assert [gap.schema for gap in catalog.gaps(schema)] == [schema] * len(catalog.gaps(schema))
        assert all(each.schema == "" for each in catalog.server_objects())

    @needs(Capability.DEPENDENCIES, Capability.CATALOG)
    def test_what_uses_what_is_told_from_both_ends(self, bee: Connection) -> None:
        catalog = self.hive(bee)
        schema = catalog.schemas()[0]
        found = {name: catalog.dependencies(schema, name) for name in ("bee", "calm", "comb", "visit")}
        uses, used_by = (
            {(name, each.name, each.how) for name, of in found.items() if of is not None for each in getattr(of, end)}
            for end in ("uses", "used_by")
        )
        assert {(user, used) for user, used, _ in uses} == {("calm", "bee"), ("visit", "bee"), ("visit", "comb")}
        assert {(user, used, how) for used, user, how in used_by} == uses
        assert catalog.dependencies(schema, "nobody") is None

    def test_what_uses_what_is_refused_where_it_is_not_declared(self, connection: Connection, spec: DriverSpec) -> None:
        if {Capability.CATALOG, Capability.DEPENDENCIES} & spec.capabilities == {Capability.CATALOG}:
            with pytest.raises(UnsupportedError):
                connection.catalog().dependencies("any", "thing")

    def everything(self, catalog: Catalog) -> list[int]:
        """Ask everything of the current schema and return how many relations, columns and foreign keys there are."""
        schema = catalog.schemas()[0]
        catalog.databases(), catalog.search_path(), catalog.server_objects()
        for question in (catalog.indexes, catalog.constraints, catalog.objects, catalog.gaps):
            question(schema)
        return [len(list_of(schema)) for list_of in (catalog.relations, catalog.columns, catalog.foreign_keys)]

    @needs(Capability.CATALOG, Capability.TRANSACTIONS)
    def test_questions_leave_a_transaction_as_it_is(self, bee: Connection) -> None:
        bee.begin()
        run(bee, "delete from bee")
        self.everything(bee.catalog())
        bee.rollback()
        assert len(values(bee, "select k from bee")) == 3
