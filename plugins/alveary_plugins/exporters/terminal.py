"""What keeps text that came from a server from driving the terminal of the person who reads it."""

from __future__ import annotations

import re

# Controls (C0, DEL, C1), the marks that turn the direction of writing, the line and paragraph separators, and
# surrogates: a lone one stands for a byte that is no UTF-8, and such a byte can begin a control sequence.
_CHARACTERS = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_ALL = re.compile(f"[{_CHARACTERS}]")
UNSAFE = re.compile(f"(?![\t\n])[{_CHARACTERS}]")
"""Finds what could act on a terminal, but for tabs and line feeds."""
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def escape(text: str) -> str:
    """Return ``text`` with all that could act on a terminal spelled out, as ``\\x1b`` or ``\\u202e``."""
    # Nothing unsafe is printable in Unicode's sense, so most text needs only this look.
    return text if text.isprintable() else _ALL.sub(_spelled, text)


def escape_except_layout(text: str) -> str:
    """Do the same, but leave tabs and line feeds alone."""
    return text if text.isprintable() else UNSAFE.sub(_spelled, text)


def escape_json(text: str) -> str:
    """Return JSON with unsafe characters as JSON's own escapes, which changes no value.

    A line feed stays: it can't stand inside a string, so there it is only layout.
    """
    return text if text.isprintable() else UNSAFE.sub(_spelled_for_json, text)


def _spelled(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def _spelled_for_json(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
