"""JSON as it leaves Alveary: every integer exact for a reader whose numbers are doubles, and schemas that say so."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from alveary.contracts.catalog import ColumnInfo
from alveary.schemas import schemas
from alveary.wire import SAFE, Small, json_text, with_integers
from alveary.workers import questions


class Leaf(msgspec.Struct, tag="leaf"):
    size: int
    line: Small


class Branch(msgspec.Struct, tag="branch", omit_defaults=True):
    size: Small
    limbs: list[Leaf | Branch] = []
    by_name: dict[str, int] = {}
    pair: tuple[int, bool] | None = None
    maybe: int | UnsetType = UNSET


integers = st.integers(-(2**70), 2**70)
small = st.integers(-SAFE, SAFE)
leaves = st.builds(Leaf, size=integers, line=small)
branches = st.recursive(
    st.builds(Branch, size=small),
    lambda below: st.builds(
        Branch,
        size=small,
        limbs=st.lists(leaves | below, max_size=3),
        by_name=st.dictionaries(st.text(), integers, max_size=3),
        pair=st.none() | st.tuples(integers, st.booleans()),
        maybe=st.just(UNSET) | integers,
    ),
    max_leaves=5,
)


def read_by_javascript(text: str) -> Any:
    """Read JSON with every number as a double."""
    return json.loads(text, parse_int=lambda digits: int(float(digits)))


@given(branches)
def test_whoever_reads_numbers_as_doubles_reads_what_was_written(branch: Branch) -> None:
    plain = read_by_javascript(json_text(branch, Branch))
    assert msgspec.convert(with_integers(plain, Branch), Branch) == branch


@given(branches)
def test_what_is_written_is_what_the_schema_says(branch: Branch) -> None:
    _, (schema,), definitions = schemas([], [Branch])
    jsonschema.validate(json.loads(json_text(branch, Branch)), schema | {"$defs": definitions})


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (5, int, '"5"'),
        (5, Small, "5"),
        (True, int | bool, "true"),
        ([1, 2], list[int], '["1","2"]'),
        ({"a": [2**63]}, dict[str, Any], '{"a":[9223372036854775808]}'),
        (None, int | None, "null"),
        (1.5, int | float, "1.5"),
        ("\udcff", str, '"\\\\udcff"'),
    ],
)
def test_the_type_decides(value: object, kind: Any, text: str) -> None:
    assert json_text(value, kind) == text


def test_where_text_is_welcome_digits_stay_text() -> None:
    assert with_integers({"a": "5", "b": 6}, dict[str, int | str]) == {"a": "5", "b": 6}
    assert with_integers({"a": "5"}, dict[str, int]) == {"a": 5}
    assert with_integers(["5", "x", "5" * 30], list[int]) == [5, "x", "5" * 30]


def test_what_comes_out_may_be_handed_in_again() -> None:
    (into,), (out,), definitions = schemas([Leaf], [Leaf])
    assert into != out, "they differ, so they have names of their own"
    validator = jsonschema.Draft202012Validator
    for line in ("7", 7):
        validator(into | {"$defs": definitions}).validate({"type": "leaf", "size": line, "line": 1})
    validator(out | {"$defs": definitions}).validate({"type": "leaf", "size": "7", "line": 1})
    for wrong in (7, "7.5", "seven", None):
        assert not validator(out | {"$defs": definitions}).is_valid({"type": "leaf", "size": wrong, "line": 1})


def test_a_field_may_be_called_like_a_word_of_the_schema() -> None:
    class Odd(msgspec.Struct):
        type: int
        default: int = 3
        properties: int = 2**60

    _, (schema,), definitions = schemas([], [Odd])
    text = json_text(Odd(type=1), Odd)
    assert text == '{"type":"1","default":"3","properties":"1152921504606846976"}'
    jsonschema.validate(json.loads(text), schema | {"$defs": definitions})
    assert definitions["Odd"]["properties"]["default"] == {"type": "string", "pattern": "^-?[0-9]+$", "default": "3"}


def test_a_long_answer_is_read_in_slices_and_is_the_same() -> None:
    columns = [
        ColumnInfo(
            schema="main",
            relation=f"table {at // 10}",
            name=f"column {at % 10}",
            ordinal=at % 10 + 1,
            type_name="integer",
            nullable=bool(at % 3),
            default=None if at % 5 else "0",
        )
        for at in range(12_345)
    ]
    payload = msgspec.msgpack.encode(columns)
    assert len(payload) > questions.AT_ONCE
    assert questions.read("columns", payload) == columns
    assert questions.read("columns", msgspec.msgpack.encode(columns[:3])) == columns[:3]
    assert questions.read("quote", msgspec.msgpack.encode("x" * 2 * questions.AT_ONCE)) == "x" * 2 * questions.AT_ONCE
