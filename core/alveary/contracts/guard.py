"""The guard contract: what may be asked of a statement before it is sent, and what a guard can answer."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from alveary.sqltext import Effect

Decision: TypeAlias = Literal["allow", "ask", "name", "deny"]
"""Let it through; have a person confirm it; have them type the connection's name; refuse it."""
DECISIONS: tuple[Decision, ...] = ("allow", "ask", "name", "deny")
"""From the mildest to the strictest."""


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """A statement before it is sent. ``effects`` are what it does beside reading, and in words what has each effect.

    ``dialect`` is the name of the family its SQL belongs to.
    """

    sql: str
    effects: dict[Effect, str]
    dialect: str


class Verdict(msgspec.Struct, frozen=True):
    """What a guard says of a statement; ``reason`` is part of a sentence, such as "DELETE without WHERE"."""

    decision: Decision
    reason: str = ""
