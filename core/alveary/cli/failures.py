"""How an error looks on standard error: code, message, detail, a caret under the position, hint; or JSON."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from alveary.errors import ErrorRecord
from alveary.redaction import redacted
from alveary.tables import visible, visible_json
from alveary.wire import json_text

_WIDTH = 100
"""Characters of the statement's line that are shown around the caret."""


def failure_text(error: ErrorRecord, *, as_json: bool = False, blotted: Callable[[str], str] = redacted) -> str:
    """Return the text that tells a person of an error, or one line of JSON; it ends in a newline.

    ``blotted`` takes the passwords out of a text.
    """
    # Whatever repeats an argument may repeat a URL, password and all. A position leads nowhere in a blotted statement.
    statement = error.statement and blotted(error.statement)
    error = msgspec.structs.replace(
        error,
        statement=statement,
        position=error.position if statement == error.statement else None,
        message=blotted(error.message),
        detail=error.detail and blotted(error.detail),
        hint=error.hint and blotted(error.hint),
    )
    if as_json:
        return visible_json(json_text(error)) + "\n"
    code = error.code if error.server_code is None else f"{error.code} ({error.server_code})"
    lines = [f"error {code}: {visible(error.message)}"]
    if error.detail:
        lines.append(f"  detail: {visible(error.detail)}")
    lines += _excerpt(error)
    if error.hint:
        lines.append(f"  hint: {visible(error.hint)}")
    return "\n".join(lines) + "\n"


def _excerpt(error: ErrorRecord) -> list[str]:
    if error.statement is None:
        return []
    if error.position is None or not 0 < error.position <= len(error.statement) + 1:
        opening = error.statement.partition("\n")[0][:_WIDTH]
        return [] if error.line is None else [f"  line {error.line}: {visible(opening)}"]
    before = error.statement[: error.position - 1]
    start = before.rfind("\n") + 1
    end = error.statement.find("\n", start)
    line = error.statement[start : len(error.statement) if end < 0 else end]
    column = len(before) - start
    # A long line is shown from shortly before the position on.
    first = max(0, column - _WIDTH // 2)
    shown, left = line[first : first + _WIDTH], line[first:column]
    label = f"  line {(error.line or 1) + before.count(chr(10))}: "
    return [label + visible(shown), " " * (len(label) + len(visible(left))) + "^"]
