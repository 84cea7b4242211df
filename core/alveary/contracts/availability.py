"""Whether the library a plugin needs is installed, found out without importing it."""

from __future__ import annotations

import importlib.util


def installed(package: str | None) -> bool:
    """Return whether a package can be found; None needs nothing. Of a dotted name only the parents are imported."""
    try:
        return package is None or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # the parent of a dotted name is missing, or stands there half imported
        return False
