"""Guards: which statements a person must confirm first, by what they do and where."""

from alveary.contracts.guard import DECISIONS, Reviewed, Verdict
from alveary.contracts.target import Target
from alveary.hookspecs import hookimpl


@hookimpl
def alveary_review(statement: Reviewed, profile: Target) -> Verdict:
    """Have confirmed what the profile's levels say, by what the statement does; the strictest level holds."""
    strict = Verdict("allow")
    for effect, what in statement.effects.items():
        level = getattr(profile.confirm, effect, None)
        if level in ("ask", "name") and DECISIONS.index(level) >= DECISIONS.index(strict.decision):
            strict = Verdict(level, what)
    return strict
