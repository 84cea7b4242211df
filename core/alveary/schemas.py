"""JSON Schemas derived from types: what is handed in, and what comes out, as :mod:`alveary.wire` writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from alveary.wire import DIGITS, is_small

_HOLDING_SCHEMAS = {"items", "prefixItems", "additionalProperties", "anyOf"}
_OF_NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}


def schemas(given: Sequence[Any], returned: Sequence[Any]) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """Return the schemas of types that are handed in, those of types that come out, and the ``$defs`` they share."""
    into, definitions = msgspec.json.schema_components(given)
    out, more = msgspec.json.schema_components(returned)
    definitions = {name: _integers(each, returned=False) for name, each in definitions.items()}
    more = {name: _integers(each, returned=True) for name, each in more.items()}
    if any(definitions.get(name, each) != each for name, each in more.items()):
        # The same type goes in and comes out, in different forms.
        out, more = msgspec.json.schema_components(returned, ref_template="#/$defs/{name}Result")
        more = {f"{name}Result": _integers(each, returned=True) for name, each in more.items()}
    into_schemas = [_integers(each, returned=False) for each in into]
    return into_schemas, [_integers(each, returned=True) for each in out], definitions | more


def _integers(schema: Any, *, returned: bool) -> Any:
    """Return a schema in which integers that may be large are strings, or in what is handed in, may be."""
    if isinstance(schema, list):
        return [_integers(each, returned=returned) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed = dict(schema)
    for name in _HOLDING_SCHEMAS & schema.keys():
        changed[name] = _integers(schema[name], returned=returned)
    if "properties" in schema:
        changed["properties"] = {
            name: _integers(each, returned=returned) for name, each in schema["properties"].items()
        }
    if schema.get("type") != "integer" or is_small(*_bounds(schema)):
        return changed
    if not returned:
        return changed | {"type": ["integer", "string"], "pattern": DIGITS}
    changed = {name: each for name, each in changed.items() if name not in _OF_NUMBERS}
    if isinstance(changed.get("default"), int):
        changed["default"] = str(changed["default"])
    return changed | {"type": "string", "pattern": DIGITS}


def _bounds(schema: dict[str, Any]) -> tuple[float | None, float | None]:
    low, high = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return schema.get("minimum", low), schema.get("maximum", high)
