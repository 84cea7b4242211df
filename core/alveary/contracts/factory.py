"""References of the form ``"module:attr"``, so that a declaration costs no import until somebody uses it."""

from __future__ import annotations

import importlib
from typing import Any


def load_factory(reference: str) -> Any:
    """Import ``"module:attr"`` and return the attribute.

    Raises ValueError when the reference is not of that form, ImportError or AttributeError when nothing stands there.
    """
    module, separator, attribute = reference.partition(":")
    if not (module and separator and attribute):
        raise ValueError(f"a factory is named 'module:attr', not {reference!r}")
    target: Any = importlib.import_module(module)
    for name in attribute.split("."):
        target = getattr(target, name)
    return target
