"""Which words are keywords where they stand, so that their case can be changed and nothing else's.

It errs on one side: what may be a name keeps its case, for a name shows it, as the head of a column if nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence

_RESERVED = """
all alter and any as asc between by case check collate column constraint create cross database default delete desc
distinct drop else end except exists explain foreign from full grant group having in index inner insert intersect into
is join lateral left like limit merge natural not null on or order outer primary procedure recursive references
returning revoke right select set straight_join table then to trigger union unique update using values view when where
window with
"""
RESERVED = frozenset(_RESERVED.split())
"""Words that name nothing without quotes, in any dialect that knows them."""

#: Words that may be names, and are keywords next to one of these: before it, behind it.
_NEXT_TO: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    word: (frozenset(before.split()), frozenset(behind.split()))
    for word, before, behind in (
        ("after", "", "insert update delete"),
        ("add", "", "column constraint primary foreign unique index check"),
        ("always", "generated", ""),
        ("analyze", "explain", ""),
        ("before", "", "insert update delete"),
        ("begin", "", "transaction work atomic"),
        ("cascade", "delete update drop on", ""),
        ("concurrently", "index view", ""),
        ("conflict", "on", ""),
        ("current", "and between rows range groups", "row"),
        ("delete", "", "from"),
        ("do", "", "update nothing instead also"),
        ("duplicate", "on", "key"),
        ("each", "for", "row statement"),
        ("execute", "", "function procedure"),
        ("fetch", "", "first next"),
        ("filter", "", "("),
        ("first", "nulls fetch", ""),
        ("following", "unbounded", ""),
        ("for", "", "each update share no key values"),
        ("function", "create replace drop alter", ""),
        ("generated", "", "always by"),
        ("identity", "as", ""),
        ("ilike", "not", "'"),
        ("if", "table view index schema column", "exists not"),
        ("instead", "do", "of"),
        ("interval", "", "'"),
        ("key", "primary foreign duplicate", "update share"),
        ("last", "nulls", ""),
        ("matched", "when not", "then and"),
        ("materialized", "as not create refresh drop", "view"),
        ("next", "fetch", ""),
        ("nothing", "do", ""),
        ("nulls", "", "first last"),
        ("offset", "", "0"),
        ("only", "row rows from", ""),
        ("over", ")", "("),
        ("partition", "(", "by"),
        ("preceding", "unbounded", ""),
        ("range", "", "between unbounded"),
        ("replace", "or", "into view function procedure trigger"),
        ("row", "current each", ""),
        ("rows", "first next", "between unbounded only"),
        ("schema", "create drop alter", ""),
        ("share", "for", ""),
        ("temp", "create", "table view"),
        ("temporary", "create", "table view"),
        ("ties", "with", ""),
        ("truncate", "", "table"),
        ("within", ")", "group"),
        ("unbounded", "between and rows range groups", "preceding following"),
    )
}
_HEADS = frozenset({
    "abort", "analyze", "attach", "begin", "call", "comment", "commit", "copy", "deallocate", "declare",
    "describe", "detach", "do", "end", "execute", "fetch", "insert", "kill", "listen", "load", "lock", "notify",
    "optimize", "pragma", "prepare", "reindex", "release", "rename", "repair", "replace", "reset", "rollback",
    "savepoint", "show", "start", "truncate", "unlisten", "use", "vacuum",
})  # fmt: skip
"""Words that may be names, but not as the first one of a statement."""
KEYWORDS = RESERVED | _HEADS | _NEXT_TO.keys()
"""Words of which the case may be changed, where they are keywords."""

APART = frozenset({
    "in", "and", "or", "not", "on", "where", "as", "from", "when", "then", "else", "case", "select", "by",
    "having", "union", "intersect", "except", "all", "join", "over", "using", "is", "like", "between", "limit",
    "returning", "filter", "distinct",
})  # fmt: skip
"""Words that never name a function, so that it means nothing whether a parenthesis is next to them."""


def keyword_places(words: Sequence[str]) -> list[int]:
    """Return which of some tokens are keywords, given in lower case; "" is what can't be one.

    Only words may be keywords, but a parenthesis, a quote or a digit tells something about the word next to it.
    """
    return [at for at, word in enumerate(words) if word in KEYWORDS and _is_keyword(words, at)]


def _is_keyword(words: Sequence[str], at: int) -> bool:
    word = words[at]
    if word in RESERVED:
        # A type or a function of that name is one, too, but what is called so by AS is a name.
        return at == 0 or words[at - 1] != "as" or word in ("select", "with", "values", "not")
    if at == 0 and word in _HEADS:
        return True
    before, behind = _NEXT_TO.get(word, (frozenset(), frozenset()))
    return (at > 0 and words[at - 1] in before) or (at + 1 < len(words) and words[at + 1] in behind)
