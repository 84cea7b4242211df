"""Completion of what DuckDB has besides PostgreSQL's words: files as tables, clauses, statements of its own."""

import re
from collections.abc import Iterator

from alveary import CompletionRequest, Suggestion
from alveary.sqltext import TokenKind, tokens

# What stands before the word at the caret, what may follow it there, and how each is called.
_PLACES = (
    (r"\b(group|order) by\s+", "keyword", ("all",)),
    (r"(from|join|,)\s+", "function", ("read_csv('')", "read_parquet('')", "read_json('')", "glob('')", "range()")),
    (r"select\s+(distinct\s+)?\*\s+", "keyword", ("exclude ()", "replace ()")),
    (r"(^|;)\s*", "keyword", ("from", "summarize", "describe", "pivot", "unpivot", "attach", "install", "load")),
    (r"\b(from|where|having)\b[^;]*\S\s+", "keyword", ("qualify", "using sample", "asof join", "positional join")),
)  # fmt: skip
_HELD = (TokenKind.STRING, TokenKind.COMMENT, TokenKind.QUOTED_IDENTIFIER)


def suggest(request: CompletionRequest) -> Iterator[Suggestion]:
    """Yield what DuckDB knows for the place; nothing within strings, names in quotes and comments."""
    said = request.text[: request.caret]
    if [token.kind for token in tokens(said, request.dialect)][-1:] in [[kind] for kind in _HELD]:
        return
    before = re.sub(r"\w*\Z", "", said)
    typed = said[len(before) :].lower()
    for order, (place, kind, words) in enumerate(_PLACES):
        for word in words if re.search(rf"(?:{place})\Z", before, re.IGNORECASE) else ():
            if word.startswith(typed):
                caret = len(word.rstrip("')")) + word.count("'") // 2 if word.endswith(")") else None
                label, rank = word.partition("(")[0].strip(), 5 if typed else 25 + order
                yield Suggestion(text=word, label=label, kind=kind, detail="DuckDB", rank=rank, start=len(before),
                                 end=len(said), caret=caret)  # fmt: skip
