"""A table like another one, made of what SHOW CREATE TABLE tells: one line for each column, key and constraint."""

from __future__ import annotations

import re
from collections.abc import Sequence

from alveary.contracts.catalog import Trait, Twin

_NAMED = re.compile(
    r"CONSTRAINT (?P<name>`(?:[^`]|``)*`) (?P<rest>(?P<kind>FOREIGN KEY|CHECK) .*)", re.DOTALL
).fullmatch
_KEY = re.compile(r"(?P<kind>(?:UNIQUE |FULLTEXT |SPATIAL )?KEY) (?P<name>`(?:[^`]|``)*`).*", re.DOTALL).fullmatch
_COLUMN = re.compile(r"(?P<name>`(?:[^`]|``)*`) (?P<rest>.*)", re.DOTALL).fullmatch
_LINE = re.compile(r"(?:`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*'|[^`'\n])+", re.DOTALL)
"""A line of what is shown; one that a name or a text holds ends none."""
_WITHIN = {
    "default": re.compile(r" DEFAULT (?!NULL\b)").search,
    "numbering": re.compile(r" AUTO_INCREMENT\b").search,
    "comment": re.compile(r" COMMENT '").search,
    "check": re.compile(r" CHECK \(").search,
}
_TEXT = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)
_OPTION = re.compile(
    rf" (?P<name>DEFAULT CHARSET|[A-Z_]+) ?= ?(?P<value>{_TEXT.pattern}|[^\s'`]+)|{_TEXT.pattern}|`(?:[^`]|``)*`",
    re.DOTALL,
)
"""An option of a table; or a text or a name elsewhere, which may look like one."""
_KEPT = ("AUTO_INCREMENT", "DEFAULT CHARSET", "COLLATE", "COMMENT")
_UNDO = ("InnoDB", "ROCKSDB", "TokuDB", "ndbcluster")
"""Engines that keep rows themselves and can take them back, as a copy must."""
_HERE = ("MyISAM", "Aria", "MEMORY")
"""Those that keep them, but can't take them back."""


def of_table(shown: str, at: str, beside: Sequence[Trait], *, keeps_names: bool) -> Twin | None:
    """Return the twin of a table that SHOW CREATE tells so; ``at`` is the quoted path it gets.

    ``beside`` is what else it has, which no statement here makes. Foreign keys come when the rows are there, for
    what they lead to may not be. ``keeps_names`` says whether they and checks keep their names, each of which a
    database has once.
    """
    head, *lines = _LINE.findall(shown)
    if not head.startswith("CREATE TABLE ") or not lines:
        return None  # a view
    ends = next((place for place, line in enumerate(lines) if line.startswith(")")), len(lines))
    kept, within, after = [], list[Trait](), list[tuple[Trait, str]]()
    for line in lines[:ends]:
        item = line.strip().removesuffix(",")
        if (named := _NAMED(item)) is not None:
            trait = Trait(kind=named["kind"].lower(), name=_plain(named["name"]))
            made = f"constraint {named['name']} {named['rest']}" if keeps_names else named["rest"]
            if trait.kind == "foreign key":
                after.append((trait, f"alter table {at} add {made}"))
                continue
            item = made
            within.append(trait)
        elif (key := _KEY(item)) is not None:
            within.append(
                Trait(kind="unique" if key["kind"].startswith("UNIQUE") else "index", name=_plain(key["name"]))
            )
        elif (column := _COLUMN(item)) is not None:
            rest = _TEXT.sub("''", column["rest"])
            within += [
                Trait(kind=f"{kind} of", name=_plain(column["name"])) for kind, has in _WITHIN.items() if has(rest)
            ]
        kept.append("  " + item)
    tail, left = _options("\n".join(lines[ends:]))
    if any(option["name"] == "COMMENT" for option in _OPTION.finditer(tail.partition("\n")[0])):
        within.append(Trait(kind="comment"))
    return Twin(
        create=f"create table {at} (\n" + ",\n".join(kept) + f"\n{tail}",
        after=tuple(after),
        within=tuple(within),
        left=(*beside, *left),
    )


def _options(tail: str) -> tuple[str, list[Trait]]:
    """Return the end of the statement as a twin has it, and what it has not.

    Where the rows are kept by another server, or in a file, a twin would write there, and what leads there may hold a
    password.
    """
    options = {option["name"]: option["value"] for option in reversed([*_OPTION.finditer(tail)])}
    engine = options.get("ENGINE", "")
    left = [Trait(kind="connection")] if "CONNECTION" in options else []
    if engine in _UNDO:
        return _OPTION.sub(lambda option: "" if option["name"] == "CONNECTION" else option[0], tail), left
    kept = [name for name in _KEPT if name in options and (name != "COMMENT" or engine in _HERE)]
    if "COMMENT" in options and "COMMENT" not in kept:
        left.append(Trait(kind="comment"))
    return ")" + "".join(f" {name}={options[name]}" for name in kept), [Trait(kind="engine", name=engine), *left]


def parts_of(shown: str, table: str, name: str) -> list[str]:
    """Return what adds the keys and constraints of a name to the table that SHOW CREATE tells so."""
    items = [line.strip().removesuffix(",") for line in _LINE.findall(shown)[1:]]
    found = [(item, _NAMED(item) or _KEY(item)) for item in items]
    return [f"alter table {table} add {item}" for item, read in found if read and _plain(read["name"]) == name]


def _plain(name: str) -> str:
    return name[1:-1].replace("``", "`")
