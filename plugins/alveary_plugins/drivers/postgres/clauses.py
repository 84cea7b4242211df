"""Parts of statements that several of PostgreSQL's definitions have in common."""

from __future__ import annotations


def comment_on(what: str, name: str, comment: str | None) -> list[str]:
    """Return the statement that comments on something; none where there is no comment."""
    return [] if comment is None else [f"comment on {what} {name} is {literal(comment)}"]


def literal(text: str) -> str:
    """Return a text as SQL writes it, whatever standard_conforming_strings says."""
    text = text.replace("'", "''")
    # A backslash means something only where standard_conforming_strings is off, and is doubled for both.
    return f"E'{text.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{text}'"
