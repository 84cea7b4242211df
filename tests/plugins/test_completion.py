"""Completion, case by case: a text with the caret in it, and what is suggested first there."""

from __future__ import annotations

import pytest
from completion_cases import Case, Catalog, cases, catalog
from hypothesis import given
from hypothesis import strategies as st

from alveary.contracts.catalog import Relation
from alveary.contracts.completion import CompletionRequest, Suggestion
from alveary.sqltext import MYSQL, POSTGRES, SQLITE, TokenKind, tokens
from alveary_plugins.completion import alveary_complete

DIALECTS = {each.name: each for each in (POSTGRES, MYSQL, SQLITE)}


def suggested(dialect: str, text: str, caret: int, limit: int = 100) -> list[Suggestion]:
    return alveary_complete(
        CompletionRequest(
            text=text, caret=caret, dialect=DIALECTS[dialect], catalog=catalog(dialect), limit=limit, driver=dialect
        )
    )


@pytest.mark.parametrize(
    ("dialect", "case"),
    [(dialect, case) for dialect in DIALECTS for case in cases(dialect)],
    ids=str,
)
def test_at_the_caret_stands_first_what_is_meant(dialect: str, case: Case) -> None:
    texts = [each.text for each in suggested(dialect, case.text, case.caret)]
    assert tuple(texts[: len(case.first)]) == case.first
    assert set(case.has) <= set(texts[:20])
    assert not set(case.lacks) & set(texts)
    if case.nothing:
        assert texts == []


PIECES = (
    "select", "from", "where", "join", "on", "using", "(", ")", ",", ".", "*", "=", ";", "\n", "customer", "orders o",
    "c", "o.", "as", "with", "recursive", "insert into", "values", "update", "set", "delete", "merge", "when",
    "then", "case", "end", "union", "group by", "order by", "returning", "conflict", "do", "create table", "alter",
    "'", '"', "`", "[", "]", "--", "/*", "*/", "#", "$$", "$x$", "begin", "create function f() as", "::", ":name",
    "?", "@v", "1", "1.", "e'", "u&\"", "\\", "\0", "é", "\ud800", "😀", "lateral", "over", "filter", "references",
    "/*!", "delimiter //",
)  # fmt: skip
sql = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=14).map(" ".join)
dialects = st.sampled_from(list(DIALECTS))


@given(text=sql | st.lists(st.sampled_from(PIECES), max_size=20).map("".join), data=st.data(), dialect=dialects)
def test_any_text_and_any_caret_are_answered_with_what_encloses_the_caret(
    text: str, data: st.DataObject, dialect: str
) -> None:
    caret = data.draw(st.integers(0, len(text)))
    for each in suggested(dialect, text, caret):
        assert 0 <= each.start <= caret <= each.end <= len(text)
        assert each.caret is None or 0 <= each.caret <= len(each.text)


@given(text=sql, data=st.data(), dialect=dialects)
def test_what_is_inserted_changes_no_other_token(text: str, data: st.DataObject, dialect: str) -> None:
    caret = data.draw(st.integers(0, len(text)))
    for each in suggested(dialect, text, caret, limit=60):
        before, behind = text[: each.start], text[each.end :]
        expected = [*words(before, dialect), *words(each.text, dialect), *words(text, dialect, each.end, behind)]
        assert words(before + each.text + behind, dialect) == expected, each


def words(text: str, dialect: str, begin: int = 0, rest: str | None = None) -> list[str]:
    """Return the tokens of a text, or those from a place on; as they read on their own if the place is within one."""
    found = [token for token in tokens(text, DIALECTS[dialect]) if token.kind is not TokenKind.WHITESPACE]
    if any(token.start < begin < token.end for token in found):
        return words(rest or "", dialect)
    return [text[token.start : token.end] for token in found if token.start >= begin]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_case_answered_leaves_the_other_tokens_as_they_are(dialect: str) -> None:
    for case in cases(dialect):
        if "$$" in case.text or "$body$" in case.text:
            continue  # to the lexer a body is one token
        for each in suggested(dialect, case.text, case.caret, limit=20):
            before, behind = case.text[: each.start], case.text[each.end :]
            expected = [
                *words(before, dialect),
                *words(each.text, dialect),
                *words(case.text, dialect, each.end, behind),
            ]
            assert words(before + each.text + behind, dialect) == expected, (case, each)


def test_names_are_found_without_their_accents() -> None:
    known = Catalog(schemas=["public"])
    for name in ("über_uns", "naïve"):
        known.add(Relation(schema="public", name=name, kind="table"), [])
    for typed, name in (("uber", '"über_uns"'), ("NAI", '"naïve"'), ("nïv", '"naïve"')):
        text = f"select * from {typed}"
        found = alveary_complete(CompletionRequest(text=text, caret=len(text), dialect=POSTGRES, catalog=known))
        assert found[0].text == name
