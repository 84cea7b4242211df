"""Paths into a catalog, as people write them: names separated by dots, quoted where a name holds a dot.

Quotes are ``"`` or, as MySQL has them, `````. A dot within the parentheses of a routine's arguments separates nothing.
"""

from __future__ import annotations

import re

from alveary.errors import InvalidInputError

_NAME = re.compile(
    r'(?P<quote>["`])(?P<quoted>(?:(?!(?P=quote)).|(?P=quote){2})*)(?P=quote)'
    r"|(?P<plain>[^\"`.](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|[^.])*)",
    re.DOTALL,
)


def parse_path(path: str) -> list[str]:
    """Return the names of a path such as ``main.album`` or ``"a.b".c``, at least one.

    Raises InvalidInputError when a name is empty or a quote is not closed.
    """
    names: list[str] = []
    position = 0
    while True:
        match = _NAME.match(path, position)
        if match is None or path[match.end() : match.end() + 1] not in ("", "."):
            raise InvalidInputError(
                f"{path!r} is no path of names", hint='write schema.table, and "quotes" around a name with a dot'
            )
        quote = match["quote"]
        names.append(match["plain"] if quote is None else match["quoted"].replace(quote * 2, quote))
        if match.end() == len(path):
            return names
        position = match.end() + 1
