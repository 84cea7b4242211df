"""What the built-in drivers prove beside the suite that is shipped: any text at all stays a value."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alveary.contracts.driver import Connection
from alveary.testing.conformance.values import Values

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200) | st.text(
    "'\\\"`%;:?$#-/*{}\x1a\té縗😀\u00bf\u2028 \n", max_size=200
)
# Every example sees the same table and every class the same examples, which is what is wanted.
SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]


class AnyText(Values):
    """For a subclass of the suite."""

    @settings(derandomize=True, deadline=None, suppress_health_check=SUPPRESSED)
    @given(text=TEXTS)
    def test_hypothesis_finds_no_text_that_does_not_stay_a_value(self, bee: Connection, text: str) -> None:
        assert self.stored(bee, text) == text
