"""Explaining: a plan is told without running anything, and what is run to be measured leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from alveary.contracts.driver import Connection
from alveary.contracts.plan import Plan
from alveary.contracts.specs import DriverSpec
from alveary.errors import UnsupportedError
from alveary.events import SessionState
from alveary.policy import Consent
from alveary.testing.conformance.base import Conformance, OpenSession, completed
from alveary.wire import json_text

if TYPE_CHECKING:
    from alveary.kernel import Kernel
    from alveary.sessions import Session


class Explaining(Conformance):
    """Of a driver that some plugin explains; of any other it is refused."""

    def test_a_plan_is_told_and_nothing_is_run(
        self, bee: Connection, alveary_kernel: Kernel, spec: DriverSpec, open_session: OpenSession
    ) -> None:
        bee.close()
        session = open_session()
        if alveary_kernel.plugins.explainers.find(f"driver {spec.id}") is None:
            with pytest.raises(UnsupportedError):
                explained(alveary_kernel, session, "delete from bee")
            return
        plan = explained(alveary_kernel, session, "delete from bee where k = 1")
        assert plan.statement == "delete from bee where k = 1"
        assert plan.root.title, "a step is called something"
        assert plan.raw, "the engine's own answer stays with it"
        assert not plan.analyzed
        assert msgspec.json.decode(json_text(plan, Plan), type=Plan) == plan
        assert completed(session, "select count(*) from bee") == [(3,)]

    def test_what_is_measured_is_undone(
        self, bee: Connection, alveary_kernel: Kernel, spec: DriverSpec, open_session: OpenSession
    ) -> None:
        bee.close()
        session = open_session()
        explainer = alveary_kernel.plugins.explainers.find(f"driver {spec.id}")
        if explainer is None or not explainer.measures:
            with pytest.raises(UnsupportedError):
                explained(alveary_kernel, session, "delete from bee", analyze=True)
            return
        plan = explained(alveary_kernel, session, "delete from bee where k < 3", analyze=True)
        assert (plan.analyzed, plan.undone) == (True, True)
        assert session.state is SessionState.IDLE
        session.begin()
        completed(session, "insert into bee values (4, 'four')")
        try:
            explained(alveary_kernel, session, "delete from bee where k > 1", analyze=True)
        except UnsupportedError:  # an engine without savepoints
            assert len(completed(session, "select k from bee")) == 4, "the transaction goes on"
        session.commit()
        assert completed(session, "select k from bee order by k") == [(1,), (2,), (3,), (4,)]


def explained(kernel: Kernel, session: Session, sql: str, *, analyze: bool = False) -> Plan:
    """Return the plan of a statement; what would have to be confirmed is."""
    from alveary.explaining import cleared, explain, explainer_of, wanted

    spec = explainer_of(kernel, session.driver, analyze=analyze)
    want = wanted(sql, session.driver.dialect, analyze=analyze)
    clearance = cleared(kernel.policy, want, session.target, session.driver, consent=Consent(yes=True))
    return explain(session, spec, want, settings=kernel.settings, clearance=clearance)
