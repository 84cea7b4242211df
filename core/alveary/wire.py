"""JSON as it leaves Alveary: always valid, also where a name or a path is not valid Unicode."""

from __future__ import annotations

from typing import Any

import msgspec


def json_text(value: Any) -> str:
    """Return one line of JSON; bad bytes in text (lone surrogates) are written as backslash escapes."""
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
