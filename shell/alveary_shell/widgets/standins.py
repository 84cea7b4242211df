"""Characters that a text widget can't show as what they are, each with the one character that is drawn in its place.

One for one, so that columns stay what they are. The text itself is never changed.
"""

from __future__ import annotations

import re

# What takes no room at all is shown, too. The joiners U+200C and U+200D stay: scripts and emoji are written with them.
UNDRAWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff9-\ufffb\ud800-\udfff]"
)
WIDE = re.compile("[\U00010000-\U0010ffff]")
UNKNOWN = "\ufffd"


def drawn(text: str) -> str:
    """Return text of the same length that Tk can draw: NUL as ␀, a lone surrogate as �, and so on."""
    if text.isascii() and text.isprintable():
        return text
    return UNDRAWABLE.sub(_stand_in, text)


def drawn_lines(text: str) -> str:
    """Do the same, but leave line ends alone."""
    if text.isascii() and "\n" not in text:
        return drawn(text)
    return UNDRAWABLE.sub(_stand_in, text)


def _stand_in(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else UNKNOWN
