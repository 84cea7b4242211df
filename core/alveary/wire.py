"""JSON as it leaves Alveary: always valid, and no number in it that a reader could round.

JSON's numbers have no size, but JavaScript and much else reads them as doubles, which hold whole numbers exactly only
up to 2^53: 9007199254740993 arrives as …992. So in a result an integer is a number where its type says that it stays
within these bounds (:data:`Small`), and a string of digits everywhere else; what is handed in may be either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from msgspec import inspect

SAFE = 2**53 - 1
"""The largest integer that a double tells from both its neighbours."""
Small = Annotated[int, msgspec.Meta(ge=-SAFE, le=SAFE)]
"""An integer that is a number in JSON: a line, a port, a count of what people make by hand."""
DIGITS = "^-?[0-9]+$"

_Rewrite: TypeAlias = Callable[[Any], Any]


def json_text(value: Any, kind: Any = None) -> str:
    """Return one line of JSON; bad bytes in text (lone surrogates) are written as backslash escapes.

    ``kind`` is the type the value was declared with, by which its large integers become strings.
    """
    if kind is not None and (rewrite := _rewriting(kind, _written)) is not None:
        value = rewrite(msgspec.to_builtins(value))
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(escaped(msgspec.to_builtins(value))).decode()


def escaped(value: Any) -> Any:
    """Return plain data with the lone surrogates of its texts written as backslash escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {escaped(key): escaped(each) for key, each in value.items()}
    return [escaped(each) for each in value] if isinstance(value, list | tuple) else value


def with_integers(value: Any, kind: Any) -> Any:
    """Return plain data that is meant for the type ``kind`` with the strings that stand for large integers read."""
    rewrite = _rewriting(kind, _read)
    return value if rewrite is None else rewrite(value)


def is_small(low: float | None, high: float | None) -> bool:
    """Return whether integers within these bounds are numbers in JSON."""
    return low is not None and low >= -SAFE and high is not None and high <= SAFE


def _written(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _read(value: Any) -> Any:
    return int(value) if isinstance(value, str) and len(value) < 25 and re.fullmatch(DIGITS, value) else value


@cache
def _rewriting(kind: Any, leaf: _Rewrite) -> _Rewrite | None:
    """Return what puts plain data of a type through ``leaf`` wherever a large integer may stand; None for nowhere."""
    from msgspec.inspect import type_info

    return _of(type_info(kind), leaf, {})


def _of(info: inspect.Type, leaf: _Rewrite, known: dict[Any, dict[str, _Rewrite]]) -> _Rewrite | None:
    from msgspec import inspect

    match info:
        case inspect.IntType():
            low, high = (info.gt if info.ge is None else info.ge), (info.lt if info.le is None else info.le)
            return None if is_small(low, high) else leaf
        case inspect.Metadata():
            return _of(info.type, leaf, known)
        case inspect.UnionType():
            return _of_union(info.types, leaf, known)
        case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
            return _of_fields(info, leaf, known)
        case inspect.DictType():
            value = _of(info.value_type, leaf, known)
            return None if value is None else lambda found: _each_value(found, value)
        case inspect.TupleType():
            places = [_of(each, leaf, known) or _same for each in info.item_types]
            return None if set(places) <= {_same} else lambda found: _each_place(found, places)
        case inspect.CollectionType():
            item = _of(info.item_type, leaf, known)
            return None if item is None else lambda found: _each_item(found, item)
    return None


def _of_fields(info: Any, leaf: _Rewrite, known: dict[Any, dict[str, _Rewrite]]) -> _Rewrite | None:
    """Return the rule of something that is an object in JSON; one that holds itself goes by the rule that is made."""
    tag = (getattr(info, "tag_field", None), getattr(info, "tag", None))
    if info.cls in known:
        rules = known[info.cls]
        return lambda found: _each_field(found, rules, tag)
    rules = known[info.cls] = {}
    rules |= {field.encode_name: rule for field in info.fields if (rule := _of(field.type, leaf, known)) is not None}
    return (lambda found: _each_field(found, rules, tag)) if rules else None


def _of_union(
    kinds: tuple[inspect.Type, ...], leaf: _Rewrite, known: dict[Any, dict[str, _Rewrite]]
) -> _Rewrite | None:
    from msgspec import inspect

    if leaf is _read and any(isinstance(kind, inspect.StrType) for kind in kinds):
        return None  # where text is welcome, text is what was meant
    rules = [rule for kind in kinds if (rule := _of(kind, leaf, known)) is not None]
    # Each rule looks at what it finds and leaves alone what is none of its business.
    return None if not rules else lambda found: reduce(lambda value, rule: rule(value), rules, found)


def _each_field(found: Any, rules: dict[str, _Rewrite], tag: tuple[str | None, Any]) -> Any:
    if not isinstance(found, Mapping) or (tag[0] is not None and found.get(tag[0], tag[1]) != tag[1]):
        return found
    return {name: rules[name](value) if name in rules else value for name, value in found.items()}


def _each_value(found: Any, rule: _Rewrite) -> Any:
    return {name: rule(value) for name, value in found.items()} if isinstance(found, Mapping) else found


def _each_item(found: Any, rule: _Rewrite) -> Any:
    return [rule(value) for value in found] if isinstance(found, list | tuple) else found


def _each_place(found: Any, rules: list[_Rewrite]) -> Any:
    if not isinstance(found, list | tuple) or len(found) != len(rules):
        return found
    return [rule(value) for rule, value in zip(rules, found, strict=True)]


def _same(value: Any) -> Any:
    return value
